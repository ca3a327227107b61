"""Behaviour of chatsrv.chat.cursor: read on from a position, wait, be told of holes, cost nobody anything."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path

import pytest

from chatsrv.chat.cursor import Cursor
from chatsrv.model.entries import Entry, Kind, Position
from chatsrv.model.errors import Hole
from chatsrv.roomlog.base import Follower, LogStore, RoomLog, Wake
from chatsrv.roomlog.memory import MemoryStore
from chatsrv.roomlog.sqlite.store import SqliteStore
from tests.peer import DEADLINE_SECONDS

FEW_ENTRIES = 10
STORES: dict[str, Callable[[Path], LogStore]] = {
    "memory": lambda directory: MemoryStore(),
    "few": lambda directory: MemoryStore(keep_entries=FEW_ENTRIES),
    "sqlite": lambda directory: SqliteStore(directory / "chat.db"),
}


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LogStore]:
    with contextlib.closing(STORES[request.param](tmp_path)) as made:
        yield made


@pytest.fixture
def log(store: LogStore) -> RoomLog:
    return store.open("lobby")


def say(log: RoomLog, *texts: str) -> Position:
    position = log.append(Kind.SAY, "alice", 1, texts)
    log.wait_until_recorded(position)
    return position


def texts(entries: list[Entry]) -> list[str]:
    return [entry.text for entry in entries]


def test_it_starts_now_unless_it_is_told_where(log: RoomLog) -> None:
    before = log.end
    say(log, "one")
    now = Cursor(log)
    say(log, "two", "three")
    assert texts(now.read()) == ["two", "three"]
    assert texts(Cursor(log, before).read()) == ["one", "two", "three"]


def test_reading_moves_it_behind_what_was_read(log: RoomLog) -> None:
    cursor = Cursor(log)
    end = say(log, "one", "two", "three")
    assert texts(cursor.read(2)) == ["one", "two"]
    assert cursor.position == Position(end.epoch, end.offset - 1)
    assert texts(cursor.read(2)) == ["three"]
    assert cursor.position == end


def test_who_leaves_a_loop_goes_on_behind_the_entry_that_he_got(log: RoomLog) -> None:
    cursor = Cursor(log)
    end = say(log, *(f"{number}" for number in range(1000)))
    assert texts(list(islice(cursor, 10))) == [f"{number}" for number in range(10)]
    assert texts(list(islice(Cursor(log, cursor.position), 990))) == [f"{number}" for number in range(10, 1000)]
    assert texts(list(islice(cursor, 990)))[0] == "10"
    assert cursor.position == end


@pytest.fixture
def is_waited_for(log: RoomLog, monkeypatch: pytest.MonkeyPatch) -> threading.Semaphore:
    """Return what is released whenever somebody begins to wait for news of the log."""
    begun, follow = threading.Semaphore(0), log.follow

    def told(after: Position, wake: Wake) -> Follower:
        follower = follow(after, wake)
        begun.release()
        return follower

    monkeypatch.setattr(log, "follow", told)
    return begun


def test_it_waits_for_what_is_not_there_yet(log: RoomLog, is_waited_for: threading.Semaphore) -> None:
    cursor = Cursor(log)
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(cursor.read)
        assert is_waited_for.acquire(timeout=DEADLINE_SECONDS)
        say(log, "at last")
        assert texts(reading.result(DEADLINE_SECONDS)) == ["at last"]


def test_closing_ends_the_wait(log: RoomLog, is_waited_for: threading.Semaphore) -> None:
    cursor = Cursor(log)
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(cursor.read)
        assert is_waited_for.acquire(timeout=DEADLINE_SECONDS)
        cursor.close()
        assert reading.result(DEADLINE_SECONDS) == []


def test_nothing_is_read_once_it_is_closed(log: RoomLog) -> None:
    cursor = Cursor(log)
    say(log, "one", "two")
    entries = iter(cursor)
    assert next(entries).text == "one"
    place = cursor.position
    cursor.close()
    assert list(entries) == list(cursor) == cursor.read() == []
    assert cursor.position == place
    assert cursor.is_closed


def test_a_position_of_what_is_not_recorded_yet_can_be_waited_at(log: RoomLog) -> None:
    cursor = Cursor(log, log.append(Kind.JOIN, "clock", 2, ("",)))
    say(log, "one")
    assert texts(cursor.read()) == ["one"]


def test_a_hole_is_told_once_and_reading_goes_on_behind_it() -> None:
    log = MemoryStore(FEW_ENTRIES).open("lobby")
    cursor = Cursor(log)
    say(log, *(f"{number}" for number in range(2 * FEW_ENTRIES)))
    with pytest.raises(Hole) as caught:
        next(iter(cursor))
    assert caught.value.missing == FEW_ENTRIES
    assert texts(cursor.read()) == [f"{number}" for number in range(FEW_ENTRIES, 2 * FEW_ENTRIES)]


def test_a_position_of_another_epoch_is_a_hole_of_unknown_size() -> None:
    kept = say(MemoryStore().open("lobby"), "in another life")
    log = MemoryStore().open("lobby")
    say(log, "one")
    cursor = Cursor(log, kept)
    with pytest.raises(Hole) as caught:
        cursor.read()
    assert caught.value.missing is None
    assert texts(cursor.read()) == ["one"]


@pytest.mark.parametrize("store", [pytest.param("few", id="memory of few entries")], indirect=True)
def test_a_log_keeps_nothing_for_a_cursor_that_has_waited_and_reads_no_more(
    log: RoomLog, is_waited_for: threading.Semaphore
) -> None:
    cursor = Cursor(log)
    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(cursor.read)
        assert is_waited_for.acquire(timeout=DEADLINE_SECONDS)
        say(log, "one")
        assert texts(reading.result(DEADLINE_SECONDS)) == ["one"]
    for number in range(1000):
        say(log, f"{number}")
    assert len(log.read_back(log.end, 1000)) < 2 * FEW_ENTRIES
