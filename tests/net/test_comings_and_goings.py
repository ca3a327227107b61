"""What is left of those who came and went: nothing that grows, counted in objects."""

import contextlib
import gc
import logging
import queue
import socket
import struct
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from chatsrv.app.sessions import PlainSession
from chatsrv.auth.backends.memory import MemoryBackend
from chatsrv.auth.gate import Gate
from chatsrv.auth.hashing import Hasher
from chatsrv.chat.hub import Hub
from chatsrv.model.limits import Limits
from chatsrv.model.loginpolicy import LoginPolicy
from chatsrv.net.listening.server import ChatServer
from chatsrv.roomlog.base import LogStore
from chatsrv.roomlog.memory import MemoryStore
from chatsrv.roomlog.sqlite.store import SqliteStore
from tests.peer import DEADLINE_SECONDS, running

PEOPLE = 5
TALK = b"".join(b"line %d\n" % number for number in range(15))


class TellingSession(PlainSession):
    """Tells when it is over."""

    is_over: queue.SimpleQueue[None]

    def finish(self) -> None:
        super().finish()
        self.is_over.put(None)


class Town:
    """A server with some accounts, and peers who come, type something, and go."""

    def __init__(self, store: LogStore) -> None:
        class Session(TellingSession):
            is_over = queue.SimpleQueue[None]()

        self._is_over = Session.is_over
        policy = LoginPolicy(guesses_per_account=0, guesses_per_address=0)
        accounts = {f"u{number}": f"password {number}" for number in range(PEOPLE)}
        self.server = ChatServer(
            ("127.0.0.1", 0),
            Session,
            auth=Gate(MemoryBackend(accounts), policy=policy, hasher=Hasher(memory_kib=8, passes=1)),
            hub=Hub(store),
            limits=Limits(connections_per_address=0, messages_per_second=0),
        )

    def visit(self, number: int, typed: bytes, *, is_cut: bool = False) -> bytes:
        """Have somebody come, type that, and go; return what they saw, once nothing of the session is under way."""
        with socket.create_connection(self.server.server_address[:2], DEADLINE_SECONDS) as peer:
            peer.sendall(typed.replace(b"NUMBER", b"%d" % (number % PEOPLE)))
            seen = b""
            while not is_cut and (data := peer.recv(65536)):
                seen += data
            if is_cut:
                seen = peer.recv(1)
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._is_over.get(timeout=DEADLINE_SECONDS)
        return seen


LOGIN = b"uNUMBER\npassword NUMBER\n"
VISITS: dict[str, Callable[[Town, int], bytes]] = {
    "says goodbye": lambda town, number: town.visit(number, LOGIN + TALK + b"/who\n/history 10\n/quit\n"),
    "writes privately": lambda town, number: town.visit(number, LOGIN + b"/msg u1 hello\n/msg u2 hello\n/quit\n"),
    "is lost": lambda town, number: town.visit(number, LOGIN + b"hello\n", is_cut=True),
    "types it wrong": lambda town, number: town.visit(number, b"uNUMBER\nwrong\n"),
    "floods": lambda town, number: town.visit(number, b"x" * 20_000),
}


@contextlib.contextmanager
def town_with(store: LogStore) -> Iterator[Town]:
    town = Town(store)
    with contextlib.closing(store), running(town.server):
        yield town


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> LogStore:
    return MemoryStore(keep_entries=50) if request.param == "memory" else SqliteStore(tmp_path / "chat.db")


def of_ours(objects: Iterable[object]) -> Counter[str]:
    """Count those that are of our classes, by class."""
    names = (f"{type(each)}" for each in objects)
    return Counter(name for name in names if "chatsrv." in name)


@pytest.mark.parametrize("visit", VISITS)
def test_a_session_that_has_ended_leaves_nothing_for_the_cycle_collector(store: LogStore, visit: str) -> None:
    with town_with(store) as town:
        for number in range(PEOPLE):  # what is made once, and what somebody who comes back is told
            assert VISITS[visit](town, number)
        gc.collect()
        gc.disable()
        try:
            for number in range(PEOPLE):
                VISITS[visit](town, number)
            gc.set_debug(gc.DEBUG_SAVEALL)
            gc.collect()
            left = of_ours(gc.garbage)
        finally:
            gc.set_debug(0)
            gc.garbage.clear()
            gc.enable()
    assert not left


def test_however_many_come_and_go_no_more_is_kept(store: LogStore, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR, "chatsrv")  # what is logged is kept for the report of the test

    def come_and_go(times: int) -> Counter[str]:
        for number in range(times):
            for visit in VISITS.values():
                visit(town, number)
        gc.collect()
        return of_ours(gc.get_objects())

    with town_with(store) as town:
        come_and_go(2 * PEOPLE)
        before = come_and_go(PEOPLE)
        after = come_and_go(2 * PEOPLE)
    grown = {kind: count - before[kind] for kind, count in after.items() if count > before[kind]}
    # Entries are kept, and it is bounded how many; of what is under way at the moment there may be one more or less.
    assert {kind: more for kind, more in grown.items() if "Entry" not in kind and more > 1} == {}


@pytest.mark.stress
def test_a_crowd_that_comes_and_goes_for_long_leaves_no_more_than_a_short_one(
    store: LogStore, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.ERROR, "chatsrv")

    def come_and_go(times: int) -> Counter[str]:
        with ThreadPoolExecutor(10) as pool:  # so that somebody is always in the middle of catching up, or behind
            visits = [pool.submit(visit, town, number) for number in range(times) for visit in VISITS.values()]
            for visit in visits:
                visit.result()
        gc.collect()
        return of_ours(gc.get_objects())

    with town_with(store) as town:
        come_and_go(50)
        before, after = come_and_go(50), come_and_go(400)
    grown = {kind: count - before[kind] for kind, count in after.items() if count > before[kind]}
    assert {kind: more for kind, more in grown.items() if "Entry" not in kind and more > 20} == {}
