"""What somebody writes who embeds a server: classes of their own, and a chat on any port.

Opens nothing by itself. Any thread.
"""

from typing import Any

from chatsrv import ChatServer, MemoryBackend, PlainSession
from tests.peer import PASSWORDS

ANYWHERE = ("127.0.0.1", 0)
ACCOUNTS = MemoryBackend(PASSWORDS)


def chat(session: Any = PlainSession, kind: type[ChatServer] = ChatServer, **options: Any) -> ChatServer:
    """Return a chat on any port for the accounts of `PASSWORDS`."""
    return kind(ANYWHERE, session, **{"auth": ACCOUNTS, **options})


def nothing(*_: object) -> None:
    """Do nothing."""


async def later(*_: object) -> None:
    """Do nothing, later."""


def defined(base: type, **members: Any) -> type:
    """Return a subclass as somebody else's module has it."""
    return type(f"My{base.__name__}", (base,), {"__module__": "somewhere", **members})
