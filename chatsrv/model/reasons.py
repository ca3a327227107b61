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
    IDLE = "idle for too long"
    FLOODING = "sending too fast"
    BAD_PROTOCOL = "unreadable input"
    ERROR = "server error"
    SHUTDOWN = "server shutting down"
    ACCOUNT_CLOSED = "account closed"
    PASSWORD_CHANGED = "password changed"
    BANNED = "banned"
    OUTNUMBERED = "too many sessions"
    LOGIN_FAILED = "login failed"
    LOGIN_TIMEOUT = "login took too long"
    LOGIN_CROWDED_OUT = "crowded out"

    @property
    def farewell(self) -> str:
        """The last sentence for the peer; empty when there is none, or no way left to say it."""
        return _FAREWELLS.get(self, "")

    @property
    def is_abrupt(self) -> bool:
        """Whether the peer takes nothing any more, so that the connection is cut at once."""
        return self in (Reason.TIMED_OUT, Reason.TOO_SLOW)


_FAREWELLS = {
    Reason.QUIT: "Goodbye!",
    Reason.IDLE: "You have sent nothing for too long. Goodbye!",
    Reason.FLOODING: "You are sending too fast. Goodbye!",
    Reason.BAD_PROTOCOL: "What you send cannot be understood. Goodbye!",
    Reason.ERROR: "Something went wrong in the server. Please log in again.",
    Reason.ACCOUNT_CLOSED: "Your account may not be used here any more. Goodbye!",
    Reason.PASSWORD_CHANGED: "Your password was changed. Please log in again.",
    Reason.BANNED: "You may not be here any more. Goodbye!",
    Reason.OUTNUMBERED: "Your account has too many sessions: this one, the oldest, gives way to a new one. Goodbye!",
    Reason.SHUTDOWN: "The server is shutting down. Goodbye!",
    Reason.LOGIN_TIMEOUT: "The login took too long. Goodbye!",
    Reason.LOGIN_CROWDED_OUT: "Too many others want to log in. Please try again.",
}
