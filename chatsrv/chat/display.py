"""The contract of what moves bytes for one session, as its `Membership` sees it.

A membership decides where its session is; a display shows that to the peer: it reads logs on from a position, holds
them back, and stops. `chatsrv.net.sessions.display` has the one of a server. Any thread may call, also one that holds
the session's lock; where a method waits, it says so.
"""

from collections.abc import Callable
from typing import Protocol

from chatsrv.model.accounts import Account
from chatsrv.model.entries import Bookmark, Position
from chatsrv.model.reasons import Reason
from chatsrv.model.replies import Reply
from chatsrv.model.style import Style
from chatsrv.roomlog.base import RoomLog


class Display(Protocol):
    """Shows one session's peer the logs that it reads, and knows the session."""

    # ------------------------------------------------------------------ whose it is

    @property
    def account(self) -> Account:
        """Whose session it is, with the role of this moment."""

    @property
    def origin(self) -> int:
        """What tells the session from all others, in entries."""

    @property
    def address(self) -> str:
        """The IP address that the session comes from."""

    @property
    def is_ending(self) -> bool:
        """Whether the session ends, so that it is to enter nothing more."""

    @property
    def shows_own(self) -> bool:
        """Whether the peer is shown what it wrote itself."""

    # ------------------------------------------------------------------ how far its account has read

    def open(self, log: RoomLog) -> Bookmark | None:
        """Begin to read a log; return how far the account has read it, by whichever session: `None` for never.

        May wait for delivery and the store. `subscribe` or `give_up` must follow, whether this raises or not.

        Raises:
            Refused: that cannot be read at the moment.
        """

    def keep_first(self, log: RoomLog) -> None:
        """Keep that the account begins to read a log that is open, before its coming is appended. Never waits."""

    def give_up(self, log: RoomLog) -> None:
        """Read a log that was opened no further: the session does not get into its room."""

    # ------------------------------------------------------------------ what the peer is shown

    def subscribe(
        self, log: RoomLog, after: Position, *, is_marked: bool = False, is_held: bool = False, is_frozen: bool = False
    ) -> None:
        """Show what comes after a position of a log that is open; its lines are marked if the peer speaks elsewhere.

        If it `is_held`, nothing of it is shown before what was missed is told. If it `is_frozen`, nothing of it counts
        as read: what came before cannot be told now, and is to be told the next time.
        """

    def unsubscribe(self, log: RoomLog) -> None:
        """Show nothing more of a log; wait until that is so."""

    def turn_to(self, log: RoomLog | None) -> None:
        """Mark the lines of all logs but this one, in which the peer speaks."""

    def ignore(self, accounts: frozenset[str]) -> None:
        """Show nothing of what these accounts say, which are told by their keys."""

    def restyle(self, style: Style) -> None:
        """Show lines in another style. Of what is subscribed to already, from the next `turn_to` on."""

    def tell(self, reply: Reply) -> None:
        """Show a reply, after all that was asked for before. Never waits."""

    def hang_up(self, reason: Reason) -> None:
        """End the session. Never waits."""

    def wait_until_over(self) -> None:
        """Wait, once the session ends, until nothing more of any log is shown."""

    # ------------------------------------------------------------------ and keeping time

    def look_later(self, seconds: float, look: Callable[[], float | None]) -> None:
        """Call `look` in so many seconds, and again in as many as it returns each time; it must not wait."""
