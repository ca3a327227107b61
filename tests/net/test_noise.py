"""Input that asks for nothing costs its sender, and nobody else."""

import contextlib
import sys
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatsrv.app.sessions import TelnetSession
from chatsrv.model.commands import Answer, Command
from chatsrv.model.limits import Limits
from chatsrv.model.login import Admitted
from chatsrv.net.listening.server import ChatServer
from chatsrv.net.sessions.intake import LEAST_READ_BYTES, PIECE_BYTES
from chatsrv.protocols.base import Protocol
from chatsrv.protocols.either import EitherProtocol
from chatsrv.protocols.plain import PlainProtocol
from chatsrv.protocols.telnet import RUN_BYTES, WILL_TIMING_MARK, TelnetProtocol, TelnetReader
from chatsrv.sharing.flood import ANSWER_BYTES, IDLE_BYTES, LOGIN_BYTES, Meter, price
from tests.peer import PASSWORDS, Peer, open_gate, running, running_chat, two_chatters

TIMING_MARK = b"\xff\xfd\x06"

NOISES = {
    "typed and taken back": b"x\x7f",
    "typed and taken back, by three": "xy日\x7f\x7f\x7f".encode(),
    "lines taken back": b"x\x15",
    "NUL": b"\0",
    "NOP": b"\xff\xf1",
    "questions that are answered": TIMING_MARK,
    "options refused once": b"".join(b"\xff\xfd%c\xff\xfb%c" % (option, option) for option in range(250)),
    "WONT": b"\xff\xfc\x1f",
    "subnegotiations": b"\xff\xfa\x1fxx\xff\xf0",
    "a subnegotiation that never ends": b"\xff\xfax",
    "are you there": b"\xff\xf6\n",
    "empty lines": b"\n",
    "blank lines": "\u3164\n".encode(),
    "escapes": b"\x1b[m\n",
    "a line that never ends": b"x",
    "blank lines that were taken back": b"\x15\r",
    "lines taken back and ended": b"a\x08\r",
    "erase-character, and a command that comes to nothing": b"\xff\xf7\xfd\xfd",
    "what ends no subnegotiation": b"\xf0\xffa\xfe",
    "lines ended in three ways": b"\r\0\r\n\r",
    "spaces": b" \n",
    "a mixture": b"x\x7f\xff\xf1" + TIMING_MARK + "\u3164\n\ufe0f\n".encode() + b"\r\0 \x15",
}
noises = pytest.mark.parametrize("noise", NOISES.values(), ids=NOISES)


def block(noise: bytes) -> bytes:
    return noise * (16_384 // len(noise))


PROTOCOLS = (PlainProtocol(), TelnetProtocol(), EitherProtocol())
STEPS_PER_BYTE = 1.5  # beside the bytes, they would be up to 31
STEPS_PER_LINE = 50

HELD_BACK = b": the rest follows at that rate, and nothing is lost.\n"


def send(peer: Peer, data: bytes) -> bytes:
    """Send until the peer is hung up, or all is sent, and return what the peer reads to the end."""
    with contextlib.suppress(ConnectionError):
        for start in range(0, len(data), 1000):
            peer.send(data[start : start + 1000])
    return peer.rest()


@noises
def test_a_stranger_who_sends_noise_is_hung_up_before_it_costs_much(noise: bytes) -> None:
    noise = noise.translate(None, b"\r\n") or b"\0"  # a line would be an answer to a prompt
    received: list[int] = []

    class CountingReader(TelnetReader):
        def receive(self, data: bytes) -> list[Command]:
            received.append(len(data))
            return super().receive(data)

    class CountingProtocol(TelnetProtocol):
        def reader(self, line_bytes: int) -> TelnetReader:
            return CountingReader(line_bytes)

    class Counting(TelnetSession):
        protocol = CountingProtocol()

    with running_chat(Counting, linger_seconds=60.0) as server, Peer(server) as stranger:
        seen = send(stranger, block(noise))
    assert seen.endswith(b"What you send cannot be understood. Goodbye!\r\n")
    assert sum(received) <= LOGIN_BYTES + LEAST_READ_BYTES
    assert seen.count(WILL_TIMING_MARK) * ANSWER_BYTES <= LOGIN_BYTES


@noises
def test_a_chatter_who_sends_noise_is_held_back_before_it_costs_much(noise: bytes) -> None:
    received: list[int] = []
    overheads: list[int] = []

    class CountingReader(TelnetReader):
        def receive(self, data: bytes) -> list[Command]:
            received.append(len(data))
            return super().receive(data)

        def take_overhead_bytes(self) -> int:
            overheads.append(super().take_overhead_bytes())
            return overheads[-1]

    class CountingProtocol(TelnetProtocol):
        def reader(self, line_bytes: int) -> TelnetReader:
            return CountingReader(line_bytes)

    class Counting(TelnetSession):
        protocol = CountingProtocol()

    with two_chatters(messages_per_second=0.001, burst=5) as (server, alice, bob):
        limits = Limits(messages_per_second=0.001, burst=5, line_bytes=1024)
        chat = ChatServer(
            ("127.0.0.1", 0), Counting, auth=open_gate(), limits=limits, hub=server.hub, delivery=server.delivery
        )
        with running(chat), Peer(chat) as carol:
            carol.try_login("carol", PASSWORDS["carol"])
            carol.read_until(b"commands.\r\n")
            assert alice.line() == bob.line() == "* carol joined"
            received.clear()
            overheads.clear()
            carol.send(block(noise) * 3)
            carol.read_until(HELD_BACK.replace(b"\n", b"\r\n"))
            most_bytes = 2 * 1024 + (5 + 1) * IDLE_BYTES
            assert sum(received) <= most_bytes + PIECE_BYTES
            assert sum(received + overheads) <= most_bytes + PIECE_BYTES + max(overheads)
            assert max(overheads) <= RUN_BYTES * PIECE_BYTES
            carol.reset()
            assert alice.line() == bob.line() == "* carol left (connection lost)"


def test_blank_lines_beside_a_command_are_not_free() -> None:
    with two_chatters(messages_per_second=0.001, burst=20) as (server, alice, bob), Peer(server) as carol:
        carol.log_in("carol")
        assert alice.line() == bob.line() == "* carol joined"
        carol.send((block("\u3164\n".encode()) + b"/who\n") * 10)
        seen = carol.read_until(HELD_BACK)
        assert seen.count(b"Here now: ") < 10
        carol.reset()
        assert alice.line() == bob.line() == "* carol left (connection lost)"


def test_a_prompt_is_no_line() -> None:
    with two_chatters(messages_per_second=0.001, burst=10) as (server, alice, bob), Peer(server) as carol:
        carol.log_in("carol")
        assert alice.line() == bob.line() == "* carol joined"
        carol.send(b"".join(b"%d\n" % number for number in range(10)) + b"/password\n")
        carol.read_until(b"Old password: ")
        for peer in (alice, bob):
            assert [peer.line() for _ in range(10)] == [f"<carol> {number}" for number in range(10)]
        carol.send(b"\n")  # an empty line: they have thought better of it, and the answer to that is a line
        assert carol.line().encode() + b"\n" == b"You are sending more than 0.001 lines a second" + HELD_BACK
        carol.reset()
        assert alice.line() == bob.line() == "* carol left (connection lost)"


def read(protocol: Protocol, pieces: list[bytes], line_bytes: int) -> tuple[int, int, int]:
    """Return how many steps reading input takes, what it costs in bytes, and how many lines come of it.

    A step is a call of a function, or the return from one.
    """
    reader = protocol.reader(line_bytes)
    reader.receive(b"carol\nsecret\n")
    reader.decided(Admitted("carol"))
    reader.take_overhead_bytes()
    steps = cost = lines = 0

    def step(*_: object) -> None:
        nonlocal steps
        steps += 1

    for piece in pieces:
        before = sys.getprofile()
        sys.setprofile(step)
        try:
            commands = reader.receive(piece)
        finally:
            sys.setprofile(before)
        answers = sum(type(command) is Answer for command in commands)
        lines += len(commands) - answers
        cost += price(len(piece) + reader.take_overhead_bytes(), answers)
    return steps, cost, lines


@pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda each: type(each).__name__)
@noises
def test_what_it_costs_to_read_grows_with_the_steps_that_it_takes(noise: bytes, protocol: Protocol) -> None:
    sent = block(noise)
    pieces = [sent[start : start + PIECE_BYTES] for start in range(0, len(sent), PIECE_BYTES)]
    steps, cost, lines = read(protocol, [b"\xff\xf1\n", *pieces], 4096)
    assert steps <= STEPS_PER_BYTE * cost + STEPS_PER_LINE * lines


