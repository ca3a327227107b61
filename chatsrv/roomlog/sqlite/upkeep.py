"""What the recorder sees to when there is nothing to record, a little at a time, so that nobody who speaks waits long.

    letting go    of what is no longer to be kept, in the index too
    discarding    an index of other words, before a new one is made
    indexing      of what was recorded: the index follows some seconds behind
    erasing       from memory what another program erases from the file; see `erasing`
    emptying      the `-wal` of what was erased or let go of, when nobody reads it

All of it is the recorder thread's. What fails here is tried again later and disturbs no recording.
"""

import logging
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from chatsrv.model.entries import REGISTER
from chatsrv.model.errors import StoreError
from chatsrv.model.history import Keep
from chatsrv.roomlog.sqlite.durable import DurableRoomLog
from chatsrv.roomlog.sqlite.erasing import TO_CLEAR, empty_wal
from chatsrv.roomlog.sqlite.index import STEP_ENTRIES, discard_some, edge_of, extend, remove
from chatsrv.roomlog.sqlite.schema import LAST_AT, MICROSECONDS, OFFSET_BITS, what_to_do

logger = logging.getLogger(__name__)

DROP_ENTRIES = 500
"""The most that is let go of at once: a few milliseconds."""

SWEEP_SECONDS = 3600.0
"""How often all rooms are looked through for what is too old. Ages are in days."""

ROOM_COSTS_ENTRIES = 10
"""To index nothing in one room takes as long as to index so many entries."""

Logs: TypeAlias = Callable[[], list[DurableRoomLog]]
"""Returns all logs that are open."""

Erase: TypeAlias = Callable[[str], None]
"""Takes out of memory all that an account said and did, and what is kept about it."""


