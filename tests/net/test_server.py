"""A chat over real sockets: what people see, from the first prompt to the last goodbye."""

import socket
import threading
from functools import partial

import pytest

from chatsrv.app.sessions import PlainSession
from chatsrv.auth.backends.memory import MemoryBackend
from chatsrv.model.limits import Limits
from chatsrv.model.reasons import Reason
from chatsrv.net.delivery.delivery import Delivery
from chatsrv.net.listening.server import ChatServer
from tests.journal import Journal
from tests.peer import DEADLINE_SECONDS, PASSWORDS, Peer, running, running_chat


def test_what_one_says_reaches_all_others_and_not_himself() -> None:
    with running_chat() as server, Peer(server) as alice, Peer(server) as bob, Peer(server) as carol:
        assert alice.log_in("alice") == "Welcome, alice! Nobody else is here. Type /help for commands."
        assert bob.log_in("bob") == "Welcome, bob! Here now: alice. Type /help for commands."
        assert alice.line() == "* bob joined"
        carol.log_in("carol")
        assert alice.line() == bob.line() == "* carol joined"
        alice.type("hello")
        assert bob.line() == carol.line() == "<alice> hello"
        bob.type("hi alice")
        assert alice.line() == "<bob> hi alice"


def test_all_that_comes_with_the_login_in_one_packet_is_taken() -> None:
    with running_chat() as server, Peer(server) as alice, Peer(server) as bob:
        alice.log_in("alice")
        bob.send(f"bob\n{PASSWORDS['bob']}\nfirst\nsecond\n/quit\n".encode())
        assert [alice.line() for _ in range(4)] == ["* bob joined", "<bob> first", "<bob> second", "* bob left"]
        assert bob.rest().endswith(b"Type /help for commands.\nGoodbye!\n")


def test_a_refused_login_reads_one_sentence_and_is_hung_up() -> None:
    with running_chat() as server:
        for name, password in (("alice", "wrong"), ("nobody", "wrong"), ("alice", ""), ("", "")):
            with Peer(server) as peer:
                peer.try_login(name, password)
                assert peer.rest() == b"Login failed.\n"


def test_a_refused_peer_that_goes_on_talking_still_reads_why() -> None:
    with running_chat() as server, Peer(server) as peer:
        peer.send(b"alice\nwrong\n" + b"and much more\n" * 1000)
        assert peer.rest() == b"Username: Password: Login failed.\n"


@pytest.mark.parametrize(
    ("how", "seen"),
    [
        (lambda peer: peer.type("/quit"), "* bob left"),
        (lambda peer: peer.socket.close(), "* bob left (connection lost)"),
        (lambda peer: peer.reset(), "* bob left (connection lost)"),
        (lambda peer: peer.socket.shutdown(socket.SHUT_WR), "* bob left (connection lost)"),
    ],
    ids=["quit", "close", "reset", "half close"],
)
def test_everybody_is_told_how_somebody_left(how, seen) -> None:
    with running_chat() as server, Peer(server) as alice, Peer(server) as bob:
        alice.log_in("alice")
        bob.log_in("bob")
        assert alice.line() == "* bob joined"
        how(bob)
        assert alice.line() == seen


def test_everybody_is_told_at_once_that_somebody_quit() -> None:
    with running_chat(linger_seconds=60.0) as server, Peer(server) as alice, Peer(server) as bob:
        alice.log_in("alice")
        bob.log_in("bob")
        assert alice.line() == "* bob joined"
        bob.type("/quit")
        assert alice.line() == "* bob left"  # not only once bob's program closes its end, or the time for it is over
        alice.type("/who")
        assert alice.line() == "Here now: alice."
        assert bob.rest() == b"Goodbye!\n"


def test_two_sessions_of_one_account_are_one_person() -> None:
    with running_chat() as server, Peer(server) as bob, Peer(server) as first:
        bob.log_in("bob")
        first.log_in("alice")
        assert bob.line() == "* alice joined"
        with Peer(server) as second:
            assert second.log_in("alice") == "Welcome, alice! Here now: bob. Type /help for commands."
            second.type("/who")
            assert second.line() == "Here now: alice, bob."
            second.type("from here")
            assert bob.line() == first.line() == "<alice> from here"
            second.type("/quit")
            assert second.line() == "Goodbye!"
        first.type("still here")
        assert bob.line() == "<alice> still here"
        first.type("/quit")
        assert bob.line() == "* alice left"


def test_closing_says_goodbye_to_every_session() -> None:
    with running_chat() as server:
        peers = [Peer(server) for _ in range(20)]
        for number, peer in enumerate(peers[:10]):
            peer.log_in(f"user{number}")
        for peer in peers[10:]:
            peer.read_until(b"Username: ")
    for peer in peers:
        assert peer.rest().endswith(b"The server is shutting down. Goodbye!\n")
        peer.socket.close()


