"""Effort: what looking something up may cost, and whether anybody still waits for it.

Knows nothing of what is looked at. One thread uses an `Effort`; what it asks may be changed by any.
"""

import time
from collections.abc import Callable

EFFORT_CHARACTERS = 2_000_000
"""Characters that one query looks at: a tenth of a second of one processor, or some tenths if few of them are ASCII."""

ENTRY_CHARACTERS = 100
"""What looking at an entry costs beside its text, in the characters that are looked at meanwhile."""

EFFORT_SECONDS = 1.0
"""How long one query may take, where it is SQLite that works, or many others do: nobody waits longer for a page."""


class Effort:
    """The effort of one query: so many `characters` and `seconds`, as long as `is_wanted` tells that somebody waits.

    Whatever works for it calls `spend` for all that it looks at, and ends once it `is_over`.
    """

    def __init__(
        self,
        is_wanted: Callable[[], bool] = lambda: True,
        *,
        characters: float = EFFORT_CHARACTERS,
        seconds: float = EFFORT_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._is_wanted = is_wanted
        self._characters = characters
        self._clock = clock
        self._seconds = seconds
        self._ends_at: float | None = None  # known once it begins: nobody is charged for standing in line
        self.stopped_at: int | None = None
        """Where a log was left in the middle: the offset up to which nothing of it was looked at."""

    @property
    def is_over(self) -> bool:
        """Whether it is used up, or nobody waits any more."""
        now = self._clock()
        if self._ends_at is None:
            self._ends_at = now + self._seconds
        return self._characters <= 0 or now >= self._ends_at or not self._is_wanted()

    def spend(self, entries: int, characters: int = 0) -> None:
        """Count entries that were looked at, and the characters in which something was sought there."""
        self._characters -= ENTRY_CHARACTERS * entries + characters


def boundless() -> Effort:
    """Return an effort without bounds, for tests and tools."""
    return Effort(characters=float("inf"), seconds=float("inf"))
