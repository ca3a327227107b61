"""Contract tests for room logs: subclass one in a test module of yours, and pytest collects it.

    class TestMine(RoomLogContract):
        def make_store(self):
            return MyStore()

        def forget(self, log):              # only if yours ever lets go of old entries
            log.drop_oldest(10)
            return True

Imports no test framework; plain asserts. The tests append and follow from threads of their own. They pass for a log
whose entries become visible later than `append` returns: what has to be visible is waited for as a follower does.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from chatsrv.model.entries import COMINGS, LINES, Entry, Kind, Position
from chatsrv.roomlog.base import RoomLog, place_of
from chatsrv.testing.roomlog_base import DEADLINE_SECONDS, Following, await_offset, hole_of, record, start
from chatsrv.testing.roomlog_readers import ReadersContract
from chatsrv.testing.roomlog_search import SearchContract
from chatsrv.testing.roomlog_stores import StoreContract

_ALL = 1_000_000
_AUTHORS, _APPENDS, _TEXTS = 8, 40, 3


class RoomLogContract(StoreContract, SearchContract, ReadersContract):
    """What every `RoomLog` and its `LogStore` promise.

    A subclass makes the store; a test that got one closes it. In a new room the first entry has offset 1, and
    offsets count on without gaps.
    """

    # ------------------------------------------------------------------ appending

    def test_an_entry_is_kept_as_it_was_appended(self) -> None:
        """Of each kind, with unusual texts and a large origin."""
        log, origin = self.log, (1 << 62) + 1
        texts = ("", "plain", "größer 👩\u200d🚀", "two\nlines", "'; drop table --", "x" * 5000)
        for kind in Kind:
            record(log, *texts, kind=kind, author="Zoë", origin=origin)
        entries = log.read(start(log), _ALL)
        seen = [(entry.room, entry.kind, entry.author, entry.origin, entry.text) for entry in entries]
        assert seen == [("lobby", kind, "Zoë", origin, text) for kind in Kind for text in texts]
        assert all(type(entry) is Entry and type(entry.kind) is Kind for entry in entries)

    def test_what_was_appended_has_the_place_of_its_last_entry(self) -> None:
        """Positions follow one another without a gap, from 1, in the log's epoch."""
        log = self.log
        assert place_of(log.append(Kind.SAY, "alice", 1, ["a"])) == Position(log.epoch, 1)
        assert place_of(log.append(Kind.SAY, "alice", 1, ["b", "c", "d"])) == Position(log.epoch, 4)
        assert place_of(log.append(Kind.SAY, "bob", 2, ("e",))) == Position(log.epoch, 5)
        with Following(log, start(log)) as following:
            entries = following.read(5)
        assert [(entry.offset, entry.text) for entry in entries] == list(enumerate("abcde", 1))

    def test_times_are_those_of_the_clock_and_never_go_backwards(self) -> None:
        """In seconds since the Unix epoch; an hour is allowed for clocks of other machines."""
        log, began_at = self.log, time.time()
        for _ in range(50):
            log.append(Kind.SAY, "alice", 1, ["a", "b"])
        with Following(log, start(log)) as following:
            times = [entry.at for entry in following.read(100)]
        assert times == sorted(times)
        assert began_at - 3600 <= times[0] <= times[-1] <= time.time() + 3600

    def test_where_something_stands_is_noted_once_and_before_anybody_sees_it(self) -> None:
        """The very place that it has, in the order in which it was appended."""
        log = self.log
        places: list[tuple[Position, int]] = []
        with Following(log, start(log)) as following, Following(log, start(log)) as idle:

            def note(place: Position) -> None:
                places.append((place, idle.follower.lag))

            appended = [log.append(Kind.SAY, "alice", 1, ["a", "b"], note) for _ in range(20)]
            following.read(40)
        assert [place for place, _ in places] == [place_of(one) for one in appended]
        assert all(visible < place.offset - 1 for place, visible in places)

    def test_what_is_recorded_is_visible_to_whoever_waited_for_it(self) -> None:
        """At the place that it has, with all that comes before it."""
        log = self.log
        for count in range(1, 21):
            position = log.wait_until_recorded(log.append(Kind.SAY, "alice", 1, ["a", "b"]))
            assert position == log.end == Position(log.epoch, 2 * count)
            assert len(log.read(start(log), _ALL)) == 2 * count

    # ------------------------------------------------------------------ reading

    def test_reading_on_gives_what_comes_after_a_position(self) -> None:
        """Oldest first, up to the limit."""
        log = self.log
        entries = record(log, *"abcdefghij")
        assert log.read(start(log), _ALL) == entries
        for after in range(11):
            for limit in (0, 1, 3, 10, 11):
                assert log.read(Position(log.epoch, after), limit) == entries[after:][:limit]
                assert log.read_at_hand(Position(log.epoch, after), limit) in (None, entries[after:][:limit])

    def test_reading_back_gives_what_came_up_to_a_position(self) -> None:
        """Newest first, up to the limit; from beyond the end it begins with the newest of all."""
        log = self.log
        entries = record(log, *"abcdefghij")
        for before in range(11):
            for limit in (0, 1, 3, 10, 11):
                assert log.read_back(Position(log.epoch, before), limit) == entries[:before][::-1][:limit]
        assert log.read_back(Position(log.epoch, 1000), 3) == entries[:-4:-1]

    def test_picking_some_kinds_leaves_out_all_others(self) -> None:
        """Newest or oldest first, up to the limit, and nothing beyond the other end."""
        log = self.log
        entries = [record(log, f"{number}", kind=kind)[0] for number in range(3) for kind in Kind]
        for kinds in (LINES, COMINGS, frozenset({Kind.SAY})):
            picked = [entry for entry in entries if entry.kind in kinds]
            for last in (*range(0, len(entries) + 1, 4), 1000):
                for after in (0, 1, 7, len(entries)):
                    expected = [entry for entry in picked if after < entry.offset <= last]
                    for limit in (1, 3, _ALL):
                        back = log.pick_back(kinds, Position(log.epoch, last), after, limit)
                        assert back == expected[::-1][:limit], (kinds, last, after, limit)
                        on = log.pick_after(kinds, Position(log.epoch, after), last, limit)
                        assert on == expected[:limit], (kinds, last, after, limit)

    def test_the_end_is_the_last_visible_position(self) -> None:
        """Offset 0 as long as there is none."""
        log = self.log
        assert log.end == start(log)
        assert log.read(log.end, _ALL) == log.read_back(log.end, _ALL) == []
        entries = record(log, "a", "b", "c")
        assert log.end == Position(log.epoch, entries[-1].offset)

    def test_all_positions_are_of_one_epoch(self) -> None:
        """Which has a name."""
        log = self.log
        assert log.epoch
        assert {place_of(log.append(Kind.SAY, "alice", 1, ["a"])).epoch, log.end.epoch, log.epoch} == {log.epoch}

    # ------------------------------------------------------------------ holes

    def test_a_position_of_another_epoch_is_a_hole(self) -> None:
        """However small or large its offset, in every direction; reading can go on from `kept_after`."""
        log = self.log
        entries = record(log, "a", "b")
        for offset in (0, 1, 2, 1000):
            elsewhere = Position(log.epoch + "'", offset)
            for ask in _asking(log):
                hole = hole_of(ask, elsewhere)
                assert hole.missing is None
                assert log.read(Position(log.epoch, hole.kept_after), _ALL) == entries
            assert hole_of(lambda position: log.read_back(position, 1), elsewhere).missing is None
            assert hole_of(lambda position: log.pick_back(LINES, position, 0, 1), elsewhere).missing is None

    def test_a_position_beyond_the_end_is_a_hole(self) -> None:
        """Nobody was ever given it, so it must not be taken for a place where words are yet to come."""
        log = self.log
        entries = record(log, "a", "b")
        for offset in (3, 1000):
            for ask in _asking(log):
                hole = hole_of(ask, Position(log.epoch, offset))
                assert hole.missing is None
                assert log.read(Position(log.epoch, hole.kept_after), _ALL) == entries

    def test_the_place_of_what_was_appended_is_never_a_hole(self) -> None:
        """Though its entry may not be visible yet: what is read on from there comes after it."""
        log = self.log
        position = place_of(log.append(Kind.SAY, "alice", 1, ["a", "b"]))
        assert log.read(position, _ALL) == []
        with Following(log, position) as following:
            assert following.follower.cursor == position.offset
            assert following.follower.lag == 0
            assert following.read_now(_ALL) == []
            log.append(Kind.SAY, "alice", 1, ["c"])
            assert [entry.text for entry in following.read(1)] == ["c"]

    def test_what_was_let_go_of_is_a_hole_that_says_how_many_are_missing(self) -> None:
        """Reading goes on behind it without a gap, and reading back stops there."""
        log = self.log
        record(log, *"abcdefghij")
        assert all(log.is_whole(after, last) for last in range(11) for after in range(last + 1))
        if not self.forget(log):
            return
        last = place_of(log.append(Kind.SAY, "alice", 1, ["last"])).offset
        await_offset(log, last)
        kept_after = hole_of(lambda position: log.read(position, _ALL), start(log)).kept_after
        assert 0 < kept_after < last
        for ask in _asking(log):
            for offset in (0, kept_after - 1):
                hole = hole_of(ask, Position(log.epoch, offset))
                assert (hole.kept_after, hole.missing) == (kept_after, kept_after - offset)
        kept = log.read(Position(log.epoch, kept_after), _ALL)
        assert [entry.offset for entry in kept] == list(range(kept_after + 1, last + 1))
        assert log.read_back(log.end, _ALL) == log.pick_back(LINES, log.end, 0, _ALL) == kept[::-1]
        assert log.pick_after(LINES, start(log), last, _ALL) == kept
        assert log.is_whole(kept_after, last)
        assert not log.is_whole(kept_after - 1, last)
        assert log.is_whole(0, 0)
        assert log.read_back(Position(log.epoch, kept_after), _ALL) == []
        with Following(log, Position(log.epoch, kept_after)) as following:
            assert following.read(len(kept)) == kept

    def test_what_a_follower_has_not_read_is_kept_for_it(self) -> None:
        """All of it, also what the log lets go of otherwise."""
        log = self.log
        with Following(log, start(log)) as following:
            record(log, *"abcdefghij")
            assert [entry.text for entry in following.read_now(4)] == ["a", "b", "c", "d"]
            self.forget(log)
            last = place_of(log.append(Kind.SAY, "alice", 1, ["last"])).offset
            assert [entry.offset for entry in following.read(last - 4)] == list(range(5, last + 1))

    # ------------------------------------------------------------------ following

    def test_a_follower_gets_everything_once_and_in_order(self) -> None:
        """From its position on: what is there already without being woken, and then what comes."""
        log = self.log
        entries = record(log, *"abcde")
        with Following(log, Position(log.epoch, 2)) as following:
            assert following.read_now(2) == entries[2:4]
            assert following.read_now(_ALL) == entries[4:]
            assert following.read_now(_ALL) == []
            entries = record(log, *"fgh")
            assert following.read(3) == entries
            assert following.read_now(_ALL) == []

    def test_a_follower_is_woken_by_news(self) -> None:
        """Each time anew."""
        log = self.log
        with Following(log, start(log)) as following:
            for number in range(1, 51):
                log.append(Kind.SAY, "alice", 1, ["a"])
                assert following.read(1)[0].offset == number

    def test_whoever_is_woken_may_read_at_once(self) -> None:
        """`wake` is called under no lock of the log's."""
        log = self.log
        read: list[Entry] = []
        has_read = threading.Event()

        def wake() -> None:
            read.extend(log.read(Position(log.end.epoch, log.end.offset - 1), 1))
            has_read.set()

        follower = log.follow(start(log), wake)
        # A thread of its own, so that a log which waits for itself here fails this test and not the whole run.
        threading.Thread(target=log.append, args=(Kind.SAY, "alice", 1, ["a"]), daemon=True).start()
        assert has_read.wait(DEADLINE_SECONDS), "`wake` could not read the log"
        follower.close()
        assert [entry.text for entry in read] == ["a"]

    def test_lag_counts_what_is_visible_and_unread(self) -> None:
        """And `cursor` is the last offset that was read."""
        log = self.log
        with Following(log, start(log)) as following:
            assert (following.follower.cursor, following.follower.lag) == (0, 0)
            record(log, *"abcde")
            assert (following.follower.cursor, following.follower.lag) == (0, 5)
            following.read_now(2)
            assert (following.follower.cursor, following.follower.lag) == (2, 3)
            following.read_now(_ALL)
            assert (following.follower.cursor, following.follower.lag) == (5, 0)

    def test_a_closed_follower_is_not_woken_and_others_are(self) -> None:
        """One that was being woken as it closed may hear of that entry still, but of no later one."""
        log = self.log
        wakes: list[None] = []
        follower = log.follow(start(log), lambda: wakes.append(None))
        follower.close()
        record(log, "a")
        before = len(wakes)
        for _ in range(5):
            record(log, "b")  # which waits for a follower of its own to be woken
        assert len(wakes) == before

    # ------------------------------------------------------------------ many threads

    def test_all_followers_see_the_same_order_while_many_append(self) -> None:
        """Nothing lost, doubled or reordered, and what one call appends stays together."""
        log = self.log
        total = _AUTHORS * _APPENDS * _TEXTS
        with Following(log, start(log)) as first, Following(log, start(log)) as second:
            with ThreadPoolExecutor(_AUTHORS + 2) as pool:
                reading = [pool.submit(first.read, total, 1), pool.submit(second.read, total, 7)]
                appending = [pool.submit(self._append_many, log, author) for author in range(_AUTHORS)]
                appended = [position for author in appending for position in author.result()]
                entries, same = (reader.result() for reader in reading)
            assert first.read_now(_ALL) == second.read_now(_ALL) == []
        assert entries == same == log.read(start(log), _ALL)
        assert [entry.offset for entry in entries] == list(range(1, total + 1))
        assert [entry.at for entry in entries] == sorted(entry.at for entry in entries)
        assert len(appended) == _AUTHORS * _APPENDS
        for origin, texts, position in appended:
            part = entries[position.offset - _TEXTS : position.offset]
            assert [(entry.origin, entry.text) for entry in part] == [(origin, text) for text in texts]
        for author in range(_AUTHORS):
            offsets = [position.offset for origin, _, position in appended if origin == author]
            assert offsets == sorted(offsets)

    def test_entries_become_visible_in_order_only(self) -> None:
        """Whoever sees one sees all before it, and the end never goes back."""
        log = self.log
        total = _AUTHORS * _APPENDS * _TEXTS
        with Following(log, start(log)) as following, ThreadPoolExecutor(_AUTHORS) as pool:
            appending = [pool.submit(self._append_many, log, author) for author in range(_AUTHORS)]
            seen = 0
            while seen < total:
                seen += len(following.read(1, _ALL))
                end = log.end.offset
                visible = log.read(start(log), _ALL)
                assert seen <= end <= len(visible)
                assert [entry.offset for entry in visible] == list(range(1, len(visible) + 1))
            for author in appending:
                author.result()
        assert log.end.offset == total

    def test_followers_come_and_go_while_others_append(self) -> None:
        """Each gets what comes after its position, and closing one disturbs nobody."""
        log = self.log
        last = Position(log.epoch, _AUTHORS * _APPENDS * _TEXTS)

        def follow_and_close(_: int) -> None:
            after = log.end
            with Following(log, after) as following:
                count = min(20, last.offset - after.offset)
                offsets = [entry.offset for entry in following.read(count, 5)]
            assert offsets[:count] == list(range(after.offset + 1, after.offset + count + 1))

        with ThreadPoolExecutor(_AUTHORS + 4) as pool:
            appending = [pool.submit(self._append_many, log, author) for author in range(_AUTHORS)]
            for following in [pool.submit(follow_and_close, number) for number in range(40)]:
                following.result()
            for author in appending:
                author.result()

    @staticmethod
    def _append_many(log: RoomLog, author: int) -> list[tuple[int, list[str], Position]]:
        appended = []
        for number in range(_APPENDS):
            texts = [f"{author}/{number}/{part}" for part in range(_TEXTS)]
            appended.append((author, texts, log.append(Kind.SAY, f"author{author}", author, texts)))
        return [(author, texts, place_of(place)) for author, texts, place in appended]


def _asking(log: RoomLog) -> tuple[Callable[[Position], object], ...]:
    """Return all ways to read on from a position."""
    return (
        lambda position: log.read(position, _ALL),
        lambda position: log.read_at_hand(position, _ALL),
        lambda position: Following(log, position),
    )
