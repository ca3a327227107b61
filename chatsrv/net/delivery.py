"""Delivery: one thread that writes to all session sockets, and alone keeps time.

It decides nothing about chat: it reads on from where it is in each room's log, and hands what it finds, rendered, to
the sockets. Other threads only leave requests (the methods of the first half) and never wait for it, but at a session's
end (`finish`), to let it catch up (`pace`), and to be told how far a peer is (`standing`). The second half, and all
state but the requests, belongs to the delivery thread.

    session's thread        post, subscribe, hang_up, finish  ->  requests  ->  one byte to wake, if delivery sleeps
    recorder, or author     follower's wake                   ->  requests
    delivery                requests, then deadlines, then sockets that became ready again; then sleep
"""

import contextlib
import itertools
import logging
import math
import secrets
import selectors
import socket
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from chatsrv.entries import Entry, Position
from chatsrv.errors import Hole
from chatsrv.limits import Limits
from chatsrv.net.connection import GONE, Connection
from chatsrv.net.feed import Feed
from chatsrv.net.keeper import Keeper
from chatsrv.net.poller import Inlet, Poller
from chatsrv.net.reading import Standing
from chatsrv.net.scarcity import Reserve, insist, lack_of
from chatsrv.net.subscription import Subscription
from chatsrv.net.tail import Batch, Tail
from chatsrv.net.unsent import Unsent
from chatsrv.net.writing import Writing
from chatsrv.protocols.base import Renderer
from chatsrv.reasons import Reason
from chatsrv.roomlog.base import RoomLog
from chatsrv.slots import Slots, step_aside

logger = logging.getLogger(__name__)

READ_ENTRIES = 1024
"""Entries that delivery reads at once: more than come together in practice, few enough to look at the sockets again."""

LOOK_BATCHES = 4
"""Batches handed out before delivery looks at the sockets again. Entries may be long, and what is read at once may be
more than a tail holds: without a look in between, who reads as fast as anybody can would fall off it in a single turn.
"""

TELL_SECONDS = 60.0
"""Where there is no memory, that is one line in the log for so long."""

PATIENCE_SECONDS = 0.01
"""How long delivery lets others give memory back before it tries again."""

RELEASE_SECONDS = 30.0
"""How long a session's end waits for delivery before it closes its socket regardless. Reached only through a bug."""


