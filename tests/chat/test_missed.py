"""Behaviour of chatsrv.chat.missed: what was missed is told alike, whether it was kept while it was counted or not."""

import random
from datetime import UTC, datetime

import pytest

from chatsrv.chat import missed
from chatsrv.chat.lookback import View
from chatsrv.chat.missed import KEPT_CHARACTERS, Absence, CatchingUp, Told
from chatsrv.entries import UNSEEN, Bookmark, Entry, Kind, Position
from chatsrv.replies import Away, AwayEnd
from chatsrv.roomlog.base import RoomLog
from chatsrv.roomlog.memory import MemoryRoomLog, MemoryStore

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


@pytest.mark.parametrize(("count", "is_kept"), [(10, True), (11, False)])
def test_long_lines_are_read_twice_and_not_kept_by_each_of_a_crowd_that_comes_back(count: int, is_kept: bool) -> None:
    reads: list[int] = []

    class Counting(MemoryRoomLog):
        def read(self, after: Position, limit: int) -> list[Entry]:
            reads.append(limit)
            return super().read(after, limit)

    log = Counting("lobby", "epoch", 1000)
    text = "x" * (KEPT_CHARACTERS // 10)
    log.append(Kind.SAY, "alice", 1, [text] * count)
    tellings = Absence(log, log.end, "bob", Bookmark(Position(log.epoch, 0), 7), VIEW).told(CatchingUp())
    next(tellings)
    reads.clear()
    assert [each.reply.text for each in tellings if isinstance(each.reply, Entry)] == [text] * count
    assert (not reads) == is_kept


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


@pytest.mark.parametrize("said", [[], ["hello"], ["hello", "again"]])
def test_of_much_that_is_hidden_only_so_much_is_looked_at(monkeypatch: pytest.MonkeyPatch, said: list[str]) -> None:
    monkeypatch.setattr(missed, "LOOKED_AT_ENTRIES", 500)
    log = MemoryStore().open("lobby")
    log.append(Kind.SAY, "user1", 1, ["long ago"])
    log.append(Kind.SAY, "mallory", 2, ["spam"] * 5000)
    log.append(Kind.SAY, "user1", 1, said)
    log.append(Kind.SAY, "mallory", 2, ["spam"] * 100)
    read_back, looked_at = log.read_back, 0

    def counted(before: Position, limit: int) -> list[Entry]:
        nonlocal looked_at
        entries = read_back(before, limit)
        looked_at += len(entries)
        return entries

    monkeypatch.setattr(log, "read_back", counted)
    view = VIEW._replace(ignored=frozenset({"mallory"}))
    bookmark = Bookmark(Position(log.epoch, 0), 0)
    away, *entries, end = Absence(log, log.end, "user0", bookmark, view).told(CatchingUp(1000, 0))
    assert isinstance(away.reply, Away)
    assert away.reply.lines == len(said)
    assert away.reply.left_out == log.end.offset - 501
    assert [told.reply.text for told in entries if isinstance(told.reply, Entry)] == said
    assert len(entries) == len(said)
    assert end == Told(AwayEnd(), log.end.offset)
    assert 500 < looked_at < 600
