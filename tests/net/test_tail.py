"""Behaviour of chatsrv.net.delivery.tail: level, behind, left over; batches kept only for those behind."""

from collections.abc import Iterator

import pytest

from chatsrv.model.changes import Change, What
from chatsrv.model.entries import Entry, Kind
from chatsrv.net.delivery.connection import Connection
from chatsrv.net.delivery.delivery import Delivery
from chatsrv.net.delivery.tail import BATCH_BYTES, Batch, Tail
from chatsrv.net.receipts.trail import Note
from chatsrv.net.wire import GONE
from chatsrv.protocols.base import Renderer
from chatsrv.protocols.plain import PlainProtocol
from chatsrv.roomlog.memory import MemoryStore
from tests.net.links import EchoRenderer, FakeSocket, TextRenderer, reader

LIMIT_BYTES = 1000
RENDERER = TextRenderer()
LOG = MemoryStore().open("lobby")


@pytest.fixture
def delivery() -> Iterator[Delivery]:
    delivery = Delivery()  # which never starts: the test is the delivery thread
    yield delivery
    delivery.stop()


class UnseenRenderer(TextRenderer):
    """Shows nothing of what is called unseen."""

    def render(self, entry: Entry) -> bytes:
        return b"" if entry.text == "unseen" else super().render(entry)


def level_reader(delivery: Delivery, tail: Tail, sock: FakeSocket) -> Connection:
    connection = reader(delivery, RENDERER, sock)
    tail.add(connection)
    tail.draw_level(connection)
    return connection


def entries(first: int, *texts: str, origin: int = 0) -> list[Entry]:
    return [Entry(offset, 1.0, "lobby", Kind.SAY, "x", origin, text) for offset, text in enumerate(texts, first)]


def batch(tail: Tail, *texts: str, origin: int = 0) -> Batch:
    """Return the tail's next entries, rendered."""
    return tail.render(entries(tail.rendered + 1, *texts, origin=origin))


def read_up(tail: Tail, connection: Connection) -> bytes:
    """Return all that a reader who is behind is sent, until he is level."""
    data = b""
    while part := tail.resume(connection):
        data += part
    tail.draw_level(connection)
    return data


def test_who_ignores_nobody_who_speaks_costs_nothing(delivery: Delivery) -> None:
    class Ignored(frozenset[str]):
        """Counts how often it is asked."""

        asked = 0

        def __contains__(self, key: object) -> bool:
            Ignored.asked += 1
            return super().__contains__(key)

    tail = Tail(LOG, RENDERER, 0, LIMIT_BYTES)
    for _ in range(50):
        connection = level_reader(delivery, tail, FakeSocket())
        connection.ignored = Ignored({"y"})
        tail.ignore(connection)
    assert batch(tail, *"abcdef").sent.omitted == {}
    assert Ignored.asked == 0


def test_who_ignores_several_is_spared_the_words_of_all_of_them_until_he_hears_them_again(delivery: Delivery) -> None:
    tail, own, other = Tail(LOG, RENDERER, 0, LIMIT_BYTES), FakeSocket(), FakeSocket()
    connection, listener = (level_reader(delivery, tail, sock) for sock in (own, other))
    words = [
        Entry(offset, 1.0, "lobby", Kind.SAY, author, connection.origin if author == "me" else 0, f"{author}{offset}")
        for offset, author in enumerate(("x", "me", "y", "z", "x", "me"), 1)
    ]
    for ignored, seen in (
        ({"x"}, b"y3\nz4\n"),
        ({"x", "y"}, b"z4\n"),
        (set(), b"x1\ny3\nz4\nx5\n"),
    ):
        connection.ignored = frozenset(ignored)
        tail.ignore(connection)
        made = tail.render(words)
        assert (made.data_for(connection), made.data_for(listener)) == (seen, made.data)
    connection.ignored = frozenset({"x"})
    tail.ignore(connection)
    tail.remove(connection)
    assert tail.render(words).sent.omitted == {}


