"""The shelf: how many bytes of entries the logs of a store keep in memory, each of them and all together.

    Weights    of one log: how much each of its entries in memory takes, so that the oldest can be let go of by bytes
    Shelf      of all logs: when they keep too much together, those that keep most are asked to keep less

Knows nothing of what is done with an entry that is let go of. A `Weights` is guarded by the lock of its log; any thread
may call a `Shelf`.
"""

import threading
from array import array
from bisect import bisect_left
from collections.abc import Callable, Sequence
from sys import getsizeof
from typing import Protocol

from chatsrv.model.limits import Limits
from chatsrv.sharing.locks import Rank, ranked_lock

KEPT_BYTES = Limits().log_bytes
"""What the logs of a store keep in memory together, unless it is told otherwise."""

ENTRY_BYTES = 256
"""What an entry takes beside the characters of its text: a tuple of seven, a number, a time, the head of the text, and
its places in lists. Measured.
"""

COUNTED_BYTES = 2048
"""What a log takes in before its shelf hears of it, so that not each line costs a lock."""

ROOM_SHARE = 4
"""One log may keep so much of what all may, as long as there is space."""

UNRECORDED_SHARE = 4
"""What waits for the disk may be so much of what all logs may keep, as nobody can let go of it."""


class Weights:
    """The bytes of some entries next to each other.

    `end` is what was added up, for ever; `base` what of that was forgotten; `uncounted` what the shelf has yet to hear.
    """

    __slots__ = ("_ends", "base", "end", "uncounted")

    def __init__(self) -> None:
        self._ends = array("q")
        self.base = 0
        self.end = 0
        self.uncounted = 0

    def add(self, texts: Sequence[str]) -> None:
        """Weigh entries with these texts behind the others."""
        begin = end = self.end
        if len(texts) == 1 and texts[0].isascii():  # nearly all that is ever said
            end += ENTRY_BYTES + len(texts[0])
            self._ends.append(end)
        elif "".join(texts).isascii():
            self._ends.extend([end := end + ENTRY_BYTES + len(text) for text in texts])
        else:
            self._ends.extend([end := end + ENTRY_BYTES + text_bytes(text) for text in texts])
        self.end = end
        self.uncounted += end - begin

    def behind(self, count: int) -> int:
        """Return the `end` of the first so many entries; of none, or fewer, it is the `base`."""
        return self._ends[count - 1] if count > 0 else self.base

    def forget(self, count: int) -> None:
        """Forget the oldest so many entries."""
        freed = self.behind(count) - self.base
        if freed:
            self.base += freed
            self.uncounted -= freed
            del self._ends[:count]

    def weigh_anew(self, count: int, texts: Sequence[str]) -> int:
        """Weigh the entries behind the first so many anew, which have these texts now; return by how much less."""
        before, self.end = self.end, self.behind(count)
        self.uncounted -= before - self.end
        del self._ends[count:]
        self.add(texts)
        return before - self.end

    def surplus(self, most_bytes: int) -> int:
        """Return how many of the oldest entries are too many, if the others are to take `most_bytes` at most."""
        first = self.end - most_bytes
        return bisect_left(self._ends, first) + 1 if first > self.base else 0


def text_bytes(text: str) -> int:
    """Return what a text takes in memory, with the copy in UTF-8 that it has once SQLite was given it.

    One emoji makes each of its characters take four bytes. What a text of ASCII takes beside them, `ENTRY_BYTES` has.
    """
    return len(text) if text.isascii() else getsizeof(text) + len(text.encode("utf-8", "surrogatepass"))


class Kept(Protocol):
    """A log, as far as its shelf is concerned."""

    @property
    def kept_bytes(self) -> int:
        """What its entries in memory take."""

    def shrink(self, most_bytes: int, *, is_forced: bool) -> None:
        """Let go of the oldest entries until the others take `most_bytes` at most, or none can be let go of.

        Only if it `is_forced`, of those, too, that a follower has not read and that can be found again.
        """


class Shelf:
    """What some logs keep in memory together: `most_bytes`, and each up to a quarter of it.

    `logs` returns all of them.
    """

    def __init__(self, most_bytes: int = KEPT_BYTES, logs: Callable[[], Sequence[Kept]] = lambda: ()) -> None:
        self.most_bytes = most_bytes
        self.of_each_bytes = most_bytes // ROOM_SHARE
        self.most_unrecorded_bytes = most_bytes // UNRECORDED_SHARE
        self._logs = logs
        self._lock = ranked_lock(Rank.SHELF)
        # Guarded by the lock.
        self.kept_bytes = 0
        self.unrecorded_bytes = 0
        self._is_relieving = False
        self._space = threading.Condition(self._lock)  # type: ignore[arg-type]  # an OrderedLock will do

    # ------------------------------------------------------------------ counting; under the lock of a log, or none

    def count(self, weights: Weights, unrecorded_bytes: int = 0) -> None:
        """Count what has changed of a log; so many bytes more, or fewer, wait for the disk."""
        kept_bytes, weights.uncounted = weights.uncounted, 0
        with self._lock:
            self.kept_bytes += kept_bytes
            self.unrecorded_bytes += unrecorded_bytes
            if unrecorded_bytes < 0:
                self._space.notify_all()

    # ------------------------------------------------------------------ for authors, under no lock

    @property
    def is_full(self) -> bool:
        """Whether too much waits for the disk."""
        return self.unrecorded_bytes > self.most_unrecorded_bytes

    def wait_for_space(self, is_over: Callable[[], bool]) -> None:
        """Wait while too much waits for the disk, or until it `is_over`, of which `notify` tells."""
        if self.is_full:
            with self._lock:
                while self.is_full and not is_over():
                    self._space.wait()

    def notify(self) -> None:
        """Have those who wait look whether that is over."""
        with self._lock:
            self._space.notify_all()

    # ------------------------------------------------------------------ letting go, under the lock of no log

    @property
    def is_over(self) -> bool:
        """Whether all logs together keep too much."""
        return self.kept_bytes > self.most_bytes

    def relieve(self) -> None:
        """Have the logs that keep most keep less, if all keep too much together: an eighth less than they may."""
        with self._lock:
            if self._is_relieving or not self.is_over:
                return
            self._is_relieving = True
        try:
            aim = self.most_bytes * 7 // 8
            for is_forced in (False, True):
                logs = self._logs()
                level = water_level([log.kept_bytes for log in logs], aim)
                for log in logs:
                    if log.kept_bytes > level:
                        log.shrink(level, is_forced=is_forced)
                if not self.is_over:
                    break
        finally:
            self._is_relieving = False


def water_level(amounts: Sequence[int], most: int) -> int:
    """Return how much each may have at most, so that all together have `most`.

    >>> water_level([10, 1, 4, 6], 15)
    5
    """
    left = most
    ascending = sorted(amounts)
    for number, amount in enumerate(ascending):
        share = left // (len(ascending) - number)
        if amount > share:
            return share
        left -= amount
    return ascending[-1] if ascending else 0
