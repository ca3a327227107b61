"""What the person at the door reads when the gate's policy says no, and what the log has of it."""

import logging
import threading

import pytest

from chatsrv.app.sessions import PlainSession
from chatsrv.auth.backend import AuthBackend
from chatsrv.auth.backends.htpasswd import HashedBackend
from chatsrv.auth.backends.memory import MemoryBackend
from chatsrv.auth.gate import Gate
from chatsrv.auth.hashing import Hasher
from chatsrv.model.accounts import Account
from chatsrv.model.loginpolicy import LoginPolicy
from chatsrv.net.listening.server import ChatServer
from tests.peer import DEADLINE_SECONDS, Peer, running


def chat(gate: Gate) -> ChatServer:
    return ChatServer(("127.0.0.1", 0), PlainSession, auth=gate)


def refusal(server: ChatServer, password: str) -> bytes:
    with Peer(server) as peer:
        peer.try_login("alice", password)
        return peer.rest()


def test_a_penalised_login_reads_as_a_wrong_password_and_the_log_names_it(caplog: pytest.LogCaptureFixture) -> None:
    gate = Gate(MemoryBackend({"alice": "wonderland"}), policy=LoginPolicy(guesses_per_account=2))
    with caplog.at_level(logging.WARNING), running(chat(gate)) as server:
        for password in ("one", "two", "three", "wonderland"):
            assert refusal(server, password) == b"Login failed.\n"
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 4
    for line in lines[2:]:
        assert "penalised: a login from 127.0.0.1 as 'alice' was refused unseen" in line


def test_everybody_who_is_refused_unseen_is_named_though_not_by_a_line_each(caplog: pytest.LogCaptureFixture) -> None:
    users = {f"user{number}": f"user{number}'s password" for number in range(30)}
    gate = Gate(MemoryBackend(users), policy=LoginPolicy(guesses_per_address=1))
    with caplog.at_level(logging.WARNING), running(chat(gate)) as server:
        assert refusal(server, "guess") == b"Login failed.\n"
        caplog.clear()
        for name, password in users.items():
            with Peer(server) as peer:
                peer.try_login(name, password)
                assert peer.rest() == b"Login failed.\n"
    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == 12  # ten in full, that the rest is summed up, and at the stop the sum
    for name in users:
        assert any(f"'{name}'" in line for line in lines)


def test_a_password_of_emoji_opens_the_account_in_either_spelling() -> None:
    with running(chat(Gate(MemoryBackend({"alice": "I \u2764\ufe0f tea"})))) as server:
        for password in ("I \u2764\ufe0f tea", "I\u00a0\u2764 tea"):
            with Peer(server) as alice:
                alice.try_login("alice", password)
                assert alice.line().startswith("Welcome, alice!")


def test_when_a_backend_hangs_login_is_not_possible_and_the_server_still_stops() -> None:
    let_go = threading.Event()

    class Hanging(AuthBackend):
        def authenticate(self, username: str, password: str, context: object) -> Account:
            assert let_go.wait(DEADLINE_SECONDS)
            return Account(username)

    try:
        with running(chat(Gate(Hanging(), policy=LoginPolicy(backend_seconds=0.01)))) as server:
            assert refusal(server, "wonderland") == b"Login is not possible at the moment.\n"
    finally:
        let_go.set()


def test_a_weak_hash_is_renewed_by_a_login_and_the_session_goes_on(tmp_path) -> None:
    path = tmp_path / "users.htpasswd"
    path.write_text(f"alice:{Hasher(memory_kib=8, passes=1).hash('wonderland')}\n")
    path.chmod(0o600)
    today = Hasher(memory_kib=16, passes=1)
    gate = Gate(HashedBackend(path, hasher=today), hasher=today)
    with running(chat(gate)) as server, Peer(server) as alice:
        alice.try_login("alice", "wonderland")
        assert alice.line().startswith("Welcome, alice!")
        alice.type("/who")
        alice.line()  # the session's thread renews the hash before it reads on
        assert "$m=16,t=1" in path.read_text()
        alice.type("/quit")
        assert alice.rest().endswith(b"Goodbye!\n")


def test_an_account_that_logs_in_too_often_is_told_how_long_to_wait(caplog: pytest.LogCaptureFixture) -> None:
    gate = Gate(MemoryBackend({"alice": "wonderland"}), policy=LoginPolicy(logins_per_minute=1), clock=lambda: 1000.0)
    with caplog.at_level(logging.WARNING), running(chat(gate)) as server:
        with Peer(server) as alice:
            alice.try_login("alice", "wonderland")
            assert alice.read_until(b"Welcome, alice!")
        for _ in range(3):
            told = b"This account has logged in too often. Please try again in 1 minute.\n"
            assert refusal(server, "wonderland") == told
        assert refusal(server, "guess") == b"Login failed.\n"
    assert sum("logins_per_minute" in record.getMessage() for record in caplog.records) == 1
