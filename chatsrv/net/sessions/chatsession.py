"""A session in a chat: commands become entries of rooms' logs.

Knows nothing of bytes and wire formats. Everything here runs on the session's own thread, but for what a `Device` has:
that is called by whichever thread does something to the session's account, as is `Presence`, which does it.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import Any, ClassVar

from chatsrv.chat.authority import room_here
from chatsrv.chat.deeds import DEEDS
from chatsrv.chat.facts import told
from chatsrv.chat.hub import Hub
from chatsrv.chat.lookback import Lookback, View
from chatsrv.chat.room import Room, nowhere
from chatsrv.chat.rooming import topic_of
from chatsrv.model.accounts import Account, Role
from chatsrv.model.commands import Act, Command, Say
from chatsrv.model.entries import Kind
from chatsrv.model.errors import NotRecorded, Refused
from chatsrv.model.reasons import Reason
from chatsrv.model.replies import LoginRefused, Notice, Present, Reply, Welcome
from chatsrv.model.rights import Right, may, require
from chatsrv.model.verbs import RIGHT_FOR, typed_as
from chatsrv.net.overriding import extend
from chatsrv.net.receipts.kernel import forget_unacknowledged
from chatsrv.net.receipts.reading import Reading
from chatsrv.net.sessions.catchup import catch_up
from chatsrv.net.sessions.host import ChatHost
from chatsrv.net.sessions.presence import Entered, Presence
from chatsrv.net.sessions.session import Session
from chatsrv.net.sessions.unrecorded import not_recorded
from chatsrv.roomlog.base import RoomLog
from chatsrv.sharing.slots import Urgency, give_way
from chatsrv.text.characters import BLANK
from chatsrv.text.cleaning import clean

APPEND_ENTRIES = 512
"""Entries that one session appends at once, before others get their turn."""

TALK_SECONDS = 60.0
"""How long somebody counts as being in a conversation after they said something."""

NOBODY_ELSE = "Nobody else is here."

_ROOM = itemgetter(Say._fields.index("room"))
"""Where something is to be said."""

_SPOKEN: Mapping[type, Kind] = {Say: Kind.SAY, Act: Kind.ACTION}


class ChatSession(Session):
    """A session whose peer talks in rooms; an `Asker`, to the commands, and a `Device`, to the rest of the chat."""

    server: ChatHost
    account: Account
    keeps_slot: ClassVar[bool] = True
    catches_up: ClassVar[bool] = True
    """Whether people are told at the login what they missed, unless they said that they do not want it."""

    _talked_at = -TALK_SECONDS
    _is_paid = False
    """Whether a plug-in may say something for the command that it obeys, which is a line by itself."""

    _lookback: Lookback | None = None
    _presence: Presence | None = None

    @extend("enters the rooms")
    def opened(self) -> None:
        """Enter the account's rooms, tell what was missed there, and go live."""
        hub = self.server.hub
        reading = Reading(self.connection, self.key, hub.bookmarks)
        self._presence = Presence(self, self.server, reading)
        hub.attendance.add(self)  # before looking: who is banned from now on is hung up
        if self.account.role is not Role.ADMIN:
            ban = hub.register.server.ban_of(self.key, self.address, hub.clock())
            if ban:
                self.reply(
                    Notice(f"You are banned here{told(ban, self.server.time_zone, hub.register.ignored_by(self.key))}.")
                )
                self.reply(LoginRefused())
                self.hang_up(Reason.LOGIN_FAILED)
                return
        is_wanted, trouble = self.catches_up and any(hub.catching_up), ""
        try:
            is_wanted = is_wanted and hub.bookmarks.is_caught_up(self.key)
        except Refused as refusal:
            is_wanted, trouble = False, str(refusal)
        entered = self._presence.enter_all(is_held=is_wanted, is_frozen=bool(trouble), welcome=self._welcome)
        for text in dict.fromkeys(filter(None, (trouble, *entered.troubles))):
            self.reply(Notice(text))
        if entered.returns:
            catch_up(self.server.delivery, self.connection, self._presence.reading, entered.returns, hub.catching_up)

    @property
    def urgency(self) -> Urgency:  # type: ignore[override]  # a class attribute is one way to have it
        """See `Session.urgency`. Those in a conversation do not wait behind a crowd that joins or leaves."""
        return Urgency.TALK if time.monotonic() - self._talked_at < TALK_SECONDS else Urgency.DEEDS

    def _welcome(self, entered: Entered) -> None:
        current, *further = self.rooms or [""]
        notify = self.connection.notify
        notify(Welcome(self.account.name, entered.others, entered.more, bool(current)))
        if not current:
            notify(Notice(nowhere({})))
        elif further or current != self.hub.lobby.name:
            also = f" You are also in: {', '.join(further)}." if further else ""
            notify(Notice(f"You speak in {current}.{also}"))

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
                if self.is_gone:
                    return

    @extend("leaves the rooms")
    def closed(self, reason: Reason) -> None:
        """Leave all rooms, once nothing more of them is written: whoever throws the account out waits for that, too."""
        if self._presence:
            self.connection.wait_until_unsubscribed()
            self._presence.leave_all(reason)
        self.server.hub.attendance.remove(self)

    @extend("keeps how far the peer has read")
    def ended(self) -> None:
        """Keep how far the peer has read. What he has not is for his next login, so the kernel must not send it yet."""
        if self._lookback:
            self._lookback.close()
        if self._presence and not self._presence.reading.end():
            forget_unacknowledged(self.connection.socket)

    # ------------------------------------------------------------------ for commands: see `chatsrv.chat.asker.Asker`

    @property
    def id(self) -> int:
        """See `Asker.id`."""
        return self.connection.id

    @property
    def origin(self) -> int:
        """See `Asker.origin`."""
        return self.connection.origin

    @property
    def hub(self) -> Hub:
        """See `Asker.hub`."""
        return self.server.hub

    @property
    def room(self) -> Room:
        """See `Asker.room`."""
        room = self._presence.current if self._presence else None
        if room is None:
            raise Refused(nowhere(self.rooms))
        return room

    @property
    def lookback(self) -> Lookback:
        """See `Asker.lookback`."""
        if self._lookback is None:
            self._lookback = Lookback()
        return self._lookback

    @property
    def view(self) -> View:
        """See `Asker.view`."""
        room = self._presence.current if self._presence else None
        ignored = self.hub.register.ignored_by(self.key)
        now = datetime.fromtimestamp(self.hub.clock(), self.server.time_zone)
        return View(now, room.name if room else "", ignored)

    @property
    def logs(self) -> list[RoomLog]:
        """See `Asker.logs`."""
        private = [self.hub.private_log(self.key)] if self.hub.has_private_log(self.key) else []
        return [*(room.log for room in self.rooms.values()), *private]

    @property
    def is_gone(self) -> bool:
        """See `Asker.is_gone`."""
        return self.connection.reason is not None

    def account_named(self, typed: str) -> Account:
        """See `Asker.account_named`."""
        return self.server.gate.account_named(typed)

    def turn_to(self, room: Room, told: Reply) -> bool:
        """See `Asker.turn_to`."""
        assert self._presence
        is_there = self._presence.turn_to(room, told)
        self.connection.outbox.wait_for_space()
        return is_there

    def go_into(self, room: Room) -> Callable[[], None]:
        """See `Asker.go_into`."""
        assert self._presence
        hub = self.hub
        is_held = self.catches_up and any(hub.catching_up) and hub.bookmarks.is_caught_up(self.key)
        entered = self._presence.go_into(room, Notice(f"You are in {room.name} now."), is_held=is_held)
        self.connection.outbox.wait_for_space()
        return partial(self._tell_of, room, entered)

    def say(self, text: str) -> None:
        """See `Asker.say`."""
        self._speak_for(Say, text)

    def act(self, text: str) -> None:
        """See `Asker.act`."""
        self._speak_for(Act, text)

    # ------------------------------------------------------------------ for all: see `chatsrv.chat.attendance.Device`

    @property
    def key(self) -> str:
        """See `Device.key`."""
        return self.account.key

    @property
    def address(self) -> str:
        """See `Device.address`."""
        return self.connection.address

    @property
    def rooms(self) -> Mapping[str, Room]:
        """See `Device.rooms`."""
        return self._presence.rooms if self._presence else {}

    def enter(self, room: Room, told: Reply) -> bool:
        """See `Device.enter`."""
        assert self._presence
        return self._presence.enter(room, told)

    def leave(self, room: Room, reason: Reason | None, told: Reply | None = None) -> bool:
        """See `Device.leave`."""
        assert self._presence
        return self._presence.leave(room, reason, told)

    def hear(self, log: RoomLog) -> None:
        """See `Device.hear`."""
        assert self._presence
        self._presence.hear(log)

    def ignore(self) -> None:
        """See `Device.ignore`."""
        assert self._presence
        self._presence.ignore()

    def restyle(self) -> None:
        """See `Device.restyle`."""
        assert self._presence
        self._presence.restyle()

    def tell(self, reply: Reply) -> None:
        """See `Device.tell`."""
        assert self._presence
        self._presence.tell(reply)

    # ------------------------------------------------------------------ private

    def _tell_of(self, room: Room, entered: Entered) -> None:
        """Tell about a room that this session has just gone into, and what was missed there."""
        facts = room.facts
        if (topic := topic_of(room, self.view)).topic:
            self.reply(topic)
        if not facts.is_logged:
            self.reply(Notice("Nothing that is said here is recorded."))
        self.reply(Present(room.name, entered.others, entered.more) if entered.others else Notice(NOBODY_ELSE))
        for text in entered.troubles:
            self.reply(Notice(text))
        assert self._presence
        catch_up(self.server.delivery, self.connection, self._presence.reading, entered.returns, self.hub.catching_up)

    def _attempt(self, action: Callable[..., None], *arguments: Any) -> None:
        try:
            action(*arguments)
        except NotRecorded as refusal:
            self.reply(not_recorded(refusal.texts))
        except Refused as refusal:
            self.reply(Notice(str(refusal)))

    def _speak(self, kind: type[Command], texts: Sequence[str], called: str = "") -> None:
        """Say texts in a room of the session's; without a name in the one that it speaks in."""
        require(self.account, RIGHT_FOR[kind])
        self._talked_at = time.monotonic()
        room, may_hurry = room_here(self, called) if called else self.room, may(self.account, Right.HURRY)
        name, origin, zone = self.account.name, self.connection.origin, self.server.time_zone
        for start in range(0, len(texts), APPEND_ENTRIES):
            self.server.delivery.pace(room.log)
            end = start + APPEND_ENTRIES
            try:
                room.speak(_SPOKEN[kind], name, origin, texts[start:end], may_hurry=may_hurry, zone=zone)
            except NotRecorded as refusal:
                lost = (*refusal.texts, *texts[end:])
                raise NotRecorded([typed_as((Act if kind is Act else Say)(text)) for text in lost]) from None

    def _speak_for(self, kind: type[Command], text: str) -> None:
        """Say what a plug-in wants said. All but one line for each command count as the asker's own.

        Raises:
            Refused: that is more than flood control lets through, or see `_speak`.
        """
        if text := clean(text).strip(BLANK):
            is_paid, self._is_paid = self._is_paid, False
            if not (is_paid or may(self.account, Right.HURRY) or self._bucket.allow()):
                raise Refused("That is too much at once, and the rest was not said. Try again in a moment.")
            self._speak(kind, [text])

    def _do(self, command: Command) -> None:
        self._is_paid = True
        if right := RIGHT_FOR.get(type(command)):
            require(self.account, right)
        if deed := DEEDS.get(type(command)):
            try:
                deed(self, command)
            except NotRecorded as refusal:
                raise NotRecorded(refusal.texts or (typed_as(command),)) from None
