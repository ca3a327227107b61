"""Another program's hands on the files beside the history of a running server: what anybody saw is recorded again."""

import contextlib
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from chatsrv.model.entries import Bookmark, Kind
from chatsrv.model.errors import Refused
from chatsrv.roomlog.sqlite import journal, recorder
from chatsrv.roomlog.sqlite.journal import Journal, Touched
from chatsrv.roomlog.sqlite.schema import connect, create, prepare
from chatsrv.roomlog.sqlite.store import SqliteStore
from chatsrv.testing.roomlog import await_offset, record
from tests.peer import DEADLINE_SECONDS
from tests.roomlog.keeping import ALL, Steps, asked, everything, opened

ROOT = Path(__file__).parent.parent.parent
WRONGLY = b"no journal " * 50_000

Harm = Callable[[Path], None]
"""What is done to a `-wal`, whose path is given."""


def delete(wal: Path) -> None:
    wal.unlink()


def cut_short(wal: Path) -> None:
    os.truncate(wal, 0)


def cut_to_a_piece(wal: Path) -> None:
    os.truncate(wal, 32 + 4120 + 100)  # one page of it, and the beginning of another one


def replace(wal: Path) -> None:
    other = wal.with_name("other")
    other.write_bytes(WRONGLY)
    other.replace(wal)


def overwrite(wal: Path) -> None:
    wal.write_bytes(WRONGLY)


def delete_index(wal: Path) -> None:
    wal.with_name(wal.name.replace("-wal", "-shm")).unlink()


def delete_both(wal: Path) -> None:
    delete(wal)
    delete_index(wal)


def cut_and_delete(wal: Path) -> None:
    cut_short(wal)
    delete(wal)


HARMS = [delete, cut_short, cut_to_a_piece, replace, overwrite, delete_index, delete_both, cut_and_delete]


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch) -> None:
    """Let the recorder try again at once."""
    original = SqliteStore.__init__
    monkeypatch.setattr(
        SqliteStore, "__init__", lambda its, path, **more: original(its, path, **{"retry_seconds": 0.01, **more})
    )


def wal_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


def texts_if_killed_now(path: Path) -> list[str]:
    """Return what the next server would find if this one were killed now."""
    place = path.parent / "killed"
    place.mkdir(exist_ok=True)
    for suffix in ("", "-wal"):
        place.joinpath(f"{path.name}{suffix}").write_bytes(path.with_name(f"{path.name}{suffix}").read_bytes())
    copy = place / path.name
    assert asked(copy, "PRAGMA integrity_check") == [("ok",)]
    found = [text for (text,) in asked(copy, "SELECT text FROM entry ORDER BY id")]
    for file in place.iterdir():
        file.unlink()
    return found


@pytest.mark.parametrize("harm", HARMS)
@pytest.mark.parametrize("count", [3, 1500], ids=["before a checkpoint", "after one"])
def test_what_was_seen_is_there_again_before_the_next_line_is_seen(path: Path, caplog, harm: Harm, count: int) -> None:
    with opened(path, look_seconds=3600) as store:
        log = store.open("lobby")
        texts = [str(number) for number in range(count)]
        for start in range(0, count, 3):
            record(log, *texts[start : start + 3])
        harm(wal_of(path))
        record(log, "next")
        assert texts_if_killed_now(path) == [*texts, "next"]
        record(log, "and more")
        assert texts_if_killed_now(path) == [*texts, "next", "and more"]
        assert [entry.text for entry in everything(log)] == [*texts, "next", "and more"]
        epoch = log.epoch
    assert "while the server runs; it has the newest part of the history, so leave the files beside" in caplog.text
    assert "all that people have seen is in the history again" in caplog.text
    with opened(path) as store:
        log = store.open("lobby")
        assert log.epoch == epoch
        assert [entry.text for entry in everything(log)] == [*texts, "next", "and more"]


@pytest.mark.parametrize("harm", HARMS)
def test_it_is_noticed_while_nobody_speaks(path: Path, steps: Steps, caplog, harm: Harm) -> None:
    with opened(path) as store:
        record(store.open("lobby"), *"abc")
        harm(wal_of(path))
        steps.wait_until(lambda: "is in the history again" in caplog.text)
        assert texts_if_killed_now(path) == ["a", "b", "c"]


