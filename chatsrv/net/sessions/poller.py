"""The poller: one thread that watches all sockets that sessions wait for, and wakes their threads a few at a time.

A session's thread sleeps until there is something to read *and* it has a slot (`chatsrv.sharing.slots`). So when ten
thousand connections close in one moment, as many threads wake up as there are slots. Where there is no `epoll`,
sessions wait in `recv`, and for their slot after it. `Inlet` belongs to a session's thread.

    session's thread    Inlet.receive: nothing there  ->  arm the socket, give the slot back, sleep
    poller              socket is ready               ->  Slots.line_up  ->  the thread wakes with a slot
"""

import contextlib
import logging
import select
import selectors
import socket
import threading
import time

from chatsrv.net.wire import Wire
from chatsrv.sharing.locks import Lock
from chatsrv.sharing.slots import Slots, Urgency, give_back, hold, taken_turn

LOOK_SECONDS = 0.1
"""How long no thread may have got a slot, while one waits, before one more is lent."""

QUICK_SECONDS = 0.25
QUICK_AFTER = 8
"""A peer that sends something so often in a row, each time within so many seconds, is quick: its session's thread waits
in `recv`, and needs no slot. A crowd that logs in, joins or returns sends less.
"""

QUICK_MOST = 1024
"""Sessions that may be quick at a time, as all of them may run at once. With a slot for each, a hundred authors who
talk without pause were a fifth slower (`tests/bench --only fanout-1000-100`), and of 400 in forty rooms each message
took a quarter more of the processor.
"""

_HAS_EPOLL = hasattr(select, "epoll")
_INPUT = select.EPOLLIN | select.EPOLLRDHUP if _HAS_EPOLL else 0
_END = select.EPOLLRDHUP if _HAS_EPOLL else 0
_RESET = 0  # of which `epoll` always tells

logger = logging.getLogger(__name__)


