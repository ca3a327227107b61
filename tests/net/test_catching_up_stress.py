"""Catching up amid everything: writers at full speed, readers who are lost at random moments and come back at once.

Nothing is asserted about time. All that was said and a reader saw in all his sessions, one behind the other, is held
against the room log: nothing lost, nothing twice, nothing out of order. A failure names its seed; how threads take
turns is not the seed's.
"""

import contextlib
import random
import re
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from chatsrv.app.sessions import PlainSession
from chatsrv.chat.hub import Hub
from chatsrv.model.accounts import Account
from chatsrv.model.entries import Entry, Kind, Position
from chatsrv.model.history import CatchingUp
from chatsrv.model.limits import Limits
from chatsrv.net.listening.server import ChatServer
from chatsrv.roomlog.base import LogStore
from chatsrv.roomlog.memory import MemoryStore
from chatsrv.roomlog.sqlite.store import SqliteStore
from tests.net.crowd import LONG_SECONDS, dawdle, shown
from tests.net.records import speak_records
from tests.peer import DEADLINE_SECONDS, PASSWORDS, Peer, open_gate, running
from tests.roomlog.late import LateStore

BEGIN, ENOUGH, END = "This is the beginning.", "That is enough.", "That was all."
ASIDE = re.compile(r"Welcome, .*|Goodbye!|While you were away.*|\(that is all you missed\)|Here now: .*|\* .*")
"""All but what was said: who comes and goes is told live, and of before in one line for all of them."""
TIME = re.compile(r"^\[(?:\d{4}-\d\d-\d\d )?\d\d:\d\d\] ")


def store_of(kind: str, path: Path) -> LogStore:
    if kind == "late":
        chances = random.Random(str(path))
        return LateStore(has_recorder=True, orders_later=True, is_at_hand=lambda: chances.random() < 0.7)
    if kind == "sqlite":
        return SqliteStore(path / "chat.db", keep_bytes=1 << 32)
    return MemoryStore(keep_entries=1_000_000, keep_bytes=1 << 32)


class Writer:
    """Somebody who writes as fast as he may, in the server's own process. Each has an origin of his own."""

    def __init__(self, number: int, server: ChatServer) -> None:
        self._account = Account(f"writer{number}")
        self._origin = number + 1
        self._server = server
        self._room = server.hub.lobby
        self._room.enter(self._account, self._origin)

    def say(self, *texts: str) -> None:
        self._server.delivery.pace(self._room.log)
        self._room.speak(Kind.SAY, self._account.name, self._origin, texts)

    def write(self, seed: str, blocks: int) -> None:
        rng = random.Random(seed)
        for block in range(blocks):
            dawdle(rng)
            size = rng.choice((1, 1, 5, 50))
            self.say(*(f"{block}.{number} {'x' * rng.choice((0, 10, 300))}" for number in range(size)))


class Reader:
    """Somebody who is lost again and again. Keeps every whole line that he saw of the room."""

    def __init__(self, name: str, server: ChatServer, seed: str) -> None:
        self.name = name
        self.seen: list[str] = []
        self._server = server
        self._rng = random.Random(f"{seed} {name}")

    def visit(self) -> None:
        """Log in, see some, and end somehow. Whatever fails, the server was faster; all that came is read."""
        rng = self._rng
        with Peer(self._server, receive_buffer_bytes=rng.choice((0, 2048))) as peer:
            peer.try_login(self.name, PASSWORDS[self.name])
            received = bytearray()
            enough = int(2 ** rng.uniform(0, 18))
            with contextlib.suppress(ConnectionError):
                while len(received) < enough and (data := peer.socket.recv(rng.choice((100, 1 << 16)))):
                    received += data
                    if ENOUGH.encode() in data:
                        break
                    dawdle(rng)
                self._end(peer)
            self._keep(bytes(received) + peer.rest())

    def _end(self, peer: Peer) -> None:
        match self._rng.choice(("quit", "half close", "stall", "ask")):
            case "quit":
                peer.type("/quit")
            case "half close":
                with contextlib.suppress(OSError):  # it is reset already
                    peer.socket.shutdown(socket.SHUT_WR)
            case "stall":
                time.sleep(self._rng.random() * 0.2)  # some are hung up meanwhile
                peer.type("/quit")
            case "ask":
                peer.send(b"/who\n" * 50 + b"/quit\n")

    def see_the_end(self) -> None:
        """Come back, as often as it takes, until everything that is left has been seen."""
        while not any(line.endswith(END) for line in self.seen):
            with Peer(self._server) as peer:
                peer.try_login(self.name, PASSWORDS[self.name])
                received = b""
                with contextlib.suppress(ConnectionError):
                    while END.encode() not in received and (data := peer.socket.recv(1 << 16)):
                        received += data
                    peer.type("/quit")
                self._keep(received + peer.rest())

    def _keep(self, received: bytes) -> None:
        *lines, _cut_off = received.decode(errors="replace").split("\n")
        lines = [TIME.sub("", line.removeprefix("Username: ").removeprefix("Password: ")) for line in lines]
        self.seen += [line for line in lines if line and not ASIDE.fullmatch(line)]


