"""The file of the room logs, for whoever looks into it or erases from it without being the server.

A server may use the file at the same time; nothing holds it up. Touches no log in memory. One thread uses a
`HistoryFile`.
"""

import contextlib
import heapq
import os
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

from chatsrv.model.distinct import distinct
from chatsrv.model.entries import REGISTER, WORDS, Entry, Kind
from chatsrv.model.errors import StoreError
from chatsrv.roomlog.owners import is_all_of, is_decision_of, is_of
from chatsrv.roomlog.search.words import Sought, is_found, sought_in
from chatsrv.roomlog.sqlite.backup import Progress, copy_file
from chatsrv.roomlog.sqlite.erasing import Erasing
from chatsrv.roomlog.sqlite.foreign import check_wal
from chatsrv.roomlog.sqlite.index import find, is_of_these_words
from chatsrv.roomlog.sqlite.mark import is_in_use
from chatsrv.roomlog.sqlite.schema import (
    ENTRY,
    LAST_AT,
    MICROSECONDS,
    MIGRATIONS,
    OFFSET_BITS,
    connect,
    describe_damage,
    entry_of,
    version_of,
    what_to_do,
)
from chatsrv.text.names import account_key

LOCK_SECONDS = 5.0
"""How long another program's lock is waited for."""

PAGE_ENTRIES = 8192
"""Entries that are in memory at once, of all rooms together."""

PAGE_ENTRIES_AT_LEAST = 16
"""Entries of each room that are in memory at once, however many rooms there are."""


Only: TypeAlias = Callable[[str], bool]
"""Tells of the name of a room whether its log is meant."""


def _all(room: str) -> bool:  # noqa: ARG001 - all are
    return True


@dataclass(frozen=True, slots=True)
class RoomStats:
    """What the file holds of one room. Times are in seconds since the Unix epoch, `None` without an entry.

    `entries` counts all kinds, also what was erased; those up to `indexed_entries` are in the index of words.
    """

    name: str
    entries: int
    indexed_entries: int
    first_at: float | None
    last_at: float | None


@dataclass(frozen=True, slots=True)
class FileStats:
    """What the file holds in all, and what it takes on the disk. `has_index`: searching goes by the index."""

    rooms: tuple[RoomStats, ...]
    entries: int
    first_at: float | None
    last_at: float | None
    size_bytes: int
    bookmarks: int
    has_index: bool
    is_in_use: bool


