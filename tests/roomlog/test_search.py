"""The search in the file: it finds what looking at each entry finds, however much is indexed, and forgets what goes."""

import contextlib
import sqlite3
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatsrv.model.entries import Kind, Position
from chatsrv.model.refusals import HistoryUnreadable
from chatsrv.roomlog.base import RoomLog
from chatsrv.roomlog.search.words import VERSION, sought_in, terms_of, words_of
from chatsrv.roomlog.sqlite import archived, index, upkeep
from chatsrv.testing.roomlog import record
from tests.refusing import refused
from tests.roomlog.keeping import ALL, Steps, asked, opened


def texts(log: RoomLog, words: str, limit: int = ALL) -> list[str]:
    return [entry.text for entry in log.search(words, log.end, limit)]


@pytest.fixture(autouse=True)
def _nothing_is_looked_at_that_is_indexed(monkeypatch) -> None:
    monkeypatch.setattr(archived, "LOOKED_AT_ENTRIES", 0)


# ---------------------------------------------------------------------- the same as without an index

ODD = (
    "東京都ーカスｶﾞสวัีကမ္ဘ서울에🏽🇩🇪🌍❤\ufe0f♀łđक्षि"
    "aA1x_-*\"'^(): {}+ \0äÄÀßﬁİ℡Ⅷ①²👩🚀你好いガｶ한"
    "\u0131\u0301\u0345\u03c2\u03c3\u03a3\u01c5\u0e33\u1e9b\u1e9e\u200d\U00016e40\U0001e900\U0001f130"
)
TEXT = st.text(st.sampled_from(ODD) | st.characters(exclude_categories=["Cs"]), max_size=12)


