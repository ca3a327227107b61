"""The section `history:`: where and how long the room logs are kept. Opens nothing. Frozen values; any thread."""

from typing import Annotated, Literal

from pydantic import Field

from chatsrv.model.history import CATCHING_UP, DURABILITY, KEEP, MEMORY_KEEP_ENTRIES, Durability
from chatsrv.model.section import Section
from chatsrv.settings.kinds import Default, FilePath

DEFAULT_PLACE = (
    "a file called as the settings file, with `.db` for `.yaml`: in the directory that `$STATE_DIRECTORY` names, which "
    "systemd sets, or else beside the settings file"
)

_CatchUpEntries = Annotated[
    int, Field(ge=0, le=1_000_000, description="Lines that somebody who missed more is told at a login; 0: none.")
]
_NewcomerEntries = Annotated[
    int, Field(ge=0, le=1_000, description="Lines that somebody who was never here is told at the login; 0: none.")
]


class MemoryHistory(Section):
    """The server remembers until it stops, and writes nothing."""

    store: Literal["memory"] = Field(description="Where the room logs are kept.")
    keep_entries: int = Field(
        default=MEMORY_KEEP_ENTRIES,
        ge=1,
        le=10_000_000,
        description="Entries kept of each room, fewer where `limits.memory_bytes` is too little; the oldest go first.",
    )
    catch_up_entries: _CatchUpEntries = CATCHING_UP.entries
    newcomer_entries: _NewcomerEntries = CATCHING_UP.newcomer_entries


class SqliteHistory(Section):
    """Everything is recorded in a file before anybody sees it. [The history](history.md) tells how to live with it.

    So it is when the section is left out, or says nothing of the store.
    """

    store: Literal["sqlite"] = Field(default="sqlite", description="Where the room logs are kept.")
    path: Annotated[FilePath, Default(DEFAULT_PLACE)] = Field(
        description="The file. It is made, with its directory, if it is not there."
    )
    durability: Durability = Field(
        default=DURABILITY,
        description="What all that was seen survives: the end of the server, also by `kill -9`; or a loss of `power`, "
        "too, which makes each line wait for the disk.",
    )
    keep_days: float = Field(
        default=KEEP.days, ge=0, le=36_500, description="Age from which entries are let go of; 0 keeps all."
    )
    keep_entries: int = Field(
        default=KEEP.entries,
        ge=0,
        le=1_000_000_000,
        description="Entries kept of each room; the oldest go first; 0 keeps all.",
    )
    catch_up_entries: _CatchUpEntries = CATCHING_UP.entries
    newcomer_entries: _NewcomerEntries = CATCHING_UP.newcomer_entries


History = MemoryHistory | SqliteHistory
