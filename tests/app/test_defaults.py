"""Every default stands once: what a setting has, the constructor that it feeds has as the same value, or has none."""

import ast
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import chatsrv
from chatsrv.auth.backends.program import CommandBackend
from chatsrv.auth.hashing import Hasher
from chatsrv.auth.knownplaces import KnownPlaces
from chatsrv.auth.rates import Rate
from chatsrv.auth.workers import Workers
from chatsrv.model.history import CatchingUp
from chatsrv.model.limits import Limits
from chatsrv.model.loginpolicy import LoginPolicy
from chatsrv.net.listening.turnstile import Turnstile
from chatsrv.roomlog.memory import MemoryStore
from chatsrv.roomlog.sqlite.store import SqliteStore
from chatsrv.settings import CommandAuth, MemoryHistory, SqliteHistory
from chatsrv.settings.manual import declared_keys
from chatsrv.sharing.flood import Buckets

ROOT = Path(chatsrv.__file__).parent

# Settings that are handed on one by one. A section that is handed on whole, such as `limits`, has its defaults itself.
FEEDS: list[tuple[type, str, Callable[..., Any], str]] = [
    (Limits, "connections", Turnstile, "total"),
    (Limits, "connections_per_address", Turnstile, "per_site"),
    (Limits, "connections_per_account", Turnstile, "per_account"),
    (Limits, "strangers", Turnstile, "strangers"),
    (Limits, "strangers_per_address", Turnstile, "strangers_per_site"),
    (Limits, "messages_per_second", Buckets, "per_second"),
    (Limits, "burst", Buckets, "burst"),
    (LoginPolicy, "known_days", KnownPlaces, "keep_days"),
    (LoginPolicy, "password_changes_per_hour", Rate, "most"),
    (LoginPolicy, "hashes_at_once", Hasher, "at_work"),
    (LoginPolicy, "hashes_waiting", Hasher, "waiting"),
    (LoginPolicy, "hash_wait_seconds", Hasher, "waiting_seconds"),
    (LoginPolicy, "new_hashes", Hasher, "kind"),
    (LoginPolicy, "rehash", Hasher, "renews"),
    (LoginPolicy, "backend_seconds", Workers, "seconds"),
    (LoginPolicy, "backend_calls", Workers, "most"),
    (CommandAuth, "processes", CommandBackend, "processes"),
    (CommandAuth, "keep_running", CommandBackend, "keep_running"),
    (CommandAuth, "answer_seconds", CommandBackend, "answer_seconds"),
    (MemoryHistory, "keep_entries", MemoryStore, "keep_entries"),
    (MemoryHistory, "catch_up_entries", CatchingUp, "entries"),
    (MemoryHistory, "newcomer_entries", CatchingUp, "newcomer_entries"),
    (SqliteHistory, "durability", SqliteStore, "durability"),
    (SqliteHistory, "keep_entries", SqliteStore, "keep_entries"),
    (SqliteHistory, "keep_days", SqliteStore, "keep_days"),
    (SqliteHistory, "catch_up_entries", CatchingUp, "entries"),
    (SqliteHistory, "newcomer_entries", CatchingUp, "newcomer_entries"),
]
GENERAL = {"name", "path", "room", "host", "port", "users", "create", "default"}
"""Names of settings that other parameters have, too."""

HOMES = {"settings", "model"}
"""Where defaults may stand as numbers and words."""


@pytest.mark.parametrize(("section", "key", "factory", "name"), FEEDS)
def test_a_constructor_has_the_default_of_the_setting_or_none(
    section: Any, key: str, factory: Callable[..., Any], name: str
) -> None:
    default = inspect.signature(factory).parameters[name].default
    assert default in (inspect.Parameter.empty, None) or default is section.model_fields[key].default


def doubles(source: str, names: set[str]) -> Iterator[tuple[int, str]]:
    """Yield line and name of every parameter and field of these names whose default is written out as a constant."""
    for node in ast.walk(ast.parse(source)):
        found: list[tuple[str, ast.expr | None]] = []
        if isinstance(node, ast.FunctionDef | ast.Lambda):
            positional = (*node.args.posonlyargs, *node.args.args)[::-1]
            found += [(arg.arg, value) for arg, value in zip(positional, node.args.defaults[::-1], strict=False)]
            found += [(arg.arg, value) for arg, value in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)]
        elif isinstance(node, ast.ClassDef):
            found += [
                (field.target.id, field.value)
                for field in node.body
                if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)
            ]
        for name, value in found:
            if name in names and isinstance(value, ast.Constant) and value.value is not None:
                yield value.lineno, name


def names_of_settings() -> set[str]:
    """Return what settings are called, and the parameters that they feed; without words that mean many things."""
    keys = {key.rpartition(".")[2] for key in declared_keys() if "." in key}
    return {*keys, *(name for _, _, _, name in FEEDS)} - GENERAL


def test_no_default_of_a_setting_is_written_a_second_time() -> None:
    files = [file for file in ROOT.rglob("*.py") if file.relative_to(ROOT).parts[0] not in HOMES]
    assert [
        f"{file.relative_to(ROOT)}:{line} {name}"
        for file in files
        for line, name in doubles(file.read_text(), names_of_settings())
    ] == []


@pytest.mark.parametrize(
    "source",
    [
        "def store(keep_entries: int = 10_000): ...",
        "def store(path, /, *, durability='process', lock_seconds=5.0): ...",
        "class Rules(NamedTuple):\n    quiet_above: int = 200",
        "class Backend:\n    def __init__(self, command, *, keep_running: bool = False) -> None: ...",
    ],
)
def test_a_default_that_is_written_a_second_time_is_found(source: str) -> None:
    assert list(doubles(source, names_of_settings()))


@pytest.mark.parametrize(
    "source",
    [
        "def store(keep_entries: int = MEMORY_KEEP_ENTRIES): ...",
        "def store(keep_entries: int, lock_seconds: float = 5.0): ...",
        "def server(connections: int | None = None): ...",
    ],
)
def test_the_default_of_the_setting_itself_and_none_are_fine(source: str) -> None:
    assert not list(doubles(source, names_of_settings()))
