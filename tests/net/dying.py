"""A chat server in a process of its own, to be killed: `python -m tests.net.dying FILE KEEP_SECONDS TOLD_SECONDS`.

Prints its port, then each bookmark as it is recorded: account, room and offset. Whoever starts it reads these lines.
"""

import contextlib
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from chatsrv.app.sessions import PlainSession
from chatsrv.auth.backends.memory import MemoryBackend
from chatsrv.chat.hub import Hub
from chatsrv.model.history import CatchingUp
from chatsrv.model.limits import Limits
from chatsrv.net.delivery import keeper
from chatsrv.net.listening.server import ChatServer
from chatsrv.roomlog.sqlite.readers import Kept, Readers
from chatsrv.roomlog.sqlite.store import SqliteStore
from tests.peer import PASSWORDS

ROOT = Path(__file__).parent.parent.parent
NEVER = 3600.0


class Dying:
    """Such a server, as far as a peer has to know it."""

    address_family = socket.AF_INET

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout
        self._process = process
        self.recorded = process.stdout
        self.server_address = ("127.0.0.1", int(self.recorded.readline()))

    def kill(self) -> None:
        """Kill it now, while everybody is there."""
        self._process.kill()
        self._process.wait()

    def wait_for_bookmark(self, account: str, room: str, offset: int) -> None:
        """Return once one is recorded that is so far."""
        while line := self.recorded.readline():
            *of, reached = line.split()
            if of == [account, room] and int(reached) >= offset:
                return
        raise AssertionError("the server is dead")


@contextlib.contextmanager
def dying(
    path: Path, *, keep_seconds: float = NEVER, told_seconds: float = NEVER, most_file_bytes: int = 0
) -> Iterator[Dying]:
    """Run such a server, whose files grow to `most_file_bytes` each; kill it in the end."""
    command = [sys.executable, "-m", "tests.net.dying", str(path), str(keep_seconds), str(told_seconds)]
    if most_file_bytes:
        command = ["prlimit", f"--fsize={most_file_bytes}", *command]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Dying(process)
        finally:
            process.kill()


def main() -> None:
    keeper.KEEP_SECONDS, keeper.TOLD_SECONDS = map(float, sys.argv[2:])
    forget_written = Readers.forget_written

    def forget_written_and_tell(its: Any, kept: Kept) -> bool:
        for (account, log), bookmark in kept.bookmarks.items():
            print(account, log.room, bookmark.position.offset, flush=True)
        return forget_written(its, kept)

    Readers.forget_written = forget_written_and_tell  # type: ignore[method-assign]
    limits = Limits(messages_per_second=0, connections_per_address=0)
    hub = Hub(SqliteStore(sys.argv[1]), catching_up=CatchingUp(entries=1_000_000))
    auth = MemoryBackend(PASSWORDS)
    with ChatServer(("127.0.0.1", 0), PlainSession, auth=auth, hub=hub, limits=limits) as server:
        print(server.server_address[1], flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
