"""Rooms to sockets: the feeds of all logs, and which connection reads which.

    subscribe, go_live, turn_to, ignore, unsubscribe     who reads what, from where, and how it is shown
    read_on                                              what is new in a log, rendered once for each wire format

Decides nothing about chat, and knows no threads but its own: all of it belongs to the delivery thread, but that any may
`announce` news, and look a feed up in `feeds`.
"""

import logging
from collections.abc import Callable, Sequence
from functools import partial

from chatsrv.model.entries import Entry, Position
from chatsrv.model.errors import Hole
from chatsrv.model.limits import Limits
from chatsrv.model.reasons import Reason
from chatsrv.net.delivery.connection import Connection, Subscription
from chatsrv.net.delivery.feed import Feed
from chatsrv.net.delivery.fetcher import Fetcher
from chatsrv.net.delivery.keeper import Keeper
from chatsrv.net.delivery.tail import Batch, Tail
from chatsrv.net.delivery.unsent import Unsent
from chatsrv.net.delivery.writing import Writing
from chatsrv.net.wire import GONE
from chatsrv.roomlog.base import RoomLog

logger = logging.getLogger(__name__)

READ_ENTRIES = 1024
"""Entries that delivery reads at once: more than come together in practice, few enough to look at the sockets again."""

LOOK_BATCHES = 4
"""Batches handed out before delivery looks at the sockets again. Entries may be long, and what is read at once may be
more than a tail holds: without a look in between, who reads as fast as anybody can would fall off it in a single turn.
"""


