"""What all contract tests of room logs begin with: a store, a log of it, and ways to wait for what becomes visible.

Imports no test framework; plain asserts. The tests' own thread calls it.
"""

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

from chatsrv.model.entries import Entry, Kind, Position
from chatsrv.model.errors import Hole
from chatsrv.roomlog.base import LogStore, RoomLog, place_of

DEADLINE_SECONDS = 20.0
"""How long a test waits for news. Only a failing test ever waits that long."""


class LogContract(ABC):
    """The store of one test.

    A subclass makes the store; a test that got one closes it. In a new room the first entry has offset 1, and
    offsets count on without gaps.
    """

    @abstractmethod
    def make_store(self) -> LogStore:
        """Return a new store without any entry, that keeps a thousand entries of a room at least."""

    def forget(self, log: RoomLog) -> bool:  # noqa: ARG002 - for whoever overrides it
        """Make `log`, which holds some entries, let go of its oldest, but not of its newest one.

        It may append entries for that. Return `False` if this implementation never does, as by default.
        """
        return False

    def setup_method(self) -> None:
        """Make the store that the next test uses. For test frameworks; pytest and nose call it by this name."""
        self._store: LogStore | None = None

    def teardown_method(self) -> None:
        """Close what `setup_method` promised."""
        if self._store is not None:
            self._store.close()

    @property
    def store(self) -> LogStore:
        """The store of this test, made at first use."""
        if self._store is None:
            self._store = self.make_store()
        return self._store

    @property
    def log(self) -> RoomLog:
        """The log of one room of this test's store."""
        return self.store.open("lobby")


class Following:
    """A follower together with waiting for its news. Closed at the end of a `with`; one thread reads."""

    def __init__(self, log: RoomLog, after: Position) -> None:
        self._log = log
        self._news = threading.Event()
        self.follower = log.follow(after, self._news.set)

    def __enter__(self) -> "Following":
        return self

    def __exit__(self, *_: object) -> None:
        self.follower.close()

    def read_now(self, limit: int) -> list[Entry]:
        """Return up to `limit` of the next entries that are visible, in memory or not."""
        entries = self.follower.read(limit)
        if entries is None:
            entries = self._log.read(Position(self._log.epoch, self.follower.cursor), limit)
            assert entries, "the follower has something to read, and the log has not"
            before, self.follower = (
                self.follower,
                self._log.follow(Position(self._log.epoch, entries[-1].offset), self._news.set),
            )
            before.close()
        return entries

    def read(self, count: int, limit: int = 100) -> list[Entry]:
        """Return the next entries, `count` of them at least; read `limit` at once."""
        found: list[Entry] = []
        while len(found) < count:
            self._news.clear()  # before reading: what comes from now on wakes us anew
            entries = self.read_now(limit)
            assert len(entries) <= limit
            if not entries:
                is_woken = self._news.wait(DEADLINE_SECONDS)
                assert is_woken, f"not woken; {len(found)} of {count} entries were read"
            found += entries
        return found


def start(log: RoomLog) -> Position:
    """Return the position before the first entry."""
    return Position(log.epoch, 0)


def record(log: RoomLog, *texts: str, kind: Kind = Kind.SAY, author: str = "alice", origin: int = 1) -> Sequence[Entry]:
    """Append `texts` in one call; return their entries once they are visible. Nobody else may be appending."""
    before = log.end
    with Following(log, before) as following:
        position = place_of(log.append(kind, author, origin, texts))
        return following.read(position.offset - before.offset)[-len(texts) :]


def await_offset(log: RoomLog, offset: int) -> None:
    """Wait until the entry with `offset` is visible."""
    before = log.end
    with Following(log, before) as following:
        following.read(offset - before.offset)


def hole_of(ask: Callable[[Position], object], position: Position) -> Hole:
    """Return the `Hole` that `ask` finds at `position`. Fails if there is none."""
    try:
        answer = ask(position)
    except Hole as hole:
        return hole
    raise AssertionError(f"{position} is no hole but gave {answer!r}")
