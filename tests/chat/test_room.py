"""Behaviour of chatsrv.chat.room: who is present, at which position of the log."""

import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from chatsrv.chat.room import WELCOME_NAMES, Arrival, Room
from chatsrv.model.accounts import Account
from chatsrv.model.changes import Change, What
from chatsrv.model.entries import Kind, Position
from chatsrv.model.errors import NotRecorded, Refused
from chatsrv.model.reasons import Reason
from chatsrv.model.refusals import NotInRoom, Slowed, Utterance
from chatsrv.model.roomrules import RoomRules
from chatsrv.roomlog.base import RoomLog
from chatsrv.roomlog.memory import MemoryStore
from tests.peer import DEADLINE_SECONDS
from tests.refusing import refused
from tests.roomlog.late import LateRoomLog, LateStore

ALICE, BOB, CAROL = Account("alice"), Account("bob"), Account("carol")
ALL = 1_000_000


@pytest.fixture
def room() -> Room:
    return Room("lobby", MemoryStore().open("lobby"))


def told(room: Room) -> list[tuple[Kind, str, int, str]]:
    """Return what the room's log holds."""
    entries = room.log.read(Position(room.log.epoch, 0), ALL)
    return [(entry.kind, entry.author, entry.origin, entry.text) for entry in entries]


def present_at(log: RoomLog, position: Position) -> set[str]:
    """Return who is present at a position, as the log alone tells it: joins without leaves."""
    joined: Counter[str] = Counter()
    for entry in log.read(Position(log.epoch, 0), position.offset):
        joined[entry.author] += {Kind.JOIN: 1, Kind.LEAVE: -1}.get(entry.kind, 0)
    assert set(joined.values()) <= {0, 1}, "somebody joined or left twice"
    return {name for name, times in joined.items() if times}


def test_a_newcomer_is_announced_and_reads_on_behind_his_own_announcement(room: Room) -> None:
    arrival = room.enter(ALICE, 1)
    assert arrival == Arrival(room.log.end, (), 0, None)
    assert told(room) == [(Kind.JOIN, "alice", 1, "")]


def test_a_large_room_records_who_comes_and_goes_and_tells_nobody() -> None:
    room = Room("lobby", MemoryStore().open("lobby"), RoomRules(quiet_above=2))
    for origin, account in enumerate((ALICE, BOB, CAROL), 1):
        room.enter(account, origin)
    room.leave("alice", 1, Reason.LOST)
    room.leave("carol", 3, Reason.QUIT)
    assert told(room) == [
        (Kind.JOIN, "alice", 1, ""),
        (Kind.JOIN, "bob", 2, ""),
        (Kind.QUIET_JOIN, "carol", 3, ""),
        (Kind.QUIET_LEAVE, "alice", 1, "LOST"),
        (Kind.LEAVE, "carol", 3, "QUIT"),
    ]
    assert room.present(10) == (("bob",), 0)


def test_a_newcomer_is_told_the_sorted_names_of_others(room: Room) -> None:
    for origin, account in enumerate((CAROL, ALICE), 1):
        room.enter(account, origin)
    assert room.enter(BOB, 3).others == ("alice", "carol")
    assert room.present(10) == (("alice", "bob", "carol"), 0)


def test_one_who_left_is_announced_with_the_reason_and_not_present(room: Room) -> None:
    room.enter(ALICE, 1)
    room.enter(BOB, 2)
    room.leave("alice", 1, Reason.TOO_SLOW)
    assert told(room)[2:] == [(Kind.LEAVE, "alice", 1, "TOO_SLOW")]
    assert room.present(10) == (("bob",), 0)
    assert room.enter(CAROL, 3).others == ("bob",)


@pytest.mark.parametrize("first", ["aaa", "zzz"])
def test_a_newcomer_to_a_crowd_is_told_some_names_and_the_number_of_the_rest(room: Room, first: str) -> None:
    names = [f"guest{number:03}" for number in range(WELCOME_NAMES + 7)]
    for origin, name in enumerate(names, 1):
        room.enter(Account(name), origin)
    arrival = room.enter(Account(first), 1000)  # whose own name sorts before or behind all of theirs
    assert (arrival.others, arrival.more) == (tuple(names[:WELCOME_NAMES]), 7)


