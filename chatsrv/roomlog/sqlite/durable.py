"""A room's log that is recorded in a file, and its followers.

What is new is in memory: what is unrecorded, what a follower has not read, and some more. How all of it is read, and
what is older, is `chatsrv.roomlog.sqlite.archived`'s. Every method may be called from any thread, but for those that
are the recorder's.
"""

import threading
import time
from collections.abc import Sequence
from typing import Protocol

from chatsrv.model.entries import PRESENCE, Entry, Kind, Position
from chatsrv.model.errors import NotRecorded
from chatsrv.roomlog.base import Appended, Follower, Noted, Wake, sleep_on
from chatsrv.roomlog.owners import is_of
from chatsrv.roomlog.shelf import COUNTED_BYTES, Shelf, Weights
from chatsrv.roomlog.sqlite.archive import Archive
from chatsrv.roomlog.sqlite.archived import ArchivedRoomLog
from chatsrv.roomlog.sqlite.schema import MICROSECONDS
from chatsrv.sharing.slots import step_aside

RECENT_ENTRIES = 4096
"""Entries of a log with followers that stay in memory at least: what somebody who arrives has missed since, and a
screenful for newcomers.
"""

UNFOLLOWED_ENTRIES = 32
"""The same of a log without followers. There may be one for each account that ever wrote to somebody: at most twice as
many entries stay, some 20 KiB, and who comes finds the rest in the file.
"""

FOLLOWED_ENTRIES = 65_536
"""Entries that stay in memory at most for a follower that does not read; it finds older ones in the file."""

UNRECORDED_ENTRIES, UNRECORDED_BYTES = 16_384, 8_388_608
"""What may wait for the recorder before authors wait: two of its transactions. Of all rooms the shelf says how much."""

TAKEN_BACK_RUNS = 1000
"""Runs of entries that could not be recorded which are remembered: their authors are told at once."""

_JOINS = (Kind.JOIN, Kind.QUIET_JOIN)


class Recording(Protocol):
    """The recorder, as far as a log is concerned."""

    is_failing: bool
    """Whether nothing can be recorded at the moment."""

    def announce(self, log: "DurableRoomLog") -> None:
        """Say, on any thread, that there is something to record."""


class DurableRoomLog(ArchivedRoomLog):
    """The log of one room. `first_id` is the id before its first entry; `is_new`: the file does not know the room."""

    def __init__(
        self, room: str, epoch: str, recorder: Recording, archive: Archive, *, first_id: int, is_new: bool = False,
        kept_after: int = 0, last: int = 0, last_at: float = 0.0, shelf: Shelf | None = None,
    ) -> None:  # fmt: skip
        super().__init__(room, epoch, archive, first_id=first_id, kept_after=kept_after, last=last)
        self.is_new = is_new
        self._recorder = recorder
        self._shelf = shelf or Shelf()
        # Guarded by the lock, as what is read.
        self._weights = Weights()
        self._last_at = last_at
        self.recorded_bytes = 0  # of all entries that were ever here and are recorded
        self._woken = last  # up to which followers have been woken: an author is answered behind that
        self._trim_at = 0
        self._is_announced = False
        self._taken_back: list[range] = []  # one more only when the disk fails
        self._followers: tuple[DurableFollower, ...] = ()
        self._authors = 0  # who wait
        self._progress = threading.Condition(self._lock)  # type: ignore[arg-type]  # an OrderedLock will do

    # ------------------------------------------------------------------ for authors

    def append(
        self, kind: Kind, author: str, origin: int, texts: Sequence[str], noted: Noted | None = None
    ) -> Position:
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
            position = Position(self.epoch, offset)
            if noted:
                noted(position)
            self._weights.add(texts)
            if (added_bytes := self._weights.uncounted) > COUNTED_BYTES:
                self._shelf.count(self._weights, added_bytes)
            is_announced, self._is_announced = self._is_announced, True
        if not is_announced:
            self._recorder.announce(self)
        return position

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

    def wait_until_recorded(self, appended: Appended) -> Position:
        """See `RoomLog.wait_until_recorded`."""
        position: Position = appended  # type: ignore[assignment]  # the order is made here, so nothing is pending
        offset = position.offset
        if self._woken >= offset and not self._taken_back:
            return position
        with step_aside(), self._lock:
            while not (lost := [offsets for offsets in self._taken_back if offset in offsets]):
                if self._woken >= offset:
                    return position
                self._wait_locked()
        raise NotRecorded(first=lost[0].start)

    def _wait_locked(self) -> None:
        assert self._lock.locked()
        self._authors += 1
        self._progress.wait()
        self._authors -= 1

    # ------------------------------------------------------------------ for followers

    def follow(self, after: Position, wake: Wake) -> Follower:
        """See `RoomLog.follow`."""
        with self._lock:
            self._check_locked(after)
            follower = DurableFollower(self, after.offset, self._bytes_locked(after.offset), wake)
            self._followers += (follower,)
        return follower

    def read_for(self, follower: "DurableFollower", limit: int) -> list[Entry] | None:
        """Return what `follower` reads next, and move it on; `None` if that is in the file alone."""
        with self._lock:
            entries = self._recent_locked(follower.cursor, limit)
            if entries:
                follower.cursor_bytes = self._bytes_locked(entries[-1].offset)
                follower.cursor = entries[-1].offset
            return entries

    def drop(self, follower: "DurableFollower") -> None:
        """Forget `follower`."""
        with self._lock:
            self._followers = tuple(other for other in self._followers if other is not follower)
            self._trim_locked()
        self._recorder.announce(self)  # what was kept for the follower may go

    def _bytes_locked(self, offset: int) -> int:
        """Return the bytes of all entries up to an offset; of what is in the file alone, it is not known."""
        assert self._lock.locked()
        return self._weights.behind(offset + 1 - self._first)

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

    def read(self, limit: int) -> list[Entry] | None:
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
