"""Crowds of strangers at the door: they make room for people, who notice nothing, and the log stays short."""

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from chatsrv.app.sessions import PlainSession
from chatsrv.auth.backend import AuthBackend, LoginContext
from chatsrv.auth.backends.memory import MemoryBackend
from chatsrv.model.accounts import Account
from chatsrv.model.errors import Denied
from chatsrv.model.limits import Limits
from chatsrv.net.listening.crowdlog import FULL_CONNECTIONS, FULL_LINES
from chatsrv.net.listening.server import ChatServer
from tests.journal import Journal
from tests.peer import DEADLINE_SECONDS, PASSWORDS, Peer, running, talk

FULL = b"The server is full. Please try again later.\n"
CROWDED_OUT = b"Username: Too many others want to log in. Please try again.\n"


GUESS = "a guess"


class Neighbour(Peer):
    """A peer from an address of its own."""

    def __init__(self, server: ChatServer, address: str) -> None:
        super().__init__(server, is_connected=False)
        self.socket.bind((address, 0))
        self.connect()


@contextlib.contextmanager
def crowded(auth: AuthBackend | None = None, **limits: int) -> Iterator[tuple[ChatServer, Peer, Peer]]:
    """Run a chat with alice and bob in it."""
    values = {"messages_per_second": 0, **limits}
    server = ChatServer(("127.0.0.1", 0), PlainSession, auth=auth or MemoryBackend(PASSWORDS), limits=Limits(**values))
    with running(server), Peer(server) as alice, Peer(server) as bob:
        alice.log_in("alice")
        bob.log_in("bob")
        assert alice.line() == "* bob joined"
        yield server, alice, bob


OUTNUMBERED = "Your account has too many sessions: this one, the oldest, gives way to a new one. Goodbye!"


def test_an_account_with_many_dead_connections_gets_in_and_keeps_nobody_out(journal: Journal) -> None:
    with crowded(connections=12, connections_per_account=5) as (server, alice, bob), contextlib.ExitStack() as stack:
        sessions = [stack.enter_context(Peer(server)) for _ in range(9)]
        for number, session in enumerate(sessions):
            session.log_in("carol")
            if number == 0:
                assert alice.line() == bob.line() == "* carol joined"
            if number >= 5:
                assert sessions[number - 5].line() == OUTNUMBERED
                assert sessions[number - 5].rest() == b""
                sessions[number - 5].socket.close()
        journal.wait_for("session 3: carol has more than 5 sessions; this one from 127.0.0.1 was the oldest")
        assert len(journal.having("carol has more than")) == 1, "the others are summed up"
        assert len(journal.having("more sessions that gave way to newer ones of their accounts are counted")) == 1
        sessions[8].type("still here")
        assert alice.line() == bob.line() == "<carol> still here", "she has never left"


def test_idle_strangers_from_a_few_addresses_keep_nobody_out(journal: Journal) -> None:
    with crowded(strangers=40) as (server, alice, bob), contextlib.ExitStack() as stack:
        crowd = [stack.enter_context(Neighbour(server, f"127.0.0.{2 + number % 4}")) for number in range(40)]
        for number in range(8):
            with Neighbour(server, f"127.0.1.{1 + number}") as honest:
                honest.log_in(f"user{number}")
                assert alice.line() == bob.line() == f"* user{number} joined"
                honest.type("/quit")
                assert alice.line() == bob.line() == f"* user{number} left"
            crowd.append(stack.enter_context(Neighbour(server, "127.0.0.2")))  # whoever was pushed out comes again
        talk(alice, bob)
        assert crowd[0].rest() == CROWDED_OUT
        crowd[39].log_in("carol")  # from the addresses with fewer of them, nobody had to go
        assert alice.line() == bob.line() == "* carol joined"
    assert journal.having("ended: login crowded out (not logged in, from 127.0.0.2)")
    assert not journal.having("ended: login crowded out", "from 127.0.1.")
    assert server.turnstile.inside == 0


