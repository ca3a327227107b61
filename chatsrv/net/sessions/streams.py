"""What those used to `socketserver` find in a session: `wfile` to write to, and `request` and `rfile`, to leave alone.

The session reads its socket itself, and delivery alone writes to it. So `wfile` hands over to delivery, and the other
two say what to use instead. Belongs to the session's thread.
"""

import socket
from io import BufferedIOBase
from typing import Any, NoReturn

from chatsrv.net.delivery.connection import Connection

_READING = "a session reads its socket itself: override obey(commands), or received(line) in a LineSession"
_WRITING = "delivery alone writes to a session's socket: use reply(...), or send_line(...), or wfile.write(...)"
_ENDING = "delivery has yet to write to a session's socket: end it by hang_up()"
_WAITING = "a session's socket has no timeout of its own: use Limits(idle_seconds=...)"

TLS = (
    "delivery writes to sockets without waiting, which an SSLSocket cannot do: let a proxy speak TLS, such as stunnel, "
    "and leave get_request() and the server's socket without it"
)

REFUSED = {
    **dict.fromkeys(("recv", "recv_into", "recvfrom", "recvfrom_into", "recvmsg", "recvmsg_into"), _READING),
    **dict.fromkeys(("send", "sendall", "sendto", "sendmsg", "sendmsg_afalg", "sendfile"), _WRITING),
    **dict.fromkeys(("makefile",), f"{_READING}; {_WRITING}"),
    **dict.fromkeys(("close", "shutdown", "detach"), _ENDING),
    **dict.fromkeys(("settimeout", "setblocking"), _WAITING),
}
"""What must not be called of a session's socket, and what to do instead."""


class UnusableSocket(TypeError):
    """A socket that no session can have. The text says why, and what to do."""


def check_socket(sock: Any) -> None:
    """Look at a new socket, and have it wait as those of delivery do.

    Raises:
        UnusableSocket: it encrypts, or somebody has given it a timeout.
    """
    if hasattr(sock, "do_handshake"):
        raise UnusableSocket(TLS)
    if (seconds := sock.gettimeout()) is not None:
        if seconds != socket.getdefaulttimeout():
            raise UnusableSocket(_WAITING)
        sock.settimeout(None)


class Request:
    """A session's `request`: its socket, but for reading, writing and closing."""

    __slots__ = ("_socket",)

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock

    def __getattr__(self, name: str) -> Any:
        if name in REFUSED:
            raise TypeError(f"request.{name}(): {REFUSED[name]}")
        return getattr(self._socket, name)


class Outlet(BufferedIOBase):
    """A session's `wfile`: what is written goes to delivery, in its order."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def writable(self) -> bool:
        """Tell that it can be written to."""
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]  # any buffer will do
        """Have `data` written behind all replies so far; wait while the peer leaves too much unread."""
        written = memoryview(data).tobytes()
        self._connection.post(written)
        return len(written)


class _NoInput(BufferedIOBase):
    """A session's `rfile`: whoever read it would take from the session what it has to read."""

    def _refuse(self, *_: object) -> NoReturn:
        raise TypeError(f"rfile: {_READING}")

    read = read1 = readinto = readinto1 = readline = readlines = peek = __next__ = __iter__ = _refuse

    def close(self) -> None:
        """Stay: it is that of all sessions."""


NO_INPUT = _NoInput()
