"""Behaviour of chatsrv.auth.gate."""

import logging

import pytest

from chatsrv.auth.backend import AuthBackend, EditableBackend, LoginContext
from chatsrv.auth.backends.memory import MemoryBackend
from chatsrv.auth.backends.yaml import YamlBackend
from chatsrv.auth.chain import Chain
from chatsrv.auth.gate import Gate
from chatsrv.model.accounts import Account, Role
from chatsrv.model.errors import AccountsError, AuthError, Denied, Unavailable, UnknownUser
from chatsrv.model.refusals import NoSuchAccount, PasswordChangesFail
from tests.auth.counting import CountingHasher
from tests.refusing import refused

HERE = LoginContext("127.0.0.1", 40000, "test")
USERS = {"Alice": "wonderland", "bob": {"password": "builder", "role": "moderator", "from": ["127.0.0.0/8", "::1"]}}


class Answering(AuthBackend):
    """Gives one answer to every login, and remembers what it was asked."""

    def __init__(self, answer):
        self.answer = answer
        self.asked = []
        self.is_closed = False

    def authenticate(self, username, password, context):
        self.asked.append((username, password, context))
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer

    def close(self):
        self.is_closed = True


@pytest.fixture
def hasher():
    return CountingHasher()


@pytest.fixture
def gate(hasher):
    return Gate(MemoryBackend(USERS, hasher=hasher), hasher=hasher)


def test_a_name_may_be_typed_in_any_spelling_and_is_shown_as_its_owner_wrote_it(gate):
    for name in ("alice", "ALICE", "\uff21lice"):
        assert gate.admit(name, "wonderland", HERE).name == "Alice"


def test_the_backend_gets_name_and_password_prepared():
    backend = Answering(Account("alice"))
    Gate(backend).admit("ALICE", "a\N{COMBINING ACUTE ACCENT}", HERE)
    assert backend.asked == [("alice", "á", HERE)]


def test_wrong_and_unknown_are_told_apart_in_the_log_text(gate):
    with pytest.raises(Denied, match="the password for account 'Alice' is wrong"):
        gate.admit("alice", "swordfish", HERE)
    with pytest.raises(UnknownUser, match="there is no account 'mallory'"):
        gate.admit("Mallory", "wonderland", HERE)


@pytest.mark.parametrize("name", ["x" * 1_000_000, "", "a b", "\x1b[2J", "\ud800"])
def test_a_name_that_cannot_be_one_never_reaches_the_backend_and_costs_no_hash(name, hasher):
    backend = Answering(Account("alice"))
    with pytest.raises(UnknownUser, match="cannot be a name; a name has 1 to 64 bytes") as caught:
        Gate(backend, hasher=hasher).admit(name, "wonderland", HERE)
    assert len(str(caught.value)) < 400
    assert str(caught.value).isprintable()
    assert backend.asked == []
    assert hasher.hashes == 0


@pytest.mark.parametrize("password", ["x" * 1_000_000, "", "swordfish\0", "\ud800swordfish"])
def test_a_password_that_cannot_be_one_never_reaches_the_backend_nor_the_log(password, hasher):
    backend = Answering(Account("alice"))
    with pytest.raises(Denied, match="a password has 1 to 1024 bytes") as caught:
        Gate(backend, hasher=hasher).admit("alice", password, HERE)
    assert "swordfish" not in str(caught.value)
    assert backend.asked == []
    assert hasher.hashes == 0


def test_every_refusal_costs_exactly_one_hash_and_a_clear_password_that_fits_none(hasher):
    users = USERS | {"carol": {"password_hash": hasher.hash("christmas")}}
    gate = Gate(MemoryBackend(users, hasher=hasher), hasher=hasher)
    for name in ("mallory", "alice", "carol"):
        before = hasher.hashes
        with pytest.raises((UnknownUser, Denied)):
            gate.admit(name, "swordfish", HERE)
        assert hasher.hashes == before + 1, name
    before = hasher.hashes
    gate.admit("alice", "wonderland", HERE)
    assert hasher.hashes == before
    gate.admit("carol", "christmas", HERE)
    assert hasher.hashes == before + 1