class HistoryFile:
    """The file at `path`, which must be one of this version of chatsrv. To be closed, or used with `with`.

    Its methods raise `StoreError` when the file cannot be read or written; the text says what to do.

    Raises:
        StoreError: it is not there, or no such file.
    """

    def __init__(self, path: str | Path, *, lock_seconds: float = LOCK_SECONDS) -> None:
        self.path = Path(path)
        self._lock_seconds = lock_seconds
        if not self.path.is_file():
            raise StoreError(f"{self.path}: there is no history; name the file that history.path names in the settings")
        if not is_in_use(self.path):
            check_wal(self.path)
        with contextlib.ExitStack() as undo, self._explain_errors():
            self._connection = undo.enter_context(contextlib.closing(self._connect()))
            version = version_of(self._connection, self.path)
            if not version:
                raise StoreError(f"{self.path} is empty: nothing was ever recorded there")
            if version < len(MIGRATIONS):
                raise StoreError(
                    f"{self.path} was last written by an older chatsrv (version {version}; this one has "
                    f"{len(MIGRATIONS)}); start this one's server, which brings the file up to date"
                )
            self._is_index_known = is_of_these_words(self._connection)
            undo.pop_all()

    def __enter__(self) -> "HistoryFile":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    # ------------------------------------------------------------------ reading

    def rooms(self) -> list[RoomStats]:
        """Return what is there of each room, in the order of their names."""
        with self._explain_errors():
            return [self._stats_of(room) for room in self._rooms()]

    def stats(self) -> FileStats:
        """Return what there is in all. Takes no longer for a long history than for a short one."""
        rooms = tuple(self.rooms())
        with self._explain_errors():
            (bookmarks,) = self._connection.execute("SELECT count(*) FROM bookmark").fetchone()
        wal = self.path.with_name(f"{self.path.name}-wal")
        return FileStats(
            rooms,
            entries=sum(room.entries for room in rooms),
            first_at=min((room.first_at for room in rooms if room.first_at is not None), default=None),
            last_at=max((room.last_at for room in rooms if room.last_at is not None), default=None),
            size_bytes=sum(file.stat().st_size for file in (self.path, wal) if file.exists()),
            bookmarks=bookmarks,
            has_index=self._is_index_known and any(room.indexed_entries for room in rooms),
            is_in_use=is_in_use(self.path),
        )

    def count(
        self, room: str | None = None, since: float | None = None, until: float | None = None, *, only: Only = _all
    ) -> int:
        """Return how many entries `entries` yields, a few less if the file was rescued or is just being shortened.

        Takes no longer for many than for few.

        Raises:
            StoreError: there is no such room.
        """
        with self._explain_errors():
            bounds = [self._bounds(found, since, until) for found in self._rooms(room, only)]
        return sum(stop - start for start, stop in bounds)

    def entries(
        self, room: str | None = None, since: float | None = None, until: float | None = None, *, only: Only = _all
    ) -> Iterator[Entry]:
        """Yield the entries of a room, or of all that `only` chooses, from a time on and before another, oldest first.

        All kinds, also what was erased. A few thousand are in memory at once. What is recorded meanwhile is left out.

        Raises:
            StoreError: there is no such room.
        """
        with self._explain_errors():
            rooms = self._rooms(room, only)
            bounds = [self._bounds(found, since, until) for found in rooms]
        size = max(PAGE_ENTRIES_AT_LEAST, PAGE_ENTRIES // max(1, len(rooms)))
        pages = [self._pages(found, start, stop, size) for found, (start, stop) in zip(rooms, bounds, strict=True)]
        return heapq.merge(*pages, key=lambda entry: entry.at)

    def search(self, words: str, room: str | None = None, limit: int = 20, *, only: Only = _all) -> list[Entry]:
        """Return the newest `limit` entries of a room, or of all that `only` chooses, that have all of `words`.

        Newest first.

        Words are compared as by `RoomLog.search`.

        Raises:
            StoreError: there is no such room.
        """
        sought = sought_in(words)
        with self._explain_errors():
            found = [self._find(each, sought) for each in self._rooms(room, only)] if sought else []
            return list(islice(heapq.merge(*found, key=lambda entry: entry.at, reverse=True), max(0, limit)))

    def knows(self, name: str) -> bool:
        """Tell whether something is kept of that account's which the next account of that name would have.

        That is private messages, how far it has read, and what was decided by it or about it. What it said in rooms is
        not looked for, as that would take long; who said something has read something as well.
        """
        account = account_key(name)
        with self._explain_errors():
            if self._connection.execute("SELECT 1 FROM bookmark WHERE account = ? LIMIT 1", (account,)).fetchone():
                return True
        return any(
            entry.kind is not Kind.ERASED and (is_all_of(account, entry.room) or is_decision_of(account, entry))
            for entry in self.entries(only=lambda log: log == REGISTER or is_all_of(account, log))
        )

    def backup(self, path: str | Path, progress: Progress = lambda _done, _all: None) -> None:
        """Copy everything that is recorded, as it is at one moment, into a file at `path`; see `SqliteStore.backup`."""
        copy_file(self._connection, self.path, Path(path), progress)

    # ------------------------------------------------------------------ erasing

    def erasable(self, author: str, progress: Progress = lambda _done, _all: None) -> tuple[int, tuple[str, ...]]:
        """Return how many entries `erase` would take out, and in which ways the account's name is written in them."""
        account, in_all = account_key(author), self.count()
        count = 0
        names: dict[str, None] = {}
        for done, entry in enumerate(self.entries(), 1):
            if is_of(account, entry):
                count += 1
                if not is_all_of(account, entry.room) or account_key(entry.author) == account:
                    names[entry.author] = None
            if done % PAGE_ENTRIES == 0:
                progress(done, max(done, in_all))
        progress(in_all, in_all)
        return count, tuple(names)

    def is_erasing(self, author: str) -> bool:
        """Tell whether an earlier erasing of an account has not come to its end."""
        with self._explain_errors():
            question = "SELECT 1 FROM erasure WHERE account = ?"
            return self._connection.execute(question, (account_key(author),)).fetchone() is not None

    def erase(self, author: str, progress: Progress = lambda _done, _all: None) -> int:
        """Take out everything that an account said and did, and its own log; return how many entries that were.

        Their places stay, as `Kind.ERASED` without words and without a name. The name is the account's in any case of
        letters, as it may have changed; the account itself is not looked for. Its bookmarks and its wish go as well.
        A server that uses the file is told, and shows nothing of it any more. `progress` is told how many entries were
        looked at, and how many there are.

        Raises:
            StoreError: not all of it could be erased, or is gone from the disk; it can be tried again.
        """
        if not self._is_index_known:
            raise StoreError(
                f"{self.path}: the index of words is of another chatsrv or Python, so that it cannot be cleaned; use "
                f"those that the server runs with, or start the server with these once"
            )
        with self._explain_errors(), contextlib.closing(connect(self.path, self._lock_seconds)) as connection:
            return Erasing(connection, author, lambda: is_in_use(self.path)).run(progress)

    # ------------------------------------------------------------------ inside

    @contextlib.contextmanager
    def _explain_errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(what_to_do(error, self.path)) from error
        except (UnicodeDecodeError, MemoryError) as error:
            raise StoreError(describe_damage(error, self.path)) from error

    def _connect(self) -> sqlite3.Connection:
        """Return a connection that only reads, though it may need to write beside the file for that."""
        connection = connect(self.path, self._lock_seconds, "rw" if os.access(self.path, os.W_OK) else "ro")
        connection.execute("PRAGMA query_only = ON")
        return connection

    def _rooms(self, name: str | None = None, only: Only = _all) -> list["_Room"]:
        if name is not None:
            name = name.encode(errors="backslashreplace").decode()  # what was no UTF-8 on a command line
        question = "SELECT name, number << ?, kept_after, indexed FROM room WHERE ? IS NULL OR name = ? ORDER BY name"
        rows = self._connection.execute(question, (OFFSET_BITS, name, name)).fetchall()
        if name is not None and not rows:
            raise StoreError(
                f"{self.path}: there is no room {name!r} in it; what is said in an unlogged one is not recorded"
            )
        return [_Room(*row) for row in rows if name is not None or only(row[0])]

    def _stats_of(self, room: "_Room") -> RoomStats:
        first, last = self._bounds(room, None, None)
        return RoomStats(
            room.name,
            entries=last - first,
            indexed_entries=max(0, min(room.first_id + room.indexed, last) - first),
            first_at=self._at(first + 1, last),
            last_at=self._at(first + 1, last, "DESC"),
        )

    def _bounds(self, room: "_Room", since: float | None, until: float | None) -> tuple[int, int]:
        """Return the id before the first entry of a room from a time on, and the id of the last one before another."""
        (end,) = self._connection.execute(
            "SELECT max(id) FROM entry WHERE id > ? AND id < ?", (room.first_id, room.first_id + (1 << OFFSET_BITS))
        ).fetchone()
        start = room.first_id + room.kept_after
        end = max(start, end or 0)
        first = start if since is None else self._last_before(since, start, end)
        return first, end if until is None else max(first, self._last_before(until, start, end))

    def _last_before(self, moment: float, start: int, end: int) -> int:
        """Return the id of the last entry before a moment; in a room, times never go backwards."""
        while start < end:
            middle = (start + end + 1) // 2
            at = self._at(middle, end)
            if at is not None and at < moment:
                start = middle
            else:
                end = middle - 1
        return start

    def _at(self, first: int, last: int, order: Literal["ASC", "DESC"] = "ASC") -> float | None:
        """Return the time of the first or last entry between two ids that has one; a damaged one has none."""
        question = f"SELECT at FROM entry WHERE id >= ? AND id <= ? AND at BETWEEN 0 AND ? ORDER BY id {order} LIMIT 1"
        row = self._connection.execute(question, (first, last, LAST_AT)).fetchone()
        return row[0] / MICROSECONDS if row else None

    def _pages(self, room: "_Room", start: int, stop: int, size: int) -> Iterator[Entry]:
        """Yield entries behind one id up to another."""
        while start < stop:
            question = f"SELECT {ENTRY} FROM entry WHERE id > ? AND id <= ? ORDER BY id LIMIT ?"
            with self._explain_errors():
                rows = self._connection.execute(question, (start, stop, size)).fetchall()
            yield from (entry_of(row, room.first_id, room.name) for row in rows)
            start = rows[-1][0] if len(rows) == size else stop

    def _find(self, room: "_Room", sought: list[Sought]) -> Iterator[Entry]:
        """Yield the entries of a room that have all that is `sought`, newest first: unindexed ones, then the others."""
        edge_id = room.first_id + room.indexed if self._is_index_known else room.first_id
        question = f"SELECT {ENTRY} FROM entry WHERE id > ? AND id < ? ORDER BY id DESC"
        unindexed = self._connection.execute(question, (edge_id, room.first_id + (1 << OFFSET_BITS)))
        indexed = find(self._connection, sought, room.first_id, edge_id) if edge_id > room.first_id else ()
        for rows in (unindexed, indexed):
            for row in rows:
                entry = entry_of(row, room.first_id, room.name)
                if entry.kind in WORDS and is_found(sought, entry.text):
                    yield entry


@distinct
class _Room(NamedTuple):
    """A room in the file: `first_id` is the id before its first entry."""

    name: str
    first_id: int
    kept_after: int
    indexed: int
