"""Commands about what was said before: deeds (`chatsrv.chat.deeds`).

Never hears of bytes, sockets or wire formats. Everything here runs on the asker's thread.
"""

from chatsrv.chat.asker import Asker
from chatsrv.commands import CatchUp, Lookup
from chatsrv.names import prepare_name
from chatsrv.replies import Notice


def look_back(asker: Asker, command: Lookup) -> None:
    """Show a page of what was said before."""
    log = asker.room.log
    for reply in asker.lookback.answer(command, log, [log]):
        asker.reply(reply)
        if asker.is_gone:
            return


def choose_catching_up(asker: Asker, command: CatchUp) -> None:
    """Keep whether the asker is told at a login what was missed."""
    asker.hub.bookmarks.keep_caught_up(prepare_name(asker.account.name), command.is_wanted)
    what = "what you missed" if command.is_wanted else "nothing of what you missed"
    asker.reply(Notice(f"From now on you are told {what} when you log in."))
