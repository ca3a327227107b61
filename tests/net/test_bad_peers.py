"""Peers that vanish, stall or say nothing: they are hung up in the end, and nobody else notices."""

import resource
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import pytest

from chatsrv.app.sessions import PlainSession
from chatsrv.auth.backends.memory import MemoryBackend
from chatsrv.model.limits import Limits
from chatsrv.net.delivery.outbox import OUTBOX_BYTES, Outbox
from chatsrv.net.listening.server import ChatServer
from tests.journal import Journal
from tests.net.clock import Clock
from tests.peer import DEADLINE_SECONDS, PASSWORDS, Peer, running, talk, two_chatters

CREDENTIALS = f"carol\n{PASSWORDS['carol']}\n".encode()
SMALLEST_BUFFERS = {"send_buffer_bytes": 4096, "tail_bytes": 65_536, "stall_seconds": 3600.0}
RECEIVE_BUFFER_BYTES = 4096
MANY_DESCRIPTORS = 2048

LOGIN_TOO_LONG = b"The login took too long. Goodbye!\n"


# ------------------------------------------------------------------ who vanishes


@pytest.mark.parametrize(
    ("typed", "answered"),
    [
        (b"", ()),
        (b"", (b"Username: ",)),
        (b"car", (b"Username: ",)),
        (b"carol\n", (b"Username: ", b"Password: ")),
        (b"carol\ncarol's pass", (b"Username: ", b"Password: ")),
    ],
    ids=["connecting", "at the prompt", "in the name", "behind the name", "in the password"],
)
def test_a_reset_in_the_middle_of_the_login_is_nobodys_business(typed, answered, journal: Journal) -> None:
    with two_chatters() as (server, _, _):
        stranger = Peer(server)
        stranger.send(typed)
        for prompt in answered:
            stranger.read_until(prompt)
        stranger.reset()
        assert journal.wait_for("session 3: ended") == "session 3: ended: lost (not logged in, from 127.0.0.1)"
        assert len(journal.having("session 3: ")) == 1


def test_a_reset_while_the_password_is_checked_is_a_lost_connection(journal: Journal) -> None:
    class Thoughtful(MemoryBackend):
        """Takes its time over carol."""

        is_asked = threading.Event()
        may_answer = threading.Event()

        def authenticate(self, username, password, context):
            if username == "carol":
                self.is_asked.set()
                assert self.may_answer.wait(DEADLINE_SECONDS)
            return super().authenticate(username, password, context)

    backend = Thoughtful(PASSWORDS)
    server = ChatServer(("127.0.0.1", 0), PlainSession, auth=backend, limits=Limits())
    with running(server), Peer(server) as alice, Peer(server) as bob:
        alice.log_in("alice")
        bob.log_in("bob")
        assert alice.line() == "* bob joined"
        carol = Peer(server)
        carol.send(CREDENTIALS)
        assert backend.is_asked.wait(DEADLINE_SECONDS)
        talk(alice, bob)
        carol.reset()
        backend.may_answer.set()
        for peer in (alice, bob):
            assert [peer.line(), peer.line()] == ["* carol joined", "* carol left (connection lost)"]
        talk(alice, bob)
    assert len(journal.having("session 3: ended: lost (carol, from 127.0.0.1)")) == 1


@pytest.mark.parametrize(
    ("typed", "answered"),
    [
        (b"", b"Username: "),
        (b"car", b"Username: "),
        (b"carol\n", b"Username: Password: "),
        (b"carol\ncarol's pass", b"Username: Password: "),
        (b"carol\nwrong\n", b"Username: Password: Login failed.\n"),
    ],
    ids=["connected", "in the name", "behind the name", "in the password", "behind a wrong password"],
)
def test_who_says_no_more_in_the_login_still_reads_the_answers(typed: bytes, answered: bytes, journal: Journal) -> None:
    with two_chatters() as (server, _, _), Peer(server) as stranger:
        stranger.send(typed)
        stranger.socket.shutdown(socket.SHUT_WR)
        assert stranger.rest() == answered
    assert len(journal.having("session 3: ended: ", "(not logged in, from 127.0.0.1)")) == 1


