"""Bookmarks and wishes in the file: there again after a restart, written a crowd at a time."""

import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from chatsrv.model.entries import Bookmark, Position
from chatsrv.model.errors import Hole
from chatsrv.model.refusals import HistoryUnreadable
from chatsrv.roomlog.sqlite import readers
from chatsrv.testing.roomlog import record
from tests.refusing import refused
from tests.roomlog.keeping import Steps, asked, opened


def test_what_was_kept_last_is_there_after_a_restart(path: Path) -> None:
    with opened(path) as store:
        log = store.open("lobby")
        record(log, *"abc")
        for offset in (3, 1, 2):
            store.keep_bookmark("alice", "lobby", Bookmark(Position(log.epoch, offset), 7))
        store.keep_bookmark("bob", "empty", Bookmark(Position(log.epoch, 0), 8))
        store.keep_caught_up("alice", True)
        store.keep_caught_up("alice", False)
    with opened(path) as store:
        assert store.bookmark("alice", "lobby") == Bookmark(Position(log.epoch, 2), 7)
        assert store.bookmark("bob", "empty") == Bookmark(Position(log.epoch, 0), 8)
        assert store.bookmark("bob", "lobby") is None
        assert not store.is_caught_up("alice")
        record(store.open("another"), "a")
    assert asked(path, "SELECT count(DISTINCT number) FROM room") == [(3,)]


def test_a_bookmark_of_before_a_restored_backup_is_a_hole_in_the_log(path: Path, tmp_path: Path) -> None:
    with opened(path) as store:
        log = store.open("lobby")
        record(log, *"abc")
        store.keep_bookmark("alice", "lobby", Bookmark(log.end, 7))
    with opened(path) as store:
        store.backup(tmp_path / "copy")
    with opened(tmp_path / "copy") as copy:
        bookmark = copy.bookmark("alice", "lobby")
        assert bookmark == Bookmark(Position(log.epoch, 3), 7)
        with pytest.raises(Hole):
            copy.open("lobby").read(bookmark.position, 1)


KILLED = """
import os, signal, sys
from chatsrv.model.entries import Bookmark, Position
from chatsrv.roomlog.sqlite.store import SqliteStore
from chatsrv.testing.roomlog import record
store = SqliteStore(sys.argv[1])
log = store.open("lobby")
for number in range(1, 4):
    store.keep_bookmark("alice", "lobby", Bookmark(Position(log.epoch, number), number))
    record(log, "recorded behind it")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_is_kept_survives_a_kill_as_the_words_do_that_were_recorded_behind_it(path: Path) -> None:
    assert subprocess.run([sys.executable, "-c", KILLED, str(path)]).returncode == -signal.SIGKILL
    with opened(path) as store:
        assert store.bookmark("alice", "lobby") == Bookmark(Position(store.epoch, 3), 3)


KILLED_AMID_A_CROWD = """
import os, signal, sys
from chatsrv.model.entries import Bookmark, Position
from chatsrv.roomlog.sqlite import readers
from chatsrv.roomlog.sqlite.store import SqliteStore
from chatsrv.testing.roomlog import record
store = SqliteStore(sys.argv[1], look_seconds=3600)
log = store.open("lobby")
store._readers._announce = lambda: None  # which may come late
for number in range(readers.KEPT_AT_ONCE + 1):
    store.keep_bookmark(f"account{number}", "lobby", Bookmark(Position(log.epoch, 1), 1))
store.keep_first_bookmark("alice", "lobby", Bookmark(log.end, 7))
record(log, "recorded after it")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_where_somebody_begins_survives_a_kill_with_what_was_appended_after_it_whatever_else_waits(path: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED_AMID_A_CROWD, str(path)])
    assert killed.returncode == -signal.SIGKILL
    with opened(path) as store:
        assert store.open("lobby").end.offset == 1
        assert store.bookmark("alice", "lobby") == Bookmark(Position(store.epoch, 0), 7)


def test_a_crowd_is_written_in_few_transactions_and_only_the_newest_of_each(path: Path, monkeypatch) -> None:
    write, sizes = readers.write_kept, []

    def write_and_count(connection: sqlite3.Connection, kept: readers.Kept) -> None:
        sizes.append(len(kept.bookmarks))
        write(connection, kept)

    monkeypatch.setattr("chatsrv.roomlog.sqlite.recorder.write_kept", write_and_count)
    with opened(path) as store:
        log = store.open("lobby")
        announce = store._recorder.announce_readers
        monkeypatch.setattr(store._readers, "_announce", lambda: None)
        for offset in range(3):
            for number in range(10_000):
                store.keep_bookmark(f"account{number}", "lobby", Bookmark(Position(log.epoch, offset), number))
        announce()
    assert sum(sizes) == 10_000
    assert max(sizes) == readers.KEPT_AT_ONCE
    assert asked(path, 'SELECT count(*), sum("offset") FROM bookmark') == [(10_000, 20_000)]


def test_old_ones_that_cannot_be_read_are_refused_and_new_ones_are_not(
    path: Path, tmp_path: Path, steps: Steps
) -> None:
    with opened(path) as store:
        log = store.open("lobby")
        record(log, "a")
        store.keep_bookmark("alice", "lobby", Bookmark(log.end, 1))
    with opened(path, look_seconds=3600) as store:
        steps.wait_until(lambda: True)
        path.rename(tmp_path / "away")
        for ask in (lambda: store.bookmark("alice", "lobby"), lambda: store.is_caught_up("alice")):
            with refused(HistoryUnreadable()):
                ask()
        store.keep_bookmark("bob", "lobby", Bookmark(log.end, 2))
        store.keep_caught_up("bob", False)
        assert store.bookmark("bob", "lobby") == Bookmark(log.end, 2)
        assert not store.is_caught_up("bob")
        (tmp_path / "away").rename(path)
        assert store.bookmark("alice", "lobby") == Bookmark(log.end, 1)
        assert store.is_caught_up("alice")


@pytest.mark.parametrize("bookmark", [Bookmark(Position("e", 1 << 63), 1), Bookmark(Position("\ud800", 1), 1)])
def test_what_the_file_cannot_hold_disturbs_nobody(path: Path, bookmark: Bookmark) -> None:
    with opened(path) as store:
        with pytest.raises(ValueError, match=r"surrogates|63 bits"):
            store.keep_bookmark("alice", "lobby", bookmark)
        with pytest.raises(UnicodeEncodeError):
            store.keep_caught_up("\ud800", True)
        store.keep_bookmark("bob", "lobby", Bookmark(store.open("lobby").end, 1))
    with opened(path) as store:
        assert store.bookmark("bob", "lobby") == Bookmark(Position(store.epoch, 0), 1)
