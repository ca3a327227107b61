"""The archive: reading recorded entries from the file of the room logs, and copying it.

For old entries only; what is said now never takes this way. A few connections are shared by all threads that read, so
that a thousand sessions which look something up open no thousand files. Any thread may call it, under no lock.
"""

import contextlib
import sqlite3
import threading
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from chatsrv.entries import Entry
from chatsrv.errors import Refused, StoreError
from chatsrv.roomlog.backup import Progress, copy_file
from chatsrv.roomlog.schema import ENTRY, connect, entry_of, what_to_do

READERS = 4
"""Readings at once. They take milliseconds, so more would only take memory."""


class Archive:
    """The recorded entries in the file at `path`. `lock_seconds` is how long it waits for another program's lock."""

    def __init__(self, path: Path, lock_seconds: float) -> None:
        self._path = path
        self._lock_seconds = lock_seconds
        self._free = threading.BoundedSemaphore(READERS)
        self._idle: deque[sqlite3.Connection] = deque()  # appending and popping are atomic

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

    def back(self, first_id: int, room: str, after: int, last: int) -> list[Entry]:
        """Return the entries of a room behind the offset `after` up to `last`, newest first.

        Raises:
            Refused: the file cannot be read.
        """
        return self._read(
            f"SELECT {ENTRY} FROM entry WHERE id > ? AND id <= ? ORDER BY id DESC",
            (first_id + after, first_id + last),
            first_id,
            room,
        )

    def backup(self, path: Path, progress: Progress) -> None:
        """Copy the file, as it is at one moment, to `path`; see `SqliteStore.backup`."""
        try:
            with self._connection() as source:
                copy_file(source, self._path, path, progress)
        except sqlite3.Error as error:
            raise StoreError(what_to_do(error, self._path)) from error

    def close(self) -> None:
        """Let go of the connections. Nobody reads any more."""
        while self._idle:
            self._idle.pop().close()

    def _read(self, statement: str, values: tuple[int, ...], first_id: int, room: str) -> list[Entry]:
        try:
            with self._connection() as connection:
                rows = connection.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise Refused("What was said before cannot be read at the moment.") from StoreError(
                what_to_do(error, self._path)
            )
        return [entry_of(row, first_id, room) for row in rows]

    @contextlib.contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        """Lend a connection. One with which something went wrong is not used again."""
        with self._free:
            try:
                connection = self._idle.pop()
            except IndexError:
                connection = connect(self._path, self._lock_seconds)
            try:
                yield connection
            except BaseException:
                connection.close()
                raise
            self._idle.append(connection)
