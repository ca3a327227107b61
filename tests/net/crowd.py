"""A crowd for stress tests: peers that are random by a seed, and the room log that they are held against.

Real sockets that dawdle: they wait, send in pieces, receive in pieces, and stop receiving. Each chatter has two
threads; `Chat` and `Truth` belong to the test's.
"""

import contextlib
import random
import re
import select
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import tzinfo
from enum import Enum

from chatsrv.chat.hub import Hub
from chatsrv.chat.room import Arrival, Room
from chatsrv.model.accounts import Account
from chatsrv.model.entries import Entry, Kind, Position
from chatsrv.model.limits import Limits
from chatsrv.model.reasons import Reason
from chatsrv.model.roomrules import RoomRules
from chatsrv.net.delivery.delivery import Delivery
from chatsrv.net.listening.server import ChatServer
from chatsrv.net.sessions.chatsession import ChatSession
from chatsrv.protocols.plain import PlainProtocol
from chatsrv.roomlog.base import LogStore, RoomLog
from chatsrv.roomlog.memory import MemoryStore
from tests.peer import DEADLINE_SECONDS, NOTHING, PASSWORDS, Peer, open_gate, running
from tests.roomlog.late import LateStore

LONG_SECONDS = 3 * DEADLINE_SECONDS
END = "That was all."
FAREWELL = "Goodbye!"
PIECES = 30  # so many small pieces of what is sent at once; a long text byte by byte is a long wait for nothing new
FILLER = "the quick brown fox - Größe, Ωmega, 狐 - " * 100


def shown(entry: Entry) -> str:
    """Return the line that all others see of an entry."""
    return PlainProtocol.writer.renderer.render(entry).decode().removesuffix("\n")


def dawdle(rng: random.Random) -> None:
    """Wait a little, or let others go first, or neither. This makes the chaos; nothing here waits for anything."""
    roll = rng.random()
    if roll < 0.03:
        time.sleep(rng.random() * 0.003)
    elif roll < 0.2:
        time.sleep(0)


class Dawdler:
    """A socket that sends and receives in pieces, with pauses, and keeps all that it received. `may_read` stalls it."""

    def __init__(self, sock, seed: str) -> None:
        self._socket = sock
        self._stop_reader, self._stop_writer = socket.socketpair()
        self._sending, self._receiving = random.Random(f"{seed} sends"), random.Random(f"{seed} receives")
        self._send_bytes = self._sending.choice((1, 10, 100, 1 << 20, 1 << 20))
        self._receive_bytes = self._receiving.choice((100, 5000, 1 << 16, 1 << 16))
        self.received = bytearray()
        self.may_read = threading.Event()
        self.may_read.set()

    def __getattr__(self, name: str):
        return getattr(self._socket, name)

    def sendall(self, data: bytes) -> None:
        for _ in range(PIECES):
            dawdle(self._sending)
            self._socket.sendall(data[: self._send_bytes])
            data = data[self._send_bytes :]
        self._socket.sendall(data)

    def recv(self, size: int) -> bytes:
        dawdle(self._receiving)
        assert self.may_read.wait(LONG_SECONDS)
        ready, _, _ = select.select([self._socket, self._stop_reader], [], [], LONG_SECONDS)
        assert ready
        if self._stop_reader in ready:
            return b""
        data = self._socket.recv(min(size, self._receive_bytes))
        self.received += data
        return data

    def stop(self) -> None:
        """Make the thread that receives find an end: a socket that a thread waits for cannot be reset."""
        self._stop_writer.send(b"\0")

    def close(self) -> None:
        for sock in (self._socket, self._stop_reader, self._stop_writer):
            sock.close()


class End(Enum):
    """How a chatter ends, once he has said what he has to say."""

    STAY = "waits until he has seen the last line, then quits"
    QUIT = "quits"
    RESET = "vanishes in the middle of a line"
    HALF_CLOSE = "says that he will send no more, and reads on"


