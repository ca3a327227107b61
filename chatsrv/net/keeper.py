"""The keeper: bookmarks of sessions that go on are kept now and then, lest a killed server forget how far they are.

Knows nothing of rooms. Belongs to the delivery thread.
"""

from collections.abc import Callable, Collection, Iterator

from chatsrv.net.connection import Connection
from chatsrv.net.deadlines import Deadlines

KEEP_SECONDS = 5.0
"""How long after something was said bookmarks are kept: what is seen twice when the server was killed."""

KEPT_AT_ONCE = 100
"""Connections that are looked at, and bookmarks that are kept, before delivery goes on with what is more urgent."""


class Keeper:
    """Looks after `connections` in rounds, while there is news. `again` is called with what is to be done next turn."""

    def __init__(
        self, connections: Collection[Connection], deadlines: Deadlines, again: Callable[[Callable[[], None]], None]
    ) -> None:
        self._connections = connections
        self._deadlines = deadlines
        self._again = again
        self._is_due = False

    def soon(self) -> None:
        """Make a round soon, unless one is due anyway."""
        if not self._is_due:
            self._is_due = True
            self._deadlines.set(KEEP_SECONDS, self._begin)

    def _begin(self) -> None:
        self._is_due = False  # news from now on make another round
        self._go_on(iter(list(self._connections)))

    def _go_on(self, connections: Iterator[Connection]) -> None:
        done = 0
        for connection in connections:
            done += 1
            if connection.reading and not connection.is_closing:  # whose end keeps them otherwise
                if not connection.reading.shorten():
                    self.soon()
                done += connection.reading.keep()
            if done >= KEPT_AT_ONCE:
                self._again(lambda: self._go_on(connections))
                return
