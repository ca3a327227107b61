"""Behaviour of chatsrv.chat.missed: what was missed is told alike, whether it was kept while it was counted or not."""

import random
from datetime import UTC, datetime

import pytest

from chatsrv.chat import missed
from chatsrv.chat.lookback import View
from chatsrv.chat.missed import Absence, CatchingUp, Told
from chatsrv.entries import UNSEEN, Bookmark, Entry, Kind, Position
from chatsrv.replies import Away, AwayEnd
from chatsrv.roomlog.base import RoomLog
from chatsrv.roomlog.memory import MemoryStore

VIEW = View(datetime(2026, 11, 22, tzinfo=UTC))


def spoken(seed: int) -> RoomLog:
    """Return a log in which three sessions speak, come and go at random."""
    chance = random.Random(seed)
    log = MemoryStore().open("lobby")
    for number in range(chance.randrange(60)):
        origin = chance.randrange(3)
        log.append(chance.choice(list(Kind)), f"user{origin}", origin, (f"{number}",))
    return log


def told(log: RoomLog, place: int, most: int) -> list[Told]:
    bookmark = Bookmark(Position(log.epoch, place), 0)
    return list(Absence(log, log.end, "user0", bookmark, VIEW).told(CatchingUp(most, 0)))


def expected(log: RoomLog, place: int, most: int) -> list[Entry]:
    """Return what user0 missed: not what he typed, not his own coming and going, not what nobody is shown."""
    entries = log.read(Position(log.epoch, place), 1000)
    entries = [entry for entry in entries if entry.kind not in UNSEEN and entry.origin]
    return entries[-most:]


@pytest.mark.parametrize("seed", range(50))
@pytest.mark.parametrize("most", [1, 5, 1000])
def test_what_was_missed_is_told_exactly_however_it_is_read(
    monkeypatch: pytest.MonkeyPatch, seed: int, most: int
) -> None:
    log = spoken(seed)
    place = random.Random(seed).randrange(log.end.offset + 1)
    once = told(log, place, most)
    monkeypatch.setattr(missed, "KEPT_ENTRIES", 0)
    monkeypatch.setattr(missed, "STEP_ENTRIES", 3)
    assert told(log, place, most) == once
    entries = expected(log, place, most)
    assert [reply for reply, _ in once if isinstance(reply, Entry)] == entries
    if entries:
        heading, ending = once[0].reply, once[-1]
        assert isinstance(heading, Away)
        assert heading[0] == len(entries)
        assert ending == Told(AwayEnd(), log.end.offset)
    else:
        assert once == []
