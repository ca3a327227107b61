"""Delivery: one thread that writes to all session sockets, and alone keeps time.

It decides nothing about chat: it reads on from where it is in each room's log, and hands what it finds, rendered, to
the sockets. What that is stands in `chatsrv.net.delivery.fanout`, the writing in `chatsrv.net.delivery.writing`. Other
threads only leave requests (the methods of the first half) and never wait for it, but at a session's end (`finish`), to
let it catch up (`pace`), and to be told how far a peer is (`standing`). The second half, and all state but the
requests, belongs to the delivery thread.

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
from typing import Any, Protocol

from chatsrv.model.entries import Position
from chatsrv.model.limits import Limits
from chatsrv.model.reasons import Reason
from chatsrv.net.delivery.connection import Connection, Subscription
from chatsrv.net.delivery.fanout import FanOut
from chatsrv.net.delivery.feed import Feed
from chatsrv.net.delivery.fetcher import Fetcher
from chatsrv.net.receipts.receipts import Standing
from chatsrv.net.scarcity import Reserve, insist, lack_of
from chatsrv.net.sessions.poller import Inlet, Poller
from chatsrv.net.wire import Wire
from chatsrv.protocols.base import Writer
from chatsrv.roomlog.base import RoomLog
from chatsrv.sharing.slots import Slots, step_aside

REQUESTS_AT_ONCE = 256
"""Requests that are carried out before delivery looks at its sockets and deadlines again, so that nobody's crowd of
requests keeps it from them.
"""

logger = logging.getLogger(__name__)

TELL_SECONDS = 60.0
"""Where there is no memory, that is one line in the log for so long."""

PATIENCE_SECONDS = 0.01
"""How long delivery lets others give memory back before it tries again."""

RELEASE_SECONDS = 30.0
"""How long a session's end waits for delivery before it closes its socket regardless. Reached only through a bug."""


