"""Behaviour of chatsrv.roomlog.sqlite.store: it is a room log, keeps what it should, and forgets what it should."""

import time
from pathlib import Path

import pytest

from chatsrv.model.entries import Bookmark, Kind, Position
from chatsrv.model.errors import Hole
from chatsrv.roomlog.base import LogStore, RoomLog
from chatsrv.roomlog.sqlite import archived, durable
from chatsrv.roomlog.sqlite.durable import RECENT_ENTRIES, UNFOLLOWED_ENTRIES
from chatsrv.roomlog.sqlite.store import SqliteStore
from chatsrv.testing.roomlog import Following, RoomLogContract, await_offset, record, start
from tests.roomlog.keeping import ALL, LOOK_SECONDS, asked, everything, opened


class TestContract(RoomLogContract):
    durability = "process"

    @pytest.fixture(autouse=True)
    def _places(self, tmp_path: Path, has_kept) -> None:
        self._path = tmp_path / "logs" / "chat.db"
        self._has_kept = has_kept

    def make_store(self) -> LogStore:
        return SqliteStore(self._path, durability=self.durability, keep_entries=1000, look_seconds=LOOK_SECONDS)

    def forget(self, log: RoomLog) -> bool:
        last = log.append(Kind.SAY, "alice", 1, ["x"] * 2000).offset
        await_offset(log, last)
        if not log._followers:
            self._has_kept(log, last - 1000)
        return True


class TestContractWithEachTransactionForcedToTheDisk(TestContract):
    durability = "power"


