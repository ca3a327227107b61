"""What an administrator does to accounts reaches their open sessions."""

from collections import Counter

import pytest

from chatsrv.app.sessions import PlainSession
from chatsrv.auth.backend import AuthBackend, LoginContext
from chatsrv.auth.backends.yaml import YamlBackend
from chatsrv.auth.gate import Gate
from chatsrv.auth.hashing import Hasher
from chatsrv.model.accounts import Account, Role
from chatsrv.model.errors import Denied, UnknownUser
from chatsrv.model.reasons import Reason
from chatsrv.net.listening.server import ChatServer
from chatsrv.net.sessions.watch import Watch
from tests.peer import Peer, running


@pytest.mark.parametrize(
    ("edited", "sentence", "others_see"),
    [
        ("", "Your account may not be used here any more. Goodbye!", "* bob left (account closed)"),
        (
            "bob: {password: bob's password, from: [192.0.2.0/24]}\n",
            "Your account may not be used here any more. Goodbye!",
            "* bob left (account closed)",
        ),
        ("bob: another one\n", "Your password was changed. Please log in again.", "* bob left (password changed)"),
    ],
    ids=["removed", "network taken away", "password changed"],
)
def test_a_session_ends_with_what_its_account_was(server, users, edited, sentence, others_see) -> None:
    with Peer(server) as alice, Peer(server) as bob:
        alice.log_in("alice")
        bob.log_in("bob")
        assert alice.line() == "* bob joined"
        users.write_text(users.read_text().splitlines(keepends=True)[0] + edited)
        assert bob.rest().decode() == f"{sentence}\n"
        assert alice.line() == others_see
        alice.type("still here")  # her own account is the same as before
        alice.type("/who")
        assert alice.line() == "Here now: alice."


def test_a_session_ends_whose_account_came_and_went_between_two_looks(server, users) -> None:
    before = users.read_text().replace("moderator", "admin")
    with Peer(server) as alice, Peer(server) as jane:
        alice.log_in("alice")
        users.write_text(before)
        assert alice.line() == "Your role is now admin."  # a look is behind us
        users.write_text(before + "jane: doe of nowhere\n")
        jane.try_login("jane", "doe of nowhere")
        assert jane.line().startswith("Welcome, jane!")
        users.write_text(before)
        assert jane.rest().decode() == "Your account may not be used here any more. Goodbye!\n"


def test_another_role_is_told_and_in_force_at_once(server, users) -> None:
    with Peer(server) as alice:
        alice.log_in("alice")
        users.write_text(users.read_text().replace("moderator", "admin"))
        assert alice.line() == "Your role is now admin."


def test_a_broken_edit_ends_no_session(server, users, caplog) -> None:
    with Peer(server) as alice, Peer(server) as bob:
        alice.log_in("alice")
        bob.log_in("bob")
        assert alice.line() == "* bob joined"
        accounts = users.read_text()
        users.write_text("alice: [not, an, account]\n")
        users.write_text(accounts.replace("moderator", "admin"))
        assert alice.line() == "Your role is now admin."  # a look later, everybody is still here
        bob.type("hello")
        assert alice.line() == "<bob> hello"


class Counted(AuthBackend):
    """Lets everybody in, and counts how often an account, or whether any has changed, is asked about."""

    may_block = False

    def __init__(self) -> None:
        self.lookups = Counter[str]()
        self.now = 0

    def authenticate(self, username: str, password: str, context: LoginContext) -> Account:
        return Account(username)

    @property
    def version(self) -> object:
        return self.now

    def lookup(self, username: str) -> Account:
        self.lookups[username] += 1
        return Account(username)


def test_servers_that_share_a_watch_have_each_session_looked_at_once() -> None:
    backend = Counted()
    gate = Gate(backend)
    watch = Watch(gate)  # not started: the test looks itself
    here, there = (ChatServer(("127.0.0.1", 0), PlainSession, auth=gate, watch=watch) for _ in range(2))
    with running(here), running(there), Peer(here) as alice, Peer(there) as bob:
        alice.log_in("alice")
        bob.log_in("bob")
        watch.look()
        watch.look()
        assert backend.lookups == {"alice": 1, "bob": 1}
        backend.now += 1
        there.server_close()
        bob.rest()
        watch.look()
        watch.look()
        assert backend.lookups == {"alice": 2, "bob": 1}
        alice.type("still here")
    watch.stop()


