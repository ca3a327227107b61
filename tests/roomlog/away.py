"""A store in memory that is slow or away for some rooms, as one on another machine may be. Any thread may call it."""

import threading

from chatsrv.model.errors import Refused
from chatsrv.model.refusals import HistoryUnreadable
from chatsrv.roomlog.base import RoomLog
from chatsrv.roomlog.memory import MemoryStore
from chatsrv.sharing.slots import step_aside
from tests.peer import DEADLINE_SECONDS


class AwayStore(MemoryStore):
    """Asked for a room that is `slow`, it answers once `answers` is set; asked for one that is `away`, it refuses."""

    def __init__(self, *, slow: str = "", away: str = "") -> None:
        super().__init__()
        self.slow = slow
        self.away = away
        self.answers = threading.Event()
        self._is_asked = threading.Event()

    def await_asked(self) -> None:
        """Return once somebody waits for the slow room."""
        assert self._is_asked.wait(DEADLINE_SECONDS)

    def open(self, room: str, *, is_recorded: bool = True) -> RoomLog:
        self._ask(room)
        return super().open(room, is_recorded=is_recorded)

    def has(self, room: str) -> bool:
        self._ask(room)
        return super().has(room)

    def _ask(self, room: str) -> None:
        if room == self.slow:
            self._is_asked.set()
            with step_aside(at_once=True):
                assert self.answers.wait(DEADLINE_SECONDS), "the store was to answer again"
        if room == self.away:
            raise Refused(HistoryUnreadable())
