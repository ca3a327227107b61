"""Erasing what an account said: from the file, its index and its free pages, and from a running server's memory."""

import contextlib
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatsrv.model.entries import Bookmark, Kind, Position
from chatsrv.model.errors import StoreError
from chatsrv.roomlog.sqlite import erasing
from chatsrv.roomlog.sqlite.erasing import Erasing
from chatsrv.roomlog.sqlite.file import HistoryFile
from chatsrv.roomlog.sqlite.store import SqliteStore
from chatsrv.testing.roomlog import Following, record, start
from tests.roomlog.keeping import ALL, Steps, asked, everything, opened

ERASED = (Kind.ERASED, "", 0, "")
ERASE = """
import sys
from chatsrv.roomlog.sqlite.file import HistoryFile
print(HistoryFile(sys.argv[1]).erase(sys.argv[2]))
"""


def bytes_in_files(path: Path) -> bytes:
    return b"".join(file.read_bytes() for file in path.parent.iterdir() if not file.name.endswith("-shm"))


def test_another_process_erases_from_the_file_and_from_the_memory_of_a_server(path: Path, steps: Steps) -> None:
    with opened(path) as store:
        log, there = store.open("lobby"), store.open("кухня")
        kept = [*record(log, "hello", author="bob"), *record(there, "alice?", author="bob")]
        record(log, "", kind=Kind.JOIN, author="Alice")
        record(log, "xylographer", "syzygy and more", author="Alice", origin=3)
        record(there, "waves xylographer", kind=Kind.ACTION, author="alice")
        record(log, "QUIT", kind=Kind.LEAVE, author="alice")
        with Following(log, start(log)) as following:
            steps.wait_for_index(log)
            steps.wait_for_index(there)
            command = [sys.executable, "-c", ERASE, str(path), "ALICE"]
            assert subprocess.run(command, check=True, capture_output=True, text=True).stdout == "5\n"
            assert following.read(5) == everything(log)
        assert [entry[3:] for entry in everything(log)] == [kept[0][3:], *[ERASED] * 4]
        assert [entry[3:] for entry in everything(there)] == [kept[1][3:], ERASED]
        assert log.search("xylo*", log.end, ALL) == []
        assert b"hello" in bytes_in_files(path)
        for secret in (b"xylographer", b"lographer", b"syzygy", b"Alice"):
            assert secret not in bytes_in_files(path)
        assert record(log, "on we go", author="alice")[0].offset == 6
    with opened(path) as store:
        assert [entry.text for entry in everything(store.open("lobby"))] == ["hello", "", "", "", "", "on we go"]
        assert store.open("lobby").epoch == log.epoch


def test_what_waits_to_be_recorded_is_recorded_without_words(path: Path, monkeypatch) -> None:
    with opened(path) as store:
        log = store.open("lobby")
        announce = store._recorder.announce
        monkeypatch.setattr(store._recorder, "announce", lambda log: None)
        log.append(Kind.SAY, "bob", 2, ["his"])
        last = log.append(Kind.SAY, "alice", 1, ["a secret"] * 3)
        assert store.erase("alice") == 0  # in the file
        monkeypatch.undo()
        announce(log)
        log.wait_until_recorded(last)
        assert [entry.text for entry in everything(log)] == ["his", "", "", ""]
    assert b"a secret" not in bytes_in_files(path)


def test_what_is_erased_already_is_not_erased_and_counted_again(path: Path) -> None:
    with opened(path) as store:
        record(store.open("lobby"), "a", "b", author="alice")
        record(store.open("lobby"), "{}", kind=Kind.CHANGE, author="")
        record(store.open("@alice"), "c", "d", kind=Kind.PRIVATE, author="bob")
        assert store.erase("alice") == 4
        record(store.open("@alice"), "e", kind=Kind.PRIVATE, author="")
        assert store.erase("") == 0
        assert store.erase("alice") == 1
        assert store.erase("alice") == 0


def test_what_is_kept_about_the_account_as_a_reader_goes_too(path: Path, steps: Steps) -> None:
    with opened(path) as store:
        log = store.open("lobby")
        record(log, "a")
        for account in ("alice", "bob"):
            store.keep_bookmark(account, "lobby", Bookmark(log.end, 1))
            store.keep_caught_up(account, False)
        steps.wait_until(lambda: len(asked(path, "SELECT * FROM wish")) == 2)
        store.keep_bookmark("alice", "lobby", Bookmark(Position(log.epoch, 0), 1))
        store.erase("Alice")
        assert store.bookmark("alice", "lobby") is None
        assert store.is_caught_up("alice")
        assert store.bookmark("bob", "lobby") == Bookmark(log.end, 1)
        assert not store.is_caught_up("bob")
    assert asked(path, "SELECT account FROM bookmark UNION SELECT account FROM wish") == [("bob",)]


