"""Catching up over real sockets: who comes back is told what his TCP has not acknowledged, once and in order."""

import contextlib
import re
import select
import socket
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from chatsrv.app.sessions import PlainSession
from chatsrv.chat.hub import Hub
from chatsrv.model.accounts import Account
from chatsrv.model.entries import Bookmark, Position
from chatsrv.model.errors import Refused
from chatsrv.model.history import CATCHING_UP, CatchingUp
from chatsrv.model.reasons import Reason
from chatsrv.net.listening.server import ChatServer
from chatsrv.roomlog.memory import MemoryStore
from tests.journal import Journal
from tests.net.folk import village
from tests.net.told import TIMED, Block, told
from tests.peer import DEADLINE_SECONDS, Peer, running_chat

SMALL = {"send_buffer_bytes": 4096, "linger_seconds": 20.0}


def is_told_nothing(peer: Peer) -> bool:
    """Tell whether the next that a peer sees is the answer to a question of his."""
    peer.type("/who")
    return peer.line().startswith("Here now: ")


class Chat(NamedTuple):
    """A chat in which alice talks all the time. Who is not there yet has been there before."""

    server: ChatServer
    store: MemoryStore
    alice: Peer
    seen: list[str]

    def say(self, *lines: str) -> list[str]:
        """Have alice say something; return it as others see it, once everybody's copy is on its way."""
        for line in lines:
            self.alice.type(line)
        self.alice.type("/who")
        self.seen.append(self.alice.line())
        while not self.seen[-1].startswith("Here now: "):
            self.seen.append(self.alice.line())
        return [f"<alice> {line}" for line in lines]

    def log_in(self, name: str, **options: int) -> Peer:
        peer = Peer(self.server, **options)
        peer.log_in(name)
        return peer

    def was_here(self, name: str) -> None:
        """Have somebody come and go."""
        with self.log_in(name) as peer:
            leave_by_quitting(peer)
            self.see_leaving(name)

    def see_leaving(self, name: str, reason: str = "") -> None:
        """Return once alice has seen somebody leave."""
        while f"* {name} left{reason}" not in self.seen:
            self.seen.append(self.alice.line())
        self.seen.clear()


@contextlib.contextmanager
def chatting(
    catching_up: CatchingUp = CATCHING_UP, keep_entries: int = 100_000, session: type = PlainSession, **limits: float
) -> Iterator[Chat]:
    store = MemoryStore(keep_entries)
    hub = Hub(store, catching_up=catching_up)
    with running_chat(session, hub, **limits) as server, Peer(server) as alice:
        alice.log_in("alice")
        yield Chat(server, store, alice, [])


@pytest.fixture
def chat() -> Iterator[Chat]:
    with chatting(**SMALL) as found:
        yield found


def numbered(count: int, size: int = 0) -> list[str]:
    return [f"{number} {'x' * size}".rstrip() for number in range(count)]


# ------------------------------------------------------------------ ways to leave


def test_who_was_never_here_is_told_the_last_that_was_said(chat) -> None:
    said = chat.say(*numbered(30))
    chat.was_here("carol")
    with chat.log_in("bob") as bob:
        assert told(bob) == Block("The last 10 lines:", ["* carol came and went"], said[-10:])
        assert chat.say("live") == [bob.line()]


def test_who_was_never_here_is_told_nothing_where_nothing_was_said(chat) -> None:
    chat.was_here("carol")
    with chat.log_in("bob") as bob:
        assert is_told_nothing(bob)


def leave_at_the_end(peer: Peer) -> str:
    """Read until the end of the stream, and close at once, as programs do. That acknowledges all that was read."""
    rest = peer.rest().decode()
    peer.socket.close()
    return rest


def leave_by_quitting(peer: Peer) -> None:
    peer.type("/quit")
    assert leave_at_the_end(peer).endswith("Goodbye!\n")


def leave_by_half_closing(peer: Peer) -> None:
    peer.socket.shutdown(socket.SHUT_WR)
    leave_at_the_end(peer)


def leave_by_reset(peer: Peer) -> None:
    peer.reset()


