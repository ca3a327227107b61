"""Behaviour of chatsrv.net.wire: nothing in the clear, and a seam for whatever lies below the wire format."""

import ast
import select
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import chatsrv.net
from chatsrv.auth.backend import LoginContext
from chatsrv.auth.backends.memory import MemoryBackend
from chatsrv.model.accounts import Account
from chatsrv.net.listening.server import LoginServer
from chatsrv.net.sessions.poller import Inlet, Poller
from chatsrv.net.wire import GONE, Wire, send_some
from chatsrv.sharing.slots import AT_ONCE, Urgency, give_back
from tests.journal import Journal
from tests.net.embedding import chat
from tests.net.records import GREETING, RecordSocket, RecordWire, speak_records
from tests.peer import DEADLINE_SECONDS, PASSWORDS, Peer, running, running_chat, two_chatters


@pytest.fixture
def tcp() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Make both ends of a TCP connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        far = socket.create_connection(listener.getsockname())
        near, _ = listener.accept()
    far.settimeout(DEADLINE_SECONDS)
    with near, far:
        yield near, far


def test_in_the_clear_nothing_lies_between_a_batch_and_the_socket(tcp) -> None:
    near, _ = tcp
    wire = Wire(near)
    assert wire.send == near.send
    assert wire.receive == near.recv
    assert not wire.is_encrypted


def test_the_end_of_the_stream_is_nothing_that_is_unacknowledged(tcp) -> None:
    near, _ = tcp
    wire, taken = Wire(near), 0
    while sent := send_some(wire.send, b"x" * 65536):
        taken += sent
    before = wire.unacknowledged()
    assert 0 < before <= taken
    wire.end(socket.SHUT_WR)
    assert wire.unacknowledged() <= before  # the peer reads nothing
    assert not wire.is_over()
    assert send_some(wire.send, b"more") == GONE


def test_a_reset_is_found_without_receiving(tcp) -> None:
    near, far = tcp
    wire = Wire(near)
    wire.check()
    assert not wire.has_more()
    far.sendall(b"x")
    assert wire.receive(1) == b"x"
    Wire(far).reset_at_close()
    far.sendall(b"in flight")
    far.close()
    is_reset = select.poll()
    is_reset.register(near, select.POLLERR)
    assert is_reset.poll(DEADLINE_SECONDS * 1000)
    with pytest.raises(ConnectionResetError):
        wire.check()


def test_receiving_gives_up_after_some_time_or_waits_as_long_as_it_takes(tcp) -> None:
    near, far = tcp
    wire = Wire(near)
    wire.give_up_after(0.001)
    with pytest.raises(BlockingIOError):
        wire.receive(1)
    wire.give_up_after(0)
    sender = threading.Thread(target=far.sendall, args=(b"x",))
    sender.start()
    assert wire.receive(1) == b"x"
    sender.join()


# ------------------------------------------------------------------ a layer of its own


@pytest.mark.parametrize("is_watching", [True, False])
def test_a_session_waits_without_a_slot_until_its_wire_is_open(tcp, is_watching: bool) -> None:
    near, far = tcp
    poller = Poller()
    if is_watching:
        poller.start()
    assert AT_ONCE == 1

    def greet() -> None:
        poller.slots.take(Urgency.STRANGERS)  # there is one once the session waits
        RecordSocket(far, is_answered=False).sendall(b"a line\n")
        give_back()

    peer = threading.Thread(target=greet)
    try:
        poller.slots.take(Urgency.STRANGERS)
        inlet = Inlet(poller, RecordWire(near))
        peer.start()
        inlet.open(Urgency.STRANGERS)
        assert poller.slots.free == 0
        assert inlet.receive(100, Urgency.STRANGERS) == b"a line\n"
        give_back()
        inlet.close()
    finally:
        peer.join(DEADLINE_SECONDS)
        poller.stop()


def test_two_talk_over_wires_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    speak_records(monkeypatch)
    with two_chatters() as (_, alice, bob):
        alice.type("x" * 2000)
        assert bob.line() == f"<alice> {'x' * 2000}"


@pytest.mark.parametrize(("sent", "reason"), [(b"Hello?", "bad protocol"), (b"", "lost")])
def test_who_does_not_open_the_wire_is_told_nothing(
    monkeypatch: pytest.MonkeyPatch, journal: Journal, sent: bytes, reason: str
) -> None:
    monkeypatch.setattr(LoginServer, "wire_for", lambda _, request: RecordWire(request))
    with running_chat() as server, Peer(server) as peer:
        if sent:
            peer.send(sent)
            assert peer.rest() == b""
        else:
            peer.reset()
        journal.wait_for("session 1: ended: ", reason)


def test_a_wire_that_is_not_open_in_time_is_cut(monkeypatch: pytest.MonkeyPatch, journal: Journal) -> None:
    monkeypatch.setattr(LoginServer, "wire_for", lambda _, request: RecordWire(request))
    with running_chat(login_seconds=0.01) as server, Peer(server) as peer:
        peer.send(GREETING[:-1])
        assert peer.rest() == b""
        journal.wait_for("session 1: ended: login timeout")


@pytest.mark.parametrize("is_encrypted", [True, False])
def test_a_backend_learns_whether_the_wire_is_encrypted(monkeypatch: pytest.MonkeyPatch, is_encrypted: bool) -> None:
    contexts: list[LoginContext] = []

    class Watching(MemoryBackend):
        def authenticate(self, username: str, password: str, context: LoginContext) -> Account:
            contexts.append(context)
            return super().authenticate(username, password, context)

    if is_encrypted:
        speak_records(monkeypatch)
    with running(chat(auth=Watching(PASSWORDS))) as server, Peer(server) as alice:
        alice.log_in("alice")
    assert [context.is_encrypted for context in contexts] == [is_encrypted]


def test_nobody_but_a_wire_is_handed_a_socket() -> None:
    root = Path(chatsrv.net.__file__).parent
    knowing = {
        str(file.relative_to(root))
        for file in root.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Attribute) and ast.unparse(node) in ("socket.socket", "connection.socket")
    }
    doors = {"listening/acceptloop.py", "listening/server.py", "sessions/streams.py"}
    assert knowing == {"wire.py", "kernel.py", *doors}
