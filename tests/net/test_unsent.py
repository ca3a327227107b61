"""What is kept for slow readers of all rooms is bounded: those give way first for whom most is kept."""

import gc
from collections.abc import Iterator

import pytest

from chatsrv.model.entries import Entry, Kind, Position
from chatsrv.model.limits import Limits
from chatsrv.model.reasons import Reason
from chatsrv.net.delivery.connection import Connection
from chatsrv.net.delivery.delivery import Delivery
from chatsrv.net.delivery.feed import PACE_BYTES, PACE_ENTRIES, Feed
from chatsrv.net.delivery.tail import BATCH_OVERHEAD_BYTES, Tail
from chatsrv.net.delivery.unsent import Unsent
from chatsrv.roomlog.memory import MemoryStore
from chatsrv.roomlog.shelf import ENTRY_BYTES
from tests.net.links import FakeSocket, Link, TextRenderer, delivering, linked, reader, say

RENDERER = TextRenderer()
MIB = 1 << 20
LEAST = 16 * MIB
"""The least that `limits.memory_bytes` may be; a quarter of it is for slow readers."""


@pytest.fixture
def delivery() -> Iterator[Delivery]:
    delivery = Delivery()  # which never starts: the test is the delivery thread
    yield delivery
    delivery.stop()


def tail_with_reader_behind(delivery: Delivery, unsent: Unsent, room: str) -> tuple[Tail, Connection]:
    tail = Tail(MemoryStore().open(room), RENDERER, 0, MIB, unsent.keep)
    connection = reader(delivery, RENDERER, FakeSocket(0))
    tail.add(connection)
    return tail, connection


def hand_out(tail: Tail, *texts: str) -> None:
    tail.fan_out(tail.render([Entry(tail.rendered + 1, 1.0, "lobby", Kind.SAY, "x", 0, text) for text in texts]))


# ---------------------------------------------------------------------- counting


def test_what_a_tail_keeps_is_counted_until_nobody_needs_it(delivery: Delivery) -> None:
    unsent = Unsent(MIB)
    tail, connection = tail_with_reader_behind(delivery, unsent, "lobby")
    for _ in range(3):
        hand_out(tail, "x" * 1000)
    assert unsent.tail_bytes == 3 * (1001 + BATCH_OVERHEAD_BYTES)
    assert unsent.tails() == [tail]
    tail.resume(connection)
    tail.draw_level(connection)
    assert unsent.is_nothing


def test_what_the_slowest_reader_of_a_tail_has_been_sent_is_forgotten_before_anybody_gives_way(
    delivery: Delivery,
) -> None:
    unsent = Unsent(MIB)
    tail, connection = tail_with_reader_behind(delivery, unsent, "lobby")
    hand_out(tail, "sent")
    tail.resume(connection)
    hand_out(tail, "to be sent")
    tail.forget_read()
    assert unsent.tail_bytes == len("to be sent\n") + BATCH_OVERHEAD_BYTES
    assert tail.resume(connection) == b"to be sent\n"


def test_a_tail_that_is_shortened_names_those_who_lose_something_and_no_others(delivery: Delivery) -> None:
    unsent = Unsent(MIB)
    tail, slow = tail_with_reader_behind(delivery, unsent, "lobby")
    hand_out(tail, "x" * 1000)
    less_slow = reader(delivery, RENDERER, FakeSocket(0))
    tail.add(less_slow)
    for _ in range(3):
        hand_out(tail, "x" * 1000)
    assert tail.shorten() == [slow]
    assert unsent.tail_bytes == 3 * (1001 + BATCH_OVERHEAD_BYTES)


def test_a_buffer_that_several_share_is_counted_once(delivery: Delivery) -> None:
    unsent, data = Unsent(MIB), b"x" * 1000
    readers = [reader(delivery, RENDERER, FakeSocket(0)) for _ in range(3)]
    for connection in readers:
        connection.leftover = memoryview(data)[10:]
        unsent.note(connection)
        unsent.note(connection)
    assert unsent.own_bytes == 1000
    for connection in readers:
        assert unsent.own_bytes == 1000
        unsent.forget(connection)
    assert unsent.is_nothing


def test_replies_are_counted_beside_what_is_left_over(delivery: Delivery) -> None:
    unsent = Unsent(MIB)
    connection = reader(delivery, RENDERER, FakeSocket(0))
    connection.leftover = memoryview(b"x" * 1000)[999:]
    connection.outbox.put(b"y" * 500)
    unsent.note(connection)
    assert unsent.own_bytes == 1500
    connection.leftover = b""
    connection.outbox.take()
    unsent.note_again(connection)
    assert unsent.is_nothing


def test_who_has_taken_nothing_for_the_longest_time_is_the_slowest(delivery: Delivery) -> None:
    unsent = Unsent(MIB)
    catching_up, slow, slower = (reader(delivery, RENDERER, FakeSocket(0)) for _ in range(3))
    slow.is_stalled, slow.progress_at = True, 2.0
    slower.is_stalled, slower.progress_at = True, 1.0
    for connection in (catching_up, slow, slower):
        connection.outbox.put(b"x")
        unsent.note(connection)
    for expected in (slower, slow, catching_up):
        assert unsent.slowest() is expected
        unsent.forget(expected)
    assert unsent.slowest() is None


# ---------------------------------------------------------------------- delivery


def unsent_of(delivery: Delivery) -> Unsent:
    return delivery.unsent