def test_an_account_with_networks_gets_in_from_there_only(gate):
    assert gate.admit("bob", "builder", HERE).name == "bob"
    assert gate.admit("bob", "builder", LoginContext("::1")).name == "bob"
    assert gate.admit("bob", "builder", LoginContext("::ffff:127.0.0.1")).name == "bob"
    with pytest.raises(Denied, match=r"account 'bob' may log in only from 127\.0\.0\.0/8, ::1, not from 10\.0\.0\.7"):
        gate.admit("bob", "builder", LoginContext("10.0.0.7"))
    with pytest.raises(Denied, match="not from /run/socket"):
        gate.admit("bob", "builder", LoginContext("/run/socket"))
    assert gate.admit("alice", "wonderland", LoginContext("/run/socket")).name == "Alice"


def test_the_network_is_not_told_to_who_does_not_know_the_password(gate):
    with pytest.raises(Denied, match="password"):
        gate.admit("bob", "wrong", LoginContext("10.0.0.7"))


def test_roles_of_the_settings_win_over_those_of_the_backend(hasher):
    backend = MemoryBackend(USERS, hasher=hasher)
    gate = Gate(backend, roles={"ALICE": Role.ADMIN, "nobody": Role.ADMIN}, hasher=hasher)
    assert gate.admit("alice", "wonderland", HERE).role is Role.ADMIN
    assert gate.admit("bob", "builder", HERE).role is Role.MODERATOR
    assert Gate(backend, roles={"bob": Role.MEMBER}).admit("bob", "builder", HERE).role is Role.MEMBER


def test_a_role_for_what_cannot_be_a_name_is_an_error():
    with pytest.raises(ValueError, match="a name has"):
        Gate(MemoryBackend({}), roles={"a b": Role.ADMIN})


@pytest.mark.parametrize(
    "answer",
    [
        RuntimeError("lost"),
        KeyError("alice"),
        AccountsError("users.yaml: broken"),
        None,
        False,
        "alice",
        Account("a\nb"),
    ],
)
def test_a_broken_backend_makes_logins_unavailable_and_is_logged(answer, caplog):
    with caplog.at_level(logging.ERROR), pytest.raises(Unavailable, match="the auth backend failed"):
        Gate(Answering(answer)).admit("alice", "swordfish", HERE)
    [record] = caplog.records
    assert record.getMessage() == "auth backend Answering failed on a login as 'alice'"
    assert "swordfish" not in caplog.text


@pytest.mark.parametrize("answer", [Unavailable("ldap is down"), AuthError("no")])
def test_what_the_backend_says_on_purpose_passes(answer, caplog):
    with pytest.raises(type(answer)) as caught:
        Gate(Answering(answer)).admit("alice", "swordfish", HERE)
    assert caught.value is answer
    assert caplog.records == []


def test_closing_the_gate_closes_the_backend():
    backend = Answering(None)
    Gate(backend).close()
    assert backend.is_closed


class Editable(EditableBackend):
    """Keeps one password for everybody; the errors are what a look at an account, or a change, raises."""

    may_block = False

    def __init__(self, lookup_error=None, change_error=None):
        self.password = "old-pass-word"
        self.lookup_error = lookup_error
        self.change_error = change_error

    def authenticate(self, username, password, context):
        if password != self.password:
            raise Denied("wrong")
        return Account(username)

    def lookup(self, username):
        raise self.lookup_error

    def list(self):
        return []

    def add(self, account, password):
        raise NotImplementedError

    def set_password(self, name, password):
        if self.change_error:
            raise self.change_error
        self.password = password

    def rehash(self, username, password):
        raise self.change_error

    def remove(self, name):
        raise NotImplementedError


@pytest.mark.parametrize(
    "error", [Unavailable("cannot look up"), UnknownUser("removed"), Denied("disabled")], ids=lambda error: str(error)
)
def test_a_changed_password_is_no_refusal_though_the_account_cannot_be_told_then(error):
    backend = Editable(error)
    gate = Gate(backend)
    account = gate.admit("alice", "old-pass-word", HERE)
    assert gate.change_password(account, "old-pass-word", "nine-long-words", HERE) is account
    assert backend.password == "nine-long-words"


