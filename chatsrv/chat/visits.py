"""Visits: how often each account came into one room and left it lately, and what the others were shown of that.

Knows nothing of logs, sessions and members. A `Visits` belongs to its room, which calls it under its lock.
"""

from collections.abc import Callable
from enum import Enum

_VISIT = 2
"""What a visit counts: a coming and a going."""

_NEARLY = 1e-6
"""What rounding may take from a level that leaks for exactly as long as it was said to take."""


class Telling(Enum):
    """What becomes of somebody's coming."""

    ALOUD = "aloud"
    """It is recorded, and everybody is told."""
    QUIETLY = "quietly"
    """It is recorded, and nobody is told."""
    NOT_AT_ALL = "not at all"


class _Lately:
    """What one account did: its `level` as it was at the moment `at`.

    `is_gone`: the last thing that others were shown is that it left. `is_awaited`: somebody looks again when it may be
    told that it is here.
    """

    __slots__ = ("at", "is_awaited", "is_gone", "level")

    def __init__(self, at: float) -> None:
        self.level = 0.0
        self.at = at
        self.is_gone = False
        self.is_awaited = False


class Visits:
    """A leaky bucket for each account that left lately; `per_minute` of its comings and goings leak out, 0 is no limit.

    Up to `per_minute` of them are told, up to twice as many recorded, so an account that keeps coming and going is not
    told of before it has calmed down. A visit counts when it is over: a crowd that comes and stays leaves nothing here.
    `clock` returns seconds.
    """

    def __init__(self, per_minute: int, clock: Callable[[], float]) -> None:
        self._per_second = per_minute / 60
        self._most = max(_VISIT, per_minute) - _VISIT + _NEARLY  # up to here there is room for one more
        self._clock = clock
        self._lately: dict[str, _Lately] = {}  # those who left last stand last

    @property
    def kept(self) -> int:
        """How many accounts something is kept of."""
        return len(self._lately)

    def coming(self, key: str) -> Telling:
        """Tell what is to become of the coming of an account."""
        level = self._level(key)
        if level <= self._most:
            return Telling.ALOUD
        return Telling.QUIETLY if level <= 2 * self._most + _VISIT else Telling.NOT_AT_ALL

    def seconds_until_told(self, key: str) -> float:
        """Return in how many seconds the coming of an account may be told, if it stays; 0 if it may be now."""
        over = self._level(key) - self._most
        return (over + _NEARLY) / self._per_second if over > 0 else 0.0

    def is_shown_gone(self, key: str) -> bool:
        """Tell whether others know of an account that it left, and not that it came back."""
        lately = self._lately.get(key)
        return lately is not None and lately.is_gone

    def show(self, key: str, *, is_late: bool = False) -> None:
        """Know that others are told that an account came; if it `is_late`, by one entry more."""
        if lately := self._lately.get(key):
            lately.is_gone = False
            lately.level += is_late

    def await_telling(self, key: str, *, is_awaited: bool) -> bool:
        """Note whether somebody looks again when an account may be told of; return whether somebody did before."""
        lately = self._lately.get(key)
        if lately is None:
            return False
        before, lately.is_awaited = lately.is_awaited, is_awaited
        return before

    def went(self, key: str, *, is_recorded: bool, is_told: bool) -> None:
        """Know that an account left, whether that or its coming is recorded, and whether others are told."""
        if not self._per_second:
            return
        now = self._clock()
        level, lately = self._level(key), self._lately.pop(key, None) or _Lately(now)
        lately.level, lately.at = level + _VISIT * is_recorded, now
        lately.is_gone |= is_told
        self._lately[key] = lately
        while self._lately and not self._level(first := next(iter(self._lately))):
            del self._lately[first]

    def _level(self, key: str) -> float:
        lately = self._lately.get(key)
        if lately is None:
            return 0.0
        return max(0.0, lately.level - max(0.0, self._clock() - lately.at) * self._per_second)
