"""The benchmark's counting, against a server that does a known number of things wrong.

Real sockets on the loopback interface; the same lines through the stream alone, where pieces can be cut at random. Each
test has its own server thread.
"""

import random
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, BinaryIO

import pytest

from . import load as load_module
from . import stream as stream_module
from .counting import Count, Script, Tally
from .machine import Usage
from .plan import Plan, Result
from .runs import run
from .stream import CommonStream, Reading

SESSIONS, AUTHORS, MESSAGES = 7, 2, 20
DEADLINE_SECONDS = 20.0
EXACT = Count(received=AUTHORS * MESSAGES * (SESSIONS - 1))
"""When nothing goes wrong: everybody gets everything but his own."""

Fault = Callable[[int, list[bytes]], list[bytes]]
"""Reader, and the lines that he should get -> the lines that he gets."""


class FaultyServer:
    """Logs everybody in, listens to all authors, then tells each reader what `fault` makes of it, and hangs up."""

    def __init__(self, fault: Fault, piece_bytes: int) -> None:
        self._fault = fault
        self._piece_bytes = piece_bytes
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(DEADLINE_SECONDS)
        self.port: int = self._listener.getsockname()[1]

    def serve(self) -> None:
        with self._listener:
            sessions = dict(self._log_in() for _ in range(SESSIONS))
        said = [[lines.readline() for _ in range(MESSAGES)] for _sock, lines in (sessions[a] for a in range(AUTHORS))]
        order = [(author, said[author][number]) for number in range(MESSAGES) for author in range(AUTHORS)]
        for reader, (sock, lines) in sessions.items():
            heard = [b"<u%d> %s" % (author, line) for author, line in order if author != reader]
            data = b"".join(self._fault(reader, heard))
            for start in range(0, len(data), self._piece_bytes):
                sock.sendall(data[start : start + self._piece_bytes])
            lines.close()
            sock.close()

    def _log_in(self) -> tuple[int, tuple[socket.socket, BinaryIO]]:
        sock, _address = self._listener.accept()
        sock.settimeout(DEADLINE_SECONDS)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        lines = sock.makefile("rb")
        sock.sendall(b"Username: ")
        name = lines.readline().strip()
        sock.sendall(b"Password: ")
        lines.readline()
        sock.sendall(b"Welcome, %s! Here now: nobody.\n" % name)
        return int(name[1:]), (sock, lines)


@contextmanager
def serving(fault: Fault, piece_bytes: int) -> Iterator[int]:
    server = FaultyServer(fault, piece_bytes)
    thread = threading.Thread(target=server.serve)
    thread.start()
    try:
        yield server.port
    finally:
        thread.join(DEADLINE_SECONDS)
    assert not thread.is_alive()


PLAN = Plan(
    kind="fanout",
    sessions=SESSIONS,
    authors=AUTHORS,
    window=MESSAGES,
    messages=MESSAGES,
    settle_seconds=0.0,
    warmup_seconds=0.0,
    seconds=DEADLINE_SECONDS,
    limit_seconds=DEADLINE_SECONDS,
)


def measure(fault: Fault, piece_bytes: int = 1000, **plan: Any) -> Result:
    with serving(fault, piece_bytes) as port:
        return run(replace(PLAN, port=port, **plan))


def right(reader: int, lines: list[bytes]) -> list[bytes]:
    return lines


def loses_three_of_one_reader(reader: int, lines: list[bytes]) -> list[bytes]:
    return lines[:5] + lines[8:] if reader == 4 else lines


def loses_the_end_of_one_reader(reader: int, lines: list[bytes]) -> list[bytes]:
    return lines[:-4] if reader == 4 else lines


def loses_two_of_everybody(reader: int, lines: list[bytes]) -> list[bytes]:
    return [line for line in lines if b"<u0>" not in line or (b"00000003" not in line and b"00000007" not in line)]


def doubles_three_of_one_reader(reader: int, lines: list[bytes]) -> list[bytes]:
    return lines[:9] + lines[6:] if reader == 5 else lines


def doubles_the_last_of_everybody(reader: int, lines: list[bytes]) -> list[bytes]:
    return lines + lines[-1:]


def swaps_two_of_one_reader(reader: int, lines: list[bytes]) -> list[bytes]:
    return [*lines[:6], lines[8], lines[7], lines[6], *lines[9:]] if reader == 3 else lines


def damages_two_of_one_reader(reader: int, lines: list[bytes]) -> list[bytes]:
    if reader != 6:
        return lines
    return [line[:30] + b"?" + line[31:] if at in (2, 11) else line for at, line in enumerate(lines)]


def cuts_two_lines_together_for_an_author(reader: int, lines: list[bytes]) -> list[bytes]:
    return [line.strip() if at == 4 else line for at, line in enumerate(lines)] if reader == 1 else lines


def echoes_four_to_an_author(reader: int, lines: list[bytes]) -> list[bytes]:
    if reader != 0:
        return lines
    own = [line.replace(b"<u1> ~", b"<u0> ~") for line in lines[:4]]
    own = [line[:10] + b"0000" + line[14:] for line in own]
    return [*lines[:6], *own, *lines[6:]]


