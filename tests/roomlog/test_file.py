"""The file for whoever is not the server: reading, counting, searching, copying; and a file of an older version."""

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatsrv.model.entries import Bookmark, Entry, Kind
from chatsrv.model.errors import StoreError
from chatsrv.roomlog.sqlite import file as module
from chatsrv.roomlog.sqlite.file import HistoryFile
from chatsrv.roomlog.sqlite.schema import MIGRATIONS, OFFSET_BITS
from chatsrv.testing.roomlog import record, start
from tests.roomlog.keeping import ALL, Steps, asked, everything, opened


@pytest.fixture
def clock(monkeypatch) -> Iterator[list[float]]:
    """Return the time that the logs go by, in a list: whoever sets it there sets the clock."""
    now = [1000.0]
    monkeypatch.setattr("chatsrv.roomlog.sqlite.durable.time.time", lambda: now[0])
    return now


@pytest.fixture
def said(path: Path, clock: list[float]) -> list[Entry]:
    """Return what was said in two rooms, each word a second after the one before it."""
    entries = []
    with opened(path, look_seconds=3600) as store:
        for number in range(60):
            clock[0] += 1
            entries += record(store.open("lobby" if number % 3 else "кухня"), f"word{number} all")
        store.keep_bookmark("alice", "lobby", Bookmark(store.open("lobby").end, 1))
    return entries


def test_what_is_erased_is_known_of_nobody_any_more(path: Path, said: list[Entry]) -> None:
    with opened(path) as store:
        record(store.open("@bob"), "for you alone")
        store.keep_bookmark("alice", "lobby", Bookmark(store.open("lobby").end, 1))
    with HistoryFile(path) as file:
        assert [file.knows(name) for name in ("Alice", "BOB", "carol")] == [True, True, False]
        for name in ("alice", "bob"):
            file.erase(name)
            assert not file.knows(name)


def test_entries_come_in_the_order_of_time_from_one_room_or_all(path: Path, said: list[Entry], monkeypatch) -> None:
    monkeypatch.setattr(module, "PAGE_ENTRIES", 1)
    monkeypatch.setattr(module, "PAGE_ENTRIES_AT_LEAST", 3)
    with HistoryFile(path) as file:
        assert list(file.entries()) == said
        assert list(file.entries("lobby")) == [entry for entry in said if entry.room == "lobby"]
        for since in (None, 0, 1001, 1017, 1017.5, 1060, 2000):
            for until in (None, 0, 1001, 1001.5, 1040, 1061):
                expected = [entry for entry in said if (since or 0) <= entry.at < (9999 if until is None else until)]
                assert list(file.entries(since=since, until=until)) == expected
                assert file.count(since=since, until=until) == len(expected)
                here = [entry for entry in expected if entry.room == "кухня"]
                assert list(file.entries("кухня", since, until)) == here
                assert file.count("кухня", since, until) == len(here)


def test_a_search_goes_over_all_rooms_newest_first(path: Path, said: list[Entry], steps: Steps) -> None:
    def check() -> None:
        with HistoryFile(path) as file:
            assert file.search("all", limit=ALL) == said[::-1]
            assert file.search("ALL", limit=7) == said[:-8:-1]
            assert file.search("word1*", "кухня") == [said[18], said[15], said[12]]
            assert file.search("") == file.search("nothing") == file.search("all", limit=0) == []

    check()
    with opened(path) as store:
        for room in ("lobby", "кухня"):
            steps.wait_for_index(store.open(room))
        check()


def test_the_figures(path: Path, said: list[Entry], steps: Steps) -> None:
    with opened(path) as store, HistoryFile(path) as file:
        steps.wait_for_index(store.open("lobby"))
        steps.wait_for_index(store.open("кухня"))
        stats = file.stats()
        assert stats.is_in_use
        assert stats.has_index
        assert [(room.name, room.entries, room.indexed_entries) for room in stats.rooms] == [
            ("lobby", 40, 40),
            ("кухня", 20, 20),
        ]
        assert (stats.entries, stats.bookmarks) == (60, 1)
        assert (stats.first_at, stats.last_at) == (1001, 1060)
        assert stats.size_bytes >= path.stat().st_size > 0
    with HistoryFile(path) as file:
        assert not file.stats().is_in_use


