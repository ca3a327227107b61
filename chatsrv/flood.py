"""Flood control: a leaky bucket for each account that warns at its brim and spills at twice that.

An account has one bucket for all its sessions, which outlives them until it is empty: neither a second device nor
another connection makes anybody faster. One kind is for lines, another for decisions about rooms and people. Input that
is no line costs lines, too, by a `Meter` of each session. Knows nothing of sessions, rooms or sockets. Any thread may
call, but for a meter, which is its session's alone.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from enum import Enum
from weakref import WeakValueDictionary

PIECE_BYTES = 32
"""What reading a piece of input costs beside its bytes: waking a thread for one takes as long as reading hundreds."""

ANSWER_BYTES = 64
"""What an answer of the wire format costs: it is made, kept until it is taken, and sent."""

LOGIN_BYTES = 8192
"""What a peer may cost before the login: name and password at their longest, and a telnet program's options, take less
than half."""

IDLE_BYTES = 512
"""Bytes that count as a line where no line is asked for with them. Reading them costs less than saying a line does."""


def price(size: int, answers: int) -> int:
    """Return what a piece of input of `size` bytes costs that led to so many answers of the wire format, in bytes."""
    return PIECE_BYTES + size + ANSWER_BYTES * answers


class Meter:
    """Counts what one session's input costs that is not in its lines: negotiation, edits, blank lines, tiny pieces.

    Each line pays for `line_bytes`, which the longest one needs, and as much may come before it is complete. Whatever
    is beyond that costs a line for each `IDLE_BYTES`.
    """

    __slots__ = ("_line_bytes", "_owed")

    def __init__(self, line_bytes: int) -> None:
        self._line_bytes = line_bytes
        self._owed = 0

    def count(self, size: int, lines: int, answers: int) -> int:
        """Count a piece of input that led to so many lines and answers; return how many lines it costs beside those."""
        self._owed = max(0, self._owed + price(size, answers) - lines * self._line_bytes)
        idle = max(0, self._owed - self._line_bytes) // IDLE_BYTES
        self._owed -= idle * IDLE_BYTES
        return idle


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

    __slots__ = ("__weakref__", "_at", "_burst", "_clock", "_is_warned", "_level", "_lock", "_per_second")

    def __init__(self, per_second: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._burst = burst
        self._clock = clock
        self._lock = threading.Lock()
        # Guarded by the lock.
        self._level = 0.0
        self._at = clock()
        self._is_warned = False

    def take(self, lines: int) -> tuple[int, Flow]:
        """Take in `lines` lines; return how many of them are still allowed, and what to do about the peer.

        A peer is warned once; again only after the bucket has been empty in between.
        """
        if not self._per_second:
            return lines, Flow.SMOOTH
        with self._lock:
            self._leak_locked()
            if not self._level:
                self._is_warned = False
            allowed = min(lines, int(2 * self._burst - self._level))
            self._level += allowed
            if not self._is_warned and (self._level > self._burst or allowed < lines):
                self._is_warned = True
                return allowed, Flow.WARNING
            return allowed, Flow.SMOOTH if allowed == lines else Flow.FLOODING

    @property
    def is_empty(self) -> bool:
        """Whether it is as good as a new one."""
        with self._lock:
            self._leak_locked()
            return not self._level

    def _leak_locked(self) -> None:
        now = self._clock()
        self._level = max(0.0, self._level - (now - self._at) * self._per_second)
        self._at = now


class Buckets:
    """The buckets of all accounts; see `Bucket` about the rest."""

    def __init__(self, per_second: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second, self._burst, self._clock = per_second, burst, clock
        self._lock = threading.Lock()
        # Guarded by the lock.
        self._by_account: WeakValueDictionary[str, Bucket] = WeakValueDictionary()
        self._left: deque[Bucket] = deque()  # the account's session has ended; a bucket lasts until it is empty

    def of(self, account: str) -> Bucket:
        """Return the bucket of an account, for one of its sessions to hold."""
        with self._lock:
            return self._by_account.setdefault(account, Bucket(self._per_second, self._burst, self._clock))

    def allow(self, account: str) -> bool:
        """Count one thing more of an account, without a session that holds its bucket; return whether it may be."""
        bucket = self.of(account)
        allowed, _ = bucket.take(1)
        self.leave(bucket)
        return bool(allowed)

    @property
    def kept(self) -> int:
        """How many accounts have one."""
        return len(self._by_account)

    def leave(self, bucket: Bucket) -> None:
        """Take the bucket of a session that has ended."""
        with self._lock:
            self._left.append(bucket)
            while self._left and self._left[0].is_empty:
                self._left.popleft()
