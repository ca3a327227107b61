"""Reading what people said among many who come and go: it costs what is shown, counted in SQLite's steps."""

import re
import sqlite3
from datetime import UTC, datetime
from math import inf
from pathlib import Path

import pytest

from chatsrv.chat.lookback import Lookback, View
from chatsrv.model.entries import LINES, Kind, Position
from chatsrv.model.replies import Comings, Past
from chatsrv.roomlog.base import LOOKED_AT_ONCE, PASSED_OVER_CHARACTERS
from chatsrv.roomlog.memory import MemoryRoomLog, MemoryStore
from chatsrv.roomlog.sqlite import archive, durable, schema
from chatsrv.sharing.effort import Effort
from chatsrv.testing.roomlog import record
from tests.roomlog.keeping import asked, opened

COUNTED_STEPS = 100


class Counted:
    """How many hundreds of steps SQLite has taken to answer the archive's questions."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.hundreds = 0

        def connected(*args, **options) -> sqlite3.Connection:
            connection = schema.connect(*args, **options)
            connection.set_progress_handler(self._count, COUNTED_STEPS)
            return connection

        monkeypatch.setattr(archive, "connect", connected)

    def _count(self) -> int:
        self.hundreds += 1
        return 0

    def since(self) -> int:
        """Return how many there were since the last time."""
        hundreds, self.hundreds = self.hundreds, 0
        return hundreds


def test_a_page_beneath_thousands_of_comings_and_goings_is_read_in_few_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(durable, "RECENT_ENTRIES", 0)
    path = tmp_path / "chat.db"
    with opened(path) as store:
        log = store.open("lobby")
        for number in range(12):
            record(log, f"line {number}")
            record(log, *[""] * 2500, kind=Kind.JOIN)
    counted = Counted(monkeypatch)
    with opened(path) as store:
        log = store.open("lobby")
        view = View(datetime.now(UTC))
        for look in range(2):
            replies = list(Lookback().history(view, lambda: (log,), log, 10))
            shown = [entry.text for reply in replies if isinstance(reply, Past) for entry in reply.entries]
            assert shown == [f"line {number}" for number in range(2, 12)]
            (comings,) = [reply for reply in replies if isinstance(reply, Comings)]
            assert comings.is_more
            if look == 0:
                counted.since()  # that nothing is missing there is counted once
        assert counted.since() < 600  # of thousands that are looked at to tell who came; some for each line
        assert len(log.pick_back(LINES, log.end, 0, 12)) == len(
            log.pick_after(LINES, Position(log.epoch, 0), 10**6, 12)
        )
        assert counted.since() <= 10


def test_the_index_is_of_the_kinds_that_are_shown(tmp_path: Path) -> None:
    path = tmp_path / "chat.db"
    with opened(path):
        pass
    ((made,),) = asked(path, "SELECT sql FROM sqlite_schema WHERE name = 'line'")
    assert re.search(r"kind IN \((.*)\)", made)[1] == schema.numbers_of(LINES)


def test_what_was_let_go_of_is_missing_however_much_was_counted_before(tmp_path: Path) -> None:
    with opened(tmp_path / "chat.db") as store:
        record(store.open("lobby"), *map(str, range(100)))
    with opened(tmp_path / "chat.db") as store:
        log = store.open("lobby")
        assert log.is_whole(40, 100)
        assert log.is_whole(0, 100)
        log.let_go(50)
        assert not log.is_whole(40, 100)
        assert log.is_whole(50, 100)


@pytest.mark.parametrize("recent", [0, 10_000])
def test_picking_ends_with_its_effort_and_says_how_far_it_came_where_no_index_leads_to_the_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recent: int
) -> None:
    monkeypatch.setattr(durable, "RECENT_ENTRIES", recent)
    monkeypatch.setattr(durable, "UNFOLLOWED_ENTRIES", recent)
    with opened(tmp_path / "chat.db") as store:
        for log in (store.open("lobby"), MemoryStore().open("lobby")):
            record(log, "said")
            record(log, *[""] * 5000, kind=Kind.JOIN)
            effort = Effort(characters=1000 * PASSED_OVER_CHARACTERS, seconds=inf)
            found = log.pick_back(LINES, log.end, 0, 5, effort)
            is_in_memory = recent > 0 or isinstance(log, MemoryRoomLog)
            assert [entry.text for entry in found] == ([] if is_in_memory else ["said"])
            if is_in_memory:
                assert effort.stopped_at is not None
                assert 1000 <= log.end.offset - effort.stopped_at <= 1000 + LOOKED_AT_ONCE
            else:
                assert effort.stopped_at is None
