"""Wanderers for stress tests of rooms: random by a seed, lost again and again, and held against the logs in the end.

Each is one account, with one connection at a time, and has one thread. `Logs` is the truth, read when all is over.
"""

import contextlib
import random
import re
import select
import socket
import threading
import time
from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from chatsrv.app.sessions import PlainSession
from chatsrv.chat.hub import Hub
from chatsrv.model.accounts import Account
from chatsrv.model.entries import PRIVATE_MARK, Entry, Kind, Position
from chatsrv.model.reasons import Reason
from chatsrv.net.listening.server import ChatServer
from tests.net.crowd import dawdle, shown
from tests.peer import DEADLINE_SECONDS, PASSWORDS, Peer

ROOMS = ("lobby", "dev", "dim", "tea")  # dim is not recorded
PRIVATE = "private"
END = "That was all."
IGNORED = "writer0"  # whom some ignore now and then
TIME = re.compile(r"^\[(?:\d{4}-\d\d-\d\d )?\d\d:\d\d\] ")
MARK = re.compile(rf"^\[({'|'.join((*ROOMS, PRIVATE))})\] (?=[<*])")
TURNED = re.compile(r"(?:You left \w+\. )?You (?:speak|are) in (\w+)")


class Writer:
    """Somebody who writes in all rooms as fast as he may, in the server's own process."""

    def __init__(self, number: int, server: ChatServer) -> None:
        self._account = Account(f"writer{number}")
        self._origin = number + 1
        self._server = server
        self._rooms = [server.hub.room(name) for name in ROOMS]
        self._said = 0
        for room in self._rooms:
            room.enter(self._account, self._origin)

    def write(self, seed: str, blocks: int) -> None:
        rng = random.Random(seed)
        for _ in range(blocks):
            dawdle(rng)
            room = rng.choice(self._rooms)
            self._server.delivery.pace(room.log)
            texts = [self._next("x" * rng.choice((0, 10, 300))) for _ in range(rng.choice((1, 1, 5, 50)))]
            room.speak(Kind.SAY, self._account.name, self._origin, texts)

    def _next(self, words: str) -> str:
        self._said += 1
        return f"{self._said} {words}".rstrip()

    def end(self, keys: Sequence[str]) -> None:
        """Say the last line in each room, and to each of the accounts, of which nobody is here."""
        for room in self._rooms:
            room.speak(Kind.SAY, self._account.name, self._origin, [f"{END} {room.name}"])
        for key in keys:
            log = self._server.hub.private_log(key)
            log.wait_until_recorded(log.append(Kind.PRIVATE, self._account.name, self._origin, (f"{END} {key}",)))


class Line(NamedTuple):
    """Something that was said, as it was shown: live or as of before, with the mark that it had."""

    is_live: bool
    mark: str
    text: str


class Visit(NamedTuple):
    """What was seen in one session.

    Of one that was reset, what his system took and he did not read is missing, and what it had not acknowledged yet
    comes again.
    """

    lines: list[Line]
    current: set[str]  # rooms that lines without a mark may be of
    is_reset: bool


class WatchedSession(PlainSession):
    """A session of which it can be told when it obeys no more, though it may be written to for long.

    Else what somebody typed last could be obeyed while he is back already, as if it were another device's.
    """

    ends: ClassVar[dict[str, threading.Semaphore]] = {name: threading.Semaphore(0) for name in PASSWORDS}

    def closed(self, reason: Reason) -> None:
        super().closed(reason)
        self.ends[self.account.name].release()

    @classmethod
    def wait_until_closed(cls, name: str) -> None:
        assert cls.ends[name].acquire(timeout=DEADLINE_SECONDS)


