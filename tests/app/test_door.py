"""The door as the settings describe it: labels, chains, and the policy of the gate."""

import re
from contextlib import closing, suppress
from pathlib import Path

import pytest

import chatsrv.auth
from chatsrv.app.door import gate_of, labels_of, places_of, roles_of
from chatsrv.auth.backend import LoginContext
from chatsrv.model.accounts import Role
from chatsrv.model.errors import Denied, Penalised, Refused, UnknownUser
from chatsrv.model.loginpolicy import LoginPolicy
from chatsrv.model.refusals import PasswordUnfit
from chatsrv.settings import MemoryHistory, Roles, Settings, SqliteHistory
from tests.house import settings_with_each_backend
from tests.refusing import refused

HERE = LoginContext("192.0.2.1")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_with_each_backend(tmp_path)


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


def test_roles_are_told_by_name() -> None:
    assert roles_of(Roles(admin=("alice",), moderator=("bob",))) == {"alice": Role.ADMIN, "bob": Role.MODERATOR}


FLOOR = "a new password has at least 8 characters"


def test_a_new_password_in_the_chat_is_neither_the_name_of_the_account_nor_of_the_server(settings: Settings) -> None:
    server = settings.server.model_copy(update={"name": "chathouse"})
    gate = gate_of(settings.model_copy(update={"server": server}))
    bob = gate.admit("bob", "builder", HERE)
    for weak in ("ChatHouse", "chathouse1", "bob!!!!!"):
        with refused(PasswordUnfit(f"{FLOOR} and is not the name of the account or the server; this one is")):
            gate.change_password(bob, "builder", weak, HERE)
    gate.close()


def test_a_new_password_in_the_chat_is_held_against_the_floor_of_the_settings(settings: Settings) -> None:
    gate = gate_of(settings)
    bob = gate.admit("bob", "builder", HERE)
    for weak in ("short", "password1", "bob"):
        with pytest.raises(Refused) as caught:
            gate.change_password(bob, "builder", weak, HERE)
        assert isinstance(caught.value.why, PasswordUnfit)
        assert caught.value.why.accepted.startswith(FLOOR)
    gate.change_password(bob, "builder", "bricks and mortar", HERE)
    assert gate.admit("bob", "bricks and mortar", HERE).name == "bob"
    gate.close()


def office(settings: Settings, history: Path | None, days: int = 90) -> Settings:
    """Return settings with an address that has one guess, and a history in a file."""
    login = LoginPolicy(guesses_per_address=1, known_days=days)
    kept = SqliteHistory(store="sqlite", path=str(history)) if history else MemoryHistory(store="memory")
    return settings.model_copy(update={"login": login, "history": kept})


def is_let_in(settings: Settings, name: str, password: str) -> bool:
    """Tell whether somebody gets in after a start of the server and a wrong login of somebody else."""
    with closing(gate_of(settings, places_of(settings))) as gate:
        with pytest.raises(UnknownUser):
            gate.admit("mallory", "guess", HERE)
        with suppress(Penalised):
            return gate.admit(name, password, HERE).name == name
    return False


def test_whoever_has_logged_in_from_an_address_gets_in_there_after_a_restart(
    settings: Settings, tmp_path: Path
) -> None:
    known = office(settings, tmp_path / "chat.db")
    with closing(gate_of(known, places_of(known))) as gate:
        gate.admit("alice", "wonderland", HERE)
    assert is_let_in(known, "alice", "wonderland")
    assert not is_let_in(known, "bob", "builder")
    assert [file.name for file in tmp_path.glob("chat.db*")] == ["chat.db-known-places"]


def test_without_a_history_in_a_file_or_without_days_nothing_is_remembered(settings: Settings, tmp_path: Path) -> None:
    before = set(tmp_path.iterdir())
    for known in (office(settings, None), office(settings, tmp_path / "chat.db", days=0)):
        with closing(gate_of(known, places_of(known))) as gate:
            gate.admit("alice", "wonderland", HERE)
        assert not is_let_in(known, "alice", "wonderland")
    assert set(tmp_path.iterdir()) == before


def test_the_package_of_the_door_says_what_each_of_its_modules_is_for() -> None:
    columns = re.findall(r"(?m)^    (\S.*?)   ", chatsrv.auth.__doc__ or "")
    described = " ".join(columns).split()
    folder = Path(chatsrv.auth.__file__).parent
    modules = [path.stem for path in folder.iterdir() if not path.stem.startswith("__")]
    assert sorted(described) == sorted(modules)