def test_the_index_finds_exactly_what_looking_at_each_entry_finds(steps: Steps) -> None:
    with tempfile.TemporaryDirectory() as place, opened(Path(place) / "chat.db") as store:

        @settings(max_examples=150, deadline=None)
        @given(st.lists(TEXT, min_size=1, max_size=8), st.data())
        def check(said: list[str], data: st.DataObject) -> None:
            log = store.open("lobby")
            before = log.end.offset
            record(log, *said)
            steps.wait_for_index(log)
            known = [word for text in said for word in words_of(text)] or ["x"]
            word = st.sampled_from(known)
            start = word.map(lambda known: known[: len(known) // 2 + 1] + "*")
            text = data.draw(st.sampled_from(said))
            ends = st.integers(0, len(text))
            part = st.tuples(ends, ends).map(lambda found: text[min(found) : max(found)])
            question = data.draw(st.lists(word | start | part | TEXT, min_size=1, max_size=3).map(" ".join))
            looked_for = log.look_for(sought_in(question), log.end, before, ALL) if sought_in(question) else []
            assert [entry for entry in log.search(question, log.end, ALL) if entry.offset > before] == looked_for

        check()


def test_terms_are_of_what_the_index_takes_as_it_is() -> None:
    everybody = "".join(map(chr, (*range(0xD800), *range(0xE000, 0x110000))))
    terms = "".join(terms_of(everybody))
    assert {character for character in terms if character.isascii()} == set("0123456789abcdefghijklmnopqrstuvwxyz")


# ---------------------------------------------------------------------- in the background


@pytest.mark.parametrize("edge", [0, 1, 499, 500, 1500, 2999, 3000])
def test_a_search_is_complete_however_far_the_index_is(path: Path, edge: int) -> None:
    with opened(path, look_seconds=3600) as store:
        record(store.open("lobby"), *(f"word{number} all" for number in range(3000)))
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        while (reached := index.edge_of(connection, 1)) < edge:
            index.extend(connection, 1, edge, 500)
        assert reached <= edge
    with opened(path, look_seconds=3600) as store:
        log = store.open("lobby")
        found = log.search("all", log.end, ALL)
        assert [entry.offset for entry in found] == list(range(3000, 0, -1))
        for number in (0, 1, 498, 499, 500, 1499, 2998, 2999):
            assert texts(log, f"word{number}") == [f"word{number} all"]
        assert [entry.offset for entry in log.search("all", Position(log.epoch, 1700), 1000)] == list(
            range(1700, 700, -1)
        )


def test_everything_is_indexed_in_time_in_all_rooms_and_after_a_restart(path: Path, steps: Steps) -> None:
    rooms = [f"room {number}" for number in range(20)]
    with opened(path, look_seconds=3600) as store:
        for number, room in enumerate(rooms):
            record(store.open(room), *[f"word{number}"] * 100)
    with opened(path) as store:
        for room in rooms:
            steps.wait_for_index(store.open(room))
        record(store.open("new"), "word5")
        steps.wait_for_index(store.open("new"))
        assert [len(texts(store.open(room), f"word{number}")) for number, room in enumerate(rooms)] == [100] * 20
        assert texts(store.open("room 4"), "word5") == []
        assert texts(store.open("new"), "word5") == ["word5"]


def test_long_texts_are_indexed_in_smaller_steps(path: Path, steps: Steps) -> None:
    with opened(path, look_seconds=3600) as store:
        record(store.open("lobby"), *["x" * 4000] * 100)
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        while index.edge_of(connection, 1) == 0:
            index.extend(connection, 1, 100, 500)
        assert index.edge_of(connection, 1) == -(-index.STEP_CHARACTERS // 4000)


def test_an_index_that_cannot_be_written_holds_up_nobody_and_is_told_once(
    path: Path, steps: Steps, monkeypatch, caplog
) -> None:
    extend = upkeep.extend
    failures: list[None] = []
    is_broken = True

    def extend_or_fail(*args) -> tuple[int, int]:
        if is_broken:
            failures.append(None)
            raise sqlite3.OperationalError("no luck")
        return extend(*args)

    monkeypatch.setattr(upkeep, "extend", extend_or_fail)
    with opened(path) as store:
        log = store.open("lobby")
        record(log, "one two")
        steps.wait_until(lambda: len(failures) > 2)
        assert texts(log, "two") == ["one two"]
        is_broken = False
        record(log, "two three")
        steps.wait_for_index(log)
        assert texts(log, "two") == ["two three", "one two"]
    assert caplog.text.count("could not be deleted, or new ones not be indexed") == 1


def test_the_index_is_made_while_others_speak(path: Path, steps: Steps) -> None:
    with opened(path) as store:
        log = store.open("lobby")
        for number in range(1, 200):
            log.append(Kind.SAY, "alice", 1, [f"word{number}"] * 50)
            log.wait_for_space()
        steps.wait_until(lambda: store.open("lobby").recorded == 199 * 50)
        steps.wait_for_index(log)
        assert len(texts(log, "word7")) == 50
        assert len(texts(log, "word*")) == 199 * 50


# ---------------------------------------------------------------------- what goes


def test_what_is_let_go_of_leaves_the_index(path: Path, steps: Steps) -> None:
    with opened(path, keep_entries=100) as store:
        log = store.open("lobby")
        record(log, *["old words"] * 50, *["new words"] * 50)
        steps.wait_for_index(log)
        record(log, *["newer words"] * 100)
        steps.wait_until(lambda: asked(path, "SELECT count(*) FROM entry") == [(100,)])
        steps.wait_for_index(log)
        assert texts(log, "words") == ["newer words"] * 100
    for word, count in (("old", 0), ("new", 0), ("words", 100), ("newer", 100)):
        assert asked(path, "SELECT count(*) FROM words WHERE words MATCH ?", word) == [(count,)]


def test_what_is_let_go_of_before_it_is_indexed_never_enters_the_index(path: Path, steps: Steps) -> None:
    with opened(path, look_seconds=3600) as store:
        record(store.open("lobby"), *["old words"] * 3000, "new words")
    with opened(path, keep_entries=1) as store:
        log = store.open("lobby")
        steps.wait_until(lambda: asked(path, "SELECT count(*) FROM entry") == [(1,)])
        steps.wait_for_index(log)
        assert texts(log, "words") == ["new words"]
    assert asked(path, "SELECT count(*) FROM words WHERE words MATCH 'old'") == [(0,)]


# ---------------------------------------------------------------------- other Pythons, and damage


def test_an_index_of_other_words_is_made_anew(path: Path, steps: Steps) -> None:
    with opened(path) as store:
        record(store.open("lobby"), "one two")
        steps.wait_for_index(store.open("lobby"))
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE about SET value = 'those of another Unicode' WHERE name = 'words'")
        connection.execute(
            "INSERT INTO words (rowid, text) VALUES (?, 'three')", asked(path, "SELECT id FROM entry")[0]
        )
    with opened(path, look_seconds=3600) as store:
        assert texts(store.open("lobby"), "two") == ["one two"]
    assert asked(path, "SELECT indexed FROM room") in ([(0,)], [(1,)])
    assert asked(path, "SELECT count(*) FROM words WHERE words MATCH 'three'") == [(0,)]
    assert asked(path, "SELECT value FROM about WHERE name = 'words'") == [(VERSION,)]


def with_index_of_other_words(path: Path) -> None:
    """Make an index as an older chatsrv left it: of words that are not those of today."""
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE about SET value = '1 of an older chatsrv' WHERE name = 'words'")
        for number in range(100):
            rows = [(1 << 41 | number * 100 + row, f"oldword{number * 100 + row}") for row in range(100)]
            connection.executemany("INSERT INTO words (rowid, text) VALUES (?, ?)", rows)


def parts_of_index(path: Path) -> list[str]:
    return [name for (name,) in asked(path, "SELECT name FROM sqlite_schema WHERE name GLOB 'words*' ORDER BY name")]


PARTS = ["words", "words_config", "words_data", "words_idx"]


def test_an_old_index_is_set_aside_at_the_start_and_discarded_bit_by_bit(
    path: Path, steps: Steps, monkeypatch, caplog
) -> None:
    monkeypatch.setattr(index, "DISCARDED_BLOCKS", 1)
    with opened(path) as store:
        record(store.open("lobby"), "東京に住んでいます", "one two")
        steps.wait_for_index(store.open("lobby"))
    with_index_of_other_words(path)
    is_held = True
    discard_some = upkeep.discard_some
    discarded: list[None] = []

    def discard_later(connection: sqlite3.Connection) -> bool:
        if is_held:
            return True
        discarded.append(None)
        return discard_some(connection)

    monkeypatch.setattr(upkeep, "discard_some", discard_later)
    with caplog.at_level("INFO"), opened(path) as store:
        log = store.open("lobby")
        assert "made anew in the background" in caplog.text
        assert "words_old" in parts_of_index(path)
        assert texts(log, "東京") == ["東京に住んでいます"]
        assert asked(path, "SELECT indexed FROM room") == [(0,)]
        is_held = False
        steps.wait_for_index(log)
        assert texts(log, "東京") == ["東京に住んでいます"]
        assert len(discarded) > 2
    assert parts_of_index(path) == PARTS


def test_discarding_goes_on_after_a_restart_and_another_change_of_words(path: Path, steps: Steps, monkeypatch) -> None:
    with opened(path) as store:
        record(store.open("lobby"), "one two")
        steps.wait_for_index(store.open("lobby"))
    with_index_of_other_words(path)
    with monkeypatch.context() as held:
        held.setattr(upkeep, "discard_some", lambda connection: True)
        with opened(path) as store:
            assert "words_old" in parts_of_index(path)
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE about SET value = '1 of another Python' WHERE name = 'words'")
    with opened(path) as store:
        steps.wait_for_index(store.open("lobby"))
        assert texts(store.open("lobby"), "two") == ["one two"]
    assert parts_of_index(path) == PARTS


def test_an_old_index_that_cannot_be_discarded_keeps_no_new_one_from_being_made(
    path: Path, steps: Steps, monkeypatch, caplog
) -> None:
    with opened(path) as store:
        record(store.open("lobby"), "one two")
        steps.wait_for_index(store.open("lobby"))
    with_index_of_other_words(path)

    def fail(_: sqlite3.Connection) -> bool:
        raise sqlite3.DatabaseError("no luck")

    monkeypatch.setattr(upkeep, "discard_some", fail)
    with opened(path) as store:
        steps.wait_for_index(store.open("lobby"))
        assert texts(store.open("lobby"), "two") == ["one two"]
    assert caplog.text.count("no luck") == 1


def test_what_is_erased_leaves_an_index_that_was_set_aside(path: Path, monkeypatch) -> None:
    with opened(path) as store:
        record(store.open("lobby"), "a secret", author="alice")
    with_index_of_other_words(path)
    monkeypatch.setattr(upkeep, "discard_some", lambda connection: True)  # it has not come to that yet
    with opened(path) as store:
        assert b"oldword9" in path.read_bytes()
        assert store.erase("alice") == 1
        assert parts_of_index(path) == PARTS
    assert b"oldword9" not in path.read_bytes()


def test_a_file_that_is_not_as_it_was_left_gets_a_new_index(path: Path, steps: Steps) -> None:
    with opened(path) as store:
        record(store.open("lobby"), "one two")
        steps.wait_for_index(store.open("lobby"))
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM words_data WHERE id > 10")  # as a rescue may leave it
    path.with_name("chat.db-mark").unlink()
    with opened(path) as store:
        log = store.open("lobby")
        assert texts(log, "two") == ["one two"]
        record(log, "two three")
        steps.wait_for_index(log)
        assert texts(log, "two") == ["two three", "one two"]


def test_a_damaged_index_is_made_anew_at_the_start(path: Path, steps: Steps) -> None:
    with opened(path) as store:
        record(store.open("lobby"), *(f"word{number}" for number in range(500)))
        steps.wait_for_index(store.open("lobby"))
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA writable_schema = ON")
        question = "UPDATE sqlite_schema SET sql = replace(sql, 'block BLOB', 'block BLOB NOT NULL, CHECK (id < 0)')"
        connection.execute(f"{question} WHERE name = 'words_data'")
    with opened(path) as store:
        log = store.open("lobby")
        steps.wait_for_index(log)
        assert texts(log, "word7") == ["word7"]
    assert "CHECK" not in asked(path, "SELECT sql FROM sqlite_schema WHERE name = 'words_data'")[0][0]


def test_without_fts5_everything_is_looked_at(path: Path, steps: Steps, monkeypatch) -> None:
    with opened(path) as store:
        record(store.open("lobby"), "one two")
        steps.wait_for_index(store.open("lobby"))
    with monkeypatch.context() as lacking:
        lacking.setattr(index, "_MODULE", "fts99")
        with opened(path) as store:
            log = store.open("lobby")
            assert texts(log, "two") == ["one two"]
            record(log, "two three")
            steps.wait_until(lambda: True)
            assert texts(log, "two") == ["two three", "one two"]
        assert asked(path, "SELECT indexed FROM room") == [(0,)]
    with opened(path) as store:
        steps.wait_for_index(store.open("lobby"))
        assert texts(store.open("lobby"), "two") == ["two three", "one two"]


def test_a_search_that_cannot_be_made_is_refused(path: Path, tmp_path: Path) -> None:
    with opened(path) as store:
        record(store.open("lobby"), "one two")
    with opened(path) as store:
        log = store.open("lobby")
        path.rename(tmp_path / "away")
        with refused(HistoryUnreadable()):
            log.search("two", log.end, 1)
        (tmp_path / "away").rename(path)
        assert texts(log, "two") == ["one two"]
