"""Turns: work that takes a core for itself, done by a few threads in the background, and in a line of bounded length.

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
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

from chatsrv.errors import Unavailable
from chatsrv.slots import step_aside

THREAD_NAME = "hash"

NICENESS = 10
"""Of the threads: a tenth of the processor time that others get who want the same core (sched(7)). The idle class,
below that, would have somebody else's busy program keep a thread that holds the interpreter from going on.
"""

_SMOOTHING = 8  # the mean follows some so many pieces of work

T = TypeVar("T")
_Work = tuple["Future[Any]", Callable[[], Any]]


class Turns:
    """Lets `at_once` pieces of work be done at a time, and `waiting` wait for their turn, `seconds` at most."""

    def __init__(self, at_once: int, waiting: int, seconds: float) -> None:
        self._at_once = at_once
        self._waiting_most = waiting
        self._seconds = seconds
        self._lock = threading.Lock()
        self._queue: queue.SimpleQueue[_Work | None] = queue.SimpleQueue()
        # Guarded by the lock.
        self.in_line = 0
        """How many wait, or are being worked on."""
        self._threads = 0
        self._mean = _Mean()

    def take(self, work: Callable[[], T]) -> T:
        """Return what `work` returns, or raise what it raises, once its turn has come.

        Raises:
            Unavailable: too many wait already, or it would take or has taken too long until its turn came.
        """
        outcome: Future[T] = Future()
        with self._lock:
            ahead = self.in_line - self._at_once + 1  # how many turns have to end before this one begins
            if ahead > self._waiting_most:
                raise Unavailable(f"{ahead - 1} logins wait for a password hash already, which is the limit")
            seconds = ahead * self._mean.seconds / self._at_once
            if seconds > self._seconds:
                raise Unavailable(
                    f"{ahead - 1} logins wait for a password hash already; this one's turn would come after "
                    f"{seconds:.0f} seconds, and {self._seconds:g} is the limit"
                )
            if self._threads < min(self._at_once, self.in_line + 1):
                self._start_locked()
            self.in_line += 1
        self._queue.put((outcome, work))
        try:
            with step_aside():
                return outcome.result(self._seconds if ahead > 0 else None)
        except TimeoutError:
            if outcome.cancel():
                raise Unavailable(f"a login waited {self._seconds:g} seconds for its turn to verify a hash") from None
            return outcome.result()  # its turn has just come
        finally:
            with self._lock:
                self.in_line -= 1

    def _start_locked(self) -> None:
        thread = threading.Thread(target=_work, args=(self._queue, self._mean), name=THREAD_NAME, daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # the system gives no more threads
            if not self._threads:
                raise Unavailable(f"a password cannot be hashed: {error}") from error
        else:
            self._threads += 1
            weakref.finalize(self, self._queue.put, None).atexit = False


class _Mean:
    """How long a piece of work takes, on average of the last ones. Any thread may change it: it is an estimate."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._is_warm = False

    def add(self, seconds: float) -> None:
        if self._is_warm:
            self.seconds += (seconds - self.seconds) / _SMOOTHING if self.seconds else seconds
        self._is_warm = True  # the first piece may load libraries, and tells nothing about the next


def _work(line: "queue.SimpleQueue[_Work | None]", mean: _Mean) -> None:
    if sys.platform == "linux":  # elsewhere it would be the whole process's
        with contextlib.suppress(OSError):
            thread = threading.get_native_id()
            os.setpriority(os.PRIO_PROCESS, thread, max(NICENESS, os.getpriority(os.PRIO_PROCESS, thread)))
    while work := line.get():
        _do(*work, mean)
        del work  # it holds the password


def _do(outcome: "Future[Any]", work: Callable[[], Any], mean: _Mean) -> None:
    if not outcome.set_running_or_notify_cancel():
        return
    started_at = time.monotonic()
    try:
        result = work()
    except BaseException as error:
        outcome.set_exception(error)
    else:
        outcome.set_result(result)
    mean.add(time.monotonic() - started_at)