@pytest.mark.parametrize("harm", [harm for harm in HARMS if harm is not delete_index])  # without it, the -wal has it
def test_a_line_that_is_being_recorded_just_then_is_refused_and_seen_by_nobody(
    path: Path, caplog, monkeypatch, harm: Harm
) -> None:
    with opened(path, look_seconds=3600) as store:
        log = store.open("lobby")
        texts = [f"{number} {'x' * 2000}" for number in range(9)]
        for text in texts:
            record(log, text)
        write = recorder.write_rows

        def write_and_harm(*args) -> None:
            write(*args)
            if any("unlucky" in str(row) for row in args[2]):
                harm(wal_of(path))

        monkeypatch.setattr(recorder, "write_rows", write_and_harm)
        position = log.append(Kind.SAY, "alice", 1, ["unlucky"])
        with pytest.raises(Refused):
            log.wait_until_recorded(position)
        await_offset(log, position.offset)
        record(log, "next")
        assert texts_if_killed_now(path) == [*texts, "", "next"]
        assert [entry.text for entry in everything(log)] == [*texts, "", "next"]
    assert caplog.text.count("so nobody can speak until this is mended") == 1


@pytest.mark.parametrize("harm", [cut_short, overwrite])
def test_rooms_and_bookmarks_are_there_again_too_and_what_was_erased_is_not(
    path: Path, steps: Steps, harm: Harm
) -> None:
    with opened(path) as store:
        log = store.open("lobby")
        record(log, "hello", author="bob")
        record(store.open("kitchen"), "a secret", author="alice")
        store.keep_bookmark("alice", "lobby", Bookmark(log.end, 7))
        store.keep_bookmark("bob", "lobby", Bookmark(log.end, 8))
        store.keep_caught_up("bob", False)
        steps.wait_until(lambda: len(asked(path, "SELECT * FROM bookmark")) == 2)
        store._unsettled.erase("alice")  # as the erasing of another program has it done
        harm(wal_of(path))
        record(log, "next")
        rows = asked(path, "SELECT room, author, text FROM history ORDER BY 1, offset")
        assert rows == [("kitchen", "", ""), ("lobby", "bob", "hello"), ("lobby", "alice", "next")]
        assert asked(path, 'SELECT account, "offset" FROM bookmark') == [("bob", 1)]
        assert asked(path, "SELECT * FROM wish") == [("bob", 0)]


def test_what_is_lost_for_good_is_told_and_its_places_are_not_given_out_again(path: Path, caplog) -> None:
    with opened(path, look_seconds=3600) as store:
        record(store.open("lobby"), *map(str, range(50)))
        record(store.open("kitchen"), "a")
        store._unsettled.settle()  # as if another program had kept the checkpoints from being complete
        cut_short(wal_of(path))
        assert record(store.open("lobby"), "next")[0].offset == 51
    assert "entries that people have seen are lost for good: 1 in kitchen, 50 in lobby" in caplog.text
    assert "is in the history again" not in caplog.text
    with opened(path) as store:
        assert record(store.open("kitchen"), "b")[0].offset == 2


@pytest.mark.parametrize("moment", ["replace", "sync_directory", "attach"])
def test_harm_that_is_done_again_while_it_is_mended_is_mended_too(
    path: Path, steps: Steps, monkeypatch, caplog, moment: str
) -> None:
    owner = {"replace": Path, "sync_directory": journal, "attach": Journal}[moment]
    does = getattr(owner, moment)
    done: list[None] = []

    def do_and_delete(*args) -> object:
        result = does(*args)
        if not done:
            done.append(None)
            wal_of(path).unlink(missing_ok=True)
        return result

    with opened(path) as store:
        record(store.open("lobby"), *"abc")
        monkeypatch.setattr(owner, moment, do_and_delete)
        delete(wal_of(path))
        steps.wait_until(lambda: bool(done) and "is in the history again" in caplog.text)
        record(store.open("lobby"), "next")
        assert texts_if_killed_now(path) == ["a", "b", "c", "next"]


def test_another_programs_checkpoint_is_nobodys_harm(path: Path, caplog) -> None:
    with opened(path, look_seconds=3600) as store:
        for number in range(20):
            record(store.open("lobby"), str(number))
            if number % 3 == 0:
                assert asked(path, "PRAGMA wal_checkpoint(TRUNCATE)") == [(0, 0, 0)]
            if number % 3 == 1:
                asked(path, "PRAGMA wal_checkpoint(RESTART)")
    assert not caplog.text


