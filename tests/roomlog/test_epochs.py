"""Epochs of chatsrv.roomlog.sqlite.store: copies and crashes, after which places mean something else."""

import contextlib
import shutil
import sqlite3
from pathlib import Path

import pytest

from chatsrv.model.entries import Position
from chatsrv.model.errors import Hole, StoreError
from chatsrv.roomlog.sqlite import mark
from chatsrv.roomlog.sqlite.store import SqliteStore
from chatsrv.testing.roomlog import record
from tests.roomlog.keeping import ALL, asked, everything, opened


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
