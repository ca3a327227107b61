"""What a session has of `socketserver`: sockets that work, and uses of them that are refused."""

import socket
import ssl
from collections.abc import Iterator

import pytest

from chatsrv import ChatServer, LineSession, LoginServer, PlainSession
from tests.journal import Journal
from tests.net.embedding import ACCOUNTS, ANYWHERE, chat
from tests.peer import DEADLINE_SECONDS, PASSWORDS, Peer, running


def with_tls(request: socket.socket) -> socket.socket:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    return context.wrap_socket(request, server_side=True, do_handshake_on_connect=False)


def with_timeout(request: socket.socket) -> socket.socket:
    request.settimeout(5.0)
    return request


@pytest.mark.parametrize(("change", "advice"), [(with_tls, "let a proxy speak TLS"), (with_timeout, "idle_seconds")])
def test_a_socket_that_delivery_would_wait_for_is_refused_in_one_line(journal: Journal, change, advice) -> None:
    class Mine(ChatServer):
        is_changing = True

        def get_request(self):
            request, client_address = super().get_request()
            return (change(request) if self.is_changing else request), client_address

    with running(chat(kind=Mine)) as server:
        with Peer(server) as peer:
            assert peer.rest() == b""
        server.is_changing = False
        with Peer(server) as alice:
            alice.log_in("alice")
    [line] = journal.having("the connection from")
    assert advice in line
    assert "Traceback" not in line


def test_a_handshake_that_fails_where_connections_are_accepted_is_told(journal: Journal) -> None:
    class Mine(ChatServer):
        def get_request(self):
            request, client_address = super().get_request()
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            return context.wrap_socket(request, server_side=True), client_address

    with running(chat(kind=Mine)) as server, Peer(server) as peer:
        peer.type("no handshake")
        journal.wait_for("a connection failed", "let a proxy speak TLS")


def test_a_default_timeout_of_the_process_is_not_that_of_sessions() -> None:
    before = socket.getdefaulttimeout()
    with running(chat()) as server:
        socket.setdefaulttimeout(DEADLINE_SECONDS)
        try:
            with Peer(server) as alice:
                alice.log_in("alice")
                assert [it.request.gettimeout() for it in server.sessions()] == [None]
        finally:
            socket.setdefaulttimeout(before)


class Trying(LineSession):
    """Does what a line asks for, and answers with the error."""

    def received(self, line: str) -> None:
        try:
            found = eval(line, {"self": self})
        except TypeError as error:
            found = error
        self.send_line(str(found))


@pytest.fixture
def alice() -> Iterator[Peer]:
    """Log alice in where lines are tried out."""
    with running(LoginServer(ANYWHERE, Trying, auth=ACCOUNTS)) as server, Peer(server) as alice:
        alice.log_in("alice")
        yield alice


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        ("self.request.sendall(b'hello')", "use reply(...)"),
        ("self.request.send(b'hello')", "wfile.write(...)"),
        ("self.request.recv(10)", "override obey(commands), or received(line)"),
        ("self.request.makefile()", "reads its socket itself"),
        ("self.request.close()", "hang_up()"),
        ("self.request.shutdown(1)", "hang_up()"),
        ("self.request.settimeout(5)", "Limits(idle_seconds=...)"),
        ("self.rfile.readline()", "override obey(commands), or received(line)"),
        ("self.rfile.read(1)", "override obey(commands), or received(line)"),
        ("list(self.rfile)", "override obey(commands), or received(line)"),
        ("self.wfile.write('text')", "bytes-like object is required"),
        ("self.wfile.write(5)", "bytes-like object is required"),
    ],
)
def test_what_would_cross_the_session_or_delivery_is_refused(alice: Peer, line: str, advice: str) -> None:
    alice.type(line)
    assert advice in alice.line()
    alice.type("1 + 1")
    assert alice.line() == "2"


def test_what_is_harmless_works_as_ever(alice: Peer) -> None:
    alice.type("self.request.getpeername() == self.client_address")
    assert alice.line() == "True"
    alice.type("self.request.fileno() > 0 and self.wfile.writable()")
    assert alice.line() == "True"
    alice.type("self.wfile.write(memoryview(b'first, ')), self.wfile.flush(), self.wfile.write(b'second\\n')")
    assert alice.line() == "first, second"
    assert alice.line() == "(7, None, 7)"


@pytest.mark.parametrize("where", ["__init__", "setup"])
def test_a_timeout_that_a_session_gives_itself_is_told(journal: Journal, where: str) -> None:
    class Mine(PlainSession):
        def __init__(self, *arguments) -> None:
            if where == "__init__":
                self.timeout = 5
            super().__init__(*arguments)

        def setup(self) -> None:
            if where == "setup":
                self.timeout = 5
            super().setup()

    with running(chat(Mine)) as server, Peer(server) as peer:
        assert peer.rest() == b""
    assert journal.having("idle_seconds")


def test_something_else_in_place_of_the_connection_is_told_to_the_log_and_ends_the_session(journal: Journal) -> None:
    class Mine(LineSession):
        def opened(self) -> None:
            self.connection = "a database"  # type: ignore[assignment]

    server = LoginServer(ANYWHERE, Mine, auth=ACCOUNTS)
    with running(server), Peer(server) as alice:
        alice.try_login("alice", PASSWORDS["alice"])
        assert alice.rest() == b"Something went wrong in the server. Please log in again.\n"
    assert journal.having("in place of self.connection")
