"""Room logs in whose file entries are missing, as in a rescued one: readers go on behind them."""

import contextlib
import sqlite3
from pathlib import Path

import pytest

from chatsrv.model.entries import LINES, Position
from chatsrv.roomlog.base import RoomLog
from chatsrv.roomlog.search.words import sought_in
from chatsrv.roomlog.sqlite.store import SqliteStore
from chatsrv.testing.roomlog import record, start
from tests.roomlog.keeping import ALL


def test_entries_that_a_rescued_file_lacks_are_a_hole(tmp_path: Path) -> None:
    path = tmp_path / "chat.db"
    with contextlib.closing(SqliteStore(path)) as store:
        record(store.open("lobby"), *map(str, range(10)))
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM entry WHERE id & 15 IN (4, 5, 6)")
    with contextlib.closing(SqliteStore(path)) as store:
        log = store.open("lobby")
        assert [entry.offset for entry in log.read(start(log), ALL)] == [1, 2, 3]
        with pytest.raises(Exception, match="can be read after offset 6") as caught:
            log.read(Position(log.epoch, 3), ALL)
        assert caught.value.missing == 3
        assert [entry.offset for entry in log.read(Position(log.epoch, 6), ALL)] == [7, 8, 9, 10]
        assert [log.is_whole(*ends) for ends in ((0, 3), (6, 10), (0, 4), (3, 10), (5, 10))] == [
            True,
            True,
            *[False] * 3,
        ]
        assert [entry.offset for entry in log.pick_back(LINES, log.end, 2, ALL)] == [10, 9, 8, 7, 3]
        assert [entry.offset for entry in RoomLog.pick_back(log, LINES, log.end, 4, ALL)] == [10, 9, 8, 7]
        for pick_after in (log.pick_after, RoomLog.pick_after.__get__(log)):
            assert [entry.offset for entry in pick_after(LINES, Position(log.epoch, 2), 9, ALL)] == [3, 7, 8, 9]
        assert [RoomLog.is_whole(log, *ends) for ends in ((0, 3), (6, 10), (0, 4))] == [True, True, False]


def test_reading_back_and_searching_go_on_behind_a_long_hole(tmp_path: Path) -> None:
    path = tmp_path / "chat.db"
    with contextlib.closing(SqliteStore(path)) as store:
        record(store.open("lobby"), *(f"word {number}" for number in range(1, 3001)))
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM entry WHERE id & 4095 BETWEEN 100 AND 2500")
    with contextlib.closing(SqliteStore(path)) as store:
        log = store.open("lobby")
        back = log.read_back(Position(log.epoch, 2502), 32)
        assert [entry.offset for entry in back] == [2502, 2501, *range(99, 69, -1)]
        assert [entry.offset for entry in log.read_back(Position(log.epoch, 2000), 32)] == [*range(99, 67, -1)]
        assert log.read_back(Position(log.epoch, 2000), 0) == []
        everywhere = [*range(3000, 2500, -1), *range(99, 0, -1)]
        assert [entry.offset for entry in log.search("word", log.end, ALL)] == everywhere
        assert [entry.offset for entry in RoomLog.search(log, "word", log.end, ALL)] == everywhere
        assert [entry.offset for entry in log.look_for(sought_in("word"), log.end, 50, ALL)] == everywhere[:-50]