@contextlib.contextmanager
def serving(store: LogStore, limits: Limits) -> Iterator[ChatServer]:
    hub = Hub(store, catching_up=CatchingUp(1_000_000, 0))
    auth = open_gate()
    with running(ChatServer(("127.0.0.1", 0), PlainSession, auth=auth, hub=hub, limits=limits)) as server:
        yield server


def play(seed: int, path: Path, *, readers: int, writers: int, blocks: int) -> None:
    rng = random.Random(seed)
    limits = Limits(
        connections_per_address=0,
        messages_per_second=0,
        stall_seconds=rng.choice((0.05, 3600.0)),
        tail_bytes=rng.choice((65_536, 1 << 30)),
        memory_bytes=1 << 32,
        send_buffer_bytes=rng.choice((4096, 65_536)),
        linger_seconds=DEADLINE_SECONDS,  # so that nothing is in flight when the rest is counted
    )
    with (
        contextlib.closing(store_of(rng.choice(("memory", "late", "sqlite")), path)) as store,
        serving(store, limits) as server,
        ThreadPoolExecutor(readers + writers) as pool,
    ):
        people = [Reader(f"user{number}", server, f"{seed}") for number in range(readers)]
        for reader in people:
            with Peer(server) as peer:
                peer.log_in(reader.name)
                peer.type("/quit")
                peer.rest()
        authors = [Writer(number, server) for number in range(writers)]
        authors[0].say(BEGIN)
        is_over = threading.Event()
        reading = [pool.submit(visit_until, reader, is_over) for reader in people]
        for writing in [pool.submit(author.write, f"{seed} {n}", blocks) for n, author in enumerate(authors)]:
            writing.result(LONG_SECONDS)
        is_over.set()
        authors[0].say(ENOUGH)  # or some would wait for more
        for each in reading:
            each.result(LONG_SECONDS)
        authors[0].say(END)
        for reader in people:
            reader.see_the_end()
        log = server.hub.lobby.log
        entries = log.read(Position(log.epoch, 0), 1_000_000)
    for reader in people:
        check(reader, entries)


def visit_until(reader: Reader, is_over: threading.Event) -> None:
    while not is_over.is_set():
        reader.visit()


def check(reader: Reader, entries: list[Entry]) -> None:
    lines = [shown(entry) for entry in entries if entry.kind is Kind.SAY]
    begin = next(number for number, line in enumerate(lines) if line.endswith(BEGIN))
    end = next(number for number, line in enumerate(lines) if line.endswith(END))
    expected = lines[begin : end + 1]
    seen = reader.seen[next(number for number, line in enumerate(reader.seen) if line.endswith(BEGIN)) :]
    for number, (line, other) in enumerate(zip(seen, expected, strict=False)):
        assert line == other, f"{reader.name} missed or got again what is around line {number} of {len(expected)}"
    assert seen[: len(expected)] == expected


@pytest.mark.parametrize("seed", range(4))
def test_readers_who_are_lost_at_random_see_everything_once_and_in_order(seed, tmp_path: Path) -> None:
    play(seed, tmp_path, readers=4, writers=2, blocks=400)


def test_so_do_readers_whose_wires_have_bytes_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    speak_records(monkeypatch)
    play(10, tmp_path, readers=4, writers=2, blocks=200)


@pytest.mark.stress
@pytest.mark.timeout(10 * LONG_SECONDS)
@pytest.mark.parametrize("seed", range(100, 160))
def test_a_crowd_that_is_lost_at_random_sees_everything_once_and_in_order(seed, tmp_path: Path) -> None:
    play(seed, tmp_path, readers=6, writers=3, blocks=400)
