"""The bounds of the search in the file: it ends when told so, also within SQLite, and no login waits for it."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from chatsrv.model.entries import Bookmark, Entry, Position
from chatsrv.roomlog.sqlite import archive, archived
from chatsrv.roomlog.sqlite.archive import READERS, SEARCHES
from chatsrv.sharing.effort import Effort
from chatsrv.testing.roomlog import record
from tests.peer import DEADLINE_SECONDS
from tests.roomlog.keeping import ALL, Steps, opened


@pytest.fixture(autouse=True)
def _the_index_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archived, "LOOKED_AT_ENTRIES", 0)


def test_a_search_ends_while_sqlite_works_and_the_file_can_be_searched_again(
    path: Path, steps: Steps, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "STEPS", 1)
    with opened(path) as store:
        log = store.open("lobby")
        record(log, *["tea"] * 100)
        steps.wait_for_index(log)
        asked: list[None] = []

        def is_wanted() -> bool:
            asked.append(None)
            return len(asked) <= 2  # one look at the newest entry, and a question from within SQLite

        effort = Effort(is_wanted)
        assert len(log.search("tea", log.end, ALL, effort=effort)) == 1
        assert effort.stopped_at == 99
        assert len(asked) == 3
        assert len(log.search("tea", log.end, ALL)) == 100


def test_a_search_looks_at_no_more_entries_than_its_effort_allows(path: Path, steps: Steps) -> None:
    with opened(path) as store:
        log = store.open("lobby")
        record(log, *["tea"] * 1000)
        steps.wait_for_index(log)
        looked_at: list[Entry] = []

        def hides(entry: Entry) -> bool:
            looked_at.append(entry)
            return True

        effort = Effort(characters=10 * (archive_cost := 100 + len("tea")))
        assert log.search("tea", log.end, 20, hides=hides, effort=effort) == []
        assert len(looked_at) == 10, archive_cost
        assert effort.stopped_at == 990


@pytest.mark.parametrize("words", ["t*", "é*", "te* t*"])
def test_what_begins_with_a_letter_or_two_is_looked_for_without_the_index(
    path: Path, steps: Steps, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with opened(path) as store:
        log = store.open("lobby")
        record(log, *["tea été"] * 100)
        steps.wait_for_index(log)
        monkeypatch.setattr(archive, "find", None)
        assert len(log.search(words, log.end, ALL)) == 100


def test_a_login_waits_for_no_search(path: Path, steps: Steps) -> None:
    with opened(path) as store:
        log = store.open("lobby")
        record(log, *["tea"] * 100)
        steps.wait_for_index(log)
        bookmark = Bookmark(Position(log.epoch, 7), 1)
        store.keep_bookmark("bob", "lobby", bookmark)
        store.keep_caught_up("bob", False)
        steps.wait_until(lambda: not any(store._readers.unwritten()))
        many = SEARCHES + READERS
        begun, end = threading.Semaphore(0), threading.Event()

        def hides(entry: Entry) -> bool:
            if entry.offset < 100:  # the search has come into the index
                begun.release()
                assert end.wait(DEADLINE_SECONDS)
            return True

        with ThreadPoolExecutor(many) as pool:
            searching = [pool.submit(log.search, "tea", log.end, 20, hides=hides) for _ in range(many)]
            try:
                for _ in range(SEARCHES):
                    assert begun.acquire(timeout=DEADLINE_SECONDS)
                assert store.bookmark("bob", "lobby") == bookmark
                assert not store.is_caught_up("bob")
                assert not begun.acquire(blocking=False)  # the others wait
            finally:
                end.set()
            assert [search.result() for search in searching] == [[]] * many


def test_a_backup_takes_nobodys_place(path: Path, tmp_path: Path) -> None:
    with opened(path) as store:
        log = store.open("lobby")
        record(log, "tea")
        asked: list[Bookmark | None] = []

        def ask(_done: int, _all: int) -> None:
            with ThreadPoolExecutor(READERS) as pool:
                asked.extend(pool.map(lambda name: store.bookmark(name, "lobby"), map(str, range(READERS))))

        store.backup(tmp_path / "copy.db", ask)
        assert asked
