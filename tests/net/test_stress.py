"""Many peers at once, all random by a seed: every entry is counted for every reader, whatever the others do.

Nothing is asserted about time; what each peer saw is compared with the room log itself. A failure names its seed. How
threads take turns is not the seed's, so a seed may have to be run more than once.
"""

import contextlib
import logging
import random
import socket
import struct
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from chatsrv.app.sessions import PlainSession, TelnetSession
from chatsrv.model.entries import Kind
from chatsrv.model.limits import Limits
from chatsrv.net.listening.server import ChatServer
from tests.net.crowd import END, FILLER, LONG_SECONDS, Chat, Chatter, Dawdler, Truth, shown
from tests.peer import DEADLINE_SECONDS, NAMES, PASSWORDS, Peer


@pytest.fixture(autouse=True)
def hasty_switching() -> Iterator[None]:
    """Let threads take turns as often as they can, so that they meet in odd places."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(interval)


@pytest.fixture(autouse=True)
def no_error_is_logged(caplog) -> Iterator[None]:
    yield
    errors = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert not errors


def play(seed: int, chatters: int, steps: int) -> None:
    """Let chatters loose on a chat, and check what each of them saw, said and was told."""
    rng = random.Random(seed)
    is_tight = rng.random() < 0.3  # so that whoever stalls is hung up
    limits = Limits(
        messages_per_second=0,
        connections_per_address=0,
        stall_seconds=0.02 if is_tight else 3600.0,
        tail_bytes=262_144 if is_tight else 1 << 30,
        memory_bytes=1 << 32,
        send_buffer_bytes=rng.choice((4096, 65_536)),
        linger_seconds=DEADLINE_SECONDS,
    )
    chat = Chat(
        limits,
        has_recorder=rng.random() < 0.3,
        orders_later=rng.random() < 0.5,
        at_hand=rng.choice((1.0, 0.7, 0.2)),
    )
    names = [name for name in NAMES if name != "alice"][: max(2, chatters * 2 // 3)]
    with (
        contextlib.closing(chat),
        chat.server(PlainSession) as plain,
        chat.server(TelnetSession) as telnet,
        ThreadPoolExecutor(2 * chatters) as pool,
    ):
        crowd = [
            Chatter(number, rng.choice(names), rng.choice((plain, telnet)), f"{seed}", steps)
            for number in range(chatters)
        ]
        for talking in [pool.submit(chatter.talk, pool) for chatter in crowd]:
            talking.result(LONG_SECONDS)
        with Peer(plain) as last:
            last.log_in("alice")
            last.type(END)
            last.type("/quit")
            for leaving in [pool.submit(chatter.leave) for chatter in crowd]:
                leaving.result(LONG_SECONDS)
            last.rest()
    truth = Truth(chat)
    reasons = [truth.check(chatter, may_be_too_slow=is_tight) for chatter in crowd]
    assert len(set(reasons) - {None}) > 0


@pytest.mark.parametrize("seed", range(8))
def test_every_reader_sees_every_entry_once_and_in_order(seed) -> None:
    play(seed, chatters=8, steps=8)


@pytest.mark.stress
@pytest.mark.timeout(10 * LONG_SECONDS)
@pytest.mark.parametrize("seed", range(100, 160))
def test_every_reader_of_a_crowd_sees_every_entry_once_and_in_order(seed) -> None:
    play(seed, chatters=random.Random(seed).choice((3, 8, 20)), steps=25)


class Passer:
    """A peer that does one thing with a server that may be closed at any moment, and is surprised by nothing."""

    def __init__(self, number: int, seed: str) -> None:
        self._rng = random.Random(f"{seed} passer {number}")
        self._name = self._rng.choice(NAMES[1:6])
        self._socket = Dawdler(socket.socket(), f"{seed} passer {number}")
        self._socket.settimeout(LONG_SECONDS)

    def run(self, server: ChatServer) -> None:
        """Connect, get somewhere, and end somehow. Whatever fails, the server was faster."""
        rng = self._rng
        login = f"{self._name}\n{PASSWORDS[self._name]}\n"
        said = f"{login}hello\n/who\n/me {FILLER}\n" * rng.choice((1, 20))
        text = rng.choice(("", login[: rng.randrange(len(login))], login, said, said, f"{said}/quit\n"))
        how = rng.choice(("close", "reset", "read", "read", "half close", "stall"))
        with contextlib.suppress(OSError):
            self._socket.connect(server.server_address)
            self._socket.sendall(text.encode())
            if how == "half close":
                self._socket.shutdown(socket.SHUT_WR)
            if how in ("read", "half close"):
                while self._socket.recv(1 << 16):
                    pass
            if how == "reset":
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            if how in ("close", "reset"):
                self._socket.close()

    def close(self) -> None:
        """Let go of the socket."""
        self._socket.close()


def open_and_close(seed: int, rounds: int, passers: int) -> None:
    """Close one of two servers of a chat amid everything, again and again; others talk on through the other."""
    rng = random.Random(seed)
    limits = Limits(
        messages_per_second=0, connections_per_address=0, tail_bytes=1 << 30, memory_bytes=1 << 32, linger_seconds=0.05
    )
    chat = Chat(
        limits,
        has_recorder=rng.random() < 0.5,
        orders_later=rng.random() < 0.5,
        at_hand=rng.choice((1.0, 0.7, 0.2)),
    )
    seen: list[str] = []
    with (
        contextlib.closing(chat),
        chat.server(TelnetSession) as lasting,
        Peer(lasting) as bob,
        Peer(lasting) as carol,
        ThreadPoolExecutor(passers) as pool,
    ):
        for peer, name in ((bob, "user400"), (carol, "user401")):
            peer.try_login(name, PASSWORDS[name])
            peer.read_until(f"Welcome, {name}!".encode())
            peer.line()
        assert bob.line() == "* user401 joined"
        for number in range(rounds):
            crowd = [Passer(passer, f"{seed} {number}") for passer in range(passers)]
            with chat.server(rng.choice((PlainSession, TelnetSession))) as passing:
                running_now = [pool.submit(passer.run, passing) for passer in crowd]
                time.sleep(rng.random() * 0.05)
            for passer in running_now:
                passer.result(LONG_SECONDS)
            for passer in crowd:
                passer.close()
            carol.type(f"round {number}")
            while not seen or seen[-1] != f"<user401> round {number}":
                seen.append(bob.line())
        for peer in (bob, carol):
            peer.type("/quit")
            peer.rest()
    truth = Truth(chat)
    [begin] = [entry.offset for entry in truth.entries if entry.author == "user401" and entry.kind is Kind.JOIN]
    assert seen == [shown(entry) for entry in truth.entries[begin:]][: len(seen)]


@pytest.mark.parametrize("seed", range(4))
def test_servers_close_amid_everything_and_leave_the_rest_of_the_chat_alone(seed) -> None:
    open_and_close(seed, rounds=5, passers=6)


@pytest.mark.stress
@pytest.mark.timeout(10 * LONG_SECONDS)
@pytest.mark.parametrize("seed", range(100, 120))
def test_servers_close_amid_a_crowd_and_leave_the_rest_of_the_chat_alone(seed) -> None:
    open_and_close(seed, rounds=20, passers=30)
