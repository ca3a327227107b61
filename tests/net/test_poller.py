"""Behaviour of the poller: sessions wake up a few at a time, whatever happens to all of their sockets at once."""

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from chatsrv import LineSession, LoginServer, MemoryBackend, PlainSession
from chatsrv.net.sessions.poller import QUICK_AFTER, Inlet, Poller
from chatsrv.net.wire import Wire
from chatsrv.sharing.slots import AT_ONCE, Urgency, give_back
from tests.peer import DEADLINE_SECONDS, PASSWORDS, Peer, running, running_chat, talk


@pytest.fixture
def poller() -> Iterator[Poller]:
    it = Poller()
    it.start()
    yield it
    it.stop()


class Reader:
    """A thread that reads the near end of a connection until the end of its input, as a session does."""

    def __init__(self, poller: Poller, running: list[object], urgency: Urgency = Urgency.DEEDS) -> None:
        self.far, self._near = socket.socketpair()
        self.most_running = 0
        self.received = b""
        self._running = running
        self._urgency = urgency
        self._inlet = Inlet(poller, Wire(self._near))
        self.thread = threading.Thread(target=self._read)
        self.thread.start()

    def _read(self) -> None:
        data = b"?"
        while data:
            data = self._inlet.receive(16, self._urgency)
            self._running.append(self)
            self.most_running = max(self.most_running, len(self._running))
            self.received += data
            self._running.remove(self)
        self._inlet.close()
        self._near.close()
        give_back()

    def end(self) -> None:
        self.far.close()
        self.thread.join(DEADLINE_SECONDS)
        assert not self.thread.is_alive()


@pytest.mark.parametrize("urgency", Urgency)
def test_a_crowd_whose_sockets_close_at_once_wakes_up_a_few_at_a_time(poller: Poller, urgency: Urgency) -> None:
    running: list[object] = []
    readers = [Reader(poller, running, urgency) for _ in range(200)]
    for reader in readers:
        reader.far.close()
    for reader in readers:
        reader.end()
    assert max(reader.most_running for reader in readers) == AT_ONCE


@pytest.mark.parametrize("rounds", [1, 2 * QUICK_AFTER])
def test_everything_is_received_in_its_order_whether_its_sender_is_quick_or_not(
    monkeypatch: pytest.MonkeyPatch, poller: Poller, rounds: int
) -> None:
    monkeypatch.setattr("chatsrv.net.sessions.poller.QUICK_MOST", 50)
    running: list[object] = []
    readers = [Reader(poller, running) for _ in range(55)]
    for number in range(rounds):
        for reader in readers:
            reader.far.send(b"%d, and " % number * 5)
    assert len(poller.quick) <= 50
    for reader in readers:
        reader.end()
    assert {reader.received for reader in readers} == {b"".join(b"%d, and " % number * 5 for number in range(rounds))}
    assert not poller.quick


def test_a_sender_without_end_takes_turns_with_others(poller: Poller) -> None:
    running: list[object] = []
    flood, other = Reader(poller, running), Reader(poller, running)
    is_over = threading.Event()

    def send() -> None:
        with contextlib.suppress(OSError):
            while not is_over.is_set():
                flood.far.send(b"x" * 65536)

    flooder = threading.Thread(target=send)
    flooder.start()
    other.far.send(b"hello")
    other.end()
    is_over.set()
    flood.end()
    flooder.join(DEADLINE_SECONDS)
    assert other.received == b"hello"


def test_a_socket_that_gets_the_number_of_a_closed_one_is_watched_as_any(poller: Poller) -> None:
    for _ in range(20):
        reader = Reader(poller, [])
        reader.far.send(b"hello")
        reader.end()
        assert reader.received == b"hello"


class Stubborn(LineSession):
    """Waits in the middle of its own work, until the test lets all go on."""

    go_on = threading.Event()
    is_busy = threading.Semaphore(0)

    def received(self, line: str) -> None:
        if line == "wait":
            self.is_busy.release()
            self.go_on.wait(DEADLINE_SECONDS)
        self.send_line(f"did {line}")


class StubbornChat(PlainSession):
    """The same in a session that says that it does not wait."""

    def obey(self, commands: object) -> None:
        Stubborn.is_busy.release()
        Stubborn.go_on.wait(DEADLINE_SECONDS)


@pytest.mark.parametrize("at_once", [AT_ONCE, AT_ONCE + 3])
def test_sessions_that_wait_in_their_own_code_hold_up_nobody_else(at_once: int) -> None:
    Stubborn.go_on.clear()
    server = LoginServer(("127.0.0.1", 0), Stubborn, auth=MemoryBackend(PASSWORDS))
    with running(server), contextlib.ExitStack() as stack:
        waiting = [stack.enter_context(Peer(server)) for _ in range(at_once)]
        for peer in waiting:
            peer.log_in("alice")
            peer.type("wait")
            assert Stubborn.is_busy.acquire(timeout=DEADLINE_SECONDS)
        with Peer(server) as bob:
            bob.log_in("bob")
            bob.type("work")
            assert bob.line() == "did work"
        Stubborn.go_on.set()
        assert {peer.line() for peer in waiting} == {"did wait"}


def test_a_slot_is_lent_when_a_session_waits_that_should_not() -> None:
    Stubborn.go_on.clear()
    with running_chat(StubbornChat) as server, Peer(server) as alice, Peer(server) as bob:
        alice.log_in("alice")
        alice.type("hello")
        assert Stubborn.is_busy.acquire(timeout=DEADLINE_SECONDS)
        bob.log_in("bob")
        Stubborn.go_on.set()


def test_sessions_work_without_epoll(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("chatsrv.net.sessions.poller._HAS_EPOLL", False)
    with running_chat() as server, Peer(server) as alice, Peer(server) as bob:
        alice.log_in("alice")
        bob.log_in("bob")
        assert alice.line() == "* bob joined"
        talk(alice, bob)
        bob.type("/quit")
        assert bob.rest().endswith(b"Goodbye!\n")
        assert alice.line().startswith("* bob left")
