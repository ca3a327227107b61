"""A server is killed at random moments, again and again: each reader has seen every line in the end, and gets on.

A writer says numbers all the time. In each round somebody comes for the first time, and all who came before come back;
the server is killed when they have received a random number of bytes. What the next one's log has is the truth.
"""

import contextlib
import random
import socket
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from chatsrv.model.entries import Kind, Position
from chatsrv.roomlog.sqlite.store import SqliteStore
from tests.net.dying import dying
from tests.net.told import TIMED
from tests.peer import DEADLINE_SECONDS, PASSWORDS
from tests.roomlog.test_sqlite_killed import Seen

ROUNDS = 12


class Reader:
    """Somebody who reads all that there is whenever a server is there. `visits` are the lines of each session."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.visits: list[list[str]] = []

    def visit(self, address: tuple[str, int], seen: Seen, then: str = "") -> None:
        """Log in, type `then`, and read until the end of the stream."""
        received = bytearray()
        with contextlib.suppress(OSError), socket.create_connection(address, DEADLINE_SECONDS) as sock:
            sock.sendall(f"{self.name}\n{PASSWORDS[self.name]}\n{then}".encode())
            while data := sock.recv(65536):
                received += data
                seen.add(len(data))
        *lines, _cut_off = received.decode().split("\n")
        whole = [timed[1] if (timed := TIMED.fullmatch(line)) else line for line in lines]
        self.visits.append([line.removeprefix("<alice> ") for line in whole if line.startswith("<alice> ")])

    def check(self, due: Sequence[str]) -> None:
        """Hold what was seen against what had to be: all of it, in order, only what a kill left open again."""
        places = {line: number for number, line in enumerate(due)}
        begun = reached = 0
        for visit in self.visits:
            numbers = [places[line] for line in visit if line in places]  # a newcomer is told some of before, too
            if numbers:
                assert begun <= numbers[0] <= reached, f"{self.name} missed {due[reached : numbers[0]]}"
                assert numbers == list(range(numbers[0], numbers[-1] + 1))
                begun, reached = numbers[0], max(reached, numbers[-1] + 1)
        assert reached == len(due)


def write(address: tuple[str, int], number: int, is_over: threading.Event) -> None:
    """Say what nobody else says until the server is killed."""
    with contextlib.suppress(OSError), socket.create_connection(address, DEADLINE_SECONDS) as sock:
        sock.sendall(f"alice\n{PASSWORDS['alice']}\n".encode())
        for line in range(1_000_000):
            if is_over.is_set():
                return
            sock.sendall(f"{number}/{line}\n".encode())


def play_round(path: Path, readers: Sequence[Reader], number: int, rng: random.Random) -> None:
    is_over = threading.Event()
    with ThreadPoolExecutor(len(readers) + 2) as pool:
        with dying(path, keep_seconds=rng.choice((0.1, 5.0)), told_seconds=0.05) as server:
            pool.submit(server.recorded.read)
            seen = Seen(int(2 ** rng.uniform(6, 16)))
            visits = [pool.submit(reader.visit, server.server_address, seen) for reader in readers]
            writing = pool.submit(write, server.server_address, number, is_over)
            assert seen.is_enough.wait(DEADLINE_SECONDS)
        is_over.set()
        for each in (*visits, writing):
            each.result(DEADLINE_SECONDS)


def play(path: Path, seed: int) -> None:
    rng = random.Random(seed)
    readers: list[Reader] = []
    for number in range(ROUNDS):
        readers.append(Reader(f"user{number}"))
        play_round(path, readers, number, rng)
    with dying(path) as server, ThreadPoolExecutor(len(readers)) as pool:
        enough = Seen(1 << 62)
        for each in [pool.submit(reader.visit, server.server_address, enough, "/quit\n") for reader in readers]:
            each.result(DEADLINE_SECONDS)
    with contextlib.closing(SqliteStore(path)) as store:
        log = store.open("lobby")
        entries = log.read(Position(log.epoch, 0), 10_000_000)
    for reader in readers:
        came = next(entry.offset for entry in entries if entry.kind is Kind.JOIN and entry.author == reader.name)
        reader.check([entry.text for entry in entries[came:] if entry.kind is Kind.SAY])


@pytest.mark.stress
@pytest.mark.parametrize("seed", range(6))
def test_nobody_misses_a_line_of_servers_that_are_killed_soon_after_their_start(tmp_path: Path, seed) -> None:
    play(tmp_path / "chat.db", seed)
