"""A login with a second factor: what the gate adds to a backend that asks for a code."""

import logging
import threading

import pytest

from chatsrv.auth.backend import AuthBackend, EditableBackend, LoginContext, OneMoreStep
from chatsrv.auth.backends.memory import MemoryBackend
from chatsrv.auth.chain import Answer, Chain, Outcome
from chatsrv.auth.gate import Gate
from chatsrv.model.accounts import Account, Role
from chatsrv.model.errors import Denied, Penalised, TooOften, Unavailable, UnknownUser
from chatsrv.model.login import Challenge
from chatsrv.model.loginpolicy import LoginPolicy
from chatsrv.testing.auth import AuthBackendContract
from tests.auth.codes import CODE, CodeBackend
from tests.auth.counting import CountingHasher

HERE = LoginContext("192.0.2.1", 40000, "test")
USERS = {"Alice": "wonderland", "bob": {"password": "builder", "from": ["127.0.0.0/8"]}}


class TestContract(AuthBackendContract):
    def make_backend(self) -> AuthBackend:
        return CodeBackend(USERS)

    def respond(self, challenge: Challenge) -> str:
        assert challenge == Challenge("Code: ")
        return CODE


def gate_with(backend: AuthBackend | None = None, **policy: float) -> Gate:
    return Gate(backend or CodeBackend(USERS), policy=LoginPolicy(**policy), clock=lambda: 1000.0)


def challenged(
    gate: Gate, password: str = "wonderland", context: LoginContext = HERE, name: str = "alice"
) -> OneMoreStep:
    step = gate.admit(name, password, context)
    assert isinstance(step, OneMoreStep)
    return step


def test_the_code_opens_the_account_that_the_password_is_of() -> None:
    gate = Gate(CodeBackend(USERS), roles={"alice": Role.ADMIN})
    step = challenged(gate)
    assert step.challenge == Challenge("Code: ")
    assert step.respond(CODE) == Account(
        "Alice", Role.ADMIN, credential=MemoryBackend(USERS).lookup("alice").credential
    )


def test_neither_a_wrong_password_nor_an_unknown_name_is_asked_for_a_code() -> None:
    gate = gate_with()
    with pytest.raises(Denied):
        gate.admit("alice", "swordfish", HERE)
    with pytest.raises(UnknownUser):
        gate.admit("mallory", "wonderland", HERE)


def test_a_wrong_code_is_a_wrong_login() -> None:
    gate = gate_with(guesses_per_account=2)
    for code in ("000000", "111111"):
        with pytest.raises(Denied, match="the code for account 'Alice' is wrong"):
            challenged(gate).respond(code)
    with pytest.raises(Penalised):
        gate.admit("alice", "wonderland", HERE)


def test_the_same_wrong_code_again_is_another_guess_as_it_may_be_right_by_now() -> None:
    gate = gate_with(guesses_per_account=3)
    for _ in range(3):
        with pytest.raises(Denied, match="the code"):
            challenged(gate).respond("000000")
    with pytest.raises(Penalised):
        gate.admit("alice", "wonderland", HERE)


def test_a_code_is_refused_unseen_after_too_many_guesses_however_many_passwords_were_right_before() -> None:
    backend = CodeBackend(USERS)
    gate = gate_with(backend, guesses_per_account=2)
    steps = [challenged(gate) for _ in range(3)]
    for step in steps[:2]:
        with pytest.raises(Denied, match="the code"):
            step.respond("000000")
    with pytest.raises(Penalised):
        steps[2].respond(CODE)
    assert backend.codes == ["000000"] * 2


def test_a_right_password_takes_back_nothing_before_the_code_is_right() -> None:
    gate = gate_with(guesses_per_account=2)
    with pytest.raises(Denied):
        gate.admit("alice", "swordfish", HERE)
    with pytest.raises(Denied, match="the code"):
        challenged(gate).respond("000000")
    with pytest.raises(Penalised):
        gate.admit("alice", "wonderland", HERE)


