"""Behaviour of chatsrv.net.delivery.feed: reading on for many, arriving at a place not read yet, pacing authors."""

import threading
from collections.abc import Iterator

import pytest

from chatsrv.model.entries import Position
from chatsrv.net.delivery.connection import Subscription
from chatsrv.net.delivery.delivery import Delivery
from chatsrv.net.delivery.feed import PACE_ENTRIES, Feed
from chatsrv.roomlog.memory import MemoryStore
from tests.net.links import TextRenderer, reader, say
from tests.peer import DEADLINE_SECONDS
from tests.roomlog.late import LateRoomLog, LateStore

RENDERER = TextRenderer()
ALL = 1_000_000


@pytest.fixture
def delivery() -> Iterator[Delivery]:
    delivery = Delivery()  # which never starts: the test is the delivery thread
    yield delivery
    delivery.stop()


@pytest.fixture
def log() -> LateRoomLog:
    return LateStore().open("lobby")


def feed_of(log: LateRoomLog, news: list[Feed] | None = None) -> Feed:
    """Return a feed from the log's start; it appends itself to `news` when it is announced."""
    announced = [] if news is None else news
    return Feed(log, Position(log.epoch, 0), 1000, announced.append)


def subscription(delivery: Delivery, log: LateRoomLog, renderer: TextRenderer = RENDERER) -> Subscription:
    """Return somebody who is to read the log."""
    connection = reader(delivery, renderer)
    made = connection.subscribe(log, is_marked=False, is_held=False)
    assert made
    return made


def read(feed: Feed, limit: int = ALL) -> list[str]:
    return [entry.text for entry in feed.read(limit)]


def test_news_is_announced_once_until_it_is_read(log: LateRoomLog) -> None:
    news: list[Feed] = []
    feed = feed_of(log, news)
    for text in "abc":
        say(log, text)
        log.show()
    assert news == [feed]
    assert read(feed) == ["a", "b", "c"]
    say(log, "d")
    log.show()
    assert news == [feed, feed]


def test_a_feed_reads_up_to_a_limit_and_knows_whether_there_is_more(log: LateRoomLog) -> None:
    feed = feed_of(log)
    assert not feed.has_more
    say(log, *"abc")
    log.show()
    assert read(feed, 2) == ["a", "b"]
    assert feed.has_more
    assert read(feed, 2) == ["c"]
    assert not feed.has_more
    assert feed.cursor == 3


def test_one_who_is_expected_arrives_exactly_at_his_place(delivery: Delivery, log: LateRoomLog) -> None:
    feed = feed_of(log)
    newcomer = subscription(delivery, log)
    say(log, *"abc")
    feed.expect(newcomer, 2)  # of which nothing is visible yet
    assert read(feed) == []
    assert feed.arrived() == []
    log.show(1)
    assert read(feed) == ["a"]
    assert feed.arrived() == []
    log.show()
    assert read(feed) == ["b"]
    assert feed.arrived() == [newcomer]
    assert feed.arrived() == []
    assert read(feed) == ["c"]


def test_everybody_who_is_expected_arrives_at_a_place_of_his_own(delivery: Delivery, log: LateRoomLog) -> None:
    feed = feed_of(log)
    first, second, third = (subscription(delivery, log) for _ in range(3))
    say(log, *"abcd")
    log.show()
    for newcomer, offset in ((second, 3), (first, 1), (third, 3)):
        feed.expect(newcomer, offset)
    assert read(feed) == ["a"]
    assert feed.arrived() == [first]
    assert read(feed) == ["b", "c"]
    assert feed.arrived() == [second, third]
    assert read(feed) == ["d"]


def test_what_a_late_subscriber_missed_is_read_up_to_the_cursor(log: LateRoomLog) -> None:
    feed = feed_of(log)
    say(log, *"abcde")
    log.show()
    feed.read(4)
    assert [entry.text for entry in feed.entries_after(Position(log.epoch, 1))] == ["b", "c", "d"]
    assert feed.entries_after(Position(log.epoch, 4)) == []


