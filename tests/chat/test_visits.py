"""Behaviour of comings and goings beyond their rate: few lines, few entries, and nobody present who seems gone."""

import itertools
import random
from collections.abc import Callable

import pytest

from chatsrv.chat.room import Room
from chatsrv.chat.visits import Visits
from chatsrv.model.accounts import Account
from chatsrv.model.changes import Change, What
from chatsrv.model.entries import Kind, Position
from chatsrv.model.reasons import Reason
from chatsrv.model.roomrules import RoomRules
from chatsrv.roomlog.memory import MemoryStore

ALICE, BOB = Account("alice"), Account("bob")
ALL = 1_000_000


class Flat:
    """A room with a clock that tests move, and with what somebody does who looks later, as they are asked to."""

    def __init__(self, per_minute: int = 10, quiet_above: int = 200) -> None:
        self.now = 1000.0
        self.room = Room(
            "lobby",
            MemoryStore().open("lobby"),
            RoomRules(quiet_above=quiet_above, presence_per_minute=per_minute),
            clock=lambda: self.now,
        )
        self._origins = 0
        self.looks: list[tuple[float, Callable[[], float | None]]] = []

    def enter(self, account: Account = BOB) -> int:
        self._origins += 1
        arrival = self.room.enter(account, self._origins)
        if arrival.told_in_seconds is not None:
            self.looks.append((self.now + arrival.told_in_seconds, lambda: self.room.tell_of(account.key)))
        return self._origins

    def visit(self, account: Account = BOB) -> None:
        self.room.leave(account.name, self.enter(account), Reason.LOST)

    def wait(self, seconds: float) -> None:
        """Let time pass, and have those look who want to, at their time."""
        end = self.now + seconds
        while due := [look for look in self.looks if look[0] <= end]:
            first = min(due, key=lambda look: look[0])
            self.looks.remove(first)
            self.now = first[0]
            if again := first[1]():
                self.looks.append((self.now + again, first[1]))
        self.now = end

    def kinds(self, name: str = "bob") -> list[Kind]:
        entries = self.room.log.read(Position(self.room.log.epoch, 0), ALL)
        return [entry.kind for entry in entries if entry.author == name]

    def shown(self, name: str = "bob") -> list[Kind]:
        return [kind for kind in self.kinds(name) if kind in (Kind.JOIN, Kind.LEAVE)]


def test_somebody_who_keeps_reconnecting_is_told_of_a_few_times_and_recorded_at_a_bounded_rate() -> None:
    flat = Flat()
    for _ in range(17 * 60):  # 17 times a second, for a minute
        flat.visit()
        flat.wait(1 / 17)
    assert flat.shown() == [Kind.JOIN, Kind.LEAVE] * 5
    assert len(flat.kinds()) <= 2 * 10 + 10
    before = len(flat.kinds())
    for _ in range(17 * 600):
        flat.visit()
        flat.wait(1 / 17)
    assert len(flat.shown()) == 10
    assert len(flat.kinds()) - before <= 10 * 10 + 2


def test_who_stays_after_a_storm_is_told_of_once_it_has_calmed_down() -> None:
    flat = Flat()
    for _ in range(100):
        flat.visit()
    flat.enter()
    assert flat.shown() == [Kind.JOIN, Kind.LEAVE] * 5
    flat.wait(71.9)  # twenty are recorded, and eight may be for one more to be told
    assert len(flat.shown()) == 10
    flat.wait(0.2)
    assert flat.shown() == [Kind.JOIN, Kind.LEAVE] * 5 + [Kind.JOIN]
    flat.wait(1000)
    assert (len(flat.shown()), flat.looks) == (11, [])


def test_a_storm_leaves_one_look_to_be_taken_not_one_for_each_coming() -> None:
    flat = Flat()
    for _ in range(100):
        flat.visit()
    assert len(flat.looks) == 1


def test_a_departure_is_told_at_once_whatever_came_before() -> None:
    flat = Flat()
    for _ in range(4):
        flat.visit()
    flat.room.leave("bob", flat.enter(), Reason.LOST)
    assert flat.shown()[-1] is Kind.LEAVE
    assert set(flat.kinds()) == {Kind.JOIN, Kind.LEAVE}


def test_an_account_is_counted_with_all_its_devices_and_no_other_account_with_it() -> None:
    flat = Flat()
    for _ in range(5):
        first, second = flat.enter(), flat.enter()
        flat.room.leave("bob", first, Reason.LOST)
        flat.room.leave("bob", second, Reason.LOST)
    flat.visit()
    flat.visit(ALICE)
    assert flat.shown() == [Kind.JOIN, Kind.LEAVE] * 5
    assert flat.shown("alice") == [Kind.JOIN, Kind.LEAVE]


def test_who_is_kicked_and_comes_back_in_a_loop_is_counted() -> None:
    flat = Flat()
    change = Change(What.KICK, "lobby", "bob")
    for _ in range(50):
        flat.enter()
        flat.room.expel("alice", 99, "bob", change)
    assert flat.kinds().count(Kind.JOIN) == 5
    flat.visit()  # shown gone by the last kick
    assert Kind.LEAVE not in flat.kinds()


def test_no_limit_tells_everything() -> None:
    flat = Flat(per_minute=0)
    for _ in range(100):
        flat.visit()
    assert flat.kinds() == [Kind.JOIN, Kind.LEAVE] * 100


@pytest.mark.parametrize("per_minute", [1, 2, 3, 10])
@pytest.mark.parametrize("seed", range(20))
def test_others_never_see_anybody_come_or_go_twice_and_see_in_the_end_who_is_there(seed: int, per_minute: int) -> None:
    chance = random.Random(seed)
    flat = Flat(per_minute)
    here: list[int] = []
    for _ in range(200):
        if here and chance.random() < 0.5:
            flat.room.leave("bob", here.pop(chance.randrange(len(here))), Reason.LOST)
        elif len(here) < 3:
            here.append(flat.enter())
        flat.wait(chance.choice((0, 0.1, 1, 10, 40)))
    flat.wait(600)
    shown = flat.shown()
    assert all(one is not other for one, other in itertools.pairwise(shown))
    assert (shown[-1] is Kind.JOIN) == bool(here)


def test_in_a_large_room_comings_and_goings_are_recorded_at_a_bounded_rate_too() -> None:
    flat = Flat(quiet_above=0)
    for _ in range(1000):
        flat.visit()
    flat.wait(600)
    assert flat.kinds() == [Kind.QUIET_JOIN, Kind.QUIET_LEAVE] * 10


def test_nothing_is_kept_of_a_crowd_that_stays_nor_for_long_of_one_that_left() -> None:
    now = [0.0]
    visits = Visits(10, lambda: now[0])
    assert not visits.kept
    for number in range(1000):
        visits.went(f"guest{number}", is_recorded=True, is_told=True)
    assert visits.kept == 1000
    now[0] = 12.1
    visits.went("bob", is_recorded=True, is_told=True)
    assert visits.kept == 1
