"""A feed: delivery's place in one room's log, and the tails that it keeps filled from there.

Knows nothing of sockets. Belongs to the delivery thread, but for `announce` and `pace`, which any thread may call.
"""

import threading
from collections.abc import Callable

from chatsrv.model.entries import Entry, Position
from chatsrv.net.delivery.connection import Connection, Subscription
from chatsrv.net.delivery.tail import Tail
from chatsrv.protocols.base import Renderer
from chatsrv.roomlog.base import RoomLog
from chatsrv.sharing.locks import Rank, ranked_lock
from chatsrv.sharing.slots import step_aside

PACE_ENTRIES, PACE_BYTES = 4096, 2_097_152
"""How far a log may run ahead of its readers' sockets before its authors wait: some tenths of a second at full load."""


class Feed:
    """One room's log, read on by delivery for all of the room's sessions here."""

    def __init__(
        self, log: RoomLog, after: Position, tail_bytes: int, announced: "Callable[[Feed], None]",
        keep: Callable[[Tail[Connection], int], None] = lambda *_: None,
    ) -> None:  # fmt: skip
        self._announced = announced
        self._is_announced = False
        self._tail_bytes = tail_bytes
        self._keep = keep
        self._tails: dict[Renderer, Tail[Connection]] = {}
        self._arrivals: list[tuple[int, Subscription]] = []
        self._lock = ranked_lock(Rank.FEED)
        self._caught_up = threading.Condition(self._lock)  # type: ignore[arg-type]  # an OrderedLock will do
        self._paced = 0  # authors who wait; guarded by the lock
        self.is_closed = False
        self._fetched: list[Entry] | None = None  # what was fetched and not read; empty while it is being fetched
        self.log = log
        self._follower = log.follow(after, self.announce)

    # --- for any thread

    def announce(self) -> None:
        """Say that there is news. Two threads at once may both get through; the second reading finds nothing."""
        if not self._is_announced:
            self._is_announced = True
            self._announced(self)

    def pace(self) -> None:
        """Wait while delivery is more than `PACE_ENTRIES` or `PACE_BYTES` behind the log."""
        if self.is_ahead:
            with step_aside(), self._lock:
                self._paced += 1
                while self.is_ahead:
                    self._caught_up.wait()
                self._paced -= 1

    @property
    def is_ahead(self) -> bool:
        """Whether the log is so far ahead that its authors are to wait."""
        follower = self._follower
        return (follower.lag > PACE_ENTRIES or follower.lag_bytes > PACE_BYTES) and not self.is_closed

    # --- for the delivery thread

    @property
    def cursor(self) -> int:
        """The offset of the last entry that was read for everybody."""
        return self._follower.cursor

    @property
    def has_more(self) -> bool:
        """Whether there is something to read."""
        return self._follower.lag > 0 and not self.is_closed

    def read(self, limit: int) -> list[Entry] | None:
        """Return up to `limit` entries more, not beyond the place where somebody is about to arrive.

        `None`: they are to be fetched from the cursor on, and there is nothing to read until `have_fetched`.
        """
        self._is_announced = False  # before reading: what comes from now on is announced anew
        if self._arrivals:
            limit = min(limit, min(offset for offset, _ in self._arrivals) - self.cursor)
        if self._fetched is not None:
            entries: list[Entry] | None = self._take(limit)
        elif (entries := self._follower.read(limit)) is None:
            self._fetched = []
        if self._paced:
            with self._lock:
                self._caught_up.notify_all()
        return entries

    def have_fetched(self, entries: list[Entry]) -> None:
        """Have what was fetched be what is read next; of nothing, it is to be fetched again."""
        self._fetched = [entry for entry in entries if entry.offset > self.cursor] or None

    def _take(self, limit: int) -> list[Entry]:
        """Return what was fetched, up to so many entries, and follow the log from there on."""
        if not self._fetched:  # it is under way
            return []
        entries, self._fetched = self._fetched[:limit], None
        follower, last = self._follower, Position(self.log.epoch, entries[-1].offset)
        self._follower = self.log.follow(last, self.announce)
        follower.close()
        return entries

    def expect(self, subscription: Subscription, offset: int) -> None:
        """Remember that a reader is to arrive once everything up to `offset` was read."""
        self._arrivals.append((offset, subscription))

    def arrived(self) -> list[Subscription]:
        """Return and forget those whose place has been reached."""
        here = [subscription for offset, subscription in self._arrivals if offset <= self.cursor]
        if here:
            self._arrivals = [arrival for arrival in self._arrivals if arrival[0] > self.cursor]
        return here

    def expected(self) -> list[Subscription]:
        """Return and forget all who are about to arrive."""
        arrivals, self._arrivals = self._arrivals, []
        return [subscription for _, subscription in arrivals]

    def entries_after(self, position: Position) -> list[Entry] | None:
        """Return the entries between a position and the cursor, which the cursor has passed already.

        `None`: they have to be fetched.

        Raises:
            Hole: they are gone.
        """
        if position.epoch == self.log.epoch and position.offset >= self.cursor:
            return []
        return self.log.read_at_hand(position, self.cursor - position.offset)

    def tails(self) -> list[Tail[Connection]]:
        """Return the tails, one for each wire format."""
        return list(self._tails.values())

    def add(self, subscription: Subscription) -> Tail[Connection]:
        """Take in a reader at the cursor, in the wire format that it is to have; it is behind at first."""
        renderer = subscription.renderer
        tail = self._tails.get(renderer)
        if tail is None:
            tail = self._tails[renderer] = Tail(self.log, renderer, self.cursor, self._tail_bytes, self._keep)
        tail.add(subscription.connection)
        subscription.arrive(tail)
        return tail

    def take_out(self, subscription: Subscription) -> None:
        """Forget a reader who has arrived."""
        if tail := subscription.tail:
            tail.remove(subscription.connection)
            if tail.is_unread:
                del self._tails[tail.renderer]
            subscription.depart()

    def remove(self, subscription: Subscription) -> bool:
        """Forget a reader who has arrived; return whether there is nobody left, so that the feed was closed."""
        self.take_out(subscription)
        return self.close_if_unread()

    def move(self, subscription: Subscription) -> None:
        """Give a level reader the wire format that it is to have. All tails are at the cursor, between turns."""
        self.take_out(subscription)
        self.add(subscription).draw_level(subscription.connection)

    def close_if_unread(self) -> bool:
        """Read on no more, and hold up no author, if nobody reads or is about to arrive; return whether that is so."""
        if self._tails or self._arrivals:
            return False
        self._follower.close()
        with self._lock:
            self.is_closed = True
            self._caught_up.notify_all()
        return True
