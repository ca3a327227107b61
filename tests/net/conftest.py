"""What the tests of sockets and threads share.

Runs on the thread of pytest.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chatsrv.app.sessions import PlainSession
from chatsrv.auth.backends.yaml import YamlBackend
from chatsrv.auth.hashing import Hasher
from chatsrv.model.limits import Limits
from chatsrv.net.delivery import deadlines, writing
from chatsrv.net.listening.server import ChatServer
from tests.journal import Journal, kept_journal
from tests.net.clock import Clock
from tests.net.records import speak_records
from tests.peer import running


@pytest.fixture
def journal() -> Iterator[Journal]:
    """Keep the server's log for the test to read."""
    with kept_journal() as journal:
        yield journal


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Make a clock by which delivery keeps its deadlines."""
    clock = Clock()
    for module in (deadlines, writing):
        monkeypatch.setattr(module, "time", clock)
    return clock


@pytest.fixture
def users(tmp_path: Path) -> Path:
    """Make a file with the accounts of alice and bob."""
    file = tmp_path / "users.yaml"
    file.write_text("alice: {password: alice's password, role: moderator}\nbob: bob's password\n")
    file.chmod(0o600)
    return file


@pytest.fixture
def server(users: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ChatServer]:
    """Run a chat with the accounts in `users`, at which it looks all the time."""
    monkeypatch.setattr("chatsrv.net.sessions.watch.WATCH_SECONDS", 0.02)
    backend = YamlBackend(users, hasher=Hasher(memory_kib=8, passes=1))
    with running(ChatServer(("127.0.0.1", 0), PlainSession, auth=backend, limits=Limits(messages_per_second=0))) as it:
        yield it


@pytest.fixture(params=["in the clear", "records"])
def any_wire(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the test with wires in the clear, and with wires that have bytes of their own."""
    if request.param == "records":
        speak_records(monkeypatch)
