"""Parts of sentences that several of them share: numbers of things, names, moments, places.

Pure functions; any thread may call them.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from chatsrv.model.entries import PRIVATE_MARK

WHOLE_SERVER = "the whole server"

NO_TIME = "no time"
"""What stands in place of a time that no calendar has, as one of a damaged file may be."""


def counted(number: int, one: str, many: str = "") -> str:
    """Return how many there are of something.

    >>> counted(1, "line"), counted(3, "line"), counted(2, "person", "people")
    ('1 line', '3 lines', '2 people')
    """
    return f"1 {one}" if number == 1 else f"{number} {many or f'{one}s'}"


def joined(names: Sequence[str]) -> str:
    """Return names as one says them.

    >>> joined(["ann", "bob", "carol"]), joined(["ann"]), joined([])
    ('ann, bob and carol', 'ann', '')
    """
    *others, last = names or ("",)
    return f"{', '.join(others)} and {last}" if others else last


def crowd(names: Sequence[str], more: int) -> str:
    """Return who is somewhere, of whom `more` are not named.

    >>> crowd(["ann", "bob"], 3), crowd([], 3), crowd([], 0)
    ('ann, bob and 3 more', '3 people', 'nobody')
    """
    shown = ", ".join(names)
    if not more:
        return shown or "nobody"
    return f"{shown} and {more} more" if shown else counted(more, "person", "people")


def day_and_time(moment: datetime) -> str:
    """Return a moment. All times that a reader is told are of one zone, so it is not named."""
    return f"{moment:%Y-%m-%d %H:%M}"


def until_and_why(until: datetime | None, reason: str) -> str:
    """Return how long something holds and why, to stand after it; nothing of what holds for good.

    UTC is named, as it stands in where the reader's time zone is not known.

    >>> until_and_why(None, "spam"), until_and_why(datetime(2026, 11, 25, 14, 3), "")
    (': spam', ' until 2026-11-25 14:03')
    """
    end = f" until {day_and_time(until)}{' UTC' if until.tzinfo is UTC else ''}" if until else ""
    return f"{end}: {reason}" if reason else end


def in_place(place: str) -> str:
    """Return where something was said, after a space; nothing of the room that the reader speaks in.

    >>> in_place("dev"), in_place("@alice"), in_place("")
    (' in dev', ' in private messages', '')
    """
    if not place:
        return ""
    return " in private messages" if place.startswith(PRIVATE_MARK) else f" in {place}"
