"""Commands about what was said before: deeds (`chatsrv.chat.deeds`).

Never hears of bytes, sockets or wire formats. Everything here runs on the asker's thread.
"""

from collections.abc import Iterable

from chatsrv.chat.asker import Asker
from chatsrv.chat.authority import room_here
from chatsrv.commands import CatchUp, History, More, PrivateHistory, Search
from chatsrv.errors import Refused
from chatsrv.replies import Notice, Reply


def show_history(asker: Asker, command: History) -> None:
    """Show the newest entries of a room that the asker is in."""
    show(asker, asker.lookback.history(asker.view, room_here(asker, command.room).log, command.entries))


def show_private_history(asker: Asker, command: PrivateHistory) -> None:
    """Show the newest private messages to the asker and of the asker.

    Raises:
        Refused: there are none.
    """
    hub, key = asker.hub, asker.key
    if not hub.has_private_log(key):
        raise Refused("There are no private messages to you or of yours yet.")
    called = "your private messages"
    show(asker, asker.lookback.history(asker.view, hub.private_log(key), command.entries, called))


def search(asker: Asker, command: Search) -> None:
    """Show what was said with some words in all that the asker may read."""
    show(asker, asker.lookback.search(asker.view, asker.logs, command.words))


def show_more(asker: Asker, _: More) -> None:
    """Show the page behind the one that was shown last."""
    show(asker, asker.lookback.more(asker.logs))


def show(asker: Asker, replies: Iterable[Reply]) -> None:
    """Tell the asker something long, as long as somebody reads it."""
    for reply in replies:
        asker.reply(reply)
        if asker.is_gone:
            return


def choose_catching_up(asker: Asker, command: CatchUp) -> None:
    """Keep whether the asker is told at a login what was missed."""
    asker.hub.bookmarks.keep_caught_up(asker.key, command.is_wanted)
    what = "what you missed" if command.is_wanted else "nothing of what you missed"
    asker.reply(Notice(f"From now on you are told {what} when you log in."))
