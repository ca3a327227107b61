"""A session in a chat: commands become entries of rooms' logs.

Knows nothing of bytes and wire formats. Everything here runs on the session's own thread. Others act on its
`Membership`.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any, ClassVar

from chatsrv.chat.asker import Asker
from chatsrv.chat.authority import room_here
from chatsrv.chat.deeds import DEEDS
from chatsrv.chat.entrances import Entrance
from chatsrv.chat.facts import until_and_why
from chatsrv.chat.membership import Membership
from chatsrv.model.accounts import Account
from chatsrv.model.commands import Act, Command, Say
from chatsrv.model.entries import Kind
from chatsrv.model.errors import NotRecorded, Refused
from chatsrv.model.reasons import Reason
from chatsrv.model.refusals import Banned, TooFast
from chatsrv.model.replies import LoginRefused
from chatsrv.model.requiring import require
from chatsrv.model.rights import Right, may
from chatsrv.model.verbs import RIGHT_FOR
from chatsrv.net.overriding import extend
from chatsrv.net.sessions.catchup import catch_up
from chatsrv.net.sessions.display import SessionDisplay
from chatsrv.net.sessions.host import ChatHost
from chatsrv.net.sessions.session import Session
from chatsrv.sharing.slots import Urgency, give_way
from chatsrv.text.characters import BLANK
from chatsrv.text.cleaning import clean

APPEND_ENTRIES = 512
"""Entries that one session appends at once, before others get their turn."""

TALK_SECONDS = 60.0
"""How long somebody counts as being in a conversation after they said something."""

_ROOM = itemgetter(Say._fields.index("room"))
"""Where something is to be said."""

_SPOKEN: Mapping[type, Kind] = {Say: Kind.SAY, Act: Kind.ACTION}


class ChatSession(Session, Asker):
    """A session whose peer talks in rooms; an `Asker`, to the commands. Others act on its `Membership`."""

    server: ChatHost  # type: ignore[assignment]  # as in `Session`
    account: Account
    keeps_slot: ClassVar[bool] = True
    catches_up: ClassVar[bool] = True
    """Whether people are told at the login what they missed, unless they said that they do not want it."""

    _talked_at = -TALK_SECONDS
    _is_paid = False
    """Whether a plug-in may say something for the command that it obeys, which is a line by itself."""

    _display: SessionDisplay | None = None
    """What shows the rooms to the peer, from the login on."""

    @extend("enters the rooms")
    def opened(self) -> None:
        """Enter the account's rooms, tell what was missed there, and go live."""
        server, hub, connection = self.server, self.server.hub, self.connection
        display = SessionDisplay(self, connection, server.delivery, hub.bookmarks, server.time_zone)
        self.membership = Membership(hub, display, server.time_zone, catches_up=self.catches_up)
        self._display = display
        hub.attendance.add(self.membership)  # before looking: who is banned from now on is hung up
        if ban := hub.ban_of(self.account, self.address):
            self.reply(Banned("", *until_and_why(ban, server.time_zone, hub.register.ignored_by(self.key))))
            self.reply(LoginRefused())
            self.hang_up(Reason.LOGIN_FAILED)
            return
        opening = self.membership.open()
        for refusal in dict.fromkeys(trouble.why for trouble in opening.troubles):
            self.reply(refusal)
        self.catch_up(opening.entrances)

    @property
    def urgency(self) -> Urgency:  # type: ignore[override]  # a class attribute is one way to have it
        """See `Session.urgency`. Those in a conversation do not wait behind a crowd that joins or leaves."""
        return Urgency.TALK if time.monotonic() - self._talked_at < TALK_SECONDS else Urgency.DEEDS

    def obey(self, commands: Sequence[Command]) -> None:
        """Obey commands of one kind."""
        kind = type(commands[0])
        if kind in _SPOKEN:
            for room, run in groupby(commands, _ROOM):
                texts = [command.text for command in run]  # type: ignore[union-attr]  # all are Say, or all are Act
                self._attempt(self._speak, kind, texts, room)
        else:
            for command in commands:
                give_way(Urgency.DEEDS)
                self._attempt(self._do, command)
                self.connection.outbox.wait_for_space()  # for what was told without waiting, under a lock
                if self.is_gone:
                    return

    @extend("leaves the rooms")
    def closed(self, reason: Reason) -> None:
        """Leave all rooms, once nothing more of them is written: whoever throws the account out waits for that, too."""
        if self._display:
            self.membership.leave_all(reason)
            self.hub.attendance.remove(self.membership)

    @extend("keeps how far the peer has read")
    def ended(self) -> None:
        """Keep how far the peer has read. What it has not is for the next login, so the kernel must not send it yet."""
        if self._lookback:
            self._lookback.close()
        if self._display:
            self._display.close()
            self.connection.end_receipts()

    # ------------------------------------------------------------------ for commands: see `chatsrv.chat.asker.Asker`

    @property
    def id(self) -> int:
        """See `Asker.id`."""
        return self.connection.id

    @property
    def is_gone(self) -> bool:
        """See `Asker.is_gone`."""
        return self.connection.reason is not None

    def account_named(self, typed: str) -> Account:
        """See `Asker.account_named`."""
        return self.server.gate.account_named(typed)

    def catch_up(self, entrances: Sequence[Entrance]) -> None:
        """See `Asker.catch_up`."""
        assert self._display
        catch_up(self.server.delivery, self.connection, self._display.receipts, entrances, self.hub.catching_up)

    def say(self, text: str) -> None:
        """See `Asker.say`."""
        self._speak_for(Say, text)

    def act(self, text: str) -> None:
        """See `Asker.act`."""
        self._speak_for(Act, text)

    # ------------------------------------------------------------------ private

    def _attempt(self, action: Callable[..., None], *arguments: Any) -> None:
        try:
            action(*arguments)
        except Refused as refused:
            self.reply(refused.why)

    def _speak(self, kind: type[Command], texts: Sequence[str], called: str = "") -> None:
        """Say texts in a room of the session's; without a name in the one that it speaks in."""
        require(self.account, RIGHT_FOR[kind])
        self._talked_at = time.monotonic()
        room, may_hurry = room_here(self, called) if called else self.membership.room, may(self.account, Right.HURRY)
        name, origin, zone = self.account.name, self.connection.origin, self.server.time_zone
        for start in range(0, len(texts), APPEND_ENTRIES):
            self.server.delivery.pace(room.log)
            end = start + APPEND_ENTRIES
            try:
                room.speak(_SPOKEN[kind], name, origin, texts[start:end], may_hurry=may_hurry, zone=zone)
            except NotRecorded as refused:
                lost = (*refused.texts, *texts[end:])
                raise NotRecorded(lost=[(Act if kind is Act else Say)(text) for text in lost]) from None

    def _speak_for(self, kind: type[Command], text: str) -> None:
        """Say what a plug-in wants said. All but one line for each command count as the asker's own.

        Raises:
            Refused: that is more than flood control lets through, or see `_speak`.
        """
        if text := clean(text).strip(BLANK):
            is_paid, self._is_paid = self._is_paid, False
            if not (is_paid or may(self.account, Right.HURRY) or self._bucket.allow()):
                raise Refused(TooFast())
            self._speak(kind, [text])

    def _do(self, command: Command) -> None:
        self._is_paid = True
        if right := RIGHT_FOR.get(type(command)):
            require(self.account, right)
        if deed := DEEDS.get(type(command)):
            try:
                deed(self, command)
            except NotRecorded as refused:
                raise NotRecorded(lost=refused.lost or (command,)) from None
