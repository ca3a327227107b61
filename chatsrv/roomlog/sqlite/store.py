"""Room logs in an SQLite file: recorded before they are seen, there again after a restart.

    SqliteStore        opens and closes the file, knows the rooms
    DurableRoomLog     makes the order, keeps what is new in memory            durable.py
    Recorder           the one thread that writes                              recorder.py
    Archive            reads what is old, makes copies                         archive.py
    Journal            are the files beside it as SQLite has them open?        journal.py
    Mark               whose is the file, and is it as it was left?            mark.py
    MemoryStore        logs of rooms that are not to be recorded               memory.py

Every method may be called from any thread. docs/history.md tells an administrator how to live with the file.
"""

import contextlib
import logging
import os
import sqlite3
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from chatsrv.model.distinct import distinct
from chatsrv.model.entries import Bookmark
from chatsrv.model.errors import StoreError
from chatsrv.model.history import DURABILITY, KEEP, Durability, Keep
from chatsrv.roomlog.base import LogStore, RoomLog
from chatsrv.roomlog.memory import MemoryStore
from chatsrv.roomlog.shelf import KEPT_BYTES, Shelf
from chatsrv.roomlog.sqlite.archive import Archive
from chatsrv.roomlog.sqlite.backup import Progress
from chatsrv.roomlog.sqlite.durable import DurableRoomLog
from chatsrv.roomlog.sqlite.file import HistoryFile
from chatsrv.roomlog.sqlite.foreign import check_wal
from chatsrv.roomlog.sqlite.index import prepare_index
from chatsrv.roomlog.sqlite.journal import Journal
from chatsrv.roomlog.sqlite.mark import Mark, Opened
from chatsrv.roomlog.sqlite.readers import Readers
from chatsrv.roomlog.sqlite.recorder import Recorder
from chatsrv.roomlog.sqlite.schema import (
    LAST_AT,
    MICROSECONDS,
    OFFSET_BITS,
    connect,
    create,
    describe_damage,
    prepare,
    what_to_do,
)
from chatsrv.roomlog.sqlite.unsettled import Unsettled
from chatsrv.roomlog.sqlite.upkeep import Upkeep
from chatsrv.sharing.locks import Rank, ranked_lock

logger = logging.getLogger(__name__)


# What `PRAGMA synchronous` has to be: NORMAL leaves it to the system when the disk gets a transaction, FULL forces it.
_SYNCHRONOUS = {"process": "NORMAL", "power": "FULL"}


UNRECORDED_ROOMS_SHARE = 4
"""Rooms that are not recorded keep in memory so much of what all may: all that there is of them."""

UNSETTLED_SHARE = 16
"""A checkpoint is due when what only the `-wal` has takes so much of what the logs may keep in memory."""

CLOCK_SECONDS = 60.0
"""How far ahead the newest entry may be without a word: clocks are set right by less all the time."""


