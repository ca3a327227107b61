"""Which logs a command about the history looks into: those of rooms, and private ones only where that is asked for.

The register is never among them: `history audit` shows that one. Main thread only.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

import click

from chatsrv.cli.program import Failed
from chatsrv.model.distinct import distinct
from chatsrv.model.entries import PRIVATE_MARK, REGISTER
from chatsrv.text.names import account_key, prepare_room

room_option = click.option(
    "--room", metavar="NAME", help="Only what was said in this room; @NAME is what was written to an account, or by it."
)
private_option = click.option("--private", "has_private", is_flag=True, help="Private messages, too.")


@distinct
class Looked(NamedTuple):
    """The log that is looked into, or `None` for all of which `only` says so."""

    room: str | None
    only: Callable[[str], bool]


def parse_rooms(room: str | None, *, has_private: bool) -> Looked:
    """Return which logs the options mean.

    Raises:
        Failed: the register.
    """
    if room == REGISTER:
        raise Failed("that is the register of all that was decided; `chatsrv history audit` shows it")
    if room is not None and is_private(room):
        room = PRIVATE_MARK + account_key(room.removeprefix(PRIVATE_MARK))
    elif room is not None:
        with suppress(ValueError):  # it may be of a damaged file
            room = prepare_room(room)
    return Looked(room, lambda name: name != REGISTER and (has_private or not is_private(name)))


def is_private(room: str) -> bool:
    """Tell whether that is the log of an account, with private messages."""
    return room.startswith(PRIVATE_MARK)
