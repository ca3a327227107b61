"""What tests of delivery stand on: connections over socket pairs, and a room log that they read.

Knows nothing of sessions and servers. One thread uses each peer.
"""

import contextlib
import itertools
import socket
from collections.abc import Iterator
from typing import Any

from chatsrv.model.entries import Entry, Kind, Position
from chatsrv.model.limits import Limits
from chatsrv.model.reasons import Reason
from chatsrv.model.replies import Notice, Reply, Text
from chatsrv.net.delivery.connection import Connection
from chatsrv.net.delivery.delivery import Delivery
from chatsrv.net.wire import Wire
from chatsrv.protocols.base import Renderer, Writer
from chatsrv.roomlog.base import RoomLog
from chatsrv.wording.sessions import FAREWELLS
from tests.peer import DEADLINE_SECONDS

MORE_THAN_A_SOCKET_TAKES = 2_000_000
"""Bytes that make a connection of these tests stall: its send buffer is small."""


class TextRenderer(Renderer):
    """Shows of everything the text alone, on a line."""

    def render(self, entry: Entry) -> bytes:
        return f"{entry.text}\n".encode()


class EchoRenderer(TextRenderer):
    """Shows the authors their own lines, too."""

    omits_own = False


class TextWriter(Writer):
    """Writes the text of replies alone, on a line."""

    def write(self, reply: Reply) -> bytes:
        assert isinstance(reply, (Notice, Text))
        return f"{reply.text}\n".encode()

    def ending(self, reason: Reason) -> bytes:
        return f"{FAREWELLS[reason]}\n".encode() if reason in FAREWELLS else b""


class Link:
    """A connection that delivery writes to, and its peer's end."""

    def __init__(self, delivery: Delivery, renderer: Renderer) -> None:
        self.near, self.peer = socket.socketpair()
        self.near.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)  # so that little makes it stall
        self.peer.settimeout(DEADLINE_SECONDS)
        self.connection: Connection = delivery.connect(Wire(self.near), "127.0.0.1", TextWriter(renderer))
        self._received = b""
        self._is_finished = False

    def read(self, end: str) -> str:
        """Return what comes up to and including the line `end`. Fails at the end of the stream."""
        mark = f"{end}\n".encode()
        while not self._received.startswith(mark) and b"\n" + mark not in self._received:
            data = self.peer.recv(65536)
            assert data, f"the stream ended before {end!r}, with {self._received[-500:]!r}"
            self._received += data
        start = 0 if self._received.startswith(mark) else self._received.index(b"\n" + mark) + 1
        found, self._received = self._received[: start + len(mark)], self._received[start + len(mark) :]
        return found.decode()

    def rest(self) -> str:
        """Return all that comes until the end of the stream."""
        with contextlib.suppress(ConnectionResetError):
            while data := self.peer.recv(65536):
                self._received += data
        found, self._received = self._received, b""
        return found.decode()

    def finish(self) -> None:
        """Wait until delivery is done with the connection."""
        if not self._is_finished:
            self._is_finished = True
            self.connection.finish()

    def close(self) -> None:
        """End the session as its thread does, behind a peer who is gone."""
        self.peer.close()
        self.connection.hang_up(Reason.LOST)
        self.finish()
        self.near.close()


@contextlib.contextmanager
def delivering(limits: Limits | None = None) -> Iterator[Delivery]:
    """Run delivery on its thread."""
    delivery = Delivery(limits)
    delivery.start()
    try:
        yield delivery
    finally:
        delivery.stop()


@contextlib.contextmanager
def linked(delivery: Delivery, count: int = 1, renderer: Renderer | None = None) -> Iterator[list[Link]]:
    """Make connections that share a wire format, and end them."""
    renderer = renderer or TextRenderer()
    links = [Link(delivery, renderer) for _ in range(count)]
    try:
        yield links
    finally:
        for link in links:
            link.close()


class FakeSocket:
    """A socket that takes `takes` bytes more, and keeps what it took. `fails`: as if its peer had reset it."""

    def __init__(self, takes: int = 1_000_000_000, *, fails: bool = False) -> None:
        self.takes = takes
        self.fails = fails
        self.taken = b""

    def send(self, data: bytes, flags: int) -> int:
        assert flags == socket.MSG_DONTWAIT
        if self.fails:
            raise ConnectionResetError
        if not self.takes:
            raise BlockingIOError
        some = bytes(data[: self.takes])
        self.taken += some
        self.takes -= len(some)
        return len(some)

    def recv(self, size: int, flags: int = 0) -> bytes:
        raise BlockingIOError


_numbers = itertools.count(1)


def reader(delivery: Delivery, renderer: Renderer, sock: FakeSocket | None = None) -> Connection:
    """Return a connection that `delivery` knows nothing of: the test is the delivery thread."""
    number = next(_numbers)
    fake: Any = sock or FakeSocket()
    return Connection(delivery, Wire(fake), "127.0.0.1", TextWriter(renderer), number, number)


def say(log: RoomLog, *texts: str, origin: int = 0) -> Position:
    """Append what somebody says."""
    return log.append(Kind.SAY, "somebody", origin, texts)