@pytest.mark.usefixtures("any_wire")
@pytest.mark.parametrize(
    ("leave", "reason"),
    [
        (leave_by_quitting, ""),
        (leave_by_half_closing, " (connection lost)"),
        (leave_by_reset, " (connection lost)"),
    ],
)
def test_who_comes_back_is_told_what_was_said_and_done_meanwhile(leave, reason, chat, journal: Journal) -> None:
    with chat.log_in("bob") as bob:
        seen = chat.say("one", "two")
        assert [bob.line(), bob.line()] == seen
        bob.type("my own words")
        leave(bob)
        journal.wait_for("session 2: ended")
        chat.see_leaving("bob", reason)
    missed = chat.say("three", "four")
    chat.was_here("carol")
    with chat.log_in("bob") as bob:
        assert told(bob) == Block("While you were away (2):", ["* carol came and went"], missed)
        assert chat.say("five") == [bob.line()]
        bob.type("my own words")  # which acknowledge at once what he has read
        leave(bob)
        journal.wait_for("session 4: ended")
    with chat.log_in("bob") as bob:
        assert is_told_nothing(bob)


@pytest.mark.usefixtures("any_wire")
def test_what_the_system_of_a_program_acknowledged_counts_as_taken(chat, journal: Journal) -> None:
    with chat.log_in("bob") as bob:
        said = "".join(f"{line}\n" for line in chat.say("one", "two")).encode()
        while bob.socket.recv(1000, socket.MSG_PEEK) != said:
            pass
        bob.reset()
        journal.wait_for("session 2: ended")
    with chat.log_in("bob") as bob:
        assert is_told_nothing(bob)


@contextlib.contextmanager
def stalling(chat: Chat, name: str, lines: list[str]) -> Iterator[tuple[Peer, list[str]]]:
    """Have somebody log in and read nothing while alice says much; the value is he, and what she said."""
    with chat.log_in(name, receive_buffer_bytes=2048) as peer:
        assert is_told_nothing(
            peer
        )  # so that it is live: what had been said before would be its leftover, not the tail's
        yield peer, chat.say(*lines)


@pytest.mark.usefixtures("any_wire")
@pytest.mark.parametrize("is_on_the_tail", [True, False])
def test_who_stopped_reading_is_told_all_that_he_has_not_got_and_nothing_twice(is_on_the_tail) -> None:
    limits = {"stall_seconds": 0.3} if is_on_the_tail else {"stall_seconds": 3600.0, "tail_bytes": 65_536}
    lines = numbered(200, 500) if is_on_the_tail else numbered(900, 500)
    with chatting(**SMALL, **limits) as chat, stalling(chat, "bob", lines) as (bob, said):
        chat.see_leaving("bob", " (reading too slowly)")
        *seen, _cut_off = leave_at_the_end(bob).split("\n")
        assert seen == said[: len(seen)]
        with chat.log_in("bob") as bob_again:
            assert told(bob_again).lines == said[len(seen) :]
            assert chat.say("live") == [bob_again.line()]


@pytest.mark.usefixtures("any_wire")
def test_what_was_not_taken_does_not_arrive_after_all() -> None:
    limits = {"send_buffer_bytes": 4096, "linger_seconds": 0.01, "stall_seconds": 0.3}
    with chatting(**limits) as chat, stalling(chat, "bob", numbered(200, 500)) as (bob, said):
        is_reset = select.poll()
        is_reset.register(bob.socket, select.POLLERR)
        assert is_reset.poll(DEADLINE_SECONDS * 1000)
        *seen, _cut_off = leave_at_the_end(bob).split("\n")
        with chat.log_in("bob") as bob_again:
            assert seen + told(bob_again).lines == said


def test_where_nothing_was_said_those_who_came_and_went_are_one_line_and_told_once(chat) -> None:
    chat.was_here("bob")
    chat.was_here("carol")
    with chat.log_in("bob") as bob:
        assert bob.line() == "While you were away: carol came and went."
        assert is_told_nothing(bob)
        leave_by_quitting(bob)
    chat.see_leaving("bob")
    with chat.log_in("bob") as bob:
        assert is_told_nothing(bob)


def test_ten_people_on_bad_wifi_are_one_line_around_one_sentence(chat) -> None:
    chat.was_here("bob")
    people, lobby = [f"guest{number}" for number in range(10)], chat.server.hub.lobby
    for name in people:
        lobby.enter(Account(name), 100)
    said = chat.say("one sentence")
    for name in people:
        lobby.leave(name, 100, Reason.LOST)
    with chat.log_in("bob") as bob:
        assert told(bob) == Block("While you were away (1):", ["* 10 people came and went"], said)


# ------------------------------------------------------------------ several devices


def test_a_second_device_is_told_nothing_of_what_the_first_one_has_taken(chat) -> None:
    with chat.log_in("bob") as desk:
        said = chat.say(*numbered(20))
        assert [desk.line() for _ in said] == said
        with chat.log_in("bob") as phone:
            assert is_told_nothing(phone)
            assert chat.say("to both") == [phone.line()] == [desk.line()]


