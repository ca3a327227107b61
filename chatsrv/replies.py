"""What the server tells one session, whatever the wire format it is told in.

Made by a `Session`, turned into bytes by a protocol's `Renderer`. What a room tells everybody is an `Entry` instead.
Values, to be shared between threads freely.
"""

from datetime import datetime
from typing import NamedTuple

from chatsrv.entries import Entry


class Welcome(NamedTuple):
    """The login succeeded. `present` are the sorted names of others who are here; `more` counts those not named."""

    name: str
    present: tuple[str, ...] = ()
    more: int = 0


class LoginRefused(NamedTuple):
    """The login failed, or cannot be tried now; `text` is the one sentence that the person reads."""

    text: str = "Login failed."


class Present(NamedTuple):
    """The answer to `Who`: sorted names of those in the room, the asker included; `more` counts those not named."""

    room: str
    names: tuple[str, ...]
    more: int = 0


class Usage(NamedTuple):
    """How a command is used, whose arguments made no sense. `help` says in a few words what it is for."""

    name: str
    arguments: str
    help: str


class CommandList(NamedTuple):
    """The answer to `Help`: the commands that the asker may use."""

    commands: tuple[Usage, ...]


class UnknownCommand(NamedTuple):
    """There is no command `name`; `nearest` is what may have been meant, empty if nobody can tell."""

    name: str
    nearest: str = ""


class Notice(NamedTuple):
    """A sentence of the server to this session."""

    text: str


class Past(NamedTuple):
    """Entries of before, in the order in which they are to be shown; none is left out for being the reader's own.

    `now` is the moment at which they are asked for, in the time zone in which the reader wants to be told times: an
    entry's own time is `datetime.fromtimestamp(entry.at, now.tzinfo)`. Without a time zone it is the machine's.
    """

    entries: tuple[Entry, ...]
    now: datetime


class Missing(NamedTuple):
    """Among what is shown of before, this many entries are no longer kept; `None` when nobody knows how many."""

    entries: int | None


class PastEnd(NamedTuple):
    """What was asked for of before ends here; `is_all` tells whether `More` would show nothing else."""

    is_all: bool


class Away(NamedTuple):
    """Here begins what was missed since the last time, so many `lines`; `left_out` entries before are not shown."""

    lines: int
    left_out: int = 0


class AwayEnd(NamedTuple):
    """Here ends what was missed; what follows is live."""


class Text(NamedTuple):
    """A line of a line protocol that is not a chat, as it is."""

    text: str


class Goodbye(NamedTuple):
    """The last thing that a session hears, with the reason in words."""

    text: str


Before = Past | Missing | PastEnd | Away | AwayEnd
AboutCommands = Usage | CommandList | UnknownCommand
Reply = Welcome | LoginRefused | Present | AboutCommands | Notice | Before | Text | Goodbye
