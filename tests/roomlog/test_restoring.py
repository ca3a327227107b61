"""Putting a backup in the place of a history: checked first, the old files kept, and never half of each."""

import sqlite3
import stat
from pathlib import Path

import pytest

from chatsrv.model.errors import StoreError
from chatsrv.roomlog.sqlite import restoring
from chatsrv.roomlog.sqlite.restoring import restore
from chatsrv.roomlog.sqlite.store import SqliteStore
from chatsrv.testing.roomlog import record
from tests.roomlog.keeping import opened
from tests.roomlog.test_foreign import backup, leave_as_killed, texts


@pytest.fixture
def copy(path: Path) -> Path:
    """Return a backup of a history that said something since, and was killed."""
    with opened(path) as store:
        record(store.open("lobby"), "old")
    copy = path.parent / "backups" / "copy.db"
    copy.parent.mkdir()
    backup(path, copy)
    leave_as_killed(path, "new")
    return copy


def files_beside(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in path.parent.iterdir() if file.is_file()}


def test_a_backup_is_in_place_and_what_was_there_is_kept(path: Path, copy: Path, caplog) -> None:
    restored = restore(copy, path)
    assert restored.entries == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert {file.name.rpartition("-")[2] for file in restored.kept} >= {"mark", "wal"}
    assert all(file.name.startswith("chat.db.before-20") for file in restored.kept)
    assert set(files_beside(path)) == {"chat.db", "chat.db-mark", *(file.name for file in restored.kept)}
    assert texts(path) == ["old"]
    assert "a new epoch begins" in caplog.text
    assert copy.exists()


def test_what_was_kept_can_be_put_back_and_is_as_it_was_left(path: Path, copy: Path, caplog) -> None:
    kept = restore(copy, path).kept
    path.unlink()
    for file in kept:
        file.rename(path.with_name(f"{path.name}{file.name.partition('Z')[2]}"))
    assert texts(path) == ["old", "new"]
    assert "a new epoch begins" not in caplog.text


def test_twice_in_a_second_keeps_both(path: Path, copy: Path, monkeypatch) -> None:
    monkeypatch.setattr(restoring.time, "strftime", lambda *_: "20260801T120000Z")
    assert restore(copy, path).kept[0].name == "chat.db.before-20260801T120000Z"
    assert restore(copy, path).kept[0].name == "chat.db.before-20260801T120000Z-2"


def test_a_history_that_is_not_there_yet_is_made(copy: Path, tmp_path: Path) -> None:
    restored = restore(copy, tmp_path / "other.db")
    assert (restored.entries, restored.kept) == (1, ())
    assert texts(tmp_path / "other.db") == ["old"]


def test_a_server_that_runs_is_not_robbed_of_its_file(path: Path, copy: Path) -> None:
    with opened(path) as store:
        with pytest.raises(StoreError, match="is in use by a running server; stop it"):
            restore(copy, path)
        record(store.open("lobby"), "newer")
    assert texts(path) == ["old", "new", "newer"]


def broken(copy: Path) -> None:
    with copy.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 8192)


def another_programs(copy: Path) -> None:
    copy.unlink()
    connection = sqlite3.connect(copy)
    connection.execute("CREATE TABLE theirs (x)")
    connection.close()


BAD = {
    "damaged": (broken, r"is damaged .*chatsrv history rescue .*copy\.db"),
    "another program's": (another_programs, "is the database of another program"),
    "no database": (lambda copy: copy.write_bytes(b"Dear diary, " * 1000), "file is not a database"),
    "empty": (lambda copy: copy.write_bytes(b""), "is empty: nothing was ever recorded there"),
    "gone": (Path.unlink, "there is no such file; name the backup"),
}


@pytest.mark.parametrize(("spoil", "told"), BAD.values(), ids=BAD)
def test_a_backup_that_is_none_changes_nothing(path: Path, copy: Path, spoil, told: str) -> None:
    before = files_beside(path)
    spoil(copy)
    with pytest.raises(StoreError, match=told):
        restore(copy, path)
    assert files_beside(path) == before
    assert texts(path) == ["old", "new"]


def test_the_history_itself_is_no_backup(path: Path, copy: Path) -> None:
    with pytest.raises(StoreError, match="is the history itself"):
        restore(path, path)


@pytest.mark.parametrize("suffix", ["-wal", "-shm"])
def test_one_that_breaks_off_leaves_the_old_history_or_is_told(path: Path, copy: Path, monkeypatch, suffix) -> None:
    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", crash)
        with pytest.raises(KeyboardInterrupt):
            restore(copy, path)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", crash)
        with pytest.raises(KeyboardInterrupt):
            restore(copy, path)
    with pytest.raises(StoreError, match="was left by another history"):
        SqliteStore(path)
    restore(copy, path)
    assert texts(path) == ["old"]


def test_one_that_broke_off_before_has_changed_nothing(path: Path, copy: Path, monkeypatch) -> None:
    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", crash)
        with pytest.raises(KeyboardInterrupt):
            restore(copy, path)
    assert texts(path) == ["old", "new"]


def test_a_history_that_is_a_link_stays_one(copy: Path, tmp_path: Path) -> None:
    link, real = tmp_path / "link.db", tmp_path / "real.db"
    link.symlink_to(real)
    with opened(link) as store:
        record(store.open("lobby"), "other")
    restore(copy, link)
    assert link.is_symlink()
    assert texts(link) == ["old"]
