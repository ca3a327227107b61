"""What a server is made with, looked at before anything is opened: its address, its kind of session, the rest.

Opens nothing. Any thread.
"""

import socket
from functools import partial
from socketserver import BaseRequestHandler

from chatsrv.net.sessions.chatsession import ChatSession
from chatsrv.net.sessions.host import Host
from chatsrv.net.sessions.session import Session
from chatsrv.protocols.base import Writer


def check_sessions(factory: object, server: Host) -> None:
    """Look at the class that makes a server's sessions. What a function makes is seen when it has.

    Raises:
        TypeError: it makes none, or some that are not for this kind of server.
    """
    while isinstance(factory, partial):
        factory = factory.func
    if not isinstance(factory, type):
        if isinstance(factory, BaseRequestHandler) or not callable(factory):
            raise TypeError(f"RequestHandlerClass is {factory!r}; give the class of the sessions, such as PlainSession")
        return
    name, where = factory.__qualname__, type(server).__qualname__
    if not issubclass(factory, Session):
        raise TypeError(f"{name} is no session, so nobody would have to log in: give a subclass of LineSession")
    if issubclass(factory, ChatSession) and not server.is_chat:
        raise TypeError(f"{name} is a session of a chat, and {where} has no rooms: use ChatServer, or a LineSession")
    if server.is_chat and not issubclass(factory, ChatSession):
        raise TypeError(f"{name} is no session of a chat: use LoginServer in place of {where}, or a PlainSession")
    if getattr(factory, "protocol", None) is None:
        ready = "PlainSession or TelnetSession" if server.is_chat else "LineSession"
        raise TypeError(f"{name} speaks no wire format: use {ready}, or give it a `protocol`")


def writer_of(factory: object) -> Writer | None:
    """Return what writes to those who are turned away; `None` where nobody knows it before a session is made."""
    while isinstance(factory, partial):
        factory = factory.func
    writer = getattr(getattr(factory, "protocol", None), "writer", None)
    return writer if isinstance(writer, Writer) else None


def check_address(address: object, family: int) -> None:
    """Look at where a server is to listen.

    Raises:
        TypeError: that is no TCP address.
    """
    if family not in (socket.AF_INET, socket.AF_INET6):
        raise TypeError("address_family has to be AF_INET or AF_INET6: logins are judged by IP address")
    is_pair = isinstance(address, tuple | list) and len(address) in (2, 4)
    if not (is_pair and isinstance(address[0], str) and isinstance(address[1], int)):  # type: ignore[index]  # a pair has
        raise TypeError(f'server_address is {address!r}, and has to be (host, port), such as ("127.0.0.1", 61116)')


def expect(value: object, kind: type, name: str, example: str) -> None:
    """Look at an argument called `name` that may be left out.

    Raises:
        TypeError: it is none of that kind.
    """
    if isinstance(value, type) and issubclass(value, kind):
        raise TypeError(f"{name}={value.__name__} is a class; give one of its instances, such as {name}={example}")
    if value is not None and not isinstance(value, kind):
        raise TypeError(f"{name}={value!r:.100} is no {kind.__name__}; give one, such as {name}={example}")
