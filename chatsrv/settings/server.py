"""The section `server:`: what the server as a whole is called, and its time zone. Frozen values; any thread."""

from datetime import UTC, tzinfo
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

from chatsrv.model.section import Accepts, Section
from chatsrv.settings.kinds import Word

MACHINES_ZONE = "local"


def zone_of(time_zone: str) -> tzinfo | None:
    """Return the time zone of that name; `None` is the machine's.

    Raises:
        ValueError: this machine knows none of that name.
    """
    if time_zone == MACHINES_ZONE:
        return None
    if time_zone == "UTC":  # also on a machine that knows no others
        return UTC
    try:
        return ZoneInfo(time_zone)
    except (KeyError, OSError) as error:  # a directory of names is no name, nor is one that is too long
        raise ValueError(f"no time zone: {time_zone}") from error


def _time_zone(name: str) -> str:
    zone_of(name)
    return name


TimeZone = Annotated[
    str, AfterValidator(_time_zone), Accepts("local, UTC or a time zone such as Europe/Berlin, by its IANA name")
]


class Server(Section):
    """The server as a whole."""

    name: Annotated[Word, Accepts("text without spaces, such as the machine's full host name")] = Field(
        default="localhost", description="The name by which the server speaks of itself."
    )
    time_zone: TimeZone = Field(
        default=MACHINES_ZONE,
        description="The time zone in which chatters are told times; `local` is this machine's.",
    )
