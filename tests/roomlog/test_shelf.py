"""Behaviour of chatsrv.roomlog.shelf: what logs keep in memory is bounded in bytes, and nothing recorded is lost."""

import contextlib
import sqlite3
import sys
import threading
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatsrv.model.entries import Kind, Position
from chatsrv.model.errors import Hole, Refused
from chatsrv.roomlog.base import LogStore, RoomLog
from chatsrv.roomlog.memory import MemoryStore
from chatsrv.roomlog.shelf import COUNTED_BYTES, ENTRY_BYTES, ROOM_SHARE, UNRECORDED_SHARE, text_bytes, water_level
from chatsrv.roomlog.sqlite import recorder
from chatsrv.roomlog.sqlite.readers import Kept
from chatsrv.roomlog.sqlite.store import SqliteStore
from chatsrv.roomlog.sqlite.upkeep import Upkeep
from chatsrv.testing.roomlog import Following, record, start
from tests.peer import DEADLINE_SECONDS
from tests.roomlog.keeping import ALL, everything, opened

MIB = 1 << 20
LONG = "x" * 4090 + "\N{GRINNING FACE}"
"""A line of 4 KiB that takes 20 in memory: one emoji makes each of its characters take four bytes."""

Store = MemoryStore | SqliteStore


@pytest.fixture(params=["memory", "sqlite"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    if request.param == "memory":
        yield MemoryStore(keep_bytes=4 * MIB)
    else:
        monkeypatch.setattr(Upkeep, "timeout", lambda _: 3600.0)  # indexing reads entries into memory, for a moment
        with opened(tmp_path / "chat.db", keep_bytes=4 * MIB) as store:
            yield store


def lines(count: int) -> list[str]:
    return [f"{number}{LONG}" for number in range(count)]


def say(log: RoomLog, *texts: str, origin: int = 1) -> Position:
    """Append as an author does, who waits while too much is unrecorded."""
    log.wait_for_space()
    position = log.append(Kind.SAY, "alice", origin, texts)
    log.wait_until_recorded(position)
    return position


@pytest.mark.parametrize("text", ["", "x" * 4096, LONG, "é" * 2000, "狐" * 1000])
def test_a_text_is_counted_with_the_copy_that_sqlite_leaves_in_it(text: str) -> None:
    text = "".join(list(text))  # a new one, which nobody has encoded yet
    counted = ENTRY_BYTES + text_bytes(text)
    with contextlib.closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("SELECT ?", (text,))
    assert sys.getsizeof(text) <= counted <= sys.getsizeof(text) + ENTRY_BYTES + 1


@pytest.mark.parametrize(
    ("amounts", "most", "level"), [([], 5, 0), ([3, 1], 4, 3), ([3, 3], 4, 2), ([9, 1, 9], 11, 5), ([5, 5], 0, 0)]
)
def test_who_has_most_gives_most(amounts: list[int], most: int, level: int) -> None:
    assert water_level(amounts, most) == level


def test_a_room_of_long_lines_with_an_emoji_takes_no_more_than_its_share(store: Store) -> None:
    log = store.open("lobby")
    with Following(log, log.end) as following:  # as delivery does, which follows each room that somebody is in
        tracemalloc.start()
        try:
            for _ in range(20):
                say(log, *lines(10))
                following.read(10)
            taken_bytes, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert log.kept_bytes <= store.shelf.of_each_bytes
    assert taken_bytes < 2 * store.shelf.of_each_bytes + MIB // 2  # with what only the `-wal` has


def test_what_is_let_go_of_is_read_from_the_file_where_there_is_one_and_else_a_hole(store: Store) -> None:
    log = store.open("lobby")
    for _ in range(20):
        say(log, *lines(10))
    if isinstance(store, SqliteStore):
        assert [entry.text for entry in log.read(start(log), ALL)] == 20 * lines(10)
    else:
        with pytest.raises(Hole) as hole:
            log.read(start(log), ALL)
        kept = log.read(Position(log.epoch, hole.value.kept_after), ALL)
        assert [entry.text for entry in kept] == (20 * lines(10))[hole.value.kept_after :]
        assert len(kept) > 10


def test_all_rooms_together_take_no_more_than_the_store_may_and_the_biggest_give_way(store: Store) -> None:
    small = store.open("small")
    said_first = say(small, "said first")
    rooms = [store.open(f"room {number}") for number in range(2 * ROOM_SHARE)]
    followers = [log.follow(log.end, lambda: None) for log in (small, *rooms)]
    for _ in range(3):
        for log in rooms:
            say(log, *lines(10))
        for follower in followers:
            follower.read(ALL)
    assert store.shelf.kept_bytes <= store.shelf.most_bytes
    kept = sum(log.kept_bytes for log in (small, *rooms))
    assert abs(kept - store.shelf.kept_bytes) <= COUNTED_BYTES * len(followers)
    assert min(log.kept_bytes for log in rooms) > store.shelf.most_bytes / len(rooms) / 4
    assert small.kept_bytes > 0
    assert small.read_back(said_first, 1)[0].text == "said first"


def test_what_a_follower_has_not_read_is_there_for_it_however_much_is_kept(store: Store) -> None:
    rooms = [store.open(f"room {number}") for number in range(2 * ROOM_SHARE)]
    followings = [Following(log, log.end) for log in rooms]
    for log in rooms:
        say(log, *lines(20))
    for following in followings:
        with following:
            assert [entry.text for entry in following.read(20)] == lines(20)


def test_lag_is_told_in_bytes_too(store: Store) -> None:
    log = store.open("lobby")
    follower = log.follow(log.end, lambda: None)
    assert follower.lag_bytes == 0
    say(log, "a" * 1000)
    one = follower.lag_bytes
    assert 1000 <= one <= 1000 + ENTRY_BYTES
    say(log, *["a" * 1000] * 3)
    assert follower.lag_bytes == 4 * one
    follower.read(3)
    assert follower.lag_bytes == one
    follower.read(1)
    assert follower.lag_bytes == 0


def test_counting_ends_at_nothing_when_all_was_let_go_of() -> None:
    store = MemoryStore(keep_entries=1)
    for name in ("a", "b"):
        log = store.open(name)
        for _ in range(100):
            say(log, LONG)
        log.shrink(0, is_forced=False)
    assert store.shelf.kept_bytes == 0


# ---------------------------------------------------------------------- what waits for the disk


@pytest.fixture
def may_write(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Have the recorder write only once this is set."""
    may_go_on = threading.Event()
    write = recorder.Recorder._write

    def hold(its: recorder.Recorder, batch: list, kept: Kept) -> None:
        assert may_go_on.wait(DEADLINE_SECONDS)
        write(its, batch, kept)

    monkeypatch.setattr(recorder.Recorder, "_write", hold)
    return may_go_on


def waiting_author(log: RoomLog, outcome: list[object]) -> threading.Thread:
    def wait() -> None:
        try:
            log.wait_for_space()
            outcome.append(log.unrecorded_bytes)
        except Refused as refusal:
            outcome.append(refusal)

    author = threading.Thread(target=wait)
    author.start()
    return author


def test_authors_of_all_rooms_wait_while_too_much_of_all_is_unrecorded(tmp_path: Path, may_write) -> None:
    with opened(tmp_path / "chat.db", keep_bytes=4 * MIB) as store:
        each = store.shelf.most_unrecorded_bytes // 4
        rooms = [store.open(f"room {number}") for number in range(6)]
        for log in rooms:
            log.append(Kind.SAY, "alice", 1, ["x" * each])
        assert store.shelf.is_full
        quiet, outcome = store.open("quiet"), []
        author = waiting_author(quiet, outcome)
        assert not outcome
        may_write.set()
        author.join(DEADLINE_SECONDS)
        assert outcome == [0]
        for log in rooms:
            log.wait_until_recorded(Position(log.epoch, 1))
        assert store.shelf.unrecorded_bytes == 0
        assert store.shelf.kept_bytes <= store.shelf.most_bytes


def test_authors_who_wait_are_refused_when_the_disk_fails(tmp_path: Path, may_write, monkeypatch) -> None:
    with opened(tmp_path / "chat.db", keep_bytes=16 * MIB, retry_seconds=3600) as store:
        log = store.open("lobby")
        log.append(Kind.SAY, "alice", 1, ["x" * (store.shelf.most_bytes // UNRECORDED_SHARE + 1)])
        quiet, outcome = store.open("quiet"), []
        author = waiting_author(quiet, outcome)

        def fail(its: recorder.Recorder) -> sqlite3.Connection:
            raise sqlite3.OperationalError("disk I/O error")

        monkeypatch.setattr(recorder.Recorder, "_connect", fail)
        may_write.set()
        author.join(DEADLINE_SECONDS)
        [refusal] = outcome
        assert isinstance(refusal, Refused)
        assert store.shelf.unrecorded_bytes <= ENTRY_BYTES


def test_what_waits_for_the_disk_is_never_let_go_of(tmp_path: Path, may_write) -> None:
    with opened(tmp_path / "chat.db", keep_bytes=MIB) as store:
        log = store.open("lobby")
        position = log.append(Kind.SAY, "alice", 1, lines(100))
        log.shrink(0, is_forced=True)
        may_write.set()
        log.wait_until_recorded(position)
        assert [entry.text for entry in everything(log)] == lines(100)


def test_a_store_that_is_reopened_has_everything(tmp_path: Path) -> None:
    with opened(tmp_path / "chat.db", keep_bytes=MIB) as store:
        record(store.open("lobby"), *lines(100))
        assert store.shelf.kept_bytes <= store.shelf.of_each_bytes
    with opened(tmp_path / "chat.db", keep_bytes=MIB) as store:
        assert len(everything(store.open("lobby"))) == 100


def test_stores_without_a_setting_are_bounded_too() -> None:
    def shelf_bytes(store: LogStore) -> int:
        assert isinstance(store, MemoryStore)
        return store.shelf.most_bytes

    assert shelf_bytes(MemoryStore()) == 64 * MIB
