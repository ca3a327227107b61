"""Behaviour of chatsrv.roomlog.sqlite: it is a room log, keeps what it should, and forgets what it should."""

import contextlib
import queue
import re
import shutil
import sqlite3
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from chatsrv.entries import Bookmark, Kind, Position
from chatsrv.errors import Hole, StoreError
from chatsrv.roomlog import durable, mark
from chatsrv.roomlog.base import LogStore, RoomLog
from chatsrv.roomlog.durable import RECENT_ENTRIES, UNFOLLOWED_ENTRIES, DurableRoomLog
from chatsrv.roomlog.file import HistoryFile
from chatsrv.roomlog.rescue import rescue
from chatsrv.roomlog.sqlite import SqliteStore
from chatsrv.testing.roomlog import Following, RoomLogContract, await_offset, record, start
from tests.peer import DEADLINE_SECONDS
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
        monkeypatch.setattr(durable, "LOOKED_AT_ENTRIES", 0)


@pytest.fixture
def has_kept(monkeypatch) -> Callable[[DurableRoomLog, int], None]:
    """Return what waits until a log keeps what is behind an offset alone, in the file too."""
    found: queue.SimpleQueue[tuple[DurableRoomLog, int]] = queue.SimpleQueue()
    let_go = DurableRoomLog.let_go

    def let_go_and_tell(log: DurableRoomLog, last: int) -> bool:
        if is_more := let_go(log, last):
            return is_more
        found.put((log, log.kept_after))  # so it was deleted before
        return False

    def wait(log: DurableRoomLog, kept_after: int) -> None:
        while found.get(timeout=DEADLINE_SECONDS) != (log, kept_after):
            pass

    monkeypatch.setattr(DurableRoomLog, "let_go", let_go_and_tell)
    return wait


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


# ---------------------------------------------------------------------- the file


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


# ---------------------------------------------------------------------- epochs


def test_each_new_file_has_an_epoch_of_its_own(tmp_path: Path) -> None:
    with opened(tmp_path / "one") as one, opened(tmp_path / "other") as other:
        assert one.epoch != other.epoch


def test_a_backup_that_is_interrupted_leaves_nothing(path: Path, tmp_path: Path) -> None:
    def interrupt(_done: int, _all: int) -> None:
        raise KeyboardInterrupt

    with opened(path) as store:
        record(store.open("lobby"), "a")
        before = sorted(tmp_path.iterdir())
        with pytest.raises(KeyboardInterrupt):
            store.backup(tmp_path / "copy", interrupt)
        assert sorted(tmp_path.iterdir()) == before


def test_a_backup_holds_what_was_recorded_and_begins_an_epoch_of_its_own(path: Path, tmp_path: Path) -> None:
    with opened(path) as store:
        log = store.open("lobby")
        entries = record(log, *"abc")
        told: list[tuple[int, int]] = []
        store.backup(tmp_path / "copy", lambda done, pages: told.append((done, pages)))
        assert told[-1][0] == told[-1][1] > 0
        position = record(log, "d")[0].offset
        assert [file.name for file in tmp_path.iterdir() if file.name.startswith("copy")] == ["copy"]
        with opened(tmp_path / "copy") as copy:
            assert everything(copy.open("lobby")) == entries
            assert record(copy.open("lobby"), "another d")[0].offset == position
            with pytest.raises(Hole) as caught:
                copy.open("lobby").read(Position(log.epoch, position), ALL)
            assert (caught.value.kept_after, caught.value.missing) == (0, None)
        with opened(tmp_path / "copy") as again:
            assert again.epoch == copy.epoch != store.epoch


def test_a_backup_that_cannot_be_written_says_so_and_leaves_nothing(path: Path, tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "copy").mkdir()
    with opened(path) as store:
        with pytest.raises(StoreError, match="could not be copied there"):
            store.backup(tmp_path / "missing" / "copy")
        with pytest.raises(StoreError, match="could not be copied there"):
            store.backup(tmp_path / "here" / "copy")
        assert [file.name for file in (tmp_path / "here").iterdir()] == ["copy"]
        record(store.open("lobby"), "a")


def said_and_closed(path: Path, text: str) -> str:
    """Record a text in a run of its own; return the epoch."""
    with opened(path) as store:
        record(store.open("lobby"), text)
        return store.epoch


def is_new_epoch(path: Path, epoch: str, caplog) -> bool:
    """Tell whether opening begins a new epoch, which is logged then and only then."""
    with opened(path) as store:
        is_new = store.epoch != epoch
    assert is_new == ("is not as this server left it" in caplog.text)
    return is_new


def test_an_older_copy_put_into_the_file_begins_a_new_epoch(path: Path, caplog) -> None:
    said_and_closed(path, "a")
    older = path.read_bytes()
    epoch = said_and_closed(path, "b")
    path.write_bytes(older)  # the same inode, as with `cp`
    assert is_new_epoch(path, epoch, caplog)


