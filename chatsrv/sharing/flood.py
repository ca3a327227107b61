"""Flood control: a leaky bucket for each account. When it is full, whoever sends more has to wait.

An account has one bucket for all its sessions, which outlives them until it is empty: neither a second device nor
another connection makes anybody faster. One kind is for lines, another for decisions about rooms and people. Input that
is no line costs lines, too, by a `Meter` of each session. Knows nothing of sessions, rooms or sockets. Any thread may
call, but for a meter, which is its session's alone.
"""

import itertools
import threading
import time
from collections.abc import Callable
from weakref import WeakValueDictionary

PIECE_BYTES = 32
"""What reading a piece of input costs beside its bytes: waking a thread for one takes as long as reading hundreds."""

ANSWER_BYTES = 64
"""What an answer of the wire format costs: it is made, kept until it is taken, and sent."""

LOGIN_BYTES = 8192
"""What a peer may cost before the login: name and password at their longest, and a telnet program's options, take less
than half."""

PROMISE_SECONDS = 0.1
"""How much of its rate an account whose bucket is full is promised at a time: at a thousand lines a second its session
wakes up ten times, not a thousand."""

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


class Bucket:
    """Takes lines in as they come and lets `per_second` of them out.

    There is room for `burst` lines at once; whoever has more waits until some are out. `per_second` 0 switches flood
    control off. `clock` returns seconds.
    """

    __slots__ = ("__weakref__", "_at", "_burst", "_clock", "_level", "_lock", "_per_second")

    def __init__(self, per_second: float, burst: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._burst = burst
        self._clock = clock
        self._lock = threading.Lock()
        # Guarded by the lock.
        self._level = 0.0
        self._at = clock()

    def take(self, lines: int) -> tuple[int, float]:
        """Take some of `lines` lines in; return how many, at least one, and for how many seconds these have to wait.

        Those that fit go at once. If none does, a tenth of a second's are promised: sessions of one account wait one
        behind the other, each for what it was promised.
        """
        if not self._per_second:
            return lines, 0.0
        with self._lock:
            self._leak_locked()
            if room := self._room_locked(self._burst):
                taken = min(lines, room)
            else:
                taken = min(lines, max(1, int(self._per_second * PROMISE_SECONDS)))
            self._level += taken
            return taken, max(0.0, self._level - self._burst) / self._per_second

    def charge(self, lines: int) -> float:
        """Take `lines` lines in, however many; return for how many seconds whoever sent them has to wait."""
        if not self._per_second:
            return 0.0
        with self._lock:
            self._leak_locked()
            self._level += lines
            return max(0.0, self._level - self._burst) / self._per_second

    def allow(self) -> bool:
        """Take in one line that cannot wait; return `False` if there is no room for it up to twice the burst."""
        if not self._per_second:
            return True
        with self._lock:
            self._leak_locked()
            is_allowed = self._room_locked(2 * self._burst) > 0
            self._level += is_allowed
            return is_allowed

    @property
    def is_on(self) -> bool:
        """Whether it ever makes anybody wait."""
        return self._per_second > 0

    @property
    def is_empty(self) -> bool:
        """Whether it is as good as a new one."""
        with self._lock:
            self._leak_locked()
            return not self._level

    def _room_locked(self, most: int) -> int:
        return max(0, int(most - self._level))

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
        # Of accounts of which a session has ended, the longest ago first; a bucket lasts until it is empty.
        self._left: dict[Bucket, None] = {}

    def of(self, account: str) -> Bucket:
        """Return the bucket of an account, for one of its sessions to hold."""
        with self._lock:
            return self._by_account.setdefault(account, Bucket(self._per_second, self._burst, self._clock))

    def allow(self, account: str) -> bool:
        """Count one thing more of an account, without a session that holds its bucket; return whether it may be."""
        bucket = self.of(account)
        is_allowed = bucket.allow()
        self.leave(bucket)
        return is_allowed

    @property
    def kept(self) -> int:
        """How many accounts have one."""
        return len(self._by_account)

    def leave(self, bucket: Bucket) -> None:
        """Take the bucket of a session that has ended."""
        with self._lock:
            self._left[bucket] = None
            for oldest in list(itertools.islice(self._left, 2)):  # two for each that comes, so it never grows for long
                del self._left[oldest]
                if not oldest.is_empty:
                    self._left[oldest] = None
