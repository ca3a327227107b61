"""Rescuing a damaged file of room logs: all that its sound pages hold goes into a new one.

SQLite cannot read around a broken page that leads to others, so the pages are read one by one, and rows are known by
the values that they have. The damaged file is only read. No server may use it. Called by one thread.
"""

import itertools
import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from enum import Enum
from pathlib import Path
from shlex import quote
from typing import TypeAlias

from chatsrv.model.changes import is_invitation
from chatsrv.model.entries import PRIVATE_MARK, REGISTER, Kind
from chatsrv.model.errors import StoreError
from chatsrv.roomlog.sqlite.backup import STEP_PAGES, Progress, new_database
from chatsrv.roomlog.sqlite.foreign import check_wal
from chatsrv.roomlog.sqlite.mark import is_in_use, write_about
from chatsrv.roomlog.sqlite.pages import Pages, Value
from chatsrv.roomlog.sqlite.schema import LAST_AT, MIGRATIONS, OFFSET_BITS, migrate

_Row: TypeAlias = tuple[Value, ...]

_KINDS = frozenset(Kind)
_LAST_OFFSET = (1 << OFFSET_BITS) - 1
_LAST_ROOM = (1 << (63 - OFFSET_BITS)) - 1

# Stale pages, where it cannot be told any more that they are free, may have words that were erased since.
_INTO_ENTRY = f"""INSERT INTO entry VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, author = '', origin = 0, text = ''
    WHERE excluded.kind = {Kind.ERASED.value}"""


@dataclass(frozen=True, slots=True)
class Rescued:
    """What was saved of a damaged file. `unnamed` are the names given to those rooms that had lost theirs.

    `missing_entries` are the places without an entry, as far as it is known that there were any. `newer_version` is the
    version that the file says it is of if this chatsrv does not know it: damaged, or there may be more in it; else 0.
    """

    entries: int
    missing_entries: int
    rooms: int
    unnamed: tuple[str, ...]
    bookmarks: int
    wishes: int
    newer_version: int = 0


def rescue(damaged: Path, path: Path, progress: Progress = lambda _done, _all: None) -> Rescued:
    """Save what can be read of the file `damaged` in a new one at `path`; what is there is replaced when it is done.

    The server that opens the new file begins a new epoch, and what is missing is a hole. `progress` is told the pages
    that were looked at, and all pages.

    Raises:
        StoreError: a server uses the file, nothing can be read of it, or the new one cannot be written.
    """
    if is_in_use(damaged):
        raise StoreError(f"{damaged} is in use by a server; stop that one first")
    check_wal(damaged)  # or both would be mixed
    try:
        with Pages(damaged) as pages, new_database(path) as connection:
            migrate(connection, 0)
            connection.execute("BEGIN")
            rescued = _fill(connection, pages, progress)
            if not rescued.entries and not rescued.rooms:
                raise StoreError(
                    f"{damaged}: nothing of a history can be read in it. Put a backup in its place; or else a shell "
                    f"sqlite3 newer than 3.40 may find some: sqlite3 {quote(str(damaged))} .recover"
                )
            connection.execute("COMMIT")
            version = pages.version or 0
            return replace(rescued, newer_version=version) if version > len(MIGRATIONS) else rescued
    except OSError as error:
        raise StoreError(f"{damaged} could not be rescued into {path} ({error})") from error
    except sqlite3.Error as error:
        raise StoreError(f"{path}: what was rescued cannot be written there ({error})") from error


@dataclass(slots=True)
class _Found:
    """The rows of the small tables. `rooms` have name, `kept_after` and `indexed`.

    `roots` are the first pages of all tables, for those whose rows look like others.
    """

    rooms: dict[int, tuple[str, int, int]] = field(default_factory=dict)
    bookmarks: list[_Row] = field(default_factory=list)
    roots: dict[str, int] = field(default_factory=dict)


def _fill(connection: sqlite3.Connection, pages: Pages, progress: Progress) -> Rescued:
    found = _Found()
    for number in range(1, pages.count + 1):
        connection.executemany(_INTO_ENTRY, _sort_out(pages.rows(number), found))
        if number % STEP_PAGES == 0 or number == pages.count:
            progress(number, pages.count)
    missing, unnamed = _fill_rooms(connection, found)
    connection.executemany("INSERT OR REPLACE INTO bookmark VALUES (?, ?, ?, ?, ?)", found.bookmarks)
    connection.execute("DELETE FROM bookmark WHERE room NOT IN (SELECT number FROM room)")
    for table in ("wish", "erasure"):
        connection.executemany(f"INSERT OR REPLACE INTO {table} VALUES (?, ?)", _pairs(pages, found.roots.get(table)))
    write_about(connection, epoch="", is_copy="1", state="closed")
    return Rescued(
        entries=_count(connection, "entry"),
        missing_entries=missing,
        rooms=_count(connection, "room"),
        unnamed=unnamed,
        bookmarks=_count(connection, "bookmark"),
        wishes=_count(connection, "wish"),
    )


