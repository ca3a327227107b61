"""The session that asks for a command, as the functions that obey commands see it.

Never hears of bytes, sockets or wire formats. An `Asker` is its session's thread's alone. `reply`, `catch_up`, `say`
and `act` may have to wait for slow peers and disks, so whoever calls them holds no lock.
"""

from collections.abc import Mapping, Sequence

from chatsrv.chat.entrances import Entrance
from chatsrv.chat.hub import Hub
from chatsrv.chat.lookback import Lookback, View
from chatsrv.chat.membership import Membership
from chatsrv.chat.room import Room
from chatsrv.model.accounts import Account
from chatsrv.model.reasons import Reason
from chatsrv.model.replies import Reply
from chatsrv.roomlog.base import RoomLog


class Asker:
    """One session that asks for something. `ChatSession` is what it is in a server.

    A session says how to reply, how something is said, and how it ends; all else follows from its membership. A plain
    class and no ABC, whose `_abc_impl` would be taken for a name that a subclass of somebody's session overrides.
    """

    account: Account
    """The account that asks, with the role of this moment."""

    membership: Membership
    """Where the session is."""

    _lookback: Lookback | None = None

    # ------------------------------------------------------------------ what the session has

    @property
    def id(self) -> int:
        """The number that every log line about the session names."""
        raise NotImplementedError

    @property
    def is_gone(self) -> bool:
        """Whether the session is ending, so that nobody reads more."""
        raise NotImplementedError

    def account_named(self, typed: str) -> Account:
        """Return the account that somebody calls so, whether it is here or not, with its role of this moment.

        Raises:
            Refused: there is none, or it cannot be told.
        """
        raise NotImplementedError

    def reply(self, reply: Reply) -> None:
        """Tell the asker something, and nobody else."""
        raise NotImplementedError

    def catch_up(self, entrances: Sequence[Entrance]) -> None:
        """Tell the asker what it missed where it has just come in, and let it go live there."""
        raise NotImplementedError

    def say(self, text: str) -> None:
        """Say `text` in the room, in the asker's name. What could harm a terminal is taken out of it.

        Raises:
            Refused: the asker may not speak there, or it cannot be recorded.
        """
        raise NotImplementedError

    def act(self, text: str) -> None:
        """Do `text` in the room, in the asker's name, as `/me` does; else as `say`."""
        raise NotImplementedError

    def hang_up(self, reason: Reason = Reason.QUIT) -> None:
        """End the session."""
        raise NotImplementedError

    # ------------------------------------------------------------------ what follows from its membership

    @property
    def hub(self) -> Hub:
        """All rooms, and what else belongs to the chat as a whole."""
        return self.membership.hub

    @property
    def key(self) -> str:
        """The key of the account."""
        return self.account.key

    @property
    def origin(self) -> int:
        """What tells the session from all others, in entries."""
        return self.membership.origin

    @property
    def address(self) -> str:
        """Where the session comes from."""
        return self.membership.address

    @property
    def rooms(self) -> Mapping[str, Room]:
        """The rooms that the session is in, by their names."""
        return self.membership.rooms

    @property
    def room(self) -> Room:
        """The room that the session is speaking in; see `Membership.room`."""
        return self.membership.room

    @property
    def view(self) -> View:
        """How it looks at what was before, at this moment."""
        return self.membership.view

    @property
    def logs(self) -> list[RoomLog]:
        """The logs that it may look at; see `Membership.logs`."""
        return self.membership.logs

    @property
    def lookback(self) -> Lookback:
        """What the session looks up of before."""
        if self._lookback is None:
            self._lookback = Lookback()
        return self._lookback