class Delivery:
    """The one thread that writes to session sockets; see the module."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self.reserve = Reserve()
        self._requests: deque[tuple[Callable[..., None], tuple[Any, ...]]] = deque()  # appending is atomic
        self._is_asleep = False
        self._is_stopping = False
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._wake_reader.setblocking(False)
        self._wake_writer.setblocking(False)  # whoever wakes delivery may hold a room's lock
        self._thread: threading.Thread | None = None
        self._poller = Poller()
        self._numbers = itertools.count(1)
        # Sessions that share a log over several servers must not share an origin: 30 random bits, then the number.
        self._node = secrets.randbits(30) << 32
        # --- the delivery thread's alone ---
        self._feeds: dict[RoomLog, Feed] = {}
        self.unsent = Unsent(self._limits.unsent_bytes)
        # What is to be turned is turned between turns, so it is asked for as by another thread.
        self._writing = Writing(
            self._limits,
            self.unsent,
            self._forget,
            lambda it: self._request(self._mark, it),
            lambda it: self._keeper.told(it),
        )
        self._writing.selector.register(self._wake_reader, selectors.EVENT_READ)
        self._told_at = -math.inf  # when it was logged last that there is no memory
        self._keeper = Keeper(self._writing.connections, self._writing.deadlines, self._request)

    # ------------------------------------------------------------------ for any thread

    def start(self) -> None:
        """Start the thread, and the poller's."""
        self._poller.start()
        self._thread = threading.Thread(target=self._run, name="delivery", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread, once every session is finished or given up, and let go of the descriptors."""
        if self._thread:
            self._request(self._stop)
            self._thread.join()
        self._poller.stop()
        self.reserve.give()
        self._writing.selector.close()
        self._wake_reader.close()
        self._wake_writer.close()

    @property
    def slots(self) -> Slots:
        """The slots of all session threads whose sockets this is for."""
        return self._poller.slots

    def inlet(self, sock: socket.socket) -> Inlet:
        """Return the reading half of a new socket, for its session's thread."""
        return Inlet(self._poller, sock)

    def connect(self, sock: socket.socket, address: str, renderer: Renderer) -> Connection:
        """Take a new socket on; it has `login_seconds` to become a login."""
        number = next(self._numbers)
        connection = Connection(self, sock, address, renderer, number, self._node | number)
        self._request(self._writing.take_on, connection)
        return connection

    def subscribe(
        self, connection: Connection, log: RoomLog, after: Position, *, is_marked: bool = False, is_held: bool = False
    ) -> None:
        """Send `connection` everything that comes after a position of `log`; if it `is_held`, from `go_live` on.

        Lines of a room that its peer does not speak in are marked.
        """
        self._request(self._subscribe, connection, log, after, is_marked, is_held)

    def go_live(self, connection: Connection, log: RoomLog) -> None:
        """Send a connection that is held what came meanwhile, behind what was posted so far, and all that comes."""
        self._request(self._go_live, connection, log)

    def unsubscribe(self, connection: Connection, log: RoomLog) -> None:
        """Send a connection nothing of `log` any more."""
        self._request(self._unsubscribe, connection, log)

    def turn_to(self, connection: Connection, log: RoomLog | None) -> None:
        """Mark for a connection the lines of all logs but this one."""
        self._request(self._turn_to, connection, log)

    def ignore(self, connection: Connection, accounts: frozenset[str]) -> None:
        """Leave out for a connection what these accounts say, which are told by their keys."""
        self._request(self._ignore, connection, accounts)

    def standing(self, connection: Connection) -> Standing | None:
        """Carry out `Connection.standing`."""
        answers: list[Standing] = []
        has_answer = threading.Event()
        self._request(self._tell_standing, connection, answers, has_answer)
        with step_aside(at_once=True):  # a session's lock may be held
            is_answered = has_answer.wait(RELEASE_SECONDS)
        if not is_answered:
            logger.error("session %d: delivery does not tell how far it is", connection.id)
        return answers[0] if answers else None

    def pace(self, log: RoomLog) -> None:
        """Hold up an author of `log` while its readers are being sent far less than is being written."""
        feed = self._feeds.get(log)
        if feed is not None:
            feed.pace()

    def look_later(self, seconds: float, look: Callable[[], float | None]) -> None:
        """Call `look` in so many seconds, and again in as many as it returns each time; it must not wait."""
        self._request(self._writing.deadlines.set, seconds, self._look, look)

    def reply(self, connection: Connection, number: int) -> None:
        """Write what waits in the connection's outbox up to a reply, once all is done that was asked before."""
        self._request(self._writing.reply, connection, number)

    def hang_up(self, connection: Connection) -> None:
        """Carry out `Connection.hang_up`."""
        self._request(self._writing.hang_up, connection)

    def cut(self, connection: Connection) -> None:
        """Write nothing any more to a connection that was hung up, and read nothing, once what waits was tried."""
        self._request(self._writing.cut, connection)

    def call_later(self, seconds: float, action: Callable[[], None]) -> None:
        """Have `action` called in so many seconds, on delivery's thread; it must not wait."""
        self._request(self._writing.deadlines.set, seconds, action)

    def finish(self, connection: Connection) -> None:
        """Carry out `Connection.finish`: return when delivery has let go of the socket."""
        released = insist(threading.Event)
        self._request(self._writing.finish, connection, released)
        if not released.wait(self._limits.linger_seconds + RELEASE_SECONDS):
            logger.error("session %d: delivery does not let go of its socket", connection.id)

    def _request(self, action: Callable[..., None], *args: Any) -> None:
        self._requests.append((action, args))
        if self._is_asleep:
            self._is_asleep = False
            with contextlib.suppress(BlockingIOError):  # full: it is being woken as it is
                self._wake_writer.send(b"\0")

    # ------------------------------------------------------------------ the delivery thread

    def _stop(self) -> None:
        self._is_stopping = True
        self._requests.append((lambda: None, ()))  # so that this turn does not sleep
        self._keeper.keep_all()

    def _run(self) -> None:
        while not self._is_stopping:
            try:
                self._turn()
            except Exception as error:
                self._tell_of(error)

    def _turn(self) -> None:
        for _ in range(len(self._requests)):
            action, args = self._requests.popleft()
            try:
                action(*args)
            except Exception as error:
                self._cut_short(error, action, args)
            if self.unsent.is_over:
                self._relieve()
        timeout = self._writing.deadlines.fire()
        self._is_asleep = True
        if self._requests:  # looked at after `_is_asleep` was set: whoever came before that did not wake us
            self._is_asleep = False
            timeout = 0.0
        self._resume_ready(timeout)
        if self.unsent.is_over:
            self._relieve()

    def _resume_ready(self, timeout: float | None) -> None:
        """Wait for news, or for sockets that take more again, and go on with those."""
        ready = self._writing.selector.select(timeout)
        self._is_asleep = False
        for key, _ in ready:
            if key.data is None:
                self._wake_reader.recv(64)
            elif key.data.is_stalled:  # still: what was ready before may have ended it
                try:
                    self._writing.resume(key.data)
                except Exception as error:
                    self._cut_short(error, self._writing.resume, (key.data,))

    # --- when something fails, or there is no memory

    def _cut_short(self, error: Exception, action: Callable[..., None], args: tuple[Any, ...]) -> None:
        """End the connections that a request was about which failed: going on would leave something out.

        They come back, and are told what they missed. Where there was no memory, what ends a connection is done again.
        """
        is_for_later = bool(lack_of(error))
        if action in (self._writing.finish, self._drop):
            if is_for_later:
                self._requests.append((action, args))
            args = ()
        for arg in args:
            if isinstance(arg, Connection):
                self._requests.append((self._drop, (arg,)))
            elif isinstance(arg, Feed):
                readers = [reader for tail in arg.tails() for reader in tail.readers()]
                readers += [subscription.connection for subscription in arg.arrived()]
                self._requests.extend((self._drop, (reader,)) for reader in readers)
                if is_for_later:
                    self._requests.append((action, args))  # for those who have yet to arrive
            elif isinstance(arg, threading.Event):
                arg.set()
        self._tell_of(error)

    def _drop(self, connection: Connection) -> None:
        connection.hang_up(Reason.ERROR)
        self._writing.cut(connection)

    def _tell_of(self, error: Exception) -> None:
        """Log that a turn was cut short. Where there is no memory, that is one line a minute, and others get time."""
        with contextlib.suppress(MemoryError):
            if not (lack := lack_of(error)):
                logger.error("delivery: this turn was cut short", exc_info=error)
                return
            self.reserve.give()
            if (now := time.monotonic()) - self._told_at >= TELL_SECONDS:
                self._told_at = now
                logger.error("delivery: %s, so those are cut off to whom nothing can be written", lack)
        time.sleep(PATIENCE_SECONDS)

    # --- rooms to sockets

    def _subscribe(self, connection: Connection, log: RoomLog, after: Position, is_marked: bool, is_held: bool) -> None:
        if connection.is_closing or log in connection.subscriptions:
            return
        renderer = connection.renderer.marked if is_marked else connection.renderer
        subscription = connection.subscriptions[log] = Subscription(connection, log, renderer, is_held=is_held)
        self._read_from(subscription, after)

    def _read_from(self, subscription: Subscription, after: Position) -> None:
        log = subscription.log
        try:
            feed = self._feeds.get(log)
            if is_new := feed is None:
                feed = self._feeds[log] = Feed(
                    log, _visible(log, after), self._limits.tail_bytes, self._announce, self.unsent
                )
            if after.epoch == log.epoch and after.offset > feed.cursor:  # not recorded yet, or not read yet
                feed.expect(subscription, after.offset)
            else:
                self._arrive(subscription, feed, feed.entries_after(after))
        except Hole:
            subscription.connection.hang_up(Reason.TOO_SLOW)
        else:
            if is_new and feed.has_more:  # it is told of what comes from now on, not of what is there already
                self._read_on(feed)

    def _arrive(self, subscription: Subscription, feed: Feed, missed: list[Entry]) -> None:
        """Make a connection a reader at the feed's cursor, once it has got what it `missed`."""
        if subscription.is_over:
            return
        connection, is_held = subscription.connection, subscription.held is not None
        tail = feed.add(subscription)
        subscription.held = subscription.held or []
        if missed:
            try:
                batch = tail.render(missed)
            except Exception:
                self._give_up(missed, [connection])
                return
            subscription.held.append((batch.sent, batch.data_for(connection)))
            self.unsent.note(connection)
        if not is_held:
            self._go_live(connection, subscription.log)

    def _go_live(self, connection: Connection, log: RoomLog) -> None:
        subscription = connection.subscriptions.get(log)
        if connection.is_closing or subscription is None or subscription.held is None:
            return
        if subscription.tail is None:  # it has yet to arrive
            subscription.held = None
            return
        replies = self._writing.take_replies(connection)  # before what is live, so that his place is behind them
        if connection.reading:
            connection.reading.go_live(log)
        for sent, _ in subscription.held:
            connection.note(sent)
        if waiting := b"".join([connection.leftover, replies, *(data for _, data in subscription.held)]):
            connection.leftover = waiting
        subscription.held = None
        self.unsent.note(connection)
        if not connection.is_stalled:
            self._writing.catch_up(connection)
        self._keeper.told(connection)

    def _unsubscribe(self, connection: Connection, log: RoomLog) -> None:
        if subscription := connection.subscriptions.pop(log, None):
            self._writing.leave(subscription)

    def _turn_to(self, connection: Connection, log: RoomLog | None) -> None:
        """Have lines of other logs than this one marked."""
        for subscription in connection.subscriptions.values():
            renderer = connection.renderer
            subscription.renderer = renderer if subscription.log is log else renderer.marked
        self._mark(connection)

    def _mark(self, connection: Connection) -> None:
        """Give subscriptions the wire format that they are to have; those that are behind get it once they are level.

        Between turns only: within one, some tails of a feed may be further than others.
        """
        connection.is_turning = False
        for subscription in connection.subscriptions.values():
            tail, feed = subscription.tail, subscription.feed
            if tail and feed and tail.renderer is not subscription.renderer:
                if connection in tail.level:
                    feed.move(subscription)
                else:
                    connection.is_turning = True

    def _ignore(self, connection: Connection, accounts: frozenset[str]) -> None:
        connection.ignored = accounts
        for subscription in connection.subscriptions.values():
            if subscription.tail:
                subscription.tail.ignore(connection)

    def _announce(self, feed: Feed) -> None:
        """Be told, on any thread, that there is news for a feed."""
        self._request(self._read_on, feed)

    def _read_on(self, feed: Feed) -> None:
        """Hand a feed's next entries to their readers."""
        entries = feed.read(READ_ENTRIES)
        if not entries:
            return
        self._keeper.soon()
        for tail in feed.tails():
            try:
                batches = tail.batches_of(entries)
            except Exception:
                self._give_up(entries, tail.readers())
                continue
            for number, batch in enumerate(batches, 1):
                self._hand_out(tail, batch)
                if number % LOOK_BATCHES == 0:
                    self._resume_ready(0.0)
        for subscription in feed.arrived():
            self._arrive(subscription, feed, [])
        if not feed.is_closed and feed.close_if_unread():
            self._forget(feed)
        if feed.has_more:
            feed.announce()

    def _forget(self, feed: Feed) -> None:
        del self._feeds[feed.log]

    def _give_up(self, entries: list[Entry], readers: list[Connection]) -> None:
        """End the readers of entries whose rendering raised: going on would leave out what they cannot be shown."""
        logger.exception("room %s: entries from %d on cannot be rendered", entries[0].room, entries[0].offset)
        for connection in readers:
            connection.hang_up(Reason.ERROR)
            self._writing.hang_up(connection)  # at once: what was asked before is not to be read on from here

    def _hand_out(self, tail: Tail, batch: Batch) -> None:
        for connection, data, sent in tail.fan_out(batch):
            if sent == GONE:
                connection.leftover = data
                self._writing.lose(connection)
            else:
                self._writing.stall(connection, memoryview(data)[sent:])
        self._cut_slow(tail.fallen_off())
        if self.unsent.is_over:
            self._relieve()
        if tail.is_noted_at_length():
            for connection in tail.level:
                if connection.reading:
                    connection.reading.shorten()

    def _relieve(self) -> None:
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
            self._writing.cut(connection)

    def _look(self, look: Callable[[], float | None]) -> None:
        if seconds := look():
            self._writing.deadlines.set(seconds, self._look, look)

    @staticmethod
    def _tell_standing(connection: Connection, answers: list[Standing], has_answer: threading.Event) -> None:
        if connection.reading:
            answers.append(connection.reading.last_standing or connection.reading.standing())
        has_answer.set()


def _visible(log: RoomLog, after: Position) -> Position:
    """Return `after`, or the end of `log` while that is not visible yet.

    A feed stands where everything is visible: whoever was overtaken on his way here is given what lies between his
    place and the feed's, and that has to be there to be read.
    """
    log.read(after, 0)  # raises the `Hole` that it may be
    end = log.end
    return end if after.offset > end.offset else after
