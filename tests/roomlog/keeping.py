"""What the tests of the file of room logs share: opening a store, and waiting until its upkeep has caught up."""

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chatsrv.model.entries import Entry
from chatsrv.roomlog.base import RoomLog
from chatsrv.roomlog.sqlite.durable import DurableRoomLog
from chatsrv.roomlog.sqlite.store import SqliteStore
from chatsrv.roomlog.sqlite.upkeep import Upkeep
from tests.peer import DEADLINE_SECONDS

ALL = 1_000_000
LOOK_SECONDS = 0.01
"""How often a test's store looks for what is to be indexed or erased: often, so that tests need not wait."""


@contextlib.contextmanager
def opened(path: Path, **options) -> Iterator[SqliteStore]:
    with contextlib.closing(SqliteStore(path, **{"look_seconds": LOOK_SECONDS, **options})) as store:
        yield store


def everything(log: RoomLog) -> list[Entry]:
    return log.read_back(log.end, ALL)[::-1]


def asked(path: Path, question: str, *values: object) -> list[tuple]:
    """Return what a connection of its own reads in the file at `path`."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return connection.execute(question, values).fetchall()


class Steps:
    """The steps of upkeep, so that a test can wait for what one of them does."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._taken = threading.Condition()
        self._count = 0
        step = Upkeep.step

        def step_and_tell(its: Upkeep, *args, **options) -> bool:
            is_good = step(its, *args, **options)
            with self._taken:
                self._count += 1
                self._taken.notify_all()
            return is_good

        monkeypatch.setattr(Upkeep, "step", step_and_tell)

    def wait_until(self, is_so: Callable[[], bool]) -> None:
        """Wait for the step behind which `is_so()` holds."""
        with self._taken:
            assert self._taken.wait_for(is_so, DEADLINE_SECONDS)

    def wait_for_index(self, log: DurableRoomLog) -> None:
        """Wait until everything that is recorded of a room is in the index."""
        self.wait_until(lambda: log._archive.edge(log.first_id) == log.recorded)
