"""Why a connection ended: one word for the room, the log line and the counter.

Knows nothing of sockets or rooms. Values, to be shared between threads freely.
"""

from enum import Enum


class Reason(Enum):
    """Why a connection ended. The value is how the others in a room read it; empty means there is nothing to add."""

    QUIT = ""
    LOST = "connection lost"
    TIMED_OUT = "connection timed out"
    TOO_SLOW = "reading too slowly"
    FLOODING = "sending too fast"
    BAD_PROTOCOL = "unreadable input"
    ERROR = "server error"
    SHUTDOWN = "server shutting down"
    LOGIN_FAILED = "login failed"
    LOGIN_TIMEOUT = "login took too long"

    @property
    def is_abrupt(self) -> bool:
        """Whether the peer cannot be told any more, so that the connection is cut at once."""
        return self in (Reason.LOST, Reason.TIMED_OUT, Reason.TOO_SLOW)
