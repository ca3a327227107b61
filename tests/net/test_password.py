"""A chatter changes his own password."""

from chatsrv.app.sessions import PlainSession
from chatsrv.auth.backends.memory import MemoryBackend
from chatsrv.net.listening.server import ChatServer
from tests.peer import Peer, running


def test_where_no_password_can_be_changed_a_sentence_says_so() -> None:
    backend = MemoryBackend({"bob": "bob's password"})
    with running(ChatServer(("127.0.0.1", 0), PlainSession, auth=backend)) as server, Peer(server) as bob:
        bob.log_in("bob")
        bob.send(b"/password\nbob's password\ncorrect horse battery\ncorrect horse battery\n")
        bob.read_until(b"New password again: ")
        assert bob.line() == "Passwords cannot be changed in this chat: ask an administrator. Nothing was changed."


def test_who_changes_his_own_password_stays_and_his_other_sessions_do_not(server, users) -> None:
    with Peer(server) as here, Peer(server) as there:
        here.log_in("bob")
        there.log_in("bob")
        here.type("/password")
        here.read_until(b"Old password: ")
        here.type("bob's password")
        here.read_until(b"New password: ")
        here.type("correct horse battery")
        here.read_until(b"New password again: ")
        here.type("correct horse battery")
        assert here.line() == "Your password was changed. Your other sessions have to log in again."
        assert there.rest() == b"Your password was changed. Please log in again.\n"
        here.type("/who")
        assert here.line() == "Here now: bob."
    assert "correct horse" not in users.read_text()


def test_a_wrong_old_password_changes_nothing(server, users) -> None:
    accounts = users.read_text()
    with Peer(server) as bob:
        bob.log_in("bob")
        bob.type("/password")
        bob.send(b"not his password\ncorrect horse battery\ncorrect horse battery\n")
        bob.read_until(b"New password again: ")
        assert bob.line() == "That is not your password. Nothing was changed."
    assert users.read_text() == accounts
