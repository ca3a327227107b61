"""Room logs that live as long as the process.

Recording costs nothing here, so there is no recorder: an entry is visible as soon as it is appended. Never touches the
disk. Every method may be called from any thread.
"""

import secrets
import time
from collections.abc import Sequence

from chatsrv.model.entries import Bookmark, Entry, Kind, Position
from chatsrv.model.errors import Hole
from chatsrv.model.history import MEMORY_KEEP_ENTRIES
from chatsrv.roomlog.base import Follower, LogStore, Noted, RoomLog, Wake, sleep_on
from chatsrv.roomlog.owners import is_of
from chatsrv.roomlog.shelf import COUNTED_BYTES, KEPT_BYTES, Shelf, Weights
from chatsrv.sharing.locks import Rank, ranked_lock


class MemoryRoomLog(RoomLog):
    """A room's log in a list. The newest `keep_entries` are kept, and all that a follower has not read yet.

    Fewer are, where they take too much of the `shelf`.
    """

    def __init__(self, room: str, epoch: str, keep_entries: int, shelf: Shelf | None = None) -> None:
        self.room = room
        self.epoch = epoch
        self._keep_entries = keep_entries
        self._shelf = shelf or Shelf()
        self._lock = ranked_lock(Rank.ROOM_LOG)
        # Guarded by the lock. `_entries[0]` has offset `_first`; followers are replaced, never changed in place.
        self._entries: list[Entry] = []
        self._weights = Weights()
        self._first = 1
        self.last = 0
        self._last_at = 0.0
        self._followers: tuple[MemoryFollower, ...] = ()

    def append(
        self, kind: Kind, author: str, origin: int, texts: Sequence[str], noted: Noted | None = None
    ) -> Position:
        """See `RoomLog.append`."""
        new = tuple.__new__  # half the price of Entry(...), which goes through a Python-level __new__
        room = self.room
        with self._lock:
            at = self._last_at = max(time.time(), self._last_at)
            offset = self.last
            self._entries += [
                new(Entry, (offset := offset + 1, at, room, kind, author, origin, text)) for text in texts
            ]
            position = Position(self.epoch, offset)
            if noted:
                noted(position)
            self.last = offset
            weights, shelf = self._weights, self._shelf
            weights.add(texts)
            if len(self._entries) >= 2 * self._keep_entries:
                self._trim_locked(len(self._entries) - self._keep_entries)
            if weights.end - weights.base > shelf.of_each_bytes:
                self._trim_locked(weights.surplus(shelf.of_each_bytes * 3 // 4))
            if weights.uncounted > COUNTED_BYTES:
                shelf.count(weights)
            followers = self._followers
        for follower in followers:
            follower.wake()
        if shelf.kept_bytes > shelf.most_bytes:
            shelf.relieve()
        return position

    def _trim_locked(self, surplus: int) -> None:
        """Let go of so many of the oldest entries, but of none that a follower has not read."""
        assert self._lock.locked()
        first_needed = min([follower.cursor for follower in self._followers], default=self.last) + 1
        surplus = min(surplus, first_needed - self._first)
        if surplus > 0:
            del self._entries[:surplus]
            self._first += surplus
            self._weights.forget(surplus)
            self._shelf.count(self._weights)

    @property
    def kept_bytes(self) -> int:
        """See `chatsrv.roomlog.shelf.Kept`."""
        return self._weights.end - self._weights.base

    @property
    def end_bytes(self) -> int:
        """What all entries that were ever here took in memory."""
        return self._weights.end

    def shrink(self, most_bytes: int, *, is_forced: bool) -> None:  # noqa: ARG002 - nothing is found again here
        """See `chatsrv.roomlog.shelf.Kept`."""
        with self._lock:
            self._trim_locked(self._weights.surplus(most_bytes))

    def read(self, after: Position, limit: int) -> list[Entry]:
        """See `RoomLog.read`."""
        with self._lock:
            return self._read_locked(self._check_locked(after), limit)

    def read_at_hand(self, after: Position, limit: int) -> list[Entry]:
        """See `RoomLog.read_at_hand`."""
        return self.read(after, limit)

    def _read_locked(self, after: int, limit: int) -> list[Entry]:
        start = after + 1 - self._first
        return self._entries[start : start + limit]

    def _check_locked(self, after: Position) -> int:
        assert self._lock.locked()
        if after.epoch != self.epoch or after.offset > self.last:
            raise Hole(self._first - 1, None)
        if after.offset < self._first - 1:
            raise Hole(self._first - 1, self._first - 1 - after.offset)
        return after.offset

    def read_back(self, before: Position, limit: int) -> list[Entry]:
        """See `RoomLog.read_back`."""
        with self._lock:
            if before.epoch != self.epoch:
                raise Hole(self._first - 1, None)
            stop = max(0, min(before.offset, self.last) + 1 - self._first)
            return self._entries[max(0, stop - limit) : stop][::-1]

    def is_whole(self, after: int, last: int) -> bool:
        """See `RoomLog.is_whole`. All that is kept lies next to each other."""
        return after >= min(last, self._first - 1)

    @property
    def end(self) -> Position:
        """See `RoomLog.end`."""
        return Position(self.epoch, self.last)

    def follow(self, after: Position, wake: Wake) -> Follower:
        """See `RoomLog.follow`."""
        with self._lock:
            offset = self._check_locked(after)
            follower = MemoryFollower(self, offset, self._weights.behind(offset + 1 - self._first), wake)
            self._followers += (follower,)
        return follower

    def read_for(self, follower: "MemoryFollower", limit: int) -> list[Entry]:
        """Return what `follower` reads next, and move it on."""
        with self._lock:
            entries = self._read_locked(follower.cursor, limit)
            if entries:
                follower.cursor = entries[-1].offset
                follower.cursor_bytes = self._weights.behind(follower.cursor + 1 - self._first)
            return entries

    def drop(self, follower: "MemoryFollower") -> None:
        """Forget `follower`."""
        with self._lock:
            self._followers = tuple(other for other in self._followers if other is not follower)

    def erase(self, account: str) -> None:
        """Replace everything of an account by nothing."""
        with self._lock:
            self._entries = [
                Entry(entry.offset, entry.at, entry.room, Kind.ERASED, "", 0, "") if is_of(account, entry) else entry
                for entry in self._entries
            ]


class MemoryFollower(Follower):
    """A follower of a `MemoryRoomLog`. Its cursor is guarded by the log's lock."""

    def __init__(self, log: MemoryRoomLog, cursor: int, cursor_bytes: int, wake: Wake) -> None:
        self._log = log
        self.cursor = cursor
        self.cursor_bytes = cursor_bytes
        self.wake = wake

    def read(self, limit: int) -> list[Entry]:
        """See `Follower.read`."""
        return self._log.read_for(self, limit)

    @property
    def lag(self) -> int:
        """See `Follower.lag`."""
        return self._log.last - self.cursor

    @property
    def lag_bytes(self) -> int:
        """See `Follower.lag_bytes`."""
        return self._log.end_bytes - self.cursor_bytes

    def close(self) -> None:
        """See `Follower.close`."""
        self._log.drop(self)
        self.wake = sleep_on


class ForgetfulStore(LogStore):
    """A store whose bookmarks and wishes live as long as the process, whatever its logs do."""

    def __init__(self) -> None:
        self._readers_lock = ranked_lock(Rank.ROOM_LOG)
        # Guarded by that lock.
        self._bookmarks: dict[tuple[str, str], Bookmark] = {}
        self._not_caught_up: set[str] = set()

    def bookmark(self, account: str, room: str) -> Bookmark | None:
        """See `LogStore.bookmark`."""
        with self._readers_lock:
            return self._bookmarks.get((account, room))

    def keep_bookmark(self, account: str, room: str, bookmark: Bookmark) -> None:
        """See `LogStore.keep_bookmark`."""
        with self._readers_lock:
            self._bookmarks[account, room] = bookmark

    def is_caught_up(self, account: str) -> bool:
        """See `LogStore.is_caught_up`."""
        with self._readers_lock:
            return account not in self._not_caught_up

    def keep_caught_up(self, account: str, is_wanted: bool) -> None:
        """See `LogStore.keep_caught_up`."""
        with self._readers_lock:
            (self._not_caught_up.discard if is_wanted else self._not_caught_up.add)(account)


class MemoryStore(ForgetfulStore):
    """Logs of all rooms, gone when the process ends. `keep_entries` bounds each of them, `keep_bytes` all together."""

    def __init__(self, keep_entries: int = MEMORY_KEEP_ENTRIES, *, keep_bytes: int = KEPT_BYTES) -> None:
        super().__init__()
        self._keep_entries = keep_entries
        self.shelf = Shelf(keep_bytes, self.logs)
        self._epoch = secrets.token_hex(8)
        self._lock = ranked_lock(Rank.ROOM_LOG)
        self._logs: dict[str, MemoryRoomLog] = {}  # guarded by the lock

    def open(self, room: str, *, is_recorded: bool = True) -> RoomLog:  # noqa: ARG002 - nothing is recorded here
        """See `LogStore.open`."""
        with self._lock:
            if room not in self._logs:
                self._logs[room] = MemoryRoomLog(room, self._epoch, self._keep_entries, self.shelf)
            return self._logs[room]

    def logs(self) -> list[MemoryRoomLog]:
        """Return the logs of all rooms."""
        with self._lock:
            return list(self._logs.values())

    def has(self, room: str) -> bool:
        """See `LogStore.has`."""
        with self._lock:
            return room in self._logs

    def rooms(self) -> list[str]:
        """See `LogStore.rooms`."""
        with self._lock:
            return sorted(self._logs)

    def erase(self, account: str) -> None:
        """Replace everything of an account, given by what `account_key` makes of its name, by nothing.

        What is kept about it as a reader goes, too.
        """
        for log in self.logs():
            log.erase(account)
        with self._readers_lock:
            self._not_caught_up.discard(account)
            self._bookmarks = {key: bookmark for key, bookmark in self._bookmarks.items() if key[0] != account}

    def close(self) -> None:
        """See `LogStore.close`."""