def await_level(delivery: Delivery) -> None:
    """Return when delivery has done all that was asked of it before."""
    with linked(delivery):
        pass


def talk(delivery: Delivery, rooms: list, fast: Link, lines: int) -> None:
    """Say so many long lines in each room, at the pace of a reader who reads."""
    for number in range(lines):
        for log in rooms:
            say(log, f"{log.room} {number} " + "x" * 10_000)
        fast.read(f"{rooms[-1].room} {number} " + "x" * 10_000)


def test_one_slow_reader_of_many_rooms_is_hung_up_before_all_of_them_keep_what_they_may() -> None:
    store = MemoryStore()
    rooms = [store.open(f"room{number}") for number in range(20)]
    limits = Limits(memory_bytes=LEAST, stall_seconds=3600)
    with delivering(limits) as delivery, linked(delivery, 2) as [slow, fast]:
        for log in rooms:
            for link in (slow, fast):
                delivery.subscribe(link.connection, log, log.end, is_marked=log is not rooms[0])
        most = 0
        for _ in range(10):
            talk(delivery, rooms, fast, 3)
            unsent = unsent_of(delivery)
            most = max(most, unsent.tail_bytes + unsent.own_bytes)
        slow.finish()
        assert slow.connection.reason is Reason.TOO_SLOW
        assert limits.unsent_bytes / 2 < most <= limits.unsent_bytes + MIB
        assert fast.connection.reason is None
        await_level(delivery)
        assert unsent_of(delivery).is_nothing


def test_a_slow_reader_of_a_quiet_room_stays_when_one_of_a_busy_room_gives_way() -> None:
    store = MemoryStore()
    busy, quiet = store.open("busy"), store.open("quiet")
    limits = Limits(memory_bytes=LEAST, stall_seconds=3600, tail_bytes=1 << 30)
    with delivering(limits) as delivery, linked(delivery, 3) as [slow, patient, fast]:
        for link, logs in ((slow, [busy]), (patient, [quiet]), (fast, [busy, quiet])):
            for log in logs:
                delivery.subscribe(link.connection, log, log.end)
        talk(delivery, [quiet], fast, 40)
        talk(delivery, [busy], fast, 600)
        slow.finish()
        assert slow.connection.reason is Reason.TOO_SLOW
        assert patient.connection.reason is None
        say(quiet, "end")
        assert patient.read("end").count("\n") == 41


def test_a_crowd_that_asks_and_reads_nothing_is_hung_up_where_it_takes_too_much_in_all() -> None:
    limits = Limits(memory_bytes=LEAST, stall_seconds=3600)
    with delivering(limits) as delivery, linked(delivery, 100) as links:
        for link in links:
            link.connection.outbox.put(b"y" * 150_000)
            delivery.reply(link.connection, 1)
        await_level(delivery)
        ended = [link for link in links if link.connection.reason is Reason.TOO_SLOW]
        unsent = unsent_of(delivery)
        assert unsent.own_bytes <= limits.unsent_bytes
        assert len(ended) >= 100 - limits.unsent_bytes // 150_000
        assert len(ended) < 90


def test_nothing_counts_any_more_of_those_who_have_gone() -> None:
    log = MemoryStore().open("lobby")
    with delivering(Limits(stall_seconds=3600)) as delivery:
        with linked(delivery, 3) as [slow, asking, fast]:
            for link in (slow, fast):
                delivery.subscribe(link.connection, log, log.end)
            talk(delivery, [log], fast, 30)
            asking.connection.post(b"y" * 2 * MIB)
            await_level(delivery)
            unsent = unsent_of(delivery)
            assert unsent.tail_bytes
            assert unsent.own_bytes
        assert unsent.is_nothing


def test_an_author_waits_while_readers_have_been_sent_few_entries_but_far_fewer_bytes() -> None:
    store = MemoryStore()
    log = store.open("lobby")
    feed = Feed(log, log.end, 1000, lambda _: None)
    line = "x" * 60_000
    most = PACE_BYTES // (len(line) + ENTRY_BYTES)
    assert most < PACE_ENTRIES
    say(log, *[line] * most)
    feed.pace()  # which does not wait
    say(log, line)
    assert feed.is_ahead
    feed.read(1)
    assert not feed.is_ahead
    assert log.end == Position(log.epoch, most + 1)


def test_somebody_who_is_always_a_little_behind_makes_nobody_keep_what_he_has_been_sent(delivery: Delivery) -> None:
    unsent = Unsent(MIB)
    tail, connection = tail_with_reader_behind(delivery, unsent, "lobby")
    for _ in range(1000):
        hand_out(tail, "x")
        hand_out(tail, "x")
        tail.resume(connection)
        hand_out(tail, "x")
    assert unsent.tail_bytes < 200 * BATCH_OVERHEAD_BYTES


def test_what_is_kept_of_an_author_who_has_gone_does_not_hold_the_session(delivery: Delivery) -> None:
    tail, slow = tail_with_reader_behind(delivery, Unsent(MIB), "lobby")
    author = reader(delivery, RENDERER, FakeSocket())
    tail.add(author)
    tail.fan_out(tail.render([Entry(1, 1.0, "lobby", Kind.SAY, "x", author.origin, "his own")]))
    tail.resume(author)
    tail.remove(author)
    assert not any(each is tail or isinstance(each, (dict, list)) for each in gc.get_referrers(author))
    assert tail.resume(slow) == b"his own\n"
