"""A room's log that is recorded in a file, and its followers.

What is new is in memory: what is unrecorded, what a follower has not read, and some more. What is older is read from
the archive, by whoever asks for it and under no lock. Every method may be called from any thread, but for those that
are the recorder's.
"""

import threading
import time
from collections.abc import Collection, Sequence

from chatsrv.effort import Effort, boundless
from chatsrv.entries import PRESENCE, Entry, Kind, Position
from chatsrv.errors import Hole, NotRecorded
from chatsrv.locks import Rank, ranked_lock
from chatsrv.roomlog.archive import Archive
from chatsrv.roomlog.base import Follower, Hides, RoomLog, Wake, few_sought_in, hides_nothing, sleep_on
from chatsrv.roomlog.index import is_telling
from chatsrv.roomlog.owners import is_of
from chatsrv.roomlog.recorder import Recorder
from chatsrv.roomlog.schema import MICROSECONDS
from chatsrv.roomlog.shelf import COUNTED_BYTES, Shelf, Weights
from chatsrv.slots import step_aside

RECENT_ENTRIES = 4096
"""Entries of a log with followers that stay in memory at least: what somebody who arrives has missed since, and a
screenful for newcomers.
"""

UNFOLLOWED_ENTRIES = 32
"""The same of a log without followers. There may be one for each account that ever wrote to somebody: at most twice as
many entries stay, some 20 KiB, and who comes finds the rest in the file.
"""

FOLLOWED_ENTRIES = 65_536
"""Entries that stay in memory at most for a follower who does not read; he finds older ones in the file."""

UNRECORDED_ENTRIES, UNRECORDED_BYTES = 16_384, 8_388_608
"""What may wait for the recorder before authors wait: two of its transactions. Of all rooms the shelf says how much."""

TAKEN_BACK_RUNS = 1000
"""Runs of entries that could not be recorded which are remembered: their authors are told at once."""

LOOKED_AT_ENTRIES = 1000
"""Entries that a search looks at before it asks the index: they are in memory, and have the most of common words."""

_JOINS = (Kind.JOIN, Kind.QUIET_JOIN)


