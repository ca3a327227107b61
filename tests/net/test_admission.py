"""How peers get in: logins of several steps and attempts, and what none of them can do before they are in."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from chatsrv.app.sessions import PlainSession, TelnetSession
from chatsrv.auth.backend import AuthBackend
from chatsrv.auth.backends.memory import MemoryBackend
from chatsrv.auth.gate import Gate
from chatsrv.model.accounts import Account, Role
from chatsrv.model.errors import Denied, Unavailable, UnknownUser
from chatsrv.model.login import Challenge
from chatsrv.model.loginpolicy import LoginPolicy
from chatsrv.net.listening.server import ChatServer
from chatsrv.net.sessions.chatsession import ChatSession
from chatsrv.protocols.plain import PlainProtocol
from tests.auth.codes import CODE, CodeBackend
from tests.journal import Journal
from tests.net.clock import Clock
from tests.net.words import WordsSession
from tests.peer import DEADLINE_SECONDS, Peer, running

ALICE = {"alice": "wonderland"}
GOODBYE = b"Goodbye!\n"
LOGIN_TOO_LONG = b"The login took too long. Goodbye!\n"


@contextmanager
def chat(
    backend: AuthBackend, session: type[ChatSession] = WordsSession, **policy: float
) -> Iterator[tuple[ChatServer, Peer]]:
    """Run a chat, and a peer that has come to it."""
    gate = Gate(backend, policy=LoginPolicy(**policy))
    with running(ChatServer(("127.0.0.1", 0), session, auth=gate)) as server, Peer(server) as peer:
        yield server, peer


# ------------------------------------------------------------------ a second factor


def test_somebody_is_asked_for_a_code_behind_the_password_and_is_in_once_it_is_right() -> None:
    with chat(CodeBackend(ALICE), PlainSession) as (server, alice):
        alice.try_login("alice", "wonderland")
        assert alice.read_until(b": ") == b"Code: "
        assert [session.account for session in server.sessions()] == [None]
        alice.type(CODE)
        assert alice.line().startswith("Welcome, alice!")


def test_a_wrong_code_reads_as_a_wrong_password_and_the_log_has_the_reason(journal: Journal) -> None:
    with chat(CodeBackend(ALICE), PlainSession) as (_, alice):
        alice.try_login("alice", "wonderland")
        alice.read_until(b"Code: ")
        alice.type("000000")
        assert alice.rest() == b"Login failed.\n"
    assert journal.having("login from 127.0.0.1 refused: the code for account 'alice' is wrong")


def test_a_whole_login_with_a_code_may_be_sent_at_once_and_lines_behind_it() -> None:
    with chat(CodeBackend(ALICE), PlainSession) as (_, alice):
        alice.send(f"alice\nwonderland\n{CODE}\n/who\n/quit\n".encode())
        welcome, present, goodbye = alice.rest().splitlines()
        assert welcome.startswith(b"Username: Password: Code: Welcome, alice!")
        assert (present, goodbye) == (b"Here now: alice.", b"Goodbye!")


@pytest.mark.parametrize("is_hidden", [True, False])
def test_a_telnet_program_shows_of_an_answer_what_may_be_seen(is_hidden: bool) -> None:
    with chat(CodeBackend(ALICE, challenge=Challenge("Code: ", is_hidden)), TelnetSession) as (_, alice):
        alice.send(f"alice\r\nwonderland\r\n{CODE}\r\n/quit\r\n".encode())
        _, _, rest = alice.rest().partition(b"\xff\xfc\x01\r\n")  # the password is over
        conceal, reveal = (b"\xff\xfb\x01", b"\xff\xfc\x01\r\n") if is_hidden else (b"", b"")
        assert rest.startswith(conceal + b"Code: " + reveal + b"Welcome, alice!")


def test_a_question_of_a_backend_is_safe_on_any_terminal() -> None:
    with chat(CodeBackend(ALICE, challenge=Challenge("\x1b[2JCode\nof\x07: ")), PlainSession) as (_, alice):
        alice.send(b"alice\nwonderland\n")
        assert alice.read_until(b"Code of: ") == b"Username: Password: Code of: "


# ------------------------------------------------------------------ the deadline


def put_forward(clock: Clock, server: ChatServer) -> None:
    """Let 31 seconds pass for delivery, and have it see that: for all who have come so far, and nobody else."""
    with Peer(server) as other:
        other.try_login("nobody", "nothing")
        assert other.rest() == b"Login failed.\n"  # delivery wrote that, so it knows whoever came before
    clock.ahead_seconds += 31
    with Peer(server) as other:
        other.try_login("nobody", "nothing")
        assert other.rest() == b"Login failed.\n"


def test_nobody_has_longer_for_the_login_by_answering_no_challenge(clock: Clock) -> None:
    with chat(CodeBackend(ALICE), PlainSession) as (server, alice):
        alice.try_login("alice", "wonderland")
        alice.read_until(b"Code: ")
        put_forward(clock, server)
        assert alice.rest() == LOGIN_TOO_LONG


class Slow(CodeBackend):
    """Takes its time over a password, and then asks for a code, or does not."""

    def __init__(self, *, has_codes: bool) -> None:
        super().__init__(ALICE)
        self.has_codes = has_codes
        self.is_asked, self.may_answer = threading.Event(), threading.Event()

    def authenticate(self, username, password, context):
        step = super().authenticate(username, password, context)
        self.is_asked.set()
        assert self.may_answer.wait(DEADLINE_SECONDS)
        return step if self.has_codes else step.respond(CODE)


@pytest.mark.parametrize("has_codes", [True, False])
def test_a_gate_that_takes_its_time_ends_no_login_but_leaves_no_time_for_a_code(clock: Clock, has_codes: bool) -> None:
    backend = Slow(has_codes=has_codes)
    with chat(backend, PlainSession) as (server, alice):
        alice.try_login("alice", "wonderland")
        assert backend.is_asked.wait(DEADLINE_SECONDS)
        try:
            put_forward(clock, server)
        finally:
            backend.may_answer.set()
        if has_codes:
            assert alice.rest() == LOGIN_TOO_LONG
        else:
            assert alice.line().startswith("Welcome, alice!")


# ------------------------------------------------------------------ several attempts


def test_where_a_format_allows_it_somebody_may_try_again_on_the_same_connection(journal: Journal) -> None:
    with chat(MemoryBackend(ALICE)) as (_, alice):
        alice.send(b"LOGIN alice a\nLOGIN alice b\nLOGIN alice wonderland\nENTER\nQUIT\n")
        failed = b"Login failed.\nLoginRefused\n"
        assert alice.read_until(b"Welcome, alice!") == 2 * failed + b"Admitted\nWelcome, alice!"
        assert alice.rest().endswith(GOODBYE)
    assert len(journal.having("login from 127.0.0.1 refused: the password for account 'alice' is wrong")) == 2


def test_the_last_attempt_that_is_refused_ends_the_session() -> None:
    with chat(MemoryBackend(ALICE)) as (_, alice):
        alice.send(b"LOGIN alice a\nLOGIN alice b\nLOGIN alice c\nLOGIN alice wonderland\nENTER\n")
        assert alice.rest() == 2 * b"Login failed.\nLoginRefused\n" + b"Login failed.\n"


def test_attempts_on_one_connection_are_guesses_as_those_on_several_are() -> None:
    with chat(MemoryBackend(ALICE), guesses_per_account=2) as (_, alice):
        alice.send(b"LOGIN alice a\nLOGIN alice b\nLOGIN alice wonderland\nENTER\n")
        assert alice.rest() == 2 * b"Login failed.\nLoginRefused\n" + b"Login failed.\n"


def test_a_format_of_prompts_asks_again() -> None:
    class PatientProtocol(PlainProtocol):
        login_attempts = 2

    class PatientSession(PlainSession):
        protocol = PatientProtocol()

    with chat(MemoryBackend(ALICE), PatientSession) as (_, alice):
        alice.try_login("alice", "swordfish")
        assert alice.line() == "Login failed."
        alice.try_login("alice", "wonderland")
        assert alice.line().startswith("Welcome, alice!")


def test_a_code_is_of_the_attempt_whose_password_was_right() -> None:
    with chat(CodeBackend({**ALICE, "bob": "builder"})) as (_, peer):
        peer.send(f"LOGIN alice wonderland\nLOGIN bob builder\nCODE {CODE}\nENTER\nQUIT\n".encode())
        assert peer.read_until(b"!") == b"Challenge\nChallenge\nAdmitted\nWelcome, bob!"
        peer.rest()


def test_logins_that_are_begun_again_and_again_are_cut_as_other_floods_before_the_login(journal: Journal) -> None:
    with chat(CodeBackend(ALICE)) as (_, peer):
        peer.send(b"LOGIN alice wonderland\n" * 500)
        peer.rest()
    assert journal.having("unreadable input from 127.0.0.1: more than 8192 bytes before the login")


# ------------------------------------------------------------------ what is not obeyed before


@pytest.mark.parametrize(
    ("sent", "problem"),
    [
        (b"ENTER\n", "nobody has logged in who could enter"),
        (b"LOGIN alice a\nENTER\n", "nobody has logged in who could enter"),
        (b"LOGIN alice wonderland\nLOGIN alice a\nENTER\n", "nobody has logged in who could enter"),
        (b"SAY hello\n", "Say before the login"),
        (b"LOGIN alice wonderland\nSAY hello\n", "Say before the login"),
        (b"CODE 123456\n", "a response to no challenge"),
        (b"LOGIN alice wonderland\nCODE 123456\n", "a response to no challenge"),
    ],
)
def test_nobody_does_anything_before_they_are_in(sent: bytes, problem: str, journal: Journal) -> None:
    with chat(MemoryBackend(ALICE)) as (server, peer):
        peer.send(sent)
        peer.rest()
        assert server.hub.lobby.log.end.offset == 0
    assert journal.having("unreadable input from 127.0.0.1: ", problem)


def test_strangers_may_leave_and_are_told_what_was_not_taken() -> None:
    with chat(MemoryBackend(ALICE)) as (_, peer):
        peer.send(b"hello\nLOGIN alice wonderland\nhello\nQUIT\nENTER\n")
        assert peer.rest() == b"What?\nAdmitted\nWhat?\n" + GOODBYE


# ------------------------------------------------------------------ who enters some time after the login


class Changing(MemoryBackend):
    """Has another answer about alice when it is asked how she stands."""

    def __init__(self) -> None:
        super().__init__(ALICE)
        self.now: Account | Exception | None = None

    def lookup(self, username: str) -> Account:
        if isinstance(self.now, Exception):
            raise self.now
        return self.now or super().lookup(username)


@pytest.mark.parametrize("now", [UnknownUser("gone"), Denied("closed"), Account("alice", credential="another one")])
def test_who_is_not_welcome_any_more_does_not_enter(now: Account | Exception, journal: Journal) -> None:
    backend = Changing()
    with chat(backend) as (_, alice):
        alice.send(b"LOGIN alice wonderland\n")
        alice.read_until(b"Admitted\n")
        backend.now = now
        alice.send(b"ENTER\n")
        assert alice.rest() == b"Login failed.\n"
    assert journal.having("login from 127.0.0.1 refused: ")


def test_who_enters_later_does_so_with_the_role_of_then() -> None:
    backend = Changing()
    with chat(backend) as (server, alice):
        alice.send(b"LOGIN alice wonderland\n")
        alice.read_until(b"Admitted\n")
        account = backend.lookup("alice")
        backend.now = Account("alice", Role.ADMIN, credential=account.credential)
        alice.send(b"ENTER\n")
        alice.read_until(b"Welcome, alice!")
        assert [session.account for session in server.sessions()] == [backend.now]


def test_an_outage_keeps_nobody_out_who_was_admitted() -> None:
    backend = Changing()
    with chat(backend) as (_, alice):
        alice.send(b"LOGIN alice wonderland\n")
        alice.read_until(b"Admitted\n")
        backend.now = Unavailable("away")
        alice.send(b"ENTER\n")
        alice.read_until(b"Welcome, alice!")
