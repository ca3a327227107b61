"""A delivery that servers share: it raises where nobody would be answered."""

import os
import threading
from collections.abc import Callable

import pytest

from chatsrv import Hub, Limits, PlainSession, Reason
from chatsrv.net.delivery.delivery import Delivery
from tests.journal import Journal
from tests.net.embedding import chat
from tests.peer import DEADLINE_SECONDS, Peer, running, talk


@pytest.mark.parametrize("serve", ["serve_forever", "handle_request"])
def test_a_shared_delivery_that_was_never_started_is_told_as_soon_as_it_is_needed(serve: str) -> None:
    delivery = Delivery()
    with chat(delivery=delivery) as server, pytest.raises(RuntimeError, match="call start"):
        getattr(server, serve)()
    delivery.stop()


def test_a_delivery_that_was_stopped_makes_no_server_and_does_not_start_again() -> None:
    delivery = Delivery()
    delivery.start()
    delivery.stop()
    delivery.stop()
    for use in (delivery.start, lambda: chat(delivery=delivery)):
        with pytest.raises(RuntimeError, match="make another"):
            use()


def test_a_delivery_runs_once_whoever_starts_it() -> None:
    with chat() as server, pytest.raises(RuntimeError, match="called once"):
        server.delivery.start()


def test_a_shared_delivery_is_not_stopped_while_a_server_uses_it() -> None:
    delivery = Delivery()
    delivery.start()
    with (
        running(chat(delivery=delivery, name="people")) as server,
        Peer(server) as alice,
        Peer(server) as bob,
    ):
        alice.log_in("alice")
        bob.log_in("bob")
        assert alice.line() == "* bob joined"
        with pytest.raises(RuntimeError, match="in use by people"):
            delivery.stop()
        talk(alice, bob)
    delivery.stop()


def test_a_server_whose_delivery_another_one_uses_is_closed_after_that() -> None:
    with running(chat(name="first")) as first, running(chat(delivery=first.delivery, name="second")) as second:
        with pytest.raises(RuntimeError, match="in use by second"):
            first.server_close()
        with Peer(first) as alice, Peer(second) as bob:
            alice.log_in("alice")
            bob.log_in("bob")


def test_a_session_that_was_given_up_ends_when_its_delivery_has_stopped(
    monkeypatch: pytest.MonkeyPatch, journal: Journal
) -> None:
    monkeypatch.setattr("chatsrv.net.listening.server.STOP_SECONDS", 0.01)
    is_there, goes_on, is_over = threading.Event(), threading.Event(), threading.Event()

    class Stuck(PlainSession):
        def closed(self, reason: Reason) -> None:
            is_there.set()
            goes_on.wait(DEADLINE_SECONDS)
            super().closed(reason)

        def finish(self) -> None:
            super().finish()
            is_over.set()

    with running(chat(Stuck, limits=Limits(linger_seconds=0.01))) as server:
        with Peer(server) as alice:
            alice.log_in("alice")
        assert is_there.wait(DEADLINE_SECONDS)
    goes_on.set()
    assert is_over.wait(DEADLINE_SECONDS)
    assert not journal.having("does not let go of its socket")


def test_two_servers_of_one_hub_may_each_have_a_delivery() -> None:
    hub = Hub()
    with running(chat(hub=hub)) as one, running(chat(hub=hub)) as other, Peer(one) as alice, Peer(other) as bob:
        alice.log_in("alice")
        bob.log_in("bob")
        assert alice.line() == "* bob joined"
        talk(alice, bob)


def in_child(act: Callable[[], object]) -> str:
    """Do something in a child that a fork makes; return how its error reads."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            act()
        except BaseException as error:
            os.write(writing, f"{type(error).__name__}: {error}".encode())
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as told:
        text = told.read()
    os.waitpid(child, 0)
    return text


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded, use of fork:DeprecationWarning")
@pytest.mark.parametrize("serve", ["serve_forever", "handle_request"])
def test_a_server_that_was_made_before_a_fork_does_not_serve_after_it(serve: str) -> None:
    with chat() as server:
        assert "make the server after the fork" in in_child(getattr(server, serve))
