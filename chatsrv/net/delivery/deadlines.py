"""Deadlines: what is to be looked at some time later. Nothing is taken out before its time.

Knows nothing of what it calls. Belongs to the delivery thread.
"""

import heapq
import itertools
import time
from collections.abc import Callable
from typing import Any


class Deadlines:
    """A heap of calls, each due at its time."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._numbers = itertools.count()

    def set(self, seconds: float, action: Callable[..., None], *args: Any) -> None:
        """Have `action` called in so many seconds."""
        heapq.heappush(self._heap, (time.monotonic() + seconds, next(self._numbers), action, args))

    def fire(self) -> float | None:
        """Make the calls that are due; return the seconds until the next one, `None` if there is none."""
        while self._heap:
            wait = self._heap[0][0] - time.monotonic()
            if wait > 0:
                return wait
            due = heapq.heappop(self._heap)
            _, _, action, args = due
            try:
                action(*args)
            except MemoryError:  # it is still to be done; there is place for it where it was
                heapq.heappush(self._heap, due)
                raise
        return None
