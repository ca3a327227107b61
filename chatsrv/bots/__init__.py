"""Bots: members of a chat that live in the server's process.

    bot    `Bot`, to be subclassed: what it hears, what it says, and its place in the log
    stay   one bot in one room, from its coming to its going, on a thread of its own
    crew   `Bots`: those of a server, started and ended together

A bot reads the room's log with a `chatsrv.chat.cursor.Cursor` and speaks as sessions do. It knows no sockets.
"""

from chatsrv.bots.bot import Bot
from chatsrv.bots.crew import Bots

__all__ = ["Bot", "Bots"]
