"""Recorded before delivered: a server is killed at random moments under load, and all that anybody saw is in the log.

A real server in a process of its own, killed by SIGKILL when its readers together have received a random number of
bytes; then the next one goes on with the same file. When within a transaction the signal strikes is not the seed's.
"""

import contextlib
import random
import re
import socket
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from chatsrv.model.entries import Entry, Position
from chatsrv.protocols.plain import PlainProtocol
from chatsrv.roomlog.sqlite.store import SqliteStore
from tests.peer import DEADLINE_SECONDS, PASSWORDS

ROOT = Path(__file__).parent.parent.parent
READERS, WRITERS, RUNS = 3, 3, 3
SHOW = PlainProtocol.writer.renderer.render


class Chatter:
    """A peer of a server that is going to die: nothing surprises it."""

    def __init__(self, port: int, name: str) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), DEADLINE_SECONDS)
        self.name = name
        self.received = bytearray()
        self.socket.sendall(f"{name}\n{PASSWORDS[name]}\n".encode())
        while b"Welcome, " not in self.received or not self.received.endswith(b"\n"):
            data = self.socket.recv(65536)
            assert data
            self.received += data

    def read(self, seen: "Seen") -> None:
        with contextlib.suppress(OSError):
            while data := self.socket.recv(65536):
                self.received += data
                seen.add(len(data))

    def write(self, seed: str) -> None:
        rng = random.Random(seed)
        number = 0
        with contextlib.suppress(OSError):
            while True:
                lines = []
                for _ in range(rng.choice((1, 1, 5, 100))):
                    number += 1
                    lines.append(f"{seed}/{number} {'x' * rng.choice((0, 50, 500))}".rstrip())
                self.socket.sendall("".join(f"{line}\n" for line in lines).encode())

    def lines(self) -> list[str]:
        """Return the whole lines that came behind the welcome; what the server did not finish is left out."""
        *lines, _cut_off = self.received.decode().split("\n")
        index = next(number for number, line in enumerate(lines) if "Welcome, " in line)
        return lines[index + 1 :]


class Seen:
    """How much all readers have received, and whether it is enough."""

    def __init__(self, enough_bytes: int) -> None:
        self._left = enough_bytes
        self._lock = threading.Lock()
        self.is_enough = threading.Event()

    def add(self, count: int) -> None:
        with self._lock:
            self._left -= count
            if self._left <= 0:
                self.is_enough.set()


def run_and_kill(path: Path, seed: str, durability: str) -> list[Chatter]:
    """Run a server under load until it is killed; return its readers."""
    rng = random.Random(seed)
    command = [sys.executable, "-m", "tests.roomlog.killed", str(path), durability]
    with (
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as server,
        ThreadPoolExecutor(READERS + 2 * WRITERS) as pool,
        contextlib.ExitStack() as chatters,
    ):
        try:
            assert server.stdout
            port = int(server.stdout.readline())
            people = [Chatter(port, f"user{number}") for number in range(READERS + WRITERS)]
            for chatter in people:
                chatters.enter_context(chatter.socket)
            seen = Seen(int(2 ** rng.uniform(0, 20)))
            for number, writer in enumerate(people[READERS:]):
                pool.submit(writer.write, f"{seed}.{number}")
                pool.submit(writer.read, Seen(1 << 62))  # or they would be hung up
            for reader in people[:READERS]:
                pool.submit(reader.read, seen)
            assert seen.is_enough.wait(DEADLINE_SECONDS)
        finally:
            server.kill()
    return people[:READERS]


def check(chatter: Chatter, entries: list[Entry], begin: int) -> None:
    """Hold what a reader saw against the log: from his own joining on, every entry, in order, none left out."""
    joined = next(
        index
        for index in range(begin, len(entries))
        if entries[index].author == chatter.name and SHOW(entries[index]) == f"* {chatter.name} joined\n".encode()
    )
    shown = [SHOW(entry).decode().removesuffix("\n") for entry in entries[joined + 1 :]]
    lines = chatter.lines()
    assert lines == shown[: len(lines)]


def play(path: Path, seed: int, durability: str) -> None:
    begin, epoch = 0, ""
    with contextlib.closing(SqliteStore(path)) as store:
        for number in range(READERS + WRITERS):
            store.keep_caught_up(f"user{number}", False)  # only what is said from their joining on is compared
    for run in range(RUNS):
        readers = run_and_kill(path, f"{seed}.{run}", durability)
        with contextlib.closing(SqliteStore(path)) as store:
            assert store.epoch == (epoch or store.epoch)
            epoch = store.epoch
            log = store.open("lobby")
            entries = log.read(Position(epoch, 0), 10_000_000)
        assert [entry.offset for entry in entries] == list(range(1, len(entries) + 1))
        for chatter in readers:
            check(chatter, entries, begin)
        said = [match for entry in entries[begin:] if (match := re.match(r"\S+\.(\d+)/(\d+)", entry.text))]
        for writer in range(WRITERS):
            numbers = [int(match[2]) for match in said if match[1] == str(writer)]
            assert numbers == list(range(1, len(numbers) + 1))
        begin = len(entries)


@pytest.mark.parametrize(("seed", "durability"), [(1, "process"), (2, "power")])
def test_what_anybody_saw_of_a_server_that_was_killed_is_in_the_log(tmp_path: Path, seed, durability) -> None:
    play(tmp_path / "chat.db", seed, durability)


@pytest.mark.stress
@pytest.mark.parametrize("seed", range(100, 170))  # three kills each
def test_what_anybody_saw_of_any_server_that_was_killed_is_in_the_log(tmp_path: Path, seed) -> None:
    play(tmp_path / "chat.db", seed, "power" if seed % 4 == 0 else "process")
