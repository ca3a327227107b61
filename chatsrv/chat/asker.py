"""Who asks for a command: one session, as the functions that obey commands see it.

Never hears of bytes, sockets or wire formats. An `Asker` is its session's thread's alone. `reply`, `say` and `act` may
have to wait for slow peers and disks, so whoever calls them holds no lock.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

from chatsrv.chat.hub import Hub
from chatsrv.chat.lookback import Lookback, View
from chatsrv.chat.room import Room
from chatsrv.model.accounts import Account
from chatsrv.model.reasons import Reason
from chatsrv.model.replies import Reply
from chatsrv.roomlog.base import RoomLog


class Asker(Protocol):
    """One session that asks for something. `ChatSession` is what it is in a server."""

    @property
    def id(self) -> int:
        """The number that every log line about the session names."""

    @property
    def account(self) -> Account:
        """Who asks, with the role of this moment."""

    @property
    def key(self) -> str:
        """The key of the account."""

    @property
    def address(self) -> str:
        """Where the session comes from."""

    @property
    def rooms(self) -> Mapping[str, Room]:
        """The rooms that the session is in, by their names."""

    @property
    def room(self) -> Room:
        """The room that the session is speaking in.

        Raises:
            Refused: it speaks in none, as it is in none or was put out of the one in which it spoke; the text says how
                to mend that.
        """

    def turn_to(self, room: Room, told: Reply) -> bool:
        """Speak in a room from now on, if the session is in there, and be `told` so; return whether it is."""

    def go_into(self, room: Room) -> Callable[[], None]:
        """Enter a room, speak there from now on, and be told so.

        Returns what is to be called then, under no lock: it tells the asker of the room's topic, who is there, and what
        was said last, which waits for a peer who is slow.

        Raises:
            Refused: the account is banned there, was put out meanwhile, or it cannot be recorded.
        """

    def account_named(self, typed: str) -> Account:
        """Return the account that somebody calls so, whether it is here or not, with its role of this moment.

        Raises:
            Refused: there is none, or it cannot be told.
        """

    @property
    def hub(self) -> Hub:
        """All rooms, and what else belongs to the chat as a whole."""

    @property
    def origin(self) -> int:
        """What tells the session from all others, in entries."""

    @property
    def lookback(self) -> Lookback:
        """What the session looks up of before."""

    @property
    def view(self) -> View:
        """How it looks at what was before, at this moment."""

    @property
    def logs(self) -> list[RoomLog]:
        """The logs that it may look at: of the rooms that it is in, and its account's private one."""

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