def tells_one_reader_something_else(reader: int, lines: list[bytes]) -> list[bytes]:
    return [*lines[:6], b"* You are the only one to read this\n", *lines[6:]] if reader == 5 else lines


def everything_at_once(reader: int, lines: list[bytes]) -> list[bytes]:
    faults = {
        0: echoes_four_to_an_author,
        1: cuts_two_lines_together_for_an_author,
        3: swaps_two_of_one_reader,
        4: loses_three_of_one_reader,
        5: doubles_three_of_one_reader,
        6: damages_two_of_one_reader,
    }
    return faults.get(reader, right)(reader, lines)


@pytest.mark.parametrize("piece_bytes", [7, 1000, 100_000])
@pytest.mark.parametrize(
    ("fault", "wrong"),
    [
        (right, Count()),
        (loses_three_of_one_reader, Count(received=-3, lost=3)),
        (loses_the_end_of_one_reader, Count(received=-4, lost=4)),
        (loses_two_of_everybody, Count(received=-2 * (SESSIONS - 1), lost=2 * (SESSIONS - 1))),
        (doubles_three_of_one_reader, Count(doubled=3)),
        (doubles_the_last_of_everybody, Count(doubled=SESSIONS)),
        (swaps_two_of_one_reader, Count(reordered=1)),
        (damages_two_of_one_reader, Count(received=-2, lost=2, damaged=2)),
        (cuts_two_lines_together_for_an_author, Count(received=-2, lost=2, damaged=1)),
        (echoes_four_to_an_author, Count(echoed=4)),
        (tells_one_reader_something_else, Count()),
        (everything_at_once, Count(received=-7, lost=7, doubled=3, reordered=1, damaged=3, echoed=4)),
    ],
)
def test_report_gives_exactly_what_the_server_did_wrong(fault: Fault, wrong: Count, piece_bytes: int) -> None:
    assert measure(fault, piece_bytes).count == EXACT + wrong


def test_readers_who_get_the_same_are_never_counted_line_by_line() -> None:
    assert measure(right).by_line == 0


def test_only_the_reader_who_differs_is_counted_line_by_line() -> None:
    assert measure(tells_one_reader_something_else).by_line == 1


def test_notice_that_goes_to_everybody_is_part_of_the_common_stream() -> None:
    result = measure(lambda reader, lines: [b"* u9 joined\n", *lines, b"* u9 left\n"])
    assert (result.count, result.by_line) == (EXACT, 0)


def test_latencies_of_a_paced_part_are_those_of_all_that_was_said_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    is_over = threading.Event()

    class Bell(load_module.Meter):
        def read(self) -> Usage:
            is_over.set()
            return super().read()

    def held_back(_reader: int, lines: list[bytes]) -> list[bytes]:
        assert is_over.wait(DEADLINE_SECONDS)
        return lines

    monkeypatch.setattr(load_module, "Meter", Bell)
    result = measure(held_back, kind="paced", rate=1000.0, seconds=(AUTHORS * MESSAGES - 0.5) / 1000, sampled_every=1)
    assert result.p50_ms > 0
    assert result.count == EXACT


@pytest.mark.parametrize("seed", range(30))
def test_common_stream_counts_like_a_tally_for_each_reader(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(seed)
    monkeypatch.setattr(stream_module, "CHECKPOINT_BYTES", chance.choice([1, 500, 5000]))
    script, sent = Script(AUTHORS, 40), [MESSAGES * 3] * AUTHORS
    order = [(author, number) for number in range(sent[0]) for author in range(AUTHORS)]
    readings = [Reading(reader if reader < AUTHORS else None) for reader in range(SESSIONS)]
    stream = CommonStream(script, sent, readings)
    rests, expected = [], []
    for reading in readings:
        lines = [script.heard(author, number) for author, number in order if author != reading.me]
        for _ in range(chance.choice([0, 0, 1, 3])):
            at = chance.randrange(len(lines))
            lines[at : at + 2] = chance.choice([[], lines[at : at + 1] * 2, lines[at : at + 2][::-1], [b"* hm", b"?"]])
        tally = Tally(script, sent, reading.me)
        for line in lines:
            tally.line(line)
        expected.append(tally.count(reading.me))
        rests.append(b"".join(line + b"\n" for line in lines))
    while any(rests):
        reader = chance.choice([reader for reader, rest in enumerate(rests) if rest])
        size = chance.randrange(1, 300)
        stream.take(readings[reader], memoryview(rests[reader][:size]))
        rests[reader] = rests[reader][size:]
    assert stream.counts() == expected


def test_any_single_damaged_byte_makes_no_other_message() -> None:
    script = Script(AUTHORS, 40)
    line = script.heard(1, 5)
    for at in range(len(line)):
        for byte in b"0123456789abcdef?":
            damaged = line[:at] + bytes([byte]) + line[at + 1 :]
            tally = Tally(script, [MESSAGES] * AUTHORS)
            tally.line(damaged)
            assert tally.damaged == (damaged != line)