def test_one_set_of_ignored_accounts_serves_all_sessions_of_whoever_ignores_them(delivery: Delivery) -> None:
    class Ignored(frozenset[str]):
        """Counts how often it is gone through."""

        rounds = 0

        def __iter__(self) -> Iterator[str]:
            Ignored.rounds += 1
            return super().__iter__()

    tail, many = Tail(LOG, RENDERER, 0, LIMIT_BYTES), [f"user{number}" for number in range(1000)]
    connections = [level_reader(delivery, tail, FakeSocket()) for _ in range(50)]
    Ignored.rounds = 0
    for ignored in (Ignored({*many}), Ignored({*many, "x"}), Ignored(many)):
        for connection in connections:
            connection.ignored = ignored
            tail.ignore(connection)
        made = batch(tail, "hello")
        assert {made.data_for(connection) for connection in connections} == {b"" if "x" in ignored else b"hello\n"}
    assert Ignored.rounds <= 3  # once for each batch, at most


class Odd(TextRenderer):
    """Has the words of a decision in two places."""

    def render(self, entry: Entry) -> bytes:
        text = Change.decode(entry.text).text
        return f"{text} {entry.author} {text}\n".encode()


@pytest.mark.parametrize(
    ("renderer", "seen"),
    [
        (PlainProtocol.writer.renderer, b"*** x kicked bob\n*** x changed the topic\n*** x cleared the topic\n"),
        (Odd(), b""),
    ],
)
def test_of_what_somebody_ignored_decides_the_words_are_left_out_or_all_of_it(
    renderer: Renderer, seen: bytes, delivery: Delivery
) -> None:
    tail = Tail(LOG, renderer, 0, LIMIT_BYTES)
    connection = level_reader(delivery, tail, FakeSocket())
    connection.ignored = frozenset({"x"})
    tail.ignore(connection)
    changes = (
        Change(What.KICK, "lobby", "bob", text="psst: \N{SNOWMAN}"),
        Change(What.TOPIC, "lobby", text="to: psst"),
        Change(What.TOPIC, "lobby"),
    )
    entries = [
        Entry(offset, 1.0, "lobby", Kind.CHANGE, "x", 0, change.encode()) for offset, change in enumerate(changes, 1)
    ]
    assert tail.render(entries[: 3 if seen else 2]).data_for(connection) == seen


def test_those_who_are_level_get_each_batch(delivery: Delivery) -> None:
    tail, one, other = Tail(LOG, RENDERER, 0, LIMIT_BYTES), FakeSocket(), FakeSocket()
    level_reader(delivery, tail, one)
    level_reader(delivery, tail, other)
    assert tail.fan_out(batch(tail, "a", "b")) == []
    assert tail.fan_out(batch(tail, "c")) == []
    assert one.taken == other.taken == b"a\nb\nc\n"
    assert tail.rendered == 3


def test_whoever_cannot_take_all_is_reported_with_how_much_he_took(delivery: Delivery) -> None:
    tail = Tail(LOG, RENDERER, 0, LIMIT_BYTES)
    some, none, gone = FakeSocket(2), FakeSocket(0), FakeSocket(fails=True)
    one, two, three = (level_reader(delivery, tail, sock) for sock in (some, none, gone))
    fine = FakeSocket()
    level_reader(delivery, tail, fine)
    assert tail.fan_out(batch(tail, "abc")) == [(one, b"abc\n", 2), (two, b"abc\n", 0), (three, b"abc\n", GONE)]
    assert (some.taken, none.taken, fine.taken) == (b"ab", b"", b"abc\n")


def test_an_author_is_spared_his_own_lines_alone(delivery: Delivery) -> None:
    tail, own, other = Tail(LOG, RENDERER, 0, LIMIT_BYTES), FakeSocket(), FakeSocket()
    author = level_reader(delivery, tail, own)
    level_reader(delivery, tail, other)
    mixed = [*entries(1, "a"), *entries(2, "mine", "too", origin=author.origin), *entries(4, "b")]
    assert tail.fan_out(tail.render(mixed)) == []
    assert tail.fan_out(batch(tail, "only mine", origin=author.origin)) == []
    assert own.taken == b"a\nb\n"
    assert other.taken == b"a\nmine\ntoo\nb\nonly mine\n"
    assert author in tail.level


