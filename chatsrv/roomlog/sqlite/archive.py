"""The archive: reading recorded entries from the file of the room logs, and copying it.

For old entries only; what is said now never takes this way. A few connections are shared by all threads that read, so
that a thousand sessions which look something up open no thousand files. Searches, whose length is the asker's choice,
have some of their own: a login waits for none. Any thread may call it, under no lock.
"""

import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Collection, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import TypeVar

from chatsrv.model.entries import LINES, WORDS, Bookmark, Entry, Kind, Position
from chatsrv.model.errors import Refused, StoreError
from chatsrv.model.refusals import HistoryUnreadable
from chatsrv.roomlog.base import Hides
from chatsrv.roomlog.search.words import Sought, is_found
from chatsrv.roomlog.sqlite.backup import Progress, copy_file
from chatsrv.roomlog.sqlite.index import edge_of, find
from chatsrv.roomlog.sqlite.journal import Journal
from chatsrv.roomlog.sqlite.mark import Opened
from chatsrv.roomlog.sqlite.schema import ENTRY, OFFSET_BITS, connect, entry_of, numbers_of, what_to_do
from chatsrv.sharing.effort import Effort
from chatsrv.sharing.slots import step_aside

READERS = 4
"""Short readings at once. They take milliseconds, so more would only take memory."""

SEARCHES = 2
"""Searches at once. Each may keep a processor busy, so more would only take turns at it."""

STEPS = 100
"""Steps of SQLite's machine after which a search asks whether it is to go on. The index of words takes few of them: up
to a tenth of a second may lie between two questions while it gathers millions of places, and a thousandth as a rule.
"""

T = TypeVar("T")


