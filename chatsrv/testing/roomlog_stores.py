"""Contract tests for stores of room logs: each room has a log of its own; part of `chatsrv.testing.roomlog`."""

from concurrent.futures import ThreadPoolExecutor

from chatsrv.model.entries import Bookmark, Position
from chatsrv.testing.roomlog_base import Following, LogContract, record, start

_ALL = 1_000_000
_THREADS = 8


class StoreContract(LogContract):
    """What every `LogStore` promises of rooms."""

    def test_a_room_has_one_log(self) -> None:
        """The same object each time, also for threads that open it at once."""
        store = self.store
        with ThreadPoolExecutor(_THREADS) as pool:
            logs = list(pool.map(store.open, ["lobby"] * _THREADS * 4))
        assert all(log is store.open("lobby") for log in logs)
        assert store.open("lobby").room == "lobby"

    def test_rooms_do_not_mix(self) -> None:
        """Neither entries nor offsets."""
        here, there = self.store.open("lobby"), self.store.open("кухня")
        record(here, "a", "b")
        record(there, "c")
        record(here, "d")
        assert [(entry.offset, entry.room, entry.text) for entry in here.read(start(here), _ALL)] == [
            (1, "lobby", "a"),
            (2, "lobby", "b"),
            (3, "lobby", "d"),
        ]
        assert [(entry.offset, entry.room, entry.text) for entry in there.read(start(there), _ALL)] == [
            (1, "кухня", "c")
        ]

    def test_a_store_tells_which_rooms_it_has(self) -> None:
        """None at first, and each from its opening on, in the order of their names."""
        store = self.store
        assert store.rooms() == []
        assert not store.has("lobby")
        for room in ("lobby", "@alice", "кухня", "dev"):
            record(store.open(room), "a")
        store.open("empty")
        store.open("unlogged", is_recorded=False)
        assert store.rooms() == ["@alice", "dev", "empty", "lobby", "unlogged", "кухня"]
        assert all(store.has(room) for room in store.rooms())
        assert not store.has("attic")
        assert not store.has("Lobby")

    def test_asking_for_a_room_makes_none(self) -> None:
        """Neither for its log nor for a bookmark in it."""
        store = self.store
        assert not store.has("attic")
        assert store.bookmark("alice", "attic") is None
        assert store.rooms() == []

    def test_a_log_that_is_not_to_be_recorded_is_a_log_like_others(self) -> None:
        """The same object each time; it is appended to, read, followed, and searched."""
        store = self.store
        with ThreadPoolExecutor(_THREADS) as pool:
            logs = list(pool.map(lambda _: store.open("attic", is_recorded=False), range(_THREADS * 4)))
        log = logs[0]
        assert all(other is log for other in logs)
        assert log.room == "attic"
        with Following(log, start(log)) as following:
            entries = record(log, "a", "b tea", "c")
            assert following.read(3) == entries == log.read(start(log), _ALL)
        assert log.search("tea", log.end, 1) == [entries[1]]
        log.wait_for_space()
        log.wait_until_recorded(log.end)

    def test_a_bookmark_in_such_a_log_does_no_harm(self) -> None:
        """It need not be kept; other rooms' bookmarks are."""
        store, there = self.store, self.store.open("attic", is_recorded=False)
        record(self.log, "a")
        record(there, "b")
        store.keep_bookmark("alice", "attic", Bookmark(there.end, 1))
        store.keep_bookmark("alice", "lobby", Bookmark(self.log.end, 2))
        assert store.bookmark("alice", "attic") in (None, Bookmark(Position(there.epoch, 1), 1))
        assert store.bookmark("alice", "lobby") == Bookmark(self.log.end, 2)
