"""`chatsrv run`: a real process, from its first line to its exit code."""

import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

DEADLINE_SECONDS = 30
USERS = "{backend: memory, users: {alice: wonderland, bob: builder}}"


def settings(directory: Path, *listeners: str, more: str = "history: {store: memory}") -> Path:
    """Write settings with these listeners; return their file."""
    file = directory / "chatsrv.yaml"
    lines = "".join(f"  - {{{listener}}}\n" for listener in listeners)
    file.write_text(f"listeners:\n{lines}auth: {USERS}\n{more}\n")
    return file


@contextmanager
def running(file: Path, *before: str) -> Iterator[subprocess.Popen[str]]:
    """Start `chatsrv run` on `file`, with words before the command."""
    with subprocess.Popen(
        [*before, sys.executable, "-X", "dev", "-m", "chatsrv", "--config", str(file), "run"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        try:
            yield server
        finally:
            server.kill()


def listening(server: subprocess.Popen[str]) -> tuple[str, int]:
    """Read the next line of `server`, which tells where it listens."""
    assert server.stdout
    line = server.stdout.readline()
    found = re.fullmatch(r"Chat server is listening on (\S+):(\d+)\n", line)
    assert found, line
    return found[1], int(found[2])


def login(address: tuple[str, int], name: str, password: str) -> socket.socket:
    """Return the connection of a session that has been welcomed."""
    connection = socket.create_connection(address, DEADLINE_SECONDS)
    connection.sendall(f"{name}\n{password}\n".encode())
    read_until(connection, f"Welcome, {name}!".encode())
    return connection


def read_until(connection: socket.socket, wanted: bytes) -> bytes:
    said = b""
    while wanted not in said:
        piece = connection.recv(4096)
        assert piece, f"{wanted!r} is not in {said!r}"
        said += piece
    return said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_in_order(tmp_path: Path, number: signal.Signals) -> None:
    with running(settings(tmp_path, "protocol: plain, host: 127.0.0.1, port: 0")) as server:
        address = listening(server)
        with login(address, "alice", "wonderland") as alice:
            peer = alice.getsockname()
            server.send_signal(number)
            read_until(alice, b"The server is shutting down.")
        _, log = server.communicate(timeout=DEADLINE_SECONDS)
    assert server.returncode == 0
    assert f"New connection from {peer}" in log
    assert "Traceback" not in log
    assert "ResourceWarning" not in log


def test_a_signal_ends_it_when_nobody_ever_came(tmp_path: Path) -> None:
    with running(settings(tmp_path, "protocol: plain, host: 127.0.0.1, port: 0")) as server:
        listening(server)
        server.terminate()
        _, log = server.communicate(timeout=DEADLINE_SECONDS)
    assert server.returncode == 0
    assert "Traceback" not in log


def test_all_listeners_are_one_chat(tmp_path: Path) -> None:
    listeners = [f"protocol: {protocol}, host: 127.0.0.1, port: 0" for protocol in ("plain", "plain", "telnet")]
    with running(settings(tmp_path, *listeners)) as server:
        one, other, telnet = (listening(server) for _ in listeners)
        with login(one, "alice", "wonderland") as alice, login(other, "bob", "builder") as bob:
            read_until(alice, b"* bob joined")
            bob.sendall(b"hello\n")
            read_until(alice, b"<bob> hello")
            with login(telnet, "bob", "builder") as second:
                second.sendall(b"from telnet\r\n")
                read_until(alice, b"<bob> from telnet")
        server.terminate()
        server.communicate(timeout=DEADLINE_SECONDS)
    assert server.returncode == 0


def test_a_busy_port_is_told_in_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        file = settings(
            tmp_path, "protocol: plain, host: 127.0.0.1, port: 0", f"protocol: plain, host: 127.0.0.1, port: {port}"
        )
        with running(file) as server:
            out, log = server.communicate(timeout=DEADLINE_SECONDS)
    assert server.returncode == 1
    assert out == ""
    assert log.splitlines() == [
        f"chatsrv: port {port} on 127.0.0.1 is in use; stop the program that holds it, "
        f"or give listeners[1] another port in {file}"
    ]


@pytest.mark.parametrize(
    ("host", "told"), [("192.0.2.1", "192.0.2.1 is no address of this machine"), ("no.invalid", "there is no host")]
)
def test_a_host_that_is_not_ours_is_told_in_one_sentence(tmp_path: Path, host: str, told: str) -> None:
    with running(settings(tmp_path, f"protocol: plain, host: {host}, port: 0")) as server:
        _, log = server.communicate(timeout=DEADLINE_SECONDS)
    assert server.returncode == 1
    (line,) = log.splitlines()
    assert line.startswith(f"chatsrv: {told}")


def test_the_level_of_logging_holds(tmp_path: Path) -> None:
    file = settings(tmp_path, "protocol: plain, host: 127.0.0.1, port: 0", more="logging: {level: ERROR}")
    with running(file) as server:
        login(listening(server), "alice", "wonderland").close()
        server.terminate()
        _, log = server.communicate(timeout=DEADLINE_SECONDS)
    assert server.returncode == 0
    assert log == ""
