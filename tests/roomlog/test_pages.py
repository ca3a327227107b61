"""Reading an SQLite file without SQLite: as SQLite reads it, from what is sound."""

import contextlib
import random
import shutil
import sqlite3
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatsrv.roomlog.sqlite.pages import Pages

VALUES = st.one_of(
    st.none(),
    st.integers(-(1 << 63), (1 << 63) - 1),
    st.integers(-200, 70_000),
    st.floats(allow_nan=False),
    st.text(max_size=3000),
    st.integers(0, 70_000).map(lambda size: "größer" * (size // 7)),
    st.binary(max_size=300),
)
SIZES = [512, 1024, 4096, 65536]


def rows_of(path: Path) -> list[tuple[int | None, tuple]]:
    with Pages(path) as pages:
        return [row for number in range(1, pages.count + 1) for row in pages.rows(number)]


@pytest.mark.parametrize("page_bytes", SIZES)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(VALUES, VALUES), max_size=60))
def test_rows_are_what_sqlite_reads(tmp_path: Path, page_bytes: int, rows: list[tuple]) -> None:
    path = tmp_path / "any.db"
    path.unlink(missing_ok=True)
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"PRAGMA page_size = {page_bytes}")
        connection.execute("CREATE TABLE plain (a, b, c)")
        connection.execute("CREATE TABLE keyed (a PRIMARY KEY, b, c, d) WITHOUT ROWID")
        connection.executemany("INSERT INTO plain VALUES (?, ?, 'x')", rows)
        connection.executemany("INSERT INTO keyed VALUES (?, ?, ?, 'y')", ((i, *row) for i, row in enumerate(rows)))
        plain = connection.execute("SELECT rowid, * FROM plain").fetchall()
        keyed = connection.execute("SELECT * FROM keyed").fetchall()
    read = rows_of(path)
    assert sorted(row for row in read if len(row[1]) == 3) == [(row[0], row[1:]) for row in plain]
    assert sorted((row for row in read if len(row[1]) == 4), key=lambda row: row[1][0]) == [
        (None, row) for row in keyed
    ]


def test_a_tree_is_followed_from_its_root(tmp_path: Path) -> None:
    path = tmp_path / "any.db"
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        for table in ("one", "other"):
            connection.execute(f"CREATE TABLE {table} (name TEXT PRIMARY KEY, number) WITHOUT ROWID")
            connection.executemany(f"INSERT INTO {table} VALUES (?, 1)", ((f"{table} {n:0100}",) for n in range(5000)))
        (root,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'other'").fetchone()
    with Pages(path) as pages:
        names = [row[0] for number in pages.tree(root) for _, row in pages.rows(number)]
    assert sorted(names) == [f"other {number:0100}" for number in range(5000)]


def test_rows_that_stand_in_the_journal_count_and_what_was_not_committed_does_not(tmp_path: Path) -> None:
    path, copy = tmp_path / "any.db", tmp_path / "copy.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA cache_size = 10")  # so that what is not committed is in the journal, too
        connection.execute("CREATE TABLE plain (a, b, c)")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.execute("INSERT INTO plain VALUES (1, 2, 3)")
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO plain VALUES (4, 5, ?)", (("x" * 1000,) for _ in range(1000)))
        before = path.read_bytes()
        for suffix in ("", "-wal"):
            shutil.copy(f"{path}{suffix}", f"{copy}{suffix}")
    assert Path(f"{copy}-wal").stat().st_size > 500_000
    assert [row for row in rows_of(copy) if len(row[1]) == 3] == [(1, (1, 2, 3))]
    assert copy.read_bytes() == before


def test_free_pages_have_no_rows(tmp_path: Path) -> None:
    path = tmp_path / "any.db"
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("PRAGMA secure_delete = OFF")
        connection.execute("CREATE TABLE plain (a, b, c)")
        connection.executemany("INSERT INTO plain VALUES (4, 5, ?)", (("x" * 1000,) for _ in range(10_000)))
        connection.execute("DELETE FROM plain WHERE rowid > 2")
    assert [number for number, row in rows_of(path) if len(row) == 3] == [1, 2]
    assert path.read_bytes().count(b"x" * 1000) > 5000


@pytest.mark.parametrize("seed", range(20))
def test_nothing_in_a_file_makes_it_fail(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "any.db"
    rng = random.Random(seed)
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"PRAGMA page_size = {rng.choice(SIZES)}")
        connection.execute("CREATE TABLE plain (a, b, c)")
        connection.executemany("INSERT INTO plain VALUES (4, 5, ?)", (("x" * rng.randrange(9000),) for _ in range(200)))
    damaged = bytearray(path.read_bytes())
    for _ in range(len(damaged) // 50):
        damaged[rng.randrange(len(damaged))] = rng.choice((0, 1, 5, 10, 13, 127, 255))
    path.write_bytes(damaged[: rng.randrange(len(damaged))] if seed % 2 else damaged)
    rows_of(path)
    with Pages(path) as pages:
        for root in range(pages.count + 1):
            assert len(list(pages.tree(root))) <= pages.count
