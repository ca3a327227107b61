"""A trail: where in a stream of bytes a reader's places in a room's log lie, so that they can be found again.

A stream holds three kinds of bytes in one order: live entries, which are not noted, since nobody's turn must wait for
that, and can be rendered again; replies, which move nobody's place; and entries of before, which do. The last two are
noted when they are written, and forgotten once they are taken.

Pure arithmetic: no sockets, no logs. A `Trail` is used by one thread at a time.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

Sizes = Callable[[int, int], Iterable[tuple[int, int]]]
"""Returns offset and number of bytes of the live entries behind one offset up to another, newest first."""

Step = tuple[int, int]
"""Within some bytes: behind so many of them, the reader's place is that offset."""


class Mark(NamedTuple):
    """Bytes of a stream that are no live entry: how many, the place before and behind them, and how it moves within."""

    before: int
    size_bytes: int
    after: int
    steps: Sequence[Step] = ()


class Trail:
    """What was written to one stream about one room. `place` is the offset behind which is written next."""

    __slots__ = ("_floor", "marks", "place")

    def __init__(self, place: int, floor: int | None = None, marks: Iterable[Mark] = ()) -> None:
        self.place = place
        self._floor = place if floor is None else floor  # everything up to here was taken
        self.marks = list(marks)

    def copy(self) -> "Trail":
        """Return a trail for another thread."""
        return Trail(self.place, self._floor, self.marks)

    def note(self, size_bytes: int, steps: Sequence[Step] = ()) -> None:
        """Note that `size_bytes` were written at `place`, which has moved along `steps` behind them.

        Delivery does this for everybody who catches up, so the steps are looked at only when they are asked about.
        """
        before = self.place
        if steps:
            self.place = steps[-1][1]
        elif self.marks and before == self.marks[-1].before == self.marks[-1].after:
            size_bytes += self.marks.pop().size_bytes
        self.marks.append(Mark(before, size_bytes, self.place, steps))

    def forget_taken(self, unacknowledged_bytes: int) -> None:
        """Forget what lies before the last so many bytes that were written."""
        newer = 0
        for number in range(len(self.marks) - 1, -1, -1):
            if newer >= unacknowledged_bytes:
                self._floor = self.marks[number].after
                del self.marks[: number + 1]
                return
            newer += self.marks[number].size_bytes

    def taken(self, place: int, unacknowledged_bytes: int, sizes: Sizes) -> int:
        """Return up to which offset everything was taken of a stream that has been written up to `place`.

        The last `unacknowledged_bytes` of it were not. An entry of which a part was not taken was not taken. What
        `sizes` cannot tell counts as not taken.
        """
        left = unacknowledged_bytes
        for before, size_bytes, after, steps in reversed(self.marks):
            place, left = _back(place, after, left, sizes)
            if not left:
                return place
            if left < size_bytes:
                return max((offset for end, offset in steps if end <= size_bytes - left), default=before)
            place, left = before, max(0, left - size_bytes)
        return _back(place, self._floor, left, sizes)[0]


def _back(place: int, floor: int, left: int, sizes: Sizes) -> tuple[int, int]:
    """Go back over live entries until `left` bytes are used up, or to `floor`; return the place and what is left."""
    if left and place > floor:
        for offset, size_bytes in sizes(floor, place):
            place, left = offset - 1, max(0, left - size_bytes)
            if not left:
                return place, left
        return floor, left
    return place, left