class Archive:
    """The recorded entries in the file at `path`. `lock_seconds` is how long it waits for another program's lock."""

    def __init__(self, path: Path, opened: Opened, journal: Journal, lock_seconds: float) -> None:
        self._path = path
        self._opened = opened
        self._journal = journal
        self._lock_seconds = lock_seconds
        self._readers = _Pool(READERS, self._connect)
        self._searchers = _Pool(SEARCHES, self._connect)

    def after(self, first_id: int, room: str, after: int, last: int, limit: int) -> list[Entry]:
        """Return up to `limit` entries of a room behind the offset `after` up to `last`, oldest first.

        Raises:
            Refused: the file cannot be read.
        """
        return self._read(
            f"SELECT {ENTRY} FROM entry WHERE id > ? AND id <= ? ORDER BY id LIMIT ?",
            (first_id + after, first_id + last, limit),
            first_id,
            room,
        )

    def back(self, first_id: int, room: str, after: int, last: int, limit: int) -> list[Entry]:
        """Return up to `limit` entries of a room behind the offset `after` up to `last`, newest first.

        Raises:
            Refused: the file cannot be read.
        """
        return self._read(
            f"SELECT {ENTRY} FROM entry WHERE id > ? AND id <= ? ORDER BY id DESC LIMIT ?",
            (first_id + after, first_id + last, limit),
            first_id,
            room,
        )

    def pick(
        self, kinds: Collection[Kind], first_id: int, room: str, after: int, last: int, limit: int, *, is_back: bool
    ) -> list[Entry]:
        """Return up to `limit` entries of some kinds behind the offset `after` up to `last`, oldest or newest first.

        What people said and decided (`LINES`) has an index; other kinds take time with all that is looked through.

        Raises:
            Refused: the file cannot be read.
        """
        table = "entry INDEXED BY line" if kinds == LINES else "entry"
        return self._read(
            f"SELECT {ENTRY} FROM {table} WHERE id > ? AND id <= ? AND kind IN ({numbers_of(kinds)}) "
            f"ORDER BY id {'DESC' if is_back else ''} LIMIT ?",
            (first_id + after, first_id + last, limit),
            first_id,
            room,
        )

    def count(self, first_id: int, after: int, last: int) -> int:
        """Return how many entries of a room there are behind the offset `after` up to `last`.

        Raises:
            Refused: the file cannot be read.
        """
        question, values = "SELECT count(*) FROM entry WHERE id > ? AND id <= ?", (first_id + after, first_id + last)
        return int(self._ask(lambda connection: connection.execute(question, values).fetchone())[0])

    def edge(self, first_id: int) -> int:
        """Return the offset up to which a room is in the index of words.

        Raises:
            Refused: the file cannot be read.
        """
        return self._ask(lambda connection: edge_of(connection, first_id >> OFFSET_BITS))

    def find(
        self, first_id: int, room: str, sought: Sequence[Sought], after: int, last: int, limit: int, hides: Hides,
        effort: Effort,
    ) -> list[Entry]:  # fmt: skip
        """Return up to `limit` indexed entries of a room that have all that is `sought`, newest first.

        Those behind the offset `after` up to `last` are looked through, as far as the `effort` reaches; see
        `RoomLog.search`.

        Raises:
            Refused: the file cannot be read.
        """
        found: list[Entry] = []

        def ask(connection: sqlite3.Connection) -> None:
            reached = last
            connection.set_progress_handler(lambda: effort.is_over, STEPS)
            try:
                with closing(find(connection, sought, first_id + after, first_id + last)) as rows:
                    for row in rows:
                        entry = entry_of(row, first_id, room)
                        if entry.kind in WORDS and is_found(sought, entry.text) and not hides(entry):
                            found.append(entry)
                            if len(found) == limit:
                                return
                        effort.spend(1, len(entry.text))
                        reached = entry.offset - 1
                        if effort.is_over:
                            effort.stopped_at = reached
                            return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorname != "SQLITE_INTERRUPT":
                    raise
                effort.stopped_at = reached
            finally:
                connection.set_progress_handler(None, 0)

        self._ask(ask, self._searchers)
        return found

    def bookmark(self, account: str, first_id: int) -> Bookmark | None:
        """Return how far an account has read a room, as far as that is recorded.

        Raises:
            Refused: the file cannot be read.
        """
        question = 'SELECT epoch, "offset", origin FROM bookmark WHERE account = ? AND room = ?'
        values = (account, first_id >> OFFSET_BITS)
        row = self._ask(lambda connection: connection.execute(question, values).fetchone())
        return Bookmark(Position(row[0], row[1]), row[2]) if row else None

    def is_caught_up(self, account: str) -> bool:
        """Tell whether an account wants to be told what it missed, as far as that is recorded.

        Raises:
            Refused: the file cannot be read.
        """
        question = "SELECT is_caught_up FROM wish WHERE account = ?"
        row = self._ask(lambda connection: connection.execute(question, (account,)).fetchone())
        return bool(row[0]) if row else True

    def backup(self, path: Path, progress: Progress) -> None:
        """Copy the file, as it is at one moment, to `path`; see `SqliteStore.backup`. Nobody else waits for that."""
        try:
            with closing(self._connect()) as source:
                copy_file(source, self._path, path, progress)
        except sqlite3.Error as error:
            raise StoreError(what_to_do(error, self._path)) from error

    def close(self) -> None:
        """Let go of the connections. Nobody reads any more."""
        self.disconnect()

    def disconnect(self) -> None:
        """Let go of all connections, of those that are in use as soon as they are not. Any thread may call it."""
        self._readers.disconnect()
        self._searchers.disconnect()

    def _read(self, statement: str, values: tuple[int, ...], first_id: int, room: str) -> list[Entry]:
        rows = self._ask(lambda connection: connection.execute(statement, values).fetchall())
        return [entry_of(row, first_id, room) for row in rows]

    def _ask(self, question: Callable[[sqlite3.Connection], T], pool: "_Pool | None" = None) -> T:
        try:
            with step_aside(at_once=True):  # some ask under a lock
                return (pool or self._readers).lend(question)
        except MemoryError as error:
            raise Refused(HistoryUnreadable()) from error
        except (sqlite3.Error, StoreError) as error:
            cause = StoreError(what_to_do(error, self._path)) if isinstance(error, sqlite3.Error) else error
            raise Refused(HistoryUnreadable()) from cause

    def _connect(self) -> sqlite3.Connection:
        """Return a new connection.

        Raises:
            StoreError: another file is in place of ours, or none; or the files beside it are not where they were.
            sqlite3.Error: it cannot be read.
        """
        self._opened.check_place()
        self._journal.check_names()
        connection = connect(self._path, self._lock_seconds)
        try:
            self._opened.check_token(connection)
        except BaseException:
            connection.close()
            raise
        return connection


class _Pool:
    """Up to `most` connections, each lent to one thread at a time. `connected` makes a new one."""

    def __init__(self, most: int, connected: Callable[[], sqlite3.Connection]) -> None:
        self._connect = connected
        self._free = threading.BoundedSemaphore(most)
        self._idle: deque[sqlite3.Connection] = deque()  # appending and popping are atomic
        self._generation = 0

    def lend(self, use: Callable[[sqlite3.Connection], T]) -> T:
        """Return what `use` makes of a connection. One with which something went wrong is not used again."""
        self._free.acquire()
        try:
            generation = self._generation
            try:
                connection = self._idle.pop()
            except IndexError:
                connection = self._connect()
            try:
                answer = use(connection)
            except BaseException:
                connection.close()
                raise
            self._idle.append(connection)
            if generation != self._generation:
                self.disconnect()  # that one among them
            return answer
        finally:
            self._free.release()

    def disconnect(self) -> None:
        """Let go of all connections, of those that are in use as soon as they are not."""
        self._generation += 1
        with suppress(IndexError):
            while True:
                self._idle.pop().close()
