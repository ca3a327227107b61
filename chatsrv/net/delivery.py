"""Delivery: one thread that writes to all session sockets, and alone keeps time.

It decides nothing about chat: it reads on from where it is in each room's log, and hands what it finds, rendered, to
the sockets. Other threads only leave requests (the methods of the first half) and never wait for it, but at a session's
end and to let it catch up (`pace`). The second half, and all state but the requests, belongs to the delivery thread.

    session's thread        post, subscribe, hang_up, finish  ->  requests  ->  one byte to wake, if delivery sleeps
    recorder, or author     follower's wake                   ->  requests
    delivery                requests, then deadlines, then sockets that became ready again; then sleep
"""

import contextlib
import itertools
import logging
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
from chatsrv.net.connection import GONE, Connection, send_some
from chatsrv.net.deadlines import Deadlines
from chatsrv.net.feed import Feed
from chatsrv.net.keeper import Keeper
from chatsrv.net.reading import Standing
from chatsrv.net.tail import Batch, Tail
from chatsrv.protocols.base import Renderer
from chatsrv.reasons import Reason
from chatsrv.roomlog.base import RoomLog

logger = logging.getLogger(__name__)

READ_ENTRIES = 1024
"""Entries that delivery reads at once: more than come together in practice, few enough to look at the sockets again."""

LOOK_BATCHES = 4
"""Batches handed out before delivery looks at the sockets again. Entries may be long, and what is read at once may be
more than a tail holds: without a look in between, who reads as fast as anybody can would fall off it in a single turn.
"""

LOOK_SECONDS = 0.01
"""Time until the first look at whether a peer has acknowledged the last lines; nothing tells it but looks, which get
rarer. One round trip on the same continent.
"""

RELEASE_SECONDS = 30.0
"""How long a session's end waits for delivery before it closes its socket regardless. Reached only through a bug."""


