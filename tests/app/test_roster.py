"""The roster: all accounts behind the door, and which backend the command line edits."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chatsrv.app.roster import Roster
from chatsrv.auth.backends.htpasswd import HashedBackend
from chatsrv.auth.backends.yaml import YamlBackend
from chatsrv.model.errors import AccountsError
from chatsrv.settings import Settings
from tests.house import settings_with_each_backend


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_with_each_backend(tmp_path)


@pytest.fixture
def roster(settings: Settings) -> Iterator[Roster]:
    with Roster(settings, "chat.yaml") as roster:
        yield roster


def test_all_accounts_are_listed_the_first_of_a_name_with_its_role_and_backend(roster: Roster) -> None:
    roster.editable("yaml").set_disabled("bob", True)
    accounts = roster.accounts()
    assert accounts
    assert [(one.account.name, one.account.role, one.label, one.is_disabled) for one in accounts] == [
        ("alice", "member", "memory", False),
        ("carol", "member", "memory", False),
        ("bob", "admin", "yaml users.yaml", True),
    ]


def test_what_is_disabled_in_a_later_backend_alone_is_not_disabled(roster: Roster) -> None:
    roster.editable("yaml").set_disabled("carol", True)
    assert not any(one.is_disabled for one in roster.accounts() or ())


def test_each_backend_is_opened_once(roster: Roster) -> None:
    assert roster.editable("yaml") is roster.editable("2")


def test_a_broken_file_that_nobody_asks_for_is_no_obstacle(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "users.yaml").write_text("[")
    with Roster(settings, "chat.yaml") as roster:
        assert roster.editable("hashed").list() == []
        with pytest.raises(AccountsError, match=r"users\.yaml:2: this is not YAML"):
            roster.accounts()


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
def test_the_backend_to_edit_can_be_chosen(roster: Roster, choice: str, kind: type) -> None:
    assert type(roster.editable(choice)) is kind


def test_one_editable_backend_need_not_be_chosen(settings: Settings) -> None:
    with Roster(settings.model_copy(update={"auth": settings.auth[:2]}), "chat.yaml") as roster:
        assert type(roster.editable()) is YamlBackend


@pytest.mark.parametrize(
    ("choice", "told"),
    [
        (
            "",
            "it is not clear which backend is meant; accepted after --backend is 'yaml users.yaml', "
            "'hashed users.htpasswd', or its number in the order of the settings",
        ),
        ("ldap", "there is no backend ldap under auth; accepted after --backend is 'memory', 'yaml users.yaml'"),
        ("4", "there is no backend 4 under auth"),
        ("memory", "of the memory backend cannot be edited from here; "),
        ("memory", "; or choose another backend with --backend"),
    ],
)
def test_a_choice_that_leads_nowhere_is_told(roster: Roster, choice: str, told: str) -> None:
    with pytest.raises(AccountsError) as caught:
        roster.editable(choice)
    assert str(caught.value).startswith("chat.yaml: ")
    assert told in str(caught.value)


def test_where_there_is_one_backend_none_is_to_be_chosen(settings: Settings) -> None:
    with (
        Roster(settings.model_copy(update={"auth": settings.auth[:1]}), "chat.yaml") as roster,
        pytest.raises(
            AccountsError, match=r"^chat\.yaml: the accounts of the memory .* auth\.backend to yaml or hashed$"
        ),
    ):
        roster.editable()


def test_a_new_account_must_look_like_none_of_any_backend_nor_like_the_server(roster: Roster) -> None:
    for name in ("a1ice", "b0b", "CHAT", "\u0441hat", "adm1n"):
        with pytest.raises(AccountsError, match=r"looks like|is reserved"):
            roster.check_new_account(name)
    roster.check_new_account("dave")
