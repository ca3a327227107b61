"""A cursor: one reader's place in a room's log, which waits there for what comes next.

Never hears of bytes, sockets or wire formats. A cursor belongs to one thread, but for `close`, which any may call. It
has the log keep nothing for it: who reads slower than is written costs neither memory nor anybody's time, and where
the log has let go meanwhile of what its reader had yet to read, they are told so by a `Hole`.
"""

import threading
from collections.abc import Iterator
from contextlib import closing

from chatsrv.model.entries import Entry, Position
from chatsrv.model.errors import Hole
from chatsrv.roomlog.base import RoomLog

READ_ENTRIES = 256
"""Entries that are read from the log at once: few in memory, and enough that the reading costs little for each."""


class Cursor:
    """Reads a log on from the position `after`, or from now on. Iterating yields entry after entry, until `close`.

    A `Hole` ends an iteration; the next one goes on behind it.
    """

    position: Position
    """Behind the last entry that was handed out. A cursor that starts there goes on without a gap, at any time."""

    def __init__(self, log: RoomLog, after: Position | None = None) -> None:
        self._log = log
        self._news = threading.Event()
        self._is_closed = False
        self.position = log.end if after is None else after

    @property
    def is_closed(self) -> bool:
        """Whether nothing is read any more."""
        return self._is_closed

    def close(self) -> None:
        """Read no more, and end the wait of whoever reads."""
        self._is_closed = True
        self._news.set()

    def __iter__(self) -> Iterator[Entry]:
        while entries := self._next(READ_ENTRIES):
            for entry in entries:
                if self._is_closed:
                    return
                self.position = Position(self._log.epoch, entry.offset)
                yield entry

    def read(self, limit: int = READ_ENTRIES) -> list[Entry]:
        """Wait until there is something to read, and return up to `limit` entries; none once the cursor is closed.

        Raises:
            Hole: what comes next is gone. The next reading goes on behind it.
            Refused: the log cannot be read at the moment.
        """
        entries = self._next(limit)
        if entries:
            self.position = Position(self._log.epoch, entries[-1].offset)
        return entries

    def _next(self, limit: int) -> list[Entry]:
        """Return what `read` does, and stay."""
        try:
            while not self._is_closed:
                if entries := self._log.read(self.position, limit):
                    return entries
                self._wait()
        except Hole as hole:
            self.position = Position(self._log.epoch, hole.kept_after)
            raise
        return []

    def _wait(self) -> None:
        """Wait for news. The log has a follower only meanwhile: it would keep for it what is written later on."""
        self._news.clear()
        with closing(self._log.follow(self.position, self._news.set)) as follower:
            # Looked at only now: what comes from here on wakes us, and so does whoever closes.
            if follower.lag <= 0 and not self._is_closed:
                self._news.wait()