class SqliteStore(LogStore):
    """Logs of all rooms in the file at `path`, which is made, with its directory, if it is not there.

    What was seen survives the end of the process, however it comes (`durability="process"`), or also a loss of power
    ("power"). `keep_entries` and `keep_days` bound each room; 0 is no limit, and a sixteenth more entries may be kept.
    `lock_seconds` is how long another program's lock is waited for, `retry_seconds` how long a failing disk is left
    alone, `look_seconds` how often it is looked whether another program erases something. `keep_bytes` is what all logs
    may keep in memory.

    Raises:
        StoreError: the file cannot be used. The text says what to do.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        durability: Durability = DURABILITY,
        keep_entries: int = KEEP.entries,
        keep_days: float = KEEP.days,
        lock_seconds: float = 5.0,
        retry_seconds: float = 1.0,
        look_seconds: float = 2.0,
        keep_bytes: int = KEPT_BYTES,
    ) -> None:
        self.path = Path(path)
        create(self.path)
        self._lock = ranked_lock(Rank.ROOM_LOG)
        self._is_closed = False
        self.unrecorded = MemoryStore(keep_bytes=keep_bytes // UNRECORDED_ROOMS_SHARE)
        self.shelf = Shelf(keep_bytes - self.unrecorded.shelf.most_bytes, self._all_logs)
        self._journal = Journal(self.path)
        with contextlib.ExitStack() as undo:
            self._mark = undo.enter_context(contextlib.closing(Mark(self.path)))
            check_wal(self.path)
            try:
                connection = undo.enter_context(contextlib.closing(connect(self.path, lock_seconds)))
                is_sound = prepare(connection, self.path)
                rooms = _rooms_in(connection)
                recorded = sum(room.last for room in rooms)
                self.epoch, is_other = self._mark.open_epoch(connection, durability, recorded)
                can_index = prepare_index(connection, is_trusted=is_sound and not is_other)
                as_opened = Opened(self.path, connection)
                self._archive = Archive(self.path, as_opened, self._journal, lock_seconds)
                self._recorder = Recorder(
                    self.path,
                    self._mark,
                    as_opened,
                    self.shelf,
                    self._journal,
                    synchronous=_SYNCHRONOUS[durability],
                    lock_seconds=lock_seconds,
                    retry_seconds=retry_seconds,
                )
                self._logs = {room.name: self._log_of(room) for room in rooms}  # guarded by the lock
                self._numbers = max((room.first_id >> OFFSET_BITS for room in rooms), default=0)
                self._readers = Readers(self._archive, self._recorder.announce_readers)
                upkeep = Upkeep(
                    self.path,
                    Keep(keep_entries, keep_days),
                    self._all_logs,
                    self._erase_from_memory,
                    can_index=can_index,
                    look_seconds=look_seconds,
                )
                self._unsettled = Unsettled(self._all_logs, self.shelf.most_bytes // UNSETTLED_SHARE)
                self._recorder.start(
                    connection,
                    self._readers,
                    upkeep,
                    unsettled=self._unsettled,
                    disconnect_readers=self._archive.disconnect,
                )
            except sqlite3.Error as error:
                is_read_only = getattr(error, "sqlite_errorname", "").startswith("SQLITE_READONLY")
                if is_read_only and all(os.access(place, os.W_OK) for place in (self.path, self.path.parent)):
                    raise StoreError(describe_damage(error, self.path)) from error  # it says itself that it is
                raise StoreError(what_to_do(error, self.path)) from error
            except (ValueError, KeyError, MemoryError) as error:
                # SQLite's own message may be no text, a row be missing, a length ask for more memory than there is.
                raise StoreError(describe_damage(error, self.path)) from error
            undo.pop_all()
        if is_other:
            logger.warning(
                "%s is not as this server left it (restored, copied, or cut short by a crash of the machine): "
                "a new epoch begins, and what people had read of it last counts as unknown",
                self.path,
            )
        _warn_of_future(self.path, rooms)

    def open(self, room: str, *, is_recorded: bool = True) -> RoomLog:
        """See `LogStore.open`. Does not wait for the disk: the room is recorded with its first entry.

        What was recorded of a room that is opened as an unrecorded one stays in the file, and is not read.
        """
        return self._open(room) if is_recorded else self.unrecorded.open(room)

    def _open(self, room: str) -> DurableRoomLog:
        room.encode()  # the file cannot hold surrogates
        with self._lock:
            log = self._logs.get(room)
            if log is None:
                self._numbers += 1
                log = self._logs[room] = DurableRoomLog(
                    room,
                    self.epoch,
                    self._recorder,
                    self._archive,
                    first_id=self._numbers << OFFSET_BITS,
                    is_new=True,
                    shelf=self.shelf,
                )
            return log

    def has(self, room: str) -> bool:
        """See `LogStore.has`."""
        with self._lock:
            is_recorded = room in self._logs
        return is_recorded or self.unrecorded.has(room)

    def rooms(self) -> list[str]:
        """See `LogStore.rooms`."""
        with self._lock:
            recorded = set(self._logs)
        return sorted(recorded.union(self.unrecorded.rooms()))

    def bookmark(self, account: str, room: str) -> Bookmark | None:
        """See `LogStore.bookmark`. That of an unrecorded room lives as long as the room's log."""
        if self.unrecorded.has(room):
            return self.unrecorded.bookmark(account, room)
        with self._lock:
            log = self._logs.get(room)
        return self._readers.bookmark(account, log) if log else None

    def keep_bookmark(self, account: str, room: str, bookmark: Bookmark) -> None:
        """See `LogStore.keep_bookmark` and `Readers.keep_bookmark`."""
        if self.unrecorded.has(room):
            self.unrecorded.keep_bookmark(account, room, bookmark)
        else:
            self._readers.keep_bookmark(account, self._open(room), bookmark)

    def keep_first_bookmark(self, account: str, room: str, bookmark: Bookmark) -> None:
        """See `LogStore.keep_first_bookmark` and `Readers.keep_bookmark`."""
        if self.unrecorded.has(room):
            self.unrecorded.keep_bookmark(account, room, bookmark)
        else:
            self._readers.keep_bookmark(account, self._open(room), bookmark, is_first=True)

    def is_caught_up(self, account: str) -> bool:
        """See `LogStore.is_caught_up`."""
        return self._readers.is_caught_up(account)

    def keep_caught_up(self, account: str, is_wanted: bool) -> None:
        """See `LogStore.keep_caught_up` and `Readers.keep_caught_up`."""
        self._readers.keep_caught_up(account, is_wanted)

    def erase(self, author: str, progress: Progress = lambda _done, _all: None) -> int:
        """Take out everything that an account said and did, and return how many entries that were.

        It may take seconds, while the chat goes on; see `HistoryFile.erase`.

        Raises:
            StoreError: not all of it could be erased.
        """
        with HistoryFile(self.path) as file:
            return file.erase(author, progress)

    def backup(self, path: str | Path, progress: Progress = lambda _done, _all: None) -> None:
        """Copy everything that is recorded, as it is at one moment, into a file at `path`, while the chat goes on.

        A server that opens the copy begins a new epoch. `progress` is told the pages that are done, and all pages. What
        is at `path` is replaced when the copy is complete.

        Raises:
            StoreError: it cannot be written.
        """
        self._archive.backup(Path(path), progress)

    def close(self) -> None:
        """See `LogStore.close`. Closing twice does nothing more."""
        with self._lock:
            is_closed, self._is_closed = self._is_closed, True
        if not is_closed:
            self._recorder.stop()
            self._archive.close()
            self._journal.close()
            self._mark.close()

    def _all_logs(self) -> list[DurableRoomLog]:
        with self._lock:
            return list(self._logs.values())

    def _erase_from_memory(self, account: str) -> None:
        for log in self._all_logs():
            log.erase(account)
        self.unrecorded.erase(account)
        self._readers.forget(account)
        self._unsettled.erase(account)

    def _log_of(self, room: "_Room") -> DurableRoomLog:
        return DurableRoomLog(
            room.name,
            self.epoch,
            self._recorder,
            self._archive,
            first_id=room.first_id,
            kept_after=room.kept_after,
            last=room.last,
            last_at=room.last_at,
            shelf=self.shelf,
        )


