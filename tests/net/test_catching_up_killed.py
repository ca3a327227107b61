"""A server is killed, and the next one goes on with its file: who was there is told what he has not got, or more."""

import contextlib
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from chatsrv.app.sessions import PlainSession
from chatsrv.chat.hub import Hub
from chatsrv.roomlog.sqlite.store import SqliteStore
from tests.net.told import told
from tests.peer import Peer, running_chat

ROOT = Path(__file__).parent.parent.parent


class Killed:
    """A server in a process of its own, as far as a peer has to know it."""

    address_family = socket.AF_INET

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout
        self._process = process
        self.server_address = ("127.0.0.1", int(process.stdout.readline()))

    def kill(self) -> None:
        """Kill it now, while everybody is there: whoever goes first may be recorded to have left."""
        self._process.kill()
        self._process.wait()


@contextlib.contextmanager
def killed(path: Path) -> Iterator[Killed]:
    """Run a server; kill it in the end."""
    command = [sys.executable, "-m", "tests.roomlog.killed", str(path), "process"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Killed(process)
        finally:
            process.kill()


def say(alice: Peer, *lines: str) -> list[str]:
    for line in lines:
        alice.type(line)
    return [f"<alice> {line}" for line in lines]


def test_nobody_loses_a_line_when_the_server_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "chat.db"
    with (
        contextlib.closing(SqliteStore(path)) as store,
        running_chat(PlainSession, Hub(store)) as server,
        Peer(server) as alice,
        Peer(server) as bob,
    ):
        bob.log_in("bob")
        alice.log_in("alice")
        assert bob.line() == "* alice joined"
        bob.type("/quit")
        bob.rest()
        assert alice.line() == "* bob left"
        before = say(alice, "before")
        alice.type("/quit")
        alice.rest()
    with killed(path) as server, Peer(server) as alice, Peer(server) as bob:
        bob.log_in("bob")
        first = told(bob).lines
        assert first == before
        alice.log_in("alice")
        assert bob.line() == "* alice joined"
        said = say(alice, *map(str, range(50)))
        assert [bob.line() for _ in said] == said
        server.kill()
    with killed(path) as server, Peer(server) as alice, Peer(server) as bob:
        alice.log_in("alice")
        after = say(alice, "after", "/who")[:1]
        alice.read_until(b"Here now: ")
        bob.log_in("bob")
        everything = [*first, *said, *after]
        again = told(bob).lines  # some seconds are told twice
        assert again == everything[-len(again) :]
