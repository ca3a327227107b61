"""The file of chatsrv.roomlog.sqlite.store: whose it is, who can read it, and what is found in its place."""

import contextlib
import re
import sqlite3
import stat
import time
from pathlib import Path

import pytest

from chatsrv.model.entries import Kind
from chatsrv.model.errors import StoreError
from chatsrv.roomlog.sqlite.file import HistoryFile
from chatsrv.roomlog.sqlite.rescue import rescue
from chatsrv.roomlog.sqlite.store import SqliteStore
from chatsrv.testing.roomlog import record
from tests.roomlog.keeping import asked, opened


def test_the_file_and_its_directory_are_for_the_server_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "var" / "chat.db"
    with opened(path) as store:
        record(store.open("lobby"), "a")
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
        assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}
        assert len(list(path.parent.iterdir())) == 4


def test_a_backup_that_was_put_back_for_everybody_to_read_is_for_the_server_alone_again(path: Path, caplog) -> None:
    with opened(path):
        pass
    path.chmod(0o644)
    path.with_name("chat.db-wal").touch(0o664)
    with opened(path) as store:
        record(store.open("lobby"), "a")
        assert {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()} == {0o600}
    assert caplog.text.count("could be read by others") == 2
    caplog.clear()
    with opened(path):
        pass
    assert not caplog.text


def test_a_history_that_others_can_read_and_that_is_not_ours_to_change_is_told(path: Path, caplog, monkeypatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    path.touch(0o644)
    monkeypatch.setattr(Path, "chmod", refuse)
    with opened(path) as store:
        record(store.open("lobby"), "a")
    assert f"chmod 600 {path}" in caplog.text


def test_the_file_can_be_read_by_a_person(path: Path) -> None:
    with opened(path) as store:
        (entry,) = record(store.open("lobby"), "hello")
        with contextlib.closing(sqlite3.connect(path)) as connection:
            (row,) = connection.execute("SELECT * FROM history").fetchall()
    assert row[:2] == ("lobby", 1)
    assert row[2].startswith(time.strftime("%Y-%m-%dT%H:%M:", time.gmtime(entry.at)))
    assert row[3:] == ("SAY", "alice", 1, "hello")


def test_a_person_reads_the_name_of_each_kind(path: Path) -> None:
    with opened(path) as store:
        for kind in Kind:
            record(store.open("lobby"), "", kind=kind)
    assert asked(path, 'SELECT kind FROM history ORDER BY "offset"') == [(kind.name,) for kind in Kind]


def test_two_servers_cannot_use_one_file(path: Path) -> None:
    with opened(path) as store:
        with pytest.raises(StoreError, match="is in use by another server; stop that one"):
            SqliteStore(path)
        record(store.open("lobby"), "a")


def test_a_file_of_another_program_is_left_alone(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    before = path.read_bytes()
    with pytest.raises(StoreError, match=r"is the database of another program; give history\.path another file"):
        SqliteStore(path)
    assert path.read_bytes() == before


def test_a_file_of_a_newer_version_is_left_alone(path: Path) -> None:
    with opened(path):
        pass
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match=r"was written by a newer chatsrv \(version 99; "):
        SqliteStore(path)


def test_a_file_that_is_no_database_is_left_alone(path: Path) -> None:
    path.write_bytes(b"Dear diary, " * 1000)
    with pytest.raises(StoreError, match="file is not a database; name another file"):
        SqliteStore(path)
    assert path.read_bytes() == b"Dear diary, " * 1000


def test_a_damaged_file_is_refused_with_the_command_that_rescues_it(path: Path) -> None:
    with opened(path) as store:
        record(store.open("lobby"), *["some words"] * 2000)
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 2)
        file.write(b"\xff" * 8192)
    with pytest.raises(StoreError, match=rf"chat\.db is damaged .*: chatsrv history rescue {re.escape(str(path))}$"):
        SqliteStore(path)


def broken_first_page(path: Path) -> None:
    """Make a history, then break its first page: nothing but the mark beside it tells that it was one."""
    with opened(path) as store:
        record(store.open("lobby"), "a")
    with path.open("r+b") as file:
        file.write(bytes(4096))


def foreign_number(path: Path) -> None:
    """Make a history, then break the number by which it is known to be ours."""
    with opened(path) as store:
        record(store.open("lobby"), "a")
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA application_id = 1")


@pytest.mark.parametrize("damage", [broken_first_page, foreign_number])
@pytest.mark.parametrize("use", [SqliteStore, HistoryFile])
def test_a_history_that_looks_like_none_is_not_to_be_moved_away_but_rescued(path: Path, damage, use) -> None:
    damage(path)
    with pytest.raises(StoreError, match=rf"chat\.db is damaged .*: chatsrv history rescue {re.escape(str(path))}$"):
        use(path)
    assert rescue(path, path.with_name("new")).entries == 1


def test_a_file_that_is_none_of_ours_is_not_taken_for_a_damaged_one_at_the_second_try(path: Path) -> None:
    path.write_bytes(b"Dear diary, " * 1000)
    for _ in range(2):
        with pytest.raises(StoreError, match="file is not a database; name another file"):
            SqliteStore(path)


def test_a_place_that_cannot_be_had_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"chat\.db: the history cannot be kept there \(.*\); let the server's user"):
        SqliteStore(tmp_path / "file" / "chat.db")
    with pytest.raises(StoreError, match=r"cannot be kept there \(Is a directory\)"):
        SqliteStore(tmp_path)