def test_an_author_who_cannot_take_the_lines_of_others_is_reported_with_those(delivery: Delivery) -> None:
    tail, own = Tail(LOG, RENDERER, 0, LIMIT_BYTES), FakeSocket(1)
    author = level_reader(delivery, tail, own)
    mixed = [*entries(1, "mine", origin=author.origin), *entries(2, "abc")]
    assert tail.fan_out(tail.render(mixed)) == [(author, b"abc\n", 1)]


def test_a_wire_format_that_echoes_spares_nobody_anything(delivery: Delivery) -> None:
    tail, own = Tail(LOG, EchoRenderer(), 0, LIMIT_BYTES), FakeSocket()
    author = level_reader(delivery, tail, own)
    tail.fan_out(batch(tail, "mine", origin=author.origin))
    assert own.taken == b"mine\n"


def test_one_who_fell_behind_is_sent_what_came_since_once_and_is_level_then(delivery: Delivery) -> None:
    tail, sock = Tail(LOG, RENDERER, 0, LIMIT_BYTES), FakeSocket(0)
    slow = level_reader(delivery, tail, sock)
    [(connection, leftover, sent)] = tail.fan_out(batch(tail, "left over"))
    assert (connection, leftover, sent) == (slow, b"left over\n", 0)
    tail.fall_behind(slow)
    assert tail.fan_out(batch(tail, "a", "b")) == []
    assert tail.fan_out(batch(tail, "mine", "c", origin=slow.origin)) == []
    tail.fan_out(batch(tail, "d"))
    assert read_up(tail, slow) == b"a\nb\nd\n"
    sock.takes = 100
    tail.fan_out(batch(tail, "live"))
    assert sock.taken == b"live\n"


def test_one_who_falls_behind_twice_keeps_his_place(delivery: Delivery) -> None:
    tail = Tail(LOG, RENDERER, 0, LIMIT_BYTES)
    slow = level_reader(delivery, tail, FakeSocket(0))
    tail.fan_out(batch(tail, "left over"))
    tail.fall_behind(slow)
    tail.fan_out(batch(tail, "a"))
    tail.fall_behind(slow)
    assert read_up(tail, slow) == b"a\n"


def test_a_new_reader_is_behind_at_what_was_rendered_last(delivery: Delivery) -> None:
    tail = Tail(LOG, RENDERER, 0, LIMIT_BYTES)
    tail.add(reader(delivery, RENDERER))
    tail.fan_out(batch(tail, "before"))
    newcomer = reader(delivery, RENDERER)
    tail.add(newcomer)
    assert tail.behind[newcomer] == 1
    tail.fan_out(batch(tail, "after"))
    assert read_up(tail, newcomer) == b"after\n"


def test_a_reader_who_is_far_behind_is_sent_a_bounded_part_at_once(delivery: Delivery) -> None:
    tail = Tail(LOG, RENDERER, 0, 100 * BATCH_BYTES)
    slow = reader(delivery, RENDERER)
    tail.add(slow)
    for number in range(100):
        tail.fan_out(batch(tail, str(number) * 5000))
    parts = list(iter(lambda: tail.resume(slow), b""))
    assert b"".join(parts) == b"".join(f"{number}".encode() * 5000 + b"\n" for number in range(100))
    assert len(parts) > 5
    assert max(map(len, parts)) <= BATCH_BYTES + 10_001


def test_batches_are_kept_only_while_somebody_is_behind(delivery: Delivery) -> None:
    tail = Tail(LOG, RENDERER, 0, LIMIT_BYTES)
    level_reader(delivery, tail, FakeSocket())
    for _ in range(20):
        tail.fan_out(batch(tail, "x" * 100))  # far more than the limit, if it was kept
    slow, slower = reader(delivery, RENDERER), reader(delivery, RENDERER)
    tail.add(slow)
    tail.add(slower)
    for _ in range(2):
        for _ in range(8):
            tail.fan_out(batch(tail, "x" * 100))
        assert tail.fallen_off() == []
        assert len(read_up(tail, slow)) == len(read_up(tail, slower)) == 808
        tail.fall_behind(slow)
        tail.fall_behind(slower)
    tail.remove(slow)
    tail.remove(slower)
    newcomer = reader(delivery, RENDERER)
    tail.add(newcomer)
    for _ in range(8):
        tail.fan_out(batch(tail, "x" * 100))
    assert tail.fallen_off() == []


