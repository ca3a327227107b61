"""Memory that runs out, here and there: whoever it hits is told or cut off, and the others go on."""

import pytest

from chatsrv.app.sessions import PlainSession
from chatsrv.auth.backends.memory import MemoryBackend
from chatsrv.model.reasons import Reason
from chatsrv.net import scarcity
from chatsrv.net.delivery import delivery as delivery_module
from chatsrv.net.delivery.deadlines import Deadlines
from chatsrv.net.delivery.writing import Writing
from chatsrv.net.listening import acceptloop
from chatsrv.net.listening.server import ChatServer
from chatsrv.net.listening.turnstile import Turnstile
from chatsrv.net.scarcity import Reserve, Spare, insist, lack_of
from chatsrv.wording.sessions import FAREWELLS
from tests.journal import Journal
from tests.peer import PASSWORDS, Peer, running, talk, two_chatters

FULL = b"The server is full. Please try again later.\n"


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(acceptloop, "PAUSE_SECONDS", 0.0)


def failing(monkeypatch: pytest.MonkeyPatch, owner: type, name: str, times: int) -> list[object]:
    """Have a method raise `MemoryError` so many times; return a list of these times."""
    method = getattr(owner, name)
    failed: list[object] = []

    def fail_at_first(self: object, *args: object) -> object:
        if len(failed) < times:
            failed.append(self)
            raise MemoryError
        return method(self, *args)

    monkeypatch.setattr(owner, name, fail_at_first)
    return failed


@pytest.mark.parametrize(("owner", "name"), [(ChatServer, "get_request"), (Turnstile, "enter")])
def test_a_connection_that_cannot_be_taken_on_is_the_only_one_hurt(
    owner: type, name: str, monkeypatch: pytest.MonkeyPatch, journal: Journal
) -> None:
    with two_chatters() as (server, alice, bob):
        failed = failing(monkeypatch, owner, name, 3)
        for _ in range(3 if owner is Turnstile else 0):
            with Peer(server) as unlucky:
                assert unlucky.rest() == FULL
        with Peer(server) as carol:
            carol.log_in("carol")
            assert alice.line() == bob.line() == "* carol joined"
            carol.type("/quit")
            assert alice.line() == bob.line() == "* carol left"
        assert len(failed) == 3
    assert server.turnstile.inside == 0
    assert len(journal.having("no memory is left")) == 1
    assert len(journal.having("more failures for want of threads, memory or descriptors: 2 in ")) == 1
    assert not journal.having("Traceback")


def test_without_memory_to_spare_newcomers_are_told_that_the_server_is_full(
    monkeypatch: pytest.MonkeyPatch, journal: Journal
) -> None:
    with two_chatters() as (server, alice, bob):
        with monkeypatch.context() as patch:
            patch.setattr(Reserve, "keep", lambda _: False)
            for _ in range(3):
                with Peer(server) as late:
                    assert late.rest() == FULL
        with Peer(server) as carol:
            carol.log_in("carol")
            assert alice.line() == bob.line() == "* carol joined"
            carol.type("/quit")
            assert alice.line() == bob.line() == "* carol left"
    assert len(journal.having("failed: no memory is left")) == 1


def test_a_session_without_memory_is_told_so_and_the_log_has_a_line(journal: Journal) -> None:
    class Forgetful(PlainSession):
        def obey(self, commands: object) -> None:
            if self.account.name.startswith("user"):
                raise MemoryError
            super().obey(commands)

    with two_chatters(Forgetful) as (server, alice, bob):
        for number in range(4):
            with Peer(server) as unlucky:
                unlucky.log_in(f"user{number}")
                unlucky.type("hello")
                assert unlucky.rest() == f"{FAREWELLS[Reason.ERROR]}\n".encode()
                for other in (alice, bob):
                    assert other.line() == f"* user{number} joined"
                    assert other.line() == f"* user{number} left (server error)"
    assert len(journal.having("session 3: failed: no memory is left")) == 1
    assert len(journal.having("more failures for want of threads, memory or descriptors: 3 in ")) == 1
    assert not journal.having("Traceback")


