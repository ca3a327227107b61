"""A chat server with real logins, and the framework it is made of.

One idea carries the whole program: a session's thread turns bytes into commands; a command appends an entry to a room's
log; delivery, one thread, turns the log into bytes.

    cli         the command line                       app        the only wiring: settings to objects
    net         sockets and threads                    chat       rooms and people, no bytes
    roomlog     what was said, in order                protocols  bytes to values and back, no sockets
    auth        who are you?                           settings   every setting, declared once

    >>> from chatsrv import ChatServer, MemoryBackend, PlainSession
    >>> with ChatServer(("127.0.0.1", 0), PlainSession, auth=MemoryBackend({"alice": "wonderland"})) as server:
    ...     host, port = server.server_address  # and then: server.serve_forever()

docs/architecture.md follows one message through it.
"""

from chatsrv.app.sessions import LineSession, PlainSession, TelnetSession
from chatsrv.auth.backend import AuthBackend, EditableBackend, LoginContext, OneMoreStep
from chatsrv.auth.backends.htpasswd import HashedBackend
from chatsrv.auth.backends.memory import MemoryBackend
from chatsrv.auth.backends.yaml import YamlBackend
from chatsrv.auth.gate import Gate
from chatsrv.bots import Bot, Bots
from chatsrv.chat.asker import Asker
from chatsrv.chat.commandplugin import CommandPlugin
from chatsrv.chat.hub import Hub
from chatsrv.model.accounts import Account, Role
from chatsrv.model.errors import ChatError, Denied, Unavailable, UnknownUser
from chatsrv.model.history import CatchingUp
from chatsrv.model.limits import Limits
from chatsrv.model.login import Challenge
from chatsrv.model.reasons import Reason
from chatsrv.model.roomrules import DeclaredRoom, RoomRules
from chatsrv.net.listening.kind import ListenerKind
from chatsrv.net.listening.server import ChatServer, LoginServer
from chatsrv.net.sessions.chatsession import ChatSession
from chatsrv.net.sessions.session import Session

__all__ = [
    "Account",
    "Asker",
    "AuthBackend",
    "Bot",
    "Bots",
    "CatchingUp",
    "Challenge",
    "ChatError",
    "ChatServer",
    "ChatSession",
    "CommandPlugin",
    "DeclaredRoom",
    "Denied",
    "EditableBackend",
    "Gate",
    "HashedBackend",
    "Hub",
    "Limits",
    "LineSession",
    "ListenerKind",
    "LoginContext",
    "LoginServer",
    "MemoryBackend",
    "OneMoreStep",
    "PlainSession",
    "Reason",
    "Role",
    "RoomRules",
    "Session",
    "TelnetSession",
    "Unavailable",
    "UnknownUser",
    "YamlBackend",
]
