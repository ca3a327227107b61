"""The recorder: one thread that writes what was appended to all logs, and alone writes to their file.

It takes everything that has come since its last transaction, writes that in one, and only then lets it be seen: what
anybody was shown is in the file. While one transaction is being written, the next gathers. When there is nothing else
to do it lets go of what is no longer to be kept, a little at a time. Other threads only `announce`.

When the file cannot be written, words that wait are taken back, new ones are refused, and it is tried again at
intervals with what must not be lost: who has come and gone.
"""

import logging
import queue
import sqlite3
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from chatsrv.entries import Entry
from chatsrv.errors import ChatError, StoreError
from chatsrv.roomlog.mark import Mark, about_of
from chatsrv.roomlog.rows import write_rows
from chatsrv.roomlog.schema import MICROSECONDS, OFFSET_BITS, connect, row_of, what_to_do

if TYPE_CHECKING:
    from chatsrv.roomlog.durable import DurableRoomLog

logger = logging.getLogger(__name__)

BATCH_ENTRIES = 8192
"""The most that is recorded of one room at once: some tens of milliseconds, so that no room waits long for another."""

DROP_ENTRIES = 1000
"""The most that is let go of at once: a few milliseconds."""

SWEEP_SECONDS = 3600.0
"""How often all rooms are looked through for what is too old. Ages are in days."""


class Keep(NamedTuple):
    """How much of each room is kept: the newest `entries`, and no older ones than `days`. 0 is no limit."""

    entries: int = 0
    days: float = 0


