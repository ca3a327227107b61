"""A subscription: one connection as a reader of one room's log.

Decides nothing. Belongs to the delivery thread.
"""

from typing import TYPE_CHECKING

from chatsrv.net.delivery.connection import Connection
from chatsrv.net.receipts.trail import Sent
from chatsrv.protocols.base import Renderer
from chatsrv.roomlog.base import RoomLog

if TYPE_CHECKING:
    from chatsrv.net.delivery.feed import Feed
    from chatsrv.net.delivery.tail import Tail


class Subscription:
    """What delivery knows of it. Without a `tail` it has yet to arrive; `renderer` is the one that it is to have."""

    __slots__ = ("connection", "feed", "held", "log", "renderer", "tail")

    def __init__(self, connection: Connection, log: RoomLog, renderer: Renderer, *, is_held: bool) -> None:
        self.connection = connection
        self.log = log
        self.renderer = renderer
        self.feed: Feed | None = None
        self.tail: Tail | None = None
        self.held: list[tuple[Sent, bytes]] | None = [] if is_held else None
        """While nothing of the log is to be written: what there is already, beside what the tail keeps."""

    @property
    def is_over(self) -> bool:
        """Whether the connection does not read the log any more, or reads it anew."""
        return self.connection.is_closing or self.connection.subscriptions.get(self.log) is not self
