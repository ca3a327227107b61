"""A trail finds in any stream what was taken of it: held against a list of everything that was written."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from chatsrv.net.trail import Trail


@dataclass
class Stream:
    """All that was written, piece by piece, and the trail of it."""

    trail: Trail
    place: int
    pieces: list[tuple[int, int]] = field(default_factory=list)  # size of each, and the place before it
    live: dict[int, int] = field(default_factory=dict)  # sizes of live entries
    acknowledged: int = 0

    @property
    def unacknowledged(self) -> int:
        return sum(size for size, _ in self.pieces) - self.acknowledged

    def write_live(self, size: int) -> None:
        self.pieces.append((size, self.place))
        self.place += 1
        self.live[self.place] = size

    def write_replies(self, size: int, missed: list[tuple[int, int]]) -> None:
        """Write replies: of entries of before, each with its size and how far it moves the place, and then others."""
        self.trail.place = self.place
        if self.trail.marks:
            self.trail.forget_taken(self.unacknowledged)
        steps, end = [], 0
        for missed_size, entries in missed:
            self.pieces.append((missed_size, self.place))
            end += missed_size
            self.place += entries
            steps.append((end, self.place))
        self.pieces.append((size, self.place))
        self.trail.note(end + size, steps)

    def acknowledge(self, share: float) -> None:
        self.acknowledged += int(self.unacknowledged * share)

    def sizes(self, after: int, last: int) -> Iterator[tuple[int, int]]:
        for offset in range(last, after, -1):
            yield offset, self.live[offset]  # nothing else than live entries is asked for

    def first_not_taken(self) -> int:
        """Return the place before the first piece that was not acknowledged as a whole."""
        end = 0
        for size, place in self.pieces:
            end += size
            if end > self.acknowledged:
                return place
        return self.place


SIZES = st.integers(0, 50)
MISSED = st.lists(st.tuples(SIZES, st.integers(0, 5)), max_size=10)
ACKNOWLEDGED = st.tuples(st.just("acknowledge"), st.floats(0, 1))
REPLIES = st.tuples(st.just("reply"), st.integers(1, 50))
LIVE = st.tuples(st.just("live"), SIZES)


@given(
    begin=st.integers(0, 1000),
    pages=st.lists(st.tuples(st.integers(1, 50), MISSED, st.floats(0, 1)), max_size=8),
    rest=st.lists(st.one_of(ACKNOWLEDGED, REPLIES, LIVE, LIVE), max_size=40),
)
def test_what_was_taken_is_what_lies_before_the_first_piece_that_was_not(begin, pages, rest) -> None:
    stream = Stream(Trail(begin), begin)
    for size, missed, share in pages:
        stream.write_replies(size, missed)
        stream.acknowledge(share)
    for what, value in rest:
        match what:
            case "acknowledge":
                stream.acknowledge(value)
            case "reply":
                stream.write_replies(value, [])
            case "live":
                stream.write_live(value)
        for trail in (stream.trail, stream.trail.copy()):
            assert trail.taken(stream.place, stream.unacknowledged, stream.sizes) == stream.first_not_taken()


@given(st.lists(st.integers(1, 50), min_size=1, max_size=20), st.integers(0, 19))
def test_what_cannot_be_read_back_counts_as_not_taken(sizes, kept) -> None:
    stream = Stream(Trail(100), 100)
    for size in sizes:
        stream.write_live(size)
    for offset in list(stream.live)[: len(sizes) - kept]:
        del stream.live[offset]

    def kept_sizes(after: int, last: int) -> Iterator[tuple[int, int]]:
        return ((offset, stream.live[offset]) for offset in range(last, after, -1) if offset in stream.live)

    kept_bytes = sum(stream.live.values())
    assert stream.trail.taken(stream.place, kept_bytes, kept_sizes) == stream.place - len(stream.live)
    assert stream.trail.taken(stream.place, kept_bytes + 1, kept_sizes) == 100


def test_answers_of_one_place_take_the_memory_of_one() -> None:
    trail = Trail(5)
    for _ in range(100):
        trail.note(10)
    assert trail.taken(5, 999, lambda *_: ()) == 5
    assert len(trail.marks) == 1
