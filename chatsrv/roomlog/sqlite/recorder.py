"""The recorder: one thread that writes what was appended to all logs, and alone writes to their file.

It takes everything that has come since its last transaction, writes that in one, and only then lets it be seen: what
anybody was shown is in the file. While one transaction is being written, the next gathers. Behind each it does a little
`Upkeep`. Other threads only `announce`.

When the file cannot be written, what waits is taken back, what is new is refused, and it is tried again at intervals
with what must not be lost: who has come and gone.

The files beside it are checked before and after each transaction; what they have lost is put back and recorded again.
"""

import logging
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from pathlib import Path

from chatsrv.model.entries import Entry
from chatsrv.model.errors import ChatError, StoreError
from chatsrv.roomlog.shelf import Shelf
from chatsrv.roomlog.sqlite.durable import DurableRoomLog
from chatsrv.roomlog.sqlite.journal import Journal, Touched
from chatsrv.roomlog.sqlite.mark import Mark, Opened
from chatsrv.roomlog.sqlite.readers import Kept, Readers, write_kept
from chatsrv.roomlog.sqlite.rows import write_rows
from chatsrv.roomlog.sqlite.schema import OFFSET_BITS, connect, row_of, what_to_do
from chatsrv.roomlog.sqlite.unsettled import Unsettled
from chatsrv.roomlog.sqlite.upkeep import Upkeep

logger = logging.getLogger(__name__)

BATCH_ENTRIES = 8192
"""The most that is recorded of one room at once: some tens of milliseconds, so that no room waits long for another."""

CHECKPOINT_FRAMES = 1000
"""Pages in the `-wal` from which on they are written into the file itself: SQLite's own number."""

CHECKPOINT_AGAIN_SECONDS = 1.0
"""After what time that is tried again where another program has kept it from being complete."""


