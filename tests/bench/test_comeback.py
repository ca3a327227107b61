"""The comeback against a small server with an SQLite file, and what one client reads who comes back, line by line.

Real sockets on the loopback interface, and the comeback's own process.
"""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from chatsrv import ChatServer, Hub, MemoryBackend, PlainSession
from chatsrv.roomlog.sqlite.store import SqliteStore

from .counting import Count, Script
from .plan import Plan
from .returning import Returning
from .runs import run

SESSIONS, CUT_OFF, MISSED = 4, 5, 10
DEADLINE_SECONDS = 20.0
FIRST, LAST = 3, 9
SCRIPT = Script(1, 40)


@contextmanager
def serving(path: Path) -> Iterator[int]:
    users = {f"u{number}": f"p{number}" for number in range(SESSIONS + CUT_OFF)}
    with (
        closing(SqliteStore(path)) as store,
        ChatServer(("127.0.0.1", 0), PlainSession, auth=MemoryBackend(users), hub=Hub(store)) as server,
    ):
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join(DEADLINE_SECONDS)


def test_everybody_who_comes_back_is_told_all_and_nobody_misses_or_doubles_anything(tmp_path: Path) -> None:
    with serving(tmp_path / "history.db") as port:
        result = run(
            Plan(
                kind="comeback",
                port=port,
                sessions=SESSIONS,
                authors=1,
                rate=5.0,
                sampled_every=1,
                storm=CUT_OFF,
                missed=MISSED,
                warmup_seconds=0.0,
                seconds=0.3,
                limit_seconds=DEADLINE_SECONDS,
            )
        )
    assert result.not_level == 0
    assert result.told >= MISSED
    assert result.count == Count(received=result.count.received)
    assert result.count.received >= (SESSIONS - 1 + CUT_OFF) * MISSED
    assert result.quiet_p99_ms > 0


def read_by(lines: list[bytes], said: int = LAST) -> Returning:
    """Give what one makes of it who missed the messages from FIRST on, in pieces of 7 bytes."""
    sent = [said]
    reader = Returning(SCRIPT, sent, FIRST)
    data = b"".join(line + b"\n" for line in [b" Here now: u0. Type /help for commands.", *lines])
    for start in range(0, len(data), 7):
        reader.take(data[start : start + 7])
    return reader


def missed(*numbers: int) -> list[bytes]:
    return [b"[12:34] " + SCRIPT.heard(0, number) for number in numbers]


def live(*numbers: int) -> list[bytes]:
    return [SCRIPT.heard(0, number) for number in numbers]


def away(lines: int) -> bytes:
    return b"While you were away (%d):" % lines


NEWS = b"* u8 joined, u7 left meanwhile"
RIGHT = [away(3), NEWS, *missed(3, 4), *missed(5), Returning.closing, *live(6, 7, 8)]


def test_missed_and_live_messages_are_one_sequence() -> None:
    reader = read_by(RIGHT)
    assert reader.is_told_all
    assert (reader.told, reader.next) == (3, LAST)
    assert reader.tally.count(None) == Count(received=LAST)


def test_messages_that_the_server_says_it_left_out_are_not_lost_but_not_told_either() -> None:
    note = b"(3 older lines are left out here; /history shows them)"
    reader = read_by([away(1), note, NEWS, *missed(5), Returning.closing, *live(6, 7, 8)])
    assert (reader.left_out, reader.is_told_all) == (2, False)
    assert reader.tally.count(None) == Count(received=LAST)


@pytest.mark.parametrize(
    ("lines", "wrong"),
    [
        ([away(2), *missed(3, 4), Returning.closing, *live(6, 7, 8)], Count(received=-1, lost=1)),
        ([away(3), *missed(3, 4, 5), Returning.closing, *live(5, 6, 7, 8)], Count(doubled=1)),
        ([away(4), *missed(2, 3, 4, 5), Returning.closing, *live(6, 7, 8)], Count(doubled=1)),
        ([away(3), *missed(3, 5, 4), Returning.closing, *live(6, 7, 8)], Count(reordered=1)),
        ([away(3), *missed(3, 4), *live(5), Returning.closing, *live(6, 7, 8)], Count(received=-1, lost=1, damaged=1)),
    ],
)
def test_each_fault_around_the_closing_line_is_counted(lines: list[bytes], wrong: Count) -> None:
    assert read_by(lines).tally.count(None) == Count(received=LAST) + wrong


@pytest.mark.parametrize(
    "lines",
    [
        [away(4), *missed(3, 4, 5), Returning.closing, *live(6, 7, 8)],
        [away(3), *missed(3, 4, 5), *live(6, 7, 8)],
        live(3, 4, 5, 6, 7, 8),
    ],
    ids=["a wrong number", "no closing line", "no heading"],
)
def test_who_is_not_told_as_the_heading_says_is_not_told_all(lines: list[bytes]) -> None:
    assert not read_by(lines).is_told_all
