"""A wire: what lies between a connection and its socket. In the clear that is nothing.

A layer below the wire format, such as TLS or the header of a proxy, is a `Wire` of its own. Nobody above it learns of
that: a wire counts in bytes of the wire format, and `open` does what comes before the first of them.

    session's thread   open, receive, has_more, check, give_up_after; prepare before, reset_at_close after everything
    delivery           send, end, unacknowledged, is_over

Session and delivery use a wire at the same time; one that needs a lock for that holds it while nobody waits for the
peer. Beside the accept loop, which has the socket before a session does, and `streams.Request`, which lets nobody read
or write it, only a wire knows the socket. Decides nothing about who is let in.
"""

import os
import socket
import struct
from collections.abc import Callable, Hashable
from typing import ClassVar

from chatsrv.model.limits import Limits
from chatsrv.net.kernel import forget_unacknowledged, is_over, unacknowledged

Send = Callable[[bytes, int], int]

GONE = -1
"""What sending reports for a wire that failed, in place of a number of bytes."""


class Wire:
    """A wire in the clear: `send` and `receive` are the socket's own, so nothing of it is on the way of a batch.

    send(data, flags)       hands over what the socket takes at once; returns how much, in bytes of the wire format.
                            What is counted neither then nor later is sent again by whoever called, from there on.
    receive(size, flags)    returns up to `size` bytes; empty at the end of the stream. With `MSG_DONTWAIT` it does not
                            wait for them; without, no longer than `give_up_after` says.

    Both raise `BlockingIOError` for what does not go without waiting, another `OSError` for a connection that failed,
    and `receive` a `ProtocolError` for bytes that make no sense below the wire format.
    """

    __slots__ = ("_has_ended", "_socket", "receive", "send")

    is_encrypted: ClassVar[bool] = False
    """Whether nobody on the way can read along."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._has_ended = False
        self.send: Send = sock.send
        self.receive: Callable[..., bytes] = sock.recv

    @property
    def key(self) -> Hashable:
        """What the turnstile has counted it in as."""
        return self._socket

    def fileno(self) -> int:
        """Return the descriptor, for whoever waits until something can be received or sent."""
        return self._socket.fileno()

    # ------------------------------------------------------------------ for the session's thread

    def prepare(self, limits: Limits) -> None:
        """Set the socket's options."""
        _keep_alive(self._socket, limits.keepalive_seconds)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, limits.send_buffer_bytes)
        # telnet programs mark some commands urgent (RFC 854, "Synch"), and TCP would take that byte out of the stream
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)

    def open(self) -> None:
        """Do what comes before the first byte of the wire format, as far as that goes without waiting.

        Raises:
            BlockingIOError: more has to come; call it again then.
            OSError: the connection failed.
            ProtocolError: what came makes no sense.
        """

    def has_more(self) -> bool:
        """Tell whether there is something to receive at once."""
        try:
            return bool(self._socket.recv(1, socket.MSG_DONTWAIT | socket.MSG_PEEK))
        except BlockingIOError:
            return False

    def check(self) -> None:
        """Find out, without receiving, whether the connection was reset.

        Raises:
            OSError: it was; which one it is, `receive` would say.
        """
        if number := self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            raise OSError(number, os.strerror(number))

    def give_up_after(self, seconds: float) -> None:
        """Have `receive` wait for so long at most, unless it does not wait at all. Sending never waits anyway."""
        whole = int(seconds)
        wait = struct.pack("ll", whole, int((seconds - whole) * 1e6))  # a `timeval`, see socket(7), SO_RCVTIMEO
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, wait)

    def reset_at_close(self) -> None:
        """Have the socket's closing reset the connection, in place of sending what the peer has not acknowledged."""
        forget_unacknowledged(self._socket)

    # ------------------------------------------------------------------ for delivery

    def end(self, how: int) -> None:
        """End the stream (`SHUT_WR`), or both ways (`SHUT_RDWR`), which wakes who receives.

        Raises:
            OSError: the peer was faster.
        """
        self._socket.shutdown(how)
        self._has_ended = True

    def unacknowledged(self) -> int:
        """Return how much of what `send` took the peer has not acknowledged."""
        count = unacknowledged(self._socket)
        return count - (count > 0 and self._has_ended)  # the end of the stream counts as a byte

    def is_over(self) -> bool:
        """Tell whether nothing will be acknowledged any more."""
        return is_over(self._socket)


def send_some(send: Send, data: bytes | memoryview) -> int:
    """Hand `data` to a wire without waiting; return how much of it was taken, `GONE` if the wire failed."""
    try:
        return send(data, socket.MSG_DONTWAIT)  # type: ignore[arg-type]  # any buffer will do
    except BlockingIOError:
        return 0
    except OSError:
        return GONE


def _keep_alive(sock: socket.socket, seconds: int) -> None:
    """Have TCP find out about a peer that vanished without a word (RFC 1122 §4.2.3.6, RFC 5482)."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    settings = (("TCP_KEEPIDLE", seconds), ("TCP_KEEPINTVL", seconds), ("TCP_KEEPCNT", 3))
    for name, value in (*settings, ("TCP_USER_TIMEOUT", 4 * seconds * 1000)):
        if hasattr(socket, name):  # each system has some of them
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