class Shifting(Counted):
    """Has other accounts at each question whether they have changed, among which those in `gone` are not."""

    def __init__(self) -> None:
        super().__init__()
        self.gone = set[str]()

    @property
    def version(self) -> object:
        self.now += 1
        return self.now

    def lookup(self, username: str) -> Account:
        if username in self.gone:
            raise Denied("disabled")
        return super().lookup(username)


def test_accounts_that_change_all_the_time_keep_nobody_in() -> None:
    backend = Shifting()
    gate = Gate(backend)
    watch = Watch(gate)  # not started: the test looks itself
    chat = ChatServer(("127.0.0.1", 0), PlainSession, auth=gate, watch=watch)
    with running(chat), Peer(chat) as alice, Peer(chat) as bob:
        alice.log_in("alice")
        bob.log_in("bob")
        assert alice.line() == "* bob joined"
        watch.look()
        backend.gone = {"alice"}  # at one look alone: somebody was in the middle of writing
        watch.look()
        backend.gone = {"bob"}
        watch.look()
        watch.look()
        assert bob.rest().decode() == "Your account may not be used here any more. Goodbye!\n"
        assert alice.line() == "* bob left (account closed)"
    watch.stop()


class Sitting:
    """A session whose account is alice."""

    def __init__(self) -> None:
        self.account: Account | None = Account("alice")
        self.context = LoginContext("192.0.2.1")
        self.is_at_gate = False
        self.reasons: list[Reason] = []

    def account_changed(self, account: Account) -> None:
        self.account = account

    def hang_up(self, reason: Reason) -> None:
        self.reasons.append(reason)


def test_who_is_at_the_gate_is_looked_at_when_he_is_through() -> None:
    backend, guest = Counted(), Sitting()
    watch = Watch(Gate(backend))
    watch.add(lambda: [guest])
    backend.lookup = lambda _: Account("alice", credential="another")  # type: ignore[method-assign]
    guest.is_at_gate = True  # where he changes his password
    for _ in range(4):
        watch.look()
    assert not guest.reasons
    guest.is_at_gate = False
    watch.look()
    assert guest.reasons == [Reason.PASSWORD_CHANGED]


def test_a_session_that_cannot_take_a_change_ends_and_keeps_no_other_from_being_looked_after(caplog) -> None:
    class Failing(Sitting):
        def account_changed(self, account: Account) -> None:
            raise RuntimeError("not this role")

    def lookup(name: str) -> Account:
        if name == "bob":
            raise UnknownUser("there is no bob any more")
        return Account("alice", Role.ADMIN)

    backend, failing, gone = Counted(), Failing(), Sitting()
    gone.account = Account("bob")
    backend.lookup = lookup  # type: ignore[method-assign]
    watch = Watch(Gate(backend))
    watch.add(lambda: [failing, gone])
    for _ in range(2):  # one look is not enough
        watch.look()
    assert failing.reasons == [Reason.ERROR]
    assert gone.reasons == [Reason.ACCOUNT_CLOSED]
    assert "the session of alice cannot take a change of the account" in caplog.text


def test_one_look_is_not_enough(users) -> None:
    gate = Gate(YamlBackend(users, hasher=Hasher(memory_kib=8, passes=1)))
    watch = Watch(gate)
    chat = ChatServer(("127.0.0.1", 0), PlainSession, auth=gate, watch=watch)
    with running(chat), Peer(chat) as alice, Peer(chat) as bob:
        alice.log_in("alice")
        bob.log_in("bob")
        assert alice.line() == "* bob joined"
        accounts = users.read_text()
        watch.look()
        users.write_text(accounts.splitlines(keepends=True)[0])  # half of what somebody is about to write
        watch.look()
        users.write_text(accounts.replace("moderator", "admin"))
        watch.look()
        watch.look()
        assert alice.line() == "Your role is now admin."
        bob.type("still here")
        assert alice.line() == "<bob> still here"
    watch.stop()


@pytest.mark.parametrize("is_started", [False, True])
def test_a_watch_that_was_stopped_looks_no_more_whether_or_not_it_was_started(is_started: bool) -> None:
    watch = Watch(Gate(Counted()))
    if is_started:
        watch.start()
    watch.stop()
    watch.stop()
    watch.start()  # ends at once: what is left behind fails this test
