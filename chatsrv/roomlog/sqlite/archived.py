"""A room's log that is in memory in part, and in the archive all the same, for those who read it.

What is new is in memory; what is older is read from the archive, by whoever asks for it and under no lock. How entries
come here, are recorded and let go of is `chatsrv.roomlog.sqlite.durable`'s. Every method may be called from any thread.
"""

from collections.abc import Collection

from chatsrv.model.entries import Entry, Kind, Position
from chatsrv.model.errors import Hole
from chatsrv.roomlog.base import Hides, RoomLog, few_sought_in, hides_nothing
from chatsrv.roomlog.sqlite.archive import Archive
from chatsrv.roomlog.sqlite.index import is_telling
from chatsrv.sharing.effort import Effort, boundless
from chatsrv.sharing.locks import Rank, ranked_lock

LOOKED_AT_ENTRIES = 1000
"""Entries that a search looks at before it asks the index: they are in memory, and have the most of common words."""


class ArchivedRoomLog(RoomLog):
    """The log of one room, as it is read. `first_id` is the id before its first entry in the archive."""

    def __init__(self, room: str, epoch: str, archive: Archive, *, first_id: int, kept_after: int, last: int) -> None:
        self.room = room
        self.epoch = epoch
        self.first_id = first_id
        self._archive = archive
        self._lock = ranked_lock(Rank.ROOM_LOG)
        # Guarded by the lock. `_entries[0]` has offset `_first`; up to `recorded` they are visible, up to `last` there.
        self._entries: list[Entry] = []
        self._first = last + 1
        self._last = last
        self.recorded = last
        self.kept_after = kept_after
        self._whole_after = last  # behind it nothing is missing, but for what is let go of; any thread may lower it

    def read(self, after: Position, limit: int) -> list[Entry]:
        """See `RoomLog.read`.

        Raises:
            Refused: the file cannot be read.
        """
        entries = self.read_at_hand(after, limit)
        return self._old(after.offset, limit) if entries is None else entries

    def read_at_hand(self, after: Position, limit: int) -> list[Entry] | None:
        """See `RoomLog.read_at_hand`."""
        with self._lock:
            self._check_locked(after)
            return self._recent_locked(after.offset, limit)

    def read_back(self, before: Position, limit: int) -> list[Entry]:
        """See `RoomLog.read_back`.

        Raises:
            Refused: the file cannot be read.
        """
        with self._lock:
            if before.epoch != self.epoch:
                raise Hole(self.kept_after, None)
            last = min(before.offset, self.recorded)
            kept_after = self.kept_after
            after = max(kept_after, last - limit)
            if after >= last:
                return []
            if after + 1 >= self._first:
                return self._entries[after + 1 - self._first : last + 1 - self._first][::-1]
        return self._archive.back(self.first_id, self.room, kept_after, last, limit)

    def pick_back(
        self, kinds: Collection[Kind], before: Position, after: int, limit: int, effort: Effort | None = None
    ) -> list[Entry]:
        """See `RoomLog.pick_back`. SQLite picks what is in the file alone, `LINES` at the cost of what is found."""
        last = min(before.offset, self.recorded)
        after = max(after, self.kept_after)
        edge = min(last, max(after, self._first - 1))
        found = super().pick_back(kinds, Position(before.epoch, last), edge, limit, effort)
        if len(found) < limit and edge > after and not (effort and effort.stopped_at is not None):
            rest = limit - len(found)
            old = self._archive.pick(kinds, self.first_id, self.room, after, edge, rest, is_back=True)
            if effort:
                effort.spend(len(old))
            found += old
        return found

    def pick_after(self, kinds: Collection[Kind], after: Position, last: int, limit: int) -> list[Entry]:
        """See `RoomLog.pick_after`. What is in the file alone is picked by SQLite."""
        last = min(last, self.recorded)
        edge = min(last, self._first - 1)
        found: list[Entry] = []
        if after.epoch == self.epoch and (begin := max(after.offset, self.kept_after)) < edge:
            found = self._archive.pick(kinds, self.first_id, self.room, begin, edge, limit, is_back=False)
            after = Position(after.epoch, edge)
        if len(found) < limit:
            found += super().pick_after(kinds, after, last, limit - len(found))
        return found

    def is_whole(self, after: int, last: int) -> bool:
        """See `RoomLog.is_whole`. What is in memory is; how far the file is, is counted once."""
        last = min(last, self.recorded)
        if after >= last:
            return True
        if after < self.kept_after:
            return False
        edge = min(last, self._whole_after)
        if after < edge:
            if self._archive.count(self.first_id, after, edge) != edge - after:
                return False
            if edge == self._whole_after:
                self._whole_after = after
        return True

    def search(
        self,
        words: str,
        before: Position,
        limit: int,
        *,
        hides: Hides = hides_nothing,
        effort: Effort | None = None,
    ) -> list[Entry]:
        """See `RoomLog.search`. The newest entries are looked at, as all are that the index does not know yet."""
        sought = few_sought_in(words)
        if not sought or limit <= 0:
            return []
        effort = effort or boundless()
        last = min(before.offset, self.recorded)
        newest = max(1, LOOKED_AT_ENTRIES)  # so a search gets on, even if the index does not answer in time
        edge = min(self._archive.edge(self.first_id), last - newest) if is_telling(sought) else 0
        found = self.look_for(sought, Position(before.epoch, last), edge, limit, hides, effort)
        if len(found) < limit and edge > self.kept_after and effort.stopped_at is None:
            rest = limit - len(found)
            found += self._archive.find(self.first_id, self.room, sought, self.kept_after, edge, rest, hides, effort)
        return found

    @property
    def end(self) -> Position:
        """See `RoomLog.end`."""
        return Position(self.epoch, self.recorded)

    def _check_locked(self, after: Position) -> None:
        assert self._lock.locked()
        if after.epoch != self.epoch or after.offset > self._last:
            raise Hole(self.kept_after, None)
        if after.offset < self.kept_after:
            raise Hole(self.kept_after, self.kept_after - after.offset)

    def _recent_locked(self, after: int, limit: int) -> list[Entry] | None:
        """Return visible entries, `None` if they are not in memory."""
        start = after + 1 - self._first
        if start < 0:
            return None
        return self._entries[start : max(start, min(start + limit, self.recorded + 1 - self._first))]

    def _old(self, after: int, limit: int) -> list[Entry]:
        """Return visible entries from the file. Some may just have been let go of, or be missing in a rescued file."""
        last = self.recorded
        if limit <= 0 or after >= last:
            return []
        entries = self._archive.after(self.first_id, self.room, after, last, limit)
        kept_after = entries[0].offset - 1 if entries else last
        if kept_after != after:
            raise Hole(kept_after, kept_after - after)
        if entries[-1].offset - after != len(entries):
            return [entry for offset, entry in enumerate(entries, after + 1) if entry.offset == offset]
        return entries
