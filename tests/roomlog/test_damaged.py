"""Files that are damaged at random: each one can be opened or is rescued, and no number in it costs memory or time."""

import contextlib
import random
import sqlite3
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatsrv.model.entries import Bookmark
from chatsrv.model.errors import StoreError
from chatsrv.roomlog.sqlite import pages
from chatsrv.roomlog.sqlite.pages import PAGE_BYTES, Pages
from chatsrv.roomlog.sqlite.rescue import Rescued, rescue
from chatsrv.roomlog.sqlite.store import SqliteStore
from chatsrv.testing.roomlog import record
from tests.roomlog.keeping import opened

ENTRIES = 120
HEADER_BYTES = 100


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[bytes, bytes]:
    """Return the bytes of a history and of the mark beside it."""
    path = tmp_path_factory.mktemp("sound") / "chat.db"
    rng = random.Random(1)
    with opened(path) as store:
        for room in ("lobby", "kitchen"):
            texts = [f"{number} {'größer ' * rng.choice((1, 3, 20, 150, 900))}" for number in range(ENTRIES // 2)]
            record(store.open(room), *texts)
        for number in range(50):
            store.keep_bookmark(f"somebody {number}", "lobby", Bookmark(store.open("lobby").end, number))
    return path.read_bytes(), path.with_name("chat.db-mark").read_bytes()


def damage(data: bytes, rng: random.Random) -> bytes:
    """Return the bytes of a file with bits flipped, in places that matter most of all, or pieces overwritten."""
    damaged = bytearray(data)
    pages = len(data) // PAGE_BYTES
    match rng.randrange(4):
        case 0:
            places = [rng.randrange(HEADER_BYTES) for _ in range(rng.choice((1, 1, 3)))]
        case 1:
            places = [PAGE_BYTES * rng.randrange(1, pages) + rng.randrange(40) for _ in range(rng.choice((1, 20)))]
        case 2:
            places = [rng.randrange(len(data)) for _ in range(rng.choice((1, 10, 100)))]
        case _:
            places = []
            for _ in range(rng.choice((1, 5, 20))):
                start, size = rng.randrange(len(data) - 300), rng.randrange(1, 300)
                damaged[start : start + size] = rng.choice((bytes(size), b"\xff" * size, rng.randbytes(size)))
    for place in places:
        damaged[place] ^= 1 << rng.randrange(8)
    return bytes(damaged)


def rescue_and_open(path: Path, *, is_to_be_opened: bool) -> tuple[bool, int]:
    """Return whether a file can be opened, if it is tried, and how many entries come through if it is rescued."""
    new = path.with_name("new")
    rescued = rescue(path, new).entries  # before it is opened, which may change it
    told = ""
    if is_to_be_opened:
        SqliteStore(new).close()
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(opened(path))
            except StoreError as error:
                told = str(error)
        assert not told or "chatsrv history rescue" in told
    for file in path.parent.iterdir():
        file.unlink()
    return is_to_be_opened and not told, rescued


def play(sound: tuple[bytes, bytes], tmp_path: Path, seeds: range, step: int = 1) -> Iterator[tuple[bool, int]]:
    for seed in seeds:
        path = tmp_path / "chat.db"
        data, mark = sound
        path.write_bytes(damage(data, random.Random(seed)))
        path.with_name("chat.db-mark").write_bytes(mark)
        yield rescue_and_open(path, is_to_be_opened=seed % step == 0)


def test_a_file_that_is_damaged_at_random_opens_or_is_rescued(sound, tmp_path: Path) -> None:
    results = list(play(sound, tmp_path, range(100), step=5))
    assert sum(rescued for _, rescued in results) > 0.9 * ENTRIES * len(results)
    assert any(is_open for is_open, _ in results)
    assert not all(is_open for is_open, _ in results[::5])


@pytest.mark.stress
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("part", range(10))
def test_of_ten_thousand_damaged_files_each_opens_or_is_rescued(sound, tmp_path: Path, capsys, part: int) -> None:
    results = list(play(sound, tmp_path, range(1000 * part, 1000 * part + 1000)))
    share = sum(rescued for _, rescued in results) / ENTRIES / len(results)
    refused = [rescued for is_open, rescued in results if not is_open]
    share_of_refused = sum(refused) / ENTRIES / max(1, len(refused))
    with capsys.disabled():
        print(
            f"\n{len(results)} damaged files: {len(refused)} refused by the server, all rescued; "
            f"entries saved: {share:.2%}, of the refused ones {share_of_refused:.2%}"
        )


@pytest.mark.parametrize("byte", [0, 16, 17, 18, 19, 20, 21, 27, 28, 32, 35, 36, 44, 47, 56, 60, 63, 68, 71, 96])
def test_no_bit_of_the_first_hundred_bytes_costs_an_entry(sound, tmp_path: Path, byte: int) -> None:
    data = bytearray(sound[0])
    data[byte] ^= 1 << byte % 8
    path = tmp_path / "chat.db"
    path.write_bytes(data)
    assert rescue(path, tmp_path / "new").entries == ENTRIES


# ---------------------------------------------------------------------------- numbers that ask for much


def database(path: Path, *statements: str) -> bytearray:
    connection = sqlite3.connect(path)
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()
    return bytearray(path.read_bytes())


def rows_of(path: Path) -> list[tuple]:
    with Pages(path) as pages:
        return [row for number in range(1, pages.count + 1) for row in pages.rows(number)]


def varint(number: int) -> bytes:
    """Return a number of nine bytes."""
    return bytes(0x80 | number >> (57 - 7 * place) & 0x7F for place in range(8)) + bytes([number & 0xFF])


@pytest.mark.parametrize("size", [1 << 30, 1 << 40, (1 << 62) + 1, (1 << 64) - 1])
def test_a_length_in_the_header_of_a_row_is_not_made_room_for(tmp_path: Path, size: int) -> None:
    path = tmp_path / "any.db"
    data = database(path, "CREATE TABLE plain (a, b, c)", "INSERT INTO plain VALUES ('xxxxxxxxxxxxxxxxxxxx', 1.5, 2)")
    record = data.index(b"xxxxxxxxxxxxxxxxxxxx") - 4
    row = bytes([13]) + varint(2 * size + 13) + bytes([7, 1])  # a text of that size, and what stands after it
    data[record : record + len(row)] = row
    path.write_bytes(data)
    assert len(rows_of(path)) == 1  # of the schema alone


def test_a_rest_that_leads_back_to_itself_ends(tmp_path: Path) -> None:
    path = tmp_path / "any.db"
    data = database(path, "CREATE TABLE plain (a)", "INSERT INTO plain VALUES (zeroblob(2000000) || 'x')")
    for page in range(2, len(data) // PAGE_BYTES):
        if data[page * PAGE_BYTES + 4 :].startswith(bytes(100)):
            data[page * PAGE_BYTES : page * PAGE_BYTES + 5] = struct.pack(">I", page + 1) + b"x"
    path.write_bytes(data)
    assert len(rows_of(path)) == 1


def test_many_rows_that_lead_to_the_same_rest_are_given_up(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "any.db"
    rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60)"
    text = "printf('%.*c', 200000, 'x')"
    data = database(path, "CREATE TABLE plain (a)", f"{rows} INSERT INTO plain SELECT {text} FROM n")
    whole = rows_of(path)
    assert len(whole) == 61
    for page in range(2, len(data) // PAGE_BYTES):
        place = (page - 1) * PAGE_BYTES
        if data[place + 4 : place + 8] == b"xxxx":  # all of them go on at one place, and so past their end
            data[place : place + 4] = struct.pack(">I", 1 + page % (len(data) // PAGE_BYTES))
    path.write_bytes(data)
    reads = 0
    page = Pages.page

    def count(its: Pages, number: int) -> bytes:
        nonlocal reads
        reads += 1
        return page(its, number)

    monkeypatch.setattr(Pages, "page", count)
    rows_of(path)
    assert reads < 20 * len(data) // PAGE_BYTES


def test_a_page_that_the_journal_counts_far_behind_the_end_is_not_waited_for(tmp_path: Path) -> None:
    path, copy = tmp_path / "any.db", tmp_path / "copy.db"
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE plain (a, b, c)")
    connection.execute("INSERT INTO plain VALUES (1, 2, 3)")
    wal = bytearray(path.with_name("any.db-wal").read_bytes())
    copy.write_bytes(path.read_bytes())
    connection.close()
    order = {0x377F0682: "<", 0x377F0683: ">"}[int.from_bytes(wal[:4])]
    sums = pages._checksum(bytes(wal[:24]), order, (0, 0))
    for place in range(32, len(wal), 24 + PAGE_BYTES):
        if place + 24 + PAGE_BYTES >= len(wal):
            wal[place : place + 4] = struct.pack(">I", 0xFFFFFFF0)
        sums = pages._checksum(bytes(wal[place : place + 8]), order, sums)
        sums = pages._checksum(bytes(wal[place + 24 : place + 24 + PAGE_BYTES]), order, sums)
        wal[place + 16 : place + 24] = struct.pack(">II", *sums)
    copy.with_name("copy.db-wal").write_bytes(wal)
    with Pages(copy) as read:
        assert read.count <= len(wal) // PAGE_BYTES


def test_a_damaged_bound_of_what_is_kept_costs_no_entries(path: Path, tmp_path: Path) -> None:
    with opened(path) as store:
        record(store.open("lobby"), "a", "b")
    asked_to(path, "UPDATE room SET kept_after = 1 << 38")
    assert rescue(path, tmp_path / "new") == Rescued(2, 0, 1, (), 0, 0)


def test_a_version_that_nobody_wrote_costs_nothing_and_is_told(path: Path, tmp_path: Path) -> None:
    with opened(path) as store:
        record(store.open("lobby"), "a", "b")
    asked_to(path, "PRAGMA user_version = 67")
    with pytest.raises(StoreError, match="the file is damaged: chatsrv history rescue"):
        SqliteStore(path)
    assert rescue(path, tmp_path / "new") == Rescued(2, 0, 1, (), 0, 0, newer_version=67)


def test_rows_that_the_server_needs_and_does_not_find_are_told_as_damage(path: Path) -> None:
    with opened(path) as store:
        record(store.open("lobby"), "a")
    for statement in ("DELETE FROM about WHERE name = 'state'", "DROP TABLE room", "PRAGMA user_version = 1"):
        copy = path.with_name("copy.db")
        copy.write_bytes(path.read_bytes())
        path.with_name("copy.db-mark").write_bytes(path.with_name("chat.db-mark").read_bytes())
        asked_to(copy, statement)
        with pytest.raises(StoreError, match=r"copy\.db is damaged .*chatsrv history rescue"):
            SqliteStore(copy)


def asked_to(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()