def test_a_newcomer_to_as_many_as_can_be_named_is_told_all_of_them(room: Room) -> None:
    names = [f"guest{number:03}" for number in range(WELCOME_NAMES)]
    for origin, name in enumerate(names, 1):
        room.enter(Account(name), origin)
    arrival = room.enter(ALICE, 1000)
    assert (arrival.others, arrival.more) == (tuple(names), 0)


def test_those_present_are_listed_up_to_a_limit(room: Room) -> None:
    for origin, account in enumerate((CAROL, ALICE, BOB), 1):
        room.enter(account, origin)
    assert room.present(0) == ((), 3)
    assert room.present(2) == (("alice", "bob"), 1)
    assert room.present(3) == (("alice", "bob", "carol"), 0)


def test_two_sessions_of_one_account_are_one_person(room: Room) -> None:
    room.enter(ALICE, 1)
    room.enter(BOB, 2)
    assert room.enter(ALICE, 3) == Arrival(room.log.end, ("bob",), 0, None)
    assert room.present(10) == (("alice", "bob"), 0)
    room.leave("alice", 1, Reason.LOST)
    assert room.present(10) == (("alice", "bob"), 0)
    room.speak(Kind.SAY, "alice", 3, ["still here"])
    room.leave("alice", 3, Reason.QUIT)
    assert [entry[:3] for entry in told(room)] == [
        (Kind.JOIN, "alice", 1),
        (Kind.JOIN, "bob", 2),
        (Kind.SAY, "alice", 3),
        (Kind.LEAVE, "alice", 3),
    ]
    assert room.present(10) == (("bob",), 0)


def test_a_session_that_leaves_twice_or_was_never_there_is_nothing(room: Room) -> None:
    room.enter(ALICE, 1)
    room.enter(ALICE, 2)
    room.leave("alice", 1, Reason.QUIT)
    room.leave("alice", 1, Reason.QUIT)
    room.leave("alice", 7, Reason.QUIT)
    room.leave("bob", 1, Reason.QUIT)
    assert room.present(10) == (("alice",), 0)
    room.leave("alice", 2, Reason.QUIT)
    room.leave("alice", 2, Reason.QUIT)
    assert [entry[0] for entry in told(room)] == [Kind.JOIN, Kind.LEAVE]


def test_one_who_came_back_is_announced_again(room: Room) -> None:
    for origin in (1, 2):
        room.enter(ALICE, origin)
        room.leave("alice", origin, Reason.QUIT)
    assert [entry[0] for entry in told(room)] == [Kind.JOIN, Kind.LEAVE] * 2


def test_what_is_said_in_one_go_stays_together(room: Room) -> None:
    room.enter(ALICE, 1)
    room.speak(Kind.SAY, "alice", 1, ["one", "two"])
    room.speak(Kind.ACTION, "alice", 1, ["waves"])
    assert told(room)[1:] == [
        (Kind.SAY, "alice", 1, "one"),
        (Kind.SAY, "alice", 1, "two"),
        (Kind.ACTION, "alice", 1, "waves"),
    ]


def test_speaking_from_outside_is_refused_and_not_logged(room: Room) -> None:
    room.enter(ALICE, 1)
    room.enter(BOB, 2)
    room.leave("bob", 2, Reason.QUIT)
    before = told(room)
    for name, origin in (("alice", 2), ("bob", 2), ("carol", 3)):
        with refused(NotInRoom("lobby")):
            room.speak(Kind.SAY, name, origin, ["psst"])
    assert told(room) == before


class FullDisk(Exception):
    """What a recorder raises that cannot write."""


class FullRoomLog(LateRoomLog):
    def append(self, kind: Kind, author: str, origin: int, texts: Sequence[str]) -> Position:
        raise FullDisk


def test_an_arrival_that_cannot_be_recorded_lets_nobody_in() -> None:
    room = Room("lobby", FullRoomLog("lobby", threading.Semaphore(0)))
    with pytest.raises(FullDisk):
        room.enter(ALICE, 1)
    assert room.present(10) == ((), 0)


