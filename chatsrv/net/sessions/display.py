"""The display of a session: what its membership decides, done with its connection, by delivery.

Decides nothing about chat. Any thread may call, also one that holds the session's lock: `open`, `unsubscribe` and
`wait_until_over` wait for delivery, and nothing here waits for a peer.
"""

from collections.abc import Callable
from datetime import tzinfo
from typing import NamedTuple, Protocol

from chatsrv.chat.bookmarks import Bookmarks
from chatsrv.model.accounts import Account
from chatsrv.model.distinct import distinct
from chatsrv.model.entries import Bookmark, Position
from chatsrv.model.reasons import Reason
from chatsrv.model.replies import Reply
from chatsrv.model.style import Style
from chatsrv.net.delivery.connection import Connection
from chatsrv.net.delivery.delivery import Delivery
from chatsrv.roomlog.base import RoomLog


class AccountHolder(Protocol):
    """A session, as far as its display is concerned."""

    @property
    def account(self) -> Account:
        """Whose it is, with the role of this moment."""

    def hang_up(self, reason: Reason) -> None:
        """End it."""


@distinct
class _Ended(NamedTuple):
    """What is left of a session that has ended, for whoever still has its display."""

    account: Account

    def hang_up(self, reason: Reason) -> None:
        """Do nothing."""


class SessionDisplay:
    """A `Display` that shows logs to the peer of `connection`; times of live lines are told in `zone`.

    It holds its session until `close`. Others may hold it for longer.
    """

    __slots__ = ("_connection", "_delivery", "_holder", "_zone", "receipts")

    def __init__(
        self,
        holder: AccountHolder,
        connection: Connection,
        delivery: Delivery,
        bookmarks: Bookmarks,
        zone: tzinfo | None,
    ) -> None:
        self._holder = holder
        self._connection = connection
        self._delivery = delivery
        self._zone = zone
        self.receipts = connection.begin_receipts(holder.account.key, bookmarks)

    def close(self) -> None:
        """Know of the session, which has ended, no more than its account."""
        self._holder = _Ended(self._holder.account)

    # ------------------------------------------------------------------ see `Display`

    @property
    def account(self) -> Account:
        """See `Display.account`."""
        return self._holder.account

    @property
    def origin(self) -> int:
        """See `Display.origin`."""
        return self._connection.origin

    @property
    def address(self) -> str:
        """See `Display.address`."""
        return self._connection.address

    @property
    def is_ending(self) -> bool:
        """See `Display.is_ending`."""
        return self._connection.reason is not None

    @property
    def shows_own(self) -> bool:
        """See `Display.shows_own`."""
        return not self._connection.renderer.omits_own

    def open(self, log: RoomLog) -> Bookmark | None:
        """See `Display.open`."""
        return self.receipts.open(log)

    def keep_first(self, log: RoomLog) -> None:
        """See `Display.keep_first`."""
        self.receipts.keep_first(log)

    def give_up(self, log: RoomLog) -> None:
        """See `Display.give_up`."""
        self.receipts.give_up(log)

    def subscribe(
        self, log: RoomLog, after: Position, *, is_marked: bool = False, is_held: bool = False, is_frozen: bool = False
    ) -> None:
        """See `Display.subscribe`."""
        if not is_held:  # else it begins with what was missed: see `catch_up`
            self.receipts.begin(log, after.offset, after.offset, None)
        if is_frozen:
            self.receipts.freeze(log)
        self._delivery.subscribe(self._connection, log, after, is_marked=is_marked, is_held=is_held)

    def unsubscribe(self, log: RoomLog) -> None:
        """See `Display.unsubscribe`."""
        self._delivery.unsubscribe(self._connection, log)
        self.receipts.leave(log)

    def turn_to(self, log: RoomLog | None) -> None:
        """See `Display.turn_to`."""
        self._delivery.turn_to(self._connection, log)

    def ignore(self, accounts: frozenset[str]) -> None:
        """See `Display.ignore`."""
        self._delivery.ignore(self._connection, accounts)

    def restyle(self, style: Style) -> None:
        """See `Display.restyle`."""
        writer = self._connection.writer
        self._connection.write_by(writer.showing_by(writer.renderer.styled(style, self._zone)))

    def tell(self, reply: Reply) -> None:
        """See `Display.tell`."""
        self._connection.notify(reply)

    def hang_up(self, reason: Reason) -> None:
        """See `Display.hang_up`."""
        self._holder.hang_up(reason)

    def wait_until_over(self) -> None:
        """See `Display.wait_until_over`."""
        self._connection.wait_until_unsubscribed()

    def look_later(self, seconds: float, look: Callable[[], float | None]) -> None:
        """See `Display.look_later`."""
        self._delivery.look_later(seconds, look)