class Poller:
    """Owned by delivery, which starts and stops it. Any session's thread may make an `Inlet` and use it."""

    def __init__(self) -> None:
        self.slots = Slots(crowded=self._look)
        self._waiting: dict[int, tuple[Urgency, Lock]] = {}  # by descriptor; each use is a step of the interpreter
        self.quick: set[Inlet] = set()  # adding and discarding are atomic
        self._is_stopping = False
        self._is_looking = False  # whether it looks now and then if slots come back
        self._thread: threading.Thread | None = None
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._wake_reader.setblocking(False)
        self._wake_writer.setblocking(False)
        if _HAS_EPOLL:
            self._epoll = select.epoll()
            self._epoll.register(self._wake_reader, select.EPOLLIN)

    @property
    def is_watching(self) -> bool:
        """Whether the thread runs; else sessions wait in `recv`."""
        return self._thread is not None

    def start(self) -> None:
        """Start the thread."""
        if _HAS_EPOLL:
            self._thread = threading.Thread(target=self._run, name="poller", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Stop the thread, once every session is finished, and let go of the descriptors."""
        self._is_stopping = True
        self._wake()
        if self._thread:
            self._thread.join()
        if _HAS_EPOLL:
            self._epoll.close()
        self._wake_reader.close()
        self._wake_writer.close()

    # ------------------------------------------------------------------ for inlets

    def watch(self, descriptor: int, urgency: Urgency, turn: Lock, events: int = _INPUT) -> None:
        """Release `turn` when one of `events` comes, or a reset, and there is a slot for that urgency."""
        self._waiting[descriptor] = urgency, turn  # before arming: from there on it may be taken out
        events |= select.EPOLLONESHOT
        try:
            self._epoll.modify(descriptor, events)
        except FileNotFoundError:  # the first time
            self._epoll.register(descriptor, events)

    def withdraw(self, descriptor: int) -> bool:
        """Wait for a socket no more; return `False` if its turn is being released already."""
        return self._waiting.pop(descriptor, None) is not None

    def forget(self, descriptor: int) -> None:
        """Watch a socket no more, before it is closed: the next connection gets its number."""
        if _HAS_EPOLL:
            with contextlib.suppress(OSError, ValueError):  # it was never watched, or the poller has stopped
                self._epoll.unregister(descriptor)

    # ------------------------------------------------------------------ the thread

    def _look(self) -> None:
        """Learn, on any thread, that a thread waits: from now on it is looked at whether slots come back."""
        if not self._is_looking:
            self._is_looking = True
            self._wake()

    def _wake(self) -> None:
        with contextlib.suppress(OSError):  # full or closed: awake anyhow
            self._wake_writer.send(b"\0")

    def _run(self) -> None:
        while not self._is_stopping:
            try:
                self._poll()
            except Exception:
                logger.exception("poller: a look at the sockets was cut short")

    def _poll(self) -> None:
        ended = select.EPOLLRDHUP | select.EPOLLHUP | select.EPOLLERR
        slots, wake, given, moved_at = self.slots, self._wake_reader.fileno(), -1, time.monotonic()
        while not self._is_stopping:
            ready = self._epoll.poll(LOOK_SECONDS if self._is_looking else None)
            found: list[tuple[Urgency, Lock]] = []
            try:
                for descriptor, events in ready:
                    if descriptor == wake:
                        self._wake_reader.recv(64)
                    elif waiting := self._waiting.pop(descriptor, None):
                        found.append((Urgency.STRANGERS, waiting[1]) if events & ended else waiting)
            finally:  # whatever happens, nobody that was found waits for ever
                slots.line_up(found)
            now = time.monotonic()
            if given != slots.given or not slots.is_crowded:
                given, moved_at = slots.given, now
            elif now - moved_at >= LOOK_SECONDS:
                slots.lend()
            self._is_looking = False  # before looking: a thread that lines up from now on says so
            self._is_looking = slots.is_crowded


class Inlet:
    """The reading half of one session's wire, for its thread alone. It does the waiting that a wire does not."""

    __slots__ = ("_in_a_row", "_is_quick", "_poller", "_turn", "_wire")

    def __init__(self, poller: Poller, wire: Wire) -> None:
        self._poller = poller
        self._wire = wire
        self._turn = taken_turn()
        self._is_quick = False
        self._in_a_row = 0  # how often something came within `QUICK_SECONDS`

    def open(self, urgency: Urgency) -> None:
        """Do what comes before the first byte of the wire format, and wait as `receive` does for what that needs.

        Raises:
            OSError, ProtocolError: as `Wire.open`.
        """
        while True:
            try:
                self._wire.open()
                return
            except BlockingIOError:
                self._wait_for_input(urgency)

    def receive(self, size: int, urgency: Urgency) -> bytes:
        """Return up to `size` bytes; empty at the end of the stream.

        It waits without a slot, and returns with one, or raises with one. Quick ones do without.

        Raises:
            OSError, ProtocolError: as the wire's `receive`.
        """
        poller, receive = self._poller, self._wire.receive
        if self._is_quick:
            give_back()
            try:
                return receive(size)
            except BlockingIOError:  # nothing came in time
                self._in_a_row = 0
                self._be_quick(False)
        elif not poller.is_watching:
            give_back()
            try:
                return receive(size)
            finally:
                poller.slots.take(urgency)
        elif poller.slots.is_crowded and self._wire.has_more():  # whoever waits need not wait for a slot first
            give_back()
            poller.slots.take(urgency)  # a peer that sends without end takes turns with the others
        while True:
            try:
                return receive(size, socket.MSG_DONTWAIT)
            except BlockingIOError:
                pass  # nothing is there yet
            since = time.monotonic()
            self._wait_for_input(urgency)
            if urgency > Urgency.DEEDS or time.monotonic() - since >= QUICK_SECONDS:
                self._in_a_row = 0
                continue
            self._in_a_row += 1
            if self._in_a_row >= QUICK_AFTER:
                self._be_quick(len(poller.quick) < QUICK_MOST)

    def _wait_for_input(self, urgency: Urgency) -> None:
        """Wait, without a slot, until the descriptor has something to read; return with one."""
        poller = self._poller
        if poller.is_watching:
            poller.watch(self._wire.fileno(), urgency, self._turn)
            give_back()
            self._turn.acquire()
            hold(poller.slots, urgency)
        else:
            give_back()
            with selectors.DefaultSelector() as selector:
                selector.register(self._wire, selectors.EVENT_READ)
                selector.select()
            poller.slots.take(urgency)

    def wait(self, seconds: float, urgency: Urgency, *, is_for_end: bool) -> bool:
        """Wait for so many seconds; return `True` as soon as the peer ends the stream, if `is_for_end`, or resets it.

        It waits without a slot, and returns with one. Where there is no `epoll`, it waits for the time alone.
        """
        poller = self._poller
        self._in_a_row = 0
        if self._is_quick:
            self._be_quick(False)
        if not poller.is_watching:
            give_back()
            time.sleep(seconds)
            poller.slots.take(urgency)
            return False
        descriptor = self._wire.fileno()
        poller.watch(descriptor, urgency, self._turn, _END if is_for_end else _RESET)
        give_back()
        if not self._turn.acquire(timeout=seconds):
            if poller.withdraw(descriptor):
                poller.slots.take(urgency)
                return False
            self._turn.acquire()
        hold(poller.slots, urgency)
        return True

    def read_now(self, size: int) -> bytes | None:
        """Return up to `size` bytes that have come; `None` if nothing has, empty at the end of the stream.

        Raises:
            OSError, ProtocolError: as the wire's `receive`.
        """
        try:
            return self._wire.receive(size, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return None

    def check(self) -> None:
        """Find out, without reading, whether the connection was reset.

        Raises:
            OSError: it was; which one it is, `read_now` would say.
        """
        self._wire.check()

    def _be_quick(self, is_quick: bool) -> None:
        self._is_quick = is_quick
        if is_quick:
            self._wire.give_up_after(QUICK_SECONDS)
            self._poller.quick.add(self)
        else:
            self._poller.quick.discard(self)

    def close(self) -> None:
        """Have the socket watched no more, before it is closed."""
        self._poller.quick.discard(self)
        self._poller.forget(self._wire.fileno())
