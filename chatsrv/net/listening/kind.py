"""A kind of listener: what is spoken there. The contract of a plug-in that brings one.

Opens nothing, and knows no kind. Frozen values; any thread.
"""

from dataclasses import dataclass

from chatsrv.model.errors import PluginError
from chatsrv.net.sessions.chatsession import ChatSession


@dataclass(frozen=True, slots=True)
class ListenerKind:
    """What is spoken on a listener: its sessions are of the class `session`, whose `protocol` is the wire format.

    Raises:
        PluginError: that class is no session of a chat, or has no wire format.
    """

    session: type[ChatSession]

    def __post_init__(self) -> None:
        if not (isinstance(self.session, type) and issubclass(self.session, ChatSession)):
            raise PluginError(f"ListenerKind({self.session!r:.100}) names no class of sessions; give it a ChatSession")
        if getattr(self.session, "protocol", None) is None:
            raise PluginError(f"{self.session.__qualname__} speaks no wire format; give it a `protocol`")
