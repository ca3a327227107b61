"""Looking back over real sockets: whoever asks for much gets all of it, and whoever does not read it harms nobody."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatsrv.app.sessions import PlainSession
from chatsrv.auth.backends.memory import MemoryBackend
from chatsrv.chat.hub import Hub
from chatsrv.model.entries import Kind
from chatsrv.model.limits import Limits
from chatsrv.net.delivery.outbox import OUTBOX_BYTES
from chatsrv.net.listening.server import ChatServer
from chatsrv.net.sessions.chatsession import ChatSession
from chatsrv.roomlog.base import LogStore
from chatsrv.roomlog.memory import MemoryStore
from chatsrv.roomlog.sqlite.store import SqliteStore
from tests.journal import Journal
from tests.peer import NOTHING, PASSWORDS, Peer, running, talk, with_any_time

SAID = [f"{number} ".ljust(1000, "x") for number in range(1500)]
RECEIVE_BUFFER_BYTES = 4096


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LogStore]:
    with contextlib.closing(MemoryStore() if request.param == "memory" else SqliteStore(tmp_path / "chat.db")) as store:
        yield store


@contextlib.contextmanager
def chatters(
    store: LogStore, session: type[ChatSession] = PlainSession, **limits: float
) -> Iterator[tuple[Peer, Peer, Peer]]:
    """Run a chat in which much was said before; carol's program has little space for what it has not read."""
    hub = Hub(store, catching_up=NOTHING)
    hub.lobby.log.wait_until_recorded(hub.lobby.log.append(Kind.SAY, "dave", 0, SAID))
    some = Limits(messages_per_second=0, send_buffer_bytes=4096, **limits)
    server = ChatServer(("127.0.0.1", 0), session, auth=MemoryBackend(PASSWORDS), hub=hub, limits=some)
    with (
        running(server),
        Peer(server) as alice,
        Peer(server) as bob,
        Peer(server, receive_buffer_bytes=RECEIVE_BUFFER_BYTES) as carol,
    ):
        for peer, name in ((alice, "alice"), (bob, "bob"), (carol, "carol")):
            peer.log_in(name)
        assert [alice.line(), alice.line()] == ["* bob joined", "* carol joined"]
        assert bob.line() == "* carol joined"
        yield alice, bob, carol
        talk(alice, bob)


def test_a_thousand_lines_and_those_before_them_come_whole_and_in_order(store: LogStore) -> None:
    with chatters(store) as (alice, bob, carol):
        carol.send(b"/history 1000\n/more\n/who\n")
        assert carol.line() == "The last 1000 lines of lobby:"  # so it is settled which they are
        talk(alice, bob)
        seen = [with_any_time(carol.line()) for _ in range(1000 + 500 + 5 + 2)]
        overtaking = ["<alice> Is all well?", "<bob> It is."]  # what is said now waits for no answer
        assert [line for line in seen if line in overtaking] == overtaking
        assert [line for line in seen if line not in overtaking] == [
            "* alice, bob and carol joined meanwhile",
            *(f"[14:03] <dave> {line}" for line in SAID[500:]),
            "(end; /more shows what came before)",
            "The 500 lines of lobby before those:",
            *(f"[14:03] <dave> {line}" for line in SAID[:500]),
            "(end; that is all)",
            "Here now: alice, bob, carol.",
        ]
        carol.type("/quit")
        assert carol.rest() == b"Goodbye!\n"
        assert alice.line() == bob.line() == "* carol left"


def test_who_asks_for_a_thousand_lines_and_does_not_read_waits_and_is_hung_up(
    store: LogStore, journal: Journal
) -> None:
    answers = []

    class Counting(PlainSession):
        def reply(self, reply) -> None:
            super().reply(reply)
            if self.account.name == "carol":
                answers.append(len(self.protocol.writer.write(reply)))

    with chatters(store, Counting, stall_seconds=0.2) as (alice, bob, carol):
        carol.send(b"/history 1000\n" * 10)
        alice.type("Do you notice anything?")
        bob.type("No.")
        left = "* carol left (reading too slowly)"
        assert {alice.line(), alice.line()} == {"<bob> No.", left}
        assert {bob.line(), bob.line()} == {"<alice> Do you notice anything?", left}
    # Ten million bytes were asked for. Only what may wait for her was made, and what fits into TCP's buffers.
    assert OUTBOX_BYTES < sum(answers) < 4 * OUTBOX_BYTES
    assert journal.having("session 3: ended: ") == ["session 3: ended: too slow (carol, from 127.0.0.1)"]