class Wanderer:
    """Somebody who reads, turns, parts, joins, ignores, writes to others, and is lost. Keeps every whole line.

    How lines are shown changes meanwhile, too.
    """

    def __init__(self, name: str, others: Sequence[str], server: ChatServer, seed: str, *, speaks: bool) -> None:
        self.name = name
        self.visits: list[Visit] = []
        self._others = [other for other in others if other != name]
        self._server = server
        self._rng = random.Random(f"{seed} {name}")
        self._speaks = speaks
        self._said = 0
        # With times, a live line looks as one of the history does, so nobody has both.
        self._looks = self._rng.choice((("/history 3",), ("/set times on", "/set times off")))

    def come(self) -> None:
        """Come for the first time into each room, so that all that is said from now on is for him."""
        with Peer(self._server) as peer:
            peer.log_in(self.name)
            peer.send("".join(f"/join {room}\n" for room in ROOMS).encode() + b"/quit\n")
            peer.rest()
        self._server.RequestHandlerClass.wait_until_closed(self.name)

    def visit(self) -> None:
        """Log in, do some, and end somehow. Whatever fails, the server was faster."""
        rng = self._rng
        received = bytearray()
        is_reset = rng.random() < 0.15
        with Peer(self._server, receive_buffer_bytes=rng.choice((0, 0, 2048))) as peer:
            peer.try_login(self.name, PASSWORDS[self.name])
            with contextlib.suppress(ConnectionError):
                while b"\n" not in received:  # else it might never have been a session
                    received += peer.socket.recv(1000)
                for _ in range(rng.choice((1, 5, 40))):
                    peer.send("".join(f"{self._command()}\n" for _ in range(rng.choice((0, 0, 1, 1, 3)))).encode())
                    self._read(peer, received)
                if not is_reset:
                    self._end(peer)
            if is_reset:
                peer.reset()
            else:
                received += peer.rest()
        self._keep(bytes(received), is_reset=is_reset)
        self._server.RequestHandlerClass.wait_until_closed(self.name)

    def _command(self) -> str:
        rng = self._rng
        room = rng.choice(ROOMS)
        self._said += 1
        return rng.choice(
            (
                *(f"/join {room}",) * 6,
                *(f"/part {room}",) * 2,
                *(f"/msg {rng.choice(self._others)} {self._said} {'y' * rng.choice((0, 300))}".rstrip(),) * 3,
                *((f"{self._said} {'z' * rng.choice((0, 300))}".rstrip(),) * 3 if self._speaks else ("/who",)),
                f"/ignore {IGNORED}",
                f"/unignore {IGNORED}",
                *self._looks,
                "/set rooms always",
                "/set rooms others",
            )
        )

    def _read(self, peer: Peer, received: bytearray) -> None:
        rng = self._rng
        dawdle(rng)
        enough = len(received) + int(2 ** rng.uniform(0, 16))
        while len(received) < enough and select.select([peer.socket], [], [], 0.001)[0]:
            data = peer.socket.recv(rng.choice((100, 1 << 16)))
            if not data:
                return
            received += data

    def _end(self, peer: Peer) -> None:
        match self._rng.choice(("quit", "half close", "stall", "ask")):
            case "quit":
                peer.type("/quit")
            case "half close":
                with contextlib.suppress(OSError):  # it is reset already
                    peer.socket.shutdown(socket.SHUT_WR)
            case "stall":
                time.sleep(self._rng.random() * 0.1)  # some are hung up meanwhile
                peer.type("/quit")
            case "ask":
                peer.send(b"/who\n" * 50 + b"/quit\n")

    def see_the_end(self) -> None:
        """Come back into all rooms, as often as it takes, until everything that is left has been seen."""
        awaited = {f"<writer1> {END} {name}" for name in (*ROOMS, self.name)}
        while awaited:
            with Peer(self._server) as peer:
                peer.try_login(self.name, PASSWORDS[self.name])
                peer.send("".join(f"/join {room}\n" for room in ROOMS).encode())
                received = b""
                with contextlib.suppress(ConnectionError):
                    while any(line.encode() not in received for line in awaited):
                        data = peer.socket.recv(1 << 16)
                        if not data:
                            break
                        received += data
                    peer.type("/quit")
                self._keep(received + peer.rest(), is_reset=False)
            self._server.RequestHandlerClass.wait_until_closed(self.name)
            awaited -= {line.text for line in self.visits[-1].lines}

    def _keep(self, received: bytes, *, is_reset: bool) -> None:
        *lines, _cut_off = received.decode(errors="replace").split("\n")
        found: list[Line] = []
        current: set[str] = set()
        history = False
        for number, shown_line in enumerate(lines):
            line = shown_line.removeprefix("Username: ").removeprefix("Password: ") if number == 0 else shown_line
            if line.startswith("The last "):
                history = True
            elif line.startswith(("(end; ", "You are not in ")):  # the latter where he was put out amid a page
                history = False
            timed = TIME.match(line)
            mark = MARK.match(line.removeprefix(timed[0]) if timed else line)
            text = line[len(timed[0] if timed else "") + len(mark[0] if mark else "") :]
            if text.startswith("<") and not (history and timed) and not text.startswith(f"<{self.name}>"):
                found.append(Line(not timed, mark[1] if mark else "", text))
            elif turned := TURNED.match(line):
                current.add(turned[1])
        if not lines[1:] or not lines[1].startswith(("You speak in", "You are in no room")):
            current.add("lobby")
        if "Goodbye!" not in lines:  # an answer may have been lost, or he was put out of a room
            current = set(ROOMS)
        self.visits.append(Visit(found, current, is_reset))


