"""Records: a wire with a layer of its own below the wire format, as TLS has one.

A peer begins with a greeting, byte by byte, and is answered. From there on, both sides send records: a head, some bytes
in disguise, and a seal; and the server an empty record at the end. Of a record that the socket has taken in part,
nothing counts as taken.
"""

import contextlib
import socket
import threading
from typing import Any

import pytest

from chatsrv.model.errors import ProtocolError
from chatsrv.net.listening.server import LoginServer
from chatsrv.net.wire import Wire
from tests.peer import Peer

GREETING, ANSWER = b"records, please\n", b"records it is\n"
RECORD_BYTES = 700
"""The most that is in one record."""

SENT_BYTES = 5000
"""The most that is handed to the socket at once: a record may end anywhere in it."""

_SEAL = b"seal"
_MASK = bytes(each ^ 0x5A for each in range(256))


def sealed(data: bytes) -> bytes:
    """Return a record of some bytes; an empty one is the last."""
    return len(data).to_bytes(2) + data.translate(_MASK) + _SEAL


class Unsealing:
    """Bytes of the wire format out of records, whole ones alone."""

    def __init__(self) -> None:
        self._records = b""
        self.data = b""
        self.has_ended = False

    def feed(self, records: bytes) -> None:
        self._records += records
        while len(self._records) >= 2:
            size = int.from_bytes(self._records[:2])
            record = self._records[2 : 2 + size + len(_SEAL)]
            if len(record) < size + len(_SEAL):
                return
            if not record.endswith(_SEAL):
                raise ProtocolError("no seal")
            self._records = self._records[2 + len(record) :]
            self.data += record[:size].translate(_MASK)
            self.has_ended |= not size

    def take(self, size: int) -> bytes:
        taken, self.data = self.data[:size], self.data[size:]
        return taken

    def copy(self) -> "Unsealing":
        other = Unsealing()
        other._records, other.data = self._records, self.data
        return other


class RecordWire(Wire):
    """The server's side. Session and delivery share it under a lock, for which delivery does not wait."""

    is_encrypted = True

    def __init__(self, sock: socket.socket) -> None:
        super().__init__(sock)
        self._lock = threading.Lock()
        self._unsealing = Unsealing()
        self._greeting = b""
        self._is_open = False
        self._pending: list[tuple[bytes, int]] = []  # what the socket has yet to take, each with its size
        self._written: list[tuple[int, int]] = []  # bytes handed over, and how much of the wire format ends with them
        self.send, self.receive = self._send, self._receive

    # --- the session's thread

    def open(self) -> None:
        while self._greeting != GREETING:
            byte = self._socket.recv(1, socket.MSG_DONTWAIT)
            self._greeting += byte
            if not byte or not GREETING.startswith(self._greeting):
                raise ProtocolError("no greeting")
        self._written.append((self._socket.send(ANSWER), 0))
        self._is_open = True

    def _receive(self, size: int, flags: int = 0) -> bytes:
        while True:
            with self._lock:
                if self._unsealing.data:
                    return self._unsealing.take(size)
            records = self._socket.recv(max(size, 100), flags)
            if not records:
                return b""
            with self._lock:
                self._unsealing.feed(records)

    def has_more(self) -> bool:
        return bool(self._unsealing.data) or super().has_more()

    # --- delivery, and the session's thread before the login

    def _send(self, data: bytes | memoryview, flags: int) -> int:
        if not self._is_open:
            raise BrokenPipeError
        if not self._lock.acquire(blocking=False):
            raise BlockingIOError
        try:
            taken = self._push(flags) if self._pending else 0
            if self._pending:
                return taken
            rest = memoryview(data)[taken:]
            for start in range(0, len(rest), RECORD_BYTES):
                piece = bytes(rest[start : start + RECORD_BYTES])
                self._pending.append((sealed(piece), len(piece)))
            return taken + self._push(flags)
        finally:
            self._lock.release()

    def _push(self, flags: int) -> int:
        """Hand records over; return the bytes of those that ended."""
        try:
            left = self._socket.send(b"".join(record for record, _ in self._pending)[:SENT_BYTES], flags)
        except BlockingIOError:
            left = 0
        taken = 0
        while left:
            record, size = self._pending.pop(0)
            part = min(left, len(record))
            left -= part
            is_whole = part == len(record)
            self._written.append((part, size if is_whole else 0))
            taken += size if is_whole else 0
            if not is_whole:
                self._pending.insert(0, (record[part:], size))
        return taken

    def end(self, how: int) -> None:
        if how == socket.SHUT_WR and self._is_open and not self._pending:
            with contextlib.suppress(OSError):
                self._written.append((self._socket.send(sealed(b""), socket.MSG_DONTWAIT), 0))
        super().end(how)

    def unacknowledged(self) -> int:
        left, unacknowledged = super().unacknowledged(), 0
        for part, size in reversed(self._written):
            if left <= 0:
                break
            left -= part
            unacknowledged += size
        return unacknowledged


class RecordSocket:
    """The peer's side: a socket that speaks records, and is used like any."""

    def __init__(self, sock: socket.socket, *, is_answered: bool = True) -> None:
        self._socket = sock
        self._unsealing = Unsealing()
        for byte in GREETING:
            sock.sendall(bytes([byte]))
        answer = b"" if is_answered else ANSWER
        while len(answer) < len(ANSWER):
            answer += sock.recv(len(ANSWER) - len(answer))
        assert answer == ANSWER

    def __getattr__(self, name: str) -> Any:
        return getattr(self._socket, name)

    def sendall(self, data: bytes) -> None:
        for start in range(0, len(data), RECORD_BYTES):
            self._socket.sendall(sealed(data[start : start + RECORD_BYTES]))

    def recv(self, size: int, flags: int = 0) -> bytes:
        if flags == socket.MSG_PEEK:
            unsealing = self._unsealing.copy()
            unsealing.feed(self._socket.recv(size, flags))
            return unsealing.take(size)
        while not self._unsealing.data:
            records = self._socket.recv(size)
            if not records or self._unsealing.has_ended:
                return b""
            self._unsealing.feed(records)
        return self._unsealing.take(size)


def speak_records(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have all servers and peers of a test speak records."""
    connect = Peer.connect

    def connect_by_records(peer: Peer) -> None:
        connect(peer)
        peer.socket = RecordSocket(peer.socket)  # type: ignore[assignment]  # it is used like one

    monkeypatch.setattr(LoginServer, "wire_for", lambda _, request: RecordWire(request))
    monkeypatch.setattr(Peer, "connect", connect_by_records)