class Upkeep:
    """Sees to the file at `path`. Every `look_seconds` it looks whether another program changed it."""

    def __init__(self, path: Path, keep: Keep, logs: Logs, erase: Erase, *, can_index: bool, look_seconds: float):
        self._path = path
        self._keep = keep
        self._logs = logs
        self._erase_from_memory = erase
        self._can_index = can_index
        self._is_to_discard = can_index  # until it is known that there is nothing to discard
        self._look_seconds = look_seconds
        self._look_at = self._sweep_at = 0.0
        self._seen: tuple[sqlite3.Connection, int] | None = None
        self._trouble = ""
        self._is_to_clear = self._is_kept_from_clearing = False  # the -wal, by who reads
        self._lavish: dict[DurableRoomLog, None] = {}  # those that may keep too much
        self._fresh: dict[DurableRoomLog, None] = dict.fromkeys(logs())  # those to index from the next look on
        self._unindexed: dict[DurableRoomLog, None] = {}  # those to index now, in the order of their numbers

    def note(self, log: DurableRoomLog) -> None:
        """Hear that something was recorded, or a follower has gone."""
        self._fresh[log] = None
        if self._keep.entries and log.recorded - log.kept_after > self._keep.entries * 17 // 16:
            self._shorten(log)  # not for every entry anew: deleting many costs little more than deleting one

    def _shorten(self, log: DurableRoomLog) -> None:
        """Let go of what a log has too much. The register keeps everything, as what it has holds for ever."""
        if log.room != REGISTER:
            self._lavish[log] = None

    def timeout(self) -> float:
        """Return the seconds after which there is something to do."""
        is_busy = self._lavish or self._is_to_discard or self._unindexed
        return 0.0 if is_busy else max(0.0, self._look_at - time.monotonic())

    def step(self, connected: Callable[[], sqlite3.Connection], *, is_busy: bool) -> bool:
        """Do a little of what is due, less if it `is_busy`; return whether the connection is still good."""
        if self.timeout():
            return True
        try:
            connection = connected()
            if time.monotonic() >= self._look_at:
                self._look(connection)
            if self._lavish:
                self._drop_some(connection)
            if self._is_to_discard:
                self._discard_some(connection)
            elif self._unindexed:
                self._index_some(connection, STEP_ENTRIES // 4 if is_busy else STEP_ENTRIES)
        except (sqlite3.Error, StoreError) as error:
            self._put_off(error)
            return False
        self._trouble = ""
        return True

    def _put_off(self, error: Exception) -> None:
        self._lavish.clear()
        self._fresh.update(self._unindexed)
        self._unindexed.clear()
        self._look_at = time.monotonic() + self._look_seconds
        trouble = what_to_do(error, self._path) if isinstance(error, sqlite3.Error) else str(error)
        if trouble != self._trouble:
            self._trouble = trouble
            logger.warning("Old entries could not be deleted, or new ones not be indexed: %s", trouble)

    def _look(self, connection: sqlite3.Connection) -> None:
        """See what has come up since the last look."""
        now = time.monotonic()
        (version,) = connection.execute("PRAGMA data_version").fetchone()
        if (connection, version) != self._seen:  # somebody else changed something, or it cannot be known
            self._erase(connection)
            self._seen = connection, version
        if self._is_to_clear and not self._lavish:
            self._clear(connection)
        self._look_at = now + self._look_seconds
        if now >= self._sweep_at:
            self._sweep_at = now + SWEEP_SECONDS
            if self._keep.entries or self._keep.days:
                for log in self._logs():
                    self._shorten(log)
        if self._can_index:
            logs = {**self._unindexed, **self._fresh}
            self._unindexed = dict.fromkeys(sorted(logs, key=lambda log: log.first_id))
        self._fresh.clear()

    def _erase(self, connection: sqlite3.Connection) -> None:
        """Take out of memory whom another program is erasing from the file, and answer that program."""
        accounts = connection.execute("SELECT account FROM erasure WHERE NOT is_seen").fetchall()
        for (account,) in accounts:
            self._erase_from_memory(account)
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("DELETE FROM bookmark WHERE account = ?", (account,))
            connection.execute("DELETE FROM wish WHERE account = ?", (account,))
            connection.execute("UPDATE erasure SET is_seen = 1 WHERE account = ?", (account,))
            connection.execute("COMMIT")
        question = "SELECT 1 FROM erasure WHERE is_seen = ?"
        self._is_to_clear |= connection.execute(question, (TO_CLEAR,)).fetchone() is not None

    def _clear(self, connection: sqlite3.Connection) -> None:
        """Have what was erased or let go of leave the disk; try again at the next look if somebody reads it."""
        if not empty_wal(connection):
            if not self._is_kept_from_clearing:
                self._is_kept_from_clearing = True
                logger.warning(
                    "%s: what was erased or is no longer kept is still on the disk, in the -wal beside it, since "
                    "another program is reading it: it goes when that program has finished",
                    self._path,
                )
            return
        self._is_to_clear = False
        if self._is_kept_from_clearing:
            self._is_kept_from_clearing = False
            logger.warning("%s: what was erased or is no longer kept is not on the disk any more", self._path)
        if connection.execute("SELECT 1 FROM erasure WHERE is_seen = ?", (TO_CLEAR,)).fetchone():
            connection.execute("DELETE FROM erasure WHERE is_seen = ?", (TO_CLEAR,))
            self._is_to_clear = True  # once more, of the names of the accounts

    def _discard_some(self, connection: sqlite3.Connection) -> None:
        """Discard some of an index that was set aside. Where that fails, searching and indexing do without."""
        self._is_to_discard = False
        connection.execute("BEGIN IMMEDIATE")
        is_more = discard_some(connection)
        connection.execute("COMMIT")
        self._is_to_discard = is_more

    def _index_some(self, connection: sqlite3.Connection, limit: int) -> None:
        """Index so many entries of the rooms that are next."""
        connection.execute("BEGIN IMMEDIATE")
        done = []
        for log in self._unindexed:
            recorded = log.recorded
            edge, looked_at = extend(connection, log.first_id >> OFFSET_BITS, recorded, limit)
            if edge >= recorded:
                done.append(log)
            limit -= looked_at + ROOM_COSTS_ENTRIES
            if limit <= 0:
                break
        connection.execute("COMMIT")
        for log in done:
            del self._unindexed[log]

    def _drop_some(self, connection: sqlite3.Connection) -> None:
        """Delete the oldest entries of a room that are too many or too old."""
        log = next(iter(self._lavish))
        first_id = log.first_id
        most = min(log.recorded, log.kept_after + DROP_ENTRIES)
        last = min(most, log.recorded - self._keep.entries) if self._keep.entries else 0
        if self._keep.days:
            before = round((time.time() - self._keep.days * 86400) * MICROSECONDS)
            # the first one that is not too old, rather than the last one that is: its time may be damaged
            (found,) = connection.execute(
                "SELECT min(id) FROM entry WHERE id > ? AND id <= ? AND at BETWEEN ? AND ?",
                (first_id + log.kept_after, first_id + most, before, LAST_AT),
            ).fetchone()
            last = max(last, found - 1 - first_id if found else most)
        if not log.let_go(last):
            del self._lavish[log]
            return
        number = first_id >> OFFSET_BITS
        connection.execute("BEGIN IMMEDIATE")
        indexed = min(log.kept_after, edge_of(connection, number))
        question = "SELECT id, kind, text FROM entry WHERE id > ? AND id <= ?"
        remove(connection, connection.execute(question, (first_id, first_id + indexed)).fetchall())
        connection.execute("DELETE FROM entry WHERE id > ? AND id <= ?", (first_id, first_id + log.kept_after))
        connection.execute("UPDATE room SET kept_after = ? WHERE number = ?", (log.kept_after, number))
        connection.execute("COMMIT")
        self._is_to_clear = True