class TestContractOfALogWithNothingInMemory(TestContract):
    @pytest.fixture(autouse=True)
    def _memory(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(durable, "RECENT_ENTRIES", 0)
        monkeypatch.setattr(durable, "FOLLOWED_ENTRIES", 0)
        monkeypatch.setattr(archived, "LOOKED_AT_ENTRIES", 0)


# ---------------------------------------------------------------------- restarts


def test_after_a_restart_everything_is_there_and_offsets_go_on(path: Path) -> None:
    with opened(path) as store:
        entries = [*record(store.open("lobby"), "a", "b"), *record(store.open("lobby"), "größer")]
        elsewhere = record(store.open("кухня"), "c")
        epoch = store.epoch
    with opened(path) as store:
        log = store.open("lobby")
        assert log.epoch == epoch
        assert log.end == Position(epoch, 3)
        assert log.read(start(log), ALL) == everything(log) == entries
        assert everything(store.open("кухня")) == elsewhere
        assert record(log, "d")[0].offset == 4
        assert [entry.text for entry in log.read(Position(epoch, 1), ALL)] == ["b", "größer", "d"]


def test_what_was_appended_last_is_recorded_by_closing(path: Path) -> None:
    with opened(path) as store:
        for number in range(100):
            store.open(f"room {number % 7}").append(Kind.SAY, "alice", 1, [f"{number}"])
    with opened(path) as store:
        texts = {entry.text for number in range(7) for entry in everything(store.open(f"room {number}"))}
    assert texts == {f"{number}" for number in range(100)}


def test_a_clock_that_was_set_back_over_a_restart_does_not_set_entries_back(path: Path, monkeypatch) -> None:
    with opened(path) as store:
        (before,) = record(store.open("lobby"), "a")
    monkeypatch.setattr(time, "time", lambda: before.at - 3600)
    with opened(path) as store:
        (after,) = record(store.open("lobby"), "b")
    assert after.at == before.at


@pytest.mark.parametrize(("ahead_days", "is_told"), [(400, True), (0, False), (-400, False)])
def test_a_newest_entry_of_the_future_is_told_at_the_start(
    path: Path, monkeypatch, caplog, ahead_days: int, is_told: bool
) -> None:
    with opened(path) as store, monkeypatch.context() as patch:
        later = time.time() + ahead_days * 86400
        patch.setattr(time, "time", lambda: later)
        record(store.open("lobby"), "a")
    with opened(path):
        pass
    year = time.gmtime(later).tm_year
    assert (f"the newest entry of lobby is of {year}-" in caplog.text) == is_told
    assert ("lies in the future" in caplog.text) == is_told


def test_closing_twice_is_fine(path: Path) -> None:
    with opened(path) as store:
        store.close()


def test_a_reader_who_is_far_behind_reads_on_from_the_file_into_what_comes_now(path: Path) -> None:
    with opened(path) as store:
        record(store.open("lobby"), *map(str, range(3000)))
    with opened(path) as store:
        log = store.open("lobby")
        with Following(log, Position(log.epoch, 500)) as following:
            log.append(Kind.SAY, "alice", 1, list(map(str, range(3000, 6000))))
            assert [entry.text for entry in following.read(5500, 64)] == list(map(str, range(500, 6000)))


def test_what_is_said_now_is_read_without_the_file(path: Path, monkeypatch) -> None:
    with opened(path) as store:
        log = store.open("lobby")
        monkeypatch.setattr(store._archive, "after", None)
        with Following(log, start(log)) as following:
            for _ in range(10):
                log.append(Kind.SAY, "alice", 1, ["x"] * 1000)
            assert len(following.read(10_000)) == 10_000
            assert len(log.read(Position(log.epoch, 10_000 - RECENT_ENTRIES // 2), ALL)) == RECENT_ENTRIES // 2


def test_of_a_log_that_nobody_follows_little_stays_in_memory(path: Path) -> None:
    with opened(path) as store:
        alone, left = store.open("@alice"), store.open("@bob")
        with Following(left, start(left)) as following:
            for log in (alone, left):
                record(log, *("x" * 1000 for _ in range(3000)))
            following.read(3000)
        asked_of_the_file = []
        after = store._archive.after
        store._archive.after = lambda *arguments: asked_of_the_file.append(arguments) or after(*arguments)
        for log in (alone, left):
            assert len(log.read(Position(log.epoch, 3000 - UNFOLLOWED_ENTRIES), ALL)) == UNFOLLOWED_ENTRIES
            assert not asked_of_the_file
            assert len(log.read(Position(log.epoch, 3000 - 2 * UNFOLLOWED_ENTRIES - 1), 1)) == 1
            assert len(asked_of_the_file) == 1
            asked_of_the_file.clear()


@pytest.mark.parametrize(("author", "origin", "text"), [("a", 1, "\ud800"), ("\ud800", 1, ""), ("a", 1 << 63, "")])
def test_what_the_file_cannot_hold_is_refused_at_once_and_disturbs_nobody(path: Path, author, origin, text) -> None:
    with opened(path) as store:
        log = store.open("lobby")
        with pytest.raises(ValueError, match=r"surrogates|63 bits"):
            log.append(Kind.SAY, author, origin, ["fine", text])
        with pytest.raises(UnicodeEncodeError):
            store.open("\ud800")
        assert [entry.offset for entry in record(log, "a\0b")] == [1]
        assert everything(log)[0].text == "a\0b"


def test_after_a_restart_the_rooms_are_those_of_which_something_was_recorded(path: Path) -> None:
    with opened(path) as store:
        record(store.open("lobby"), "a")
        record(store.open("@alice"), "a")
        store.open("empty")
    with opened(path) as store:
        assert store.rooms() == ["@alice", "lobby"]
        assert store.has("lobby")
        assert not store.has("empty")


def test_nothing_of_an_unrecorded_room_comes_into_the_file(path: Path) -> None:
    with opened(path) as store:
        record(store.open("lobby"), "a")
        log = store.open("attic", is_recorded=False)
        record(log, "a secret", author="mallory")
        store.keep_bookmark("alice", "attic", Bookmark(log.end, 1))
        assert store.bookmark("alice", "attic") == Bookmark(log.end, 1)
    assert asked(path, "SELECT name FROM room") == [("lobby",)]
    assert asked(path, "SELECT * FROM bookmark") == []
    for file in path.parent.iterdir():
        assert b"a secret" not in file.read_bytes()
        assert b"mallory" not in file.read_bytes()
    with opened(path) as store:
        assert not store.has("attic")
        assert store.open("attic", is_recorded=False).end.offset == 0


def test_what_was_recorded_of_a_room_stays_in_the_file_while_it_is_an_unrecorded_one(path: Path) -> None:
    with opened(path) as store:
        recorded = record(store.open("attic"), "a")
    with opened(path) as store:
        log = store.open("attic", is_recorded=False)
        assert everything(log) == []
        record(log, "b")
    with opened(path) as store:
        assert everything(store.open("attic")) == recorded


# ---------------------------------------------------------------------- keeping and letting go


def test_the_newest_entries_are_kept(path: Path, has_kept) -> None:
    with opened(path, keep_entries=10) as store:
        log = store.open("lobby")
        entries = record(log, *map(str, range(5000)))
        has_kept(log, 4990)
        assert rows(path) == 10
        assert everything(log) == entries[-10:]
        with pytest.raises(Hole) as caught:
            log.read(Position(log.epoch, 4000), ALL)
        assert (caught.value.kept_after, caught.value.missing) == (4990, 990)
    with opened(path, keep_entries=10) as store:
        log = store.open("lobby")
        assert everything(log) == entries[-10:]
        with pytest.raises(Hole) as caught:
            log.read(Position(log.epoch, 4000), ALL)
        assert (caught.value.kept_after, caught.value.missing) == (4990, 990)


def test_a_room_where_all_was_let_go_of_counts_on(path: Path, monkeypatch, has_kept) -> None:
    with opened(path) as store:
        (entry,) = record(store.open("lobby"), "a")
        record(store.open("another"), "b")
    monkeypatch.setattr(time, "time", lambda: entry.at + 3 * 86400)
    with opened(path, keep_days=2) as store:
        has_kept(store.open("lobby"), 1)
        assert everything(store.open("lobby")) == []
        assert record(store.open("lobby"), "c")[0].offset == 2
    with opened(path, keep_days=2) as store:
        assert [entry.text for entry in everything(store.open("lobby"))] == ["c"]


def test_only_what_is_too_old_goes(path: Path, monkeypatch, has_kept) -> None:
    with opened(path) as store:
        old = record(store.open("lobby"), *map(str, range(2500)))
        monkeypatch.setattr(time, "time", lambda: old[0].at + 86400)
        new = record(store.open("lobby"), *"abc")
    monkeypatch.setattr(time, "time", lambda: new[0].at + 86400)
    with opened(path, keep_days=1.5) as store:
        has_kept(store.open("lobby"), 2500)
        assert rows(path) == 3
        assert everything(store.open("lobby")) == new


def test_the_register_is_never_shortened(path: Path, monkeypatch, has_kept) -> None:
    with opened(path, keep_entries=10) as store:
        register, log = store.open("*register"), store.open("lobby")
        changes = record(register, *["{}"] * 100, kind=Kind.CHANGE)
        has_kept(log, record(log, *["a"] * 100)[-11].offset)
        assert everything(register) == changes
    monkeypatch.setattr(time, "time", lambda: changes[0].at + 3 * 86400)
    with opened(path, keep_days=2, keep_entries=5) as store:
        has_kept(store.open("lobby"), 100)
        assert everything(store.open("*register")) == changes
    assert rows(path) == 100


def rows(path: Path) -> int:
    return asked(path, "SELECT count(*) FROM entry")[0][0]