def test_whom_nothing_can_be_written_to_is_cut_off_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch, journal: Journal
) -> None:
    write = Writing.reply

    def write_or_fail(writing: Writing, connection: object, number: int) -> None:
        if connection.id == 3:
            raise MemoryError
        write(writing, connection, number)

    monkeypatch.setattr(Writing, "reply", write_or_fail)
    with two_chatters() as (server, alice, bob), Peer(server) as carol:
        carol.try_login("carol", PASSWORDS["carol"])
        carol.rest()
        for other in (alice, bob):
            assert other.line() == "* carol joined"
            assert other.line() == "* carol left (server error)"
    assert journal.having("delivery: ") == [
        "delivery: no memory is left, so those are cut off to whom nothing can be written"
    ]


def test_a_session_ends_once_there_is_memory_for_its_end(monkeypatch: pytest.MonkeyPatch, journal: Journal) -> None:
    with two_chatters() as (server, alice, bob):
        failed = failing(monkeypatch, Writing, "finish", 5)
        with Peer(server) as carol:
            carol.log_in("carol")
            assert alice.line() == bob.line() == "* carol joined"
            carol.type("/quit")
            assert carol.rest() == b"Goodbye!\n"
            assert alice.line() == bob.line() == "* carol left"
        journal.wait_for("session 3: ended: quit (carol, from 127.0.0.1)")
        assert len(failed) == 5
        talk(alice, bob)


def test_whoever_reads_a_room_of_which_nothing_can_be_read_on_comes_back_and_misses_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    backend = MemoryBackend(PASSWORDS)
    server = ChatServer(("127.0.0.1", 0), PlainSession, auth=backend)
    with running(server), Peer(server) as alice:
        alice.log_in("alice")
        with Peer(server) as bob:
            bob.log_in("bob")
            assert alice.line() == "* bob joined"
            talk(alice, bob)
            failing(monkeypatch, delivery_module.Feed, "read", 1)
            alice.type("hello")
            bob.rest()
            alice.rest()
        with Peer(server) as bob:
            bob.try_login("bob", PASSWORDS["bob"])
            assert b"<alice> hello\n" in bob.read_until(b"(that is all you missed)\n")


def test_what_is_due_and_fails_for_want_of_memory_is_done_later() -> None:
    deadlines = Deadlines()
    done: list[int] = []

    def do() -> None:
        done.append(len(done))
        if len(done) < 3:
            raise MemoryError

    deadlines.set(0.0, do)
    for _ in range(2):
        with pytest.raises(MemoryError):
            deadlines.fire()
    assert deadlines.fire() is None
    assert done == [0, 1, 2]


def test_what_has_to_be_done_is_tried_until_there_is_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scarcity, "WAIT_SECONDS", 0.0)
    errors = iter((MemoryError(), RuntimeError("can't allocate lock"), MemoryError()))

    def make() -> str:
        for error in errors:
            raise error
        return "made"

    assert insist(make) == "made"
    with pytest.raises(RuntimeError, match="else"):
        insist(lambda: (_ for _ in ()).throw(RuntimeError("something else")))


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MemoryError(), "no memory is left"),
        (OSError(24, "Too many open files"), "too many open files"),
        (OSError(12, "Cannot allocate memory"), "cannot allocate memory"),
        (RuntimeError("can't start new thread"), "no thread can be started"),
        (RuntimeError("dictionary changed size during iteration"), ""),
        (ConnectionResetError(104, "Connection reset by peer"), ""),
        (KeyError("x"), ""),
    ],
)
def test_errors_that_say_that_the_system_gives_no_more_are_known(error: Exception, said: str) -> None:
    assert lack_of(error) == said


def test_what_is_kept_back_can_be_given_up_and_taken_again() -> None:
    for kept in (Reserve(65_536), Spare()):
        assert kept.keep()
        kept.give()
        kept.give()
        assert kept.keep()
        kept.give()
