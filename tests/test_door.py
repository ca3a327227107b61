"""The door as the settings describe it: labels, chains, and which backend the command line edits."""

from pathlib import Path

import pytest

from chatsrv.auth.backend import LoginContext
from chatsrv.auth.hashfile import HashedBackend
from chatsrv.auth.yamlfile import YamlBackend
from chatsrv.door import accounts_of, check_new_account, editable_backend_of, gate_of, labels_of
from chatsrv.errors import AccountsError, Denied, Refused, UnknownUser
from chatsrv.settings import Settings

HERE = LoginContext("192.0.2.1")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Return settings with one backend of each kind."""
    (tmp_path / "users.yaml").write_text("bob: {password: builder, role: moderator}\ncarol: christmas\n")
    (tmp_path / "users.htpasswd").write_text("")
    return Settings.model_validate(
        {
            "server": {"name": "chat"},
            "listeners": [{"protocol": "plain", "port": 0}],
            "auth": [
                {"backend": "memory", "users": {"alice": "wonderland", "carol": "other"}},
                {"backend": "yaml", "path": str(tmp_path / "users.yaml")},
                {"backend": "hashed", "path": str(tmp_path / "users.htpasswd")},
            ],
            "roles": {"admin": ["BOB"]},
            "login": {"guesses_per_account": 2},
        }
    )


def test_the_gate_asks_the_backends_in_the_order_of_the_settings(settings: Settings) -> None:
    gate = gate_of(settings)
    assert gate.admit("alice", "wonderland", HERE).name == "alice"
    assert gate.admit("bob", "builder", HERE).role == "admin"
    with pytest.raises(Denied, match=r"^memory: the password for account 'carol' is wrong"):
        gate.admit("carol", "christmas", HERE)
    with pytest.raises(UnknownUser, match=r"^memory: .*; yaml users\.yaml: .*; hashed users\.htpasswd: there is no"):
        gate.admit("mallory", "wonderland", HERE)
    gate.close()


def test_the_policy_of_the_settings_holds(settings: Settings) -> None:
    gate = gate_of(settings)
    for number in range(5):
        with pytest.raises(Denied):
            gate.admit("alice", f"guess {number}", HERE)
    assert gate.count().penalties.penalised == 3
    gate.close()


def test_backends_of_the_same_kind_and_file_name_have_labels_of_their_own(settings: Settings) -> None:
    assert labels_of(settings) == ("memory", "yaml users.yaml", "hashed users.htpasswd")
    twice = settings.model_copy(update={"auth": (*settings.auth, *settings.auth)})
    assert labels_of(twice)[3:] == ("memory #2", "yaml users.yaml #2", "hashed users.htpasswd #2")


def test_all_accounts_are_listed_the_first_of_a_name_with_its_role(settings: Settings) -> None:
    accounts = accounts_of(settings)
    assert accounts
    assert [(account.name, account.role) for account in accounts] == [
        ("alice", "member"),
        ("carol", "member"),
        ("bob", "admin"),
    ]


@pytest.mark.parametrize(
    ("choice", "kind"),
    [
        ("yaml", YamlBackend),
        ("2", YamlBackend),
        ("hashed users.htpasswd", HashedBackend),
        ("hashed", HashedBackend),
        ("3", HashedBackend),
    ],
)
def test_the_backend_to_edit_can_be_chosen(settings: Settings, choice: str, kind: type) -> None:
    assert type(editable_backend_of(settings, "chat.yaml", choice)) is kind


def test_one_editable_backend_need_not_be_chosen(settings: Settings) -> None:
    fewer = settings.model_copy(update={"auth": settings.auth[:2]})
    assert type(editable_backend_of(fewer, "chat.yaml")) is YamlBackend


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        ("", "not clear which backend is meant; accepted is 'yaml users.yaml', 'hashed users.htpasswd', or its number"),
        ("ldap", "there is no backend ldap under auth; accepted is 'memory', 'yaml users.yaml'"),
        ("4", "there is no backend 4 under auth"),
        ("memory", "the accounts of the memory backend cannot be edited from here"),
    ],
)
def test_a_choice_that_leads_nowhere_is_told(settings: Settings, choice: str, told: str) -> None:
    with pytest.raises(AccountsError) as caught:
        editable_backend_of(settings, "chat.yaml", choice)
    assert str(caught.value).startswith("chat.yaml: ")
    assert told in str(caught.value)


def test_a_new_account_must_look_like_none_of_any_backend_nor_like_the_server(settings: Settings) -> None:
    for name in ("a1ice", "b0b", "CHAT", "\u0441hat", "adm1n"):
        with pytest.raises(AccountsError, match=r"looks like|is reserved"):
            check_new_account(settings, name)
    check_new_account(settings, "dave")


def test_a_new_password_in_the_chat_is_neither_the_name_of_the_account_nor_of_the_server(settings: Settings) -> None:
    server = settings.server.model_copy(update={"name": "chathouse"})
    gate = gate_of(settings.model_copy(update={"server": server}))
    bob = gate.admit("bob", "builder", HERE)
    for weak in ("ChatHouse", "chathouse1", "bob!!!!!"):
        with pytest.raises(Refused, match="is not the name of the account or the server; this one is"):
            gate.change_password(bob, "builder", weak, HERE)
    gate.close()


def test_a_new_password_in_the_chat_is_held_against_the_floor_of_the_settings(settings: Settings) -> None:
    gate = gate_of(settings)
    bob = gate.admit("bob", "builder", HERE)
    for weak in ("short", "password1", "bob"):
        with pytest.raises(
            Refused, match=r"The new one cannot be a password; a new password has at least 8 characters"
        ):
            gate.change_password(bob, "builder", weak, HERE)
    gate.change_password(bob, "builder", "bricks and mortar", HERE)
    assert gate.admit("bob", "bricks and mortar", HERE).name == "bob"
    gate.close()
