"""Whether a history can be kept at a path: what keeps the server from opening it is found without touching anything."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from chatsrv.model.errors import StoreError
from chatsrv.roomlog.sqlite.outlook import examine
from chatsrv.roomlog.sqlite.store import SqliteStore


def make_other(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE birds (name TEXT)")


def make_newer(path: Path) -> None:
    SqliteStore(path).close()
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 999")
        connection.execute("PRAGMA journal_mode = DELETE")


def make_text(path: Path) -> None:
    path.write_text("dear diary, " * 100)


@pytest.mark.parametrize("make", [Path.mkdir, make_other, make_newer, make_text, os.mkfifo])
def test_what_no_history_can_be_kept_in_is_told_as_the_server_would(make, tmp_path: Path) -> None:
    path = tmp_path / "chat.db"
    make(path)
    before = {file: file.stat().st_mtime_ns for file in (tmp_path, *tmp_path.iterdir())}
    with pytest.raises(StoreError) as examined:
        examine(path)
    assert {file: file.stat().st_mtime_ns for file in (tmp_path, *tmp_path.iterdir())} == before
    assert str(path) in str(examined.value)
    if make is not os.mkfifo:  # which the server would wait for
        with pytest.raises(StoreError) as opened:
            SqliteStore(path)
        assert str(examined.value) == str(opened.value)


def test_a_file_on_the_way_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="cannot be kept there"):
        examine(tmp_path / "file" / "chat.db")
    with pytest.raises(StoreError, match="cannot be kept there"):
        examine(tmp_path / ("x" * 300))


@pytest.mark.parametrize("place", [".", "chat.db"])
def test_what_this_user_may_not_write_is_told(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "chat.db"
    SqliteStore(path).close()
    closed = tmp_path / place
    monkeypatch.setattr(os, "access", lambda file, mode: Path(file) != closed)  # root may write anything
    with pytest.raises(StoreError, match=r"cannot be kept there \(this user may not write to "):
        examine(path)


def test_a_place_for_a_new_history_is_fine_and_stays_as_it_is(tmp_path: Path) -> None:
    examine(tmp_path / "chat.db")
    examine(tmp_path / "one" / "two" / "chat.db")
    (tmp_path / "empty.db").touch()
    examine(tmp_path / "empty.db")
    assert [file.name for file in tmp_path.iterdir()] == ["empty.db"]


def test_the_history_of_a_running_server_is_fine(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path / "chat.db")):
        examine(tmp_path / "chat.db")
    examine(tmp_path / "chat.db")