class Recorder:
    """Writes to the file at `path`, which `mark` has locked. `synchronous` is SQLite's."""

    def __init__(
        self, path: Path, mark: Mark, keep: Keep, *, synchronous: str, lock_seconds: float, retry_seconds: float
    ) -> None:
        self.is_failing = False
        """Whether nothing can be recorded at the moment. Read by all threads, under the locks of their logs."""
        self._path = path
        self._mark = mark
        self._keep = keep
        self._synchronous = synchronous
        self._lock_seconds = lock_seconds
        self._retry_seconds = retry_seconds
        self._news: queue.SimpleQueue[DurableRoomLog | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)
        # --- the recorder thread's alone, once it has started ---
        self._connection: sqlite3.Connection | None = None
        self._inode = path.stat().st_ino
        self._token = ""
        self._trouble = ""
        self._retry_at = 0.0
        self._sweep_at = 0.0
        self._is_stopping = False
        self._logs: dict[DurableRoomLog, None] = {}  # all that were ever heard of
        self._due: dict[DurableRoomLog, None] = {}  # those with something unrecorded
        self._lavish: dict[DurableRoomLog, None] = {}  # those that may keep too much

    def start(self, connection: sqlite3.Connection, logs: Iterable["DurableRoomLog"]) -> None:
        """Start the thread, with a connection that is its own from now on, and the logs that there are."""
        connection.execute(f"PRAGMA synchronous = {self._synchronous}")
        self._connection = connection
        self._token = about_of(connection)["token"]
        self._logs = dict.fromkeys(logs)
        self._thread.start()

    def announce(self, log: "DurableRoomLog") -> None:
        """Say, on any thread, that there is something to record."""
        self._news.put(log)

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
                self._let_go()
        self._end()

    def _gather(self) -> None:
        """Wait until there is something to do, and hear of all news."""
        timeout = self._timeout()
        try:
            log = self._news.get(timeout != 0, timeout)
            while True:
                if log is None:
                    self._is_stopping = True
                else:
                    self._due[log] = self._logs[log] = None
                log = self._news.get_nowait()
        except queue.Empty:
            pass

    def _timeout(self) -> float | None:
        """Return the seconds after which there is something to do, even without news; `None` for never."""
        now = time.monotonic()
        if self.is_failing:
            return max(0.0, self._retry_at - now)
        if self._due or self._lavish:
            return 0.0
        if self._keep.days or not self._sweep_at:
            return max(0.0, self._sweep_at - now)
        return None

    def _record(self) -> None:
        """Write what is unrecorded in one transaction, then let it be seen."""
        heard = list(self._due)
        batch = [(log, entries) for log in heard if (entries := log.unrecorded(BATCH_ENTRIES))]
        self._due.clear()
        self._due.update((log, None) for log, _ in batch)  # so that they are still due if this fails
        if batch:
            self._write(batch)
        for log, entries in batch:
            if log.show(entries):
                del self._due[log]
        for log in heard:
            if self._keep.entries and log.recorded - log.kept_after > self._keep.entries * 17 // 16:
                self._lavish[log] = None  # not for every entry anew: deleting many costs little more than deleting one

    def _write(self, batch: list[tuple["DurableRoomLog", list[Entry]]]) -> None:
        connection = self._connected()
        connection.execute("BEGIN IMMEDIATE")
        for log, entries in batch:
            if log.is_new:
                room = (log.first_id >> OFFSET_BITS, log.room)
                connection.execute("INSERT INTO room (number, name, kept_after) VALUES (?, ?, 0)", room)
            if self.is_failing:  # what an earlier attempt may have left behind was never seen
                bounds = (log.first_id + log.recorded, log.first_id + (1 << OFFSET_BITS))
                connection.execute("DELETE FROM entry WHERE id > ? AND id < ?", bounds)
            write_rows(connection, "INSERT INTO entry", [row_of(entry, log.first_id) for entry in entries])
        connection.execute("COMMIT")
        if self.is_failing:
            self.is_failing = False
            self._trouble = ""
            logger.warning("%s: the history is being recorded again", self._path)

    def _connected(self) -> sqlite3.Connection:
        """Return the connection, made anew after a failure.

        Raises:
            StoreError: the file is not the one that this server had opened.
        """
        try:
            inode = self._path.stat().st_ino
        except OSError as error:
            raise StoreError(
                f"{self._path} is gone ({error.strerror}); put it back, or start the server anew"
            ) from None
        replaced = StoreError(f"{self._path} was replaced by another file while the server runs; start the server anew")
        if inode != self._inode:
            raise replaced
        if self._connection is None:
            connection = connect(self._path, self._lock_seconds)
            try:
                connection.execute(f"PRAGMA synchronous = {self._synchronous}")
                if about_of(connection).get("token") != self._token:
                    raise replaced
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    # --- when the file cannot be written

    def _fail(self, error: Exception) -> None:
        self.is_failing = True
        self._retry_at = time.monotonic() + self._retry_seconds
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

    def _disconnect(self) -> None:
        if self._connection is not None:
            connection, self._connection = self._connection, None
            try:
                connection.close()  # which rolls back
            except sqlite3.Error as error:
                logger.debug("%s: %s", self._path, error)

    def _end(self) -> None:
        try:
            while self._due:
                self._record()
                self._gather_late()
            self._mark.close_epoch(self._connected())
        except Exception as error:
            what = "the last entries could not be recorded" if self._due else "it could not be closed in order"
            logger.error("%s: %s: %s", self._path, what, error)
        self.is_failing = True  # whoever speaks now is refused
        self._gather_late()
        self._take_back()
        self._disconnect()

    def _gather_late(self) -> None:
        while not self._news.empty():
            log = self._news.get()
            if log is not None:
                self._due[log] = None

    # --- letting go of what is no longer to be kept

    def _let_go(self) -> None:
        """Take one step for one room."""
        now = time.monotonic()
        if now >= self._sweep_at:
            self._sweep_at = now + SWEEP_SECONDS
            if self._keep.entries or self._keep.days:
                self._lavish.update(self._logs)
        if not self._lavish:
            return
        log = next(iter(self._lavish))
        try:
            if not self._drop_some(log):
                del self._lavish[log]
        except (sqlite3.Error, StoreError) as error:
            self._lavish.clear()
            self._disconnect()
            logger.warning("Entries that are no longer to be kept could not be deleted: %s: %s", self._path, error)

    def _drop_some(self, log: "DurableRoomLog") -> bool:
        """Delete the oldest entries of a room that are too many or too old; return whether there may be more."""
        connection = self._connected()
        most = min(log.recorded, log.kept_after + DROP_ENTRIES)
        last = min(most, log.recorded - self._keep.entries) if self._keep.entries else 0
        if self._keep.days:
            before = round((time.time() - self._keep.days * 86400) * MICROSECONDS)
            (found,) = connection.execute(
                "SELECT max(id) FROM entry WHERE id > ? AND id <= ? AND at < ?",
                (log.first_id + log.kept_after, log.first_id + most, before),
            ).fetchone()
            last = max(last, found - log.first_id if found else 0)
        if not log.let_go(last):
            return False
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("DELETE FROM entry WHERE id > ? AND id <= ?", (log.first_id, log.first_id + log.kept_after))
        number = log.first_id >> OFFSET_BITS
        connection.execute("UPDATE room SET kept_after = ? WHERE number = ?", (log.kept_after, number))
        connection.execute("COMMIT")
        return True
