"""The readers' places: how far each has read each room, and whether they want to be told what they missed.

What is new waits in memory until the recorder writes it, only the newest of each; older answers come from the archive.
Any thread may call it, but for what is the recorder's. A disk that fails loses nothing of it while the process lives.
"""

import sqlite3
from collections.abc import Callable
from itertools import islice
from typing import NamedTuple

from chatsrv.model.distinct import distinct
from chatsrv.model.entries import Bookmark
from chatsrv.roomlog.sqlite.archive import Archive
from chatsrv.roomlog.sqlite.durable import DurableRoomLog
from chatsrv.roomlog.sqlite.rows import write_rows
from chatsrv.roomlog.sqlite.schema import OFFSET_BITS
from chatsrv.sharing.locks import Rank, ranked_lock

KEPT_AT_ONCE = 2048
"""Bookmarks that are written in one transaction: some milliseconds, which those who speak wait for."""


@distinct
class Kept(NamedTuple):
    """What is to be written. `bookmarks` is by account and log, `wishes` by account."""

    bookmarks: dict[tuple[str, DurableRoomLog], Bookmark]
    wishes: dict[str, bool]


class Readers:
    """`announce` tells the recorder that there is something to write."""

    def __init__(self, archive: Archive, announce: Callable[[], None]) -> None:
        self._archive = archive
        self._announce = announce
        self._lock = ranked_lock(Rank.ROOM_LOG)
        # Guarded by the lock: what is not written yet, and which of the bookmarks the next transaction has to have.
        self._pending = Kept({}, {})
        self._firsts: dict[tuple[str, DurableRoomLog], None] = {}
        self._is_announced = False

    def bookmark(self, account: str, log: DurableRoomLog) -> Bookmark | None:
        """See `LogStore.bookmark`."""
        with self._lock:
            pending = self._pending.bookmarks.get((account, log))
        return pending or self._archive.bookmark(account, log.first_id)

    def keep_bookmark(self, account: str, log: DurableRoomLog, bookmark: Bookmark, *, is_first: bool = False) -> None:
        """See `LogStore.keep_bookmark`; if it `is_first`, `LogStore.keep_first_bookmark`.

        Raises:
            ValueError: the file cannot hold it: a surrogate in a name, or a number of more than 63 bits.
        """
        (epoch, offset), origin = bookmark
        f"{account}{epoch}".encode()
        if (offset | origin) >> 63:
            raise ValueError(f"{bookmark} has a number of more than 63 bits")
        with self._lock:
            self._pending.bookmarks[account, log] = bookmark
            if is_first:
                self._firsts[account, log] = None
        self._tell()

    def is_caught_up(self, account: str) -> bool:
        """See `LogStore.is_caught_up`."""
        with self._lock:
            pending = self._pending.wishes.get(account)
        return self._archive.is_caught_up(account) if pending is None else pending

    def keep_caught_up(self, account: str, is_wanted: bool) -> None:
        """See `LogStore.keep_caught_up`.

        Raises:
            ValueError: the file cannot hold it: a surrogate in the name.
        """
        account.encode()
        with self._lock:
            self._pending.wishes[account] = is_wanted
        self._tell()

    def _tell(self) -> None:
        with self._lock:
            is_announced, self._is_announced = self._is_announced, True
        if not is_announced:
            self._announce()

    # ------------------------------------------------------------------ for the recorder

    def unwritten(self) -> Kept:
        """Return what to write next; what is kept from now on is announced anew.

        All first bookmarks are in it. There are no more of them than people who come in, and those are written as well.
        """
        with self._lock:
            self._is_announced = False
            bookmarks, wishes = self._pending
            next_ones = dict(islice(bookmarks.items(), KEPT_AT_ONCE))
            for key in self._firsts:
                next_ones[key] = bookmarks[key]
            return Kept(next_ones, dict(islice(wishes.items(), KEPT_AT_ONCE)))

    def forget_written(self, kept: Kept) -> bool:
        """Forget what is in the file now, unless there is something newer; return whether nothing is left to write."""
        with self._lock:
            for key, bookmark in kept.bookmarks.items():
                self._firsts.pop(key, None)
                if self._pending.bookmarks.get(key) is bookmark:
                    del self._pending.bookmarks[key]
            for account, is_wanted in kept.wishes.items():
                if self._pending.wishes.get(account) is is_wanted:
                    del self._pending.wishes[account]
            return not any(self._pending)

    def forget(self, account: str) -> None:
        """Forget what is not written yet of an account."""
        with self._lock:
            self._pending.wishes.pop(account, None)
            for key in [key for key in self._pending.bookmarks if key[0] == account]:
                del self._pending.bookmarks[key]
                self._firsts.pop(key, None)


def write_kept(connection: sqlite3.Connection, kept: Kept) -> None:
    """Write it, within a transaction. The rooms are in the file, or become so in the same one."""
    bookmarks = [
        (account, log.first_id >> OFFSET_BITS, offset, epoch, origin)
        for (account, log), ((epoch, offset), origin) in kept.bookmarks.items()
    ]
    write_rows(connection, "INSERT OR REPLACE INTO bookmark", bookmarks)
    write_rows(connection, "INSERT OR REPLACE INTO wish", list(kept.wishes.items()))
