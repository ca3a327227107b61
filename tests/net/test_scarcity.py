"""More peers than there is room for: each is told, or waits, and whoever is in does not notice."""

import os
import resource
import threading
from collections.abc import Hashable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from chatsrv.app.sessions import PlainSession, TelnetSession
from chatsrv.auth.backends.memory import MemoryBackend
from chatsrv.model.limits import Limits
from chatsrv.model.refusals import ServerFull, TooManyFromAddress
from chatsrv.net.listening import acceptloop
from chatsrv.net.listening.server import ChatServer
from chatsrv.net.listening.turnstile import Turnstile
from chatsrv.net.scarcity import Spare
from tests.journal import Journal
from tests.peer import DEADLINE_SECONDS, PASSWORDS, Peer, running, talk, two_chatters

FULL = b"The server is full. Please try again later.\n"
TOO_MANY_HERE = b"There are too many connections from your address. Please close one, or try again later.\n"


class WatchedTurnstile(Turnstile):
    """Tells when somebody has been counted out."""

    def __init__(self, total: int, per_site: int, **others: int) -> None:
        super().__init__(total, per_site, **{"strangers": total, "strangers_per_site": 0, "per_account": 0, **others})
        self.left = threading.Semaphore(0)

    def leave(self, address: str, key: Hashable) -> None:
        super().leave(address, key)
        self.left.release()


@pytest.mark.parametrize(
    ("total", "per_address", "sentence", "why"),
    [(3, 0, FULL, ServerFull()), (100, 3, TOO_MANY_HERE, TooManyFromAddress())],
    ids=["in all", "from one address"],
)
def test_one_too_many_is_told_and_let_in_once_somebody_left(
    total, per_address, sentence, why, journal: Journal
) -> None:
    turnstile = WatchedTurnstile(total, per_address)
    server = ChatServer(
        ("127.0.0.1", 0), PlainSession, auth=MemoryBackend(PASSWORDS), limits=Limits(), turnstile=turnstile
    )
    with running(server), Peer(server) as alice, Peer(server) as bob, Peer(server) as silent:
        alice.log_in("alice")
        bob.log_in("bob")
        assert alice.line() == "* bob joined"
        silent.read_until(b"Username: ")
        for _ in range(3):
            with Peer(server) as carol:
                assert carol.rest() == sentence
        talk(alice, bob)
        silent.socket.close()
        assert turnstile.left.acquire(timeout=DEADLINE_SECONDS)
        with Peer(server) as carol:
            carol.log_in("carol")
            assert alice.line() == bob.line() == "* carol joined"
    assert len(journal.having(f"turned 127.0.0.1 away: {why}")) == 3
    assert turnstile.inside == 0


@pytest.mark.parametrize(
    ("sessions", "sentence"),
    [
        (TelnetSession, FULL.replace(b"\n", b"\r\n")),
        (partial(PlainSession), FULL),
        (lambda *arguments: PlainSession(*arguments), FULL),
    ],
    ids=["telnet", "a partial", "a function"],
)
def test_who_is_turned_away_is_told_in_the_wire_format_of_the_listener(sessions, sentence: bytes) -> None:
    limits = Limits(connections=1, strangers=1)
    with (
        running(ChatServer(("127.0.0.1", 0), sessions, auth=MemoryBackend(PASSWORDS), limits=limits)) as server,
        Peer(server) as alice,
    ):
        alice.try_login("alice", PASSWORDS["alice"])
        alice.read_until(b"Type /help for commands.")
        with Peer(server) as late:
            assert late.rest() == sentence


def test_a_session_whose_thread_cannot_start_is_the_only_one_hurt(monkeypatch, journal: Journal) -> None:
    start = threading.Thread.start
    failed = []

    def start_but_once(thread: threading.Thread) -> None:
        if thread.name == "session" and not failed:
            failed.append(thread)
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(acceptloop, "PAUSE_SECONDS", 0.0)
    with two_chatters(connections=3) as (server, alice, bob):
        monkeypatch.setattr(threading.Thread, "start", start_but_once)
        with Peer(server) as unlucky:
            assert unlucky.rest() == FULL
        talk(alice, bob)
        assert server.turnstile.inside == 2
        with Peer(server) as carol:
            carol.log_in("carol")
            assert alice.line() == bob.line() == "* carol joined"
            carol.type("/quit")
            assert carol.rest() == b"Goodbye!\n"
            assert alice.line() == bob.line() == "* carol left"
    assert len(failed) == 1
    assert len(journal.having("the connection from ('127.0.0.1', ", " failed: no thread can be started")) == 1
    assert not journal.having("Traceback")