@pytest.mark.parametrize("error", [RuntimeError, OSError, TimeoutError])
def test_an_exception_in_a_session_ends_that_session_and_is_told(caplog, error) -> None:
    class Clumsy(PlainSession):
        def obey(self, commands) -> None:
            if "stumble" in str(commands):
                raise error("over its own feet")
            super().obey(commands)

    with running_chat(Clumsy) as server, Peer(server) as alice, Peer(server) as bob:
        alice.log_in("alice")
        bob.log_in("bob")
        assert alice.line() == "* bob joined"
        bob.type("stumble")
        assert bob.rest() == b"Something went wrong in the server. Please log in again.\n"
        assert alice.line() == "* bob left (server error)"
    assert "over its own feet" in caplog.text


def test_several_servers_run_side_by_side_in_one_process() -> None:
    with running_chat() as one, running_chat() as other, Peer(one) as alice, Peer(other) as bob:
        alice.log_in("alice")
        assert "Nobody else is here" in bob.log_in("bob")


def test_a_server_that_never_served_can_be_closed() -> None:
    ChatServer(("127.0.0.1", 0), PlainSession, auth=MemoryBackend(PASSWORDS)).server_close()


def test_a_port_in_use_leaves_nothing_behind() -> None:
    with (
        ChatServer(("127.0.0.1", 0), PlainSession, auth=MemoryBackend(PASSWORDS)) as server,
        pytest.raises(OSError, match="in use"),
    ):
        ChatServer(server.server_address, PlainSession, auth=MemoryBackend(PASSWORDS))


def test_an_ipv6_address_makes_an_ipv6_server() -> None:
    with (
        running(ChatServer(("::1", 0), PlainSession, auth=MemoryBackend(PASSWORDS))) as server,
        Peer(server) as alice,
    ):
        alice.log_in("alice")


def test_one_request_can_be_handled_as_with_any_socketserver() -> None:
    with ChatServer(("127.0.0.1", 0), PlainSession, auth=MemoryBackend(PASSWORDS)) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        with Peer(server) as alice:
            alice.log_in("alice")
        thread.join(DEADLINE_SECONDS)


class Stamped(PlainSession):
    def __new__(cls, request, client_address, server):
        session = super().__new__(cls)
        session.peer_port = client_address[1]
        return session


class Marked(PlainSession):
    def __init__(self, request, client_address, server, mark="") -> None:
        self.mark = mark
        super().__init__(request, client_address, server)


@pytest.mark.parametrize(
    "handler",
    [Stamped, Marked, partial(Marked, mark="!"), lambda *arguments: Marked(*arguments)],
    ids=["a class with a __new__", "a class with an __init__", "a partial", "a function"],
)
def test_whatever_socketserver_takes_for_a_handler_makes_a_session(handler) -> None:
    with running(ChatServer(("127.0.0.1", 0), handler, auth=MemoryBackend(PASSWORDS))) as server, Peer(server) as alice:
        assert alice.log_in("alice").startswith("Welcome, alice!")


def test_closing_ends_the_accept_loop_even_without_a_shutdown() -> None:
    server = ChatServer(("127.0.0.1", 0), PlainSession, auth=MemoryBackend(PASSWORDS))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    with Peer(server) as alice:
        alice.log_in("alice")
        server.server_close()
        assert alice.rest() == b"The server is shutting down. Goodbye!\n"
    thread.join(DEADLINE_SECONDS)
    assert not thread.is_alive()


def test_an_interrupt_while_a_session_starts_closes_no_socket_under_it(monkeypatch) -> None:
    start = threading.Thread.start

    def start_and_be_interrupted(thread: threading.Thread) -> None:
        start(thread)
        if thread.name == "session":
            raise KeyboardInterrupt

    with ChatServer(("127.0.0.1", 0), PlainSession, auth=MemoryBackend(PASSWORDS)) as server, Peer(server) as alice:
        with monkeypatch.context() as patch:
            patch.setattr(threading.Thread, "start", start_and_be_interrupted)
            with pytest.raises(KeyboardInterrupt):
                server.serve_forever()
        alice.log_in("alice")
        server.server_close()
        assert alice.rest() == b"The server is shutting down. Goodbye!\n"


class Stuck(PlainSession):
    """Waits at its end, until the test lets it go on."""

    is_there = threading.Event()
    goes_on = threading.Event()
    is_over = threading.Event()

    def closed(self, reason: Reason) -> None:
        self.is_there.set()
        self.goes_on.wait(DEADLINE_SECONDS)
        super().closed(reason)

    def finish(self) -> None:
        super().finish()
        self.is_over.set()


def test_a_session_that_does_not_end_does_not_keep_its_server_from_closing(
    monkeypatch: pytest.MonkeyPatch, journal: Journal
) -> None:
    monkeypatch.setattr("chatsrv.net.listening.server.STOP_SECONDS", 0.01)
    limits, delivery = Limits(linger_seconds=0.01), Delivery()
    delivery.start()
    server = ChatServer(("127.0.0.1", 0), Stuck, auth=MemoryBackend(PASSWORDS), limits=limits, delivery=delivery)
    with running(server):
        with Peer(server) as alice:
            alice.log_in("alice")
        assert Stuck.is_there.wait(DEADLINE_SECONDS)
    assert not Stuck.is_over.is_set()
    assert journal.having("1 sessions did not end in time")
    Stuck.goes_on.set()
    assert Stuck.is_over.wait(DEADLINE_SECONDS)
    delivery.stop()
