"""Commands about who is here: deeds (`chatsrv.chat.deeds`).

Never hears of bytes, sockets or wire formats. Everything here runs on the asker's thread.
"""

from chatsrv.chat.asker import Asker
from chatsrv.commands import Quit, Who
from chatsrv.reasons import Reason
from chatsrv.replies import Present

WHO_NAMES = 1000
"""Names that `Who` lists: a screenful many times over; the rest is counted."""


def who(asker: Asker, _: Who) -> None:
    """Tell who is in the asker's room."""
    names, more = asker.room.present(WHO_NAMES)
    asker.reply(Present(asker.room.name, names, more))


def leave(asker: Asker, _: Quit) -> None:
    """End the asker's session."""
    asker.hang_up(Reason.QUIT)
