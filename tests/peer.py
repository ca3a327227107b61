"""Peers for tests: real sockets that log in, talk, and see what is written to them.

Knows nothing of the server's insides. One thread uses a peer.
"""

import contextlib
import re
import socket
import struct
import threading
from collections.abc import Iterator, Mapping
from types import TracebackType

from chatsrv.app.sessions import PlainSession
from chatsrv.auth.backends.memory import MemoryBackend
from chatsrv.auth.gate import Gate
from chatsrv.chat.hub import Hub
from chatsrv.model.accounts import Role
from chatsrv.model.history import CatchingUp
from chatsrv.model.limits import Limits
from chatsrv.model.loginpolicy import LoginPolicy
from chatsrv.net.listening.server import ChatServer, LoginServer
from chatsrv.net.sessions.chatsession import ChatSession

DEADLINE_SECONDS = 20.0
"""How long a test waits for anything. Only a failing test ever waits that long."""

NAMES = ("alice", "bob", "carol", "dave", *(f"user{number}" for number in range(500)))
PASSWORDS = {name: f"{name}'s password" for name in NAMES}


NOTHING = CatchingUp(0, 0)
"""What is told at a login in tests that are about something else."""


class Peer:
    """One end of a connection, the person's. Closed at the end of a `with`.

    It is connected already, unless `is_connected` says that `connect` will be called.
    """

    def __init__(self, server: LoginServer, *, receive_buffer_bytes: int = 0, is_connected: bool = True) -> None:
        self._address = server.server_address[:2]
        self.socket = socket.socket(server.address_family)
        if receive_buffer_bytes:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer_bytes)
        self.socket.settimeout(DEADLINE_SECONDS)
        self._received = b""
        if is_connected:
            self.connect()

    def __enter__(self) -> "Peer":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    def connect(self) -> None:
        """Connect to the server."""
        self.socket.connect(self._address)

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.socket.sendall(data)

    def type(self, line: str) -> None:
        """Send a line."""
        self.send(f"{line}\n".encode())

    def read_until(self, end: bytes) -> bytes:
        """Return what comes up to and including `end`. Fails at the end of the stream."""
        while end not in self._received:
            data = self.socket.recv(65536)
            assert data, f"the stream ended before {end!r}, with {self._received!r}"
            self._received += data
        found, end, self._received = self._received.partition(end)
        return found + end

    def line(self) -> str:
        """Return the next line, without its ending."""
        return self.read_until(b"\n").decode().rstrip("\r\n")

    def rest(self) -> bytes:
        """Return all that comes until the end of the stream; a reset ends it, too."""
        with contextlib.suppress(ConnectionResetError):
            while data := self.socket.recv(65536):
                self._received += data
        found, self._received = self._received, b""
        return found

    def try_login(self, name: str, password: str) -> None:
        """Answer both prompts."""
        self.read_until(b"Username: ")
        self.type(name)
        self.read_until(b"Password: ")
        self.type(password)

    def log_in(self, name: str) -> str:
        """Log in as one of `PASSWORDS`; return the line of welcome."""
        self.try_login(name, PASSWORDS[name])
        line = self.line()
        assert line.startswith(f"Welcome, {name}!"), line
        return line

    def reset(self) -> None:
        """End the connection as a crash does: with a reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()


def with_any_time(line: str) -> str:
    """Return a line of before as if its time were 14:03 of today; any other line as it is."""
    return re.sub(r"^\[(?:\d{4}-\d\d-\d\d )?\d\d:\d\d\] ", "[14:03] ", line)


@contextlib.contextmanager
def running(server: LoginServer) -> Iterator[LoginServer]:
    """Serve on a thread of its own, and stop and close in the end."""
    thread = threading.Thread(target=server.serve_forever, name="accept loop")
    with server:
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join(DEADLINE_SECONDS)
    assert not thread.is_alive()


def open_gate(roles: Mapping[str, Role] | None = None, **more: str) -> Gate:
    """Return a gate for the accounts of `PASSWORDS`, and more, that may log in as often as they like."""
    return Gate(MemoryBackend({**PASSWORDS, **more}), roles=roles, policy=LoginPolicy(logins_per_minute=0))


@contextlib.contextmanager
def running_chat(
    session: type[ChatSession] = PlainSession, hub: Hub | None = None, **limits: float
) -> Iterator[ChatServer]:
    """Run a chat on a free port with the accounts of `PASSWORDS`; without flood control unless `limits` say so.

    Without a `hub`, nobody is told at the login what was said before.
    """
    values = {"messages_per_second": 0, "connections_per_address": 0, **limits}
    hub = hub or Hub(catching_up=NOTHING)
    server = ChatServer(("127.0.0.1", 0), session, auth=open_gate(), hub=hub, limits=Limits(**values))
    with running(server):
        yield server


@contextlib.contextmanager
def two_chatters(session: type[ChatSession] = PlainSession, **limits: float) -> Iterator[tuple[ChatServer, Peer, Peer]]:
    """Run a chat with alice and bob in it, sessions 1 and 2. In the end both still talk, and see nothing else before.

    So whatever they are sent on somebody else's account has to be read from them.
    """
    with running_chat(session, **limits) as server, Peer(server) as alice, Peer(server) as bob:
        alice.log_in("alice")
        bob.log_in("bob")
        assert alice.line() == "* bob joined"
        yield server, alice, bob
        talk(alice, bob)


def talk(alice: Peer, bob: Peer) -> None:
    """Have both say a line, which is the next that the other one sees."""
    alice.type("Is all well?")
    assert bob.line() == "<alice> Is all well?"
    bob.type("It is.")
    assert alice.line() == "<bob> It is."
