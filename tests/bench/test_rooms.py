"""Talk in many rooms, being in many of them, and joining one, against a small server; and what one reads who joins.

Real sockets on the loopback interface, and the process of those who join.
"""

import os
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import BinaryIO

import pytest

from chatsrv import Account, ChatServer, Hub, Limits, MemoryBackend, PlainSession
from chatsrv.model.roomrules import DeclaredRoom, RoomRules

from .counting import Count, Script
from .plan import Plan
from .returning import Arriving
from .runs import run

ROOMS, SIZE, MESSAGES = 3, 4, 20
DEADLINE_SECONDS = 20.0
EXACT = Count(received=ROOMS * (SIZE - 1) * MESSAGES * (SIZE - 1))
SCRIPT = Script(1, 40)
TALK = Plan(
    kind="rooms",
    sessions=ROOMS * SIZE,
    authors=SIZE - 1,
    rooms=ROOMS,
    messages=MESSAGES,
    settle_seconds=0.1,
    warmup_seconds=0.0,
    seconds=DEADLINE_SECONDS,
    limit_seconds=DEADLINE_SECONDS,
)


@contextmanager
def serving(rooms: int, sessions: int, members: int = 0) -> Iterator[int]:
    users = {f"u{number}": f"p{number}" for number in range(sessions)}
    declared = tuple(DeclaredRoom(name=f"r{number}") for number in range(rooms))
    hub = Hub(rules=RoomRules(declared=declared, quiet_above=SIZE))
    for number in range(members):
        hub.room("r0").enter(Account(f"m{number}"), number)
    limits = Limits(messages_per_second=0.0)
    with ChatServer(("127.0.0.1", 0), PlainSession, auth=MemoryBackend(users), hub=hub, limits=limits) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join(DEADLINE_SECONDS)


def planned(**changes: object) -> Plan:
    return Plan.from_json(Plan(**{**vars(TALK), **changes}).as_json())  # type: ignore[arg-type]


def test_everybody_in_every_room_gets_what_the_others_there_say() -> None:
    with serving(ROOMS, ROOMS * SIZE) as port:
        result = run(planned(port=port))
    assert (result.count, result.by_line, result.stalls) == (EXACT, 0, 0)


def test_rooms_that_are_not_of_the_same_size_are_refused() -> None:
    with pytest.raises(ValueError, match="12 sessions in 5 rooms"):
        run(planned(rooms=5))


def test_sessions_can_be_in_many_rooms_and_idle() -> None:
    with serving(ROOMS, SIZE) as port:
        result = run(
            planned(kind="idle", port=port, pid=os.getpid(), sessions=SIZE, authors=0, rooms_each=ROOMS, seconds=0.1)
        )
    assert result.hung_up == 0


def test_everybody_is_in_as_many_rooms_and_speaks_with_his_neighbours_in_the_last() -> None:
    plan = planned(rooms_each=2)
    assert [plan.rooms_of(number) for number in (0, 3, 4, 11)] == [
        ["r1", "r0"],
        ["r1", "r0"],
        ["r2", "r1"],
        ["r0", "r2"],
    ]
    assert planned(rooms=0).rooms_of(0) == []


# ---------------------------------------------------------------------------- servers that mix rooms up


