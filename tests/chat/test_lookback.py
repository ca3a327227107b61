"""Behaviour of chatsrv.chat.lookback: every page of what is kept, what is missing said, never much of it at once."""

import contextlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from chatsrv.chat.comings import AMONG_ENTRIES
from chatsrv.chat.lookback import MOST_ENTRIES, STEP_ENTRIES, Lookback, View, past_of
from chatsrv.model.commands import PAGE_ENTRIES, History, Lookup, More, Search
from chatsrv.model.entries import Entry, Kind, Position
from chatsrv.model.errors import Refused
from chatsrv.model.refusals import HistoryUnreadable, NotInRoom
from chatsrv.model.replies import Comings, Missing, Past, PastEnd, Reply
from chatsrv.model.reports import PastBegin, Report
from chatsrv.roomlog.base import LogStore, RoomLog
from chatsrv.roomlog.memory import MemoryRoomLog, MemoryStore
from chatsrv.roomlog.sqlite import durable
from chatsrv.roomlog.sqlite.store import SqliteStore
from chatsrv.sharing.effort import ENTRY_CHARACTERS, Effort
from chatsrv.wording.refusals import explain
from chatsrv.wording.reports import report
from tests.refusing import refused

NOTHING_MORE = ["There is nothing more to show."]


@pytest.fixture(params=["memory", "sqlite", "sqlite, nothing in memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LogStore]:
    if request.param.endswith("nothing in memory"):
        monkeypatch.setattr(durable, "RECENT_ENTRIES", 0)
    with contextlib.closing(MemoryStore() if request.param == "memory" else SqliteStore(tmp_path / "chat.db")) as store:
        yield store


@pytest.fixture
def log(store: LogStore) -> RoomLog:
    return store.open("lobby")


def say(log: RoomLog, *texts: str, kind: Kind = Kind.SAY) -> None:
    log.wait_until_recorded(log.append(kind, "alice", 1, texts))


def numbers(first: int, last: int) -> list[str]:
    return [str(number) for number in range(first, last + 1)]


CUT_SHORT = "Only so much is looked through at once."


def told(replies: Iterable[Reply]) -> list[str]:
    """Return what replies tell, in words: of an entry its text."""
    found: list[str] = []
    for reply in replies:
        match reply:
            case Past(entries):
                assert entries
                found += [entry.text for entry in entries]
            case Missing(entries):
                found.append(f"{entries} missing")
            case Comings(people):
                found.append(f"{people} came and went")
            case PastEnd(is_all):
                found.append("all" if is_all else "more")
            case Report():
                found.append(report(reply))
            case _:
                raise AssertionError(reply)
    return found


class Asking:
    """A session that looks back, in one room or several."""

    def __init__(self, *logs: RoomLog) -> None:
        self._lookback = Lookback()
        self._logs = logs
        self.closed: list[RoomLog] = []  # those that it may not look at any more
        self.view = View(datetime.now(UTC))
        self.effort: Callable[[], Effort] = Effort

    def _open(self) -> list[RoomLog]:
        return [log for log in self._logs if log not in self.closed]

    def replies(self, command: Lookup) -> Iterator[Reply]:
        match command:
            case History(entries):
                yield from self._lookback.history(self.view, self._open, self._logs[0], entries, effort=self.effort())
            case Search(words):
                yield from self._lookback.search(self.view, self._open, words, self.effort())
            case More():
                yield from self._lookback.more(self._open, self.effort())

    def __call__(self, command: Lookup) -> list[str]:
        found: list[str] = []
        try:
            for reply in self.replies(command):
                found += told([reply])
        except Refused as error:
            found.append(explain(error.why))
        return found


# ------------------------------------------------------------------ the history


def test_pages_lead_to_the_very_beginning_and_show_everything_once(log: RoomLog) -> None:
    say(log, *numbers(1, 100))
    ask = Asking(log)
    assert ask(History(45)) == ["The last 45 lines of lobby:", *numbers(56, 100), "more"]
    say(log, "meanwhile")
    assert ask(More()) == ["The 45 lines of lobby before those:", *numbers(11, 55), "more"]
    assert ask(More()) == ["The 10 lines of lobby before those:", *numbers(1, 10), "all"]
    assert ask(More()) == NOTHING_MORE


@pytest.mark.parametrize("entries", [1, STEP_ENTRIES - 1, STEP_ENTRIES, STEP_ENTRIES + 1, 2 * STEP_ENTRIES])
def test_a_page_as_long_as_the_log_is_all(log: RoomLog, entries: int) -> None:
    say(log, *numbers(1, entries))
    ask = Asking(log)
    assert ask(History(entries))[1:] == [*numbers(1, entries), "all"]
    assert ask(More()) == NOTHING_MORE
    assert ask(History(entries + 1))[1:] == [*numbers(1, entries), "all"]


def test_joins_and_leaves_are_one_line_for_each_page_and_neither_they_nor_what_was_erased_count(log: RoomLog) -> None:
    say(log, "erased at the beginning", kind=Kind.ERASED)
    say(log, "join", kind=Kind.JOIN)
    say(log, "said")
    say(log, *["erased"] * 3 * STEP_ENTRIES, kind=Kind.ERASED)
    say(log, "done", kind=Kind.ACTION)
    say(log, "erased at the end", kind=Kind.ERASED)
    say(log, "LOST", kind=Kind.LEAVE)
    ask = Asking(log)
    say(log, "decided", kind=Kind.CHANGE)
    assert ask(History(2)) == ["The last 2 lines of lobby:", "1 came and went", "done", "decided", "more"]
    assert ask(More()) == ["The line of lobby before those:", "1 came and went", "said", "all"]


def test_where_nothing_was_said_yet_that_is_told(log: RoomLog) -> None:
    assert Asking(log)(History()) == ["Nothing has been said in lobby yet."]
    say(log, "", kind=Kind.QUIET_JOIN)
    assert Asking(log)(History()) == ["Nothing has been said in lobby yet."]


def test_where_all_is_gone_it_is_not_told_that_nothing_was_said() -> None:
    log = MemoryStore(keep_entries=100).open("lobby")
    say(log, *numbers(1, 100))
    say(log, *numbers(1, 1000), kind=Kind.QUIET_JOIN)
    title, missing, end = Asking(log)(History())
    assert (title, end) == ("The last 0 lines of lobby:", "all")
    assert missing.endswith(" missing")


def test_the_longest_page_is_told_when_it_is_exceeded(log: RoomLog) -> None:
    say(log, *numbers(1, MOST_ENTRIES + 1))
    ask = Asking(log)
    assert ask(History(10**4000)) == ask(History(MOST_ENTRIES + 1)) == ["At most 1000 lines are shown at once."]
    assert ask(More()) == NOTHING_MORE
    assert ask(History(MOST_ENTRIES))[1:] == [*numbers(2, MOST_ENTRIES + 1), "more"]


def test_entries_come_with_the_moment_in_the_readers_time_zone(log: RoomLog) -> None:
    say(log, "hello")
    (past,) = [reply for reply in Asking(log).replies(History()) if isinstance(reply, Past)]
    assert past.now.tzinfo is UTC
    assert past.entries == tuple(log.read(Position(log.epoch, 0), 1))


# ------------------------------------------------------------------ holes


def test_what_is_no_longer_kept_is_told_before_what_is() -> None:
    log = MemoryStore(keep_entries=10).open("lobby")
    say(log, *numbers(1, 10))
    say(log, *numbers(11, 20))
    ask = Asking(log)
    assert ask(History(8))[1:] == [*numbers(13, 20), "more"]
    assert ask(More()) == ["The 2 lines of lobby before those:", "10 missing", "11", "12", "all"]
    assert ask(More()) == NOTHING_MORE


def test_what_goes_between_two_pages_is_told() -> None:
    log = MemoryStore(keep_entries=10).open("lobby")
    say(log, *numbers(1, 19))
    ask = Asking(log)
    assert ask(History(5))[1:] == [*numbers(15, 19), "more"]
    say(log, *numbers(20, 21))
    assert ask(More()) == ["The 3 lines of lobby before those:", "11 missing", *numbers(12, 14), "all"]


def test_what_goes_while_it_is_told_is_told_as_missing() -> None:
    log = MemoryStore(keep_entries=2 * STEP_ENTRIES).open("lobby")
    say(log, *numbers(1, 3 * STEP_ENTRIES))
    replies = Asking(log).replies(History(3 * STEP_ENTRIES))
    next(replies)
    assert told(iter([next(replies)])) == numbers(1, STEP_ENTRIES)
    say(log, *numbers(1, 2 * STEP_ENTRIES))  # the first three steps go, in the middle of the page
    assert told(replies) == [f"{2 * STEP_ENTRIES} missing", "all"]


def test_a_hole_in_the_middle_is_told_where_it_is(tmp_path: Path) -> None:
    path = tmp_path / "chat.db"
    with contextlib.closing(SqliteStore(path)) as store:
        say(store.open("lobby"), *numbers(1, 30))
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM entry WHERE text IN ('4', '5', '20')")
    with contextlib.closing(SqliteStore(path)) as store:
        log = store.open("lobby")
        view = View(datetime.now(UTC))
        shown = told(past_of(log, Position(log.epoch, 0), 30, view))
        assert shown == ["1", "2", "3", "2 missing", *numbers(6, 19), "1 missing", *numbers(21, 30)]
        assert told(past_of(log, Position(log.epoch, 3), 4, view)) == ["1 missing"]
        ask = Asking(log)
        assert ask(History(20))[1:] == [*numbers(10, 19), "1 missing", *numbers(21, 30), "more"]
        assert ask(More())[1:] == ["1", "2", "3", "2 missing", *numbers(6, 9), "all"]


def test_behind_a_position_of_another_epoch_an_unknown_number_is_missing(log: RoomLog) -> None:
    say(log, "hello")
    assert told(past_of(log, Position("another", 7), log.end.offset, View(datetime.now(UTC)))) == [
        "None missing",
        "hello",
    ]


# ------------------------------------------------------------------ the search


def test_what_was_found_comes_in_pages_newest_first(log: RoomLog) -> None:
    for number in range(1, 46):
        say(log, f"tea {number}", f"milk {number}")
    ask = Asking(log)
    tea = [f"tea {number}" for number in range(45, 0, -1)]
    title = "The last 20 lines with all of these words, newest first:"
    assert ask(Search("TEA")) == [title, *tea[:20], "more"]
    say(log, "tea meanwhile")
    assert ask(More()) == ["The 20 lines before those, newest first:", *tea[20:40], "more"]
    assert ask(More()) == ["The 5 lines before those, newest first:", *tea[40:], "all"]
    assert ask(More()) == NOTHING_MORE


@pytest.mark.parametrize("words", ["tea coffee", "joined", "...", "alice"])
def test_what_nobody_said_is_not_found(log: RoomLog, words: str) -> None:
    say(log, "joined", kind=Kind.JOIN)
    say(log, "tea", "coffee")
    ask = Asking(log)
    assert ask(Search(words)) == ["Nothing was found."]
    assert ask(More()) == NOTHING_MORE


def test_more_goes_on_with_what_was_looked_up_last(log: RoomLog) -> None:
    say(log, *["tea"] * 25)
    ask = Asking(log)
    assert ask(Search("tea"))[-1] == "more"
    assert ask(History(10))[-1] == "more"
    assert ask(More())[0] == "The 10 lines of lobby before those:"
    assert ask(Search("milk")) == ["Nothing was found."]
    assert ask(More()) == NOTHING_MORE


def test_all_rooms_of_a_session_are_searched_by_time(monkeypatch: pytest.MonkeyPatch) -> None:
    store = MemoryStore()
    logs = [store.open(room) for room in ("lobby", "kitchen", "cellar")]
    clock = iter(range(1000))
    monkeypatch.setattr("chatsrv.roomlog.memory.time.time", lambda: next(clock))
    said = []
    for number in range(60):
        text = f"tea {number}"
        say(logs[number % 7 % 2], text)  # none in the cellar
        said.append(text)
    ask = Asking(*logs)
    pages = [ask(Search("tea")), ask(More()), ask(More())]
    assert [text for page in pages for text in page[1:-1]] == said[::-1]
    assert [page[-1] for page in pages] == ["more", "more", "all"]


# ------------------------------------------------------------------ bounds


class Counting(MemoryRoomLog):
    """A log that knows how many entries were looked at."""

    looked_at = 0

    def _count(self, entries: list[Entry]) -> list[Entry]:
        self.looked_at += len(entries)
        return entries

    def read(self, after: Position, limit: int) -> list[Entry]:
        return self._count(super().read(after, limit))

    def read_back(self, before: Position, limit: int) -> list[Entry]:
        return self._count(super().read_back(before, limit))


@pytest.fixture
def counting() -> Counting:
    return Counting("lobby", "epoch", 100_000)


def of_entries(entries: int) -> Callable[[], Effort]:
    return lambda: Effort(characters=entries * ENTRY_CHARACTERS)


def say_much(log: RoomLog, *texts: str, between: int) -> None:
    """Have alice say texts, and mallory much between them."""
    for text in texts:
        log.append(Kind.SAY, "alice", 1, [text])
        log.append(Kind.SAY, "mallory", 2, ["tea and spam"] * between)
    log.wait_until_recorded(log.append(Kind.SAY, "mallory", 2, ["tea and spam"]))


def ignoring(log: RoomLog) -> "Asking":
    ask = Asking(log)
    ask.view = ask.view._replace(ignored=frozenset({"mallory"}))
    return ask


def pages(ask: "Asking", command: Lookup) -> Iterator[list[str]]:
    """Yield page after page, up to the end."""
    page = ask(command)
    yield page
    while page[-1] == "more":
        page = ask(More())
        yield page


@pytest.mark.parametrize("command", [History(20), Search("tea"), Search("t*")])
def test_who_ignores_nearly_all_that_was_said_finds_the_rest_in_pages_of_bounded_cost(
    counting: Counting, command: Lookup
) -> None:
    say_much(counting, "tea 1", "tea 2", "tea 3", between=3000)
    ask = ignoring(counting)
    ask.effort = of_entries(1000)
    found, cut_short = [], 0
    counting.looked_at = 0
    for page in pages(ask, command):
        assert counting.looked_at < 2 * (1000 + 4 * STEP_ENTRIES)
        counting.looked_at = 0
        found += [text for text in page if text.startswith("tea")]
        cut_short += page[-2].endswith(CUT_SHORT)
    assert found == ["tea 3", "tea 2", "tea 1"]
    assert cut_short > 5


def test_a_page_without_anything_says_that_it_was_cut_short(store: LogStore) -> None:
    log = store.open("lobby")
    say_much(log, "tea", between=500)
    ask = ignoring(log)
    ask.effort = of_entries(100)
    assert ask(History(5)) == [CUT_SHORT, "more"]
    assert ask(Search("tea")) == [f"Nothing was found so far. {CUT_SHORT}", "more"]


def test_what_lies_between_what_is_shown_is_read_once(counting: Counting) -> None:
    say_much(counting, "tea 1", "tea 2", "tea 3", between=3000)
    counting.looked_at = 0
    assert ignoring(counting)(History(3))[1:-1] == ["tea 1", "tea 2", "tea 3"]
    assert counting.looked_at < 9003 + AMONG_ENTRIES + 10 * STEP_ENTRIES


def test_a_hole_between_what_is_shown_is_told_though_nothing_else_is(tmp_path: Path) -> None:
    path = tmp_path / "chat.db"
    with contextlib.closing(SqliteStore(path)) as store:
        say_much(store.open("lobby"), "tea 1", "tea 2", between=200)
    with contextlib.closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("DELETE FROM entry WHERE id & 0xFFFF IN (100, 101)")
    with contextlib.closing(SqliteStore(path)) as store:
        ask = ignoring(store.open("lobby"))
        assert ask(History(2))[1:] == ["tea 1", "2 missing", "tea 2", "all"]


def test_a_crowd_that_came_and_went_quietly_costs_little_of_the_effort(counting: Counting) -> None:
    say(counting, "tea")
    say(counting, *[""] * 20_000, kind=Kind.QUIET_JOIN)
    ask = Asking(counting)
    ask.effort = of_entries(3000)
    assert ask(History(5)) == ["The last line of lobby:", "tea", "all"]


def test_where_a_crowd_came_and_went_and_nothing_was_said_that_is_looked_at_once(counting: Counting) -> None:
    say(counting, *[""] * 20_000, kind=Kind.QUIET_JOIN)
    assert Asking(counting)(History(5)) == ["Nothing has been said in lobby yet."]
    assert counting.looked_at < 20_000 + 4 * STEP_ENTRIES


def test_a_search_in_many_rooms_finds_everything_once_whatever_it_may_cost(store: LogStore) -> None:
    logs = [store.open(room) for room in ("lobby", "kitchen", "cellar", "attic")]
    expected = set()
    for number in range(200):
        for log in logs[:3]:
            expected.add(f"tea {log.room} {number}")
            say(log, f"tea {log.room} {number}", "milk")
    ask = Asking(*logs)
    ask.effort = of_entries(150)
    found, rooms_of_pages = [], []
    for page in pages(ask, Search("tea")):
        some = [text for text in page if text.startswith("tea")]
        assert len(some) <= PAGE_ENTRIES
        found += some
        rooms_of_pages.append({text.split()[1] for text in some})
    assert len(found) == len(expected)
    assert set(found) == expected
    for log in logs[:3]:
        of_the_room = [int(text.split()[2]) for text in found if text.split()[1] == log.room]
        assert of_the_room == sorted(of_the_room, reverse=True)


def test_the_rooms_that_had_to_wait_come_first_on_the_next_page() -> None:
    logs = [Counting(room, "epoch", 10_000) for room in ("lobby", "kitchen", "cellar")]
    for log in logs:
        say(log, *["milk"] * 5000)
    ask = Asking(*logs)
    ask.effort = of_entries(200)
    ask(Search("tea"))
    assert [log.looked_at > 0 for log in logs] == [True, False, False]
    ask(More())
    assert [log.looked_at > 0 for log in logs] == [True, True, False]
    ask(More())
    assert [log.looked_at > 0 for log in logs] == [True, True, True]


@pytest.mark.parametrize("command", [History(20), Search("tea"), Search("t*")])
def test_nothing_more_is_looked_up_for_who_is_gone(counting: Counting, command: Lookup) -> None:
    say_much(counting, "tea", between=5000)
    counting.looked_at = 0
    ask = ignoring(counting)
    ask.effort = lambda: Effort(lambda: counting.looked_at < 500)
    ask(command)
    assert counting.looked_at < 500 + 4 * STEP_ENTRIES


def test_so_many_words_are_refused_with_what_would_be_accepted(log: RoomLog) -> None:
    say(log, "tea")
    ask = Asking(log)
    words = " ".join(f"{number}*" for number in range(1200))
    assert ask(Search(words)) == ["A search takes up to 16 words; those were 1200."]
    assert ask(More()) == NOTHING_MORE


def test_who_is_put_out_of_a_room_amid_a_page_is_shown_no_more_of_it(log: RoomLog) -> None:
    say(log, *numbers(1, 200))
    ask = Asking(log)
    replies = ask.replies(History(100))
    assert told([next(replies), next(replies)])[1:] == numbers(101, 100 + STEP_ENTRIES)
    ask.closed.append(log)
    with refused(NotInRoom("lobby", is_no_more=True)):
        next(replies)


def test_a_search_shows_nothing_of_a_room_that_was_left_meanwhile(counting: Counting) -> None:
    other = MemoryRoomLog("kitchen", "epoch", 100)
    say(counting, "tea in the lobby")
    say(other, "tea in the kitchen")
    ask = Asking(counting, other)

    def leave() -> bool:
        ask.closed = [counting]
        return True

    ask.effort = lambda: Effort(leave)
    assert ask(Search("tea"))[1:] == ["tea in the kitchen", "all"]


def test_who_came_and_went_is_counted_with_what_is_left_of_the_effort(counting: Counting) -> None:
    say(counting, *[""] * 5000, kind=Kind.JOIN)
    say(counting, *numbers(1, 10))
    ask = Asking(counting)
    ask.effort = of_entries(50)
    counting.looked_at = 0
    title, comings, *lines, end = ask.replies(History(10))
    assert (title, end) == (PastBegin(10, "lobby"), PastEnd(is_all=False))
    assert comings == Comings(1, is_more=True)
    assert told(lines) == numbers(1, 10)
    assert counting.looked_at < 1600


# ------------------------------------------------------------------ what goes wrong


class Troubled(MemoryRoomLog):
    """A log whose disk can be in trouble, and that knows how much was read at once."""

    is_in_trouble = False
    most_at_once = 0

    def _read(self, entries: list[Entry]) -> list[Entry]:
        if self.is_in_trouble:
            raise Refused(HistoryUnreadable())
        self.most_at_once = max(self.most_at_once, len(entries))
        return entries

    def read(self, after: Position, limit: int) -> list[Entry]:
        return self._read(super().read(after, limit))

    def read_back(self, before: Position, limit: int) -> list[Entry]:
        return self._read(super().read_back(before, limit))


@pytest.fixture
def troubled() -> Troubled:
    log = Troubled("lobby", "epoch", 10_000)
    say(log, *["tea"] * 3000)
    return log


@pytest.mark.parametrize("command", [History(), Search("tea")])
def test_a_disk_in_trouble_is_told_and_more_tries_again(troubled: Troubled, command: Lookup) -> None:
    ask = Asking(troubled)
    assert ask(command)[-1] == "more"
    troubled.is_in_trouble = True
    assert ask(More()) == [explain(HistoryUnreadable())]
    troubled.is_in_trouble = False
    assert len(ask(More())) == 22
    troubled.is_in_trouble = True
    assert ask(command) == [explain(HistoryUnreadable())]
    assert ask(More()) == NOTHING_MORE


def test_trouble_in_the_middle_of_a_page_ends_it_with_a_sentence(troubled: Troubled) -> None:
    replies = Asking(troubled).replies(History(100))
    assert told(iter([next(replies), next(replies)]))[1:] == ["tea"] * STEP_ENTRIES
    troubled.is_in_trouble = True
    with refused(HistoryUnreadable()):
        told(replies)


def test_a_page_that_broke_off_in_the_middle_is_shown_from_its_beginning_by_the_next_more(troubled: Troubled) -> None:
    say(troubled, *numbers(1, 200))
    ask = Asking(troubled)
    ask(History(100))
    replies = ask.replies(More())
    assert told([next(replies), next(replies)])[:2] == ["The 100 lines of lobby before those:", "1"]
    troubled.is_in_trouble = True
    with pytest.raises(Refused):
        told(replies)
    troubled.is_in_trouble = False
    assert ask(More()) == ["The 100 lines of lobby before those:", *numbers(1, 100), "more"]


def test_a_crowd_that_came_and_went_quietly_is_passed_over_in_short_steps(troubled: Troubled) -> None:
    say(troubled, *[""] * 5000, kind=Kind.QUIET_JOIN)
    assert Asking(troubled)(History(2)) == ["The last 2 lines of lobby:", "tea", "tea", "more"]
    assert troubled.most_at_once == STEP_ENTRIES


def test_a_long_page_is_read_and_told_in_short_steps(troubled: Troubled) -> None:
    steps: Sequence[Past] = [
        reply for reply in Asking(troubled).replies(History(MOST_ENTRIES)) if isinstance(reply, Past)
    ]
    assert sum(len(step.entries) for step in steps) == MOST_ENTRIES
    assert max(len(step.entries) for step in steps) == troubled.most_at_once == STEP_ENTRIES
