"""What an administrator does to accounts reaches their open sessions."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chatsrv.auth.hashing import Hasher
from chatsrv.auth.yamlfile import YamlBackend
from chatsrv.limits import Limits
from chatsrv.net.server import ChatServer
from chatsrv.sessions import PlainSession
from tests.peer import Peer, running

ACCOUNTS = """\
alice: {password: alice's password, role: moderator}
bob: bob's password
"""


@pytest.fixture
def users(tmp_path: Path) -> Path:
    file = tmp_path / "users.yaml"
    file.write_text(ACCOUNTS)
    file.chmod(0o600)
    return file


@pytest.fixture
def server(users: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ChatServer]:
    monkeypatch.setattr("chatsrv.net.watch.WATCH_SECONDS", 0.02)
    backend = YamlBackend(users, hasher=Hasher(memory_kib=8, passes=1))
    with running(ChatServer(("127.0.0.1", 0), PlainSession, auth=backend, limits=Limits(messages_per_second=0))) as it:
        yield it


@pytest.mark.parametrize(
    ("edited", "sentence", "others_see"),
    [
        ("", "Your account may not be used here any more. Goodbye!", "* bob left (account closed)"),
        (
            "bob: {password: bob's password, from: [192.0.2.0/24]}\n",
            "Your account may not be used here any more. Goodbye!",
            "* bob left (account closed)",
        ),
        ("bob: another one\n", "Your password was changed. Please log in again.", "* bob left (password changed)"),
    ],
    ids=["removed", "network taken away", "password changed"],
)
def test_a_session_ends_with_what_its_account_was(server, users, edited, sentence, others_see) -> None:
    with Peer(server) as alice, Peer(server) as bob:
        alice.log_in("alice")
        bob.log_in("bob")
        assert alice.line() == "* bob joined"
        users.write_text(ACCOUNTS.splitlines(keepends=True)[0] + edited)
        assert bob.rest().decode() == f"{sentence}\n"
        assert alice.line() == others_see
        alice.type("still here")  # her own account is the same as before
        alice.type("/who")
        assert alice.line() == "Here now: alice."


def test_another_role_is_told_and_in_force_at_once(server, users) -> None:
    with Peer(server) as alice:
        alice.log_in("alice")
        users.write_text(ACCOUNTS.replace("moderator", "admin"))
        assert alice.line() == "Your role is now admin."


def test_a_broken_edit_ends_no_session(server, users, caplog) -> None:
    with Peer(server) as alice, Peer(server) as bob:
        alice.log_in("alice")
        bob.log_in("bob")
        assert alice.line() == "* bob joined"
        users.write_text("alice: [not, an, account]\n")
        users.write_text(ACCOUNTS.replace("moderator", "admin"))
        assert alice.line() == "Your role is now admin."  # a look later, everybody is still here
        bob.type("hello")
        assert alice.line() == "<bob> hello"
