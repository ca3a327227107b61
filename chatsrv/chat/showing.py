"""Commands about how lines are shown: deeds (`chatsrv.chat.deeds`) that choose a style for the asker's account.

The register has it, so it outlives a restart, and all sessions of the account follow. Never hears of bytes, sockets or
wire formats. Everything here runs on the asker's thread, with no lock held.
"""

from chatsrv.chat.asker import Asker
from chatsrv.chat.deciding import decide
from chatsrv.model.changes import Change, What
from chatsrv.model.commands import Set
from chatsrv.model.errors import Refused
from chatsrv.model.refusals import SameChoice
from chatsrv.model.reports import StyleSet, StyleTold
from chatsrv.model.style import CHOICES


def choose_style(asker: Asker, command: Set) -> None:
    """Show the asker's lines in another style from now on; without a value, tell what holds and what there is.

    Raises:
        Refused: that holds already, or it cannot be recorded.
    """
    option, value = command
    style = asker.hub.register.style_of(asker.key)
    if not value:
        for each in [option] if option else CHOICES:
            asker.reply(StyleTold(each, getattr(style, each)))
        return
    if getattr(style, option) == value:
        raise Refused(SameChoice(option, value))
    decide(asker, Change(What.SET, text=f"{option} {value}"))
    for device in asker.hub.attendance.devices(asker.key):
        device.restyle()
    asker.reply(StyleSet(option, value))
