"""A trail: what was written to one stream, in its order, so that it can be told how much of each room was taken.

Everything that is written is noted: replies by their size, entries of before by the places that they move their reader
to, and live entries by a note that all readers share who were sent the same, so that noting is a step for each. What
was taken as a whole is forgotten now and then.

Pure arithmetic: it asks neither sockets nor logs. A `Trail` is used by one thread at a time.
"""

from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from chatsrv.model.distinct import distinct
from chatsrv.protocols.base import Renderer
from chatsrv.roomlog.base import RoomLog

Range: TypeAlias = tuple[int, int]
"""Bytes of a note that a reader was not sent: where they begin, and where they end."""


@distinct
class Steps(NamedTuple):
    """Within some bytes: behind the first `ends[n]` of them, the reader's place in `log` is `offsets[n]`.

    `ends` ascend, and there is at least one. Arrays of numbers, where a crowd comes back: a value for each entry would
    take ten times as much.
    """

    log: RoomLog
    ends: Sequence[int]
    offsets: Sequence[int]


@distinct
class Sent(NamedTuple):
    """Live entries of one log, behind the offset `after` up to `last`, as `renderer` has them: so many bytes.

    `omitted` has, for each reader that was not sent all of it, what it was not. They are told by the origins of their
    sessions: a note outlives those.
    """

    log: RoomLog
    renderer: Renderer
    after: int
    last: int
    size_bytes: int
    omitted: Mapping[int, Sequence[Range]]


@distinct
class Replied(NamedTuple):
    """Replies, among them entries of before: `pages` are their steps, each with the bytes that come before it."""

    size_bytes: int
    pages: Sequence[tuple[int, Steps]]


Note: TypeAlias = int | Sent | Replied
"""Something that was written; a number is so many bytes that move nobody."""

StepsOf = Callable[[Sent], Steps | None]
"""Returns the steps within live entries, as one reader was sent them; `None` if they cannot be read any more."""


class Trail:
    """What was written for the reader with the origin `reader`, behind what is known to be taken.

    `places` has for each log the offset up to which all was taken; who begins to read a log puts it there. `moved` are
    the logs whose places have moved; who looks after them puts `None` in their place, as an empty set takes 216 bytes.
    """

    __slots__ = ("_reader", "moved", "note", "notes", "places")

    def __init__(self, reader: int) -> None:
        self._reader = reader
        self.places: dict[RoomLog, int] = {}
        self.moved: set[RoomLog] | None = None
        self.notes: list[Note] = []
        self.note: Callable[[Note], None] = self.notes.append
        """Notes what is written. Called for every reader of every batch, so it does nothing else."""

    def copy(self) -> "Trail":
        """Return a trail for another thread."""
        trail = Trail(self._reader)
        trail.places.update(self.places)
        trail.notes.extend(self.notes)
        return trail

    def tell(self, size_bytes: int, pages: Sequence[tuple[int, Steps]] = ()) -> None:
        """Note that replies were written; see `Replied` about `pages`."""
        if pages:
            self.notes.append(Replied(size_bytes, pages))
        elif self.notes and isinstance(self.notes[-1], int):
            self.notes[-1] += size_bytes
        else:
            self.notes.append(size_bytes)

    def forget_taken(self, unacknowledged_bytes: int) -> None:
        """Forget what lies before the last so many bytes that were written: all that was taken."""
        first, _ = self._first_not_taken(unacknowledged_bytes)
        if first:
            moved = _follow(self.places, self.notes[:first])
            if moved:
                self.moved = moved | (self.moved or set())
            del self.notes[:first]

    def taken(self, unacknowledged_bytes: int, steps_of: StepsOf) -> dict[RoomLog, int]:
        """Return up to which offset everything was taken of each log that is read.

        The last `unacknowledged_bytes` of what was written were not. An entry of which a part was not taken was not.
        """
        first, taken_bytes = self._first_not_taken(unacknowledged_bytes)
        places = self.places.copy()
        _follow(places, self.notes[:first])
        if first < len(self.notes):
            for begin, (log, ends, offsets) in _pages_of(self.notes[first], steps_of):
                reached = bisect_right(ends, taken_bytes - begin)
                if reached and log in places:
                    places[log] = max(places[log], offsets[reached - 1])
        return places

    def _first_not_taken(self, unacknowledged_bytes: int) -> tuple[int, int]:
        """Return which note is the first that was not taken as a whole, and how many of its bytes were."""
        first, left = len(self.notes), unacknowledged_bytes
        while first and left > 0:
            first -= 1
            left -= self._size_of(self.notes[first])
        return first, max(0, -left)

    def _size_of(self, note: Note) -> int:
        if isinstance(note, int):
            return note
        if isinstance(note, Replied) or self._reader not in note.omitted:
            return note.size_bytes
        return note.size_bytes - sum(end - start for start, end in note.omitted[self._reader])


def _pages_of(note: Note, steps_of: StepsOf) -> Sequence[tuple[int, Steps]]:
    if isinstance(note, int):
        return ()
    if isinstance(note, Replied):
        return note.pages
    steps = steps_of(note)
    return [(0, steps)] if steps else ()


def _follow(places: dict[RoomLog, int], notes: Sequence[Note]) -> set[RoomLog]:
    """Move places to where notes lead that were taken as a whole, and return those; places only go forward.

    A log without a place is not read any more.
    """
    moved: set[RoomLog] = set()
    for note in reversed(notes):
        if len(moved) == len(places):
            break
        if type(note) is Sent:
            if note.log in places and note.log not in moved:
                moved.add(note.log)
                places[note.log] = max(places[note.log], note.last)
        elif type(note) is Replied:
            for _, (log, _, offsets) in note.pages:
                if log in places:
                    moved.add(log)
                    places[log] = max(places[log], offsets[-1])
    return moved
