"""The people who came and went while something was said, as one value, so that nobody seeks words among joins.

Never hears of bytes, sockets or wire formats. Logs are read in steps and under no lock, by whoever asks.
"""

from chatsrv.model.entries import COMINGS, Kind, Position
from chatsrv.model.replies import Comings
from chatsrv.roomlog.base import LOOKED_AT_ONCE, RoomLog
from chatsrv.sharing.effort import Effort

AMONG_ENTRIES = 2048
"""The newest entries among which comings and goings are counted: a millisecond or two."""

FEW_PEOPLE = 5
"""So many are told by name."""


def comings_of(log: RoomLog, after: int, last: Position, but: str = "", effort: Effort | None = None) -> Comings | None:
    """Return who came and went behind the offset `after` up to a position, `but` for one; `None` if nobody did.

    As far as an `effort` reaches, the newest of them.

    Raises:
        Refused: the log cannot be read.
    """
    begin = max(after, last.offset - AMONG_ENTRIES)
    did: dict[str, tuple[Kind, Kind]] = {}  # first and last
    place = last
    while place.offset > begin:
        entries = log.pick_back(COMINGS, place, begin, LOOKED_AT_ONCE, effort)
        for entry in entries:
            if entry.author != but:  # the newest of each comes first
                _, last_kind = did.get(entry.author, (entry.kind, entry.kind))
                did[entry.author] = entry.kind, last_kind
        is_full = len(entries) == LOOKED_AT_ONCE
        place = Position(place.epoch, entries[-1].offset - 1 if is_full else (effort and effort.stopped_at) or begin)
        if effort and effort.is_over:
            begin = max(begin, place.offset)
    if not did:
        return None
    if begin > after or len(did) > FEW_PEOPLE:
        return Comings(len(did), is_more=begin > after)
    names = sorted(did)
    joined, left, both, returned = (
        tuple(name for name in names if did[name] == kinds)
        for kinds in (
            (Kind.JOIN, Kind.JOIN),
            (Kind.LEAVE, Kind.LEAVE),
            (Kind.JOIN, Kind.LEAVE),
            (Kind.LEAVE, Kind.JOIN),
        )
    )
    return Comings(len(did), joined, left, both, returned)
