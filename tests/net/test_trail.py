"""A trail finds in any stream what was taken of each log: held against a list of everything that was written."""

from dataclasses import dataclass, field
from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from chatsrv.net.receipts.trail import Sent, Steps, Trail

LOGS = ("lobby", "dev", "ops")
ME = 7


@dataclass
class Stream:
    """All that was written, and the trail of it. A piece has its size, and its log and offset if it has any."""

    begin: dict[str, int]
    pieces: list[tuple[int, str, int]] = field(default_factory=list)
    acknowledged: int = 0

    def __post_init__(self) -> None:
        self.trail = Trail(ME)
        self.trail.places.update(self.begin)
        self.place = dict(self.begin)
        self.live: dict[tuple[str, int], tuple[int, bool]] = {}  # size of a live entry, and whether I was sent it

    @property
    def unacknowledged(self) -> int:
        return sum(size for size, _, _ in self.pieces) - self.acknowledged

    def write_live(self, log: str, entries: list[tuple[int, bool]]) -> None:
        """Write live entries of a log, each with its size, some of which are not sent to me."""
        after, start, omitted = self.place[log], 0, []
        for offset, (size, is_sent) in enumerate(entries, after + 1):
            self.live[log, offset] = (size, is_sent)
            self.pieces.append((size if is_sent else 0, log, offset))
            if not is_sent:
                omitted.append((start, start + size))
            start += size
        self.place[log] = after + len(entries)
        self.trail.note(Sent(log, None, after, self.place[log], start, {ME: omitted} if omitted else {}))

    def write_replies(self, size: int, missed: list[tuple[str, int, int]]) -> None:
        """Write replies: of entries of before, each with its size and how far it moves the place, and then others."""
        pages, end = [], 0
        for log, missed_size, entries in missed:
            begin, end = end, end + missed_size
            self.place[log] += entries
            self.pieces.append((missed_size, log, self.place[log]))
            pages.append((begin, Steps(log, (missed_size,), (self.place[log],))))
        self.pieces.append((size, "", 0))
        self.trail.tell(end + size, pages)

    def acknowledge(self, share: float) -> None:
        self.acknowledged += int(self.unacknowledged * share)

    def steps(self, sent: Sent) -> Steps:
        offsets = range(sent.after + 1, sent.last + 1)
        sizes = [size if is_sent else 0 for size, is_sent in (self.live[sent.log, offset] for offset in offsets)]
        return Steps(sent.log, list(accumulate(sizes)), offsets)


SIZES = st.integers(0, 50)
LOG = st.sampled_from(LOGS)
ACKNOWLEDGE = st.tuples(st.just("acknowledge"), st.floats(0, 1))
FORGET = st.tuples(st.just("forget"), st.none())
LIVE = st.tuples(st.just("live"), st.tuples(LOG, st.lists(st.tuples(SIZES, st.booleans()), min_size=1, max_size=6)))
MISSED = st.lists(st.tuples(LOG, SIZES, st.integers(0, 5)), max_size=8)
REPLY = st.tuples(st.just("reply"), st.tuples(st.integers(1, 50), st.one_of(st.just([]), MISSED)))


@given(
    begin=st.fixed_dictionaries({log: st.integers(0, 1000) for log in LOGS}),
    deeds=st.lists(st.one_of(ACKNOWLEDGE, FORGET, LIVE, LIVE, REPLY), max_size=40),
)
def test_what_was_taken_of_each_log_is_what_lies_before_the_first_piece_that_was_not(begin, deeds) -> None:
    stream = Stream(begin)
    for what, value in deeds:
        match what:
            case "acknowledge":
                stream.acknowledge(value)
            case "forget":
                stream.trail.forget_taken(stream.unacknowledged)
            case "live":
                stream.write_live(*value)
            case "reply":
                stream.write_replies(*value)
        for trail in (stream.trail, stream.trail.copy()):
            found = trail.taken(stream.unacknowledged, stream.steps)
            # What moves nobody any bytes behind the last one taken may count either way: it is shown to nobody.
            assert_between(found, stream)


def assert_between(found: dict[str, int], stream: Stream) -> None:
    least, most, end = dict(stream.begin), dict(stream.begin), 0
    for size, log, offset in stream.pieces:
        end += size
        if log and end <= stream.acknowledged:
            most[log] = offset
            if end < stream.acknowledged or size:
                least[log] = offset
    for log in LOGS:
        assert least[log] <= found[log] <= most[log]
    if not stream.unacknowledged:
        assert found == stream.place


def test_what_cannot_be_read_any_more_counts_as_not_taken() -> None:
    stream = Stream(dict.fromkeys(LOGS, 100))
    stream.write_live("dev", [(10, True)] * 3)
    stream.write_live("lobby", [(10, True)] * 3)
    assert stream.trail.taken(25, lambda _: None) == {"lobby": 100, "dev": 103, "ops": 100}
    assert stream.trail.taken(25, stream.steps) == {"lobby": 100, "dev": 103, "ops": 100}
    assert stream.trail.taken(15, stream.steps) == {"lobby": 101, "dev": 103, "ops": 100}


def test_a_log_that_is_read_no_more_has_no_place_and_what_was_written_of_it_still_counts() -> None:
    stream = Stream(dict.fromkeys(LOGS, 0))
    stream.write_live("lobby", [(10, True)])
    stream.write_live("dev", [(10, True)])
    del stream.trail.places["dev"]
    assert stream.trail.taken(10, stream.steps) == {"lobby": 1, "ops": 0}
    assert stream.trail.taken(11, stream.steps) == {"lobby": 0, "ops": 0}


def test_who_comes_back_to_a_log_is_not_moved_back_by_what_was_written_before() -> None:
    stream = Stream(dict.fromkeys(LOGS, 0))
    stream.write_live("dev", [(10, True)])
    stream.trail.places["dev"] = 50
    assert stream.trail.taken(0, stream.steps)["dev"] == 50


def test_answers_one_behind_the_other_take_the_memory_of_one() -> None:
    trail = Trail(ME)
    for _ in range(100):
        trail.tell(10)
    assert trail.notes == [1000]


def test_what_was_taken_is_forgotten() -> None:
    stream = Stream(dict.fromkeys(LOGS, 0))
    for _ in range(100):
        stream.write_live("dev", [(10, True)])
    stream.trail.forget_taken(25)
    assert len(stream.trail.notes) == 3
    assert stream.trail.places["dev"] == 97
