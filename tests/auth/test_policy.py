"""What the gate adds to any backend by its policy: penalties, a deadline, a place in the line, renewed hashes."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatsrv.auth.backend import AuthBackend, LoginContext
from chatsrv.auth.backends.htpasswd import HashedBackend
from chatsrv.auth.backends.memory import MemoryBackend
from chatsrv.auth.backends.yaml import YamlBackend
from chatsrv.auth.chain import Answer, Chain, Outcome
from chatsrv.auth.gate import Gate
from chatsrv.auth.hashing import Hasher
from chatsrv.model.accounts import Account
from chatsrv.model.errors import AccountsError, AuthError, Denied, Penalised, Unavailable, UnknownUser
from chatsrv.model.loginpolicy import LoginPolicy
from tests.auth.counting import CountingHasher

HERE, ELSEWHERE = LoginContext("192.0.2.1"), LoginContext("198.51.100.1")
DEADLINE_SECONDS = 30
WEAK, TODAY = Hasher(memory_kib=8, passes=1), Hasher(memory_kib=16, passes=1)
STORED = WEAK.hash("wonderland")


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


class Asked(AuthBackend):
    """Knows alice, and remembers what it was asked."""

    may_block = False

    def __init__(self):
        self.asked = []

    def authenticate(self, username, password, context):
        self.asked.append((username, password))
        if username != "alice":
            raise UnknownUser("who?")
        if password != "wonderland":
            raise Denied("wrong")
        return Account("alice")


def policy(**values):
    return LoginPolicy(**{"guesses_per_address": 6, "guesses_per_account": 3, **values})


def refused(gate, name="alice", password="wrong", context=HERE):
    with pytest.raises(AuthError) as caught:
        gate.admit(name, password, context)
    return caught.value


def test_a_penalised_login_reaches_no_backend_and_costs_no_hash():
    backend, hasher, clock = Asked(), CountingHasher(), Clock()
    gate = Gate(backend, hasher=hasher, policy=policy(), clock=clock)
    for number in range(3):
        assert type(refused(gate, password=f"guess {number}")) is Denied
    assert hasher.hashes == len(backend.asked) == 3
    error = refused(gate, password="wonderland")
    assert isinstance(error, Penalised)
    assert hasher.hashes == len(backend.asked) == 3
    assert gate.admit("alice", "wonderland", ELSEWHERE).name == "alice"
    clock.now += error.seconds
    assert gate.admit("alice", "wonderland", HERE).name == "alice"


def test_the_name_is_one_whatever_its_spelling():
    gate = Gate(Asked(), policy=policy())
    names = ["alice", "ALICE", "\uff21lice", "Alice"]
    assert [type(refused(gate, name, f"guess {name}")) for name in names] == [Denied] * 3 + [Penalised]


def test_what_cannot_be_a_name_or_a_password_counts_too():
    gate = Gate(Asked(), policy=policy())
    assert [type(refused(gate, name=f"a {number}")) for number in range(5)] == [UnknownUser] * 3 + [Penalised] * 2
    assert [type(refused(gate, f"user{number}", "\0")) for number in range(5)] == [Denied] * 3 + [Penalised] * 2


def test_the_right_password_from_the_wrong_network_counts_and_costs_as_a_wrong_one():
    hasher = CountingHasher()
    backend = MemoryBackend({"alice": {"password": "wonderland", "from": ["10.0.0.0/8"]}}, hasher=hasher)
    gate = Gate(backend, hasher=hasher, policy=policy())
    assert type(refused(gate, password="wonderland")) is Denied
    assert hasher.hashes == 1
    assert [type(refused(gate, password=f"{number}")) for number in range(3)] == [Denied, Denied, Penalised]


def test_an_outage_does_not_count():
    class Away(AuthBackend):
        may_block = False

        def authenticate(self, username, password, context):
            raise Unavailable("away")

    gate = Gate(Away(), policy=policy())
    assert {type(refused(gate, password=f"{number}")) for number in range(50)} == {Unavailable}


def test_a_backend_that_hangs_makes_logins_unavailable_and_no_more_threads_than_allowed():
    class Hanging(AuthBackend):
        let_go = threading.Event()

        def authenticate(self, username, password, context):
            assert self.let_go.wait(DEADLINE_SECONDS)
            return Account(username)

    gate = Gate(Hanging(), policy=policy(backend_seconds=0.001, backend_calls=2))
    before = threading.active_count()
    try:
        for _ in range(10):
            assert type(refused(gate)) is Unavailable
        assert threading.active_count() <= before + 2
        assert gate.count().hanging == 2
        with pytest.raises(Unavailable):
            gate.standing(Account("alice"), HERE)
    finally:
        Hanging.let_go.set()


def test_a_hash_that_a_blocking_backend_worked_on_is_not_paid_for_twice():
    hasher = CountingHasher()

    class Far(AuthBackend):
        def authenticate(self, username, password, context):
            return MemoryBackend({"alice": {"password_hash": hashed}}, hasher=hasher).authenticate(
                username, password, context
            )

    hashed = hasher.hash("wonderland")
    gate = Gate(Far(), hasher=hasher, policy=policy(guesses_per_address=0, guesses_per_account=0))
    for name in ("alice", "mallory"):
        before = hasher.hashes
        refused(gate, name)
        assert hasher.hashes == before + 1, name


def test_when_the_line_for_hashing_is_too_long_login_is_not_possible():
    hasher = Hasher.of(LoginPolicy(hashes_at_once=1, hashes_waiting=0))
    go_on, begun = threading.Event(), threading.Event()

    def hold():
        begun.set()
        assert go_on.wait(DEADLINE_SECONDS)

    class Held(MemoryBackend):
        def authenticate(self, username, password, context):
            hasher._turns.take(hold)
            return super().authenticate(username, password, context)

    gate = Gate(Held({"alice": "wonderland"}, hasher=hasher), hasher=hasher)
    other = Gate(MemoryBackend({"bob": {"password_hash": STORED}}, hasher=hasher), hasher=hasher)
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(gate.admit, "alice", "wonderland", HERE)
        assert begun.wait(DEADLINE_SECONDS)
        assert type(refused(other, "bob", "wonderland")) is Unavailable
        go_on.set()
        assert job.result().name == "alice"
    assert other.admit("bob", "wonderland", HERE).name == "bob"


def test_what_each_backend_answers_is_told_and_counted():
    gate = Gate(Chain([("first", MemoryBackend({})), ("second", Asked())]), policy=policy())
    heard = []
    gate.admit("alice", "wonderland", HERE, heard=heard.append)
    assert [(answer.label, answer.outcome) for answer in heard] == [
        ("first", Outcome.UNKNOWN),
        ("second", Outcome.ADMITTED),
    ]
    assert isinstance(heard[0], Answer)
    for number in range(5):
        refused(gate, password=f"{number}")
    count = gate.count()
    assert {(answer.label, answer.outcome): answer.times for answer in count.answers if answer.times} == {
        ("first", Outcome.UNKNOWN): 4,
        ("second", Outcome.ADMITTED): 1,
        ("second", Outcome.DENIED): 3,
    }
    assert count.penalties.penalised == 2


def test_exempt_networks_come_from_the_policy():
    gate = Gate(Asked(), policy=policy(exempt_networks=(ip_network("192.0.2.0/24"),)))
    assert {type(refused(gate, password=f"{number}")) for number in range(20)} == {Denied}


# ---------------------------------------------------------------------- every refusal costs the same

SECRETS = {
    "clear": {"password": "wonderland"},
    "weak": {"password_hash": STORED},
    "strong": {"password_hash": TODAY.hash("wonderland")},
    "elsewhere": {"password_hash": TODAY.hash("wonderland"), "from": ["10.0.0.0/8"]},
}


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.dictionaries(st.sampled_from(["alice", "bob", "carol"]), st.sampled_from(sorted(SECRETS))), min_size=1),
    st.sampled_from(["alice", "bob", "carol", "mallory"]),
    st.sampled_from(["wonderland", "wrong", "x" * 1000]),
)
def test_every_refusal_costs_one_hash_whatever_the_chain_holds(backends, name, password):
    hasher = CountingHasher()
    links = [
        (f"number {number}", MemoryBackend({user: SECRETS[kind] for user, kind in users.items()}, hasher=hasher))
        for number, users in enumerate(backends)
    ]
    gate = Gate(Chain(links), hasher=hasher)
    try:
        gate.admit(name, password, HERE)
    except AuthError:
        assert hasher.hashes == 1


# ---------------------------------------------------------------------- weak hashes are renewed


@pytest.fixture(params=[YamlBackend, HashedBackend])
def stored(request, tmp_path):
    """Return a backend on a file with a weak hash, and the file."""
    path = tmp_path / "users"
    path.write_text(f"alice: {{password_hash: '{STORED}'}}\n" if request.param is YamlBackend else f"alice:{STORED}\n")
    path.chmod(0o600)
    return request.param(path, hasher=TODAY), path


def test_a_login_renews_a_weak_hash_and_the_account_is_the_same(stored, caplog):
    backend, path = stored
    gate = Gate(backend, hasher=TODAY)
    account = gate.admit("alice", "wonderland", HERE)
    with caplog.at_level(logging.INFO):
        gate.rehash(account, "wonderland")
    assert STORED not in path.read_text()
    assert "$m=16,t=1" in path.read_text()
    assert "the hash of the password of 'alice' was weaker" in caplog.text
    assert "wonderland" not in caplog.text
    assert gate.admit("alice", "wonderland", HERE).credential == account.credential
    assert gate.standing(account, HERE).credential == account.credential
    backend.set_password("alice", "wonderland")
    assert gate.standing(account, HERE).credential != account.credential


def test_a_strong_hash_stays(stored):
    backend, path = stored
    backend.set_password("alice", "wonderland")
    gate = Gate(backend, hasher=TODAY)
    before = path.read_text()
    gate.rehash(gate.admit("alice", "wonderland", HERE), "wonderland")
    assert path.read_text() == before


def test_a_password_in_clear_stays_as_it_was_written(tmp_path):
    path = tmp_path / "users.yaml"
    path.write_text("alice: wonderland\n")
    gate = Gate(YamlBackend(path, hasher=TODAY), hasher=TODAY)
    gate.rehash(gate.admit("alice", "wonderland", HERE), "wonderland")
    assert path.read_text() == "alice: wonderland\n"


def test_hashes_stay_if_the_policy_says_so(stored):
    backend, path = stored
    gate = Gate(backend, hasher=TODAY, policy=LoginPolicy(rehash=False))
    gate.rehash(gate.admit("alice", "wonderland", HERE), "wonderland")
    assert STORED in path.read_text()


def test_a_wrong_password_renews_nothing(stored):
    backend, path = stored
    assert not backend.rehash("alice", "wrong")
    assert not backend.rehash("mallory", "wonderland")
    assert STORED in path.read_text()


@pytest.mark.parametrize("edit", ["set_password", "remove"])
def test_an_edit_in_between_wins(tmp_path, edit):
    path = tmp_path / "users.yaml"
    path.write_text(f"alice: {{password_hash: '{STORED}'}}\n")
    path.chmod(0o600)

    class Overtaken(Hasher):
        """Somebody edits the account while the new hash is made."""

        def hash(self, password):
            administrator = YamlBackend(path, hasher=WEAK)
            if edit == "remove":
                administrator.remove("alice")
            else:
                administrator.set_password("alice", "looking-glass")
            return super().hash(password)

    backend = YamlBackend(path, hasher=Overtaken(memory_kib=16, passes=1))
    backend.authenticate("alice", "wonderland", HERE)
    assert not backend.rehash("alice", "wonderland")
    if edit == "remove":
        assert backend.list() == []
    else:
        assert WEAK.verify("looking-glass", path.read_text().split("'")[1])


def test_two_logins_at_once_renew_it_once(stored):
    backend, _ = stored
    start = threading.Barrier(4)

    def renew(_):
        start.wait(DEADLINE_SECONDS)
        return backend.rehash("alice", "wonderland")

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(renew, range(4))) == 1
    assert backend.authenticate("alice", "wonderland", HERE).name == "alice"


def test_a_store_that_cannot_be_changed_is_logged_once_and_the_login_stands(stored, monkeypatch, caplog):
    backend, path = stored
    gate = Gate(backend, hasher=TODAY)
    account = gate.admit("alice", "wonderland", HERE)

    def fail(*_):
        raise AccountsError("users: cannot be changed")

    monkeypatch.setattr(backend, "_change", fail)
    with caplog.at_level(logging.WARNING):
        gate.rehash(account, "wonderland")
        gate.rehash(account, "wonderland")
    [record] = caplog.records
    assert "weak hashes are not replaced any more until the server starts again" in record.getMessage()
    assert STORED in path.read_text()
