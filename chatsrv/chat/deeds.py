"""What is done for each command: one function a command, in the module of its subject.

A deed takes the asker and the command, and may raise `Refused`: the asker reads the text. What is said to a room is no
deed but `ChatSession`'s, since it comes in thousands. Never hears of bytes, sockets or wire formats. Deeds run on the
asker's thread, with no lock held.
"""

from collections.abc import Callable, Mapping
from typing import Any

from chatsrv.chat.asker import Asker
from chatsrv.chat.auditing import audit, list_bans
from chatsrv.chat.helping import invoke, list_commands
from chatsrv.chat.looking import choose_catching_up, search, show_history, show_more, show_private_history
from chatsrv.chat.moderation import ban, kick, mute, unban, unmute
from chatsrv.chat.private import ignore, tell_privately, unignore
from chatsrv.chat.rooming import create, invite, join, leave, list_rooms, part, slow, topic, who
from chatsrv.chat.showing import choose_style
from chatsrv.model.commands import (
    Audit,
    Ban,
    Bans,
    CatchUp,
    Create,
    Help,
    History,
    Ignore,
    Invite,
    Invoke,
    Join,
    Kick,
    ListRooms,
    More,
    Mute,
    Part,
    PrivateHistory,
    PrivateMessage,
    Quit,
    Search,
    Set,
    Slow,
    Topic,
    Unban,
    Unignore,
    Unmute,
    Who,
)

DEEDS: Mapping[type, Callable[[Asker, Any], None]] = {
    Help: list_commands,
    Invoke: invoke,
    Quit: leave,
    Who: who,
    ListRooms: list_rooms,
    Join: join,
    Part: part,
    Create: create,
    Topic: topic,
    Invite: invite,
    Slow: slow,
    PrivateMessage: tell_privately,
    Ignore: ignore,
    Unignore: unignore,
    Kick: kick,
    Ban: ban,
    Unban: unban,
    Mute: mute,
    Unmute: unmute,
    Bans: list_bans,
    Audit: audit,
    History: show_history,
    PrivateHistory: show_private_history,
    Search: search,
    More: show_more,
    CatchUp: choose_catching_up,
    Set: choose_style,
}