class User(Protocol):
    """A server, as far as delivery is concerned."""

    @property
    def label(self) -> str:
        """What log lines call it."""


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
        self._has_stopped = False
        self.users: set[User] = set()
        """Servers whose sockets this is for; adding and discarding are atomic."""
        # --- the delivery thread's alone ---
        self._fetcher = Fetcher(self._request)
        self._fanout = FanOut(self._limits, self._request, lambda: self._resume_ready(0.0), self._fetcher)
        self.unsent = self._fanout.unsent
        self._writing = self._fanout.writing
        self._writing.selector.register(self._wake_reader, selectors.EVENT_READ)
        self._told_at = -math.inf  # when it was logged last that there is no memory

    # ------------------------------------------------------------------ for any thread

    def start(self) -> None:
        """Start the thread, and those of the poller and the fetcher.

        Raises:
            RuntimeError: it was started or stopped before.
        """
        self.check_usable()
        if self._thread:
            raise RuntimeError("this delivery runs already; start() is called once")
        self._poller.start()
        self._fetcher.start()
        self._thread = threading.Thread(target=self._run, name="delivery", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread, once every session is finished or given up, and let go of the descriptors.

        Raises:
            RuntimeError: a server uses it that is not closed. It runs on then.
        """
        self.check_unused()
        if self._has_stopped:
            return
        if self._thread:
            self._request(self._stop)
            self._thread.join()
        self._has_stopped = True  # before looking: whoever asks for something from now on finds out by itself
        for connection in list(self._writing.connections.values()):  # those that were given up are to end, too
            self._writing.cut(connection)
            connection.release()
        while self._requests:
            for arg in self._requests.popleft()[1]:
                if isinstance(arg, threading.Event):
                    arg.set()
        self._poller.stop()
        self._fetcher.stop()
        self.reserve.give()
        self._writing.selector.close()
        self._wake_reader.close()
        self._wake_writer.close()

    def check_usable(self) -> None:
        """Look at whether a server may be made with this.

        Raises:
            RuntimeError: it was stopped.
        """
        if self._has_stopped:
            raise RuntimeError("this delivery was stopped, and cannot be used again: make another Delivery()")

    def check_running(self) -> None:
        """Look at whether a server may serve with this.

        Raises:
            RuntimeError: nobody would be written to.
        """
        self.check_usable()
        if self._thread is None:
            raise RuntimeError(
                "the shared delivery does not run, so nobody would be answered: call start() of it first"
            )
        if not self._thread.is_alive():
            raise RuntimeError(
                "delivery's thread is not in this process: make the server after the fork, not before it"
            )

    def check_unused(self, user: "User | None" = None) -> None:
        """Look at whether a server, or nobody, is the only one that uses this.

        Raises:
            RuntimeError: others do.
        """
        if others := sorted(other.label for other in self.users.copy() - {user}):
            raise RuntimeError(
                f"the delivery is in use by {', '.join(others)}: close every server that shares it first"
            )

    @property
    def slots(self) -> Slots:
        """The slots of all session threads whose sockets this is for."""
        return self._poller.slots

    def inlet(self, wire: Wire) -> Inlet:
        """Return the reading half of a new wire, for its session's thread."""
        return Inlet(self._poller, wire)

    def connect(self, wire: Wire, address: str, writer: Writer) -> Connection:
        """Take a new wire on; it has `login_seconds` to become a login."""
        number = next(self._numbers)
        connection = Connection(self, wire, address, writer, number, self._node | number)
        self._request(self._writing.take_on, connection)
        return connection

    def subscribe(
        self, connection: Connection, log: RoomLog, after: Position, *, is_marked: bool = False, is_held: bool = False
    ) -> None:
        """Send `connection` everything that comes after a position of `log`; if it `is_held`, from `go_live` on.

        Lines of a room that its peer does not speak in are marked.
        """
        self._request(self._fanout.subscribe, connection, log, after, is_marked, is_held)

    def go_live(self, connection: Connection, log: RoomLog) -> None:
        """Send a connection that is held what came meanwhile, behind what was posted so far, and all that comes."""
        self._request(self._fanout.go_live, connection, log)

    def unsubscribe(self, connection: Connection, log: RoomLog) -> None:
        """Send a connection nothing of `log` any more."""
        self._request(self._fanout.unsubscribe, connection, log)

    def turn_to(self, connection: Connection, log: RoomLog | None) -> None:
        """Mark for a connection the lines of all logs but this one."""
        self._request(self._fanout.turn_to, connection, log)

    def ignore(self, connection: Connection, accounts: frozenset[str]) -> None:
        """Leave out for a connection what these accounts say, which are told by their keys."""
        self._request(self._fanout.ignore, connection, accounts)

    def standing(self, connection: Connection) -> Standing | None:
        """Carry out `Connection.standing`."""
        answers: list[Standing] = []
        has_answer = threading.Event()
        self._request(self._tell_standing, connection, answers, has_answer)
        with step_aside(at_once=True):  # a session's lock may be held
            is_answered = self._has_stopped or has_answer.wait(RELEASE_SECONDS)
        if not is_answered:
            logger.error("session %d: delivery does not tell how far it is", connection.id)
        return answers[0] if answers else None

    def pace(self, log: RoomLog) -> None:
        """Hold up an author of `log` while its readers are being sent far less than is being written."""
        feed = self._fanout.feeds.get(log)
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
        if not self._has_stopped and not released.wait(self._limits.linger_seconds + RELEASE_SECONDS):
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
        self._fanout.keeper.keep_all()

    def _run(self) -> None:
        while not self._is_stopping:
            try:
                self._turn()
            except Exception as error:
                self._tell_of(error)

    def _turn(self) -> None:
        for _ in range(min(len(self._requests), REQUESTS_AT_ONCE)):
            action, args = self._requests.popleft()
            try:
                action(*args)
            except Exception as error:
                self._cut_short(error, action, args)
            if self.unsent.is_over:
                self._fanout.relieve()
        timeout = self._writing.deadlines.fire()
        self._is_asleep = True
        if self._requests:  # looked at after `_is_asleep` was set: whoever came before that did not wake us
            self._is_asleep = False
            timeout = 0.0
        self._resume_ready(timeout)
        if self.unsent.is_over:
            self._fanout.relieve()

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
            if isinstance(arg, Subscription):
                arg = arg.connection
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

    def _look(self, look: Callable[[], float | None]) -> None:
        if seconds := look():
            self._writing.deadlines.set(seconds, self._look, look)

    @staticmethod
    def _tell_standing(connection: Connection, answers: list[Standing], has_answer: threading.Event) -> None:
        if standing := connection.tell_standing():
            answers.append(standing)
        has_answer.set()