class Recorder:
    """Writes to the file at `path`, which `mark` has locked. `synchronous` is SQLite's."""

    def __init__(
        self,
        path: Path,
        mark: Mark,
        opened: Opened,
        shelf: Shelf,
        journal: Journal,
        *,
        synchronous: str,
        lock_seconds: float,
        retry_seconds: float,
    ) -> None:
        self.is_failing = False
        """Whether nothing can be recorded at the moment. Read by all threads, under the locks of their logs."""
        self._path = path
        self._mark = mark
        self._opened = opened
        self._journal = journal
        self._synchronous = synchronous
        self._lock_seconds = lock_seconds
        self._retry_seconds = retry_seconds
        self._shelf = shelf
        self._news: queue.SimpleQueue[DurableRoomLog | Readers | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        # --- the recorder thread's alone, once it has started ---
        self._connection: sqlite3.Connection | None = None
        self._trouble = ""
        self._retry_at = 0.0
        self._is_stopping = False
        self._due: dict[DurableRoomLog, None] = {}  # those with something unrecorded
        self._are_readers_due = False
        self._checkpoint_at = 0.0  # not before
        self._is_mending = False  # the files beside it

    def start(
        self,
        connection: sqlite3.Connection,
        readers: Readers,
        upkeep: Upkeep,
        *,
        unsettled: Unsettled,
        disconnect_readers: Callable[[], None],
    ) -> None:
        """Start the thread, with a connection that is its own from now on.

        Raises:
            sqlite3.Error, StoreError: the file cannot be used.
        """
        self._readers = readers
        self._upkeep = upkeep
        self._unsettled = unsettled
        self._disconnect_readers = disconnect_readers
        self._prepare(connection)
        self._checkpoint(connection)  # so that whatever becomes of the -wal, the file itself knows that it is ours
        self._journal.attach()
        self._connection = connection
        self._thread.start()

    def announce(self, log: DurableRoomLog) -> None:
        """Say, on any thread, that there is something to record."""
        self._news.put(log)

    def announce_readers(self) -> None:
        """Say, on any thread, that there is something to write about readers."""
        self._news.put(self._readers)

    def stop(self) -> None:
        """Record what is still unrecorded, close the file, and wait until that is done."""
        self._news.put(None)
        self._thread.join()

    # ------------------------------------------------------------------ the recorder thread

    def _run(self) -> None:
        while not self._is_stopping:
            self._gather()
            if self.is_failing and time.monotonic() < self._retry_at:
                self._take_back()
                continue
            try:
                self._record()
            except Exception as error:
                self._fail(error)
            else:
                if not self._upkeep.step(self._connect, is_busy=not self._news.empty()):
                    self._disconnect()
                self._checkpoint_if_due()
        self._end()

    def _gather(self) -> None:
        """Wait until there is something to do, and hear of all news."""
        timeout = self._timeout()
        try:
            self._hear(self._news.get(timeout != 0, timeout))
            while True:
                self._hear(self._news.get_nowait())
        except queue.Empty:
            pass

    def _hear(self, news: DurableRoomLog | Readers | None) -> None:
        if news is None:
            self._is_stopping = True
        elif isinstance(news, Readers):
            self._are_readers_due = True
        else:
            self._due[news] = None

    def _timeout(self) -> float:
        """Return the seconds after which there is something to do, even without news."""
        if self.is_failing:
            return max(0.0, self._retry_at - time.monotonic())
        return 0.0 if self._due or self._are_readers_due else self._upkeep.timeout()

    def _record(self) -> None:
        """Write what is unrecorded in one transaction, then let it be seen."""
        heard = list(self._due)
        batch = [(log, entries) for log in heard if (entries := log.unrecorded(BATCH_ENTRIES))]
        self._due.clear()
        self._due.update((log, None) for log, _ in batch)  # so that they are still due if this fails
        # After the entries, so that where somebody began to read is recorded with the first that is to be read.
        kept = self._readers.unwritten() if batch or self._are_readers_due else Kept({}, {})
        if batch or any(kept):
            self._write(batch, kept)
        for log, entries in batch:
            if log.show(entries):
                del self._due[log]
        for log in heard:
            self._upkeep.note(log)
        if self._are_readers_due or any(kept):
            self._are_readers_due = not self._readers.forget_written(kept)

    def _write(self, batch: list[tuple[DurableRoomLog, list[Entry]]], kept: Kept) -> None:
        connection = self._connect()
        new = {log for log in (*(log for log, _ in batch), *(log for _, log in kept.bookmarks)) if log.is_new}
        connection.execute("BEGIN IMMEDIATE")
        write_rows(
            connection,
            "INSERT OR IGNORE INTO room (number, name, kept_after)",  # an earlier attempt may have left it behind
            [(log.first_id >> OFFSET_BITS, log.room, 0) for log in new],
        )
        for log, entries in batch:
            if self.is_failing:  # what an earlier attempt may have left behind was never seen
                bounds = (log.first_id + log.recorded, log.first_id + (1 << OFFSET_BITS))
                connection.execute("DELETE FROM entry WHERE id > ? AND id < ?", bounds)
            write_rows(connection, "INSERT INTO entry", [row_of(entry, log.first_id) for entry in entries])
        write_kept(connection, kept)
        connection.execute("COMMIT")
        self._journal.check_recorded()  # else nobody is to see it
        self._unsettled.note(batch, kept)
        if batch:
            self._mark.note(sum(len(entries) for _, entries in batch))
        for log in new:
            log.is_new = False
        if self.is_failing:
            self.is_failing = False
            self._trouble = ""
            logger.warning("%s: the history is being recorded again", self._path)

    def _connect(self) -> sqlite3.Connection:
        """Return the connection, made anew after a failure.

        Raises:
            StoreError: the file is not the one that this server had opened.
        """
        self._opened.check_place()
        if self._connection is not None:
            try:
                self._journal.glance()
            except StoreError as error:
                logger.error("%s", error)
                self._disconnect()
        if self._connection is None:
            self._put_back()
            connection = connect(self._path, self._lock_seconds)
            try:
                self._prepare(connection)
                self._opened.check_token(connection)
                self._join(connection)
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute(f"PRAGMA synchronous = {self._synchronous}")
        connection.execute("PRAGMA wal_autocheckpoint = 0")  # never before the -wal has been checked

    # --- the files beside it

    def _put_back(self) -> None:
        """Let the files beside it be as they were, as far as that is possible.

        Raises:
            StoreError: the file itself is not in its place, and a `-wal` would spoil another one; or the disk fails.
        """
        try:
            self._journal.check()
        except StoreError:
            self._is_mending = True
            self._journal.cut_off()
            self._opened.check_place()
            self._journal.put_back()
            self._disconnect_readers()

    def _join(self, connection: sqlite3.Connection) -> None:
        """Watch the files of a new connection from now on, and record again what they have lost.

        Raises:
            StoreError: they are not those of all connections of this process yet.
            sqlite3.Error: the file cannot be written.
        """
        has_lost = self._journal.has_lost
        self._journal.attach()
        self._journal.check()
        if has_lost:
            lost = self._unsettled.write_again(connection)
            self._journal.has_lost = False
            if lost:
                rooms = ", ".join(f"{count:,} in {room}" for room, count in sorted(lost.items()))
                logger.error("%s: entries that people have seen are lost for good: %s", self._path, rooms)
        if self._is_mending:
            self._checkpoint(connection)
            self._is_mending = False
            if not has_lost or not lost:
                logger.warning("%s: all that people have seen is in the history again", self._path)

    def _checkpoint(self, connection: sqlite3.Connection) -> None:
        """Write what is in the `-wal` into the file itself, as far as other programs that read let it."""
        busy, frames, done = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        if not busy and frames == done:
            self._unsettled.settle()
        else:
            self._checkpoint_at = time.monotonic() + CHECKPOINT_AGAIN_SECONDS

    def _checkpoint_if_due(self) -> None:
        if self._connection is None or time.monotonic() < self._checkpoint_at:
            return
        if self._journal.new_frames() < CHECKPOINT_FRAMES and not self._unsettled.is_large:
            return
        try:
            self._checkpoint(self._connect())
        except (sqlite3.Error, StoreError) as error:
            logger.debug("%s: %s", self._path, error)  # it is told when the next entry cannot be recorded
            self._checkpoint_at = time.monotonic() + CHECKPOINT_AGAIN_SECONDS

    # --- when the file cannot be written

    def _fail(self, error: Exception) -> None:
        is_to_be_mended = isinstance(error, Touched) and not self.is_failing
        self.is_failing = True
        self._retry_at = 0.0 if is_to_be_mended else time.monotonic() + self._retry_seconds
        if isinstance(error, sqlite3.Error):
            trouble = what_to_do(error, self._path)
        elif isinstance(error, ChatError):
            trouble = str(error)
        else:
            logger.error("recorder: a bug", exc_info=error)
            trouble = repr(error)
        if trouble != self._trouble:
            self._trouble = trouble
            logger.error("The history cannot be recorded, so nobody can speak until this is mended: %s", trouble)
        self._take_back()
        self._disconnect()

    def _take_back(self) -> None:
        for log in self._due:
            log.take_back()
        self._shelf.notify()

    def _disconnect(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            try:
                self._put_back()
                is_in_place = True
            except StoreError as error:
                logger.debug("%s: %s", self._path, error)
                is_in_place = False
            self._journal.is_closing = is_in_place
            try:
                connection.close()  # which rolls back
            except sqlite3.Error as error:
                logger.debug("%s: %s", self._path, error)
            if is_in_place:
                self._journal.forget_deleted()
            self._journal.is_closing = False

    def _end(self) -> None:
        try:
            while self._due or self._are_readers_due:
                self._record()
                self._gather_late()
            self._mark.close_epoch(self._connect())
        except Exception as error:
            what = "the last entries could not be recorded" if self._due else "it could not be closed in order"
            logger.error("%s: %s: %s", self._path, what, error)
        self.is_failing = True  # whoever speaks now is refused
        self._gather_late()
        self._take_back()
        self._disconnect()

    def _gather_late(self) -> None:
        while not self._news.empty():
            self._hear(self._news.get())