class Descriptors:
    """All descriptors that this process may have, taken away and given back."""

    def __init__(self) -> None:
        self._limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        self._taken: list[int] = []

    def take(self) -> None:
        """Leave no descriptor to be had."""
        self._taken.append(os.dup(0))
        highest = max(int(link.name) for link in Path("/dev/fd").iterdir())
        resource.setrlimit(resource.RLIMIT_NOFILE, (highest + 1, self._limits[1]))
        try:
            while True:
                self._taken.append(os.dup(0))
        except OSError:
            pass

    def give_back(self) -> None:
        """Undo `take`."""
        resource.setrlimit(resource.RLIMIT_NOFILE, self._limits)
        while self._taken:
            os.close(self._taken.pop())


@pytest.fixture
def descriptors() -> Iterator[Descriptors]:
    descriptors = Descriptors()
    yield descriptors
    descriptors.give_back()


class NoSpare(Spare):
    """No descriptor that is kept back, as if somebody else had been faster."""

    def keep(self) -> bool:
        return False


def test_without_descriptors_each_newcomer_is_told_so_until_somebody_leaves(
    descriptors: Descriptors, journal: Journal
) -> None:
    turnstile = WatchedTurnstile(100, 0)
    server = ChatServer(("127.0.0.1", 0), PlainSession, auth=MemoryBackend(PASSWORDS), turnstile=turnstile)
    with running(server), Peer(server) as alice, Peer(server) as bob, ExitStack() as stack:
        alice.log_in("alice")
        bob.log_in("bob")
        assert alice.line() == "* bob joined"
        late = [stack.enter_context(Peer(server, is_connected=False)) for _ in range(20)]
        dave = stack.enter_context(Peer(server, is_connected=False))
        descriptors.take()
        for peer in late:
            peer.connect()
            assert peer.rest() == FULL
        talk(alice, bob)
        bob.type("/quit")
        assert bob.rest() == b"Goodbye!\n"
        bob.socket.close()
        assert turnstile.left.acquire(timeout=DEADLINE_SECONDS)
        assert alice.line() == "* bob left"
        dave.connect()
        dave.log_in("dave")
        assert alice.line() == "* dave joined"
    assert journal.having("turned 127.0.0.1 away: too many open files")
    summed_up = "more failures for want of threads, memory or descriptors: 19 in "
    assert len(journal.having(summed_up, "(19 from 127.0.0.1)")) == 1
    assert not journal.having("Traceback")


def test_without_descriptors_a_newcomer_waits_until_somebody_leaves(
    descriptors: Descriptors, monkeypatch, journal: Journal
) -> None:
    monkeypatch.setattr(acceptloop, "Spare", NoSpare)
    monkeypatch.setattr(acceptloop, "PAUSE_SECONDS", 3600.0)
    with two_chatters() as (server, alice, bob), Peer(server) as carol:
        carol.log_in("carol")
        assert alice.line() == bob.line() == "* carol joined"
        with Peer(server, is_connected=False) as dave:
            descriptors.take()
            dave.connect()
            journal.wait_for("no connection can be accepted at the moment: ", "too many open files")
            talk(alice, bob)
            carol.type("/quit")
            assert carol.rest().endswith(b"Goodbye!\n")
            assert alice.line() == bob.line() == "* carol left"
            carol.socket.close()
            dave.log_in("dave")
            assert alice.line() == bob.line() == "* dave joined"
            dave.type("/quit")
            assert dave.rest() == b"Goodbye!\n"
            assert alice.line() == bob.line() == "* dave left"
    assert len(journal.having("no connection can be accepted")) == 1


def test_without_descriptors_the_accept_loop_tries_again_after_a_pause(
    descriptors: Descriptors, monkeypatch, journal: Journal
) -> None:
    monkeypatch.setattr(acceptloop, "Spare", NoSpare)
    monkeypatch.setattr(acceptloop, "PAUSE_SECONDS", 0.1)
    with two_chatters() as (server, alice, bob), Peer(server, is_connected=False) as dave:
        descriptors.take()
        dave.connect()
        journal.wait_for("no connection can be accepted at the moment: ", "too many open files")
        talk(alice, bob)
        descriptors.give_back()
        dave.log_in("dave")
        assert alice.line() == bob.line() == "* dave joined"
        dave.type("/quit")
        assert dave.rest() == b"Goodbye!\n"
        assert alice.line() == bob.line() == "* dave left"


def test_a_server_without_descriptors_can_be_stopped(descriptors: Descriptors, monkeypatch, journal: Journal) -> None:
    monkeypatch.setattr(acceptloop, "Spare", NoSpare)
    monkeypatch.setattr(acceptloop, "PAUSE_SECONDS", 3600.0)
    with two_chatters() as (server, _, _), Peer(server, is_connected=False) as dave:
        descriptors.take()
        dave.connect()
        journal.wait_for("no connection can be accepted at the moment: ", "too many open files")
