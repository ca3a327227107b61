"""What was recorded since the last checkpoint, in memory too, so that it can be recorded again if the `-wal` is lost.

Bounded: when it is too much, the recorder makes a checkpoint, and where another program keeps that from being complete,
the oldest entries are forgotten. Knows the tables of entries, rooms and bookmarks. The recorder's thread alone uses it.
"""

import sqlite3
import time
from collections import deque
from collections.abc import Callable

from chatsrv.model.entries import Entry, Kind
from chatsrv.roomlog.owners import is_of
from chatsrv.roomlog.shelf import ENTRY_BYTES, text_bytes
from chatsrv.roomlog.sqlite.durable import DurableRoomLog
from chatsrv.roomlog.sqlite.readers import Kept, write_kept
from chatsrv.roomlog.sqlite.rows import write_rows
from chatsrv.roomlog.sqlite.schema import OFFSET_BITS, row_of

BOOKMARKS = 16_384
"""Of more than this, a checkpoint is due. Up to twice as many are kept."""


class Unsettled:
    """Entries, bookmarks and wishes that only the `-wal` has. `logs` returns all logs.

    A checkpoint is due when the entries take more than `due_bytes`, and up to twice as much is kept.
    """

    def __init__(self, logs: Callable[[], list[DurableRoomLog]], due_bytes: int) -> None:
        self._logs = logs
        self._due_bytes = due_bytes
        self._batches: deque[tuple[DurableRoomLog, list[Entry]]] = deque()
        self._kept = Kept({}, {})
        self._bytes = 0

    @property
    def is_large(self) -> bool:
        """Whether a checkpoint is due."""
        return self._is_more_than(1)

    def note(self, batch: list[tuple[DurableRoomLog, list[Entry]]], kept: Kept) -> None:
        """Hear what was recorded just now."""
        for log, entries in batch:
            self._batches.append((log, entries))
            self._count(entries, 1)
        self._kept.bookmarks.update(kept.bookmarks)
        self._kept.wishes.update(kept.wishes)
        while self._batches and self._is_more_than(2):
            self._count(self._batches.popleft()[1], -1)
        if len(self._kept.bookmarks) > 2 * BOOKMARKS:
            self._kept.bookmarks.clear()  # their readers see some lines twice, should all this be needed

    def settle(self) -> None:
        """Forget all of it: the file has it."""
        self._batches.clear()
        self._kept = Kept({}, {})
        self._bytes = 0

    def erase(self, account: str) -> None:
        """Forget what an account said and did, and what is kept about it."""
        for _, entries in self._batches:
            self._count(entries, -1)
            entries[:] = [_without_words(entry) if is_of(account, entry) else entry for entry in entries]
            self._count(entries, 1)
        for key in [key for key in self._kept.bookmarks if key[0] == account]:
            del self._kept.bookmarks[key]
        self._kept.wishes.pop(account, None)

    def write_again(self, connection: sqlite3.Connection) -> dict[str, int]:
        """Record what the file lacks, in one transaction; return how many entries are lost, by the name of the room.

        The last place of a room is taken in any case, so that none is given out twice.

        Raises:
            sqlite3.Error: the file cannot be written.
        """
        logs = [log for log in self._logs() if not log.is_new]
        connection.execute("BEGIN IMMEDIATE")
        ends = {log: _end_of(connection, log) for log in logs}
        rooms = [(log.first_id >> OFFSET_BITS, log.room, 0) for log in logs]
        write_rows(connection, "INSERT OR IGNORE INTO room (number, name, kept_after)", rooms)
        for log in logs:
            values = (log.kept_after, log.first_id >> OFFSET_BITS, log.kept_after)
            connection.execute("UPDATE room SET kept_after = ? WHERE number = ? AND kept_after < ?", values)
        found = dict.fromkeys(logs, 0)
        for log, entries in self._batches:
            missing = [entry for entry in entries if entry.offset > ends[log]]
            write_rows(connection, "INSERT OR REPLACE INTO entry", [row_of(entry, log.first_id) for entry in missing])
            found[log] += len(missing)
        write_kept(connection, self._kept)
        lost: dict[str, int] = {}
        for log in logs:
            if count := log.recorded - max(ends[log], log.kept_after) - found[log]:
                lost[log.room] = count
                if _end_of(connection, log) < log.recorded:
                    last = Entry(log.recorded, time.time(), log.room, Kind.ERASED, "", 0, "")
                    write_rows(connection, "INSERT INTO entry", [row_of(last, log.first_id)])
        connection.execute("COMMIT")
        return lost

    def _is_more_than(self, times: int) -> bool:
        return self._bytes > times * self._due_bytes or len(self._kept.bookmarks) > times * BOOKMARKS

    def _count(self, entries: list[Entry], sign: int) -> None:
        self._bytes += sign * sum([ENTRY_BYTES + text_bytes(entry.text) for entry in entries])


def _end_of(connection: sqlite3.Connection, log: DurableRoomLog) -> int:
    """Return the offset of the last entry of a log that the file has, up to those that were seen."""
    (last,) = connection.execute(
        "SELECT max(id) FROM entry WHERE id > ? AND id <= ?", (log.first_id, log.first_id + log.recorded)
    ).fetchone()
    return max(log.kept_after, (last or log.first_id) - log.first_id)


def _without_words(entry: Entry) -> Entry:
    return Entry(entry.offset, entry.at, entry.room, Kind.ERASED, "", 0, "")