def test_a_right_code_takes_back_what_was_held_against_the_account() -> None:
    gate = gate_with(guesses_per_account=2)
    for _ in range(5):
        with pytest.raises(Denied, match="the code"):
            challenged(gate).respond("000000")
        assert isinstance(challenged(gate).respond(CODE), Account)


def test_challenges_that_nobody_answers_hold_up_no_login_and_count_for_nothing() -> None:
    gate = gate_with(guesses_per_account=1, guesses_per_address=1)
    steps = [challenged(gate) for _ in range(50)]
    assert gate.count().penalties.tallies == 0
    assert isinstance(steps[-1].respond(CODE), Account)


def test_every_wrong_code_costs_a_hash_as_any_refusal_does_and_a_right_one_none() -> None:
    hasher = CountingHasher()
    gate = Gate(CodeBackend(USERS, hasher=hasher), hasher=hasher)
    step, other = challenged(gate), challenged(gate)
    before = hasher.hashes
    with pytest.raises(Denied):
        step.respond("000000")
    assert hasher.hashes == before + 1
    other.respond(CODE)
    assert hasher.hashes == before + 1


@pytest.mark.parametrize("typed", ["", "x" * 1_000_000, "\ud800swordfish", "swordfish\0"])
def test_what_cannot_be_a_code_reaches_neither_the_backend_nor_the_log_and_is_a_guess(typed: str) -> None:
    backend = CodeBackend(USERS)
    gate = gate_with(backend, guesses_per_account=1)
    with pytest.raises(Denied, match="cannot be an answer") as caught:
        challenged(gate).respond(typed)
    assert "swordfish" not in str(caught.value)
    assert backend.codes == []
    with pytest.raises(Penalised):
        gate.admit("alice", "wonderland", HERE)


def test_a_code_is_prepared_as_a_password_is() -> None:
    backend = CodeBackend(USERS)
    with pytest.raises(Denied):
        challenged(gate_with(backend)).respond("a\N{COMBINING ACUTE ACCENT}")
    assert backend.codes == ["á"]


def test_an_account_of_another_network_is_refused_as_by_a_wrong_password_before_any_code() -> None:
    hasher = CountingHasher()
    gate = Gate(CodeBackend(USERS, hasher=hasher), hasher=hasher)
    with pytest.raises(Denied, match="may log in only from"):
        gate.admit("bob", "builder", HERE)
    hashes = hasher.hashes
    with pytest.raises(Denied):
        gate.admit("bob", "burglar", HERE)
    assert hasher.hashes == 2 * hashes


def test_where_accounts_cannot_be_looked_up_one_of_another_network_is_refused_after_the_code() -> None:
    class Unlisted(CodeBackend):
        lookup = AuthBackend.lookup

    gate = gate_with(Unlisted(USERS))
    with pytest.raises(Denied, match="may log in only from"):
        challenged(gate, "builder", name="bob").respond(CODE)
    assert isinstance(challenged(gate, "builder", LoginContext("127.0.0.1"), "bob").respond(CODE), Account)


def test_a_login_in_two_steps_counts_once_for_how_often_an_account_may_log_in() -> None:
    gate = gate_with(logins_per_minute=2)
    for _ in range(2):
        assert isinstance(challenged(gate).respond(CODE), Account)
    with pytest.raises(TooOften):
        challenged(gate).respond(CODE)
    with pytest.raises(TooOften):
        gate.admit("alice", "wonderland", HERE)


def test_passwords_that_are_right_without_a_code_do_not_count_for_how_often_an_account_may_log_in() -> None:
    gate = gate_with(logins_per_minute=1)
    for _ in range(10):
        challenged(gate)
    assert isinstance(challenged(gate).respond(CODE), Account)


