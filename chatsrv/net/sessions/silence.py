"""A peer that says nothing: a limit may end its session.

Knows nothing of what a peer says. `look` belongs to the delivery thread, `break_off` to the session's.
"""

from time import monotonic

from chatsrv.model.reasons import Reason
from chatsrv.net.delivery.connection import Connection


class Silence:
    """How long the peer of a connection has sent nothing; after `most_seconds` it is hung up."""

    __slots__ = ("_connection", "_heard_at", "_most_seconds")

    def __init__(self, connection: Connection, most_seconds: float) -> None:
        self._connection: Connection | None = connection
        self._most_seconds = most_seconds
        self._heard_at = monotonic()

    def break_off(self) -> None:
        """Note that the peer has sent something."""
        self._heard_at = monotonic()

    def end(self) -> None:
        """Hold the connection no more: its session ends, and a look may be due in an hour only."""
        self._connection = None

    def look(self) -> float | None:
        """Hang the peer up if it is time, or return in how many seconds it may be."""
        connection = self._connection
        if connection is None or connection.reason:
            return None
        if (rest := self._heard_at + self._most_seconds - monotonic()) > 0:
            return rest
        connection.hang_up(Reason.IDLE)
        return None
