"""`chatsrv run` with next to no memory, descriptors or threads: a real process, limited by the system while it runs."""

import os
import resource
import signal
import socket
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.cli.test_run import DEADLINE_SECONDS, listening, login, read_until, running, settings

FULL = b"The server is full. Please try again later.\n"
CROWD = 1000

pytestmark = pytest.mark.skipif(
    not hasattr(resource, "prlimit"), reason="Linux limits other processes, and no one else"
)


def address_space_bytes(process: int) -> int:
    """Return how much a process has now."""
    return int(Path(f"/proc/{process}/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")


def first_words(address: tuple[str, int], crowd: list[socket.socket]) -> bytes:
    """Connect one more; return what it is told."""
    connection = socket.create_connection(address, DEADLINE_SECONDS)
    crowd.append(connection)
    return connection.recv(200)


@pytest.mark.stress
@pytest.mark.parametrize("what", ["RLIMIT_AS", "RLIMIT_NOFILE"])
def test_a_crowd_that_takes_all_there_is_is_told_so_and_the_server_recovers(what: str, tmp_path: Path) -> None:
    limits = f"limits: {{strangers: {CROWD}, connections_per_address: 0}}"
    with running(settings(tmp_path, "protocol: plain, host: 127.0.0.1, port: 0", more=limits)) as server:
        address = listening(server)
        with login(address, "alice", "wonderland") as alice:
            most = address_space_bytes(server.pid) + (48 << 20) if what == "RLIMIT_AS" else 100
            resource.prlimit(server.pid, getattr(resource, what), (most, most))
            crowd: list[socket.socket] = []
            told = Counter(first_words(address, crowd) for _ in range(CROWD))
            assert set(told) == {b"Username: ", FULL}
            alice.sendall(b"/who\n")
            assert read_until(alice, b"\n").endswith(b"Here now: alice.\n")
            for connection in crowd:
                connection.close()
            deadline = time.monotonic() + DEADLINE_SECONDS
            while first_words(address, crowd) == FULL:
                assert time.monotonic() < deadline
            with login(address, "bob", "builder") as bob:
                read_until(alice, b"* bob joined\n")
                bob.sendall(b"hello\n")
                read_until(alice, b"<bob> hello\n")
            for connection in crowd:
                connection.close()
            server.send_signal(signal.SIGTERM)
        _, log = server.communicate(timeout=DEADLINE_SECONDS)
    assert server.returncode == 0
    assert "Traceback" not in log
    assert "sessions did not end in time" not in log
    assert len([line for line in log.splitlines() if "for want of" in line]) == 2