def test_a_whole_directory_put_back_begins_a_new_epoch(tmp_path: Path, caplog) -> None:
    epoch = said_and_closed(tmp_path / "logs" / "chat.db", "a")
    shutil.copytree(tmp_path / "logs", tmp_path / "archive")
    said_and_closed(tmp_path / "logs" / "chat.db", "b")
    (tmp_path / "logs").rename(tmp_path / "wrong")
    (tmp_path / "archive").rename(tmp_path / "logs")
    assert is_new_epoch(tmp_path / "logs" / "chat.db", epoch, caplog)


def put_in_place_of_a_crashed_one(copy: Path, files: dict[str, bytes], path: Path) -> None:
    """Leave the files as a server did that was killed, and put a copy into the history, as `cp` does it."""
    for name, data in files.items():
        path.with_name(name).write_bytes(data)
    path.with_name("chat.db-wal").unlink()
    path.write_bytes(copy.read_bytes())


def files_of(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in path.parent.glob("chat.db*")}


def test_a_copy_put_into_the_file_after_a_crash_begins_a_new_epoch(path: Path, caplog) -> None:
    with opened(path) as store:
        record(store.open("lobby"), "a")
        asked(path, "VACUUM INTO ?", str(path.with_name("copy")))  # as `.backup` does; ours says that it is a copy
        record(store.open("lobby"), "b")
        killed = files_of(path)
    put_in_place_of_a_crashed_one(path.with_name("copy"), killed, path)
    assert is_new_epoch(path, store.epoch, caplog)


def test_a_copy_that_lacks_nothing_goes_on_in_the_epoch_of_the_crashed_one(path: Path, caplog) -> None:
    with opened(path) as store:
        record(store.open("lobby"), "a", "b")
        record(store.open("kitchen"), "c")
        asked(path, "VACUUM INTO ?", str(path.with_name("copy")))
        killed = files_of(path)
    put_in_place_of_a_crashed_one(path.with_name("copy"), killed, path)
    assert not is_new_epoch(path, store.epoch, caplog)


def test_a_killed_server_that_had_let_old_entries_go_goes_on_in_its_epoch(path: Path, caplog, has_kept) -> None:
    with opened(path, keep_entries=10) as store:
        log = store.open("lobby")
        has_kept(log, record(log, *["a"] * 100)[-11].offset)
        record(store.open("kitchen"), "b")
        killed = files_of(path)
    for name, data in killed.items():
        path.with_name(name).write_bytes(data)
    assert not is_new_epoch(path, store.epoch, caplog)


def test_a_crash_before_a_new_epoch_has_begun_does_not_prolong_the_old_one(path: Path, caplog, monkeypatch) -> None:
    said_and_closed(path, "a")
    older = path.read_bytes()
    epoch = said_and_closed(path, "b")
    path.write_bytes(older)

    def crash(*_: object, **__: str) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(mark, "write_about", crash)
        with pytest.raises(KeyboardInterrupt):
            SqliteStore(path)
    assert is_new_epoch(path, epoch, caplog)


def test_a_mark_of_an_older_chatsrv_does_not_end_the_epoch(path: Path, caplog) -> None:
    epoch = said_and_closed(path, "a")
    place = path.with_name("chat.db-mark")
    place.write_bytes(place.read_bytes().splitlines(keepends=True)[0])
    assert not is_new_epoch(path, epoch, caplog)


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe", b"12345 0123456789abcdef\n"])
def test_a_file_without_its_mark_begins_a_new_epoch(path: Path, caplog, content) -> None:
    epoch = said_and_closed(path, "a")
    mark = path.with_name("chat.db-mark")
    mark.unlink()
    if content is not None:
        mark.write_bytes(content)
    assert is_new_epoch(path, epoch, caplog)


def test_the_same_file_goes_on_in_its_epoch(path: Path, caplog) -> None:
    epoch = said_and_closed(path, "a")
    assert not is_new_epoch(path, epoch, caplog)


@pytest.mark.parametrize(
    ("durability", "boot", "is_new"),
    [("process", "another", True), ("process", None, False), ("power", "another", False), ("power", None, False)],
)
def test_a_crash_of_the_machine_ends_the_epoch_unless_all_was_forced_to_the_disk(
    path: Path, caplog, durability, boot, is_new
) -> None:
    with opened(path, durability=durability) as store:
        record(store.open("lobby"), "a")
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE about SET value = 'open' WHERE name = 'state'")
        if boot:
            connection.execute("UPDATE about SET value = ? WHERE name = 'boot'", (boot,))
    assert is_new_epoch(path, store.epoch, caplog) == is_new
