"""Nearest: which of many names somebody meant who mistyped one.

`difflib` takes a quarter of a millisecond for each name of thirty letters that has the letters of what was typed, and
anybody may make a thousand rooms and mistype them. So only a single slip is looked for here, and in so many names.
Knows nothing of what the names are of. Pure functions; any thread may call them.
"""

from collections.abc import Iterable
from itertools import islice

COMPARED_NAMES = 100
"""Names that are compared letter by letter: of a thousand that people chose, few begin or end as that does."""

_FEWEST_CHARACTERS = 3
"""What is shorter is one slip away from everything."""


def nearest(typed: str, names: Iterable[str]) -> str:
    """Return the first of `names` that is one slip away from `typed`, or else begins so; empty if none does.

    A slip is a letter too many or too few, another letter, or two neighbours that changed places. Of many names that
    begin or end alike, not all are looked at.

    >>> nearest("dve", ["lobby", "dev"])
    'dev'
    """
    if len(typed) < 2:
        return ""
    half = len(typed) // 2
    head, tail = typed[:half], typed[half + 1 :]  # a slip leaves one of them as it is
    alike = list(islice((name for name in names if name.startswith(head) or name.endswith(tail)), COMPARED_NAMES))
    if len(typed) >= _FEWEST_CHARACTERS:
        for name in alike:
            if _is_one_slip(typed, name):
                return name
    return next((name for name in alike if name.startswith(typed)), "")


def _is_one_slip(one: str, other: str) -> bool:
    short, long = sorted((one, other), key=len)
    if len(long) - len(short) > 1:
        return False
    at = next((place for place, (a, b) in enumerate(zip(short, long, strict=False)) if a != b), len(short))
    if len(long) > len(short):
        return short[at:] == long[at + 1 :]
    if short[at + 1 :] == long[at + 1 :]:
        return True
    return short[at : at + 2] == long[at : at + 2][::-1] and short[at + 2 :] == long[at + 2 :]
