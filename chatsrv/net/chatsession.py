"""A session in a chat: commands become entries of a room's log.

Knows nothing of bytes and wire formats. Everything here runs on the session's own thread.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from chatsrv.accounts import Account
from chatsrv.chat.lookback import Lookback
from chatsrv.chat.missed import Absence
from chatsrv.chat.room import Room
from chatsrv.commands import Act, CatchUp, Command, Help, Lookup, Quit, Say, Who
from chatsrv.entries import Kind
from chatsrv.errors import Refused
from chatsrv.names import prepare_name
from chatsrv.net.catchup import catch_up
from chatsrv.net.kernel import forget_unacknowledged
from chatsrv.net.reading import Reading
from chatsrv.net.session import Session
from chatsrv.reasons import Reason
from chatsrv.replies import CommandList, Notice, Present, Welcome
from chatsrv.rights import Right, require

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
    catches_up: ClassVar[bool] = True
    """Whether people are told at the login what they missed, unless they said that they do not want it."""

    _lookback: Lookback | None = None
    _reading: Reading | None = None

    def opened(self) -> None:
        """Enter the lobby, tell what was missed there, and go live."""
        hub = self.server.hub
        self.room = hub.lobby
        reading = self._reading = Reading(self.connection, self.room.log, self._account_key, hub.bookmarks)
        is_wanted, trouble = self.catches_up and any(hub.catching_up), ""
        try:
            bookmark = reading.open()
            is_wanted = is_wanted and hub.bookmarks.is_caught_up(self._account_key)
        except Refused as refusal:
            is_wanted, trouble = False, str(refusal)
        arrival = self.room.enter(self.account, self.connection.origin)
        self.reply(Welcome(self.account.name, arrival.others, arrival.more))
        if trouble:
            self.reply(Notice(trouble))
        if is_wanted:
            absence = Absence(
                self.room.log,
                min(arrival.position, self.room.log.end),  # what is not visible yet is live
                self.account.name,
                bookmark,
                has_own=not self.connection.renderer.omits_own,
                now=datetime.now(self.server.time_zone),
            )
            catch_up(self.server.delivery, self.connection, reading, absence, hub.catching_up)
        else:
            reading.begin(arrival.position.offset, arrival.position.offset, None)
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

    def ended(self) -> None:
        """Keep how far the peer has read. What he has not is for his next login, so the kernel must not send it yet."""
        if self._reading and not self._reading.end():
            forget_unacknowledged(self.request)

    @property
    def _account_key(self) -> str:
        return prepare_name(self.account.name)

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
        elif isinstance(command, CatchUp):
            self.server.hub.bookmarks.keep_caught_up(self._account_key, command.is_wanted)
            what = "what you missed" if command.is_wanted else "nothing of what you missed"
            self.reply(Notice(f"From now on you are told {what} when you log in."))
        elif isinstance(command, Lookup):
            self._look_back(command)

    def _look_back(self, command: Lookup) -> None:
        if self._lookback is None:
            self._lookback = Lookback(self.server.time_zone)
        for reply in self._lookback.answer(command, self.room.log, [self.room.log]):
            self.reply(reply)
            if self.connection.reason:
                return