@distinct
class _Room(NamedTuple):
    """A room in the file. `first_id` is the id before its first entry, `last` the offset of its last one."""

    name: str
    first_id: int
    kept_after: int
    last: int
    last_at: float


def _warn_of_future(path: Path, rooms: list[_Room]) -> None:
    last = max(rooms, key=lambda room: room.last_at, default=None)
    if last and last.last_at > time.time() + CLOCK_SECONDS:
        logger.warning(
            "%s: the newest entry of %s is of %s, which lies in the future: a clock was wrong then, or is now. "
            "What is said there is shown with that time until it has passed",
            path,
            last.name,
            datetime.fromtimestamp(last.last_at, UTC).isoformat(" ", "seconds"),
        )


def _rooms_in(connection: sqlite3.Connection) -> list[_Room]:
    """Return the rooms in the file.

    Raises:
        sqlite3.Error: they cannot be read. A room by another name would be another one, so no name may be damaged.
    """
    rooms = []
    question = "SELECT number, CAST(name AS BLOB), kept_after FROM room"
    for number, encoded, kept_after in connection.execute(question).fetchall():
        try:
            name = encoded.decode()
        except UnicodeDecodeError as error:
            raise sqlite3.DatabaseError(f"the name of room {number} is no text") from error
        first_id = number << OFFSET_BITS
        of_the_room = (first_id, first_id + (1 << OFFSET_BITS))
        (last_id,) = connection.execute("SELECT max(id) FROM entry WHERE id > ? AND id < ?", of_the_room).fetchone()
        # all that comes will be as late as the last one: that of a flipped bit would be everybody's for good
        question = "SELECT at FROM entry WHERE id > ? AND id < ? AND at BETWEEN 0 AND ? ORDER BY id DESC LIMIT 1"
        (at,) = connection.execute(question, (*of_the_room, LAST_AT)).fetchone() or (0,)
        last = max(kept_after, (last_id or first_id) - first_id)
        rooms.append(_Room(name, first_id, kept_after, last, at / MICROSECONDS))
    return rooms