class Chatter:
    """One peer: talks, asks and stalls at random while another thread reads. Keeps what he typed and what he saw."""

    def __init__(self, number: int, name: str, server: ChatServer, seed: str, steps: int) -> None:
        rng = self._rng = random.Random(f"{seed} chatter {number}")
        self.tag = f"#{number}"
        self.name = name
        self.is_telnet = server.RequestHandlerClass.protocol.name == "telnet"
        self.end = rng.choice((End.STAY, End.STAY, *End))
        self.stalls = rng.random() < 0.4  # from some step to the very end
        self.typed: list[str] = []  # the lines that are to be in the log
        self.asked: list[int] = []  # for each /who: how many lines were typed before it
        self.has_ended = threading.Event()  # the last line was seen, or the stream is over
        self._steps = rng.randrange(steps) + 1
        self.reading: Future[None]
        self._peer = Peer(server, receive_buffer_bytes=rng.choice((0, 0, 2048)))
        self.socket = self._peer.socket = Dawdler(self._peer.socket, f"{seed} chatter {number}")

    def talk(self, pool: ThreadPoolExecutor) -> None:
        """Log in, say things, and end, unless that is to wait for the last line."""
        with contextlib.suppress(ConnectionError):  # hung up for reading too slowly
            time.sleep(self._rng.random() * 0.05)
            self._peer.try_login(self.name, PASSWORDS[self.name])
            self._peer.read_until(f"Welcome, {self.name}!".encode())
            self.reading = pool.submit(self._read)
            stall_at = self._rng.randrange(self._steps) if self.stalls else -1
            for step in range(self._steps):
                if step == stall_at:
                    self.socket.may_read.clear()
                self._step()
            if self.end is End.QUIT:
                self._peer.type("/quit")
            elif self.end is End.HALF_CLOSE:
                self._peer.socket.shutdown(socket.SHUT_WR)
            elif self.end is End.RESET:
                self._peer.send(b"this line has no end")
                self.socket.may_read.set()
                self.socket.stop()
                self.reading.result(LONG_SECONDS)
                self._peer.reset()

    def leave(self) -> None:
        """Read all that is left, quit if it is not done yet, and see the stream end."""
        self.socket.may_read.set()
        if self.end is End.STAY:
            assert self.has_ended.wait(LONG_SECONDS)
            with contextlib.suppress(ConnectionError):
                self._peer.type("/quit")
        self.reading.result(LONG_SECONDS)
        self._peer.socket.close()

    def _step(self) -> None:
        rng = self._rng
        dawdle(rng)
        block = []
        for _ in range(rng.choice((1, 1, 2, 5, 30))):
            if self.typed and rng.random() < 0.1:
                block.append("/who")
                self.asked.append(len(self.typed))
                continue
            text = f"{self.tag}.{len(self.typed) + 1} {FILLER[: rng.choice((0, 10, 100, 1000))]}".rstrip()
            self.typed.append(text)
            block.append(rng.choice(("", "", "/me ")) + text)
        self._peer.send("".join(f"{line}\n" for line in block).encode())

    def _read(self) -> None:
        mark = END.encode()
        try:
            while self.socket.recv(1 << 16):
                if mark in self.socket.received[-2 * (1 << 16) :]:
                    self.has_ended.set()
        except OSError:
            pass  # reset, by himself or by the server
        finally:
            self.has_ended.set()

    def seen(self) -> list[str]:
        """Return the lines that he saw from the welcome on, the last one empty unless it was cut off."""
        data = bytes(self.socket.received)
        if self.is_telnet:
            data = re.sub(rb"\xff[\xfb\xfc]\x01", b"", data)
            assert data.count(b"\n") == data.count(b"\r\n")
            data = data.replace(b"\r\n", b"\n").removesuffix(b"\r")
        prompts = b"Username: Password: \n" if self.is_telnet else b"Username: Password: "
        assert data.startswith(prompts), data[:100]
        return data.removeprefix(prompts).decode(errors="replace").split("\n")


class WatchedRoom(Room):
    """A room that remembers who arrived where."""

    def __init__(self, name: str, store: LogStore) -> None:
        super().__init__(name, store.open(name), RoomRules(presence_per_minute=0))
        self.arrivals: dict[int, Arrival] = {}
        self.reasons: dict[int, Reason] = {}

    def enter(
        self,
        account: Account,
        origin: int,
        address: str | None = None,
        zone: tzinfo | None = None,
        begin: Callable[[RoomLog], None] = lambda _: None,
    ) -> Arrival:
        arrival = self.arrivals[origin] = super().enter(account, origin, address, zone, begin)
        return arrival

    def leave(self, name: str, origin: int, reason: Reason) -> None:
        self.reasons[origin] = reason
        super().leave(name, origin, reason)


class Chat:
    """A plain and a telnet server with one room, of which everything is known in the end.

    With a recorder, so much is `at_hand` of what delivery reads, and the rest has to be fetched.
    """

    def __init__(
        self, limits: Limits, *, has_recorder: bool = False, orders_later: bool = False, at_hand: float = 1.0
    ) -> None:
        chances = random.Random(at_hand)
        self._store: LogStore = (
            LateStore(has_recorder=True, orders_later=orders_later, is_at_hand=lambda: chances.random() < at_hand)
            if has_recorder
            else MemoryStore(keep_entries=1_000_000, keep_bytes=1 << 32)
        )
        self._limits = limits
        self.hub = Hub(self._store, catching_up=NOTHING)
        self.room = self.hub.lobby = WatchedRoom("lobby", self._store)
        self.delivery = Delivery(limits)
        self.delivery.start()

    def server(self, session: type[ChatSession]) -> contextlib.AbstractContextManager[ChatServer]:
        return running(
            ChatServer(
                ("127.0.0.1", 0),
                session,
                auth=open_gate(),
                hub=self.hub,
                delivery=self.delivery,
                limits=self._limits,
            )
        )

    def close(self) -> None:
        """Stop, once all servers are closed."""
        self.delivery.stop()
        self._store.close()
        if isinstance(self._store, LateStore):
            self._store.open("lobby").show()

    def entries(self) -> list[Entry]:
        log = self.room.log
        entries = log.read(Position(log.epoch, 0), 1_000_000)
        assert [entry.offset for entry in entries] == list(range(1, len(entries) + 1))
        return entries


