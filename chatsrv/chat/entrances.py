"""What a session finds where it comes in, as values: in one room, and at its login in all of them.

Touches no room, and nobody who is there. Values, to be shared between threads freely.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chatsrv.chat.missed import Absence
from chatsrv.chat.room import Room
from chatsrv.model.entries import Position
from chatsrv.model.errors import Refused
from chatsrv.model.refusals import InNoRoom
from chatsrv.model.replies import Reply, Welcome
from chatsrv.model.reports import Whereabouts
from chatsrv.roomlog.base import RoomLog


@dataclass(frozen=True, slots=True)
class Entrance:
    """A room that a session has entered, or the private log of its account: what is to be told of it.

    The session reads on from `position`. `others` are there at exactly that moment, and so many `more`. `absence` is
    what it missed before: while that is told, the log is held back. `trouble` says why nothing of before can be told.
    """

    log: RoomLog
    position: Position
    room: Room | None = None
    others: tuple[str, ...] = ()
    more: int = 0
    absence: Absence | None = None
    trouble: Refused | None = None
    is_frozen: bool = False
    """Whether nothing that is read there counts as read: what came before is to be told the next time."""


@dataclass(frozen=True, slots=True)
class Opening:
    """What a session finds at its login: what it has entered, the first room first, and all that could not be done."""

    entrances: tuple[Entrance, ...]
    troubles: tuple[Refused, ...]


def welcome(name: str, entrances: Sequence[Entrance], lobby: Room) -> Iterator[Reply]:
    """Yield what is told at the login of the account `name`: who else is there, and in which rooms it is."""
    rooms = [entrance.room for entrance in entrances if entrance.room]
    if not rooms:
        yield Welcome(name, is_in_room=False)
        yield InNoRoom()
        return
    yield Welcome(name, entrances[0].others, entrances[0].more)
    if rooms != [lobby]:
        yield Whereabouts(rooms[0].name, tuple(room.name for room in rooms[1:]))