@pytest.mark.usefixtures("any_wire")
def test_the_device_that_got_furthest_counts_whichever_ends_last(journal: Journal) -> None:
    with chatting(**SMALL, stall_seconds=3600.0) as chat, stalling(chat, "bob", numbered(200, 500)) as (desk, said):
        with chat.log_in("bob") as phone:
            missed = told(phone).lines
            assert missed == said[-len(missed) :]
            assert chat.say("live") == [phone.line()]
            leave_by_quitting(phone)
        desk.reset()
        journal.wait_for("session 2: ended")
        with chat.log_in("bob") as bob:
            assert is_told_nothing(bob)


@pytest.mark.usefixtures("any_wire")
def test_a_device_that_is_dead_without_anybody_knowing_has_taken_no_more_than_it_acknowledged() -> None:
    with (
        chatting(**SMALL, stall_seconds=3600.0) as chat,
        chat.log_in("bob", receive_buffer_bytes=2048) as desk,
    ):
        assert chat.say("first") == [desk.line()]
        said = chat.say(*numbered(200, 500))
        with chat.log_in("bob") as phone:
            missed = told(phone).lines
            assert [desk.line() for _ in range(len(said) - len(missed))] + missed == said


# ------------------------------------------------------------------ in the middle


@pytest.mark.usefixtures("any_wire")
@pytest.mark.parametrize(("ways", "lines"), [(1, 300), (3, 300), (1, 100)], ids=["once", "again", "all posted already"])
def test_who_is_lost_while_he_catches_up_goes_on_in_the_middle(ways, lines) -> None:
    with chatting(**SMALL, stall_seconds=0.3) as chat:
        chat.was_here("bob")
        said = chat.say(*numbered(lines, 400))
        seen: list[str] = []
        for _ in range(ways):
            with chat.log_in("bob", receive_buffer_bytes=2048) as bob:
                chat.see_leaving("bob", " (reading too slowly)")
                heading, *told_now, _cut_off = leave_at_the_end(bob).split("\n")
                assert heading == f"While you were away ({len(said) - len(seen)}):"
                seen += [TIMED.fullmatch(line)[1] for line in told_now]
                assert seen == said[: len(seen)]
        assert len(seen) < len(said)
        with chat.log_in("bob") as bob:
            assert told(bob).lines == said[len(seen) :]


@pytest.mark.usefixtures("any_wire")
def test_what_is_said_while_somebody_catches_up_comes_behind_it(chat) -> None:
    chat.was_here("bob")
    said = chat.say(*numbered(300, 400))
    with chat.log_in("bob", receive_buffer_bytes=2048) as bob:
        meanwhile = chat.say(*numbered(100, 400))
        assert told(bob).lines == said
        assert [bob.line() for _ in meanwhile] == meanwhile
        bob.type("hello")
        while chat.alice.line() != "<bob> hello":
            pass


def test_who_hangs_up_while_he_catches_up_is_free_at_once(chat, journal: Journal) -> None:
    chat.was_here("bob")
    chat.say(*numbered(900, 400))
    with chat.log_in("bob", receive_buffer_bytes=2048) as bob:
        bob.reset()
        journal.wait_for("session 3: ended: lost")


# ------------------------------------------------------------------ how much


def test_at_most_so_many_are_told_and_how_many_are_left_out() -> None:
    with chatting(CatchingUp(5, 2)) as chat:
        chat.was_here("bob")
        said = chat.say(*numbered(30))
        with chat.log_in("bob") as bob:
            note = "(25 older lines are left out here; /history shows them)"  # his own leaving is not among them
            assert told(bob) == Block("While you were away (5):", [note], said[-5:])
            leave_by_quitting(bob)
        chat.see_leaving("bob")
        with chat.log_in("carol") as carol:
            assert told(carol) == Block("The last 2 lines:", ["* bob came and went"], said[-2:])


def test_where_entries_are_gone_their_number_is_told() -> None:
    with chatting(keep_entries=10) as chat:
        chat.was_here("bob")
        said = chat.say(*numbered(95))
        with chat.log_in("bob") as bob:
            heading, notes, lines = told(bob)
            assert lines == said[-len(lines) :]
            assert heading == f"While you were away ({len(lines)}):"
            assert notes == [f"(a hole here: {95 + 1 - len(lines)} entries are no longer kept)"]


