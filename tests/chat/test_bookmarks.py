"""Behaviour of chatsrv.chat.bookmarks: they move forward, whichever session keeps them, but for where one began."""

import pytest

from chatsrv.chat.bookmarks import Bookmarks, BookmarkSource
from chatsrv.model.entries import Bookmark, Position
from chatsrv.roomlog.memory import MemoryStore
from chatsrv.testing.roomlog import record


class Device(BookmarkSource):
    """A session that has begun nowhere yet."""

    def taken(self) -> None:
        return None


class Place:
    """A log with ten entries, and the bookmarks of alice, who reads it by two devices, 1 and 2."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.log = self.store.open("lobby")
        record(self.log, *map(str, range(10)))
        self.bookmarks = Bookmarks(self.store)
        self.devices = {1: Device(), 2: Device()}

    def at(self, offset: int, origin: int = 1) -> Bookmark:
        return Bookmark(Position(self.log.epoch, offset), origin)

    def open(self, number: int) -> Bookmark | None:
        return self.bookmarks.open("alice", self.log, self.devices[number])

    def begin(self, origin: int = 1) -> None:
        self.bookmarks.begin("alice", self.log, origin)

    def keep(self, bookmark: Bookmark) -> Bookmark | None:
        """Keep a bookmark; return which one is kept then."""
        self.bookmarks.keep("alice", "lobby", bookmark)
        return self.kept

    @property
    def kept(self) -> Bookmark | None:
        return self.store.bookmark("alice", "lobby")


@pytest.fixture
def place() -> Place:
    return Place()


def test_where_somebody_begins_is_kept_at_once_and_only_once(place: Place) -> None:
    assert place.open(1) is None
    place.begin()
    record(place.log, "more")
    place.begin()
    assert place.kept == place.at(10)


def test_who_is_told_what_was_said_before_is_not_taken_to_have_read_it(place: Place) -> None:
    place.open(1)
    place.begin()
    assert place.keep(place.at(4)) == place.at(4)
    assert place.keep(place.at(3)) == place.at(4)
    assert place.keep(place.at(10)) == place.at(10)
    place.begin()
    assert place.kept == place.at(10)


def test_another_device_begins_as_the_first_one_did(place: Place) -> None:
    place.open(1)
    place.begin()
    assert place.open(2) is None
    assert place.keep(place.at(4)) == place.at(4)
    place.begin(2)
    assert place.kept == place.at(4)


def test_who_has_read_a_log_does_not_begin_again(place: Place) -> None:
    place.store.keep_bookmark("alice", "lobby", place.at(5))
    assert place.open(1) == place.at(5)
    place.begin()
    assert place.kept == place.at(5)


def test_who_has_read_it_in_another_epoch_begins_anew(place: Place) -> None:
    old = Bookmark(Position("another", 500), 1)
    place.store.keep_bookmark("alice", "lobby", old)
    assert place.open(1) == old
    place.begin()
    assert place.kept == place.at(10)
    assert place.keep(place.at(6)) == place.at(6)


def test_who_began_and_left_goes_on_from_there(place: Place) -> None:
    place.open(1)
    place.begin()
    place.bookmarks.close("alice", "lobby", place.devices[1])
    record(place.log, "more")
    assert place.open(1) == place.at(10)
