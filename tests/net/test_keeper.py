"""Behaviour of chatsrv.net.delivery.keeper: bookmarks of sessions that go on, in steps whatever their rooms."""

import sys
from collections.abc import Callable, Iterator

import pytest

from chatsrv.chat.bookmarks import Bookmarks
from chatsrv.model.entries import Bookmark, Position
from chatsrv.net.delivery.delivery import Delivery
from chatsrv.net.delivery.keeper import KEEP_SECONDS, KEPT_AT_ONCE, TOLD_SECONDS, Keeper
from chatsrv.net.receipts.trail import Steps
from chatsrv.roomlog.memory import MemoryStore
from tests.net.links import Link, TextRenderer


class Now:
    """Deadlines that are due when the test says so, and what is to be done next turn."""

    def __init__(self) -> None:
        self.due: list[Callable[[], None]] = []
        self.seconds: list[float] = []  # that were asked for

    def set(self, seconds: float, action: Callable[[], None]) -> None:
        self.due.append(action)
        self.seconds.append(seconds)

    def round(self) -> None:
        """Do what is due until nothing is."""
        while self.due:
            self.step()

    def step(self) -> None:
        """Do what is due."""
        due, self.due = self.due, []
        for action in due:
            action()


class Place:
    """Sessions of alice in `rooms`, whose peers take everything at once; the test is the delivery thread."""

    def __init__(self, delivery: Delivery, rooms: int, sessions: int = 1) -> None:
        self.store = MemoryStore()
        self.logs = [self.store.open(f"room{number}") for number in range(rooms)]
        self.links = [Link(delivery, TextRenderer()) for _ in range(sessions)]
        self.receipts = []
        bookmarks = Bookmarks(self.store)
        for number, link in enumerate(self.links):
            receipts = link.connection.begin_receipts(f"alice{number}", bookmarks)
            for log in self.logs:
                receipts.open(log)
                receipts.begin(log, 0, 0, None)
                receipts.go_live(log)
            self.receipts.append(receipts)
        self.now = now = Now()
        self.keeper = Keeper({it.connection.id: it.connection for it in self.links}, now, lambda it: now.due.append(it))

    def kept(self) -> int:
        """Return how many bookmarks are kept."""
        numbers = range(len(self.links))
        return sum(bool(self.store.bookmark(f"alice{number}", log.room)) for number in numbers for log in self.logs)

    def close(self) -> None:
        for link in self.links:
            link.peer.close()
            link.near.close()


@pytest.fixture
def place() -> Iterator[Callable[..., Place]]:
    delivery = Delivery()  # which never starts
    places: list[Place] = []

    def make(*args: int) -> Place:
        places.append(Place(delivery, *args))
        return places[-1]

    yield make
    for each in places:
        each.close()
    delivery.stop()


def calls_of(action: Callable[[], None]) -> int:
    """Return how many functions are called for an action."""
    calls: list[str] = []
    sys.setprofile(lambda _frame, event, _: calls.append(event))
    try:
        action()
    finally:
        sys.setprofile(None)
    return calls.count("call")


def test_rooms_in_which_nothing_was_said_cost_a_round_nothing(place) -> None:
    calls = []
    for rooms in (1, 100):
        here = place(rooms)
        here.keeper.soon()
        here.now.round()
        here.keeper.soon()
        calls.append(calls_of(here.now.step))
    assert calls[0] == calls[1]


def test_a_step_keeps_so_many_bookmarks_and_the_next_turn_goes_on(place) -> None:
    here = place(60, 4)
    here.keeper.soon()
    kept = []
    while here.now.due:
        here.now.step()
        kept.append(here.kept())
    assert kept == [120, 240, 240]
    assert kept[0] < KEPT_AT_ONCE + 60


def test_what_is_told_is_kept_as_soon_as_it_is_taken(place) -> None:
    here = place(2, 2)
    (receipts, _), log = here.receipts, here.logs[0]
    here.keeper.told(here.links[0].connection)
    receipts.tell(0, [(0, Steps(log, (0,), (7,)))])
    here.keeper.told(here.links[0].connection)
    assert here.now.seconds == [TOLD_SECONDS]
    here.now.round()
    assert here.now.seconds == [TOLD_SECONDS]
    assert here.store.bookmark("alice0", log.room) == Bookmark(Position(log.epoch, 7), here.links[0].connection.origin)
    assert here.store.bookmark("alice1", log.room) is None


def test_who_does_not_take_what_is_told_is_looked_at_ever_more_rarely_and_then_with_everybody(place) -> None:
    here = place(1)
    (receipts,), log, connection = here.receipts, here.logs[0], here.links[0].connection
    here.keeper.told(connection)
    connection.leftover = b"a line\n"  # that waits for the socket
    receipts.tell(len(connection.leftover), [(0, Steps(log, (7,), (3,)))])
    seconds = TOLD_SECONDS
    while seconds <= KEEP_SECONDS:
        assert here.now.seconds.pop() == pytest.approx(seconds)
        here.keeper.told(connection)
        here.now.step()
        seconds *= 2
    assert here.now.seconds == [KEEP_SECONDS]
    connection.leftover = b""
    here.now.step()
    assert not here.now.due
    assert here.store.bookmark("alice0", log.room) == Bookmark(Position(log.epoch, 3), connection.origin)


def test_a_crowd_that_is_told_is_looked_at_together_so_many_in_a_turn(place) -> None:
    here = place(1, KEPT_AT_ONCE)
    for link in here.links:
        here.keeper.told(link.connection)
    assert here.now.seconds == [TOLD_SECONDS]
    kept = []
    while here.now.due:
        here.now.step()
        kept.append(here.kept())
    assert kept[:2] == [KEPT_AT_ONCE // 2, KEPT_AT_ONCE]


def test_what_was_taken_since_is_kept_in_the_next_round(place) -> None:
    here = place(2)
    (receipts,) = here.receipts
    log = here.logs[1]
    here.keeper.soon()
    here.now.round()
    receipts.tell(0, [(0, Steps(log, (0,), (7,)))])
    here.keeper.soon()
    here.now.round()
    origin = here.links[0].connection.origin
    assert here.store.bookmark("alice0", log.room) == Bookmark(Position(log.epoch, 7), origin)
    assert here.store.bookmark("alice0", here.logs[0].room) == Bookmark(Position(log.epoch, 0), origin)


def test_at_the_stop_everything_is_kept_that_was_taken_also_of_those_who_are_about_to_end(place) -> None:
    here = place(1, 2)
    log = here.logs[0]
    for receipts, link in zip(here.receipts, here.links, strict=True):
        receipts.tell(0, [(0, Steps(log, (0,), (7,)))])
        link.connection.close()
    here.keeper.keep_all()
    assert here.kept() == 2
