"""How much is kept of what was said, and how much of it is told at a login, where nobody says otherwise.

The settings' `history:` and the constructors of the stores and the `Hub` have these defaults. Keeps and tells nothing.
Values; any thread.
"""

from typing import Literal, NamedTuple, TypeAlias

from chatsrv.model.distinct import distinct

Durability: TypeAlias = Literal["process", "power"]
"""What all that was seen survives: the end of the process, also by `kill -9`; or a loss of power, too."""

DURABILITY: Durability = "process"

MEMORY_KEEP_ENTRIES = 10_000
"""Entries of each room that a log in memory keeps."""


@distinct
class Keep(NamedTuple):
    """How much of each room a file keeps: the newest `entries`, and no older ones than `days`. 0 is no limit."""

    entries: int = 0
    days: float = 0


KEEP = Keep()


@distinct
class CatchingUp(NamedTuple):
    """How much is told at a login: at most so many `entries` that were missed, or so many to a newcomer; 0 is none."""

    entries: int = 1000
    newcomer_entries: int = 10


CATCHING_UP = CatchingUp()
