"""Flood control of one session: a leaky bucket that warns at its brim and spills at twice that.

Knows nothing of sessions or sockets. One session's thread owns each bucket.
"""

import time
from collections.abc import Callable
from enum import Enum


class Flow(Enum):
    """What came of some lines."""

    SMOOTH = "smooth"
    WARNING = "warning"
    FLOODING = "flooding"


class Bucket:
    """Takes lines in as they come and lets `per_second` of them out.

    Up to the warning, and from there to the hang-up, there is room for `burst` lines each, so a peer who heeds the
    warning loses nothing. Who sends more than both at once, unwarned, is warned first, too, and his session can tell
    him how many lines were not taken. `per_second` 0 switches flood control off. `clock` returns seconds.
    """

    __slots__ = ("_at", "_burst", "_clock", "_is_warned", "_level", "_per_second")

    def __init__(self, per_second: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._burst = burst
        self._clock = clock
        self._level = 0.0
        self._at = clock()
        self._is_warned = False

    def take(self, lines: int) -> tuple[int, Flow]:
        """Take in `lines` lines; return how many of them are still allowed, and what to do about the peer.

        A peer is warned once; again only after the bucket has been empty in between.
        """
        if not self._per_second:
            return lines, Flow.SMOOTH
        now = self._clock()
        self._level = max(0.0, self._level - (now - self._at) * self._per_second)
        self._at = now
        if not self._level:
            self._is_warned = False
        allowed = min(lines, int(2 * self._burst - self._level))
        self._level += allowed
        if not self._is_warned and (self._level > self._burst or allowed < lines):
            self._is_warned = True
            return allowed, Flow.WARNING
        return allowed, Flow.SMOOTH if allowed == lines else Flow.FLOODING