def test_a_second_session_arrives_where_those_it_was_told_of_have_joined_already() -> None:
    log = LateStore().open("lobby")
    room = Room("lobby", log)
    room.enter(ALICE, 1)
    log.show()
    room.enter(BOB, 2)  # whose joining is not visible yet
    room.speak(Kind.SAY, "bob", 2, ["hello"])
    arrival = room.enter(ALICE, 3)
    log.show()
    assert set(arrival.others) == present_at(log, arrival.position) - {"alice"}
    assert [entry.text for entry in log.read(arrival.position, ALL)] == ["hello"]


def test_presence_is_what_the_log_says_at_every_arrival_while_many_come_and_go() -> None:
    room = Room("lobby", MemoryStore().open("lobby"), RoomRules(presence_per_minute=0))
    accounts = [Account(f"guest{number}") for number in range(6)]

    def come_and_go(person: int) -> None:
        account = accounts[person % len(accounts)]  # so that each has two sessions that race
        for visit in range(30):
            origin = person * 1000 + visit
            arrival = room.enter(account, origin)
            room.speak(Kind.SAY, account.name, origin, ["hello"])
            assert set(arrival.others) == present_at(room.log, arrival.position) - {account.name}
            assert account.name in present_at(room.log, arrival.position)
            if visit < 29:
                room.leave(account.name, origin, Reason.QUIT)

    with ThreadPoolExecutor(12) as pool:
        for visits in [pool.submit(come_and_go, person) for person in range(12)]:
            visits.result()
    assert set(room.present(100)[0]) == present_at(room.log, room.log.end) == {account.name for account in accounts}
    for person in range(12):
        room.leave(accounts[person % len(accounts)].name, person * 1000 + 29, Reason.SHUTDOWN)
    assert room.present(100) == ((), 0)
    assert present_at(room.log, room.log.end) == set()


# ---------------------------------------------------------------------------- who is sent out

KICK = Change(What.KICK, "lobby", "bob")


def test_who_is_expelled_is_gone_with_the_entry_that_tells_it(room: Room) -> None:
    room.enter(ALICE, 1)
    room.enter(BOB, 2)
    room.enter(BOB, 3)
    assert room.expel("alice", 1, "bob", KICK)
    assert told(room)[-1] == (Kind.CHANGE, "alice", 1, KICK.encode())
    assert room.present(10) == (("alice",), 0)
    for origin in (2, 3):
        with refused(NotInRoom("lobby")):
            room.speak(Kind.SAY, "bob", origin, ["still here"])
        room.leave("bob", origin, Reason.QUIT)
    assert not room.expel("alice", 1, "bob", KICK)
    assert len(told(room)) == 3


