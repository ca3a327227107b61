"""Why a connection ended: one word for the room, the log line and the counter.

Knows nothing of sockets or rooms. Values, to be shared between threads freely.
"""

from enum import Enum, auto


class Reason(Enum):
    """Why a connection ended. How people read it stands in `chatsrv.wording`, its name in the logs."""

    QUIT = auto()
    LOST = auto()
    TIMED_OUT = auto()
    TOO_SLOW = auto()
    IDLE = auto()
    FLOODING = auto()
    BAD_PROTOCOL = auto()
    ERROR = auto()
    SHUTDOWN = auto()
    ACCOUNT_CLOSED = auto()
    PASSWORD_CHANGED = auto()
    BANNED = auto()
    OUTNUMBERED = auto()
    LOGIN_FAILED = auto()
    LOGIN_TIMEOUT = auto()
    LOGIN_CROWDED_OUT = auto()

    @property
    def is_abrupt(self) -> bool:
        """Whether the peer takes nothing any more, so that the connection is cut at once."""
        return self in (Reason.TIMED_OUT, Reason.TOO_SLOW)
