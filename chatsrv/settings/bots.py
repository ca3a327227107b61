"""The section `bots:`: the bots, which installed packages bring.

Makes no bot; of a plug-in it knows only whether it is installed. Frozen values; any thread reads them.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Field

from chatsrv.model.roomrules import RoomName
from chatsrv.model.section import Accepts, Section, wrong
from chatsrv.settings.plugins import BOTS_GROUP, installed


def _check_installed(name: str) -> str:
    there = installed(BOTS_GROUP)
    if name not in there:
        raise wrong(((), f"there is no plug-in of that name; installed are: {', '.join(there) or 'none'}"))
    return name


class BotPlugin(Section):
    """A bot in a room. All keys beside `bot` and `room` are its own options."""

    model_config = ConfigDict(extra="allow")

    bot: Annotated[str, AfterValidator(_check_installed), Accepts("the name of an installed plug-in")] = Field(
        description="Which bot; the other keys, but for `room`, are its own options."
    )
    room: RoomName | None = Field(
        default=None, description="Where it is: a room of `rooms.declared`; the default room if left out."
    )

    @property
    def options(self) -> Mapping[str, Any]:
        """What the plug-in is called with. May hold passwords."""
        return self.model_extra or {}


BotPlugins = Annotated[tuple[BotPlugin, ...], Field(strict=False), Accepts("a list of {bot: ...}")]