class Delivery:
    """The one thread that writes to session sockets; see the module."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._requests: deque[tuple[Callable[..., None], tuple[Any, ...]]] = deque()  # appending is atomic
        self._is_asleep = False
        self._is_stopping = False
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._wake_reader.setblocking(False)
        self._wake_writer.setblocking(False)  # whoever wakes delivery may hold a room's lock
        self._thread: threading.Thread | None = None
        self._numbers = itertools.count(1)
        # Sessions that share a log over several servers must not share an origin: 30 random bits, then the number.
        self._node = secrets.randbits(30) << 32
        # --- the delivery thread's alone ---
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._wake_reader, selectors.EVENT_READ)
        self._connections: dict[int, Connection] = {}
        self._feeds: dict[RoomLog, Feed] = {}
        self._deadlines = Deadlines()
        self._keeper = Keeper(self._connections.values(), self._deadlines, self._request)

    # ------------------------------------------------------------------ for any thread

    def start(self) -> None:
        """Start the thread."""
        self._thread = threading.Thread(target=self._run, name="delivery", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread, once every session is finished, and let go of the descriptors."""
        self._is_stopping = True
        if self._thread:
            self._request(lambda: None)
            self._thread.join()
        self._selector.close()
        self._wake_reader.close()
        self._wake_writer.close()

    def connect(self, sock: socket.socket, address: str, renderer: Renderer) -> Connection:
        """Take a new socket on; it has `login_seconds` to become a login."""
        number = next(self._numbers)
        connection = Connection(self, sock, address, renderer, number, self._node | number)
        self._request(self._take_on, connection)
        return connection

    def subscribe(self, connection: Connection, log: RoomLog, after: Position, *, is_held: bool = False) -> None:
        """Send `connection` everything that comes after a position of `log`; if it `is_held`, from `go_live` on."""
        self._request(self._subscribe, connection, log, after, is_held)

    def go_live(self, connection: Connection) -> None:
        """Send a connection that is held what came meanwhile, behind what was posted so far, and all that comes."""
        self._request(self._go_live, connection)

    def standing(self, connection: Connection) -> Standing | None:
        """Carry out `Connection.standing`."""
        answers: list[Standing] = []
        has_answer = threading.Event()
        self._request(self._tell_standing, connection, answers, has_answer)
        if not has_answer.wait(RELEASE_SECONDS):
            logger.error("session %d: delivery does not tell how far it is", connection.id)
        return answers[0] if answers else None

    def pace(self, log: RoomLog) -> None:
        """Hold up an author of `log` while its readers are being sent far less than is being written."""
        feed = self._feeds.get(log)
        if feed is not None:
            feed.pace()

    def flush(self, connection: Connection) -> None:
        """Write the connection's outbox."""
        self._request(self._flush, connection)

    def hang_up(self, connection: Connection) -> None:
        """Carry out `Connection.hang_up`."""
        self._request(self._hang_up, connection)

    def finish(self, connection: Connection) -> None:
        """Carry out `Connection.finish`: return when delivery has let go of the socket."""
        released = threading.Event()
        self._request(self._finish, connection, released)
        if not released.wait(self._limits.linger_seconds + RELEASE_SECONDS):
            logger.error("session %d: delivery does not let go of its socket", connection.id)

    def _request(self, action: Callable[..., None], *args: Any) -> None:
        self._requests.append((action, args))
        if self._is_asleep:
            self._is_asleep = False
            with contextlib.suppress(BlockingIOError):  # full: it is being woken as it is
                self._wake_writer.send(b"\0")

    # ------------------------------------------------------------------ the delivery thread

    def _run(self) -> None:
        while not self._is_stopping:
            try:
                self._turn()
            except Exception:
                logger.exception("delivery: this turn was cut short")

    def _turn(self) -> None:
        for _ in range(len(self._requests)):
            action, args = self._requests.popleft()
            action(*args)
        timeout = self._deadlines.fire()
        self._is_asleep = True
        if self._requests:  # looked at after `_is_asleep` was set: whoever came before that did not wake us
            self._is_asleep = False
            timeout = 0.0
        self._resume_ready(timeout)

    def _resume_ready(self, timeout: float | None) -> None:
        """Wait for news, or for sockets that take more again, and go on with those."""
        ready = self._selector.select(timeout)
        self._is_asleep = False
        for key, _ in ready:
            if key.data is None:
                self._wake_reader.recv(64)
            elif key.data.is_stalled:  # still: what was ready before may have ended it
                self._resume(key.data)

    def _take_on(self, connection: Connection) -> None:
        self._connections[connection.id] = connection
        self._set_deadline(self._limits.login_seconds, self._check_login, connection)

    # --- deadlines: a check is due some time later, and asks then whether there still is a reason for it

    def _set_deadline(self, seconds: float, check: Callable[[Connection], None], connection: Connection) -> None:
        self._deadlines.set(seconds, self._check, check, connection.id)

    def _check(self, check: Callable[[Connection], None], number: int) -> None:
        connection = self._connections.get(number)
        if connection is not None:
            check(connection)

    def _check_login(self, connection: Connection) -> None:
        if not connection.has_credentials:
            connection.hang_up(Reason.LOGIN_TIMEOUT)

    def _check_progress(self, connection: Connection) -> None:
        if not connection.is_stalled:
            connection.is_watched = False
            return
        idle = time.monotonic() - connection.progress_at
        if idle >= self._limits.stall_seconds:
            connection.hang_up(Reason.TOO_SLOW)
        else:
            self._set_deadline(self._limits.stall_seconds - idle, self._check_progress, connection)

    # --- rooms to sockets

    def _subscribe(self, connection: Connection, log: RoomLog, after: Position, is_held: bool = False) -> None:
        if connection.is_closing:
            return
        if is_held:
            connection.held_back = b""
        try:
            feed = self._feeds.get(log)
            if feed is None:
                feed = self._feeds[log] = Feed(log, _visible(log, after), self._limits.tail_bytes, self._announce)
            if after.epoch == log.epoch and after.offset > feed.cursor:  # not recorded yet, or not read yet
                feed.expect(connection, after.offset)
            else:
                self._arrive(connection, feed, feed.entries_after(after))
        except Hole:
            connection.hang_up(Reason.TOO_SLOW)
        else:
            if feed.has_more:  # a new feed is told of what comes from now on, not of what is there already
                feed.announce()

    def _arrive(self, connection: Connection, feed: Feed, missed: list[Entry]) -> None:
        """Make `connection` a reader at the feed's cursor, once it has got what it `missed`."""
        if connection.is_closing:
            return
        is_held, connection.held_back = connection.held_back is not None, b""
        tail = feed.add(connection)
        connection.subscriptions += ((feed, tail),)
        if missed:
            try:
                connection.held_back = tail.render(missed).data_for(connection)
            except Exception:
                self._give_up(missed, [connection])
                return
        if not is_held:
            self._go_live(connection)

    def _go_live(self, connection: Connection) -> None:
        if connection.is_closing or connection.held_back is None:
            return
        replies = self._take_replies(connection)  # before what is live, so that his place is behind them
        connection.leftover = bytes(connection.leftover) + replies + connection.held_back
        connection.held_back = None
        if connection.reading:
            connection.reading.go_live()
        if not connection.is_stalled:
            self._catch_up(connection)
        self._keeper.soon()

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
        for connection in feed.arrived():
            if feed.is_closed:  # whoever came before was lost at once, and was the only one
                self._subscribe(connection, feed.log, Position(feed.log.epoch, feed.cursor))
            else:
                self._arrive(connection, feed, [])
        if not feed.is_closed and feed.close_if_unread():
            del self._feeds[feed.log]
        if feed.has_more:
            feed.announce()

    def _give_up(self, entries: list[Entry], readers: list[Connection]) -> None:
        """End the readers of entries whose rendering raised: going on would leave out what they cannot be shown."""
        logger.exception("room %s: entries from %d on cannot be rendered", entries[0].room, entries[0].offset)
        for connection in readers:
            connection.hang_up(Reason.ERROR)
            self._hang_up(connection)  # at once: what was asked before is not to be read on from here

    def _hand_out(self, tail: Tail, batch: Batch) -> None:
        for connection, data, sent in tail.fan_out(batch):
            if sent == GONE:
                connection.leftover = data
                self._lose(connection)
            else:
                self._stall(connection, memoryview(data)[sent:])
        for connection in tail.fallen_off():
            connection.hang_up(Reason.TOO_SLOW)
            self._cut(connection)

    # --- one socket

    def _flush(self, connection: Connection) -> None:
        if not connection.is_stalled and not connection.is_shut:
            self._catch_up(connection)

    def _stall(self, connection: Connection, leftover: memoryview) -> None:
        """Wait until the socket takes more."""
        connection.leftover = leftover
        for _, tail in connection.subscriptions:  # stalled already, it may have drawn level in another room since
            tail.fall_behind(connection)
        if not connection.is_stalled:
            connection.is_stalled = True
            connection.progress_at = time.monotonic()
            self._selector.register(connection.socket, selectors.EVENT_WRITE, connection)
            if not connection.is_watched:
                connection.is_watched = True
                self._set_deadline(self._limits.stall_seconds, self._check_progress, connection)

    def _resume(self, connection: Connection) -> None:
        """Go on with a connection whose socket takes more again."""
        connection.progress_at = time.monotonic()
        self._catch_up(connection)

    def _catch_up(self, connection: Connection) -> None:
        """Write all that waits for a connection, in order, until nothing does or its socket takes no more."""
        while data := connection.leftover or self._take_replies(connection) or self._next_from_tails(connection):
            sent = send_some(connection.send, data)
            if sent == GONE:
                connection.leftover = data
                self._lose(connection)
                return
            if sent < len(data):
                self._stall(connection, memoryview(data)[sent:])
                return
            connection.leftover = b""
        self._unstall(connection)
        if connection.is_closing:
            self._say_goodbye(connection)

    def _take_replies(self, connection: Connection) -> bytes:
        # Before the connection closes, lines of a room may still come, so the farewell is not the last.
        data, steps = connection.outbox.take(is_last=connection.is_closing)
        if data and connection.reading:
            connection.reading.note(len(data), steps)
        return data

    def _next_from_tails(self, connection: Connection) -> bytes:
        if connection.held_back is not None:
            return b""
        for _, tail in connection.subscriptions:
            if connection in tail.behind:
                if data := tail.resume(connection):
                    return data
                tail.draw_level(connection)
        return b""

    def _unstall(self, connection: Connection) -> None:
        if connection.is_stalled:
            connection.is_stalled = False
            self._selector.unregister(connection.socket)

    # --- the end of a connection: hang up, let the peer take the last lines, cut; release when its thread is done too

    def _hang_up(self, connection: Connection) -> None:
        if connection.is_closing:
            return
        self._close(connection)
        if connection.reason is None or connection.reason.is_abrupt:
            self._cut(connection)
        else:
            self._flush(connection)

    def _close(self, connection: Connection) -> None:
        """Let nothing but leftover and outbox be written any more, and nothing at all at the end of the lingering."""
        if not connection.is_closing:
            connection.is_closing = True
            self._set_deadline(self._limits.linger_seconds, self._end_linger, connection)
        if connection.reading:
            connection.reading.stay()
        for feed, tail in connection.subscriptions:
            if feed.remove(connection, tail):
                del self._feeds[feed.log]
        connection.subscriptions = ()

    def _say_goodbye(self, connection: Connection) -> None:
        """End the stream behind the last line. The peer's own end, or the linger deadline, ends the session then.

        Closing at once instead, with input unread, would make TCP throw the last lines away (RFC 1122 §4.2.2.13).
        """
        self._shut(connection, socket.SHUT_WR)

    def _lose(self, connection: Connection) -> None:
        connection.hang_up(Reason.LOST)
        self._cut(connection)

    def _cut(self, connection: Connection) -> None:
        """Let nothing be written any more, nor read: its thread wakes up and ends."""
        self._close(connection)
        self._unstall(connection)
        self._shut(connection, socket.SHUT_RDWR)

    def _end_linger(self, connection: Connection) -> None:
        if connection.reading:
            connection.reading.is_over = True
        self._cut(connection)

    def _shut(self, connection: Connection, how: int) -> None:
        connection.is_shut = True
        with contextlib.suppress(OSError):  # the peer was faster
            connection.socket.shutdown(how)
            if connection.reading:
                connection.reading.has_ended_stream = True
        if connection.released:
            self._release(connection)

    def _finish(self, connection: Connection, released: threading.Event) -> None:
        connection.released = released
        if connection.is_shut:
            self._release(connection)

    def _release(self, connection: Connection, look_seconds: float = LOOK_SECONDS) -> None:
        """Let go of the socket, once its peer has acknowledged all that it ever will."""
        if connection.id not in self._connections or not connection.released:
            return
        if connection.reading:
            if connection.reading.may_be_acknowledged:
                self._set_deadline(look_seconds, lambda it: self._release(it, 2 * look_seconds), connection)
                return
            connection.reading.last_standing = connection.reading.standing()
        del self._connections[connection.id]
        connection.released.set()

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
