"""What a room log holds: entries, numbered by their position.

Knows nothing of who reads them or in which wire format. Values, to be shared between threads freely.
"""

from collections.abc import Iterable
from enum import IntEnum
from typing import NamedTuple

from chatsrv.model.distinct import distinct


class Kind(IntEnum):
    """What an entry records."""

    SAY = 1
    ACTION = 2
    JOIN = 3
    LEAVE = 4
    ERASED = 5
    """Words that were erased, or could not be recorded: the position is left, and nobody is shown anything."""
    QUIET_JOIN = 6
    """As `JOIN`, in a room that is too large for everybody to be told."""
    QUIET_LEAVE = 7
    """As `LEAVE`, in a room that is too large for everybody to be told."""
    PRIVATE = 8
    """What somebody wrote to one account alone, in that account's own log."""
    PRIVATE_SENT = 9
    """The same in its author's own log: the name of the one whom it was for, a space, and the words."""
    CHANGE = 10
    """What was decided about rooms or people: a `Change`, encoded."""


WORDS = frozenset({Kind.SAY, Kind.ACTION, Kind.PRIVATE, Kind.PRIVATE_SENT})
"""The kinds of entry whose text somebody wrote."""

PRESENCE = frozenset({Kind.JOIN, Kind.LEAVE, Kind.QUIET_JOIN, Kind.QUIET_LEAVE})
"""The kinds of entry that tell who comes and goes. It happens whether it can be recorded at once or not."""

COMINGS = frozenset({Kind.JOIN, Kind.LEAVE})
"""Of these, the kinds that everybody is told of as it happens, and of what was before in one line for all of them."""

LINES = WORDS | {Kind.CHANGE}
"""The kinds of entry that are counted and shown of what was before: what people said and decided."""

UNSEEN = frozenset({Kind.ERASED, Kind.QUIET_JOIN, Kind.QUIET_LEAVE})
"""The kinds of entry that no wire format shows."""

REGISTER = "*register"
"""The room name of the log of everything that was decided. No room that people are in can be called so."""

LAST_AT_SECONDS = 7_258_118_400
"""The year 2200. A flipped bit makes a later time, or one before 0; such a time counts as none."""

PRIVATE_MARK = "@"
"""What the name of an account's own log begins with, before the account's prepared name; a room's name never does."""


@distinct
class Position(NamedTuple):
    """A place in a room log: after the entry with `offset`, in the era named `epoch`.

    Offset 0 is the place before the first entry. Offsets of two epochs cannot be compared.
    """

    epoch: str
    offset: int


@distinct
class Entry(NamedTuple):
    """One record of a room log.

    `at` is in seconds since the Unix epoch. `author` is an account's name; `origin` the number of the session it
    was written in, unique over all servers that share the log. `text` is what was said or done; of a `LEAVE` or
    `QUIET_LEAVE` it is the name of the `Reason`.

    A named tuple, not a frozen dataclass: one is made for every message, and on CPython 3.11 making it takes 0.14 us
    instead of 1.2 us.
    """

    offset: int
    at: float
    room: str
    kind: Kind
    author: str
    origin: int
    text: str


@distinct
class Bookmark(NamedTuple):
    """How far an account has read a room: up to `position`, in the session `origin`, whose own words it knows."""

    position: Position
    origin: int


def seen(entries: Iterable[Entry]) -> list[Entry]:
    """Return what of some entries is shown at all: all but the `UNSEEN` kinds."""
    return [entry for entry in entries if entry.kind not in UNSEEN]
