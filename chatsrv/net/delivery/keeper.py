"""The keeper: bookmarks of sessions that go on are kept now and then, lest a killed server forget how far they are.

    soon     something was said: a round through all connections, some seconds later
    told     somebody is told what they missed: that connection alone, as soon as its peer has taken it, or nearly so

Knows nothing of rooms. Belongs to the delivery thread.
"""

from collections.abc import Callable, Iterator, Mapping

from chatsrv.net.delivery.connection import Connection
from chatsrv.net.delivery.deadlines import Deadlines

KEEP_SECONDS = 5.0
"""How long after something was said bookmarks are kept: what is seen twice when the server was killed."""

TOLD_SECONDS = 0.05
"""Time until the first look at whether a peer has taken what it was told of before; the looks get rarer.

So even a server that is killed every second gets on with telling, and a crowd that comes back is looked at together.
"""

KEPT_AT_ONCE = 100
"""Connections that are looked at, and bookmarks that are kept, before delivery goes on with what is more urgent."""


class Keeper:
    """Looks after `connections` in rounds, while there is news. `again` is called with what is to be done next turn.

    `connections` are by number. Between its looks it holds their numbers alone: those that end are to go at once.
    """

    def __init__(
        self, connections: Mapping[int, Connection], deadlines: Deadlines, again: Callable[[Callable[[], None]], None]
    ) -> None:
        self._connections = connections
        self._deadlines = deadlines
        self._again = again
        self._is_due = False
        self._told: set[int] = set()  # those that are looked at until all is taken
        self._told_lately: list[int] = []  # those of them that wait for their first look

    def soon(self) -> None:
        """Make a round soon, unless one is due anyway."""
        if not self._is_due:
            self._is_due = True
            self._deadlines.set(KEEP_SECONDS, self._begin)

    def told(self, connection: Connection) -> None:
        """Keep how far a connection is as soon as its peer has taken what it is told of before."""
        if connection.id not in self._told:
            self._told.add(connection.id)
            if not self._told_lately:
                self._deadlines.set(TOLD_SECONDS, self._begin_told)
            self._told_lately.append(connection.id)

    def keep_all(self) -> None:
        """Keep all bookmarks now: the server stops, and does not wait any longer for these sessions to end."""
        for connection in list(self._connections.values()):
            if connection.receipts:
                connection.forget_taken()
                connection.receipts.keep()

    def _begin(self) -> None:
        self._is_due = False  # news from now on make another round
        self._look_at(iter(list(self._connections)), [], self._end)

    def _end(self, late: list[int]) -> None:
        if late:
            self.soon()

    def _begin_told(self) -> None:
        told, self._told_lately = self._told_lately, []
        self._look_at_told(told, TOLD_SECONDS)

    def _look_at_told(self, told: list[int], seconds: float) -> None:
        """Look at connections, and after twice as many `seconds` again at those that have not taken all."""

        def end(late: list[int]) -> None:
            if 2 * seconds > KEEP_SECONDS:
                self._end(late)
            elif late:
                self._told.update(late)
                self._deadlines.set(2 * seconds, lambda: self._look_at_told(late, 2 * seconds))

        self._look_at(iter(told), [], end)

    def _look_at(self, numbers: Iterator[int], late: list[int], then: Callable[[list[int]], None]) -> None:
        """Keep bookmarks of these connections; go on with those of them whose peers have not taken all, `late` too."""
        done = 0
        for number in numbers:
            done += 1
            self._told.discard(number)
            connection = self._connections.get(number)
            if connection and connection.receipts and not connection.is_closing:  # whose end keeps them otherwise
                if not connection.forget_taken():
                    late.append(number)
                done += connection.receipts.keep()
            if done >= KEPT_AT_ONCE:
                self._again(lambda: self._look_at(numbers, late, then))
                return
        then(late)