class SlowBackend(AuthBackend):
    """Knows alice and bob at once, and takes its time for anybody else."""

    def __init__(self) -> None:
        self.is_asked = threading.Event()
        self.may_answer = threading.Event()

    def authenticate(self, username: str, password: str, context: LoginContext) -> Account:
        if username not in ("alice", "bob"):
            self.is_asked.set()
            assert self.may_answer.wait(DEADLINE_SECONDS)
        if password == GUESS:
            raise Denied("a guess")
        return Account(username)


def test_whose_password_is_being_verified_is_not_crowded_out_by_idle_neighbours() -> None:
    backend = SlowBackend()
    with crowded(backend, strangers=6) as (server, alice, bob), contextlib.ExitStack() as stack:
        carol = stack.enter_context(Neighbour(server, "127.0.0.2"))
        carol.try_login("carol", PASSWORDS["carol"])
        assert backend.is_asked.wait(DEADLINE_SECONDS)
        idle = [stack.enter_context(Neighbour(server, "127.0.0.2")) for _ in range(5)]
        for number in range(3):
            stack.enter_context(Neighbour(server, f"127.0.1.{1 + number}")).read_until(b"Username: ")
        assert [peer.rest() for peer in idle[:3]] == [CROWDED_OUT] * 3
        backend.may_answer.set()
        assert carol.line().startswith("Welcome, carol!")
        assert alice.line() == bob.line() == "* carol joined"


def test_a_network_that_has_all_its_passwords_verified_at_once_keeps_nobody_out() -> None:
    backend = SlowBackend()
    with crowded(backend, strangers=3) as (server, alice, bob), contextlib.ExitStack() as stack:
        crowd = [stack.enter_context(Neighbour(server, "127.0.0.2")) for _ in range(3)]
        for peer in crowd:
            peer.try_login("carol", GUESS)
            assert backend.is_asked.wait(DEADLINE_SECONDS)
            backend.is_asked.clear()
        honest = stack.enter_context(Neighbour(server, "127.0.0.3"))
        honest.read_until(b"Username: ")
        backend.may_answer.set()
        assert crowd[0].rest() == CROWDED_OUT.removeprefix(b"Username: ")
        talk(alice, bob)


def test_a_crowd_that_is_turned_away_leaves_a_few_lines_in_the_log(journal: Journal) -> None:
    times = FULL_CONNECTIONS
    with crowded(connections=2) as (server, alice, bob):
        for _ in range(times):
            with Peer(server) as late:
                assert late.rest() == FULL
        talk(alice, bob)
    assert len(journal.having("turned 127.0.0.1 away: ")) == FULL_LINES
    left = times - FULL_LINES
    assert len(journal.having(f"more connections turned away: {left} in ", f"({left} from 127.0.0.1)")) == 1
    assert len(journal.having("")) < FULL_LINES + 10


def test_a_crowd_that_connects_and_leaves_is_summed_up_too(journal: Journal) -> None:
    times = FULL_CONNECTIONS + 50
    with crowded() as (server, alice, bob):
        for _ in range(times):
            with Peer(server) as passer_by:
                passer_by.read_until(b"Username: ")
                passer_by.socket.shutdown(socket.SHUT_WR)
                assert passer_by.rest() == b""
        talk(alice, bob)
    assert len(journal.having("New connection from ('127.0.0.1', ")) == FULL_CONNECTIONS
    assert len(journal.having("more new connections: 52 in ")) == 1
    assert len(journal.having("ended: lost (not logged in, from 127.0.0.1)")) == FULL_LINES
    assert len(journal.having(f"more ends of sessions without a login: {times - FULL_LINES} in ")) == 1
    assert len(journal.having(" ended: ", "(alice")) == len(journal.having(" ended: ", "(bob")) == 1


def test_a_crowd_is_summed_up_though_nothing_more_happens(monkeypatch: pytest.MonkeyPatch, journal: Journal) -> None:
    monkeypatch.setattr("chatsrv.net.listening.crowdlog.INTERVAL_SECONDS", 0.2)
    with crowded(connections=2) as (server, _, _):
        for _ in range(3 * FULL_LINES):
            with Peer(server) as late:
                assert late.rest() == FULL
        journal.wait_for("more connections turned away: ")
