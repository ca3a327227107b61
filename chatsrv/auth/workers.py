"""Calls that may hang, made on threads that nobody has to wait for.

Knows nothing of logins or backends. Any thread may call, and waits; the work is done on daemon threads, of which there
is a bounded number and which never keep the process from exiting. Calls that wait for one take turns as hashes do. One
that hangs keeps its place until it returns.
"""

import logging
import threading
import time
from collections.abc import Callable
from contextvars import copy_context
from typing import Generic, TypeVar

from chatsrv.auth.line import Line
from chatsrv.auth.turns import party
from chatsrv.model.errors import Unavailable
from chatsrv.sharing.slots import step_aside

_logger = logging.getLogger(__name__)

T = TypeVar("T")


class Workers:
    """Makes calls that have to be answered within `seconds`, at most `most` at once.

    A call gets a thread of its own, which costs less than a tenth of a millisecond: nothing beside what it waits for.
    """

    def __init__(self, seconds: float, most: int) -> None:
        self._seconds = seconds
        self._most = most
        self._lock = threading.Lock()
        # Guarded by the lock.
        self._line = Line()
        self._at_work = 0
        self._hanging = 0

    @property
    def hanging(self) -> int:
        """How many calls were given up and have not returned yet."""
        return self._hanging

    def call(self, what: str, function: Callable[[], T]) -> T:
        """Return what `function` returns, or raise what it raises. It runs in a copy of the caller's context.

        Raises:
            Unavailable: it takes too long; or all threads are at work and none became free in time, or ever may.
        """
        with step_aside():
            return self._call(what, function)

    def _call(self, what: str, function: Callable[[], T]) -> T:
        deadline = time.monotonic() + self._seconds
        self._take_place(what, deadline)
        job = _Job(function)
        thread = threading.Thread(target=self._work, args=(what, job), name=f"ask {what}", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:  # the system gives no more threads
            with self._lock:
                self._leave_locked(job)
            raise Unavailable(f"{what} cannot be asked: {error}") from error
        if not job.is_over.wait(max(0.0, deadline - time.monotonic())):
            with self._lock:
                if not job.is_over.is_set():
                    self._give_up_locked(job)
            if job.is_given_up:
                raise Unavailable(f"{what} did not answer within {self._seconds:g} seconds")
        return job.outcome()

    def _take_place(self, what: str, deadline: float) -> None:
        with self._lock:
            if self._hanging >= self._most:
                raise self._all_hang(what)
            if self._at_work < self._most:
                self._at_work += 1
                return
            waiter = _Waiter()
            place = self._line.join(party(), waiter)
        is_told = waiter.is_told.wait(max(0.0, deadline - time.monotonic()))
        with self._lock:
            is_in_time = is_told or not self._line.leave(place)
        if not is_in_time:
            raise Unavailable(f"{what} is not asked: {self._most} calls were under way for {self._seconds:g} seconds")
        if not waiter.has_place:  # though one of those that hung may have returned by now
            raise self._all_hang(what)

    def _all_hang(self, what: str) -> Unavailable:
        return Unavailable(f"{what} is not asked: all {self._most} calls that may be under way hang")

    def _give_up_locked(self, job: "_Job[T]") -> None:
        job.is_given_up = True
        self._hanging += 1
        if self._hanging >= self._most:  # nobody needs to wait any longer
            while self._line:
                self._line.next().what.is_told.set()

    def _work(self, what: str, job: "_Job[T]") -> None:
        started_at = time.monotonic()
        job.run()
        with self._lock:
            self._leave_locked(job)
        if job.is_given_up:
            _logger.warning("%s answered after %.1f seconds, too late", what, time.monotonic() - started_at)

    def _leave_locked(self, job: "_Job[T]") -> None:
        self._hanging -= job.is_given_up
        job.is_over.set()
        if self._line:  # the place goes over
            waiter: _Waiter = self._line.next().what
            waiter.has_place = True
            waiter.is_told.set()
        else:
            self._at_work -= 1


class _Waiter:
    """One call that waits for a place."""

    def __init__(self) -> None:
        self.is_told = threading.Event()
        self.has_place = False  # or else all hang


class _Job(Generic[T]):
    """One call and what came of it."""

    def __init__(self, function: Callable[[], T]) -> None:
        self.is_over = threading.Event()
        self.is_given_up = False
        self._function = function
        self._context = copy_context()
        self._results: list[T] = []
        self._error: BaseException | None = None

    def run(self) -> None:
        try:
            self._results.append(self._context.run(self._function))
        except BaseException as error:
            self._error = error

    def outcome(self) -> T:
        if self._error is not None:
            try:
                raise self._error
            finally:
                self._error = None  # an error holds its frames, and they would hold it
        return self._results[0]
