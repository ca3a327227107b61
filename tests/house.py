"""A directory with settings and accounts, and ways to run chatsrv on them: in this process, or on a terminal.

Knows no command. One thread uses a house.
"""

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from click.testing import CliRunner, Result

from chatsrv.cli import main
from chatsrv.settings import Settings

DEADLINE_SECONDS = 30
CHATSRV = [sys.executable, "-m", "chatsrv"]
ON_OUR_TERMINAL = """
import fcntl, os, sys, termios
os.setsid()
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execv(sys.executable, [sys.executable, "-m", "chatsrv", *sys.argv[1:]])
"""
USERS = """\
# our people
alice:
  password: wonderland   # from the book
  role: admin
  from: [127.0.0.0/8, "::1"]

bob: builder
"""


class House:
    """A directory with settings and accounts, and ways to run chatsrv on them."""

    def __init__(self, directory: Path) -> None:
        self.settings = directory / "chatsrv.yaml"
        self.users = directory / "users.yaml"
        self.users.write_text(USERS)
        self.users.chmod(0o600)
        self.use("{backend: yaml, path: users.yaml}")

    def use(self, auth: str, more: str = "") -> None:
        """Write settings with that `auth`."""
        listener = "{protocol: plain, host: 127.0.0.1, port: 0}"
        self.settings.write_text(f"listeners: [{listener}]\nauth: {auth}\n{more}\n")

    def listen(self, *listeners: str, more: str = "") -> None:
        """Write settings with those listeners."""
        auth = "auth: {backend: yaml, path: users.yaml}"
        self.settings.write_text(f"listeners: [{', '.join(listeners)}]\n{auth}\n{more}\n")

    def run(self, *arguments: str, stdin: str | bytes = "") -> Result:
        """Run a command in this process, its standard output being no terminal."""
        return CliRunner().invoke(main, ["--config", str(self.settings), *arguments], input=stdin)

    def command(self, *arguments: str) -> list[str]:
        """Return the words that start such a command as a process of its own."""
        return [*CHATSRV, "--config", str(self.settings), *arguments]


class Terminal:
    """A process on a terminal of its own."""

    def __init__(self, process: subprocess.Popen[bytes], screen: int) -> None:
        self.process = process
        self.shown = ""
        self._screen = screen
        self._seen = 0

    def expect(self, text: str) -> None:
        """Wait until `text` is shown, after what was expected before."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while (found := self.shown.find(text, self._seen)) < 0:
            assert self._read(deadline), f"{text!r} is not in {self.shown[self._seen :]!r}"
        self._seen = found + len(text)

    def type(self, text: str) -> None:
        """Type `text`."""
        os.write(self._screen, text.encode())

    def end(self) -> int:
        """Wait for the end of the process; return its exit code."""
        deadline = time.monotonic() + DEADLINE_SECONDS
        while self._read(deadline):
            pass
        return self.process.wait(DEADLINE_SECONDS)

    def _read(self, deadline: float) -> bool:
        ready, _, _ = select.select([self._screen], [], [], max(0, deadline - time.monotonic()))
        if not ready:
            return False
        try:
            piece = os.read(self._screen, 4096)
        except OSError:  # Linux: EIO, once the last process has left the terminal
            return False
        self.shown += piece.decode()
        return bool(piece)


def settings_with_each_backend(directory: Path) -> Settings:
    """Return settings with one backend of each kind that keeps accounts, the files of which are in `directory`."""
    (directory / "users.yaml").write_text("bob: {password: builder, role: moderator}\ncarol: christmas\n")
    (directory / "users.htpasswd").write_text("")
    return Settings.model_validate(
        {
            "server": {"name": "chat"},
            "listeners": [{"protocol": "plain", "port": 0}],
            "auth": [
                {"backend": "memory", "users": {"alice": "wonderland", "carol": "other"}},
                {"backend": "yaml", "path": str(directory / "users.yaml")},
                {"backend": "hashed", "path": str(directory / "users.htpasswd")},
            ],
            "roles": {"admin": ["BOB"]},
            "login": {"guesses_per_account": 2},
        }
    )


@contextmanager
def on_terminal(house: House, *arguments: str) -> Iterator[Terminal]:
    screen, keyboard = pty.openpty()
    try:
        with subprocess.Popen(
            [sys.executable, "-c", ON_OUR_TERMINAL, *house.command(*arguments)[3:]],
            stdin=keyboard,
            stdout=keyboard,
            stderr=keyboard,
        ) as process:
            os.close(keyboard)
            try:
                yield Terminal(process, screen)
            finally:
                process.kill()
    finally:
        os.close(screen)