def test_over_the_limit_a_quarter_is_dropped_and_only_those_who_needed_it_fall_off(delivery: Delivery) -> None:
    tail = Tail(LOG, RENDERER, 0, LIMIT_BYTES)
    slowest, slow = reader(delivery, RENDERER), reader(delivery, RENDERER)
    tail.add(slowest)
    for _ in range(4):
        tail.fan_out(batch(tail, "x" * 99))
    tail.add(slow)
    for number in range(6):
        tail.fan_out(batch(tail, str(number) * 99))
    assert tail.fallen_off() == []  # at the limit exactly
    tail.fan_out(batch(tail, "6" * 99))
    assert tail.fallen_off() == [slowest]
    assert read_up(tail, slow) == b"".join(str(number).encode() * 99 + b"\n" for number in range(7))


def test_what_is_within_the_limit_again_throws_nobody_off(delivery: Delivery) -> None:
    tail = Tail(LOG, RENDERER, 0, LIMIT_BYTES)
    slowest = reader(delivery, RENDERER)
    tail.add(slowest)
    tail.fan_out(batch(tail, "x" * 2000))
    assert tail.fallen_off() == [slowest]
    assert tail.fallen_off() == []


def test_what_is_too_much_for_one_batch_is_split_between_entries(delivery: Delivery) -> None:
    tail, sock = Tail(LOG, RENDERER, 0, LIMIT_BYTES), FakeSocket()
    author = level_reader(delivery, tail, sock)
    texts = [f"{number}:" + "x" * 1000 for number in range(500)]
    some = [*entries(1, *texts[:250]), *entries(251, *texts[250:], origin=author.origin)]
    batches = tail.batches_of(some)
    assert len(batches) >= 500_000 // BATCH_BYTES
    assert max(len(part.data) for part in batches) <= BATCH_BYTES
    assert b"".join(part.data for part in batches).decode().splitlines() == texts
    assert batches[-1].sent.last == 500
    for part in batches:
        tail.fan_out(part)
    assert sock.taken.decode().splitlines() == texts[:250]


def test_an_entry_too_big_for_a_batch_is_a_batch_of_its_own(delivery: Delivery) -> None:
    tail = Tail(LOG, RENDERER, 0, LIMIT_BYTES)
    batches = tail.batches_of(entries(1, "a", "x" * 2 * BATCH_BYTES, "b"))
    assert ["x" in part.data.decode() for part in batches].count(True) == 1
    assert b"".join(part.data for part in batches) == b"a\n" + b"x" * 2 * BATCH_BYTES + b"\nb\n"
    assert [part.sent.last for part in batches] == sorted({part.sent.last for part in batches})


def test_a_tail_is_unread_when_its_last_reader_is_gone(delivery: Delivery) -> None:
    tail = Tail(LOG, RENDERER, 0, LIMIT_BYTES)
    assert tail.is_unread
    one, other = level_reader(delivery, tail, FakeSocket()), reader(delivery, RENDERER)
    tail.add(other)
    assert tail.readers() == [one, other]
    tail.remove(one)
    assert not tail.is_unread
    tail.remove(other)
    assert tail.is_unread


def test_what_nobody_sees_is_noted_with_what_comes_next_or_with_who_leaves(delivery: Delivery) -> None:
    tail = Tail(LOG, UnseenRenderer(), 0, LIMIT_BYTES)
    stays, leaves = (reader(delivery, RENDERER) for _ in range(2))
    notes: dict[Connection, list[Note]] = {connection: [] for connection in (stays, leaves)}
    for connection in (stays, leaves):
        connection.note = notes[connection].append
        tail.add(connection)
        tail.draw_level(connection)
    for _ in range(100):
        tail.fan_out(batch(tail, "unseen", "unseen"))
    assert notes == {stays: [], leaves: []}
    tail.remove(leaves)
    assert [note.last for note in notes[leaves]] == [200]
    tail.fan_out(batch(tail, "seen"))
    tail.remove(stays)
    assert [note.last for note in notes[stays]] == [201]
