"""What the server tells one session, whatever the wire format it is told in.

Made by a `Session`, turned into bytes by a protocol's `Writer`. What a room tells everybody is an `Entry` instead; why
a session ends is a `Reason`.
Values, to be shared between threads freely.
"""

from datetime import datetime
from typing import NamedTuple

from chatsrv.model.distinct import distinct
from chatsrv.model.entries import Entry
from chatsrv.model.refusals import LoginFailed, Refusal
from chatsrv.model.statements import Statement


@distinct
class Welcome(NamedTuple):
    """The login succeeded. `present` are the sorted names of others who are here; `more` counts those not named.

    `is_in_room` tells whether there is a here: some have left all rooms for good.
    """

    name: str
    present: tuple[str, ...] = ()
    more: int = 0
    is_in_room: bool = True


@distinct
class LoginRefused(NamedTuple):
    """The login failed, or cannot be tried now."""

    why: Refusal = LoginFailed()


@distinct
class Present(NamedTuple):
    """The answer to `Who`: sorted names of those in the room, the asker included; `more` counts those not named.

    `is_here` tells whether it is the room that the asker speaks in, `is_rest` whether others were named before these.
    """

    room: str
    names: tuple[str, ...]
    more: int = 0
    is_here: bool = True
    is_rest: bool = False


@distinct
class RoomLine(NamedTuple):
    """A room as it is listed, with the number of `people` who are in it.

    `is_in` tells whether the asker is one of them, `is_here` whether they speak there.
    """

    name: str
    people: int
    topic: str = ""
    is_invite_only: bool = False
    is_logged: bool = True
    is_in: bool = False
    is_here: bool = False


@distinct
class RoomList(NamedTuple):
    """The answer to `ListRooms`, in the order of the names."""

    rooms: tuple[RoomLine, ...]


@distinct
class TopicTold(NamedTuple):
    """The topic of a room, empty if it has none; who set it and when, as far as that is known.

    If it `is_unsaid`, it is empty because the reader ignores who set it.
    """

    room: str
    topic: str
    by: str = ""
    at: datetime | None = None
    is_unsaid: bool = False


@distinct
class RulingLine(NamedTuple):
    """A ban or a mute that is in force: of whom, by whom, since when and until when (`None`: for good), and why.

    `at` is `None` if it is not known any more. `room` is empty for the whole server.
    """

    is_ban: bool
    room: str
    target: str
    by: str
    at: datetime | None
    until: datetime | None = None
    reason: str = ""


@distinct
class RulingList(NamedTuple):
    """The answer to `Bans`, oldest first, those of the room before those of the whole server."""

    rulings: tuple[RulingLine, ...]


@distinct
class Audited(NamedTuple):
    """The answer to `Audit`: changes, in the order in which they are to be shown; `now` as in `Past`."""

    entries: tuple[Entry, ...]
    now: datetime


@distinct
class ListEnd(NamedTuple):
    """A page of a list ends here; `is_all` tells whether `More` would show nothing else."""

    is_all: bool


@distinct
class Usage(NamedTuple):
    """How a command is used, whose arguments made no sense. `help` says in a few words what a plug-in's is for.

    It is empty for those of the chat itself: the words for these are in `chatsrv.wording.commands`.
    """

    name: str
    arguments: str
    help: str = ""


@distinct
class CommandList(NamedTuple):
    """The answer to `Help`: the commands that the asker may use, or the one that was asked for, if it is not all."""

    commands: tuple[Usage, ...]
    is_all: bool = True


@distinct
class UnknownCommand(NamedTuple):
    """There is no command `name`; `nearest` is what may have been meant, empty if nobody can tell."""

    name: str
    nearest: str = ""


@distinct
class Notice(NamedTuple):
    """A sentence of the server to this session."""

    text: str


@distinct
class Past(NamedTuple):
    """Entries of before, in the order in which they are to be shown; none is left out for being the reader's own.

    `now` is the moment at which they are asked for, in the time zone in which the reader wants to be told times: an
    entry's own time is `datetime.fromtimestamp(entry.at, now.tzinfo)`. Without a time zone it is the machine's.
    Entries of another room than `here`, the one that the reader speaks in, are to be told from those of this one; empty
    is any room.
    """

    entries: tuple[Entry, ...]
    now: datetime
    here: str = ""


@distinct
class Missing(NamedTuple):
    """Among what is shown of before, this many entries are no longer kept; `None` when nobody knows how many."""

    entries: int | None


@distinct
class PastEnd(NamedTuple):
    """What was asked for of before ends here; `is_all` tells whether `More` would show nothing else."""

    is_all: bool


@distinct
class Comings(NamedTuple):
    """The people who came and went among what is shown of before: so many `people`, at least, if `is_more`.

    `joined`, `left`, `both` and `returned` name them, sorted, by what came of it: those who are here now and were not,
    those who were and are not, those who came and left again, those who left and came back. Where they are many, these
    are empty.
    """

    people: int
    joined: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    both: tuple[str, ...] = ()
    returned: tuple[str, ...] = ()
    is_more: bool = False


@distinct
class Away(NamedTuple):
    """Here begins what was missed since the last time, so many `lines`; `left_out` lines before are not shown.

    These are the lines that people said and decided; `comings` is who came and went. There may be more than
    `left_out`, if `is_more`. `place` is the log that it is of, such as "dev"; empty for the room that the reader speaks
    in. Without lines, and with `comings`, it is all that was missed.
    """

    lines: int
    left_out: int = 0
    place: str = ""
    comings: Comings | None = None
    is_more: bool = False


@distinct
class AwayEnd(NamedTuple):
    """Here ends what was missed; what follows is live."""


@distinct
class Text(NamedTuple):
    """A line of a line protocol that is not a chat, as it is."""

    text: str


Before = Past | Missing | Comings | PastEnd | Away | AwayEnd
AboutCommands = Usage | CommandList | UnknownCommand
AboutRooms = Present | RoomList | TopicTold | RulingList | Audited | ListEnd
Reply = Welcome | LoginRefused | AboutRooms | AboutCommands | Notice | Statement | Before | Text
