"""New hashes as bcrypt, for a file that Apache's htpasswd reads and writes in turn."""

import shutil
import subprocess

import pytest

from chatsrv.auth.backend import LoginContext
from chatsrv.auth.backends.htpasswd import HashedBackend
from chatsrv.auth.gate import Gate
from chatsrv.auth.hashing import Hasher, counted_work
from chatsrv.model.accounts import Account
from chatsrv.model.errors import AccountsError, Denied, UnknownUser
from chatsrv.model.loginpolicy import LoginPolicy
from chatsrv.model.refusals import PasswordUnfit
from tests.refusing import refused

HERE = LoginContext("127.0.0.1")
ARGON2 = Hasher(memory_kib=8, passes=1)
BCRYPT = Hasher(kind="bcrypt", bcrypt_cost=4)
LONG = "än" * 24 + "!x"  # 74 bytes

HTPASSWD = shutil.which("htpasswd")
with_apache = pytest.mark.skipif(HTPASSWD is None, reason="needs Apache's htpasswd")


def apache(*arguments: str) -> bool:
    return subprocess.run([str(HTPASSWD), *arguments], capture_output=True, check=False).returncode == 0


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "users.htpasswd"
    path.write_text(f"alice:{ARGON2.hash('wonderland')}\n")
    path.chmod(0o600)
    return path


@pytest.fixture
def backend(path):
    return HashedBackend(path, hasher=BCRYPT)


def gate_before(backend):
    return Gate(backend, hasher=BCRYPT)


def test_the_policy_says_what_new_hashes_are():
    stored = Hasher.of(LoginPolicy(new_hashes="bcrypt")).hash("secret")
    assert stored.startswith("$2y$10$")
    assert Hasher.of(LoginPolicy()).hash("secret").startswith("$argon2id$")
    assert BCRYPT.verify("secret", stored)


def test_enough_cost_is_not_weak_and_another_kind_is_not_like_new_ones():
    ten = Hasher(kind="bcrypt")
    hashes = {cost: Hasher(kind="bcrypt", bcrypt_cost=cost).hash("secret") for cost in (4, 9, 10, 11)}
    assert {cost: ten.is_weaker(stored) for cost, stored in hashes.items()} == {4: True, 9: True, 10: False, 11: False}
    assert not ten.is_weaker(hashes[10].replace("$2y$", "$2b$"))
    assert ten.is_weaker(Hasher().hash("secret"))
    assert Hasher().is_weaker(hashes[11])


def test_a_new_password_that_bcrypt_would_cut_is_refused(backend, path):
    before = path.read_text()
    with pytest.raises(AccountsError, match=r"cannot be a password; a new password has at most 72 bytes here"):
        backend.set_password("alice", LONG)
    with pytest.raises(AccountsError, match="72 bytes"):
        backend.add(Account("bob"), LONG)
    gate = gate_before(backend)
    alice = gate.admit("alice", "wonderland", HERE)
    with refused(PasswordUnfit("a new password has at most 72 bytes here; this one has more")):
        gate.change_password(alice, "wonderland", LONG, HERE)
    assert path.read_text() == before
    backend.set_password("alice", LONG[1:])


def test_a_login_renews_what_is_of_another_kind_or_too_cheap_and_the_session_stays(backend, path):
    gate = gate_before(backend)
    account = gate.admit("alice", "wonderland", HERE)
    gate.rehash(account, "wonderland")
    stored = path.read_text()
    assert stored.startswith("alice:$2y$04$")
    assert gate.standing(account, HERE).credential == account.credential
    gate.rehash(gate.admit("alice", "wonderland", HERE), "wonderland")
    assert path.read_text() == stored


def test_a_long_password_keeps_its_hash_and_those_of_others_are_renewed_all_the_same(backend, path, caplog):
    path.write_text(f"{path.read_text()}bob:{ARGON2.hash(LONG)}\n")
    gate = gate_before(backend)
    for name, password in (("bob", LONG), ("alice", "wonderland")):
        gate.rehash(gate.admit(name, password, HERE), password)
    alice, bob = path.read_text().splitlines()
    assert alice.startswith("alice:$2y$")
    assert bob.startswith("bob:$argon2id$")
    assert not [record for record in caplog.records if record.levelname != "INFO"]


def test_every_refusal_costs_one_such_hash_however_long_the_password(backend):
    backend.set_password("alice", "wonderland")
    gate = gate_before(backend)
    for name, kind in (("alice", Denied), ("mallory", UnknownUser)):
        for password in ("wrong", LONG):
            with counted_work() as work, pytest.raises(kind):
                backend.authenticate(name, password, HERE)
            assert work.hashes == (kind is Denied)
            with pytest.raises(kind):
                gate.admit(name, password, HERE)


@with_apache
def test_apache_and_we_write_one_file_in_turn_and_each_verifies_what_the_other_wrote(backend, path):
    gate = gate_before(backend)
    assert not apache("-vb", str(path), "alice", "wonderland")  # argon2id: what this setting is for
    gate.rehash(gate.admit("alice", "wonderland", HERE), "wonderland")
    assert apache("-vb", str(path), "alice", "wonderland")
    assert apache("-bB", "-C", "4", str(path), "bob", "builder")
    bob = gate.admit("bob", "builder", HERE)
    gate.change_password(bob, "builder", "bricks and mortar", HERE)
    assert apache("-vb", str(path), "bob", "bricks and mortar")
    assert not apache("-vb", str(path), "bob", "builder")
    backend.add(Account("Zoë"), "sauerkraut")
    assert apache("-vb", str(path), "Zoë", "sauerkraut")
    assert apache("-bB", "-C", "4", str(path), "Zoë", "soup of cabbage")
    assert gate.admit("zoë", "soup of cabbage", HERE).name == "Zoë"
