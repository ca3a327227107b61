"""What the kernel can tell of a TCP connection: how much of what was written its peer has acknowledged.

The one place that is Linux's own (`SIOCOUTQ`, `TCP_INFO`). Elsewhere, what was handed to a socket counts as taken. Any
thread may call it that knows the socket to be open.
"""

import fcntl
import socket
import struct
import sys
import termios

_IS_LINUX = sys.platform == "linux"
_COUNT = struct.Struct("i")
_CLOSED = 7  # TCP_CLOSE of include/net/tcp_states.h: nothing will be acknowledged any more
_INFO_BYTES = 128


def unacknowledged(sock: socket.socket) -> int:
    """Return the number of bytes that the peer's TCP has not acknowledged. It stays what it was behind a reset.

    The end of the stream counts as a byte once it was asked for (`shutdown`).
    """
    if not _IS_LINUX:
        return 0
    return int(_COUNT.unpack(fcntl.ioctl(sock, termios.TIOCOUTQ, _COUNT.pack(0)))[0])


def is_over(sock: socket.socket) -> bool:
    """Tell whether the connection has ended both ways, or was reset: nothing will be acknowledged any more."""
    return not _IS_LINUX or sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO_BYTES)[0] == _CLOSED


def forget_unacknowledged(sock: socket.socket) -> None:
    """Have the socket's closing reset the connection, in place of sending what the peer has not acknowledged."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
