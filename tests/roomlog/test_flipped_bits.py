"""One flipped bit in a file that SQLite finds sound: it costs nobody more than that one entry."""

import contextlib
import sqlite3
import time
from pathlib import Path

import pytest

from chatsrv.model.entries import Kind
from chatsrv.model.errors import StoreError
from chatsrv.roomlog.sqlite.file import HistoryFile
from chatsrv.roomlog.sqlite.rescue import rescue
from chatsrv.roomlog.sqlite.schema import MICROSECONDS
from chatsrv.roomlog.sqlite.store import SqliteStore
from chatsrv.testing.roomlog import record
from tests.roomlog.keeping import Steps, asked, everything, opened

BITS = [61, 63, 56]
"""Bits of a time that may flip: in seventy thousand years, before the flood, and in two thousand years."""

TEXTS = [f"{number}" for number in range(7)]


def said(path: Path) -> None:
    """Record entries that are a second apart, the newest one of now."""
    with opened(path) as store:
        record(store.open("lobby"), *TEXTS)
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        now = int(time.time()) * MICROSECONDS
        connection.execute("UPDATE entry SET at = ? + CAST(text AS INTEGER) * 1000000", (now - 6 * MICROSECONDS,))


def flip(path: Path, text: str, bit: int) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        ((at,),) = connection.execute("SELECT at FROM entry WHERE text = ?", (text,)).fetchall()
        flipped = (at ^ 1 << bit) & (1 << 64) - 1
        connection.execute("UPDATE entry SET at = ? WHERE text = ?", (flipped - (flipped >> 63 << 64), text))


@pytest.mark.parametrize("bit", BITS)
def test_a_damaged_time_of_the_newest_entry_is_not_that_of_all_later_ones(path: Path, bit: int) -> None:
    said(path)
    flip(path, TEXTS[-1], bit)
    with opened(path) as store:
        (later,) = record(store.open("lobby"), "later")
    assert abs(later.at - time.time()) < 3600


@pytest.mark.parametrize("bit", BITS)
@pytest.mark.parametrize("text", TEXTS)
def test_a_damaged_time_does_not_hide_what_was_said_before_or_after_it(path: Path, bit: int, text: str) -> None:
    said(path)
    ats = [at / MICROSECONDS for (at,) in asked(path, "SELECT at FROM entry ORDER BY id")]
    flip(path, text, bit)
    others = [other for other in TEXTS if other != text]
    with HistoryFile(path) as file:
        for number in range(len(TEXTS) + 1):
            moment = ats[0] + number
            for since, until in ((moment, None), (None, moment)):
                found = [entry.text for entry in file.entries(since=since, until=until) if entry.text != text]
                assert found == [other for other in others if (int(other) >= number) is (until is None)]


@pytest.mark.parametrize("bit", BITS)
@pytest.mark.parametrize("text", [TEXTS[0], TEXTS[-1]])
def test_a_damaged_time_is_not_the_first_or_last_one_of_a_room(path: Path, bit: int, text: str) -> None:
    said(path)
    flip(path, text, bit)
    with HistoryFile(path) as file:
        stats = file.stats()
    assert stats.entries == len(TEXTS)
    assert stats.first_at is not None
    assert stats.last_at is not None
    assert time.time() - 3600 < stats.first_at < stats.last_at < time.time() + 3600


def test_a_damaged_time_in_the_past_does_not_let_everything_go(path: Path, steps) -> None:
    said(path)
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE entry SET at = -1 WHERE text = '5'")
        connection.execute("UPDATE entry SET at = at - 2 * 86400000000 WHERE text < '2'")
    with opened(path, keep_days=1) as store:
        log = store.open("lobby")
        steps.wait_until(lambda: asked(path, "SELECT count(*) FROM entry") == [(5,)])
        steps.wait_for_index(log)
        assert [entry.text for entry in everything(log)] == TEXTS[2:]


@pytest.mark.parametrize("bit", BITS)
def test_an_entry_with_a_damaged_time_is_a_hole_in_a_rescued_file(path: Path, tmp_path: Path, bit: int) -> None:
    said(path)
    flip(path, TEXTS[3], bit)
    told = rescue(path, tmp_path / "new")
    assert (told.entries, told.missing_entries) == (6, 1)
    assert asked(tmp_path / "new", "SELECT text FROM entry WHERE text = '3'") == []


def test_an_entry_of_a_damaged_kind_hides_no_others(path: Path) -> None:
    said(path)
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE entry SET kind = kind | 64 WHERE text = '3'")
    with opened(path) as store, HistoryFile(path) as file:
        for entries in (everything(store.open("lobby")), list(file.entries())):
            assert [entry.text for entry in entries if entry.kind is Kind.SAY] == [*TEXTS[:3], *TEXTS[4:]]
            assert entries[3].kind is Kind.ERASED


def test_a_damaged_name_of_a_room_is_told_at_the_start_lest_the_room_be_another_one(path: Path) -> None:
    said(path)
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE room SET name = CAST(x'ec6f626279' AS TEXT)")
    with pytest.raises(StoreError, match=r"is damaged \(the name of room 1 is no text\).*chatsrv history rescue"):
        SqliteStore(path)
    assert rescue(path, path.with_name("new")).unnamed == ("rescued-1",)


def test_a_damaged_letter_hides_no_other_entry_and_holds_up_no_index(path: Path, steps: Steps) -> None:
    said(path)
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE entry SET text = CAST(x'68ff' AS TEXT) WHERE text = '3'")
        connection.execute("UPDATE entry SET author = CAST(x'e5' AS TEXT) WHERE text = '4'")
    with opened(path) as store, HistoryFile(path) as file:
        log = store.open("lobby")
        steps.wait_for_index(log)
        for entries in (everything(log), list(file.entries())):
            assert [entry.text for entry in entries] == [*TEXTS[:3], "h\N{REPLACEMENT CHARACTER}", *TEXTS[4:]]
            assert entries[4].author == "\N{REPLACEMENT CHARACTER}"
        assert [entry.text for entry in log.search("5", log.end, 10)] == ["5"]
        assert store.erase("alice") == 6