def test_who_is_expelled_while_the_disk_fails_is_gone_all_the_same(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    room.enter(ALICE, 1)
    room.enter(BOB, 2)
    append = room.log.append

    def fail(kind: Kind, author: str, origin: int, texts: Sequence[str]) -> Position:
        if kind is Kind.CHANGE:
            raise Refused("It cannot be recorded.")
        return append(kind, author, origin, texts)

    monkeypatch.setattr(room.log, "append", fail)
    assert room.expel("alice", 1, "bob", KICK)
    assert told(room)[-1] == (Kind.LEAVE, "bob", 1, "BANNED")
    assert room.present(10) == (("alice",), 0)


# ---------------------------------------------------------------------------- who may not speak, or not so fast


def test_in_a_slow_room_one_says_a_line_at_a_time_but_for_who_may_hurry() -> None:
    now = [1000.0]
    room = Room("lobby", MemoryStore().open("lobby"), clock=lambda: now[0])
    room.facts.slow_seconds = 30
    room.enter(ALICE, 1)
    room.enter(BOB, 2)
    room.speak(Kind.SAY, "alice", 1, ["one"], may_hurry=False)
    with refused(Slowed(Utterance.LINE, "lobby", 30)):
        room.speak(Kind.SAY, "alice", 1, ["two"], may_hurry=False)
    with refused(Slowed(Utterance.LINE, "lobby", 30, 2)):
        room.speak(Kind.SAY, "bob", 2, ["one", "two"], may_hurry=False)
    room.speak(Kind.SAY, "bob", 2, ["one", "two"], may_hurry=True)
    now[0] += 30
    room.speak(Kind.SAY, "alice", 1, ["two"], may_hurry=False)
    assert [text for kind, *_, text in told(room) if kind is Kind.SAY] == ["one", "one", "two", "two"]


# ---------------------------------------------------------------------------- where the order is made elsewhere


@pytest.fixture
def remote() -> LateRoomLog:
    """Return a log in which nothing has a place before the test gives it one."""
    return LateStore(orders_later=True).open("lobby")


def test_who_waits_for_their_place_in_the_order_holds_up_nobody(remote: LateRoomLog) -> None:
    room = Room("lobby", remote)
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(room.enter, ALICE, 1)
        remote.await_appended()
        again = pool.submit(room.enter, ALICE, 2)  # which waits for the same place
        second = pool.submit(room.enter, BOB, 3)
        remote.await_appended(2)
        assert room.present(10) == (("alice", "bob"), 0)
        room.leave("bob", 3, Reason.QUIT)
        room.append_change("root", 9, KICK)
        assert not any(arrival.done() for arrival in (first, second))
        remote.order()
        assert [arrival.result().position.offset for arrival in (first, second)] == [1, 2]
        assert again.result().position in (Position("late", 1), Position("late", 2), Position("late", 3))
        assert set(again.result().others) <= {"bob"}
    remote.show()
    assert [kind for kind, *_ in told(room)] == [Kind.JOIN, Kind.JOIN, Kind.LEAVE, Kind.CHANGE]


def test_who_is_there_is_right_at_every_arrival_where_the_order_is_made_elsewhere() -> None:
    store = LateStore(has_recorder=True, orders_later=True)
    room = Room("lobby", store.open("lobby"), RoomRules(presence_per_minute=0))
    accounts = [Account(f"guest{number}") for number in range(3)]

    def come_and_go(person: int) -> list[Arrival]:
        account, arrivals = accounts[person % 3], []  # so that each has two sessions that race
        for visit in range(20):
            arrivals.append(room.enter(account, person * 100 + visit))
            room.speak(Kind.SAY, account.name, person * 100 + visit, ["hello"])
            room.leave(account.name, person * 100 + visit, Reason.QUIT)
        return arrivals

    with closing(store), ThreadPoolExecutor(6) as pool:
        visits = [(accounts[person % 3], pool.submit(come_and_go, person)) for person in range(6)]
        found = [(account, arrival) for account, arrivals in visits for arrival in arrivals.result()]
        room.log.wait_until_recorded(room.log.append(Kind.SAY, "root", 1, ["end"]))
        for account, arrival in found:
            assert present_at(room.log, arrival.position) == {account.name, *arrival.others}
    assert room.present(10) == ((), 0)


def test_an_arrival_that_is_refused_later_on_lets_nobody_in(remote: LateRoomLog) -> None:
    room = Room("lobby", remote)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(room.enter, ALICE, 1)
        remote.await_appended()
        is_entering = threading.Event()
        second = pool.submit(room.enter, ALICE, 2, begin=lambda _: is_entering.set())
        assert is_entering.wait(DEADLINE_SECONDS)
        remote.refuse()
        for session in (first, second):
            with pytest.raises(NotRecorded):
                session.result()
        assert room.present(10) == ((), 0)
        again = pool.submit(room.enter, ALICE, 3)
        remote.await_appended()
        remote.show()
        assert again.result() == Arrival(Position("late", 1), (), 0)
    assert told(room) == [(Kind.JOIN, "alice", 3, "")]


def test_words_that_are_refused_later_on_are_told_to_their_author(remote: LateRoomLog) -> None:
    room = Room("lobby", remote)
    with ThreadPoolExecutor(2) as pool:
        arrival = pool.submit(room.enter, ALICE, 1)
        remote.await_appended()
        remote.show()
        arrival.result()
        words = pool.submit(room.speak, Kind.SAY, "alice", 1, ["one", "two"])
        remote.await_appended()
        assert room.is_in("alice")
        remote.refuse()
        with pytest.raises(NotRecorded) as refusal:
            words.result()
        assert refusal.value.texts == ("one", "two")
