"""What waits of a peer's input, under a clock that the test sets: how much may, and for how long."""

import socket
from collections.abc import Iterator

import pytest

from chatsrv.model.reasons import Reason
from chatsrv.net.delivery.connection import Connection
from chatsrv.net.delivery.delivery import Delivery
from chatsrv.net.sessions.intake import AHEAD_BYTES, AHEAD_SECONDS, PIECE_BYTES, Intake
from chatsrv.net.wire import Wire
from chatsrv.protocols.either import EitherProtocol
from chatsrv.sharing.flood import Bucket
from chatsrv.sharing.slots import AT_ONCE, Urgency, give_back
from tests.peer import DEADLINE_SECONDS

ENDED = b"Your input has ended. You leave once the lines before that are said.\n"


class Clock:
    """Moves on by a second at each look at it, so that whoever waits for a time looks once before it has passed."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


class Held:
    """An intake whose peer's end is `far`."""

    def __init__(self, delivery: Delivery) -> None:
        self.near, self.far = socket.socketpair()
        for sock in (self.near, self.far):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 * AHEAD_BYTES)
        self.far.settimeout(DEADLINE_SECONDS)
        wire = Wire(self.near)
        self.connection: Connection = delivery.connect(wire, "127.0.0.1", EitherProtocol.writer)
        self.clock = Clock()
        self.inlet = delivery.inlet(wire)
        self.intake = Intake(self.connection, self.inlet, EitherProtocol().reader(64), self.clock)

    def wait(self, seconds: float = 1.5) -> bool:
        return self.intake.wait(seconds, Urgency.TALK)

    def read(self) -> bytes:
        """Read what waits, as a session does whose account is not too fast any more."""
        read = b""
        while self.intake.has_more:
            read += self.intake.receive(Urgency.TALK, is_stranger=False, may_wait=True)
        return read

    def close(self) -> None:
        self.connection.hang_up(Reason.QUIT)
        self.far.close()
        self.connection.finish()
        self.inlet.close()
        self.near.close()


@pytest.fixture
def delivery() -> Iterator[Delivery]:
    delivery = Delivery()
    delivery.start()
    delivery.slots.take(Urgency.TALK)
    try:
        yield delivery
    finally:
        give_back()
        delivery.stop()


@pytest.fixture
def held(delivery: Delivery) -> Iterator[Held]:
    held = Held(delivery)
    yield held
    held.close()


def test_time_passes_and_what_comes_meanwhile_is_there_afterwards(held: Held) -> None:
    held.far.sendall(b"one\ntwo\n")
    assert held.wait()
    assert held.read() == b"one\ntwo\n"


def test_whoever_waits_has_a_slot_again_afterwards(held: Held, delivery: Delivery) -> None:
    assert held.wait(0.001)
    assert delivery.slots.free == AT_ONCE - 1
    held.far.close()
    assert not held.wait(DEADLINE_SECONDS * 1000)
    assert delivery.slots.free == AT_ONCE - 1


def test_64_kib_may_wait_for_as_long_as_they_take(held: Held) -> None:
    held.far.sendall(b"x" * AHEAD_BYTES)
    for _ in range(3):
        assert held.wait()
        held.clock.now += AHEAD_SECONDS
    assert held.connection.reason is None
    assert held.read() == b"x" * AHEAD_BYTES


def test_more_may_wait_for_a_minute(held: Held) -> None:
    held.far.sendall(b"x" * (AHEAD_BYTES + 1))
    assert held.wait()
    assert held.wait()
    held.clock.now += AHEAD_SECONDS
    assert not held.wait()
    assert held.connection.reason is Reason.FLOODING


def test_the_minute_begins_anew_once_no_more_than_64_kib_wait(held: Held) -> None:
    held.far.sendall(b"x" * (AHEAD_BYTES + 1))
    assert held.wait()
    held.clock.now += AHEAD_SECONDS / 2
    assert len(held.intake.receive(Urgency.TALK, is_stranger=False, may_wait=True)) == PIECE_BYTES
    assert held.wait()
    held.far.sendall(b"x" * PIECE_BYTES)
    assert held.wait()
    held.clock.now += AHEAD_SECONDS / 2
    assert held.wait()
    assert held.connection.reason is None


def test_no_more_is_read_than_may_wait_and_nothing_is_lost(held: Held) -> None:
    sent = b"".join(b"%07d\n" % number for number in range(2 * AHEAD_BYTES // 8))
    held.far.sendall(sent)
    held.far.shutdown(socket.SHUT_WR)
    assert held.wait()
    first = held.read()
    assert len(first) == AHEAD_BYTES + 1
    assert held.wait()
    second = held.read()
    assert first + second == sent[: 2 * AHEAD_BYTES]
    assert held.far.recv(100) == ENDED


def test_the_end_of_the_input_is_told_once_and_what_waits_goes_on(held: Held) -> None:
    held.far.sendall(b"one\n")
    held.far.shutdown(socket.SHUT_WR)
    assert held.wait()
    assert held.wait()
    assert held.read() == b"one\n"
    assert held.intake.receive(Urgency.TALK, is_stranger=False, may_wait=True) == b""
    held.connection.hang_up(Reason.LOST)
    assert held.far.recv(1000) == ENDED


def test_a_piece_for_the_wire_format_is_small_where_its_commands_may_wait(held: Held) -> None:
    held.far.sendall(b"x" * 100_000)
    sizes = []
    while sum(sizes) < 100_000:
        sizes.append(len(held.intake.receive(Urgency.TALK, is_stranger=False, may_wait=True)))
    assert max(sizes) == PIECE_BYTES


def test_a_bucket_that_is_full_and_an_intake_are_a_paste_at_the_rate(held: Held) -> None:
    bucket, said = Bucket(1000.0, 5), 0
    while said < 50:
        number, seconds = bucket.take(50 - said)
        assert held.intake.wait(seconds, Urgency.TALK)
        said += number