def test_what_is_left_out_and_what_is_gone_are_told_apart() -> None:
    with chatting(CatchingUp(5, 2), keep_entries=10) as chat:
        chat.was_here("bob")
        said = chat.say(*numbered(95))
        with chat.log_in("bob") as bob:
            heading, notes, lines = told(bob)
            assert (heading, lines) == ("While you were away (5):", said[-5:])
            left_out, gone = (int(re.findall(r"\d+", note)[0]) for note in notes)
            assert notes == [
                f"({left_out} older lines are left out here; /history shows them)",
                f"(a hole here: {gone} entries are no longer kept)",
            ]
            assert left_out + gone + 5 == 1 + 95  # his own leaving is among what is gone


def test_who_has_a_bookmark_of_another_time_is_told_so_and_the_last_that_was_said(chat) -> None:
    said = chat.say(*numbered(20))
    chat.store.keep_bookmark("bob", "lobby", Bookmark(Position("another", 7), 1))
    with chat.log_in("bob") as bob:
        assert bob.line() == "It cannot be known what you missed."
        assert told(bob) == Block("The last 10 lines:", [], said[-10:])


@pytest.mark.parametrize("part", ["bookmark", "is_caught_up", "log"])
def test_who_cannot_be_told_is_told_that_and_goes_live(part, chat, monkeypatch) -> None:
    chat.was_here("bob")
    said = chat.say(*numbered(20))

    def refuse(*_) -> None:
        raise Refused("It cannot be read at the moment.")

    with monkeypatch.context() as trouble:
        trouble.setattr(*((chat.store.open("lobby"), "read_back") if part == "log" else (chat.store, part)), refuse)
        with chat.log_in("bob") as bob:
            assert bob.line() == "It cannot be read at the moment."
            assert chat.say("live") == [bob.line()]
            leave_by_quitting(bob)
            chat.see_leaving("bob")
    with chat.log_in("bob") as bob:  # nothing is lost by that
        assert [line for line in told(bob).lines if not line.startswith("*")] == [*said, "<alice> live"]


def test_a_damaged_bookmark_keeps_nobody_out(chat) -> None:
    said = chat.say("one")
    chat.store.keep_bookmark("bob", "lobby", Bookmark(Position(chat.store.open("lobby").epoch, -5), 0))
    with chat.log_in("bob") as bob:
        assert [line for line in told(bob).lines if not line.startswith("*")] == said
        assert chat.say("live") == [bob.line()]


# ------------------------------------------------------------------ who does not want it


def test_who_does_not_want_to_be_told_is_not_until_he_does(chat) -> None:
    with chat.log_in("bob") as bob:
        bob.type("/catchup OFF")
        assert bob.line() == "From now on you are told nothing of what you missed when you log in."
        bob.type("/catchup maybe")
        assert bob.line() == "Usage: /catchup on|off"
        leave_by_quitting(bob)
    chat.say("one")
    with chat.log_in("BOB".lower()) as bob:
        bob.type("/catchup on")
        assert bob.line() == "From now on you are told what you missed when you log in."
        leave_by_quitting(bob)
    said = chat.say("two")
    with chat.log_in("bob") as bob:
        assert told(bob).lines == said


class Bot(PlainSession):
    catches_up = False


@pytest.mark.parametrize(("session", "setting"), [(Bot, CatchingUp()), (PlainSession, CatchingUp(0, 0))])
def test_nobody_is_told_where_a_kind_of_session_or_the_settings_say_so(session, setting) -> None:
    with chatting(setting, session=session) as chat:
        chat.was_here("bob")
        chat.say("one")
        with chat.log_in("bob") as bob, chat.log_in("carol") as carol:
            assert bob.line() == "* carol joined"
            assert chat.say("live") == [bob.line()] == [carol.line()]


# ------------------------------------------------------------------ who is put out meanwhile


@pytest.mark.parametrize(
    ("command", "notice"),
    [("/kick bob spam", "alice kicked you out of dev: spam"), ("/ban bob spam", "You are banned from dev: spam.")],
)
def test_nothing_more_of_a_room_is_told_to_whoever_is_put_out_of_it(command: str, notice: str) -> None:
    with village(send_buffer_bytes=4096) as chat:
        alice, bob = chat.log_in_all("alice", "bob")
        alice.does("/create dev")
        bob.does("/join dev")
        bob.quits()
        alice.does(*numbered(600, 1500))  # far more than the kernel and the outbox hold
        with chat.log_in("bob", receive_buffer_bytes=4096) as bob:
            while not bob.line().startswith("While you were away, in dev ("):
                pass
            alice.does(command)
            *told_before, last = bob.does("/who lobby")
            assert last == "Here now: alice, bob."
            assert told_before[-1] == notice
            assert len(told_before) < 500
            alice.does("And on")
            assert bob.sees() == []