class FanOut:
    """The part of delivery that hands entries of logs to connections, which are written to by `writing`.

    `request` has something done in one of delivery's next turns; `look` goes on with the sockets that are ready. What
    is not in memory is read by `fetcher`.
    """

    def __init__(
        self, limits: Limits, request: Callable[..., None], look: Callable[[], None], fetcher: Fetcher
    ) -> None:
        self.feeds: dict[RoomLog, Feed] = {}
        self._fetcher = fetcher
        self.unsent = Unsent(limits.unsent_bytes)
        self._tail_bytes = limits.tail_bytes
        self._request = request
        self._look = look
        # What is to be turned is turned between turns, so it is asked for as by another thread.
        self.writing = Writing(
            limits, self.unsent, self.leave, lambda it: request(self.mark, it), lambda it: self.keeper.told(it)
        )
        self.keeper = Keeper(self.writing.connections, self.writing.deadlines, request)

    def subscribe(self, connection: Connection, log: RoomLog, after: Position, is_marked: bool, is_held: bool) -> None:
        """Carry out `Delivery.subscribe`."""
        if subscription := connection.subscribe(log, is_marked=is_marked, is_held=is_held):
            self._read_from(subscription, after)

    def _read_from(self, subscription: Subscription, after: Position, fetched: Sequence[Entry] = ()) -> None:
        """Have a connection read on from a position, after which some entries were fetched for it."""
        log = subscription.log
        try:
            feed = self.feeds.get(log)
            if is_new := feed is None:
                begin = _visible(log, after)
                feed = self.feeds[log] = Feed(log, begin, self._tail_bytes, self._announce, self.unsent.keep)
            if after.epoch == log.epoch and after.offset > feed.cursor:  # not recorded yet, or not read yet
                feed.expect(subscription, after.offset)
            elif (rest := feed.entries_after(place := Position(after.epoch, after.offset + len(fetched)))) is None:
                then = partial(self._go_on_arriving, after, fetched)
                self._fetcher.fetch(log, place, feed.cursor - place.offset, then, subscription)
            else:
                self._arrive(subscription, feed, [*fetched[: feed.cursor - after.offset], *rest])
        except Hole:
            subscription.connection.hang_up(Reason.TOO_SLOW)
        else:
            if is_new and feed.has_more:  # it is told of what comes from now on, not of what is there already
                self.read_on(feed)

    def _go_on_arriving(
        self, after: Position, before: Sequence[Entry], subscription: Subscription, fetched: list[Entry] | Exception
    ) -> None:
        """Have a connection read on with what was fetched for it; the feed may have read on meanwhile."""
        if subscription.is_over:
            return
        if isinstance(fetched, Hole):
            subscription.connection.hang_up(Reason.TOO_SLOW)
        elif isinstance(fetched, Exception):
            self._give_up_reading(subscription.log, fetched, [subscription.connection])
        else:
            self._read_from(subscription, after, [*before, *fetched])

    def _arrive(self, subscription: Subscription, feed: Feed, missed: list[Entry]) -> None:
        """Make a connection a reader at the feed's cursor, once it has got what it `missed`."""
        if subscription.is_over:
            return
        connection, tail = subscription.connection, feed.add(subscription)
        if missed:
            try:
                batch = tail.render(missed)
            except Exception:  # the edge to somebody's wire format: its reader goes, and all others go on
                self._give_up(missed, [connection])
                return
            subscription.miss(batch)
            self.unsent.note(connection)
        if not subscription.is_held:
            self._begin(subscription)

    def go_live(self, connection: Connection, log: RoomLog) -> None:
        """Carry out `Delivery.go_live`."""
        subscription = connection.subscriptions.get(log)
        if subscription and subscription.hold_no_more():  # else it has yet to arrive, and will be live then
            self._begin(subscription)

    def _begin(self, subscription: Subscription) -> None:
        """Write to a connection what it missed of a log, and all that comes."""
        connection = subscription.connection
        connection.go_live(subscription)
        self.unsent.note(connection)
        if not connection.is_stalled:
            self.writing.catch_up(connection)
        self.keeper.told(connection)

    def unsubscribe(self, connection: Connection, log: RoomLog) -> None:
        """Carry out `Delivery.unsubscribe`."""
        if subscription := connection.unsubscribe(log):
            self.leave(subscription)

    def turn_to(self, connection: Connection, log: RoomLog | None) -> None:
        """Carry out `Delivery.turn_to`: have lines of other logs than this one marked."""
        connection.turn_to(log)
        self.mark(connection)

    def mark(self, connection: Connection) -> None:
        """Give subscriptions the wire format that they are to have; those that are behind get it once they are level.

        Between turns only: within one, some tails of a feed may be further than others.
        """
        for subscription in connection.movable():
            self.feeds[subscription.log].move(subscription)

    def ignore(self, connection: Connection, accounts: frozenset[str]) -> None:
        """Carry out `Delivery.ignore`."""
        connection.ignore(accounts)

    def _announce(self, feed: Feed) -> None:
        """Be told, on any thread, that there is news for a feed."""
        self._request(self.read_on, feed)

    def read_on(self, feed: Feed) -> None:
        """Hand a feed's next entries to their readers."""
        entries = feed.read(READ_ENTRIES)
        if not entries:
            if entries is None:
                self._fetcher.fetch(feed.log, Position(feed.log.epoch, feed.cursor), READ_ENTRIES, self._go_on, feed)
            return
        self.keeper.soon()
        for tail in feed.tails():
            try:
                batches = tail.batches_of(entries)
            except Exception:  # the edge to somebody's wire format: its readers go, and those of other formats go on
                self._give_up(entries, tail.readers())
                continue
            for number, batch in enumerate(batches, 1):
                self._hand_out(tail, batch)
                if number % LOOK_BATCHES == 0:
                    self._look()
        for subscription in feed.arrived():
            self._arrive(subscription, feed, [])
        if not feed.is_closed and feed.close_if_unread():
            self._forget(feed)
        if feed.has_more:
            feed.announce()

    def _go_on(self, feed: Feed, fetched: list[Entry] | Exception) -> None:
        """Read on with what was fetched for a feed. Where it cannot be read, its readers go, and are told at return."""
        if feed.is_closed:
            return
        if isinstance(fetched, Exception):
            feed.have_fetched([])
            readers = [reader for tail in feed.tails() for reader in tail.readers()]
            readers += [subscription.connection for subscription in feed.expected()]
            self._give_up_reading(feed.log, fetched, readers)
            if not feed.is_closed and feed.close_if_unread():
                self._forget(feed)
        else:
            feed.have_fetched(fetched)
            self.read_on(feed)

    def _give_up_reading(self, log: RoomLog, error: Exception, readers: list[Connection]) -> None:
        logger.error("room %s: what was said cannot be read", log.room, exc_info=error)
        self._end(readers)

    def leave(self, subscription: Subscription) -> None:
        """Have a connection read a log no more."""
        if subscription.tail and self.feeds[subscription.log].remove(subscription):
            self._forget(self.feeds[subscription.log])

    def _forget(self, feed: Feed) -> None:
        """Read the log of a feed no more: nobody does."""
        del self.feeds[feed.log]

    def _give_up(self, entries: list[Entry], readers: list[Connection]) -> None:
        """End the readers of entries whose rendering raised: going on would leave out what they cannot be shown."""
        logger.exception("room %s: entries from %d on cannot be rendered", entries[0].room, entries[0].offset)
        self._end(readers)

    def _end(self, readers: list[Connection]) -> None:
        for connection in readers:
            connection.hang_up(Reason.ERROR)
            self.writing.hang_up(connection)  # at once: what was asked before is not to be read on from here

    def _hand_out(self, tail: Tail[Connection], batch: Batch) -> None:
        for connection, data, sent in tail.fan_out(batch):
            if sent == GONE:
                self.writing.lose(connection, data)
            else:
                self.writing.stall(connection, memoryview(data)[sent:])
        self._cut_slow(tail.fallen_off())
        if self.unsent.is_over:
            self.relieve()
        if tail.is_noted_at_length():
            for connection in tail.level:
                connection.forget_taken()

    def relieve(self) -> None:
        """Have those give way for whom too much is kept in all: the slowest of the biggest tail, then of the next."""
        for tail in self.unsent.tails():
            tail.forget_read()
        while not self.unsent.has_room_again:
            if biggest := self.unsent.biggest_tail():
                self._cut_slow(biggest.shorten())
            elif connection := self.unsent.slowest():
                self._cut_slow([connection])
            else:
                break

    def _cut_slow(self, connections: list[Connection]) -> None:
        for connection in connections:
            connection.hang_up(Reason.TOO_SLOW)
            self.writing.cut(connection)


def _visible(log: RoomLog, after: Position) -> Position:
    """Return `after`, or the end of `log` while that is not visible yet.

    A feed stands where everything is visible: a reader that was overtaken on its way here is given what lies between
    its place and the feed's, and that has to be there to be read.
    """
    log.read_at_hand(after, 0)  # raises the `Hole` that it may be
    end = log.end
    return end if after.offset > end.offset else after
