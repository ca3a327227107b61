"""Contract tests for what a store of room logs keeps about readers; part of `chatsrv.testing.roomlog`."""

from concurrent.futures import ThreadPoolExecutor

from chatsrv.model.entries import Bookmark, Position
from chatsrv.testing.roomlog_base import LogContract, record

_ACCOUNTS = 5000
_THREADS = 8


class ReadersContract(LogContract):
    """What every `LogStore` promises of bookmarks, and of who wants to be told what they missed."""

    def test_there_is_no_bookmark_before_one_is_kept(self) -> None:
        """Of no account, and of no room, be it open or not."""
        record(self.log, "a")
        assert self.store.bookmark("alice", "lobby") is None
        assert self.store.bookmark("alice", "unheard-of") is None
        self.store.keep_bookmark("alice", "lobby", Bookmark(self.log.end, 7))
        assert self.store.bookmark("bob", "lobby") is None
        assert self.store.bookmark("alice", "unheard-of") is None

    def test_a_bookmark_is_kept_as_it_was_given(self) -> None:
        """For each account and room its own; at the beginning of a room without entries too."""
        here, there = self.store.open("lobby"), self.store.open("кухня")
        record(here, "a", "b")
        given = {
            ("alice", "lobby"): Bookmark(here.end, 1),
            ("bob", "lobby"): Bookmark(Position(here.epoch, 1), (1 << 62) + 1),
            ("zoë", "кухня"): Bookmark(there.end, 3),
        }
        for (account, room), bookmark in given.items():
            self.store.keep_bookmark(account, room, bookmark)
        assert {key: self.store.bookmark(*key) for key in given} == given

    def test_the_bookmark_that_was_kept_last_counts(self) -> None:
        """Wherever it points to: the store compares nothing."""
        log = self.log
        record(log, *"abcde")
        for offset in (1, 5, 3, 3, 0):
            bookmark = Bookmark(Position(log.epoch, offset), offset)
            self.store.keep_bookmark("alice", "lobby", bookmark)
            assert self.store.bookmark("alice", "lobby") == bookmark

    def test_a_bookmark_of_another_epoch_is_given_back_as_it_is(self) -> None:
        """Reading on from it is then a hole, which the log tells."""
        bookmark = Bookmark(Position(self.log.epoch + "'", 12), 3)
        self.store.keep_bookmark("alice", "lobby", bookmark)
        assert self.store.bookmark("alice", "lobby") == bookmark

    def test_where_somebody_begins_is_a_bookmark_as_any_other(self) -> None:
        """The next one replaces it, wherever that points to."""
        log = self.log
        record(log, *"abc")
        for offset, keep in ((2, self.store.keep_first_bookmark), (1, self.store.keep_bookmark)):
            bookmark = Bookmark(Position(log.epoch, offset), offset)
            keep("alice", "lobby", bookmark)
            assert self.store.bookmark("alice", "lobby") == bookmark

    def test_everybody_may_keep_bookmarks_at_once(self) -> None:
        """From many threads, while entries are appended; nothing is lost or mixed up."""
        log, store = self.log, self.store
        record(log, "a")

        def keep(number: int) -> None:
            store.keep_bookmark(f"account{number}", "lobby", Bookmark(Position(log.epoch, number), number))

        with ThreadPoolExecutor(_THREADS) as pool:
            keeping = pool.map(keep, range(_ACCOUNTS))
            record(log, *["b"] * 100)
            assert list(keeping) == [None] * _ACCOUNTS
        kept = [store.bookmark(f"account{number}", "lobby") for number in range(_ACCOUNTS)]
        assert kept == [Bookmark(Position(log.epoch, number), number) for number in range(_ACCOUNTS)]

    def test_everybody_is_caught_up_until_he_says_otherwise(self) -> None:
        """Each account for itself, and it may change its mind."""
        store = self.store
        assert store.is_caught_up("alice")
        for is_wanted in (False, True, False, False):
            store.keep_caught_up("alice", is_wanted)
            assert store.is_caught_up("alice") == is_wanted
            assert store.is_caught_up("bob")