class MixingServer:
    """Answers logins and joins as ours does, listens to all authors, and tells each reader what `fault` makes of it."""

    def __init__(self, fault: Callable[[int, list[bytes]], list[bytes]]) -> None:
        self._fault = fault
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(DEADLINE_SECONDS)
        self.port: int = self._listener.getsockname()[1]

    def serve(self) -> None:
        with self._listener:
            sessions = dict(self._log_in() for _ in range(ROOMS * SIZE))
        said = {
            number: [lines.readline() for _ in range(MESSAGES)]
            for number, (_sock, lines) in sessions.items()
            if number % SIZE < SIZE - 1
        }
        for reader, (sock, lines) in sessions.items():
            first = reader - reader % SIZE
            others = [author for author in range(first, first + SIZE - 1) if author != reader]
            heard = [b"<u%d> %s" % (author, said[author][at]) for at in range(MESSAGES) for author in others]
            sock.sendall(b"".join(self._fault(reader, heard)))
            lines.close()
            sock.close()

    def _log_in(self) -> tuple[int, tuple[socket.socket, BinaryIO]]:
        sock, _address = self._listener.accept()
        sock.settimeout(DEADLINE_SECONDS)
        lines = sock.makefile("rb")
        sock.sendall(b"Username: ")
        name = lines.readline().strip()
        sock.sendall(b"Password: ")
        lines.readline()
        sock.sendall(b"Welcome, %s! Nobody else is here.\n" % name)
        assert lines.readline() == b"/join r%d\n" % (int(name[1:]) // SIZE)
        assert lines.readline() == b"/part lobby\n"
        sock.sendall(b"You left lobby. You speak in some room now.\n")
        return int(name[1:]), (sock, lines)


def right(reader: int, lines: list[bytes]) -> list[bytes]:
    return lines


def loses_two_of_one_author(reader: int, lines: list[bytes]) -> list[bytes]:
    return lines[:5] + lines[7:] if reader == SIZE else lines


def marks_three_of_one_listener(reader: int, lines: list[bytes]) -> list[bytes]:
    return [b"[r1] " + line if at < 3 else line for at, line in enumerate(lines)] if reader == 2 * SIZE - 1 else lines


def tells_one_listener_of_another_room(reader: int, lines: list[bytes]) -> list[bytes]:
    return [*lines, lines[0].replace(b"<u0>", b"<u4>").replace(b"0000", b"0004", 1)] if reader == SIZE - 1 else lines


@pytest.mark.parametrize(
    ("fault", "wrong"),
    [
        (right, Count()),
        (loses_two_of_one_author, Count(received=-2, lost=2)),
        (marks_three_of_one_listener, Count(received=-3, lost=3, damaged=3)),
        (tells_one_listener_of_another_room, Count(damaged=1)),
    ],
)
def test_report_gives_exactly_what_the_server_did_wrong_in_each_room(
    fault: Callable[[int, list[bytes]], list[bytes]], wrong: Count
) -> None:
    server = MixingServer(fault)
    thread = threading.Thread(target=server.serve)
    thread.start()
    result = run(planned(port=server.port, window=MESSAGES, settle_seconds=0.0))
    thread.join(DEADLINE_SECONDS)
    assert not thread.is_alive()
    assert result.count == EXACT + wrong


# ---------------------------------------------------------------------------- joining


@pytest.mark.parametrize("storm_rate", [0.0, 50.0])
def test_everybody_who_joins_is_told_the_last_lines_and_misses_nothing_from_there_on(storm_rate: float) -> None:
    newcomers = 5
    with serving(1, SIZE + newcomers, members=20) as port:
        result = run(
            planned(
                kind="joining",
                port=port,
                sessions=SIZE,
                authors=1,
                rooms=1,
                members=20,
                messages=0,
                rate=50.0,
                sampled_every=1,
                storm=newcomers,
                storm_rate=storm_rate,
                warmup_seconds=0.3,
                seconds=0.3,
            )
        )
    assert result.not_level == 0
    assert result.told == 10
    assert result.count == Count(received=result.count.received)
    assert result.count.received > (SIZE - 1) * 30 + newcomers * 10
    assert result.quiet_p99_ms > 0


def read_by(lines: Sequence[bytes], said: int = 9) -> Arriving:
    """Give what one makes of it who joins, in pieces of 7 bytes."""
    reader = Arriving(SCRIPT, [said])
    data = b"".join(line + b"\n" for line in [b"You are in r0 now.", b"Here now: u0 and 9 more.", *lines])
    for start in range(0, len(data), 7):
        reader.take(data[start : start + 7])
    return reader


def last(*numbers: int) -> list[bytes]:
    head = b"The last line:" if len(numbers) == 1 else b"The last %d lines:" % len(numbers)
    return [head, *[b"[12:34] " + SCRIPT.heard(0, number) for number in numbers], Arriving.closing]


def live(*numbers: int) -> list[bytes]:
    return [SCRIPT.heard(0, number) for number in numbers]


@pytest.mark.parametrize("told", [(5,), (3, 4, 5), (0, 1, 2, 3, 4, 5)])
def test_last_lines_and_live_ones_are_one_sequence(told: tuple[int, ...]) -> None:
    reader = read_by([*last(*told), *live(6, 7, 8)])
    assert reader.is_told_all
    assert (reader.told, reader.left_out) == (len(told), told[0])
    assert reader.tally.count(None) == Count(received=9)


@pytest.mark.parametrize(
    ("lines", "wrong"),
    [
        ([*last(4, 5), *live(7, 8)], Count(received=-1, lost=1)),
        ([*last(4, 5), *live(5, 6, 7, 8)], Count(doubled=1)),
        ([*last(5, 4), *live(6, 7, 8)], Count(doubled=1)),
        ([*last(4, 5), *live(7, 6, 8)], Count(reordered=1)),
        ([*last(4, 5), b"[r0] " + SCRIPT.heard(0, 6), *live(7, 8)], Count(received=-1, lost=1, damaged=1)),
    ],
)
def test_each_fault_behind_a_join_is_counted(lines: list[bytes], wrong: Count) -> None:
    assert read_by(lines).tally.count(None) == Count(received=9) + wrong


@pytest.mark.parametrize(
    "lines",
    [[b"The last 3 lines:", *last(4, 5)[1:]], last(4, 5)[:-1], live(4, 5)],
    ids=["a wrong number", "no closing line", "no heading"],
)
def test_who_is_not_told_as_many_lines_as_the_heading_says_is_not_told_all(lines: list[bytes]) -> None:
    assert not read_by(lines).is_told_all
