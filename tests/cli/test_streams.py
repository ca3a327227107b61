"""Standard streams that are closed, full, or read by nobody: real processes, started as a shell starts them."""

import errno
import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chatsrv.cli import streams
from tests.cli.test_run import listening, login, read_until, running, settings
from tests.house import DEADLINE_SECONDS, House

CLOSED = ["<&-", "<&- >&- 2>&-"]  # the lowest number alone, and all
BROKEN = [">/dev/full 2>/dev/full"]

TELL_WHEN_UP = """
import json, os, sys
from chatsrv.cli import commands, main

announce, ready = commands.announce, int(sys.argv.pop(1))

def announced(line):
    announce(line)
    os.write(ready, json.dumps([line, [os.readlink(f"/proc/self/fd/{number}") for number in range(3)]]).encode())
    os.close(ready)

commands.announce = announced
main()
"""
"""Runs the command that its arguments are; writes to the descriptor before them where the server listens."""


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def shell(redirections: str, command: list[str], **popen: object) -> subprocess.Popen[bytes]:
    """Start `command` with its standard streams as a shell makes them of `redirections`."""
    return subprocess.Popen(["/bin/sh", "-c", f'exec "$@" {redirections}', "sh", *command], **popen)


@contextmanager
def up(file: Path, redirections: str) -> Iterator[tuple[subprocess.Popen[bytes], tuple[str, int], list[str]]]:
    """Run a server; yield it, where it listens, and what its descriptors 0, 1 and 2 are."""
    reader, writer = os.pipe()
    code = [sys.executable, "-X", "dev", "-c", TELL_WHEN_UP, str(writer), "--config", str(file), "run"]
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with shell(redirections, code, pass_fds=[writer], **pipes) as server:
        os.close(writer)
        try:
            with os.fdopen(reader, "rb") as ready:
                line, files = json.loads(ready.read())
            host, _, port = line.removeprefix("Chat server is listening on ").rpartition(":")
            yield server, (host, int(port)), files
        finally:
            server.kill()


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="looks at descriptors as Linux shows them")
@pytest.mark.parametrize("redirections", [*CLOSED, *BROKEN])
def test_a_server_runs_whatever_becomes_of_its_standard_streams(tmp_path: Path, redirections: str) -> None:
    file = settings(
        tmp_path, "protocol: plain, host: 127.0.0.1, port: 0", more="history: {store: sqlite, path: chat.db}"
    )
    with up(file, redirections) as (server, address, files):
        assert not any(str(tmp_path) in name for name in files), "a file of the chat's is a standard stream"
        with login(address, "alice", "wonderland") as alice:
            server.send_signal(signal.SIGTERM)
            read_until(alice, b"The server is shutting down.")
        out, log = server.communicate(timeout=DEADLINE_SECONDS)
    assert server.returncode == 0
    assert b"Traceback" not in log
    if redirections == "<&-":
        assert out.startswith(b"Chat server is listening on ")


def test_a_server_runs_on_when_nobody_reads_what_it_prints(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    file = settings(tmp_path, "protocol: plain, host: 127.0.0.1, port: 0")
    command = [sys.executable, "-m", "chatsrv", "--config", str(file), "run"]
    with (
        os.fdopen(writer, "wb") as out,
        subprocess.Popen(command, stdout=out, stderr=subprocess.PIPE, text=True) as server,
    ):
        assert server.stderr
        try:
            assert server.stderr.readline().endswith("INFO The history is kept in memory, until the server stops\n")
            assert server.stderr.readline().endswith("WARNING Standard output cannot be written (Broken pipe)\n")
            server.terminate()
            _, log = server.communicate(timeout=DEADLINE_SECONDS)
        finally:
            server.kill()
    assert server.returncode == 0
    assert "Traceback" not in log


@pytest.mark.parametrize(
    ("redirections", "name", "code"), [("<&- >&- 2>&-", "bob", 0), ("2>/dev/full", "bob", 0), ("2>&-", "nobody", 1)]
)
def test_every_command_does_its_work_whoever_hears_of_it(house: House, redirections: str, name: str, code: int) -> None:
    with shell(redirections, house.command("user", "role", name, "moderator")) as process:
        assert process.wait(DEADLINE_SECONDS) == code
    assert ("moderator" in house.users.read_text()) == (code == 0)


def test_what_standard_error_does_not_take_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = []

    def write(_descriptor: int, data: memoryview) -> int:
        if len(taken) == 2:
            raise OSError(errno.EPIPE, "Broken pipe")
        taken.append(bytes(data[:3]))
        return 3

    reader, writer = os.pipe()
    with os.fdopen(reader), os.fdopen(writer, "w") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        monkeypatch.setattr(sys, "__stderr__", stream)
        streams.prepare_streams()
        assert isinstance(sys.stderr, io.TextIOWrapper)
        assert (sys.stderr.fileno(), sys.stderr.isatty()) == (writer, False)
        with monkeypatch.context() as patch:
            patch.setattr(streams.os, "write", write)
            sys.stderr.write("a line\nof two\n")
    assert taken == [b"a l", b"ine"]


def test_a_terminal_that_is_closed_ends_a_server_in_order_though_it_signals_twice(tmp_path: Path) -> None:
    with running(settings(tmp_path, "protocol: plain, host: 127.0.0.1, port: 0")) as server:
        with login(listening(server), "alice", "wonderland") as alice:
            server.send_signal(signal.SIGHUP)
            server.send_signal(signal.SIGHUP)
            read_until(alice, b"The server is shutting down.")
        server.communicate(timeout=DEADLINE_SECONDS)
    assert server.returncode == 0


def test_signals_that_were_ignored_at_the_start_stay_ignored(tmp_path: Path) -> None:
    file = settings(tmp_path, "protocol: plain, host: 127.0.0.1, port: 0")
    with running(file, "/bin/sh", "-c", "trap '' HUP INT; exec \"$@\"", "sh") as server:
        address = listening(server)
        for number in (signal.SIGHUP, signal.SIGINT):
            server.send_signal(number)
        with login(address, "alice", "wonderland") as alice:
            alice.sendall(b"/who\n")
            read_until(alice, b"Here now: alice.")
            server.terminate()
            read_until(alice, b"The server is shutting down.")
        server.communicate(timeout=DEADLINE_SECONDS)
    assert server.returncode == 0
