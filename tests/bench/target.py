"""A server under test in a process of its own.

The parent makes a `Target` and gets its port; the child, `serve`, runs one server and ends when its standard input
does, that is with its parent at the latest. Only the process started here is ever ended, by its id. Main thread only.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from bench.machine import raise_open_files_limit

START_SECONDS = 30.0
ENTRY = str(Path(__file__).parent)
NAMES = ("chatsrv", "naive")
NO_SESSION = 1 << 20
"""An origin in entries, from which on none is a session's: those are much larger."""


class TargetError(Exception):
    """The server under test did not start, or ended by itself."""


@dataclass(frozen=True)
class Setup:
    """What a server is started with: `accounts` from `u0` on, `limits` other than those that are off here.

    With a `password`, all accounts have that one, hashed as new ones are, in an htpasswd file. `store` is `memory`, or
    the durability of an SQLite file. There are `rooms` from `r0` on beside the lobby, and in the first one `members`
    who have no connections.
    """

    accounts: int
    limits: dict[str, Any] = field(default_factory=dict)
    password: str = ""
    store: str = "memory"
    rooms: int = 0
    members: int = 0


def serve(name: str, text: str) -> None:
    """Run the server in this process, with the setup as JSON, for the parent at the other end of the standard input.

    All files are in the folder that the parent made, and will remove.
    """
    setup = Setup(**json.loads(text))
    raise_open_files_limit()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    users = {f"u{number}": f"p{number}" for number in range(setup.accounts)}
    if name == "naive":
        from bench.naive import NaiveServer

        server = NaiveServer(users)
        _tell_port(server.server_address[1])
        server.serve_forever()
    from chatsrv import Account, AuthBackend, ChatServer, HashedBackend, Hub, Limits, MemoryBackend, PlainSession
    from chatsrv.auth.hashing import Hasher
    from chatsrv.model.roomrules import DeclaredRoom, RoomRules
    from chatsrv.roomlog.sqlite.store import SqliteStore

    off = {
        "connections": 100_000,
        "connections_per_address": 0,
        "connections_per_account": 0,
        "strangers": 100_000,
        "messages_per_second": 0.0,
    }
    backend: AuthBackend = MemoryBackend(users)
    if setup.password:
        password_hash = Hasher().hash(setup.password)  # making one for each would take minutes
        file = Path("users.htpasswd")
        file.write_text("".join(f"{user}:{password_hash}\n" for user in users))
        backend = HashedBackend(file)
    store = None if setup.store == "memory" else SqliteStore("history.db", durability=setup.store)
    declared = tuple(DeclaredRoom(name=f"r{number}") for number in range(setup.rooms))
    hub = Hub(store, rules=RoomRules(declared=declared, changes_per_minute=0))
    for number in range(setup.members):
        hub.room("r0").enter(Account(f"m{number}"), NO_SESSION + number)
    chosen = Limits(**{**off, **setup.limits})
    with ChatServer(("127.0.0.1", 0), PlainSession, auth=backend, hub=hub, limits=chosen) as chat:
        _tell_port(chat.server_address[1])
        chat.serve_forever()


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


def _tell_port(port: int) -> None:
    print(json.dumps({"port": port}), flush=True)
    with Path(os.devnull).open("w") as nothing:
        os.dup2(nothing.fileno(), 1)


class Target:
    """The server of the given name, listening, while the `with` block lasts."""

    def __init__(self, name: str, setup: Setup) -> None:
        self.name = name
        self._folder = tempfile.TemporaryDirectory()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  (closed in __exit__)
        self._process = subprocess.Popen(
            [sys.executable, ENTRY, "serve", name, json.dumps(asdict(setup))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            cwd=self._folder.name,
        )
        self.pid = self._process.pid

    def __enter__(self) -> Self:
        too_late = threading.Timer(START_SECONDS, self._process.kill)
        too_late.start()
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        too_late.cancel()
        if not line:
            self._end()
            problem = self.last_words
            self._log.close()
            raise TargetError(f"the server {self.name} did not start: {problem}")
        self.port: int = json.loads(line)["port"]
        return self

    def __exit__(self, *_exception: object) -> None:
        self._end()
        self._log.close()

    @property
    def last_words(self) -> str:
        """The end of what the server wrote to its standard error."""
        self._log.seek(0)
        return self._log.read().decode(errors="replace").strip()[-1000:] or "(it wrote nothing)"

    def _end(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        self._folder.cleanup()


def settle(seconds: float = 0.3) -> None:
    """Let the kernel finish closing the last server's connections before the next measurement."""
    time.sleep(seconds)
