"""The sentences of every reply: what one session is told, line by line.

A new kind of reply gets its words by a line in the table. Knows nothing of how a line is marked or ends, and shows no
entries: how these look is the wire format's. Pure functions; any thread may call them.
"""

from collections.abc import Callable, Mapping
from typing import Any

from chatsrv.model import replies
from chatsrv.model.refusals import Refusal
from chatsrv.model.replies import Reply
from chatsrv.model.reports import Report
from chatsrv.wording import before, commands, rooms, sessions
from chatsrv.wording.refusals import explain
from chatsrv.wording.reports import report


def tell(reply: Reply) -> list[str]:
    """Return what a person reads of a reply, a sentence or more for each line; nothing of one that is entries alone.

    >>> tell(replies.ListEnd(is_all=True))
    ['(end; that is all)']
    """
    if isinstance(reply, Refusal):
        return [explain(reply)]
    if isinstance(reply, Report):
        return [report(reply)]
    words = _WORDS.get(type(reply))
    if words is None:
        return []
    told = words(reply)
    return [told] if isinstance(told, str) else told


_WORDS: Mapping[type[Any], Callable[[Any], str | list[str]]] = {
    # the session
    replies.Welcome: sessions.welcome_to_chat,
    replies.LoginRefused: lambda it: explain(it.why),
    replies.Notice: lambda it: it.text,
    # commands
    replies.Usage: commands.misused,
    replies.CommandList: commands.listed,
    replies.UnknownCommand: commands.unknown,
    # rooms
    replies.Present: rooms.present,
    replies.RoomList: rooms.room_list,
    replies.TopicTold: rooms.topic,
    replies.RulingList: rooms.ruling_list,
    replies.ListEnd: rooms.list_end,
    # before
    replies.Missing: before.missing,
    replies.PastEnd: before.past_end,
    replies.Comings: before.who_came_and_went,
    replies.Away: before.away,
    replies.AwayEnd: lambda _: before.AWAY_END,
}
