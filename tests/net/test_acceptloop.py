"""Serving and closing, and what the users of `socketserver` set and override."""

import signal
import socket
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from chatsrv import ChatServer, Limits, LineSession, LoginServer
from tests.net.embedding import ACCOUNTS, ANYWHERE, chat
from tests.peer import DEADLINE_SECONDS, Peer, running, talk


def test_serving_again_after_a_shutdown_goes_on() -> None:
    with chat() as server:
        for name in ("alice", "bob"):
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            with Peer(server) as peer:
                peer.log_in(name)
            server.shutdown()
            thread.join(DEADLINE_SECONDS)
            assert not thread.is_alive()


def test_serving_twice_at_a_time_is_refused() -> None:
    with running(chat()) as server, Peer(server) as alice:
        alice.log_in("alice")
        with pytest.raises(RuntimeError, match="runs already"):
            server.serve_forever()
        with Peer(server) as bob:
            bob.log_in("bob")


@pytest.mark.parametrize("serve", ["serve_forever", "handle_request"])
def test_a_closed_server_does_not_serve(serve: str) -> None:
    with chat() as server:
        server.server_close()
        server.server_close()
    with pytest.raises(ValueError, match="closed"):
        getattr(server, serve)()


def test_a_shutdown_on_the_thread_that_serves_does_not_wait_for_itself() -> None:
    class Once(ChatServer):
        def service_actions(self) -> None:
            self.shutdown()

    with chat(kind=Once) as server, Peer(server):
        server.serve_forever()


def test_a_signal_that_another_thread_takes_wakes_the_thread_that_serves() -> None:
    with chat() as server:

        def be_signalled() -> None:
            with Peer(server) as peer:
                peer.log_in("alice")  # so the loop has had its turn, and sleeps or is about to
                signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)

        previous = signal.signal(signal.SIGUSR1, lambda *_: server.shutdown())
        try:
            thread = threading.Thread(target=be_signalled)
            thread.start()
            server.serve_forever()
            thread.join(DEADLINE_SECONDS)
        finally:
            signal.signal(signal.SIGUSR1, previous)
    assert signal.set_wakeup_fd(-1) == -1


def test_a_signal_may_shut_a_server_down_on_the_thread_that_serves() -> None:
    with chat() as server:
        previous = signal.signal(signal.SIGUSR1, lambda *_: server.shutdown())
        try:
            with Peer(server):
                here = threading.get_ident()
                thread = threading.Thread(target=signal.pthread_kill, args=(here, signal.SIGUSR1))
                thread.start()
                server.serve_forever()
                thread.join(DEADLINE_SECONDS)
        finally:
            signal.signal(signal.SIGUSR1, previous)


def test_a_session_may_shut_its_server_down_and_not_close_it() -> None:
    errors = []

    class Mine(LineSession):
        def received(self, line: str) -> None:
            try:
                self.server.server_close()
            except RuntimeError as error:
                errors.append(str(error))
            self.server.shutdown()
            self.send_line("done")

    server = LoginServer(ANYWHERE, Mine, auth=ACCOUNTS)
    with running(server), Peer(server) as alice:
        alice.log_in("alice")
        alice.type("end")
        assert alice.line() == "done"
    assert "server_close() after serve_forever()" in errors[0]


def test_a_server_takes_what_class_attributes_say() -> None:
    class Mine(ChatServer):
        allow_reuse_address = False
        allow_reuse_port = True
        request_queue_size = 7
        daemon_threads = False

    with chat(kind=Mine) as server:
        assert not server.socket.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR)
        assert server.socket.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        with Peer(server) as alice:
            alice.log_in("alice")
            assert [it.daemon for it in threading.enumerate() if it.name == "session"] == [False]
        server.shutdown()
        thread.join(DEADLINE_SECONDS)


def test_a_server_waits_for_one_request_no_longer_than_its_timeout() -> None:
    class Mine(ChatServer):
        timeout = 0.01
        waited = 0

        def handle_timeout(self) -> None:
            self.waited += 1

    with chat(kind=Mine) as server:
        server.handle_request()
        server.handle_request()
        assert server.waited == 2


def test_whoever_verifies_connections_need_not_count_them() -> None:
    class Mine(ChatServer):
        is_open = True

        def verify_request(self, request, client_address) -> bool:
            return self.is_open

    class Counting(Mine):
        def verify_request(self, request, client_address) -> bool:
            return super().verify_request(request, client_address) and self.is_open

    for kind in (Mine, Counting):
        server = chat(kind=kind, limits=Limits(connections=1))
        with running(server), Peer(server) as alice:
            alice.log_in("alice")
            with Peer(server) as second:
                assert second.rest() == b"The server is full. Please try again later.\n"
            server.is_open = False
            with Peer(server) as third:
                assert third.rest() == b""
            assert server.turnstile.inside == 1
        assert server.turnstile.inside == 0


def test_a_pool_of_threads_may_run_the_sessions() -> None:
    class Pooled(ChatServer):
        pool: ThreadPoolExecutor

        def process_request(self, request, client_address) -> None:
            self.pool.submit(self.process_request_thread, request, client_address)

    with ThreadPoolExecutor(2) as pool:
        server = chat(kind=Pooled, limits=Limits(linger_seconds=0.05))
        server.pool = pool
        with running(server), Peer(server) as alice, Peer(server) as bob:
            alice.log_in("alice")
            bob.log_in("bob")
            assert alice.line() == "* bob joined"
            talk(alice, bob)
            server.server_close()
            assert alice.rest() == b"The server is shutting down. Goodbye!\n"
    assert server.turnstile.inside == 0
    assert not server.sessions()


def test_a_server_may_make_sessions_in_its_own_way() -> None:
    class Mine(ChatServer):
        def finish_request(self, request, client_address) -> None:
            self.RequestHandlerClass(request, client_address, self)

    with running(chat(kind=Mine)) as server, Peer(server) as alice:
        alice.log_in("alice")


def test_a_listening_socket_that_encrypts_is_refused() -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    with chat() as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        with pytest.raises(TypeError, match="let a proxy speak TLS"):
            server.serve_forever()


@pytest.mark.parametrize("name", ["sessions", "count_in"])
def test_an_attribute_that_hides_a_method_of_the_server_is_refused(name: str) -> None:
    with chat() as server:
        setattr(server, name, {})
        try:
            with pytest.raises(TypeError, match="call yours something else"):
                server.serve_forever()
        finally:
            delattr(server, name)
