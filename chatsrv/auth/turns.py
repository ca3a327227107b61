"""Turns: work that takes a core for itself, done by a few threads; people wait for it in a fair line of bounded length.

Knows nothing of passwords. Any thread may ask, and waits for the outcome. The threads are daemons of low priority, so
that whoever chats goes first; they start when there is work, and end with the object.
"""

import contextlib
import os
import queue
import sys
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from chatsrv.auth.line import NOBODY, Line, Party, Place
from chatsrv.model.errors import Unavailable
from chatsrv.sharing.slots import step_aside

THREAD_NAME = "hash"

NICENESS = 10
"""Of the threads: a tenth of the processor time that others get who want the same core (sched(7)). The idle class,
below that, would have somebody else's busy program keep a thread that holds the interpreter from going on.
"""

_SMOOTHING = 8  # the mean follows some so many pieces of work

T = TypeVar("T")

_party: ContextVar[Party] = ContextVar("_party", default=NOBODY)


@contextmanager
def on_behalf_of(party: Party) -> Iterator[None]:
    """Have all turns inside taken on behalf of `party`, also by threads that run in a copy of the context."""
    token = _party.set(party)
    try:
        yield
    finally:
        _party.reset(token)


def party() -> Party:
    """Return on whose behalf this thread is at work."""
    return _party.get()


class Turns:
    """Lets `at_once` pieces of work be done at a time, and `waiting` wait for their turn, `seconds` at most.

    The turns are fair: see `Line`. When one more comes than may wait, the one gives way that has most before it.
    """

    def __init__(self, at_once: int, waiting: int, seconds: float) -> None:
        self._at_once = at_once
        self._waiting_most = waiting
        self._seconds = seconds
        self._hall = _Hall()
        self._threads = 0  # guarded by the hall's lock

    @property
    def in_line(self) -> int:
        """How many wait, or are being worked on."""
        with self._hall.lock:
            return self._hall.in_line

    def take(self, work: Callable[[], T]) -> T:
        """Return what `work` returns, or raise what it raises, once its turn has come.

        Raises:
            Unavailable: too many wait already, or it would take or has taken too long until its turn came.
        """
        hall, outcome = self._hall, Future[T]()
        with hall.lock:
            place = hall.line.join(party(), (outcome, work))
            must_wait = hall.in_line > self._at_once
            try:
                self._check_wait_locked(place)
                if self._threads < min(self._at_once, hall.in_line):
                    self._start_locked()
            except BaseException:
                hall.line.leave(place)
                raise
            if hall.in_line - self._at_once > self._waiting_most:
                self._dismiss_locked()
        hall.news.put(True)
        try:
            with step_aside():
                return outcome.result(self._seconds if must_wait else None)
        except TimeoutError:
            if self._leave(place):
                raise Unavailable(f"a login waited {self._seconds:g} seconds for its turn to verify a hash") from None
            return outcome.result()  # its turn has just come, or what it raised was that
        finally:
            self._leave(place)  # whatever ended the waiting

    def _check_wait_locked(self, place: Place) -> None:
        ahead = self._hall.line.ahead(place) + self._hall.at_work
        turns = ahead - self._at_once + 1  # how many have to end before this one begins
        seconds = turns * self._hall.mean.seconds / self._at_once
        if seconds > self._seconds:
            raise Unavailable(
                f"{turns - 1} logins wait for a password hash already; this one's turn would come after "
                f"{seconds:.0f} seconds, and {self._seconds:g} is the limit"
            )

    def _dismiss_locked(self) -> None:
        last = self._hall.line.last()
        self._hall.line.leave(last)
        outcome: Future[Any] = last.what[0]
        outcome.set_exception(
            Unavailable(f"{self._waiting_most} logins wait for a password hash already, which is the limit")
        )

    def _leave(self, place: Place) -> bool:
        with self._hall.lock:
            return self._hall.line.leave(place)

    def _start_locked(self) -> None:
        thread = threading.Thread(target=_work, args=(self._hall,), name=THREAD_NAME, daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # the system gives no more threads
            if not self._threads:
                raise Unavailable(f"a password cannot be hashed: {error}") from error
        else:
            self._threads += 1
            weakref.finalize(self, self._hall.news.put, False).atexit = False


class _Mean:
    """How long a piece of work takes, on average of the last ones. Any thread may change it: it is an estimate."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._is_warm = False

    def add(self, seconds: float) -> None:
        if self._is_warm:
            self.seconds += (seconds - self.seconds) / _SMOOTHING if self.seconds else seconds
        self._is_warm = True  # the first piece may load libraries, and tells nothing about the next


class _Hall:
    """What those who wait and those who work share; the threads hold it and not the `Turns`, which may be let go of."""

    def __init__(self) -> None:
        self.news: queue.SimpleQueue[bool] = queue.SimpleQueue()
        """True for each that has joined the line; a last one for each thread is false. It is put there under no lock:
        the collector of garbage may do so, at any time."""
        self.mean = _Mean()
        self.lock = threading.Lock()
        # Guarded by the lock.
        self.line = Line()
        self.at_work = 0

    @property
    def in_line(self) -> int:
        """How many wait, or are being worked on."""
        return len(self.line) + self.at_work

    def pieces(self) -> Iterator[tuple["Future[Any]", Callable[[], Any]]]:
        """Yield the pieces of work in their turns, to one thread; wait for them."""
        while self.news.get():
            with self.lock:
                if not self.line:
                    continue  # whoever joined has left
                self.at_work += 1
                outcome, work = self.line.next().what
            yield outcome, work
            del outcome, work  # it holds the password

    def ended(self, seconds: float) -> None:
        """Count a piece of work out that took so long, before anybody has its outcome."""
        self.mean.add(seconds)
        with self.lock:
            self.at_work -= 1


def _work(hall: _Hall) -> None:
    if sys.platform == "linux":  # elsewhere it would be the whole process's
        with contextlib.suppress(OSError):
            thread = threading.get_native_id()
            os.setpriority(os.PRIO_PROCESS, thread, max(NICENESS, os.getpriority(os.PRIO_PROCESS, thread)))
    for outcome, work in hall.pieces():
        _do(hall, outcome, work)
        del outcome, work  # it holds the password


def _do(hall: _Hall, outcome: "Future[Any]", work: Callable[[], Any]) -> None:
    started_at = time.monotonic()
    try:
        result = work()
    except BaseException as error:
        hall.ended(time.monotonic() - started_at)
        outcome.set_exception(error)
    else:
        hall.ended(time.monotonic() - started_at)
        outcome.set_result(result)
