"""A room log whose entries become visible later than they are appended: what a recorder does, without a disk.

`LateStore()` shows entries when it is told to, by `LateRoomLog.show`. `LateStore(has_recorder=True)` shows them one
after the other on a thread of its own, and passes `RoomLogContract`. With `orders_later`, what is appended has no place
before `LateRoomLog.order`, or before it is shown: so it is where another machine makes the order. What is not
`is_at_hand` has to be read from the store, which answers while `store_answers` is set. Any thread may call it.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from chatsrv.model.entries import Entry, Kind, Position
from chatsrv.model.errors import Hole, NotRecorded
from chatsrv.roomlog.base import Appended, Follower, Noted, Pending, RoomLog, Wake
from chatsrv.roomlog.memory import ForgetfulStore
from tests.peer import DEADLINE_SECONDS


class LatePlace(Pending):
    """What was appended at once, and where it stands, once that is known."""

    def __init__(self, log: "LateRoomLog", entries: Sequence[Entry], noted: Noted | None) -> None:
        self.entries = entries
        self.noted = noted
        self.position: Position | None = None
        self.is_decided = False
        self._log = log

    def wait(self) -> Position:
        with self._log.news:
            is_decided = self._log.news.wait_for(lambda: self.is_decided, DEADLINE_SECONDS)
        assert is_decided, "nobody makes the order"
        if self.position is None:
            raise NotRecorded
        return self.position


class LateRoomLog(RoomLog):
    """Keeps everything. `followers` are those that are not closed; `failure` is what reading from the store raises."""

    def __init__(
        self,
        room: str,
        appended: threading.Semaphore,
        *,
        has_recorder: bool = False,
        orders_later: bool = False,
        is_at_hand: Callable[[], bool] = lambda: True,
    ) -> None:
        self.room = room
        self.is_at_hand = is_at_hand
        self.store_answers = threading.Event()
        self.store_answers.set()
        self.is_asked = threading.Event()
        self.failure: Exception | None = None
        self.epoch = "late"
        self.followers: tuple[LateFollower, ...] = ()
        self._appended = appended
        self._has_recorder = has_recorder
        self._orders_later = orders_later
        self._lock = threading.Lock()
        self.news = threading.Condition(self._lock)
        self._unordered: deque[LatePlace] = deque()
        self._ordered: list[LatePlace] = []  # those that nobody has been told of
        self._entries: list[Entry] = []
        self._shown = 0

    def append(
        self, kind: Kind, author: str, origin: int, texts: Sequence[str], noted: Noted | None = None
    ) -> Appended:
        entries = [Entry(0, 0.0, self.room, kind, author, origin, text) for text in texts]
        with self._lock:
            place = LatePlace(self, entries, noted)
            self._unordered.append(place)
            position = None if self._orders_later else self._order()
            self._tell()
        self._appended.release(len(texts))
        return position or place

    def _order(self) -> Position:
        """Give the next of what was appended its place."""
        place = self._unordered.popleft()
        self._ordered.append(place)
        at = max([time.time(), *(entry.at for entry in self._entries[-1:])])
        for _, _, *rest in place.entries:
            self._entries.append(Entry(len(self._entries) + 1, at, *rest))
        place.position = Position(self.epoch, len(self._entries))
        if place.noted:
            place.noted(place.position)
        return place.position

    def _tell(self) -> None:
        for place in self._ordered:
            place.is_decided = True
        self._ordered.clear()
        self.news.notify_all()

    def await_appended(self, count: int = 1) -> None:
        """Return once so many of what was appended wait for their place."""
        with self.news:
            assert self.news.wait_for(lambda: len(self._unordered) >= count, DEADLINE_SECONDS)

    def order(self) -> None:
        """Give all that was appended its place, without showing it."""
        with self.news:
            while self._unordered:
                self._order()
            self._tell()

    def refuse(self) -> None:
        """Refuse all that has no place yet."""
        with self.news:
            self._ordered += self._unordered
            self._unordered.clear()
            self._tell()

    def show(self, count: int | None = None) -> None:
        """Make the next `count` entries visible, or all that there are."""
        with self._lock:
            while self._unordered and (count is None or len(self._entries) < self._shown + count):
                self._order()
            self._shown = len(self._entries) if count is None else min(len(self._entries), self._shown + count)
        for follower in self.followers:
            follower.wake()
        with self.news:
            self._tell()

    def wait_until_recorded(self, appended: Appended) -> Position:
        position = super().wait_until_recorded(appended)
        if self._has_recorder:
            with self.news:
                self.news.wait_for(lambda: self._shown >= position.offset, DEADLINE_SECONDS)
        return position

    def read(self, after: Position, limit: int) -> list[Entry]:
        self.is_asked.set()
        assert self.store_answers.wait(DEADLINE_SECONDS), "the store was to answer again"
        if self.failure:
            raise self.failure
        return self._read(after, limit)

    def read_at_hand(self, after: Position, limit: int) -> list[Entry] | None:
        entries = self._read(after, limit)
        return None if entries and not self.is_at_hand() else entries

    def _read(self, after: Position, limit: int) -> list[Entry]:
        with self._lock:
            self._check(after)
            return self._entries[after.offset : min(after.offset + limit, self._shown)]

    def read_back(self, before: Position, limit: int) -> list[Entry]:
        with self._lock:
            if before.epoch != self.epoch:
                raise Hole(0, None)
            stop = min(before.offset, self._shown)
            return self._entries[max(0, stop - limit) : stop][::-1]

    @property
    def end(self) -> Position:
        return Position(self.epoch, self._shown)

    def follow(self, after: Position, wake: Wake) -> Follower:
        with self._lock:
            self._check(after)
            follower = LateFollower(self, after.offset, wake)
            self.followers += (follower,)
            return follower

    def drop(self, follower: "LateFollower") -> None:
        with self._lock:
            self.followers = tuple(other for other in self.followers if other is not follower)

    def _check(self, after: Position) -> None:
        if after.epoch != self.epoch or after.offset > len(self._entries):
            raise Hole(0, None)


class LateFollower(Follower):
    def __init__(self, log: LateRoomLog, cursor: int, wake: Wake) -> None:
        self._log = log
        self.cursor = cursor
        self.wake = wake

    def read(self, limit: int) -> list[Entry] | None:
        entries = self._log.read_at_hand(Position(self._log.epoch, self.cursor), limit)
        self.cursor += len(entries or ())
        return entries

    @property
    def lag(self) -> int:
        return max(0, self._log.end.offset - self.cursor)

    def close(self) -> None:
        self._log.drop(self)


class LateStore(ForgetfulStore):
    def __init__(
        self,
        *,
        has_recorder: bool = False,
        orders_later: bool = False,
        is_at_hand: Callable[[], bool] = lambda: True,
    ) -> None:
        super().__init__()
        self._is_at_hand = is_at_hand
        self._lock = threading.Lock()
        self._orders_later = orders_later
        self._logs: dict[str, LateRoomLog] = {}
        self._appended = threading.Semaphore(0)
        self._is_closed = False
        self._recorder = threading.Thread(target=self._record, name="recorder") if has_recorder else None
        if self._recorder:
            self._recorder.start()

    def open(self, room: str, *, is_recorded: bool = True) -> LateRoomLog:
        with self._lock:
            if room not in self._logs:
                self._logs[room] = LateRoomLog(
                    room,
                    self._appended,
                    has_recorder=self._recorder is not None,
                    orders_later=self._orders_later,
                    is_at_hand=self._is_at_hand,
                )
            return self._logs[room]

    def has(self, room: str) -> bool:
        return room in self._logs

    def rooms(self) -> list[str]:
        return sorted(self._logs)

    def close(self) -> None:
        self._is_closed = True
        self._appended.release()
        if self._recorder:
            self._recorder.join()

    def _record(self) -> None:
        while self._appended.acquire() and not self._is_closed:
            for log in list(self._logs.values()):
                log.show(1)
