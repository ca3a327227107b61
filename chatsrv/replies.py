"""What the server tells one session, whatever the wire format it is told in.

Made by a `Session`, turned into bytes by a protocol's `Renderer`. What a room tells everybody is an `Entry` instead.
Values, to be shared between threads freely.
"""

from typing import NamedTuple


class Welcome(NamedTuple):
    """The login succeeded. `present` are the names of the others who are here, sorted."""

    name: str
    present: tuple[str, ...]


class LoginRefused(NamedTuple):
    """The login failed, or cannot be tried now; `text` is the one sentence that the person reads."""

    text: str = "Login failed."


class Present(NamedTuple):
    """The answer to `Who`: the sorted names of everybody in the room, the asker included."""

    room: str
    names: tuple[str, ...]


class CommandList(NamedTuple):
    """The answer to `Help`: the wire format lists the commands that it has."""


class Notice(NamedTuple):
    """A sentence of the server to this session."""

    text: str


class Text(NamedTuple):
    """A line of a line protocol that is not a chat, as it is."""

    text: str


class Goodbye(NamedTuple):
    """The last thing that a session hears, with the reason in words."""

    text: str


Reply = Welcome | LoginRefused | Present | CommandList | Notice | Text | Goodbye
