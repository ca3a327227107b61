"""The rooms that are there from the start, and the rules of all, declared once: default, unit, range, help.

The settings file's `rooms:` and the keyword `rules=` of a `Hub` are this one value. Makes no room. Frozen; any thread
reads it.
"""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from chatsrv.model.accounts import Role
from chatsrv.model.changes import TEXT_CHARACTERS
from chatsrv.model.section import Accepts, Section, wrong
from chatsrv.text.lookalike import similar_room
from chatsrv.text.names import ROOM_ACCEPTED, prepare_room

RoomName = Annotated[
    str,
    AfterValidator(prepare_room),
    Accepts(f"text, in quotes if it looks a number or begins with #; {ROOM_ACCEPTED}; some words are reserved"),
]


def _one_line(text: str) -> str:
    if len(text) > TEXT_CHARACTERS or (text and not text.isprintable()):
        raise ValueError("no topic")
    return text


class DeclaredRoom(Section):
    """A room that is always there, and nobody's own."""

    name: RoomName = Field(description="What people call it.")
    topic: Annotated[
        str,
        AfterValidator(_one_line),
        Accepts(f"one line of up to {TEXT_CHARACTERS} characters, in quotes if in doubt"),
    ] = Field(default="", description="The topic, until moderators set another one.")
    invite_only: bool = Field(default=False, description="Let in only those who are invited.")
    unlogged: bool = Field(default=False, description="Keep what is said there in memory only.")


def _each_declared_once(rooms: tuple[DeclaredRoom, ...]) -> tuple[DeclaredRoom, ...]:
    found = []
    for number, room in enumerate(rooms):
        before = [other.name for other in rooms[:number]]
        if room.name in before:
            found.append(((number, "name"), "the room is in the list already; accepted is each room once"))
        elif similar := similar_room(room.name, before):
            found.append(((number, "name"), f"that looks like {similar}; accepted is a name that does not"))
    if found:
        raise wrong(*found)
    return rooms


class RoomRules(Section):
    """Which rooms there are from the start, who may add to them, and how much of them everybody is told."""

    default: RoomName = Field(
        default="lobby", description="The room that everybody enters at the first login. It is always there."
    )
    create: Literal["member", "moderator", "admin", "nobody"] = Field(
        default="member", description="Who may create rooms by `/create`: everybody from this role up."
    )
    most: int = Field(
        default=1000,
        ge=0,
        le=100_000,
        description="Rooms that there may be at once, those of the settings not counted.",
    )
    most_of_one: int = Field(
        default=20,
        ge=0,
        le=100_000,
        description="Rooms that one member may own. Moderators and admins are not bound. 0 is no limit.",
    )
    changes_per_minute: int = Field(
        default=20,
        ge=0,
        le=100_000,
        description="Rooms made, entered and left, topics, invitations and the like that one member may decide for "
        "long; twice as many at once. All of these are kept for good. 0 is no limit.",
    )
    declared: Annotated[
        tuple[DeclaredRoom, ...],
        Field(strict=False),
        AfterValidator(_each_declared_once),
        Accepts(
            "a list of {name: ..., topic: ..., invite_only: ..., unlogged: ...}, of which only the name must be there"
        ),
    ] = Field(
        default=(),
        description="Rooms that are always there, and nobody's own. `topic` holds until moderators set another one; "
        "`invite_only: true` lets in only those who are invited; `unlogged: true` keeps what is said there in memory "
        "only.",
    )
    quiet_above: int = Field(
        default=200,
        ge=0,
        le=1_000_000,
        description="Members up to which a room tells everybody who comes and goes. In a larger one that is recorded, "
        "and told to nobody; `/who` tells it.",
    )
    presence_per_minute: int = Field(
        default=10,
        ge=0,
        le=100_000,
        description="Comings and goings of one account that a room is told of each minute. Of further ones as many "
        "are recorded and told to nobody, the rest is not even recorded; somebody who stays is told of once that is "
        "so few again. 0 is no limit.",
    )

    @property
    def create_role(self) -> Role | None:
        """The role from which up people may create rooms; `None` if nobody may."""
        return None if self.create == "nobody" else Role(self.create)
