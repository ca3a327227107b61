"""A kind of listener: what is spoken there. The contract of a plug-in that brings one.

Opens nothing, and knows no kind. Frozen values; any thread.
"""

from dataclasses import dataclass

from chatsrv.model.errors import PluginError
from chatsrv.net.listening.server import ChatServer
from chatsrv.net.sessions.chatsession import ChatSession


@dataclass(frozen=True, slots=True)
class ListenerKind:
    """What is spoken on a listener: its sessions are of the class `session`, whose `protocol` is the wire format.

    A `server` class of its own can have a layer below that (`wire_for`), or look at peers before they are let in.

    Raises:
        PluginError: these are no classes of a chat's sessions and servers, or there is no wire format.
    """

    session: type[ChatSession]
    server: type[ChatServer] = ChatServer

    def __post_init__(self) -> None:
        if not (isinstance(self.session, type) and issubclass(self.session, ChatSession)):
            raise PluginError(f"ListenerKind({self.session!r:.100}) names no class of sessions; give it a ChatSession")
        if not (isinstance(self.server, type) and issubclass(self.server, ChatServer)):
            raise PluginError(f"ListenerKind(server={self.server!r:.100}) is no class of servers; give it a ChatServer")
        if getattr(self.session, "protocol", None) is None:
            raise PluginError(f"{self.session.__qualname__} speaks no wire format; give it a `protocol`")
