"""Several rooms amid everything: writers at full speed in all of them, readers who are lost, turn, part, and ignore.

Nothing is asserted about time. All that a reader was shown in all his sessions, one behind the other, is held against
the logs: of each room nothing lost, nothing twice, nothing out of order. A failure names its seed; how threads take
turns is not the seed's.
"""

import contextlib
import logging
import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from chatsrv.chat.hub import Hub
from chatsrv.model.history import CatchingUp
from chatsrv.model.limits import Limits
from chatsrv.model.roomrules import DeclaredRoom, RoomRules
from chatsrv.net.listening.server import ChatServer
from chatsrv.roomlog.base import LogStore
from tests.net.crowd import LONG_SECONDS
from tests.net.folk import ROLES
from tests.net.test_catching_up_stress import store_of
from tests.net.wanderers import IGNORED, Logs, Wanderer, WatchedSession, Writer
from tests.peer import DEADLINE_SECONDS, open_gate, running


@pytest.fixture(autouse=True)
def no_error_is_logged(caplog) -> Iterator[None]:
    yield
    errors = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert not errors


@contextlib.contextmanager
def serving(store: LogStore, rng: random.Random) -> Iterator[ChatServer]:
    """Run a chat. Nobody is told who comes and goes: in a line without a mark, it could be of any room."""
    limits = Limits(
        connections_per_address=0,
        messages_per_second=0,
        stall_seconds=rng.choice((0.05, 3600.0)),
        tail_bytes=rng.choice((65_536, 1 << 30)),
        memory_bytes=1 << 32,
        send_buffer_bytes=rng.choice((4096, 65_536)),
        linger_seconds=DEADLINE_SECONDS,  # so that nothing is in flight when the rest is counted
    )
    declared = (DeclaredRoom(name="dev"), DeclaredRoom(name="tea"), DeclaredRoom(name="dim", unlogged=True))
    rules = RoomRules(declared=declared, changes_per_minute=0, presence_per_minute=0, quiet_above=0)
    hub = Hub(store, rules=rules, catching_up=CatchingUp(1_000_000, 0))
    auth = open_gate(ROLES, **{IGNORED: "unused password"})
    with running(ChatServer(("127.0.0.1", 0), WatchedSession, auth=auth, hub=hub, limits=limits)) as server:
        yield server


def play(seed: int, path: Path, *, readers: int, writers: int, blocks: int) -> None:
    rng = random.Random(seed)
    with (
        contextlib.closing(store_of(rng.choice(("memory", "late", "sqlite")), path)) as store,
        serving(store, rng) as server,
        ThreadPoolExecutor(readers + writers) as pool,
    ):
        names = [f"user{number}" for number in range(readers)]
        people = [Wanderer(name, names, server, f"{seed}", speaks=False) for name in names]
        for person in people:
            person.come()
        authors = [Writer(number, server) for number in range(writers)]
        is_over = threading.Event()
        wandering = [pool.submit(wander, person, is_over) for person in people]
        for writing in [pool.submit(author.write, f"{seed} {n}", blocks) for n, author in enumerate(authors)]:
            writing.result(LONG_SECONDS)
        is_over.set()
        for each in wandering:
            each.result(LONG_SECONDS)
        authors[1].end(names)
        for person in people:
            person.see_the_end()
        logs = Logs(server.hub)
        for person in people:
            assert logs.check(person)


def wander(person: Wanderer, is_over: threading.Event) -> None:
    while not is_over.is_set():
        person.visit()


@pytest.mark.parametrize("seed", range(4))
def test_readers_of_several_rooms_see_everything_once_and_in_order(seed, tmp_path: Path) -> None:
    play(seed, tmp_path, readers=4, writers=2, blocks=300)


@pytest.mark.stress
@pytest.mark.timeout(10 * LONG_SECONDS)
@pytest.mark.parametrize("seed", range(100, 160))
def test_a_crowd_in_several_rooms_sees_everything_once_and_in_order(seed, tmp_path: Path) -> None:
    play(seed, tmp_path, readers=6, writers=3, blocks=600)