def test_a_disabled_account_is_known_to_whoever_keeps_order_though_nothing_opens_it(gate, tmp_path):
    users = {"Dave": {"password": "looking-glass", "role": "moderator", "disabled": True}}
    file = tmp_path / "users.yaml"
    file.write_text("Dave: {password: looking-glass, role: moderator, disabled: true}\n")
    for backend in (
        MemoryBackend(users),
        YamlBackend(file),
        Chain([("a", MemoryBackend({})), ("b", YamlBackend(file))]),
    ):
        disabled = Gate(backend)
        assert disabled.account_named("dave") == Account("Dave", Role.MODERATOR)
        with pytest.raises(Denied):
            disabled.standing(Account("Dave"), HERE)
        with refused(NoSuchAccount("eve")):
            disabled.account_named("eve")


def test_of_an_account_that_a_backend_refuses_to_tell_of_there_is_none():
    with refused(NoSuchAccount("alice")):
        Gate(Editable(Denied("not here"))).account_named("alice")


FOREIGN = [RuntimeError("lost"), SystemExit(1), GeneratorExit(), NotImplementedError()]


@pytest.mark.parametrize("error", FOREIGN, ids=repr)
def test_a_backend_that_breaks_on_a_new_password_ends_no_session_and_is_logged(error, caplog):
    gate = Gate(Chain([("club", Editable(change_error=error))]))
    account = gate.admit("alice", "old-pass-word", HERE)
    with refused(PasswordChangesFail()):
        gate.change_password(account, "old-pass-word", "nine-long-words", HERE)
    [record] = caplog.records
    assert record.getMessage() == "auth backend club failed on a new password for 'alice'"
    assert record.exc_info
    assert "nine-long-words" not in caplog.text


@pytest.mark.parametrize("error", [AccountsError("the disk is full"), Denied("not here")], ids=str)
def test_a_backend_that_refuses_a_new_password_is_logged_in_its_words(error, caplog):
    gate = Gate(Editable(change_error=error))
    account = gate.admit("alice", "old-pass-word", HERE)
    with refused(PasswordChangesFail()):
        gate.change_password(account, "old-pass-word", "nine-long-words", HERE)
    assert [record.getMessage() for record in caplog.records] == [f"the password of 'alice' was not changed: {error}"]


def test_a_new_password_that_cannot_be_hashed_now_is_an_outage():
    gate = Gate(Editable(change_error=Unavailable("too many")))
    account = gate.admit("alice", "old-pass-word", HERE)
    with pytest.raises(Unavailable):
        gate.change_password(account, "old-pass-word", "nine-long-words", HERE)


@pytest.mark.parametrize("error", FOREIGN, ids=repr)
def test_a_backend_that_breaks_on_a_rehash_ends_no_session_and_is_logged_once(error, caplog):
    gate = Gate(Editable(change_error=error))
    account = gate.admit("alice", "old-pass-word", HERE)
    gate.rehash(account, "old-pass-word")
    gate.rehash(account, "old-pass-word")
    [record] = caplog.records
    assert record.getMessage() == (
        "weak hashes are not replaced any more until the server starts again: "
        "auth backend Editable failed on that of 'alice'"
    )
    assert record.exc_info


def test_ctrl_c_is_no_failure_of_a_backend():
    gate = Gate(Editable(change_error=KeyboardInterrupt()))
    account = gate.admit("alice", "old-pass-word", HERE)
    with pytest.raises(KeyboardInterrupt):
        gate.change_password(account, "old-pass-word", "nine-long-words", HERE)
    with pytest.raises(KeyboardInterrupt):
        gate.rehash(account, "old-pass-word")


def test_a_name_that_is_spelled_anew_in_the_file_stays_as_it_is_in_the_chat(tmp_path):
    path = tmp_path / "users.yaml"
    path.write_text("alice: old-pass-word\n")
    path.chmod(0o600)
    gate = Gate(YamlBackend(path))
    account = gate.admit("alice", "old-pass-word", HERE)
    path.write_text("Alice: {password: old-pass-word, role: moderator}\n")
    now = gate.standing(account, HERE)
    assert (now.name, now.role) == ("alice", Role.MODERATOR)
    assert gate.change_password(account, "old-pass-word", "nine-long-words", HERE).name == "alice"
    gate.close()
