"""Subjects: which changes of the register are about which room or account, so that an audit reads no others.

Eight bytes for each change and each of its subjects, however many these are: names are not kept, but their hashes, and
of two names with the same one both are found. Knows nothing of logs and changes. One thread at a time notes something;
any may look at the same time.
"""

from array import array
from bisect import bisect_right
from collections.abc import Iterator

_DRAWER_BITS = 12
"""Of a hash: the number of the list. With a list for each name, the lists would take more than what is in them."""

_TAG_BITS = 24
"""Of a hash: what is kept beside an offset, which has 40 bits. Of millions of names two are taken for the same."""

_DRAWERS = 1 << _DRAWER_BITS
_DRAWER, _TAG = _DRAWERS - 1, (1 << _TAG_BITS) - 1


class Subjects:
    """The offsets of changes, by the names of what they are about."""

    def __init__(self) -> None:
        self._drawers: list[array[int]] = [array("Q") for _ in range(_DRAWERS)]  # each in the order of offsets

    def note(self, offset: int, *names: str) -> None:
        """Note that the change at an offset, which is greater than any before, is about all of these."""
        drawers, shifted = self._drawers, offset << _TAG_BITS
        for name in names:
            number = hash(name)
            drawers[number & _DRAWER].append(shifted | number >> _DRAWER_BITS & _TAG)

    def back(self, name: str, last: int) -> Iterator[int]:
        """Yield the offsets of changes about that, from the offset `last` back, newest first; hardly ever another.

        One that was noted twice comes twice.
        """
        number = hash(name)
        found, tag = self._drawers[number & _DRAWER], number >> _DRAWER_BITS & _TAG
        for index in range(bisect_right(found, last << _TAG_BITS | _TAG) - 1, -1, -1):
            noted = found[index]
            if noted & _TAG == tag:
                yield noted >> _TAG_BITS