class Truth:
    """The room log in the end, against which everything that was seen is held."""

    def __init__(self, chat: Chat) -> None:
        self._room = chat.room
        self.entries = chat.entries()
        present: frozenset[str] = frozenset()
        self._present = [present]  # after each entry
        for entry in self.entries:
            if entry.kind is Kind.JOIN:
                assert entry.author not in present
                present |= {entry.author}
            elif entry.kind is Kind.LEAVE:
                assert entry.author in present
                present -= {entry.author}
            self._present.append(present)
        assert not present

    def check(self, chatter: Chatter, *, may_be_too_slow: bool) -> Reason | None:
        """Hold what a chatter saw and said against the log; return why he ended, `None` if he never really began."""
        said = [entry for entry in self.entries if entry.text.startswith(f"{chatter.tag}.")]
        assert [entry.text for entry in said] == chatter.typed[: len(said)]
        if not said:
            assert chatter.end is End.RESET or may_be_too_slow
            return None
        [origin] = {entry.origin for entry in said}
        assert {entry.author for entry in said} == {chatter.name}
        reason = self._room.reasons[origin]
        is_heard_out = chatter.end is not End.RESET and reason is not Reason.TOO_SLOW
        if is_heard_out:
            assert reason is (Reason.LOST if chatter.end is End.HALF_CLOSE else Reason.QUIT)
            assert len(said) == len(chatter.typed)
        elif reason is Reason.TOO_SLOW:
            assert may_be_too_slow
        else:
            assert reason is Reason.LOST
        welcome, *lines = chatter.seen()
        if not lines:  # not even the welcome was read to its end
            assert not is_heard_out
            return reason
        begin = self._room.arrivals[origin].position.offset
        assert names_in(welcome) == self._present[begin] - {chatter.name}
        answers = self._check_lines(chatter, lines, self._shown_to(origin, begin), is_heard_out=is_heard_out)
        self._check_answers(chatter, answers, [entry.offset for entry in said])
        return reason

    def _shown_to(self, origin: int, begin: int) -> list[str]:
        return [shown(entry) for entry in self.entries[begin:] if entry.origin != origin]

    def _check_lines(self, chatter: Chatter, lines: list[str], expected: list[str], *, is_heard_out: bool) -> list[str]:
        """Find in `lines` everything that was `expected`, in order, up to some point; return the answers among them."""
        *whole, cut_off = lines
        answers: list[str] = []
        at = 0
        for index, line in enumerate(whole):
            if line.startswith("Here now: "):
                answers.append(line)
            elif line == FAREWELL:
                assert index == len(whole) - 1, whole[index:]
            else:
                assert line == expected[at], f"{chatter.tag} missed or got again what is around his line {index}"
                at += 1
        if is_heard_out:
            assert not cut_off
            assert (FAREWELL in whole) == (chatter.end is not End.HALF_CLOSE)
            assert len(answers) == len(chatter.asked)
            if chatter.end is End.STAY:
                assert any(line.endswith(END) for line in expected[:at])
        elif cut_off:
            begun = cut_off.rstrip("\N{REPLACEMENT CHARACTER}")
            possible = (*expected[at : at + 1], "Here now: ")
            assert begun.startswith("Here now: ") or any(line.startswith(begun) for line in possible)
        return answers

    def _check_answers(self, chatter: Chatter, answers: list[str], said_at: list[int]) -> None:
        """Hold each answer to /who against who was there between the chatter's lines before and behind it."""
        for answer, typed_before in zip(answers, chatter.asked, strict=False):
            behind = said_at[typed_before] if typed_before < len(said_at) else len(self._present)
            assert names_in(answer) in self._present[said_at[typed_before - 1] : behind]


def names_in(line: str) -> frozenset[str]:
    """Return the names that a line lists behind `Here now:`, none if it does not."""
    listed = re.search(r"Here now: (.*?)\.(?: |$)", line)
    return frozenset(listed[1].split(", ")) if listed else frozenset()
