"""Who asks for a command: one session, as the functions that obey commands see it.

Never hears of bytes, sockets or wire formats. An `Asker` is its session's thread's alone. `reply`, `say` and `act` may
have to wait for slow peers and disks, so whoever calls them holds no lock.
"""

from typing import TYPE_CHECKING, Protocol

from chatsrv.accounts import Account
from chatsrv.chat.lookback import Lookback
from chatsrv.chat.room import Room
from chatsrv.reasons import Reason
from chatsrv.replies import Reply

if TYPE_CHECKING:
    from chatsrv.chat.hub import Hub


class Asker(Protocol):
    """One session that asks for something. `ChatSession` is what it is in a server."""

    @property
    def id(self) -> int:
        """The number that every log line about the session names."""

    @property
    def account(self) -> Account:
        """Who asks, with the role of this moment."""

    @property
    def room(self) -> Room:
        """The room that the session is speaking in."""

    @property
    def hub(self) -> "Hub":
        """All rooms, and what else belongs to the chat as a whole."""

    @property
    def lookback(self) -> Lookback:
        """What the session looks up of before."""

    @property
    def is_gone(self) -> bool:
        """Whether the session is ending, so that nobody reads more."""

    def reply(self, reply: Reply) -> None:
        """Tell the asker something, and nobody else."""

    def say(self, text: str) -> None:
        """Say `text` in the room, in the asker's name. What could harm a terminal is taken out of it.

        Raises:
            Refused: the asker may not speak there, or it cannot be recorded.
        """

    def act(self, text: str) -> None:
        """Do `text` in the room, in the asker's name, as `/me` does; else as `say`."""

    def hang_up(self, reason: Reason = Reason.QUIT) -> None:
        """End the session."""
