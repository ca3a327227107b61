"""A damaged file of room logs: all that is on its sound pages comes through, and nothing else does."""

import contextlib
import random
import shutil
import sqlite3
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

from chatsrv.model.changes import Change, What
from chatsrv.model.entries import Bookmark, Entry, Kind, Position
from chatsrv.model.errors import Hole, StoreError
from chatsrv.roomlog.base import RoomLog
from chatsrv.roomlog.sqlite.rescue import Rescued, rescue
from chatsrv.roomlog.sqlite.schema import MIGRATIONS, OFFSET_BITS
from chatsrv.testing.roomlog import record, start
from tests.roomlog.keeping import ALL, asked, opened

PAGE_BYTES = 4096
ENTRIES = 1600
ROOMS = ("lobby", "кухня")

HAS_DBSTAT = asked(Path(":memory:"), "SELECT 1 FROM pragma_module_list WHERE name = 'dbstat'")


@dataclass(frozen=True)
class Sound:
    """A file without damage: its entries by id, the pages on which each lies, and the pages of each table."""

    path: Path
    rows: dict[int, tuple]
    pages_of: dict[int, set[int]]
    tables: dict[str, list[int]]
    epoch: str


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Sound:
    if not HAS_DBSTAT:
        pytest.skip("this SQLite does not tell what lies on which page")
    path = tmp_path_factory.mktemp("sound") / "chat.db"
    rng = random.Random(1)
    with opened(path) as store:
        for room in ROOMS:
            # so long that the tree has three levels, and some do not fit into a page
            texts = [
                f"{number} {'größer ' * rng.choice((20, 150, 150, 500))}" for number in range(ENTRIES // len(ROOMS))
            ]
            record(store.open(room), *texts)
        for number in range(300):
            store.keep_bookmark(f"somebody {number}", "lobby", Bookmark(store.open("lobby").end, number))
            store.keep_caught_up(f"somebody {number}", False)
        epoch = store.epoch
    rows = {row[0]: row for row in asked(path, "SELECT * FROM entry")}
    places = asked(path, "SELECT name, path, pageno, pagetype, ncell FROM dbstat ORDER BY path")
    tables: dict[str, list[int]] = {}
    for name, _, page, _, _ in places:
        tables.setdefault(name, []).append(page)
    ids, pages_of, on_leaf = iter(sorted(rows)), {}, {}
    for name, place, page, kind, cells in places:
        if name == "entry" and kind == "leaf":
            on_leaf[place] = [next(ids) for _ in range(cells)]
            pages_of |= {id_: {page} for id_ in on_leaf[place]}
    for name, place, page, kind, _ in places:
        if name == "entry" and kind == "overflow":
            leaf, _, rest = place.rpartition("/")
            pages_of[on_leaf[f"{leaf}/"][int(rest.partition("+")[0], 16)]].add(page)
    assert len(pages_of) == ENTRIES
    assert next(ids, None) is None
    assert any(len(pages) > 1 for pages in pages_of.values())
    assert sum(kind == "internal" for name, _, _, kind, _ in places if name == "entry") > 2
    return Sound(path, rows, pages_of, tables, epoch)


def damaged_copy(sound: Sound, path: Path, broken: Iterable[int], rng: random.Random) -> set[int]:
    """Make a copy with garbage on pages of it; return these."""
    shutil.copy(sound.path, path)
    pages = set(broken)
    with path.open("r+b") as file:
        for page in pages:
            file.seek((page - 1) * PAGE_BYTES)
            file.write(rng.choice((rng.randbytes(PAGE_BYTES), bytes(PAGE_BYTES), b"\xff" * PAGE_BYTES)))
    return pages


def rescued_from(path: Path) -> tuple[Rescued, Path]:
    """Rescue a file, which stays as it is; return what is told, and the new file."""
    before = path.read_bytes()
    beside = {file.name for file in path.parent.iterdir()}
    new = path.with_name("rescued.db")
    told = rescue(path, new)
    assert path.read_bytes() == before
    assert {file.name for file in path.parent.iterdir()} == beside | {"rescued.db"}
    assert stat.S_IMODE(new.stat().st_mode) == 0o600
    assert asked(new, "PRAGMA integrity_check") == [("ok",)]
    return told, new


def read_on(log: RoomLog) -> tuple[list[Entry], int]:
    """Return all entries of a room, read on from its beginning, and how many places are holes."""
    entries: list[Entry] = []
    after, missing = start(log), 0
    while after != log.end:
        try:
            more = log.read(after, 100)
        except Hole as hole:
            missing += hole.missing or ALL
            after = Position(log.epoch, hole.kept_after)
        else:
            entries += more
            after = Position(log.epoch, more[-1].offset)
    return entries, missing


def check(sound: Sound, path: Path, broken: set[int]) -> Rescued:
    """Rescue a damaged copy, and see that exactly that is missing which lies on broken pages."""
    told, new = rescued_from(path)
    expected = {id_: row for id_, row in sound.rows.items() if not sound.pages_of[id_] & broken}
    assert {row[0]: row for row in asked(new, "SELECT * FROM entry")} == expected
    assert told.entries == len(expected)
    with opened(new) as store:
        assert store.epoch != sound.epoch
        for number, name in asked(new, "SELECT number, name FROM room"):
            offsets = [id_ & ((1 << OFFSET_BITS) - 1) for id_ in sorted(expected) if id_ >> OFFSET_BITS == number]
            log = store.open(name)
            entries, missing = read_on(log)
            assert [entry.offset for entry in entries] == offsets
            assert missing == log.end.offset - len(offsets)
            assert log.read_back(log.end, ALL) == entries[::-1]
    return told


@pytest.mark.parametrize("seed", range(25))
def test_all_that_does_not_lie_on_broken_pages_comes_through(sound: Sound, tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    count = sound.path.stat().st_size // PAGE_BYTES
    broken = rng.sample(range(1, count + 1), rng.choice((1, 5, 30, 200, count // 2)))
    path = tmp_path / "chat.db"
    check(sound, path, damaged_copy(sound, path, broken, rng))


def test_pages_that_only_lead_to_others_cost_nothing(sound: Sound, tmp_path: Path) -> None:
    leaves = set().union(*sound.pages_of.values())
    broken = set(sound.tables["entry"]) - leaves
    path = tmp_path / "chat.db"
    told = check(sound, path, damaged_copy(sound, path, broken, random.Random(1)))
    assert (told.entries, told.missing_entries, told.unnamed) == (ENTRIES, 0, ())


@pytest.mark.parametrize("seed", range(6))
def test_of_a_file_that_was_cut_short_all_comes_through_that_is_left(sound: Sound, tmp_path: Path, seed: int) -> None:
    path = tmp_path / "chat.db"
    size = random.Random(seed).randrange(3 * PAGE_BYTES, sound.path.stat().st_size)
    path.write_bytes(sound.path.read_bytes()[:size])
    count = sound.path.stat().st_size // PAGE_BYTES
    check(sound, path, set(range(size // PAGE_BYTES + 1, count + 1)))


def test_a_damaged_index_of_words_costs_nothing(sound: Sound, tmp_path: Path) -> None:
    path = tmp_path / "chat.db"
    broken = {page for table, pages in sound.tables.items() if table.startswith("words") for page in pages}
    told = check(sound, path, damaged_copy(sound, path, broken, random.Random(1)))
    assert told == Rescued(ENTRIES, 0, 2, (), 300, 300)


def test_a_damaged_table_of_bookmarks_costs_bookmarks_alone(sound: Sound, tmp_path: Path) -> None:
    path = tmp_path / "chat.db"
    broken = set(sound.tables["bookmark"][1:3])
    told = check(sound, path, damaged_copy(sound, path, broken, random.Random(1)))
    assert 0 < told.bookmarks < 300
    assert (told.entries, told.wishes) == (ENTRIES, 300)
    kept = asked(tmp_path / "rescued.db", "SELECT * FROM bookmark")
    assert set(kept) < set(asked(sound.path, "SELECT * FROM bookmark"))


def test_bookmarks_and_wishes_come_through_as_they_are(sound: Sound, tmp_path: Path) -> None:
    path = tmp_path / "chat.db"
    damaged_copy(sound, path, [sound.tables["entry"][-1]], random.Random(1))
    _, new = rescued_from(path)
    for table in ("bookmark", "wish", "erasure"):
        assert asked(new, f"SELECT * FROM {table}") == asked(sound.path, f"SELECT * FROM {table}")


def test_rooms_whose_names_are_lost_get_names_that_say_so(sound: Sound, tmp_path: Path) -> None:
    path = tmp_path / "chat.db"
    told = check(sound, path, damaged_copy(sound, path, sound.tables["room"], random.Random(1)))
    assert told.unnamed == ("rescued-1", "rescued-2")
    assert asked(tmp_path / "rescued.db", "SELECT name FROM room") == [("rescued-1",), ("rescued-2",)]


def test_a_new_name_is_none_that_another_room_has(path: Path) -> None:
    with opened(path) as store:
        record(store.open("rescued-2"), "a")
        record(store.open("lobby"), "b")
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM room WHERE name = 'lobby'")
    told, _ = rescued_from(path)
    assert told.unnamed == ("rescued-2-2",)


def test_of_logs_without_names_the_register_is_known_and_private_ones_stay_private(path: Path) -> None:
    with opened(path) as store:
        record(store.open("lobby"), "", kind=Kind.JOIN)
        record(store.open("lobby"), "{}", kind=Kind.CHANGE)
        record(store.open("@alice"), "psst", kind=Kind.PRIVATE)
        record(store.open("*register"), "{}", "{}", kind=Kind.CHANGE)
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM room")
        connection.execute("UPDATE entry SET kind = ? WHERE id & 3 = 2 AND id >> ? = 3", (Kind.ERASED, OFFSET_BITS))
    told, new = rescued_from(path)
    assert told.unnamed == ("rescued-1", "@rescued-2")
    assert asked(new, "SELECT name FROM room ORDER BY number") == [("rescued-1",), ("@rescued-2",), ("*register",)]


def test_the_log_of_a_guest_is_not_taken_for_the_register(path: Path) -> None:
    invitation = Change(What.INVITE, "dev", "alice").encode()
    with opened(path) as store:
        record(store.open("@alice"), invitation, invitation, kind=Kind.CHANGE)
        record(store.open("*register"), invitation, Change(What.JOIN, "dev").encode(), kind=Kind.CHANGE)
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM room")
    told, new = rescued_from(path)
    assert told.unnamed == ("@rescued-1",)
    assert asked(new, "SELECT name FROM room ORDER BY number") == [("@rescued-1",), ("*register",)]


def test_a_second_log_that_looks_like_the_register_is_not_taken_for_it(path: Path) -> None:
    with opened(path) as store:
        record(store.open("*register"), "{}", kind=Kind.CHANGE)
        record(store.open("odd"), "{}", kind=Kind.CHANGE)
        record(store.open("odder"), "{}", kind=Kind.CHANGE)
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM room WHERE name != 'odd'")
    told, new = rescued_from(path)
    assert told.unnamed == ("rescued-3",)
    assert asked(new, "SELECT name FROM room ORDER BY number") == [("*register",), ("odd",), ("rescued-3",)]


def test_without_its_first_page_entries_rooms_and_bookmarks_come_through(sound: Sound, tmp_path: Path) -> None:
    path = tmp_path / "chat.db"
    told = check(sound, path, damaged_copy(sound, path, [1], random.Random(1)))
    assert told == Rescued(ENTRIES, 0, 2, (), 300, 0)  # which table has the wishes stood on that page


@pytest.mark.parametrize("field", [b"\x00\x01", b"\x08\x00", b"\x02\x00", b"\x20\x00", b"\x40\x00", b"\x13\x37"])
def test_a_damaged_size_of_pages_costs_nothing(sound: Sound, tmp_path: Path, field: bytes) -> None:
    path = tmp_path / "chat.db"
    shutil.copy(sound.path, path)
    with path.open("r+b") as file:
        file.seek(16)
        file.write(field)
    told = check(sound, path, set())
    assert (told.entries, told.missing_entries, told.unnamed) == (ENTRIES, 0, ())


def test_what_a_crash_left_in_the_journal_comes_through(path: Path, tmp_path: Path) -> None:
    crashed = tmp_path / "crashed.db"
    with opened(path) as store:
        record(store.open("lobby"), "a", "b")
        asked(path, "PRAGMA wal_checkpoint(TRUNCATE)")
        record(store.open("lobby"), "c")
        for suffix in ("", "-wal"):
            shutil.copy(f"{path}{suffix}", f"{crashed}{suffix}")
    _, new = rescued_from(crashed)
    assert asked(new, "SELECT text FROM entry") == [("a",), ("b",), ("c",)]


@pytest.fixture
def stale(path: Path) -> Path:
    """Return a file whose first page is broken, so that it cannot be told that pages with old words are free."""
    with opened(path) as store:
        record(store.open("lobby"), *["secret " * 50] * 1000)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        first_id = 1 << OFFSET_BITS
        connection.execute("PRAGMA secure_delete = OFF")
        connection.execute("DELETE FROM entry WHERE id <= ?", (first_id + 600,))
        connection.commit()
        connection.execute("UPDATE room SET kept_after = 300")
        values = [(first_id + offset,) for offset in range(301, 601)]
        connection.executemany("INSERT INTO entry VALUES (?, 1, 5, '', 0, '')", values)
        connection.commit()
    data = bytearray(path.read_bytes())
    data[:PAGE_BYTES] = bytes(PAGE_BYTES)
    path.write_bytes(data)
    assert data.count(b"secret " * 50) > 900
    return path


def test_what_was_let_go_of_or_erased_does_not_come_back(stale: Path) -> None:
    told, new = rescued_from(stale)
    assert (told.entries, told.missing_entries) == (700, 0)
    kinds = asked(new, "SELECT kind, text <> '', count(*) FROM entry GROUP BY 1, 2 ORDER BY 1")
    assert kinds == [(Kind.SAY.value, 1, 400), (Kind.ERASED.value, 0, 300)]


def test_a_file_of_the_first_version_is_rescued_into_one_of_today(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.executescript(f"{MIGRATIONS[0]}; PRAGMA user_version = 1;")
        connection.execute("INSERT INTO room VALUES (1, 'lobby', 2)")
        connection.execute("INSERT INTO entry VALUES (?, 5, 1, 'alice', 7, 'hi')", ((1 << OFFSET_BITS) + 4,))
        connection.commit()
    told, new = rescued_from(path)
    assert told == Rescued(1, 1, 1, (), 0, 0)
    with opened(new) as store:
        assert store.open("lobby").end.offset == 4


def test_places_behind_the_last_entry_that_the_index_knew_are_missing_too(path: Path) -> None:
    with opened(path) as store:
        record(store.open("lobby"), "a")
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE room SET indexed = 10")
    assert rescued_from(path)[0].missing_entries == 9


def test_rows_with_numbers_that_nobody_gave_out_are_left(path: Path) -> None:
    with opened(path) as store:
        record(store.open("lobby"), "a")
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        for id_ in (-1, 5, 2 << OFFSET_BITS):
            connection.execute("INSERT INTO entry VALUES (?, 1, 1, 'alice', 1, 'x')", (id_,))
        for number, kept_after in ((-1, 0), (1 << 40, 0), (3, -1), (4, 1 << 60)):
            connection.execute("INSERT INTO room VALUES (?, ?, ?, 0)", (number, f"room {number}", kept_after))
    assert rescued_from(path)[0] == Rescued(1, 0, 1, (), 0, 0)


def test_a_file_that_a_server_uses_is_refused(path: Path, tmp_path: Path) -> None:
    with opened(path), pytest.raises(StoreError, match="in use by a server; stop that one first"):
        rescue(path, tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("content", [b"", b"Dear diary, " * 10_000])
def test_a_file_without_a_history_is_told(path: Path, tmp_path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"nothing of a history can be read in it.* \.recover"):
        rescue(path, tmp_path / "new")
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_it_is_told_how_far_it_is(sound: Sound, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    rescue(sound.path, tmp_path / "new", lambda done, all_: told.append((done, all_)))
    assert told[-1][0] == told[-1][1] == sound.path.stat().st_size // PAGE_BYTES
