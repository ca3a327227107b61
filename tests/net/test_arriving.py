"""What is done to a session that is known already and has not entered its rooms yet: it finds it done, once."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import ClassVar

from chatsrv.app.sessions import PlainSession
from chatsrv.chat.attendance import Attendance, Device
from chatsrv.chat.hub import Hub
from chatsrv.model.history import CatchingUp
from chatsrv.model.replies import Reply, Welcome
from chatsrv.model.roomrules import RoomRules
from chatsrv.net.delivery.delivery import Delivery
from chatsrv.net.sessions.chatsession import ChatSession
from chatsrv.protocols.plain import PlainProtocol, PlainWriter
from tests.journal import Journal
from tests.net.told import told
from tests.peer import DEADLINE_SECONDS, NOTHING, Peer, running_chat


class Lobby(Attendance):
    """An attendance that has something happen as soon as somebody is known."""

    def __init__(self) -> None:
        super().__init__()
        self.then: dict[str, Callable[[], None]] = {}

    def add(self, device: Device) -> None:
        super().add(device)
        self.then.pop(device.key, lambda: None)()


def done(peer: Peer, *lines: str) -> None:
    """Have somebody type something; return once it is obeyed."""
    for line in (*lines, "/more"):
        peer.type(line)
    while peer.line() != "There is nothing more to show.":
        pass


@contextlib.contextmanager
def waiting_for_bob(
    *, catches_up: bool = True, session: type[ChatSession] = PlainSession
) -> Iterator[tuple[Peer, Peer, Lobby]]:
    """Run a chat in which alice waits for bob, who will come as the second; the values are both, and where he comes."""
    hub = Hub(catching_up=CatchingUp() if catches_up else NOTHING)
    hub.attendance = lobby = Lobby()
    with running_chat(session, hub) as server, Peer(server) as alice, Peer(server) as bob:
        alice.log_in("alice")
        yield alice, bob, lobby


def test_a_private_message_to_somebody_on_his_way_in_is_told_behind_the_welcome() -> None:
    with waiting_for_bob() as (alice, bob, lobby):
        done(alice, "/msg bob one")
        lobby.then["bob"] = lambda: done(alice, "/msg bob two")
        bob.log_in("bob")
        assert told(bob).lines == ["[private] <alice> one", "[private] <alice> two"]
        alice.type("/msg bob three")
        assert bob.line() == "[private] <alice> three"


def test_a_private_message_is_told_to_somebody_on_his_way_in_who_does_not_catch_up() -> None:
    with waiting_for_bob(catches_up=False) as (alice, bob, lobby):
        done(alice, "/msg bob one")
        lobby.then["bob"] = lambda: done(alice, "/msg bob two")
        bob.log_in("bob")
        alice.type("/msg bob three")
        assert [bob.line(), bob.line()] == ["[private] <alice> two", "[private] <alice> three"]


def test_an_invitation_to_somebody_on_his_way_in_comes_behind_the_welcome() -> None:
    with waiting_for_bob() as (alice, bob, lobby):
        done(alice, "/create dev invite-only")
        lobby.then["bob"] = lambda: done(alice, "/invite bob")
        bob.log_in("bob")
        assert told(bob).lines == ["alice invites you to dev: /join dev enters it."]


def test_a_device_on_its_way_in_follows_into_a_room_behind_the_one_that_it_speaks_in() -> None:
    with waiting_for_bob() as (alice, bob, lobby):
        done(alice, "/create dev")
        lobby.then["alice"] = lambda: done(alice, "/create tea")
        assert bob.log_in("alice") == "Welcome, alice! Nobody else is here. Type /help for commands."
        assert bob.line() == "You speak in lobby. You are also in: dev, tea."


def test_what_is_said_before_the_welcome_comes_behind_it() -> None:
    class Writer(PlainWriter):
        then: ClassVar[list[Callable[[], None]]] = []

        def write(self, reply: Reply) -> bytes:
            if isinstance(reply, Welcome) and reply.name == "bob":
                self.then.pop()()
            return super().write(reply)

    class Protocol(PlainProtocol):
        writer = Writer(PlainProtocol.writer.renderer)

    class Session(PlainSession):
        protocol = Protocol()

    with waiting_for_bob(catches_up=False, session=Session) as (alice, bob, _):
        Writer.then.append(lambda: done(alice, "too early"))
        assert bob.log_in("bob").endswith("Here now: alice. Type /help for commands.")
        assert bob.line() == "<alice> too early"


def test_who_stays_after_having_come_and_gone_too_often_is_told_of_later(monkeypatch, journal: Journal) -> None:
    looks: list[tuple[float, Callable[[], float | None]]] = []
    monkeypatch.setattr(Delivery, "look_later", lambda _, seconds, look: looks.append((seconds, look)))
    now = [1_700_000_000.0]
    hub = Hub(catching_up=NOTHING, clock=lambda: now[0], rules=RoomRules(presence_per_minute=4))
    with running_chat(hub=hub) as server, Peer(server) as alice:
        alice.log_in("alice")
        for number in range(2, 6):
            with Peer(server) as bob:
                bob.log_in("bob")
                bob.type("/quit")
                bob.rest()
            journal.wait_for(f"session {number}: ended")
        assert [alice.line() for _ in range(4)] == ["* bob joined", "* bob left"] * 2
        with Peer(server) as bob:
            bob.log_in("bob")
            ((seconds, look),) = looks
            alice.type("/who")
            assert alice.line() == "Here now: alice, bob."
            while seconds:
                now[0] += seconds
                seconds = look()
            assert alice.line() == "* bob joined"


def test_delivery_looks_again_as_often_as_it_is_asked_to() -> None:
    waits, is_over = [0.001, 0.002, None], threading.Event()

    def look() -> float | None:
        if len(waits) == 1:
            is_over.set()
        return waits.pop(0)

    delivery = Delivery()
    delivery.start()
    try:
        delivery.look_later(0.001, look)
        assert is_over.wait(DEADLINE_SECONDS)
    finally:
        delivery.stop()
    assert not waits