@pytest.mark.parametrize("may_block", [True, False])
def test_a_code_is_looked_at_where_a_password_is_as_either_may_hang(may_block: bool) -> None:
    threads: list[threading.Thread] = []
    backend = CodeBackend(USERS, waits=lambda: threads.append(threading.current_thread()))
    backend.may_block = may_block
    challenged(gate_with(backend)).respond(CODE)
    assert [thread is threading.current_thread() for thread in threads] == [not may_block]


def test_a_backend_that_fails_on_the_code_refuses_that_login_and_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail() -> None:
        raise ZeroDivisionError

    with caplog.at_level(logging.ERROR), pytest.raises(Unavailable, match="the auth backend failed: ZeroDivisionError"):
        challenged(gate_with(CodeBackend(USERS, waits=fail))).respond(CODE)
    assert [record.getMessage() for record in caplog.records] == [
        "auth backend CodeBackend failed on a login as 'alice'"
    ]


class Asking(AuthBackend):
    """Asks whatever it was told to ask."""

    may_block = False

    def __init__(self, *challenges: Challenge) -> None:
        self._challenges = challenges

    def authenticate(self, username: str, password: str, context: LoginContext) -> Account | OneMoreStep:
        return self._ask(username, 0)

    def _ask(self, username: str, at: int) -> Account | OneMoreStep:
        if at == len(self._challenges):
            return Account(username)
        return OneMoreStep(self._challenges[at], lambda _: self._ask(username, at + 1))


def test_there_may_be_several_challenges() -> None:
    first, second = Challenge("Colour: ", is_hidden=False), Challenge("Code: ")
    step = challenged(gate_with(Asking(first, second)))
    assert step.challenge == first
    again = step.respond("red")
    assert isinstance(again, OneMoreStep)
    assert again.challenge == second
    assert again.respond(CODE) == Account("alice")


@pytest.mark.parametrize("nonsense", [None, Challenge(None)])  # type: ignore[arg-type]
def test_what_is_no_challenge_refuses_the_login(nonsense: Challenge) -> None:
    with pytest.raises(Unavailable, match="the auth backend failed: TypeError"):
        gate_with(Asking(nonsense)).admit("alice", "wonderland", HERE)


def test_in_a_chain_the_challenge_is_that_of_the_backend_that_knows_the_name() -> None:
    codes = CodeBackend(USERS)
    chain = Chain([("files", MemoryBackend({"carol": "christmas"})), ("codes", codes), ("last", MemoryBackend(USERS))])
    gate, heard = Gate(chain), list[Answer]()
    step = gate.admit("alice", "wonderland", HERE, heard=heard.append)
    assert isinstance(step, OneMoreStep)
    with pytest.raises(Denied, match="codes: the code for account 'Alice' is wrong"):
        step.respond("000000")
    assert [(answer.label, answer.outcome) for answer in heard] == [
        ("files", Outcome.UNKNOWN),
        ("codes", Outcome.CHALLENGED),
        ("codes", Outcome.DENIED),
    ]
    with pytest.raises(UnknownUser):
        chain.vouching("alice")
    challenged(gate).respond(CODE)
    assert chain.vouching("alice") is codes


class EditableCodes(CodeBackend, EditableBackend):
    """Has passwords that can be changed."""

    def set_password(self, name: str, password: str) -> None:
        self.changed = name, password

    def list(self) -> list[Account]:
        return []

    def add(self, account: Account, password: str) -> None: ...

    def remove(self, name: str) -> None: ...


def test_whoever_is_in_changes_the_password_by_the_old_one_alone() -> None:
    backend = EditableCodes(USERS)
    gate = gate_with(backend)
    account = challenged(gate).respond(CODE)
    assert isinstance(account, Account)
    gate.change_password(account, "wonderland", "correct horse battery", HERE)
    assert backend.changed == ("Alice", "correct horse battery")
    with pytest.raises(Denied):
        gate.change_password(account, "swordfish", "correct horse battery", HERE)