def _sort_out(rows: Iterable[tuple[int | None, _Row]], found: _Found) -> list[_Row]:
    """Return the entries among `rows`, and put what is of the small tables where it belongs."""
    entries: list[_Row] = []
    for number, row in rows:
        match row:
            case (None, int(at), int(kind), str(), int(), str()) if number and number >> OFFSET_BITS > 0:
                if kind in _KINDS and number & _LAST_OFFSET and 0 <= at <= LAST_AT:
                    entries.append((number, *row[1:]))
            case (None, str(name), int(kept_after), *rest) if number and len(rest) < 2:
                indexed = rest[0] if rest else 0  # a file of the first version has none
                if 0 < number <= _LAST_ROOM and 0 <= kept_after <= _LAST_OFFSET and isinstance(indexed, int):
                    found.rooms[number] = (name, kept_after, indexed)
            case (str(), int(), int(), str(), int()) if number is None:
                found.bookmarks.append(row)
            case ("table", str(name), str(), int(root), str()) if number:
                found.roots[name] = root
    return entries


def _fill_rooms(connection: sqlite3.Connection, found: _Found) -> tuple[int, tuple[str, ...]]:
    """Write the rooms; return how many places in them are missing, and the names given to those that had lost theirs.

    What a room had let go of may still have been on stale pages.
    """
    missing, unnamed = 0, []
    names = {name: number for number, (name, _, _) in found.rooms.items()}
    numbers = {number for (number,) in connection.execute("SELECT DISTINCT id >> ? FROM entry", (OFFSET_BITS,))}
    for number in sorted(numbers | set(found.rooms)):
        first_id = number << OFFSET_BITS
        name, kept_after, last = found.rooms.get(number, ("", 0, 0))
        bounds = (first_id, first_id + _LAST_OFFSET)
        (newest,) = connection.execute("SELECT max(id) FROM entry WHERE id > ? AND id <= ?", bounds).fetchone()
        if kept_after > max(last, newest - first_id if newest else 0):
            kept_after = 0  # nothing was recorded that far: the number is damaged, and is not to cost all entries
        connection.execute("DELETE FROM entry WHERE id > ? AND id <= ?", (first_id, first_id + kept_after))
        count, first, newest = connection.execute(
            "SELECT count(*), min(id) - ?, max(id) - ? FROM entry WHERE id > ? AND id <= ?",
            (first_id, first_id, *bounds),
        ).fetchone()
        if number not in found.rooms:
            kept_after = first - 1
        if names.get(name) != number:
            name = next(new for new in _new_names(number, _look_of(connection, first_id)) if new not in names)
            if name == REGISTER:
                names[name] = number
            else:
                unnamed.append(name)
        connection.execute("INSERT INTO room (number, name, kept_after) VALUES (?, ?, ?)", (number, name, kept_after))
        missing += max(last, newest or 0, kept_after) - kept_after - count
    return missing, tuple(unnamed)


class _Look(Enum):
    """What a log is by what it has."""

    ROOM = "people came and went there"
    PRIVATE = "it has private words, or nothing but invitations, which stand in their guest's own log"
    REGISTER = "it has nothing but decisions, of several kinds or unreadable ones"


def _look_of(connection: sqlite3.Connection, first_id: int) -> _Look:
    bounds = (first_id, first_id + _LAST_OFFSET)
    question = "SELECT DISTINCT kind FROM entry WHERE id > ? AND id <= ? AND kind != ?"
    kinds = {kind for (kind,) in connection.execute(question, (*bounds, Kind.ERASED.value))}
    if kinds & {Kind.PRIVATE, Kind.PRIVATE_SENT}:
        return _Look.PRIVATE
    if kinds != {Kind.CHANGE}:
        return _Look.ROOM
    question = "SELECT text FROM entry WHERE id > ? AND id <= ? AND kind = ?"
    texts = connection.execute(question, (*bounds, Kind.CHANGE.value))
    return _Look.PRIVATE if all(is_invitation(text) for (text,) in texts) else _Look.REGISTER


def _new_names(number: int, look: _Look) -> Iterator[str]:
    """Yield names for a log whose own cannot be read. One with private words gets none that people can enter."""
    if look is _Look.REGISTER:
        yield REGISTER
    mark = PRIVATE_MARK if look is _Look.PRIVATE else ""
    yield f"{mark}rescued-{number}"
    yield from (f"{mark}rescued-{number}-{again}" for again in itertools.count(2))


def _pairs(pages: Pages, root: int | None) -> list[_Row]:
    """Return the rows of a table that has an account and a number in each."""
    rows = [row for page in pages.tree(root) for _, row in pages.rows(page)] if root else []
    return [row for row in rows if [type(value) for value in row] == [str, int]]


def _count(connection: sqlite3.Connection, table: str) -> int:
    count: int
    (count,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()
    return count
