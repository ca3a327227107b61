"""Behaviour of chatsrv.auth.backends.memory and of the reading of accounts that all stores share."""

from ipaddress import ip_network

import pytest

from chatsrv.auth.backend import LoginContext
from chatsrv.auth.backends.memory import MemoryBackend
from chatsrv.auth.hashing import Hasher
from chatsrv.model.accounts import Account, Role
from chatsrv.model.errors import AccountsError
from chatsrv.testing.auth import AuthBackendContract

HERE = LoginContext("127.0.0.1")
SHA1 = "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ="


class TestContract(AuthBackendContract):
    def make_backend(self):
        return MemoryBackend({"Alice": "wonderland", "bob": "builder"})


class TestContractWithHashes(AuthBackendContract):
    def make_backend(self):
        hasher = Hasher(memory_kib=8, passes=1)
        return MemoryBackend({"Alice": {"password_hash": hasher.hash("wonderland")}}, hasher=hasher)


def test_an_account_carries_what_its_mapping_says():
    users = {"Alice": {"password": "w", "role": "admin", "from": ["127.0.0.0/8", "::1"]}}
    account = MemoryBackend(users).authenticate("alice", "w", HERE)
    assert account == Account("Alice", Role.ADMIN, (ip_network("127.0.0.0/8"), ip_network("::1")))


@pytest.mark.parametrize(
    ("users", "text"),
    [
        ({"alice": 4711}, "users: the password of 'alice' is a number; write it in quotes"),
        ({"alice": True}, "the password of 'alice' is a yes/no value"),
        ({"alice": None}, "the password of 'alice' is empty"),
        ({"alice": ""}, "the password of 'alice' cannot be one; a password has 1 to 1024 bytes"),
        ({"alice": ["w"]}, "the password of 'alice' is a list"),
        ({"alice": {}}, "account 'alice' has neither password nor password_hash; give it exactly one"),
        ({"alice": {"password": "w", "password_hash": "x"}}, "has both password and password_hash"),
        (
            {"alice": {"password_hash": "topsecret"}},
            "is clear text or a hash of a kind that is not known; accepted are argon",
        ),
        ({"alice": SHA1}, "the password of 'alice' cannot be one; this is a hash: use password_hash, as in `alice: {"),
        ({"alice": {"password": SHA1}}, "the password of 'alice' cannot be one; this is a hash: use password_hash"),
        ({"alice": {"password_hash": SHA1}}, "the password_hash of 'alice' is an unsalted SHA-1 hash; accepted are"),
        ({"alice": {"password": "w", "rôle": "admin"}}, "a key of account 'alice' is 'rôle'; accepted are password, "),
        (
            {"alice": {"password": "w", "role": "king"}},
            "role of 'alice' is 'king'; accepted are admin, moderator, member",
        ),
        ({"alice": {"password": "w", "from": ["10.0.0.7/8"]}}, "'10.0.0.7/8'; accepted is an address or a network"),
        ({"alice": {"password": "w", "from": ["10.0.0.7/8"]}}, "this address lies in 10.0.0.0/8"),
        ({"alice": {"password": "w", "from": []}}, "the `from` of 'alice' is empty; accepted is a list of networks"),
        ({"alice": {"password": "w", "from": "127.0.0.1"}}, "the `from` of 'alice' is text"),
        ({"alice": {"password": "w", "from": [7]}}, "a network of 'alice' is a number"),
        ({"alice": {"password": "w", "disabled": "yes"}}, "the `disabled` of 'alice' is text; accepted are true and"),
        ({"alice": {"password": "w", "disabled": 1}}, "the `disabled` of 'alice' is a number; accepted are true"),
        ({"a b": "w"}, "the name of an account is 'a b'; a name has 1 to 64 bytes"),
        ({7: "w"}, "the name of an account is a number; write it in quotes"),
        ({"alice": "w", "Alice": "v"}, "'Alice'; it is the same as 'alice'; give each account once"),
        (["alice"], "accepted is a mapping"),
    ],
)
def test_what_is_wrong_is_said_with_what_is_accepted(users, text):
    with pytest.raises(AccountsError) as caught:
        MemoryBackend(users)
    assert text in str(caught.value)
    assert "topsecret" not in str(caught.value)
    assert SHA1 not in str(caught.value)


def test_everything_wrong_is_said_at_once():
    with pytest.raises(AccountsError) as caught:
        MemoryBackend({"alice": 1, "bob": {"password": "b", "role": "king", "from": ["x"]}})
    assert len(str(caught.value).splitlines()) == 3
