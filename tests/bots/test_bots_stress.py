"""Bots that stop, fail and start again while many write, all random by a seed: each hears every entry exactly once.

What a bot wrote down over all its runs is compared with the log itself. A failure names its seed. How threads take
turns is not the seed's, so a seed may have to be run more than once.
"""

import contextlib
import random
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from chatsrv import Account, ChatServer, Hub, MemoryBackend, PlainSession
from chatsrv.bots import Bot, Bots
from chatsrv.model.entries import Entry, Kind
from chatsrv.roomlog.base import LogStore, RoomLog
from chatsrv.roomlog.memory import MemoryStore
from chatsrv.roomlog.sqlite import durable
from chatsrv.roomlog.sqlite.store import SqliteStore
from tests.peer import running

END = "that is all"
LONG_SECONDS = 240
STORES: dict[str, Callable[[Path], LogStore]] = {
    "memory": lambda directory: MemoryStore(keep_entries=10_000_000, keep_bytes=1 << 32),
    "sqlite": lambda directory: SqliteStore(directory / "chat.db"),
}


@pytest.fixture(autouse=True)
def hasty_switching() -> Iterator[None]:
    """Let threads take turns as often as they can, so that they meet in odd places."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(interval)


@pytest.fixture(params=sorted(STORES))
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LogStore]:
    """Make a store. Of the one in a file little stays in memory, so that bots read from the file, too."""
    monkeypatch.setattr(durable, "RECENT_ENTRIES", 64)
    with contextlib.closing(STORES[request.param](tmp_path)) as made:
        yield made


class Ledger:
    """What one bot heard in all its runs. A bot's thread writes, its keeper's waits."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.said = 0
        self.has_all = False
        self._is_over = False
        self._changed = threading.Condition()

    def add(self, entry: Entry) -> None:
        """Add an entry, unless it comes behind the end."""
        with self._changed:
            if not self.has_all:
                self.entries.append(entry)
                self.has_all = entry.text == END
                self._changed.notify_all()

    def begin(self) -> None:
        self._is_over = False

    def end(self) -> None:
        with self._changed:
            self._is_over = True
            self._changed.notify_all()

    def wait(self, more: int) -> None:
        """Wait until so many more entries were added, or all, or the bot has ended."""
        wanted = len(self.entries) + more
        with self._changed:
            assert self._changed.wait_for(
                lambda: self._is_over or self.has_all or len(self.entries) >= wanted, LONG_SECONDS
            )


class Clerk(Bot):
    """Writes everything into its ledger, says something now and then, and fails now and then, all by its dice."""

    def __init__(self, name: str, ledger: Ledger, rng: random.Random, *, keeps_place: bool) -> None:
        self.name, self.keeps_place = name, keeps_place
        self._ledger, self._rng = ledger, rng

    def happened(self, entry: Entry) -> None:
        if self._rng.random() < 0.001:
            raise ZeroDivisionError
        if not entry.author.startswith("clerk") and self._rng.random() < 0.01:
            self._ledger.said += 1
            self.say(f"{self._ledger.said}")
        self._ledger.add(entry)

    def closed(self, reason: object) -> None:
        self._ledger.end()


def employ(server: ChatServer, number: int, seed: int) -> Ledger:
    """Run a clerk again and again until it has heard all; return what it wrote down."""
    rng, ledger = random.Random(f"{seed} {number}"), Ledger()
    keeps_place, place = number % 2 == 0, None
    while not ledger.has_all:
        clerk = Clerk(f"clerk{number}", ledger, rng, keeps_place=keeps_place)
        if not keeps_place:
            clerk.place = place
        ledger.begin()
        with Bots(server) as bots:
            bots.add(clerk)
            ledger.wait(rng.choice((0, 1, 10, 300)))
        place = clerk.place
    return ledger


def write(server: ChatServer, number: int, seed: int, steps: int) -> None:
    """Be a member who says something again and again, a line or many."""
    rng, name, room = random.Random(f"{seed} writer {number}"), f"writer{number}", server.hub.lobby
    room.enter(Account(name), number)
    for step in range(steps):
        room.speak(Kind.SAY, name, number, [f"{step}"] * rng.choice((1, 1, 1, 40)))


def all_of(log: RoomLog) -> list[Entry]:
    return log.read_back(log.end, log.end.offset)[::-1]


def play(store: LogStore, seed: int, clerks: int, writers: int, steps: int) -> None:
    """Let clerks listen while writers write, and check every clerk's ledger."""
    server = ChatServer(("127.0.0.1", 0), PlainSession, auth=MemoryBackend({}), hub=Hub(store))
    log = server.hub.lobby.log
    with running(server), ThreadPoolExecutor(clerks + writers) as pool:
        listening = [pool.submit(employ, server, number, seed) for number in range(clerks)]
        writing = [pool.submit(write, server, number, seed, steps) for number in range(1, writers + 1)]
        for done in writing:
            done.result(LONG_SECONDS)
        log.append(Kind.SAY, "nobody", 0, (END,))
        ledgers = [done.result(LONG_SECONDS) for done in listening]
    truth = all_of(log)
    end = next(entry.offset for entry in truth if entry.text == END)
    for ledger in ledgers:
        first = ledger.entries[0].offset
        assert ledger.entries == truth[first - 1 : end], f"seed {seed}"


@pytest.mark.parametrize("seed", range(3))
def test_every_entry_is_heard_exactly_once(store: LogStore, seed: int) -> None:
    play(store, seed, clerks=4, writers=4, steps=100)


@pytest.mark.stress
@pytest.mark.timeout(LONG_SECONDS)
@pytest.mark.parametrize("seed", range(100, 103))
def test_every_entry_is_heard_exactly_once_by_many_for_long(store: LogStore, seed: int) -> None:
    play(store, seed, clerks=12, writers=12, steps=500)