@pytest.mark.parametrize("is_running", [True, False])
def test_the_accounts_own_log_goes_as_a_whole_and_the_register_not_at_all(path: Path, is_running: bool) -> None:
    with opened(path) as store:
        record(store.open("@alice"), "for alice", author="Bob", kind=Kind.PRIVATE)
        record(store.open("@alice"), "bob from alice", author="Alice", kind=Kind.PRIVATE_SENT)
        record(store.open("@bob"), "from alice", author="Alice", kind=Kind.PRIVATE)
        record(store.open("@bob"), "alice for alice", author="Bob", kind=Kind.PRIVATE_SENT)
        record(store.open("*register"), "alice bans", "bob", author="Alice", kind=Kind.CHANGE)
        record(store.open("lobby"), "she bans", author="Alice", kind=Kind.CHANGE)
        if is_running:
            assert store.erase("Alice") == 4
            check_alice_is_erased(store)
    if not is_running:
        with HistoryFile(path) as file:
            assert file.erase("Alice") == 4
            assert file.erase("Alice") == 0
    with opened(path) as store:
        check_alice_is_erased(store)


def check_alice_is_erased(store: SqliteStore) -> None:
    texts = {room: [entry.text for entry in everything(store.open(room))] for room in store.rooms()}
    assert texts == {
        "*register": ["alice bans", "bob"],
        "@alice": ["", ""],
        "@bob": ["", "alice for alice"],
        "lobby": [""],
    }
    assert [entry[3:] for entry in everything(store.open("@alice"))] == [ERASED] * 2


def test_what_is_said_in_a_room_that_is_not_recorded_is_erased_from_memory(path: Path) -> None:
    with opened(path) as store:
        log = store.open("attic", is_recorded=False)
        record(log, "hers", author="Alice")
        (his,) = record(log, "his", author="bob")
        for account in ("alice", "bob"):
            store.keep_bookmark(account, "attic", Bookmark(log.end, 1))
        assert store.erase("alice") == 0  # in the file
        hers, after = everything(log)
        assert (hers[3:], after) == (ERASED, his)
        assert store.bookmark("alice", "attic") is None
        assert store.bookmark("bob", "attic") == Bookmark(log.end, 1)


def test_without_a_server_it_is_erased_at_once(path: Path) -> None:
    with opened(path, look_seconds=3600) as store:
        record(store.open("lobby"), *["mine", "theirs"] * 300, author="alice")
        record(store.open("lobby"), "unindexed", author="bob")
    told: list[tuple[int, int]] = []
    with HistoryFile(path) as file:
        assert file.erase("alice", lambda done, all_: told.append((done, all_))) == 600
        assert file.erase("alice") == file.erase("nobody") == file.erase("# no name") == 0
        assert [entry.text for entry in file.entries()] == [*[""] * 600, "unindexed"]
    assert told[-1] == (601, 601)
    assert asked(path, "SELECT * FROM erasure") == []


def test_what_was_interrupted_can_be_tried_again(path: Path) -> None:
    with opened(path) as store:
        record(store.open("lobby"), "a secret", author="alice")

        def interrupt(done: int, all_: int) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            store.erase("alice", interrupt)
        assert store.erase("alice") == 0
        assert everything(store.open("lobby"))[0][3:] == ERASED
    assert b"a secret" not in bytes_in_files(path)
    assert asked(path, "SELECT * FROM erasure") == []


def test_a_server_that_does_not_answer_is_told_of(path: Path, steps: Steps, monkeypatch) -> None:
    monkeypatch.setattr(erasing, "ANSWER_SECONDS", 0.0)
    with opened(path, look_seconds=3600) as store:
        record(store.open("lobby"), "a secret", author="alice")
        steps.wait_until(lambda: True)
        with pytest.raises(StoreError, match="is erased from the file, but the server that uses it has not answered"):
            store.erase("alice")
    assert asked(path, "SELECT kind, author, text FROM entry") == [(Kind.ERASED, "", "")]
    monkeypatch.undo()
    with opened(path) as store:
        assert store.erase("alice") == 0


