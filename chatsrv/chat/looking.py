"""Commands about what was said before: deeds (`chatsrv.chat.deeds`).

Never hears of bytes, sockets or wire formats. Everything here runs on the asker's thread.
"""

from collections.abc import Iterable, Iterator

from chatsrv.chat.asker import Asker
from chatsrv.chat.authority import room_here
from chatsrv.chat.lookback import Logs
from chatsrv.model.commands import CatchUp, History, More, PrivateHistory, Search
from chatsrv.model.errors import Refused
from chatsrv.model.refusals import NothingSaid
from chatsrv.model.replies import Reply
from chatsrv.model.reports import CatchingUpSet
from chatsrv.sharing.effort import Effort
from chatsrv.sharing.slots import step_aside


def show_history(asker: Asker, command: History) -> None:
    """Show the newest entries of a room that the asker is in."""
    log = room_here(asker, command.room).log
    look_up(asker, asker.lookback.history(asker.view, _logs(asker), log, command.entries, _effort(asker)))


def show_private_history(asker: Asker, command: PrivateHistory) -> None:
    """Show the newest private messages to the asker and of the asker.

    Raises:
        Refused: there are none.
    """
    hub, key = asker.hub, asker.key
    if not hub.has_private_log(key):
        raise Refused(NothingSaid(""))
    log = hub.private_log(key)
    look_up(asker, asker.lookback.history(asker.view, _logs(asker), log, command.entries, _effort(asker)))


def search(asker: Asker, command: Search) -> None:
    """Show what was said with some words in all that the asker may read."""
    look_up(asker, asker.lookback.search(asker.view, _logs(asker), command.words, _effort(asker)))


def show_more(asker: Asker, _: More) -> None:
    """Show the page behind the one that was shown last."""
    look_up(asker, asker.lookback.more(_logs(asker), _effort(asker)))


def _logs(asker: Asker) -> Logs:
    return lambda: asker.logs


def _effort(asker: Asker) -> Effort:
    return Effort(lambda: not asker.is_gone)


def look_up(asker: Asker, replies: Iterator[Reply]) -> None:
    """Tell the asker what is read step by step, each when it is its account's turn, as long as somebody reads it.

    The steps are made without a slot: of those there may be one, and it is for what others wait for.
    """
    while True:
        with step_aside(), asker.hub.lookups.turn(asker.key):
            reply = None if asker.is_gone else next(replies, None)
        if reply is None:
            return
        asker.reply(reply)


def show(asker: Asker, replies: Iterable[Reply]) -> None:
    """Tell the asker something long, as long as somebody reads it."""
    for reply in replies:
        asker.reply(reply)
        if asker.is_gone:
            return


def choose_catching_up(asker: Asker, command: CatchUp) -> None:
    """Keep whether the asker is told at a login what was missed."""
    asker.hub.bookmarks.keep_caught_up(asker.key, command.is_wanted)
    asker.reply(CatchingUpSet(command.is_wanted))