def test_old_entries_are_read_again_afterwards(path: Path) -> None:
    with opened(path, look_seconds=3600) as store:
        log = store.open("lobby")
        texts = [str(number) for number in range(100)]
        record(log, *texts)
        assert [text for (text,) in asked(path, "SELECT text FROM entry")] == texts
        archive = store._archive
        assert len(archive.after(log.first_id, "lobby", 0, 100, ALL)) == 100
        delete(wal_of(path))
        record(log, "next")
        assert [entry.text for entry in archive.after(log.first_id, "lobby", 0, 101, ALL)] == [*texts, "next"]


def test_what_nobody_touches_is_read_and_recorded_through_the_same_descriptors(path: Path) -> None:
    with opened(path, look_seconds=3600) as store:
        before = len(list(Path("/proc/self/fd").iterdir()))
        for number in range(600):
            record(store.open("lobby"), str(number))
        assert len(list(Path("/proc/self/fd").iterdir())) == before


# ---------------------------------------------------------------------------- a process that is killed


def play(path: Path, harm: Harm, seed: str) -> None:
    """Let a process record lines, do it harm, and kill it once it has said that all is well: nothing may be missing."""
    rng = random.Random(seed)
    at, more = rng.randrange(3, 1200), rng.choice((1, 3, 30, 400))
    command = [sys.executable, "-m", "tests.roomlog.recording", str(path)]
    errors = path.with_name("errors")
    seen: list[str] = []
    with (
        errors.open("w") as file,
        subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=file, text=True) as process,
    ):
        try:
            assert process.stdout
            for line in process.stdout:
                if line.strip().isdecimal():
                    seen.append(line.strip())
                    if len(seen) == at:
                        harm(wal_of(path))
                    if len(seen) >= at + more and "is in the history again" in errors.read_text():
                        break
                    assert len(seen) < at + 20_000
        finally:
            process.kill()
        seen += [line for line in process.stdout.read().split() if line.isdecimal()]
    with contextlib.closing(SqliteStore(path)) as store:
        there = {entry.text for entry in everything(store.open("lobby"))}
    assert not set(seen) - there


@pytest.mark.timeout(DEADLINE_SECONDS * 4)
@pytest.mark.parametrize("harm", [delete, cut_short])
def test_what_was_seen_survives_the_harm_and_a_kill(path: Path, harm: Harm) -> None:
    play(path, harm, "1")


@pytest.mark.stress
@pytest.mark.parametrize("harm", [delete, cut_short, replace, overwrite, delete_index, delete_both, cut_and_delete])
@pytest.mark.parametrize("seed", range(20))
def test_what_was_seen_survives_any_harm_and_a_kill(path: Path, harm: Harm, seed: int) -> None:
    play(path, harm, f"{harm.__name__} {seed}")


def test_files_that_sqlite_deletes_with_its_last_connection_count_as_touched_by_nobody(path: Path) -> None:
    create(path)
    connection = connect(path, 1.0)
    prepare(connection, path)
    with contextlib.closing(Journal(path)) as journal:
        journal.attach()
        journal.is_closing = True  # as the recorder tells those who read meanwhile
        connection.close()
        assert journal.check_names() == 0
        journal.is_closing = False
        with pytest.raises(Touched, match="was deleted while the server runs"):
            journal.check_names()
        journal.forget_deleted()
        assert journal.check_names() == 0


CUT_OFF_UNDER_A_JOURNAL = """
import os, sys
from pathlib import Path
from chatsrv.roomlog.sqlite.journal import Journal
from chatsrv.roomlog.sqlite.schema import connect, create, prepare

path = Path(sys.argv[1])
create(path)
connection = connect(path, 1.0)
prepare(connection, path)
journal = Journal(path)
journal.attach()
assert journal.new_frames()
os.truncate(f"{path}-shm", 0)
journal.check()
journal.glance()
assert journal.new_frames() == 0
print("alive", flush=True)
os._exit(0)  # SQLite has the file mapped, so that closing the connection would end the process
"""


@pytest.mark.timeout(DEADLINE_SECONDS)
def test_an_index_that_is_cut_off_does_not_kill_whoever_checks_it(path: Path) -> None:
    command = (sys.executable, "-c", CUT_OFF_UNDER_A_JOURNAL, str(path))
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "alive\n", "")