@contextlib.contextmanager
def reading(path: Path) -> Iterator[None]:
    """Let another program have begun to read, and not end."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM entry").fetchone()
        yield


def test_words_that_somebody_else_keeps_on_the_disk_are_told_of_and_the_server_clears_them_later(
    path: Path, steps: Steps, monkeypatch, caplog
) -> None:
    monkeypatch.setattr(erasing, "ANSWER_SECONDS", 0.0)
    monkeypatch.setattr(Erasing, "_is_answered", lambda its: True)  # which has its own tests
    with opened(path) as store:
        log = store.open("lobby")
        record(log, "xylographer", author="alice")
        steps.wait_for_index(log)
        with reading(path):
            with pytest.raises(StoreError, match=r"1 entry of alice are erased.*the running server clears them away"):
                store.erase("alice")
            assert b"xylographer" in bytes_in_files(path)
            steps.wait_until(lambda: "still on the disk, in the -wal" in caplog.text)
            record(log, "nobody waits", author="bob")
            steps.wait_for_index(log)  # so there was another look
            assert caplog.text.count("still on the disk") == 1
        steps.wait_until(lambda: "is not on the disk any more" in caplog.text)
        steps.wait_until(lambda: asked(path, "SELECT * FROM erasure") == [])
        for secret in (b"xylographer", b"lographer"):
            assert secret not in bytes_in_files(path)
        assert store.erase("alice") == 0


def test_without_a_server_the_same_command_clears_them(path: Path, monkeypatch) -> None:
    monkeypatch.setattr(erasing, "ANSWER_SECONDS", 0.0)
    with opened(path) as store:
        record(store.open("lobby"), "xylographer", author="alice")
    with HistoryFile(path) as file:
        with reading(path):
            with pytest.raises(StoreError, match="run the same command again when that program has finished"):
                file.erase("alice")
            assert b"xylographer" in bytes_in_files(path)
        assert file.is_erasing("Alice")
        assert file.erase("alice") == 0
        assert not file.is_erasing("Alice")
        assert b"xylographer" not in bytes_in_files(path)


def test_a_server_that_is_started_later_clears_them(path: Path, steps: Steps, monkeypatch) -> None:
    monkeypatch.setattr(erasing, "ANSWER_SECONDS", 0.0)
    with opened(path) as store:
        record(store.open("lobby"), "xylographer", author="alice")
    with HistoryFile(path) as file, reading(path), pytest.raises(StoreError):
        file.erase("alice")
    with opened(path):
        steps.wait_until(lambda: asked(path, "SELECT * FROM erasure") == [])
        assert b"xylographer" not in bytes_in_files(path)


def test_what_is_no_longer_kept_leaves_the_disk(path: Path, steps: Steps) -> None:
    with opened(path, keep_entries=10) as store:
        log = store.open("lobby")
        record(log, *["¤" * 20] * 50)  # which is no word, so that the index has nothing of it
        steps.wait_until(lambda: log.kept_after > 0 and log.kept_after >= log.recorded - 10)
        record(log, *map(str, range(20)))
        steps.wait_until(lambda: "¤¤¤".encode() not in bytes_in_files(path))
        record(log, "goes on")


def test_pages_that_the_index_does_not_need_any_more_are_overwritten(path: Path, steps: Steps) -> None:
    with opened(path) as store:
        log = store.open("lobby")
        for number in range(30):
            record(log, f"xylographer{number} syzygy", author="alice")
            steps.wait_for_index(log)
        assert store.erase("alice") == 30
        for secret in (b"xylographer", b"lographer", b"syzygy"):
            assert secret not in bytes_in_files(path)


def test_everybody_goes_on_speaking_meanwhile(path: Path, steps: Steps) -> None:
    with opened(path) as store:
        log = store.open("lobby")
        for _ in range(20):
            record(log, *["her words"] * 50, author="alice")
            record(log, *["his words"] * 50, author="bob")
        is_over = threading.Event()

        def speak() -> None:
            while not is_over.is_set():
                log.wait_for_space()
                log.wait_until_recorded(log.append(Kind.SAY, "carol", 3, ["their words"]))

        speaker = threading.Thread(target=speak)
        speaker.start()
        try:
            assert store.erase("alice") == 1000
        finally:
            is_over.set()
            speaker.join()
        steps.wait_for_index(log)
        entries = everything(log)
        assert [entry.offset for entry in entries] == list(range(1, len(entries) + 1))
        assert sum(entry[3:] == ERASED for entry in entries) == 1000
        assert len(log.search("words", log.end, ALL)) == len(entries) - 1000
    assert asked(path, "SELECT count(*) FROM words WHERE words MATCH 'her'") == [(0,)]


def test_an_index_of_another_python_is_not_left_with_the_words(path: Path, monkeypatch) -> None:
    with opened(path) as store:
        record(store.open("lobby"), "a secret", author="alice")
        monkeypatch.setattr("chatsrv.roomlog.sqlite.index.VERSION", "another")
        with pytest.raises(StoreError, match="the index of words is of another chatsrv or Python"):
            store.erase("alice")
