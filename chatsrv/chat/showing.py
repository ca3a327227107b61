"""Commands about how lines are shown: deeds (`chatsrv.chat.deeds`) that choose a style for the asker's account.

The register has it, so it outlives a restart, and all sessions of the account follow. Never hears of bytes, sockets or
wire formats. Everything here runs on the asker's thread, with no lock held.
"""

from collections.abc import Mapping

from chatsrv.chat.asker import Asker
from chatsrv.chat.deciding import decide
from chatsrv.model.changes import Change, What
from chatsrv.model.commands import Set
from chatsrv.model.errors import Refused
from chatsrv.model.refusals import SameChoice
from chatsrv.model.replies import Notice
from chatsrv.model.style import CHOICES

_MEANINGS: Mapping[tuple[str, str], str] = {
    ("times", "off"): "lines are shown without their times",
    ("times", "on"): "each line begins with its time",
    ("rooms", "others"): "only lines of rooms that you do not speak in name their room",
    ("rooms", "always"): "each line names its room",
}
"""What is said of each value: what it means for whoever reads."""


def choose_style(asker: Asker, command: Set) -> None:
    """Show the asker's lines in another style from now on; without a value, tell what holds and what there is.

    Raises:
        Refused: that holds already, or it cannot be recorded.
    """
    option, value = command
    style = asker.hub.register.style_of(asker.key)
    if not value:
        for each in [option] if option else CHOICES:
            asker.reply(Notice(_state(each, getattr(style, each))))
        return
    if getattr(style, option) == value:
        raise Refused(SameChoice(option, value))
    decide(asker, Change(What.SET, text=f"{option} {value}"))
    for device in asker.hub.attendance.devices(asker.key):
        device.restyle()
    asker.reply(Notice(f"From now on {_MEANINGS[option, value]}."))


def _state(option: str, value: str) -> str:
    others = ", ".join(f"/set {option} {other}" for other in CHOICES[option] if other != value)
    return f"{option} is set to {value}: {_MEANINGS[option, value]}. {others} changes that."
