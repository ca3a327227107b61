"""Membership: the rooms that one session is in, and the one that it speaks in.

Never hears of bytes, sockets or wire formats: what a membership decides, its `Display` shows. Other sessions of the
same account change it, too, and so do those who keep order; a lock of its own makes each coming and going one step. Any
thread may call, under no other lock; nobody who holds this one waits for a peer.
"""

from collections.abc import Callable, Mapping
from datetime import datetime, tzinfo
from functools import partial

from chatsrv.chat.display import Display
from chatsrv.chat.entrances import Entrance, Opening, welcome
from chatsrv.chat.hub import Hub
from chatsrv.chat.lookback import View
from chatsrv.chat.missed import Absence
from chatsrv.chat.room import WELCOME_NAMES, Room, in_no_room
from chatsrv.model.accounts import Account
from chatsrv.model.entries import Bookmark, Entry, Position
from chatsrv.model.errors import Refused
from chatsrv.model.reasons import Reason
from chatsrv.model.refusals import Ending, PutOut
from chatsrv.model.replies import Reply
from chatsrv.roomlog.base import RoomLog
from chatsrv.sharing.locks import Rank, ranked_lock
from chatsrv.text.names import account_key

_NOBODY = 0
"""An origin that no session has."""


class Membership:
    """Where a session is, which `display` shows things to; a `Device`, to the rest of the chat. `zone` is for times.

    It is nowhere until `open`, and nowhere any more after `leave_all`. Others know of a session before it has
    entered its rooms. What they do to it then is left to `open`, which finds it done: whatever is asked of a device
    was recorded before.
    """

    __slots__ = (
        *("_catches_up", "_display", "_hears", "_is_open", "_is_over", "_lock", "_mail_since", "_rooms"),
        *("_spoken_in", "_untold", "current", "hub", "zone"),
    )

    def __init__(self, hub: Hub, display: Display, zone: tzinfo | None, *, catches_up: bool = True) -> None:
        self.hub = hub
        self.zone = zone
        self._display = display
        self._catches_up = catches_up
        self._lock = ranked_lock(Rank.SESSION)
        # Guarded by the lock. These are replaced, never changed in place, so that anybody may look at them.
        self._rooms: tuple[Room, ...] = ()
        self.current: Room | None = None
        self._spoken_in: tuple[Room, ...] = ()  # those of its rooms that it has turned to, each once, the last one last
        self._is_open = False
        self._is_over = False
        self._hears = False
        self._mail_since: Position | None = None  # where the private log ended when it was first to be heard
        self._untold: tuple[Reply, ...] = ()  # what waits for the welcome

    # ------------------------------------------------------------------ whose it is, and where

    @property
    def account(self) -> Account:
        """See `Device.account`."""
        return self._display.account

    @property
    def key(self) -> str:
        """See `Device.key`."""
        return self._display.account.key

    @property
    def origin(self) -> int:
        """See `Device.origin`."""
        return self._display.origin

    @property
    def address(self) -> str:
        """See `Device.address`."""
        return self._display.address

    @property
    def rooms(self) -> Mapping[str, Room]:
        """See `Device.rooms`. The room that was entered first comes first."""
        return {room.name: room for room in self._rooms}

    @property
    def room(self) -> Room:
        """The room that the session speaks in.

        Raises:
            Refused: it speaks in none, as it is in none or was put out of the one in which it spoke.
        """
        if (room := self.current) is None:
            raise Refused(in_no_room(self.rooms))
        return room

    @property
    def view(self) -> View:
        """How the session looks at what was before, at this moment."""
        now, room = datetime.fromtimestamp(self.hub.clock(), self.zone), self.current
        return View(now, room.name if room else "", self.hub.register.ignored_by(self.key))

    @property
    def logs(self) -> list[RoomLog]:
        """The logs that the session may look at: of the rooms that it is in, and its account's private one."""
        private = [self.hub.private_log(self.key)] if self.hub.has_private_log(self.key) else []
        return [*(room.log for room in self._rooms), *private]

    # ------------------------------------------------------------------ going in

    def open(self) -> Opening:
        """Enter the account's rooms at the login, and read its private log; speak in the first of them.

        The peer is told so before anything else. Whoever opens tells then what was missed: until that is done nothing
        of those rooms is live.
        """
        entrances: list[Entrance] = []
        troubles: list[Refused] = []
        is_held = is_frozen = False
        try:
            is_held = self._is_past_wanted()
        except Refused as refusal:
            is_frozen = True  # what was missed counts as missed after this session, too
            troubles.append(refusal)
        key = self.key
        with self._lock:
            self._is_open = True
            self._display.restyle(self.hub.register.style_of(key))
            if ignored := self.hub.register.ignored_by(key):
                self._display.ignore(ignored)
            for room in self.hub.rooms_of(self.account):
                try:
                    entrance = self._enter_locked(
                        room, is_held=is_held, turns=self.current is None, is_frozen=is_frozen
                    )
                except Refused as refusal:
                    troubles.append(refusal)
                else:
                    entrances.append(entrance)
            if self.hub.has_private_log(key) and not self._hears:
                entrances.append(self._hear_locked(self.hub.private_log(key), is_held=is_held, is_frozen=is_frozen))
            troubles += [entrance.trouble for entrance in entrances if entrance.trouble]
            for reply in welcome(self.account.name, entrances, self.hub.lobby):
                self._display.tell(reply)
            for entrance in entrances:
                self._subscribe_locked(entrance)
            for reply in self._untold:
                self._display.tell(reply)
            self._untold = ()
        return Opening(tuple(entrances), tuple(troubles))

    def go_into(self, room: Room, told: Reply) -> Entrance:
        """Go into a room, speak there, and have the peer told so.

        Whoever calls tells then what was missed: until that is done nothing of the room is live.

        Raises:
            Refused: the account is banned there or was put out, or it cannot be recorded.
        """
        is_held = self._is_past_wanted()
        with self._lock:
            if self._turn_to_locked(room, told):  # another session of the account was faster
                names, more = room.present(WELCOME_NAMES + 1)
                others = tuple(name for name in names if account_key(name) != self.key)
                return Entrance(room.log, room.log.end, room, others, more)
            entrance = self._enter_locked(room, is_held=is_held, turns=True)
            self._display.tell(told)
            self._subscribe_locked(entrance)
        return entrance

    def enter(self, room: Room, told: Reply) -> bool:
        """See `Device.enter`."""
        with self._lock:
            if not self._is_open or room in self._rooms:
                return False
            entrance = self._enter_locked(room, is_held=False, turns=False, is_told_another=True)
            self._display.tell(told)
            self._read_on_locked(entrance)
            return True

    def _is_past_wanted(self) -> bool:
        """Tell whether the session is told what was missed.

        Raises:
            Refused: whether the account wants that cannot be read at the moment.
        """
        return self._catches_up and any(self.hub.catching_up) and self.hub.bookmarks.is_caught_up(self.key)

    def _enter_locked(
        self, room: Room, *, is_held: bool, turns: bool, is_frozen: bool = False, is_told_another: bool = False
    ) -> Entrance:
        """Go into a room; `_subscribe_locked` has to follow, once the peer is told so.

        Where it `is_told_another` session of the account, that one may be lost amid it, so it counts as missed.

        Raises:
            Refused: the account is banned there, or its coming cannot be recorded.
        """
        assert self._lock.locked()
        display, log = self._display, room.log
        if self._is_over or display.is_ending:
            raise Refused(Ending())
        if not self.hub.belongs(self.key, room):  # they joined, and this is what is left of that
            raise Refused(PutOut(room.name))
        bookmark, trouble = self._opened_locked(log)
        begin = _keep_nothing if trouble else display.keep_first
        try:
            arrival = room.enter(self.account, self.origin, self.address, self.zone, begin)
        except BaseException:
            display.give_up(log)
            raise
        self._rooms += (room,)
        if arrival.told_in_seconds is not None:
            display.look_later(arrival.told_in_seconds, partial(room.tell_of, self.key))
        if turns:
            self._turn_locked(room)
        position, absence = arrival.position, None
        if is_held and not trouble:
            last = min(position, log.end)
            # What came before them and is not visible yet is live to who was here before, and nothing to a newcomer.
            position = position if bookmark is None else last
            absence = self._absence(log, last, bookmark, "" if turns else room.name)
        is_frozen = is_frozen or trouble is not None or (is_told_another and bookmark is not None)
        return Entrance(log, position, room, arrival.others, arrival.more, absence, trouble, is_frozen)

    def _subscribe_locked(self, entrance: Entrance) -> None:
        assert self._lock.locked()
        self._display.subscribe(
            entrance.log,
            entrance.position,
            is_marked=entrance.room not in (None, self.current),
            is_held=entrance.absence is not None,
            is_frozen=entrance.is_frozen,
        )

    def _read_on_locked(self, entrance: Entrance) -> None:
        """Do what `_subscribe_locked` does, and have the peer told what cannot be told of before."""
        if entrance.trouble:
            self._display.tell(entrance.trouble.why)
        self._subscribe_locked(entrance)

    def _opened_locked(self, log: RoomLog) -> tuple[Bookmark | None, Refused | None]:
        """Return how far the account has read a log, or why that cannot be told."""
        assert self._lock.locked()
        try:
            return self._display.open(log), None
        except Refused as refusal:
            return None, refusal

    def _absence(
        self, log: RoomLog, last: Position, bookmark: Bookmark | None, place: str,
        is_void: Callable[[Entry], bool] = lambda _: False,
    ) -> Absence:  # fmt: skip
        name, has_own = self.account.name, self._display.shows_own
        return Absence(log, last, name, bookmark, self.view, place=place, has_own=has_own, is_void=is_void)

    # ------------------------------------------------------------------ what else the account is shown

    def hear(self, log: RoomLog) -> None:
        """See `Device.hear`."""
        with self._lock:
            if not self._is_open:
                self._mail_since = self._mail_since or log.end
            elif not (self._is_over or self._hears):
                self._read_on_locked(self._hear_locked(log, is_new=True))

    def _hear_locked(
        self, log: RoomLog, *, is_held: bool = False, is_frozen: bool = False, is_new: bool = False
    ) -> Entrance:
        """Read the private log on from where the account has read it; one that `is_new`, from its beginning."""
        assert self._lock.locked()
        self._hears = True
        bookmark, trouble = self._opened_locked(log)
        begin, absence = Position(log.epoch, 0), None
        if is_held and not trouble:
            position = log.end
            is_answered = partial(self.hub.register.is_answered, self.key)
            absence = self._absence(log, position, bookmark or Bookmark(begin, _NOBODY), log.room, is_answered)
        else:
            position = begin if is_new else self._mail_since or log.end
        return Entrance(log, position, absence=absence, trouble=trouble, is_frozen=is_frozen or trouble is not None)

    def ignore(self) -> None:
        """See `Device.ignore`. Of two who ask for it at once, the later one has both."""
        with self._lock:
            if self._is_open:
                self._display.ignore(self.hub.register.ignored_by(self.key))

    def restyle(self) -> None:
        """See `Device.restyle`. Of two that were chosen at once, the later one counts."""
        with self._lock:
            if self._is_open and not self._is_over:
                self._display.restyle(self.hub.register.style_of(self.key))
                self._display.turn_to(self.current.log if self.current else None)

    def tell(self, reply: Reply) -> None:
        """See `Device.tell`."""
        with self._lock:
            if self._is_open:
                self._display.tell(reply)
            else:
                self._untold += (reply,)

    # ------------------------------------------------------------------ turning, and going out

    def turn_to(self, room: Room, told: Reply) -> bool:
        """Speak in a room from now on, if the session is in there, and have the peer told so; return whether it is."""
        with self._lock:
            return self._turn_to_locked(room, told)

    def _turn_to_locked(self, room: Room, told: Reply) -> bool:
        assert self._lock.locked()
        if room not in self._rooms:
            return False
        if self.current is not room:
            self._turn_locked(room)
        self._display.tell(told)
        return True

    def _turn_locked(self, room: Room | None) -> None:
        assert self._lock.locked()
        self.current = room
        if room:
            self._spoken_in = (*(other for other in self._spoken_in if other is not room), room)
        self._display.turn_to(room.log if room else None)

    def leave(self, room: Room, reason: Reason | None, told: Reply | None = None) -> bool:
        """See `Device.leave`."""
        with self._lock:
            if self._is_over:
                self._display.wait_until_over()  # then it is hung up, too, and reads nothing more
            if room not in self._rooms:
                return False
            self._rooms = tuple(other for other in self._rooms if other is not room)
            self._spoken_in = tuple(other for other in self._spoken_in if other is not room)
            self._display.unsubscribe(room.log)
            if reason:
                room.leave(self.account.name, self.origin, reason)
            has_spoken_here = self.current is room
            if has_spoken_here:
                is_own_wish = reason is Reason.QUIT and told is None
                self._turn_locked(self._spoken_in[-1] if is_own_wish and self._spoken_in else None)
            if told:
                self._display.tell(told)
                if has_spoken_here and reason is Reason.QUIT:
                    self._display.tell(in_no_room(self.rooms))
            return True

    def leave_all(self, reason: Reason) -> None:
        """Leave every room, for good, once nothing more of them is shown: the session ends."""
        self._display.wait_until_over()
        with self._lock:
            self._is_over = True
            rooms, self._rooms, self._spoken_in, self.current = self._rooms, (), (), None
        for room in rooms:
            room.leave(self.account.name, self.origin, reason)

    def hang_up(self, reason: Reason) -> None:
        """See `Device.hang_up`."""
        self._display.hang_up(reason)


def _keep_nothing(_: RoomLog) -> None:
    """Do in place of `Display.keep_first` where it is not known whether there is a bookmark."""