def test_who_says_no_more_after_the_login_still_reads_the_answers() -> None:
    with two_chatters() as (server, alice, bob), Peer(server) as carol:
        carol.send(CREDENTIALS + b"hello\n/who\nthe last")
        carol.socket.shutdown(socket.SHUT_WR)
        welcome, present = carol.rest().decode().splitlines()
        assert welcome.endswith("Welcome, carol! Here now: alice, bob. Type /help for commands.")
        assert present == "Here now: alice, bob, carol."
        for peer in (alice, bob):
            seen = [peer.line() for _ in range(4)]
            assert seen == ["* carol joined", "<carol> hello", "<carol> the last", "* carol left (connection lost)"]


# ------------------------------------------------------------------ who says nothing


def test_who_takes_too_long_to_log_in_is_hung_up_with_a_sentence(journal: Journal) -> None:
    with two_chatters() as (server, _, _):
        limits = Limits(login_seconds=0.2)
        hasty = ChatServer(("127.0.0.1", 0), PlainSession, auth=server.gate, hub=server.hub, limits=limits)
        with running(hasty), Peer(hasty) as slow, Peer(hasty) as silent:
            slow.send(b"c")
            slow.send(b"a")
            assert slow.rest() == b"Username: " + LOGIN_TOO_LONG
            assert silent.rest() == b"Username: " + LOGIN_TOO_LONG
        assert len(journal.having("ended: login timeout (not logged in, from 127.0.0.1)")) == 2


def test_a_login_that_ends_in_time_is_not_hung_up_later(clock: Clock) -> None:
    with two_chatters() as (_, alice, bob):
        clock.ahead_seconds += 31
        talk(alice, bob)


