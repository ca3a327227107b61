"""A `-wal` that stands beside a history which is not its own: it is told before SQLite mixes both."""

import contextlib
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from chatsrv.model.errors import StoreError
from chatsrv.roomlog.sqlite.file import HistoryFile
from chatsrv.roomlog.sqlite.rescue import rescue
from chatsrv.roomlog.sqlite.store import SqliteStore
from chatsrv.testing.roomlog import record
from tests.roomlog.keeping import asked, everything, opened

SUFFIXES = ("", "-wal", "-mark")


def texts(path: Path) -> list[str]:
    with opened(path) as store:
        return [entry.text for entry in everything(store.open("lobby"))]


def leave_as_killed(path: Path, *said: str, **options) -> None:
    """Leave the files as a server does that recorded all that and was killed."""
    with opened(path, **options) as store:
        record(store.open("lobby"), *said)
        files = {suffix: path.with_name(f"{path.name}{suffix}").read_bytes() for suffix in SUFFIXES}
    for suffix, data in files.items():
        path.with_name(f"{path.name}{suffix}").write_bytes(data)


def backup(path: Path, copy: Path) -> None:
    with HistoryFile(path) as file:
        file.backup(copy)


def shell_copy(path: Path, copy: Path) -> None:
    """Copy as `.backup` of the shell does."""
    with contextlib.closing(sqlite3.connect(path)) as source, contextlib.closing(sqlite3.connect(copy)) as target:
        source.backup(target)


def plain_copy(path: Path, copy: Path) -> None:
    copy.write_bytes(path.read_bytes())


@pytest.fixture(params=[backup, shell_copy, plain_copy])
def mixed(path: Path, request: pytest.FixtureRequest) -> Path:
    """Return a history that was killed, with an earlier copy put in its place and the old files beside it."""
    with opened(path) as store:
        record(store.open("lobby"), "old")
    copy = path.with_name("copy")
    request.param(path, copy)
    leave_as_killed(path, "new")
    path.write_bytes(copy.read_bytes())
    return path


@pytest.mark.parametrize(
    "use", [SqliteStore, HistoryFile, lambda path: rescue(path, path.with_name("new"))], ids=["serve", "look", "rescue"]
)
def test_an_old_journal_beside_a_backup_is_told_and_nothing_is_changed(
    mixed: Path, use: Callable[[Path], object]
) -> None:
    before = {suffix: mixed.with_name(f"{mixed.name}{suffix}").read_bytes() for suffix in SUFFIXES}
    with pytest.raises(StoreError, match=r"-wal was left by another history than .*history restore does it right"):
        use(mixed)
    assert {suffix: mixed.with_name(f"{mixed.name}{suffix}").read_bytes() for suffix in SUFFIXES} == before


def test_the_commands_that_are_told_put_it_right(mixed: Path) -> None:
    with pytest.raises(StoreError) as caught:
        SqliteStore(mixed)
    commands = str(caught.value).partition("move it away: ")[2].partition(". Next time")[0]
    subprocess.run(commands, shell=True, check=True)
    assert texts(mixed) == ["old"]


def test_a_journal_without_its_history_is_not_thrown_away(path: Path) -> None:
    leave_as_killed(path, "a")
    data = path.read_bytes()
    path.unlink()
    for _ in range(2):
        with pytest.raises(StoreError, match="was left by another history"):
            SqliteStore(path)
    path.write_bytes(data)
    assert texts(path) == ["a"]


@pytest.mark.parametrize("left", [SUFFIXES, ("", "-wal")])
def test_a_journal_that_is_moved_together_with_its_history_belongs_to_it(path: Path, tmp_path: Path, left) -> None:
    leave_as_killed(path, "a", "b")
    (tmp_path / "elsewhere").mkdir()
    for suffix in left:
        place = path.with_name(f"{path.name}{suffix}")
        (tmp_path / "elsewhere" / place.name).write_bytes(place.read_bytes())
    assert texts(tmp_path / "elsewhere" / path.name) == ["a", "b"]


def test_the_journal_of_a_server_that_was_killed_at_any_moment_belongs_to_its_history(path: Path) -> None:
    with opened(path, look_seconds=3600) as store:
        for number in range(120):
            record(store.open("lobby" if number % 7 else f"room{number}"), "x" * 30 * number)
            if number % 20 == 0:
                asked(path, f"PRAGMA wal_checkpoint({('PASSIVE', 'RESTART', 'TRUNCATE')[number // 20 % 3]})")
            place = path.with_name("killed")
            for suffix in SUFFIXES:
                place.with_name(f"killed{suffix}").write_bytes(path.with_name(f"{path.name}{suffix}").read_bytes())
            HistoryFile(place).close()
            for suffix in (*SUFFIXES, "-shm"):
                place.with_name(f"killed{suffix}").unlink(missing_ok=True)


def test_what_was_killed_before_its_token_was_in_the_file_itself_can_be_opened(path: Path, monkeypatch) -> None:
    with opened(path) as store:
        record(store.open("lobby"), "a")
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM entry").fetchone()  # so that no checkpoint comes to its end
        leave_as_killed(path, "b", lock_seconds=0.01)
    assert texts(path) == ["a", "b"]


@pytest.mark.parametrize("suffix", ["-mark", "-wal", "-shm", "-journal"])
def test_a_link_in_place_of_a_file_beside_the_history_is_not_followed(path: Path, suffix: str) -> None:
    with opened(path):
        pass
    victim = path.with_name("victim")
    victim.write_text("precious")
    beside = path.with_name(f"{path.name}{suffix}")
    beside.unlink(missing_ok=True)
    beside.symlink_to(victim)
    with pytest.raises(StoreError, match=rf"{suffix} is a symbolic link, which is not followed; move it away"):
        SqliteStore(path)
    assert victim.read_text() == "precious"


def test_a_history_that_is_itself_a_link_works_and_its_files_are_watched_where_they_are(path: Path, caplog) -> None:
    real = path.with_name("real.db")
    path.symlink_to(real)
    with opened(path, look_seconds=3600) as store:
        record(store.open("lobby"), "a")
        real.with_name("real.db-wal").unlink()
        record(store.open("lobby"), "b")
    assert "is in the history again" in caplog.text
    assert texts(path) == ["a", "b"]
    assert path.is_symlink()