class DurableRoomLog(RoomLog):
    """The log of one room. `first_id` is the id before its first entry; `is_new`: the file does not know the room."""

    def __init__(
        self, room: str, epoch: str, recorder: Recorder, archive: Archive, *, first_id: int, is_new: bool = False,
        kept_after: int = 0, last: int = 0, last_at: float = 0.0, shelf: Shelf | None = None,
    ) -> None:  # fmt: skip
        self.room = room
        self.epoch = epoch
        self.first_id = first_id
        self.is_new = is_new
        self._recorder = recorder
        self._archive = archive
        self._shelf = shelf or Shelf()
        self._lock = ranked_lock(Rank.ROOM_LOG)
        # Guarded by the lock. `_entries[0]` has offset `_first`; up to `recorded` they are visible, up to `last` there.
        self._entries: list[Entry] = []
        self._weights = Weights()
        self._first = last + 1
        self._last = last
        self._last_at = last_at
        self.recorded = last
        self.recorded_bytes = 0  # of all entries that were ever here and are recorded
        self._woken = last  # up to which followers have been woken: an author is answered behind that
        self.kept_after = kept_after
        self._whole_after = last  # behind it nothing is missing, but for what is let go of; any thread may lower it
        self._trim_at = 0
        self._is_announced = False
        self._taken_back: list[range] = []  # one more only when the disk fails
        self._followers: tuple[DurableFollower, ...] = ()
        self._authors = 0  # who wait
        self._progress = threading.Condition(self._lock)  # type: ignore[arg-type]  # an OrderedLock will do

    # ------------------------------------------------------------------ for authors

    def append(self, kind: Kind, author: str, origin: int, texts: Sequence[str]) -> Position:
        """See `RoomLog.append`.

        Raises:
            ValueError: the file cannot hold it: a surrogate in a text, or an `origin` of more than 63 bits.
        """
        joined = "".join(texts)
        if origin >> 63 or not ((author.isascii() and joined.isascii()) or f"{author}{joined}".encode()):
            raise ValueError(f"origin {origin} has more than 63 bits")
        new = tuple.__new__  # half the price of Entry(...)
        room = self.room
        with self._lock:
            if self._recorder.is_failing and (kind not in PRESENCE or (kind in _JOINS and self._is_full())):
                raise NotRecorded
            now = int(time.time() * MICROSECONDS) / MICROSECONDS  # as the file holds it
            at = self._last_at = max(now, self._last_at)
            offset = self._last
            self._entries += [
                new(Entry, (offset := offset + 1, at, room, kind, author, origin, text)) for text in texts
            ]
            self._last = offset
            self._weights.add(texts)
            if (added_bytes := self._weights.uncounted) > COUNTED_BYTES:
                self._shelf.count(self._weights, added_bytes)
            is_announced, self._is_announced = self._is_announced, True
        if not is_announced:
            self._recorder.announce(self)
        return Position(self.epoch, offset)

    def _is_full(self) -> bool:
        if self._last - self.recorded > UNRECORDED_ENTRIES:
            return True
        return self.unrecorded_bytes > min(UNRECORDED_BYTES, self._shelf.most_unrecorded_bytes)

    @property
    def unrecorded_bytes(self) -> int:
        """What is not recorded yet takes so many bytes."""
        return self._weights.end - self.recorded_bytes

    def wait_for_space(self) -> None:
        """See `RoomLog.wait_for_space`."""
        if self._is_full() or self._shelf.is_full or self._recorder.is_failing:
            with step_aside():
                with self._lock:
                    while self._is_full() and not self._recorder.is_failing:
                        self._wait_locked()
                self._shelf.wait_for_space(lambda: self._recorder.is_failing)
            if self._recorder.is_failing:
                raise NotRecorded

    def wait_until_recorded(self, position: Position) -> None:
        """See `RoomLog.wait_until_recorded`."""
        offset = position.offset
        if self._woken >= offset and not self._taken_back:
            return
        with step_aside(), self._lock:
            while not (lost := [offsets for offsets in self._taken_back if offset in offsets]):
                if self._woken >= offset:
                    return
                self._wait_locked()
        raise NotRecorded(first=lost[0].start)

    def _wait_locked(self) -> None:
        assert self._lock.locked()
        self._authors += 1
        self._progress.wait()
        self._authors -= 1

    # ------------------------------------------------------------------ for readers

    def read(self, after: Position, limit: int) -> list[Entry]:
        """See `RoomLog.read`.

        Raises:
            Refused: the file cannot be read.
        """
        with self._lock:
            self._check_locked(after)
            entries = self._recent_locked(after.offset, limit)
        return self._old(after.offset, limit) if entries is None else entries

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

    def follow(self, after: Position, wake: Wake) -> Follower:
        """See `RoomLog.follow`."""
        with self._lock:
            self._check_locked(after)
            follower = DurableFollower(self, after.offset, self._bytes_locked(after.offset), wake)
            self._followers += (follower,)
        return follower

    def read_for(self, follower: "DurableFollower", limit: int) -> list[Entry]:
        """Return what `follower` reads next, and move it on."""
        with self._lock:
            entries = self._recent_locked(follower.cursor, limit)
            if entries:
                follower.cursor_bytes = self._bytes_locked(entries[-1].offset)
        if entries is None:
            entries = self._old(follower.cursor, limit)
        if entries:
            follower.cursor = entries[-1].offset
        return entries

    def drop(self, follower: "DurableFollower") -> None:
        """Forget `follower`."""
        with self._lock:
            self._followers = tuple(other for other in self._followers if other is not follower)
            self._trim_locked()
        self._recorder.announce(self)  # what was kept for the follower may go

    def _check_locked(self, after: Position) -> None:
        assert self._lock.locked()
        if after.epoch != self.epoch or after.offset > self._last:
            raise Hole(self.kept_after, None)
        if after.offset < self.kept_after:
            raise Hole(self.kept_after, self.kept_after - after.offset)

    def _bytes_locked(self, offset: int) -> int:
        """Return the bytes of all entries up to an offset; of what is in the file alone, it is not known."""
        assert self._lock.locked()
        return self._weights.behind(offset + 1 - self._first)

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

    # ------------------------------------------------------------------ for the recorder

    def unrecorded(self, limit: int) -> list[Entry]:
        """Return the next entries to record; what is appended from now on is announced anew."""
        with self._lock:
            self._is_announced = False
            start = self.recorded + 1 - self._first
            return self._entries[start : start + limit]

    def show(self, entries: list[Entry]) -> bool:
        """Let `entries`, which are recorded now, be seen; return whether nothing is left to record."""
        with self._lock:
            self.recorded = entries[-1].offset
            before_bytes, self.recorded_bytes = self.recorded_bytes, self._bytes_locked(self.recorded)
            self._shelf.count(self._weights, self._weights.uncounted + before_bytes - self.recorded_bytes)
            if len(self._entries) >= self._trim_at:
                self._trim_locked()
            if self.kept_bytes > self._shelf.of_each_bytes:
                self._forget_locked(self._weights.surplus(self._shelf.of_each_bytes * 3 // 4))
            is_all = self.recorded == self._last
            followers = self._followers
        for follower in followers:
            follower.wake()
        with self._lock:
            self._woken = entries[-1].offset
            if self._authors:
                self._progress.notify_all()
        if self._shelf.kept_bytes > self._shelf.most_bytes:
            self._shelf.relieve()
        return is_all

    def take_back(self) -> None:
        """Replace what is unrecorded by nothing, but for who comes and goes, and have its authors told."""
        with self._lock:
            start = self.recorded + 1 - self._first
            for index in range(start, len(self._entries)):
                offset, kind = self._entries[index].offset, self._entries[index].kind
                if kind not in PRESENCE and kind is not Kind.ERASED:
                    self._erase_locked(index)
                    if self._taken_back and self._taken_back[-1].stop == offset:
                        self._taken_back[-1] = range(self._taken_back[-1].start, offset + 1)
                    else:
                        self._taken_back.append(range(offset, offset + 1))
            del self._taken_back[:-TAKEN_BACK_RUNS]
            uncounted = self._weights.uncounted
            freed = self._weights.weigh_anew(start, [entry.text for entry in self._entries[start:]])
            self._shelf.count(self._weights, uncounted - freed)
            self._progress.notify_all()

    def erase(self, account: str) -> None:
        """Replace everything of an account that is in memory, recorded or not, by nothing."""
        with self._lock:
            for index, entry in enumerate(self._entries):
                if is_of(account, entry):
                    self._erase_locked(index)

    def _erase_locked(self, index: int) -> None:
        assert self._lock.locked()
        offset, at, room, *_ = self._entries[index]
        self._entries[index] = Entry(offset, at, room, Kind.ERASED, "", 0, "")

    def let_go(self, last: int) -> bool:
        """Keep nothing up to `last` any more, but what a follower has not read; return whether that is any change."""
        with self._lock:
            last = min([last, self.recorded, *(follower.cursor for follower in self._followers)])
            if last <= self.kept_after:
                return False
            self.kept_after = last
            return True

    def _trim_locked(self) -> None:
        assert self._lock.locked()
        recent = RECENT_ENTRIES if self._followers else min(UNFOLLOWED_ENTRIES, RECENT_ENTRIES)
        needed = min([follower.cursor for follower in self._followers], default=self.recorded) + 1
        first = min(self.recorded + 1 - recent, max(needed, self.recorded + 1 - FOLLOWED_ENTRIES))
        self._forget_locked(first - self._first)
        self._trim_at = len(self._entries) + recent

    def _forget_locked(self, surplus: int) -> None:
        """Let go of so many of the oldest entries in memory, but of none that is not recorded."""
        assert self._lock.locked()
        surplus = min(surplus, self.recorded + 1 - self._first)
        if surplus > 0:
            del self._entries[:surplus]
            self._first += surplus
            unrecorded_bytes = self._weights.uncounted
            self._weights.forget(surplus)
            self._shelf.count(self._weights, unrecorded_bytes)

    @property
    def kept_bytes(self) -> int:
        """See `chatsrv.roomlog.shelf.Kept`."""
        return self._weights.end - self._weights.base

    def shrink(self, most_bytes: int, *, is_forced: bool) -> None:
        """See `chatsrv.roomlog.shelf.Kept`."""
        with self._lock:
            surplus = self._weights.surplus(most_bytes)
            if not is_forced:
                needed = min([follower.cursor for follower in self._followers], default=self.recorded) + 1
                surplus = min(surplus, needed - self._first)
            self._forget_locked(surplus)


class DurableFollower(Follower):
    """A follower of a `DurableRoomLog`. Its cursor is its reader's, who alone moves it."""

    def __init__(self, log: DurableRoomLog, cursor: int, cursor_bytes: int, wake: Wake) -> None:
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
        return max(0, self._log.recorded - self.cursor)

    @property
    def lag_bytes(self) -> int:
        """See `Follower.lag_bytes`."""
        return max(0, self._log.recorded_bytes - self.cursor_bytes)

    def close(self) -> None:
        """See `Follower.close`."""
        self._log.drop(self)
        self.wake = sleep_on
