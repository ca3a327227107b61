"""A room log whose entries become visible later than they are appended: what a recorder does, without a disk.

`LateStore()` shows entries when it is told to, by `LateRoomLog.show`. `LateStore(has_recorder=True)` shows them one
after the other on a thread of its own, and passes `RoomLogContract`. Any thread may call it.
"""

import threading
import time
from collections.abc import Sequence

from chatsrv.model.entries import Entry, Kind, Position
from chatsrv.model.errors import Hole
from chatsrv.roomlog.base import Follower, RoomLog, Wake
from chatsrv.roomlog.memory import ForgetfulStore
from tests.peer import DEADLINE_SECONDS


class LateRoomLog(RoomLog):
    """Keeps everything. `followers` are those that are not closed."""

    def __init__(self, room: str, appended: threading.Semaphore, *, has_recorder: bool = False) -> None:
        self.room = room
        self.epoch = "late"
        self.followers: tuple[LateFollower, ...] = ()
        self._appended = appended
        self._has_recorder = has_recorder
        self._lock = threading.Lock()
        self._news = threading.Condition(self._lock)
        self._entries: list[Entry] = []
        self._shown = 0

    def append(self, kind: Kind, author: str, origin: int, texts: Sequence[str]) -> Position:
        with self._lock:
            at = max([time.time(), *(entry.at for entry in self._entries[-1:])])
            for text in texts:
                self._entries.append(Entry(len(self._entries) + 1, at, self.room, kind, author, origin, text))
            position = Position(self.epoch, len(self._entries))
        self._appended.release(len(texts))
        return position

    def show(self, count: int | None = None) -> None:
        """Make the next `count` entries visible, or all that there are."""
        with self._lock:
            self._shown = len(self._entries) if count is None else min(len(self._entries), self._shown + count)
            self._news.notify_all()
        for follower in self.followers:
            follower.wake()

    def wait_until_recorded(self, position: Position) -> None:
        if self._has_recorder:
            with self._news:
                self._news.wait_for(lambda: self._shown >= position.offset, DEADLINE_SECONDS)

    def read(self, after: Position, limit: int) -> list[Entry]:
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

    def read(self, limit: int) -> list[Entry]:
        entries = self._log.read(Position(self._log.epoch, self.cursor), limit)
        self.cursor += len(entries)
        return entries

    @property
    def lag(self) -> int:
        return max(0, self._log.end.offset - self.cursor)

    def close(self) -> None:
        self._log.drop(self)


class LateStore(ForgetfulStore):
    def __init__(self, *, has_recorder: bool = False) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._logs: dict[str, LateRoomLog] = {}
        self._appended = threading.Semaphore(0)
        self._is_closed = False
        self._recorder = threading.Thread(target=self._record, name="recorder") if has_recorder else None
        if self._recorder:
            self._recorder.start()

    def open(self, room: str, *, is_recorded: bool = True) -> LateRoomLog:
        with self._lock:
            if room not in self._logs:
                self._logs[room] = LateRoomLog(room, self._appended, has_recorder=self._recorder is not None)
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
