"""A session in a chat: commands become entries of a room's log.

Knows nothing of bytes and wire formats. Everything here runs on the session's own thread.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from chatsrv.accounts import Account
from chatsrv.chat.lookback import Lookback
from chatsrv.chat.rights import Right, require
from chatsrv.chat.room import Room
from chatsrv.commands import Act, Command, Help, Lookup, Quit, Say, Who
from chatsrv.entries import Kind
from chatsrv.errors import Refused
from chatsrv.net.session import Session
from chatsrv.reasons import Reason
from chatsrv.replies import CommandList, Notice, Present, Welcome

if TYPE_CHECKING:
    from chatsrv.net.server import ChatServer

APPEND_ENTRIES = 512
"""Entries that one session appends at once, before others get their turn."""

WHO_NAMES = 1000
"""Names that `Who` lists: a screenful many times over; the rest is counted."""


class ChatSession(Session):
    """A session whose peer talks in the lobby."""

    server: "ChatServer"
    account: Account
    room: Room
    _lookback: Lookback | None = None

    def opened(self) -> None:
        """Enter the lobby."""
        self.room = self.server.hub.lobby
        arrival = self.room.enter(self.account, self.connection.origin)
        self.reply(Welcome(self.account.name, arrival.others, arrival.more))
        self.server.delivery.subscribe(self.connection, self.room.log, arrival.position)

    def obey(self, commands: Sequence[Command]) -> None:
        """Obey commands of one kind."""
        kind = type(commands[0])
        try:
            if kind is Say:
                self._speak(Kind.SAY, commands)
            elif kind is Act:
                self._speak(Kind.ACTION, commands)
            elif kind is Quit:
                self.hang_up(Reason.QUIT)
            else:
                for command in commands:
                    self._answer(command)
                    if self.connection.reason:
                        return
        except Refused as refusal:
            self.reply(Notice(str(refusal)))

    def closed(self, reason: Reason) -> None:
        """Leave the lobby."""
        self.room.leave(self.account.name, self.connection.origin, reason)

    def _speak(self, kind: Kind, commands: Sequence[Command]) -> None:
        require(self.account, Right.SPEAK)
        texts = [command.text for command in commands]  # type: ignore[union-attr]  # all are Say, or all are Act
        for start in range(0, len(texts), APPEND_ENTRIES):
            self.server.delivery.pace(self.room.log)
            self.room.speak(kind, self.account.name, self.connection.origin, texts[start : start + APPEND_ENTRIES])

    def _answer(self, command: Command) -> None:
        if isinstance(command, Who):
            names, more = self.room.present(WHO_NAMES)
            self.reply(Present(self.room.name, names, more))
        elif isinstance(command, Help):
            self.reply(CommandList())
        elif isinstance(command, Lookup):
            self._look_back(command)

    def _look_back(self, command: Lookup) -> None:
        if self._lookback is None:
            self._lookback = Lookback(self.server.time_zone)
        for reply in self._lookback.answer(command, self.room.log, [self.room.log]):
            self.reply(reply)
            if self.connection.reason:
                return