def test_what_was_let_go_of_is_not_counted(path: Path, said: list[Entry], steps: Steps) -> None:
    with opened(path, keep_entries=5):
        steps.wait_until(lambda: asked(path, "SELECT count(*) FROM entry") == [(10,)])
    with HistoryFile(path) as file:
        assert [room.entries for room in file.rooms()] == [5, 5]
        assert file.count() == len(list(file.entries())) == 10
        assert len(file.search("all")) == 10


def test_a_file_without_entries(path: Path) -> None:
    with opened(path):
        pass
    with HistoryFile(path) as file:
        assert list(file.entries()) == file.search("a") == file.rooms() == []
        assert (file.count(), file.stats().first_at, file.stats().has_index) == (0, None, False)
        with pytest.raises(StoreError, match="there is no room 'lobby'"):
            file.count("lobby")


def test_reading_holds_up_no_server_and_changes_nothing(path: Path, said: list[Entry]) -> None:
    with opened(path) as store, HistoryFile(path) as file:
        entries = file.entries()
        assert next(entries) == said[0]
        record(store.open("lobby"), "meanwhile")
        assert list(entries) == said[1:]
    before = path.read_bytes()
    with HistoryFile(path) as file:
        file.search("all")
    assert path.read_bytes() == before


def test_a_copy_is_a_history_too(path: Path, said: list[Entry], tmp_path: Path) -> None:
    with opened(path), HistoryFile(path) as file:
        file.backup(tmp_path / "copy")
    with HistoryFile(tmp_path / "copy") as copy:
        assert list(copy.entries()) == said


def test_what_is_no_history_is_told(path: Path, tmp_path: Path) -> None:
    def refused(match: str) -> None:
        with pytest.raises(StoreError, match=match):
            HistoryFile(path)

    refused(r"chat\.db: there is no history; name the file")
    path.touch()
    refused(r"is empty: nothing was ever recorded")
    path.write_bytes(b"Dear diary, " * 1000)
    refused("file is not a database; name another file")
    path.unlink()
    make_old(path)
    refused(r"was last written by an older chatsrv \(version 1; this one has \d\); start this one's server")
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 99")
    refused(r"was written by a newer chatsrv")
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA application_id = 1")
    refused(r"is the database of another program")


# ---------------------------------------------------------------------- a file of the first version


def make_old(path: Path, version: int = 1) -> None:
    """Make a file as chatsrv did before there were bookmarks, or rooms, with words in it."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            f"PRAGMA journal_mode = WAL; {''.join(MIGRATIONS[:version])}; "
            f"PRAGMA application_id = {0x63686174}; PRAGMA user_version = {version}"
        )
        with connection:
            connection.execute("INSERT INTO room (number, name, kept_after) VALUES (1, 'lobby', 2)")
            connection.executemany(
                "INSERT INTO entry VALUES (?, ?, ?, 'alice', 7, ?)",
                [
                    ((1 << OFFSET_BITS) + offset, offset, Kind.SAY.value, f"word{offset} old")
                    for offset in range(3, 1000)
                ],
            )


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS)))
def test_a_file_of_an_older_version_is_brought_up_to_date(path: Path, steps: Steps, version: int) -> None:
    make_old(path, version)
    with opened(path) as store:
        log = store.open("lobby")
        assert [entry.offset for entry in everything(log)] == list(range(3, 1000))
        assert log.end.offset == 999
        record(log, "new words")
        store.keep_bookmark("alice", "lobby", Bookmark(start(log), 1))
        steps.wait_for_index(log)
        assert [entry.offset for entry in log.search("word7", log.end, ALL)] == [7]
        assert len(log.search("old", log.end, ALL)) == 997
    with opened(path) as store:
        assert store.bookmark("alice", "lobby") == Bookmark(start(log), 1)
        assert store.open("lobby").end.offset == 1000
    assert asked(path, "PRAGMA user_version") == [(len(MIGRATIONS),)]


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS)))
def test_old_and_new_files_have_the_same_tables(path: Path, tmp_path: Path, version: int) -> None:
    make_old(path, version)
    for place in (path, tmp_path / "new"):
        with opened(place):
            pass
    question = "SELECT type, name, sql FROM sqlite_schema ORDER BY name"
    assert asked(path, question) == asked(tmp_path / "new", question)
