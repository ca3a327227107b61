"""Locks with a rank, so that no two threads can wait for each other.

Knows nothing of what the locks guard. Any thread may call it. `ranked_lock` returns a plain `threading.Lock`, until a
test calls `enforce_order()`: from then on it returns locks that raise when they are taken out of order.
"""

import threading
from enum import IntEnum
from types import TracebackType
from typing import Protocol


class Rank(IntEnum):
    """The order in which locks are taken: a thread that holds one may take only those of a higher rank."""

    SESSION = 5
    """Held while a session goes into rooms and out of them, so also while delivery is waited for, and never by that."""
    HUB = 10
    REGISTER = 15
    ROOM = 20
    BOOKMARKS = 25
    ROOM_LOG = 30
    SHELF = 35
    OUTBOX = 40
    FEED = 50
    TURNSTILE = 60


class Lock(Protocol):
    """What `threading.Lock` and `OrderedLock` have in common."""

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Take the lock; see `threading.Lock.acquire`."""

    def release(self) -> None:
        """Release the lock."""

    def locked(self) -> bool:
        """Tell whether any thread holds the lock."""

    def __enter__(self) -> bool: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class LockOrderError(RuntimeError):
    """A lock was taken by a thread that holds one of the same or a higher rank."""


class OrderedLock:
    """A lock that knows its rank and refuses to be taken out of order."""

    _held = threading.local()

    def __init__(self, rank: Rank) -> None:
        self.rank = rank
        self._lock = threading.Lock()

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Take the lock.

        Raises:
            LockOrderError: this thread holds a lock of the same or a higher rank.
        """
        ranks: list[Rank] = self._held.__dict__.setdefault("ranks", [])
        if blocking and ranks and (highest := max(ranks)) >= self.rank:
            raise LockOrderError(f"{self.rank.name} was taken under {highest.name}")
        is_taken = self._lock.acquire(blocking, timeout)
        if is_taken:
            ranks.append(self.rank)
        return is_taken

    def release(self) -> None:
        """Release the lock, which this thread holds."""
        self._lock.release()
        self._held.ranks.remove(self.rank)

    def locked(self) -> bool:
        """Tell whether any thread holds the lock."""
        return self._lock.locked()

    @classmethod
    def held(cls) -> list[Rank]:
        """Return the ranks of the locks that this thread holds."""
        ranks: list[Rank] = cls._held.__dict__.get("ranks", [])
        return ranks

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def expect_none_held(what: str) -> None:
    """Make sure, in the tests, that this thread holds no lock while it waits for something that other threads give.

    Raises:
        LockOrderError: it holds one.
    """
    if _is_enforced and (ranks := OrderedLock.held()):
        raise LockOrderError(f"{what} was waited for under {max(ranks).name}")


_is_enforced = False


def enforce_order(is_enforced: bool = True) -> None:
    """Make every lock that is created from now on check its rank, or stop doing so."""
    global _is_enforced
    _is_enforced = is_enforced


def ranked_lock(rank: Rank) -> Lock:
    """Return a new lock of `rank`."""
    return OrderedLock(rank) if _is_enforced else threading.Lock()
