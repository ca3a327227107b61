"""What a peer asks for, whatever the wire format it asked in.

Made by a protocol's `Reader`, obeyed by a `Session`. Knows neither bytes nor sockets, `Answer` excepted, which carries
bytes through. Values, to be shared between threads freely; named tuples for the reason given at `entries.Entry`.
"""

from typing import NamedTuple

PAGE_ENTRIES = 20
"""Entries of before that are shown at once unless others are asked for: a terminal of 24 lines has room for them."""


class Credentials(NamedTuple):
    """A name and a password, as typed: neither is prepared, and neither is bounded but by the reader's line limit."""

    username: str
    password: str

    def __repr__(self) -> str:
        return f"Credentials(username={self.username!r}, password=...)"


class ChangePassword(NamedTuple):
    """Change the own password from `old` to `new`; both as typed, as with `Credentials`."""

    old: str
    new: str

    def __repr__(self) -> str:
        return "ChangePassword(old=..., new=...)"


class Answer(NamedTuple):
    """The wire format's own answer, which needs nobody's decision: a prompt, a telnet negotiation, a pong."""

    data: bytes


class Complaint(NamedTuple):
    """Input that was not taken; the peer reads `text`, and the session goes on."""

    text: str


class Line(NamedTuple):
    """A line of a line protocol that is not a chat."""

    text: str


class Say(NamedTuple):
    """Say `text` in `room`; an empty room is the one that the session is speaking in."""

    text: str
    room: str = ""


class Act(NamedTuple):
    """Do `text` in `room`, as `/me` does."""

    text: str
    room: str = ""


class Who(NamedTuple):
    """List who is here."""

    room: str = ""


class History(NamedTuple):
    """Show the last `entries` of `room`, 1 or more."""

    entries: int = PAGE_ENTRIES
    room: str = ""


class Search(NamedTuple):
    """Show what was said with all of `words` in the rooms that the session is in; see `RoomLog.search`."""

    words: str


class More(NamedTuple):
    """Show what came before what the last `History`, `Search` or `More` showed."""


class CatchUp(NamedTuple):
    """Tell at the login what was missed, or nothing of it, from now on."""

    is_wanted: bool


class Help(NamedTuple):
    """List the commands."""


class Invoke(NamedTuple):
    """Obey a command that is none of the chat's own, by its `name` in lower case: a plug-in's, or a mistyped one.

    `argument` is all that stands behind the name. Both are clean, as what is said is.
    """

    name: str
    argument: str = ""


class Quit(NamedTuple):
    """End the session."""


Lookup = History | Search | More
ChatCommand = Say | Act | Who | Lookup | CatchUp | Help | Invoke | Quit
Command = Credentials | ChangePassword | Answer | Complaint | Line | ChatCommand
