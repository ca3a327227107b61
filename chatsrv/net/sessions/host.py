"""The server that sessions run in, as they know it: what they ask of it, whatever class it is of.

A server makes its sessions, so its module knows theirs, and not the other way round. Nothing runs here; what the calls
may be made from is said where they are made.
"""

from datetime import tzinfo
from typing import Any, Protocol

from chatsrv.auth.gate import Gate
from chatsrv.chat.hub import Hub
from chatsrv.model.limits import Limits
from chatsrv.net.delivery.connection import Connection
from chatsrv.net.delivery.delivery import Delivery
from chatsrv.net.listening.crowdlog import CrowdLog
from chatsrv.net.listening.turnstile import Turnstile
from chatsrv.net.wire import Wire
from chatsrv.sharing.flood import Buckets


class Host(Protocol):
    """A server whose sessions log in."""

    is_chat: bool
    name: str
    gate: Gate
    limits: Limits
    delivery: Delivery
    turnstile: Turnstile
    buckets: Buckets
    crowd_log: CrowdLog

    def wire_for(self, request: Any) -> Wire:
        """Return what lies between a new session and its socket."""

    def connect(self, session: Any) -> Connection:
        """Take a session's wire on."""

    def disconnect(self, session: Any) -> None:
        """Forget a session."""


class ChatHost(Host, Protocol):
    """A server whose sessions are those of a chat."""

    hub: Hub
    time_zone: tzinfo | None
