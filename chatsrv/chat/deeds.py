"""What is done for each command: one function a command, in the module of its subject.

A deed takes the asker and the command, and may raise `Refused`: the asker reads the text. What is said to a room is no
deed but `ChatSession`'s, since it comes in thousands. Never hears of bytes, sockets or wire formats. Deeds run on the
asker's thread, with no lock held.
"""

from collections.abc import Callable, Mapping
from typing import Any

from chatsrv.chat.asker import Asker
from chatsrv.chat.looking import choose_catching_up, look_back
from chatsrv.chat.presence import leave, who
from chatsrv.chat.repertoire import invoke, list_commands
from chatsrv.commands import CatchUp, Help, History, Invoke, More, Quit, Search, Who

DEEDS: Mapping[type, Callable[[Asker, Any], None]] = {
    Help: list_commands,
    Invoke: invoke,
    Who: who,
    History: look_back,
    Search: look_back,
    More: look_back,
    CatchUp: choose_catching_up,
    Quit: leave,
}
