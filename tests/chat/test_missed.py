"""Behaviour of chatsrv.chat.missed: what was missed is told alike, whether it was kept while it was counted or not."""

import random
from datetime import UTC, datetime

import pytest

from chatsrv.chat import missed
from chatsrv.chat.lookback import View
from chatsrv.chat.missed import KEPT_CHARACTERS, Absence, Told
from chatsrv.model.entries import LINES, Bookmark, Entry, Kind, Position
from chatsrv.model.history import CatchingUp
from chatsrv.model.replies import Away, AwayEnd, Comings
from chatsrv.model.reports import RecentBegin
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


def expected(log: RoomLog, place: int, most: int) -> tuple[list[Entry], Comings | None]:
    """Return what user0 missed: not what he typed or decided, nor his own coming and going, which is a line for all."""
    entries = [entry for entry in log.read(Position(log.epoch, place), 1000) if entry.origin]
    lines = [entry for entry in entries if entry.kind in LINES]
    begin = lines[-most].offset if len(lines) > most else 0
    did: dict[str, list[Kind]] = {}
    for entry in entries:
        if entry.kind in (Kind.JOIN, Kind.LEAVE) and entry.offset >= begin:
            did.setdefault(entry.author, []).append(entry.kind)
    join, leave = Kind.JOIN, Kind.LEAVE
    kinds = ((join, join), (leave, leave), (join, leave), (leave, join))
    names = (tuple(sorted(name for name in did if (did[name][0], did[name][-1]) == each)) for each in kinds)
    return lines[-most:], Comings(len(did), *names) if did else None


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
    entries, comings = expected(log, place, most)
    assert [reply for reply, _ in once if isinstance(reply, Entry)] == entries
    if entries:
        heading, ending = once[0].reply, once[-1]
        assert isinstance(heading, Away)
        assert heading[0] == len(entries)
        assert heading.comings == comings
        assert ending == Told(AwayEnd(), log.end.offset)
    elif comings:
        assert once == [Told(Away(0, comings=comings), place)]
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
    assert (away.reply.left_out, away.reply.is_more) == (0, True)
    assert [told.reply.text for told in entries if isinstance(told.reply, Entry)] == said
    assert len(entries) == len(said)
    assert end == Told(AwayEnd(), log.end.offset)
    assert 1000 < looked_at < 1100  # once for what was said, once for who came and went


# ---------------------------------------------------------------------------- among many who come and go


def test_what_was_said_is_found_beneath_any_number_of_comings_and_goings() -> None:
    log = MemoryStore(keep_entries=100_000, keep_bytes=1_000_000_000).open("lobby")
    said = [f"line {number}" for number in range(12)]
    for text in said:
        log.append(Kind.SAY, "bob", 7, (text,))
        for _ in range(2500):
            log.append(Kind.JOIN, "mallory", 8, ("",))
            log.append(Kind.LEAVE, "mallory", 8, ("LOST",))
    heading, *lines, end = [reply for reply, _ in told(log, 0, 1000)]
    assert heading == Away(12, comings=Comings(1, is_more=True))
    assert [line.text for line in lines if isinstance(line, Entry)] == said
    assert end == AwayEnd()
    newcomer = [reply for reply, _ in Absence(log, log.end, "carol", None, VIEW).told(CatchingUp(1000, 10))]
    assert newcomer[:2] == [RecentBegin(10), Comings(1, is_more=True)]
    assert [line.text for line in newcomer if isinstance(line, Entry)] == said[2:]


@pytest.mark.parametrize(
    ("people", "comings"),
    [
        (0, None),
        (1, Comings(1, returned=("guest0",))),
        (5, Comings(5, returned=tuple(f"guest{number}" for number in range(5)))),
        (12, Comings(12)),
    ],
)
def test_people_who_came_and_went_are_one_line_by_name_where_they_are_few(people: int, comings: Comings | None) -> None:
    log = MemoryStore().open("lobby")
    for number in range(people):
        log.append(Kind.LEAVE, f"guest{number}", 10 + number, ("LOST",))
    log.append(Kind.SAY, "bob", 7, ("hello",))
    for number in range(people):
        log.append(Kind.JOIN, f"guest{number}", 10 + number, ("",))
    assert told(log, 0, 1000)[0].reply == Away(1, comings=comings)
    assert len(told(log, 0, 1000)) == 3


@pytest.mark.parametrize(
    ("kinds", "comings"),
    [
        ("+", Comings(1, joined=("carol",))),
        ("+-+", Comings(1, joined=("carol",))),
        ("-", Comings(1, left=("carol",))),
        ("-+-", Comings(1, left=("carol",))),
        ("+-", Comings(1, both=("carol",))),
        ("-+-+", Comings(1, returned=("carol",))),
    ],
)
def test_what_is_told_of_somebody_who_came_and_went_tells_whether_they_are_here(kinds: str, comings: Comings) -> None:
    log = MemoryStore().open("lobby")
    for kind in kinds:
        log.append(Kind.JOIN if kind == "+" else Kind.LEAVE, "carol", 7, ("",))
    assert told(log, 0, 1000) == [Told(Away(0, comings=comings), 0)]


def test_a_place_moves_over_what_was_folded_only_with_the_line_behind_it() -> None:
    log = MemoryStore().open("lobby")
    for kind, text in ((Kind.JOIN, ""), (Kind.SAY, "one"), (Kind.LEAVE, "LOST"), (Kind.SAY, "two"), (Kind.JOIN, "")):
        log.append(kind, "bob", 7, (text,))
    assert [told_now.offset for told_now in told(log, 0, 1000)] == [0, 2, 4, 5]
    assert [told_now.offset for told_now in told(log, 2, 1000)] == [2, 4, 5]  # who was lost behind the first line
    assert told(log, 4, 1000) == [Told(Away(0, comings=Comings(1, ("bob",))), 4)]