def test_readers_of_one_wire_format_share_a_tail(delivery: Delivery, log: LateRoomLog) -> None:
    feed = feed_of(log)
    one, same, other = (subscription(delivery, log, renderer) for renderer in (RENDERER, RENDERER, TextRenderer()))
    assert feed.add(one) is feed.add(same)
    assert feed.add(other) is not feed.add(subscription(delivery, log))
    assert len(feed.tails()) == 2


def test_a_feed_follows_until_its_last_reader_is_gone(delivery: Delivery, log: LateRoomLog) -> None:
    feed = feed_of(log)
    one, other = subscription(delivery, log), subscription(delivery, log, TextRenderer())
    tails = feed.add(one), feed.add(other)
    assert not feed.remove(one)
    assert feed.tails() == [tails[1]]
    assert log.followers
    assert feed.remove(other)
    assert feed.tails() == []
    assert log.followers == ()


def test_who_is_level_may_be_given_another_wire_format_between_two_batches(
    delivery: Delivery, log: LateRoomLog
) -> None:
    feed = feed_of(log)
    stays, moves = subscription(delivery, log), subscription(delivery, log)
    for one in (stays, moves):
        feed.add(one).draw_level(one.connection)
    moves.renderer = TextRenderer()
    feed.move(moves)
    assert [list(tail.level) for tail in feed.tails()] == [[stays.connection], [moves.connection]]
    stays.renderer = moves.renderer
    feed.move(stays)
    assert [list(tail.level) for tail in feed.tails()] == [[moves.connection, stays.connection]]
    assert log.followers


def test_a_feed_follows_while_it_expects_somebody(delivery: Delivery, log: LateRoomLog) -> None:
    feed = feed_of(log)
    say(log, "a")
    feed.expect(subscription(delivery, log), 1)
    assert not feed.close_if_unread()
    log.show()
    feed.read(1)
    assert feed.arrived()
    assert feed.close_if_unread()
    assert log.followers == ()


def test_a_closed_feed_is_not_told_of_news_and_has_no_more(log: LateRoomLog) -> None:
    news: list[Feed] = []
    feed = feed_of(log, news)
    assert feed.close_if_unread()
    say(log, "a")
    log.show()
    assert news == []
    assert not feed.has_more


def test_an_author_waits_until_readers_have_been_sent_most_of_what_was_written() -> None:
    log = MemoryStore().open("lobby")
    feed = Feed(log, log.end, 1000, lambda _: None)
    say(log, *["x"] * (PACE_ENTRIES + 500))
    lag_then: list[int] = []
    is_pacing = threading.Event()

    def write() -> None:
        is_pacing.set()
        feed.pace()
        lag_then.append(log.end.offset - feed.cursor)

    author = threading.Thread(target=write)
    author.start()
    assert is_pacing.wait(DEADLINE_SECONDS)
    while feed.read(1):  # slowly, so that an author who does not wait is seen to be early
        pass
    author.join(DEADLINE_SECONDS)
    assert lag_then
    assert lag_then[0] <= PACE_ENTRIES


def test_an_author_does_not_wait_for_what_is_within_bounds() -> None:
    log = MemoryStore().open("lobby")
    feed = Feed(log, log.end, 1000, lambda _: None)
    say(log, *["x"] * PACE_ENTRIES)
    feed.pace()
    assert feed.read(1)


def test_authors_who_wait_go_on_when_the_feed_is_closed() -> None:
    log = MemoryStore().open("lobby")
    feed = Feed(log, log.end, 1000, lambda _: None)
    say(log, *["x"] * (2 * PACE_ENTRIES))
    authors = [threading.Thread(target=feed.pace) for _ in range(3)]
    for author in authors:
        author.start()
    feed.close_if_unread()
    for author in authors:
        author.join(DEADLINE_SECONDS)
        assert not author.is_alive()
    feed.pace()