@pytest.fixture
def _many_descriptors() -> Iterator[None]:
    """Allow this process the descriptors of a crowd, both ends of each connection."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < MANY_DESCRIPTORS:
        resource.setrlimit(resource.RLIMIT_NOFILE, (MANY_DESCRIPTORS, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("_many_descriptors")
def test_hundreds_who_say_nothing_keep_nobody_out(clock: Clock, journal: Journal) -> None:
    with two_chatters() as (server, alice, bob), ExitStack() as stack:
        silent = [stack.enter_context(Peer(server)) for _ in range(500)]
        for peer in silent:
            peer.read_until(b"Username: ")
        with Peer(server) as carol:
            carol.log_in("carol")
            assert alice.line() == bob.line() == "* carol joined"
            carol.type("/quit")
            assert carol.rest() == b"Goodbye!\n"
            assert alice.line() == bob.line() == "* carol left"
        clock.ahead_seconds += 31
        talk(alice, bob)  # delivery wakes up, and sees how late it is
        for peer in silent:
            assert peer.rest() == LOGIN_TOO_LONG
    in_full = len(journal.having("ended: login timeout (not logged in, from 127.0.0.1)"))
    summed_up = f"more ends of sessions without a login: {500 - in_full} in "
    assert len(journal.having(summed_up, f"({500 - in_full} from 127.0.0.1)")) == 1


# ------------------------------------------------------------------ who does not read


def test_who_stops_reading_falls_off_the_tail_and_all_others_get_everything(journal: Journal) -> None:
    said = [f"{number} ".ljust(1000, "x") for number in range(1000)]
    with (
        two_chatters(**SMALLEST_BUFFERS) as (server, alice, bob),
        Peer(server, receive_buffer_bytes=RECEIVE_BUFFER_BYTES) as carol,
    ):
        carol.log_in("carol")
        assert alice.line() == bob.line() == "* carol joined"
        seen = []
        for start in range(0, len(said), 20):
            block = said[start : start + 20]
            alice.send("".join(f"{line}\n" for line in block).encode())
            while not seen or seen[-1] != f"<alice> {block[-1]}":
                seen.append(bob.line())
        left = "* carol left (reading too slowly)"
        assert alice.line() == left
        if left not in seen:
            seen.append(bob.line())
        seen.remove(left)
        assert seen == [f"<alice> {line}" for line in said]
        # What she did get is the beginning, without a gap.
        got = carol.rest().decode().splitlines()
        assert got
        assert len(got) < len(said)
        assert got[:-1] == [f"<alice> {line}" for line in said[: len(got) - 1]]
        assert f"<alice> {said[len(got) - 1]}".startswith(got[-1])
    assert journal.having("session 3: ended: ") == ["session 3: ended: too slow (carol, from 127.0.0.1)"]


def test_who_has_lines_waiting_and_reads_nothing_is_hung_up_after_a_while(clock: Clock, journal: Journal) -> None:
    line = "x" * 1000
    with (
        two_chatters(send_buffer_bytes=4096) as (server, alice, bob),
        Peer(server, receive_buffer_bytes=RECEIVE_BUFFER_BYTES) as carol,
    ):
        carol.log_in("carol")
        assert alice.line() == bob.line() == "* carol joined"
        for _ in range(100):
            alice.type(line)
            assert bob.line() == f"<alice> {line}"
        talk(alice, bob)
        clock.ahead_seconds += 16
        alice.type("Still there?")  # delivery wakes up, and sees how late it is
        left = "* carol left (reading too slowly)"
        assert alice.line() == left
        assert {bob.line(), bob.line()} == {"<alice> Still there?", left}
    assert journal.having("session 3: ended: ") == ["session 3: ended: too slow (carol, from 127.0.0.1)"]


def test_who_reads_slowly_but_reads_gets_everything() -> None:
    said = [f"{number} ".ljust(1000, "x") for number in range(1000)]
    with (
        two_chatters(send_buffer_bytes=4096) as (server, alice, bob),
        Peer(server, receive_buffer_bytes=RECEIVE_BUFFER_BYTES) as carol,
    ):
        carol.log_in("carol")
        assert alice.line() == bob.line() == "* carol joined"
        alice.send("".join(f"{line}\n" for line in said).encode())
        for line in said:
            assert bob.line() == f"<alice> {line}"
        carol.type("/who")
        seen = [carol.line() for _ in range(len(said) + 1)]
        seen.remove("Here now: alice, bob, carol.")  # an answer may overtake what others said
        assert seen == [f"<alice> {line}" for line in said]
        carol.type("/quit")
        assert carol.rest() == b"Goodbye!\n"
        assert alice.line() == bob.line() == "* carol left"


@pytest.mark.parametrize("question", [b"/help\n", b"/join lobby\n"])
def test_who_asks_endlessly_and_never_reads_waits_and_is_hung_up(
    question: bytes, clock: Clock, journal: Journal
) -> None:
    answered_bytes = 0
    is_full = threading.Event()

    class CountingOutbox(Outbox):
        def put(self, data, steps=None) -> int:
            nonlocal answered_bytes
            answered_bytes += len(data)
            if answered_bytes > OUTBOX_BYTES:
                is_full.set()
            return super().put(data, steps)

    class Counting(PlainSession):
        def opened(self) -> None:
            if self.account.name == "carol":
                self.connection.outbox = CountingOutbox()
            super().opened()

    def ask(carol: Peer) -> None:
        with pytest.raises(ConnectionError):
            carol.send(question * 1_000_000)

    with (
        two_chatters(Counting, send_buffer_bytes=4096) as (server, alice, bob),
        Peer(server, receive_buffer_bytes=RECEIVE_BUFFER_BYTES) as carol,
    ):
        carol.log_in("carol")
        assert alice.line() == bob.line() == "* carol joined"
        asking = threading.Thread(target=ask, args=(carol,))
        asking.start()
        try:
            assert is_full.wait(DEADLINE_SECONDS)  # so more waits for her than the server and TCP hold
            talk(alice, bob)
            clock.ahead_seconds += 16
            alice.type("Do you notice anything?")  # delivery wakes up, and sees how late it is
            left = "* carol left (reading too slowly)"
            assert alice.line() == left
            assert {bob.line(), bob.line()} == {"<alice> Do you notice anything?", left}
        finally:
            with suppress(OSError):  # the server has cut it, as a rule
                carol.socket.shutdown(socket.SHUT_RDWR)
            asking.join(DEADLINE_SECONDS)
    assert answered_bytes < 4 * OUTBOX_BYTES
    assert journal.having("session 3: ended: ") == ["session 3: ended: too slow (carol, from 127.0.0.1)"]