def test_text_costs_nothing_beside_its_bytes_however_its_lines_end() -> None:
    for end in (b"\n", b"\r\n"):
        reader = TelnetProtocol().reader(4096)
        reader.receive(b"carol\nsecret\n")
        reader.decided(Admitted("carol"))
        reader.take_overhead_bytes()
        reader.receive((b"hello there" + end) * 100)
        assert reader.take_overhead_bytes() == 0
        reader.receive((b"hello there" + end) * 100 + b"helo\x08lo" + end)  # a key that edits, and the text around it
        assert reader.take_overhead_bytes() == 3 * RUN_BYTES


def paid(pieces: list[bytes], line_bytes: int) -> tuple[int, int, int]:
    """Return the lines and the idle lines that are paid for input, and what it costs in bytes."""
    reader, meter = TelnetProtocol().reader(line_bytes), Meter(line_bytes)
    reader.receive(b"carol\nsecret\n")
    reader.decided(Admitted("carol"))
    reader.take_overhead_bytes()
    lines = idle = cost = 0
    for piece in pieces:
        commands: list[Command] = reader.receive(piece)
        answers = sum(type(command) is Answer for command in commands)
        lines += len(commands) - answers
        size = len(piece) + reader.take_overhead_bytes()
        idle += meter.count(size, len(commands) - answers, answers)
        cost += price(size, answers)
    return lines, idle, cost


@settings(deadline=None, max_examples=60)  # the slower the machine, the longer a mixture takes
@given(
    st.lists(st.tuples(st.sampled_from([*NOISES.values(), b"hello\n", b"/who\r\n"]), st.integers(1, 500)), max_size=10),
    st.lists(st.integers(0, 20_000), max_size=20),
    st.sampled_from([64, 1024, 4096]),
)
def test_whatever_the_mixture_and_however_it_is_split_the_sender_pays_for_bytes_and_answers(
    runs: list[tuple[bytes, int]], cuts: list[int], line_bytes: int
) -> None:
    sent = b"".join(noise * times for noise, times in runs)[:20_000]
    lines, idle, cost = paid([sent], line_bytes)
    assert cost < (lines + 1) * line_bytes + (idle + 1) * IDLE_BYTES
    places = [0, *sorted(cut for cut in cuts if cut < len(sent)), len(sent)]
    pieces = [sent[start:end] for start, end in pairwise(places)]
    split_lines, split_idle, split_cost = paid(pieces, line_bytes)
    assert split_lines == lines
    assert split_cost >= cost
    assert split_idle >= idle - 1, "splitting it makes it cheaper"
    assert split_cost < (lines + 1) * line_bytes + (split_idle + 1) * IDLE_BYTES