class Logs:
    """All that was said in the end, and where."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self.entries = {name: _all(hub, name) for name in ROOMS}

    def check(self, wanderer: Wanderer) -> int:
        """Hold what somebody saw in all visits against the logs; return how much of it there was."""
        places: dict[str, tuple[str, int]] = {}
        expected: dict[str, list[str]] = {}
        for name in (*ROOMS, PRIVATE):
            lines = self._due(name, wanderer.name)
            places |= {line: (name, number) for number, line in enumerate(lines)}
            expected[name] = [line for line in lines if not line.startswith(f"<{IGNORED}>")]
        at, last, seen = dict.fromkeys(expected, 0), dict.fromkeys(expected, -1), 0
        floor: dict[str, int] = {}  # rooms that were cut off, and what was surely taken there before that visit
        for visit in wanderer.visits:
            before, first = last.copy(), dict[str, int]()
            for line in visit.lines:
                assert line.text in places, f"{wanderer.name} was shown what was said before he came: {line}"
                name, number = places[line.text]
                assert line.mark == name or (not line.mark and name in visit.current), (line, name, visit.current)
                assert number > floor.get(name, last[name]), f"{wanderer.name} was shown again, or late: {line}"
                last[name] = number
                first.setdefault(name, number)
                if line.text.startswith(f"<{IGNORED}>"):
                    continue
                if floor.pop(name, None) is not None:
                    at[name] = expected[name].index(line.text)
                due = expected[name][at[name]]
                assert line.text == due, f"{wanderer.name} missed something in {name} before {line}: {due}"
                at[name] += 1
                seen += 1
            if visit.is_reset:
                # What he began with was not taken before, though he may have seen it when he was cut off before.
                floor = {
                    name: min(before[name], first[name] - 1) if name in first else floor.get(name, before[name])
                    for name in expected
                }
        for name, lines in expected.items():
            assert at[name] == len(lines), f"{wanderer.name} missed the last of {name}"
        return seen

    def _due(self, name: str, reader: str) -> list[str]:
        """Return what is to be shown to somebody: what others said behind his first coming."""
        if name == PRIVATE:
            entries = [entry for entry in _all(self._hub, PRIVATE_MARK + reader) if entry.kind is Kind.PRIVATE]
            return [shown(entry).removeprefix("[private] ") for entry in entries]
        came = next(
            entry.offset for entry in self.entries[name] if entry.kind is Kind.QUIET_JOIN and entry.author == reader
        )
        said = [entry for entry in self.entries[name][came:] if entry.kind is Kind.SAY and entry.author != reader]
        return [shown(entry) for entry in said]


def _all(hub: Hub, name: str) -> list[Entry]:
    log = hub.private_log(name.removeprefix(PRIVATE_MARK)) if name.startswith(PRIVATE_MARK) else hub.room(name).log
    entries = log.read(Position(log.epoch, 0), 1_000_000)
    assert [entry.offset for entry in entries] == list(range(1, len(entries) + 1))
    return entries
