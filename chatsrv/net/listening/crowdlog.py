"""Log lines that somebody without a login can cause at will: the first in full, the rest of a crowd in one line.

Knows nothing of sockets. Any thread may call `write`, under no lock; a server's accept loop calls `flush`, and nothing
here waits for anything but the log itself. The memory is bounded, whatever comes from how many addresses.
"""

import heapq
import logging
import math
import threading
import time
from collections.abc import Callable
from enum import Enum
from operator import itemgetter

from chatsrv.model.accounts import site_of

logger = logging.getLogger(__name__)

INTERVAL_SECONDS = 60.0
"""The time whose events make one line. Short enough to be noticed, and a day of them is 1,440 lines."""

FULL_LINES = 30
"""Lines of one kind that are written in full within an interval, beyond all that mistyping and port scans cause."""

FULL_CONNECTIONS = 300
"""The same for new connections: five a second are no crowd yet."""

SITES = 64
"""Networks that are counted for each kind. Any that causes more than one event in 65 is among them."""

NAMED = 3
"""Networks that a line names: those that caused most."""

PEOPLE = 64
"""Names, as they were typed, that are counted and told for each kind: all of an office."""

WORTH_NAMING = 100
"""A network that caused less than one in so many is not named."""

MANY = "from many addresses"


class Event(Enum):
    """What strangers do: the level at which it is logged, its plural, and how many lines of it are in full."""

    CONNECTION = (logging.INFO, "new connections", FULL_CONNECTIONS)
    TURNED_AWAY = (logging.WARNING, "connections turned away", FULL_LINES)
    ENDED = (logging.INFO, "ends of sessions without a login", FULL_LINES)
    UNREADABLE = (logging.INFO, "sessions with unreadable input", FULL_LINES)
    REFUSED = (logging.WARNING, "refused logins", FULL_LINES)
    PENALISED = (logging.WARNING, "logins refused unseen", 10)
    OUTNUMBERED = (logging.WARNING, "sessions that gave way to newer ones of their accounts", 1)
    FAILED = (logging.ERROR, "failed connections", 3)
    SCARCE = (logging.ERROR, "failures for want of threads, memory or descriptors", 1)

    def __init__(self, level: int, plural: str, full_lines: int) -> None:
        self.level = level
        self.plural = plural
        self.full_lines = full_lines


class CrowdLog:
    """The log of what strangers do at one server, whose `label` begins the lines that sum up.

    `wake_later` is asked to have `flush` called in so many seconds, once there is something to be summed up.
    """

    def __init__(
        self,
        label: Callable[[], str],
        wake_later: Callable[[float], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._label = label
        self._wake_later = wake_later
        self._clock = clock
        self._lock = threading.Lock()
        # Guarded by the lock. `_due_at` is when the first of the crowds is to be summed up.
        self._crowds = {event: _Crowd(event) for event in Event}
        self._due_at = math.inf

    def write(
        self,
        event: Event,
        address: str,
        text: str,
        *args: object,
        error: BaseException | None = None,
        who: str = "",
    ) -> None:
        """Write a line about somebody at `address`, with the traceback of an `error`; or count it as one of a crowd.

        The line for a crowd tells `who` was in it, as far as that is known.
        """
        if not logger.isEnabledFor(event.level):
            return
        site = _site_of(address)
        with self._lock:
            crowd = self._crowds[event]
            was_summing = crowd.is_summing
            is_counted = crowd.add(site, self._clock(), who)
            self._due_at = min(self._due_at, crowd.ends_at)
        if not is_counted:
            logger.log(event.level, text, *args, exc_info=error)
        elif not was_summing:
            text = "%s: more %s are counted from here on, and summed up every %d seconds"
            logger.log(event.level, text, self._label(), event.plural, INTERVAL_SECONDS)
            self._wake_later(INTERVAL_SECONDS)

    def flush(self, *, is_last: bool = False) -> None:
        """Sum up the crowds whose interval is over; if it `is_last`, all that were counted so far."""
        if self._due_at == math.inf or (self._clock() < self._due_at and not is_last):
            return
        lines = []
        with self._lock:
            now = self._clock()
            for crowd in self._crowds.values():
                if crowd.is_summing and (is_last or now >= crowd.ends_at):
                    lines.append((crowd.event, crowd.summary(now)))
                    crowd.end(now)
            self._due_at = min(crowd.ends_at for crowd in self._crowds.values())
            wait = self._due_at - now
        for event, summary in lines:
            if summary:
                logger.log(event.level, "%s: %s", self._label(), summary)
        if wait < math.inf and not is_last:
            self._wake_later(max(wait, 0.0))


class _Crowd:
    """Events of one kind. Belongs to the log's lock."""

    def __init__(self, event: Event) -> None:
        self.event = event
        self.ends_at = math.inf  # the end of the interval, while events are summed up
        self._began_at = -math.inf
        self._in_full = 0
        self._count = 0
        self._by_site = _Most(SITES)
        self._by_name = _Most(PEOPLE)

    @property
    def is_summing(self) -> bool:
        """Whether events are summed up at the moment."""
        return self.ends_at < math.inf

    def add(self, site: str, now: float, who: str = "") -> bool:
        """Take an event up; return whether it is counted, and not written in full."""
        if not self.is_summing:
            if now - self._began_at >= INTERVAL_SECONDS:
                self._began_at, self._in_full = now, 0
            if self._in_full < self.event.full_lines:
                self._in_full += 1
                return False
            self._begin(now)
        self._count += 1
        self._by_site.add(site)
        if who:
            self._by_name.add(who)
        return True

    def summary(self, now: float) -> str:
        """Return the line that sums up the interval so far; empty if there is nothing to tell."""
        if not self._count:
            return ""
        at_least = "at least " if self._by_site.missed else ""
        most = self._by_site.first(NAMED)
        named = [f"{at_least}{count} from {site}" for site, count in most if count * WORTH_NAMING >= self._count]
        people = [f"{who} {count} times" if count > 1 else who for who, count in self._by_name.first(PEOPLE)]
        if self._by_name.missed:
            people.append("others" if people else "many names")
        told = "; ".join((", ".join(named) or MANY, *([f"as {', '.join(people)}"] if people else ())))
        seconds = math.ceil(now - self._began_at)
        return f"more {self.event.plural}: {self._count} in {seconds} seconds ({told})"

    def end(self, now: float) -> None:
        """End the interval. If a crowd came in it, the next one is summed up from its beginning."""
        if self._count >= self.event.full_lines:
            self._begin(now)
        else:
            self.ends_at = math.inf
            self._began_at, self._in_full = now, 0

    def _begin(self, now: float) -> None:
        self._began_at, self.ends_at = now, now + INTERVAL_SECONDS
        self._count = 0
        self._by_site = _Most(SITES)
        self._by_name = _Most(PEOPLE)


class _Most:
    """What is there most often, of any number of things, in a bounded table (Misra and Gries, 1982).

    `missed` is how much less than all each may have here. Belongs to the log's lock.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._counts: dict[str, int] = {}
        self.missed = 0

    def add(self, key: str) -> None:
        if key in self._counts or len(self._counts) < self._size:
            self._counts[key] = self._counts.get(key, 0) + 1
        else:
            self.missed += 1
            self._counts = {other: count - 1 for other, count in self._counts.items() if count > 1}

    def first(self, number: int) -> list[tuple[str, int]]:
        return heapq.nlargest(number, self._counts.items(), key=itemgetter(1))


def _site_of(address: str) -> str:
    try:
        return site_of(address)
    except ValueError:
        return address or "nowhere"  # no IP address: the path of a Unix socket, which has none
