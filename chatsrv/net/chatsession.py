"""A session in a chat: commands become entries of a room's log.

Knows nothing of bytes and wire formats. Everything here runs on the session's own thread.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

from chatsrv.accounts import Account
from chatsrv.chat.deeds import DEEDS
from chatsrv.chat.hub import Hub
from chatsrv.chat.lookback import Lookback
from chatsrv.chat.missed import Absence
from chatsrv.chat.room import Room
from chatsrv.commands import Act, Command, Say
from chatsrv.entries import Kind
from chatsrv.errors import Refused
from chatsrv.names import prepare_name
from chatsrv.net.catchup import catch_up
from chatsrv.net.kernel import forget_unacknowledged
from chatsrv.net.reading import Reading
from chatsrv.net.session import Session
from chatsrv.protocols.text import clean
from chatsrv.reasons import Reason
from chatsrv.replies import Notice, Welcome
from chatsrv.rights import require
from chatsrv.verbs import RIGHT_FOR

if TYPE_CHECKING:
    from chatsrv.net.server import ChatServer

APPEND_ENTRIES = 512
"""Entries that one session appends at once, before others get their turn."""

_SPOKEN: Mapping[type, Kind] = {Say: Kind.SAY, Act: Kind.ACTION}


class ChatSession(Session):
    """A session whose peer talks in the lobby; an `Asker`, to the commands."""

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
            last = min(arrival.position, self.room.log.end)
            absence = Absence(
                self.room.log,
                last,
                self.account.name,
                bookmark,
                has_own=not self.connection.renderer.omits_own,
                now=datetime.now(self.server.time_zone),
            )
            # What came before him and is not visible yet is live to who was here before, and nothing to a newcomer.
            live = arrival.position if bookmark is None else last
            catch_up(self.server.delivery, self.connection, reading, absence, hub.catching_up, live)
        else:
            reading.begin(arrival.position.offset, arrival.position.offset, None)
            self.server.delivery.subscribe(self.connection, self.room.log, arrival.position)

    def obey(self, commands: Sequence[Command]) -> None:
        """Obey commands of one kind."""
        kind = type(commands[0])
        if kind in _SPOKEN:
            texts = [command.text for command in commands]  # type: ignore[union-attr]  # all are Say, or all are Act
            self._attempt(self._speak, kind, texts)
        else:
            for command in commands:
                self._attempt(self._do, command)
                if self.is_gone:
                    return

    def closed(self, reason: Reason) -> None:
        """Leave the lobby."""
        self.room.leave(self.account.name, self.connection.origin, reason)

    def ended(self) -> None:
        """Keep how far the peer has read. What he has not is for his next login, so the kernel must not send it yet."""
        if self._reading and not self._reading.end():
            forget_unacknowledged(self.request)

    # ------------------------------------------------------------------ for commands: see `chatsrv.chat.asker.Asker`

    @property
    def id(self) -> int:
        """See `Asker.id`."""
        return self.connection.id

    @property
    def hub(self) -> Hub:
        """See `Asker.hub`."""
        return self.server.hub

    @property
    def lookback(self) -> Lookback:
        """See `Asker.lookback`."""
        if self._lookback is None:
            self._lookback = Lookback(self.server.time_zone)
        return self._lookback

    @property
    def is_gone(self) -> bool:
        """See `Asker.is_gone`."""
        return self.connection.reason is not None

    def say(self, text: str) -> None:
        """See `Asker.say`."""
        self._speak_for(Say, text)

    def act(self, text: str) -> None:
        """See `Asker.act`."""
        self._speak_for(Act, text)

    # ------------------------------------------------------------------ private

    @property
    def _account_key(self) -> str:
        return prepare_name(self.account.name)

    def _attempt(self, action: Callable[..., None], *arguments: Any) -> None:
        try:
            action(*arguments)
        except Refused as refusal:
            self.reply(Notice(str(refusal)))

    def _speak(self, kind: type[Command], texts: Sequence[str]) -> None:
        require(self.account, RIGHT_FOR[kind])
        for start in range(0, len(texts), APPEND_ENTRIES):
            self.server.delivery.pace(self.room.log)
            some = texts[start : start + APPEND_ENTRIES]
            self.room.speak(_SPOKEN[kind], self.account.name, self.connection.origin, some)

    def _speak_for(self, kind: type[Command], text: str) -> None:
        """Say what a plug-in wants said."""
        if text := clean(text).strip():
            self._speak(kind, [text])

    def _do(self, command: Command) -> None:
        if right := RIGHT_FOR.get(type(command)):
            require(self.account, right)
        if deed := DEEDS.get(type(command)):
            deed(self, command)
