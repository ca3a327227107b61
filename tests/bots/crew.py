"""Bots for tests: one that writes down what it is told, and a way to wait until it was told so.

Knows no sockets. The bot's thread writes, the test's reads.
"""

import threading

from chatsrv.bots import Bot
from chatsrv.model.entries import Entry, Position
from chatsrv.model.errors import Hole
from chatsrv.model.reasons import Reason
from tests.peer import DEADLINE_SECONDS


class Scribe(Bot):
    """Writes down everything."""

    def __init__(self, name: str = "scribe", place: Position | None = None, *, keeps_place: bool = False) -> None:
        self.name, self.place, self.keeps_place = name, place, keeps_place
        self.entries: list[Entry] = []
        self.heard: list[str] = []
        self.holes: list[Hole] = []
        self.reason: Reason | None = None
        self._changed = threading.Condition()

    def happened(self, entry: Entry) -> None:
        super().happened(entry)
        with self._changed:
            self.entries.append(entry)
            self._changed.notify_all()

    def said(self, entry: Entry) -> None:
        self.heard.append(entry.text)

    def missed(self, hole: Hole) -> None:
        self.holes.append(hole)

    def closed(self, reason: Reason) -> None:
        with self._changed:
            self.reason = reason
            self._changed.notify_all()

    def wait_for(self, text: str) -> None:
        """Wait until an entry of that text was written down."""
        with self._changed:
            found = self._changed.wait_for(lambda: any(entry.text == text for entry in self.entries), DEADLINE_SECONDS)
        assert found, f"{text!r} is not in {self.entries}"

    def wait_for_the_end(self) -> Reason:
        """Wait until it has ended; return why."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.reason is not None, DEADLINE_SECONDS)
        assert self.reason is not None
        return self.reason
