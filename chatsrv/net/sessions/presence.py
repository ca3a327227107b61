"""Presence: the rooms that one session is in, and the one that it speaks in.

Going into a room is: its place there is opened, the room notes it, delivery sends it what comes. Other sessions of the
same account do that to it, too, and whoever throws the account out; so a lock of the session's own makes each of these
one step. Any thread may call, under no other lock; nobody who holds it waits for a peer.
"""

import weakref
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from chatsrv.chat.missed import Absence
from chatsrv.chat.room import WELCOME_NAMES, Arrival, Room, nowhere
from chatsrv.model.distinct import distinct
from chatsrv.model.entries import Bookmark, Entry, Position
from chatsrv.model.errors import Refused
from chatsrv.model.reasons import Reason
from chatsrv.model.replies import Notice, Reply
from chatsrv.net.receipts.reading import Reading
from chatsrv.net.sessions.catchup import Return
from chatsrv.net.sessions.host import ChatHost
from chatsrv.roomlog.base import RoomLog
from chatsrv.sharing.locks import Rank, ranked_lock
from chatsrv.text.names import account_key

if TYPE_CHECKING:
    from chatsrv.net.sessions.chatsession import ChatSession

_NOBODY = 0
"""An origin that no session has."""


@distinct
class Entered(NamedTuple):
    """What somebody finds who has gone into rooms: who else is in the first of them, and what he missed in each.

    `troubles` are sentences about rooms that he could not enter, or whose past he cannot be told.
    """

    others: tuple[str, ...]
    more: int
    returns: Sequence[Return]
    troubles: Sequence[str]


class Presence:
    """Where `session` is. It is nowhere until `enter_all`, and nowhere any more behind `leave_all`.

    Others know of a session before it has entered its rooms. What they do to it then is left to `enter_all`, which
    finds it done: whatever is asked of a device was recorded before.
    """

    __slots__ = (
        *("_connection", "_delivery", "_hears", "_hub", "_is_open", "_is_over", "_lock", "_mail_since", "_session"),
        *("_rooms", "_spoken_in", "_subscriptions", "_untold", "current", "reading"),
    )

    def __init__(self, session: "ChatSession", server: ChatHost, reading: Reading) -> None:
        # Known weakly, as it knows us: so what has ended goes at once, and does not wait for Python to look for cycles.
        self._session: ChatSession = weakref.proxy(session)
        self._connection = session.connection
        self._delivery = server.delivery
        self._hub = server.hub
        self.reading = reading
        self._lock = ranked_lock(Rank.SESSION)
        # Guarded by the lock. These are replaced, never changed in place, so that anybody may look at them.
        self._rooms: tuple[Room, ...] = ()
        self.current: Room | None = None
        self._spoken_in: tuple[Room, ...] = ()  # those of its rooms that it has turned to, each once, the last one last
        self._is_open = False
        self._is_over = False
        self._hears = False
        self._mail_since: Position | None = None  # where the private log ended when it was first to be heard
        self._subscriptions: list[Callable[[], None]] | None = []  # those that wait for the welcome
        self._untold: tuple[Reply, ...] = ()  # likewise

    @property
    def rooms(self) -> Mapping[str, Room]:
        """See `Device.rooms`. The room that was entered first comes first."""
        return {room.name: room for room in self._rooms}

    # ------------------------------------------------------------------ going in

    def enter_all(self, *, is_held: bool, is_frozen: bool = False, welcome: Callable[[Entered], None]) -> Entered:
        """Go into the account's rooms at the login, and read its private log; speak in the first of them.

        `welcome` is called before anything else is written; it must not wait for the peer. If `is_held`, nothing of the
        rooms is live until `catch_up` has told what was missed. If `is_frozen`, what was missed counts as missed behind
        this session, too.
        """
        first: Arrival | None = None
        returns: list[Return] = []
        troubles: list[str] = []
        key = self._session.key
        with self._lock:
            self._is_open = True
            self._take_style_locked()
            if ignored := self._hub.register.ignored_by(key):
                self._delivery.ignore(self._connection, ignored)
            for room in self._hub.rooms_of(self._session.account):
                try:
                    arrival = self._enter_locked(room, returns, troubles, is_held=is_held, turns=self.current is None)
                except Refused as refusal:
                    troubles.append(str(refusal))
                else:
                    first = first or arrival
            if self._hub.has_private_log(key):
                self._hear_locked(self._hub.private_log(key), returns, troubles, is_held=is_held, is_new=False)
            if is_frozen:
                self.reading.freeze()
            others, more = (first.others, first.more) if first else ((), 0)
            entered = Entered(others, more, returns, troubles)
            welcome(entered)
            self._go_on_locked()
        return entered

    def _go_on_locked(self) -> None:
        """Do what had to wait for the welcome."""
        assert self._lock.locked()
        waiting, self._subscriptions = self._subscriptions or (), None
        for subscribe in waiting:
            subscribe()
        for reply in self._untold:
            self._connection.notify(reply)
        self._untold = ()

    def _subscribe_locked(self, log: RoomLog, after: Position, *, is_marked: bool = False, is_held: bool) -> None:
        assert self._lock.locked()
        subscribe = partial(
            self._delivery.subscribe, self._connection, log, after, is_marked=is_marked, is_held=is_held
        )
        if self._subscriptions is None:
            subscribe()
        else:
            self._subscriptions.append(subscribe)

    def go_into(self, room: Room, told: Reply, *, is_held: bool) -> Entered:
        """Go into a room, speak there, and have the peer told so; see `enter_all` about `is_held`.

        Raises:
            Refused: the account is banned there or was put out, or it cannot be recorded.
        """
        returns: list[Return] = []
        troubles: list[str] = []
        with self._lock:
            if self._turn_to_locked(room, told):  # another session of the account was faster
                names, more = room.present(WELCOME_NAMES + 1)
                others = tuple(name for name in names if account_key(name) != self._session.key)
                return Entered(others, more, (), ())
            with self._told_first_locked(told):
                arrival = self._enter_locked(room, returns, troubles, is_held=is_held, turns=True)
        return Entered(arrival.others, arrival.more, returns, troubles)

    def enter(self, room: Room, told: Reply) -> bool:
        """See `Device.enter`."""
        with self._lock:
            if not self._is_open or room in self._rooms:
                return False
            with self._told_first_locked(told):
                self._enter_locked(room, [], [], is_held=False, turns=False, is_told_another=True)
            return True

    @contextmanager
    def _told_first_locked(self, told: Reply) -> Iterator[None]:
        """Have the peer told of the room that is entered within, before anything of it is live."""
        assert self._lock.locked()
        self._subscriptions = []
        try:
            yield
            self._connection.notify(told)
        finally:
            self._go_on_locked()

    def _enter_locked(
        self, room: Room, returns: list[Return], troubles: list[str], *, is_held: bool, turns: bool,
        is_told_another: bool = False,
    ) -> Arrival:  # fmt: skip
        """Go into a room; add to `returns` what was missed, if that is to be told.

        Where it `is_told_another` session of the account, that one may be lost amid it, so it counts as missed.

        Raises:
            Refused: the account is banned there, or its coming cannot be recorded.
        """
        assert self._lock.locked()
        if self._is_over or self._connection.reason:
            raise Refused("This session is ending.")
        session, connection, log = self._session, self._connection, room.log
        if not self._hub.belongs(session.key, room):  # he joined, and this is what is left of that
            raise Refused(f"You were put out of {room.name} meanwhile.")
        bookmark, is_known = self._opened_locked(log, troubles)
        try:
            zone = session.server.time_zone
            begin = self.reading.keep_first if is_known else self.reading.keep_nothing
            arrival = room.enter(session.account, connection.origin, connection.address, zone, begin)
        except BaseException:
            self.reading.give_up(log)
            raise
        self._rooms += (room,)
        if arrival.told_in_seconds is not None:
            self._delivery.look_later(arrival.told_in_seconds, partial(room.tell_of, session.key))
        if turns:
            self._turn_locked(room)
        position = arrival.position
        if is_held and is_known:
            last = min(position, log.end)
            # What came before him and is not visible yet is live to who was here before, and nothing to a newcomer.
            live = position if bookmark is None else last
            self._subscribe_locked(log, live, is_marked=not turns, is_held=True)
            returns.append(Return(self._absence(log, last, bookmark, "" if turns else f"in {room.name}"), live))
        else:
            self.reading.begin(log, position.offset, position.offset, None)
            if not is_known or (is_told_another and bookmark is not None):
                self.reading.freeze(log)
            self._subscribe_locked(log, position, is_marked=not turns, is_held=False)
        return arrival

    def hear(self, log: RoomLog) -> None:
        """See `Device.hear`."""
        with self._lock:
            if not self._is_open:
                self._mail_since = self._mail_since or log.end
            elif not self._is_over:
                self._hear_locked(log, [], [], is_held=False, is_new=True)

    def ignore(self) -> None:
        """See `Device.ignore`. Of two who ask for it at once, the later one has both."""
        with self._lock:
            if self._is_open:
                self._delivery.ignore(self._connection, self._hub.register.ignored_by(self._session.key))

    def restyle(self) -> None:
        """See `Device.restyle`. Of two that were chosen at once, the later one counts."""
        with self._lock:
            if self._is_open and not self._is_over:
                self._take_style_locked()
                self._delivery.turn_to(self._connection, self.current.log if self.current else None)

    def _take_style_locked(self) -> None:
        assert self._lock.locked()
        style = self._hub.register.style_of(self._session.key)
        self._connection.renderer = self._connection.renderer.styled(style, self._session.server.time_zone)

    def tell(self, reply: Reply) -> None:
        """See `Device.tell`."""
        with self._lock:
            if self._is_open:
                self._connection.notify(reply)
            else:
                self._untold += (reply,)

    def _hear_locked(
        self, log: RoomLog, returns: list[Return], troubles: list[str], *, is_held: bool, is_new: bool
    ) -> None:
        """Read the private log on from where the account has read it; one that `is_new`, from its beginning."""
        assert self._lock.locked()
        if self._hears:
            return
        self._hears = True
        bookmark, is_known = self._opened_locked(log, troubles)
        begin = Position(log.epoch, 0)
        if is_held and is_known:
            last = log.end
            self._subscribe_locked(log, last, is_held=True)
            absence = self._absence(
                log, last, bookmark or Bookmark(begin, _NOBODY), "in private messages",
                partial(self._hub.register.is_answered, self._session.key),
            )  # fmt: skip
            returns.append(Return(absence, last))
        else:
            begin = begin if is_new else self._mail_since or log.end
            self.reading.begin(log, begin.offset, begin.offset, None)
            if not is_known:
                self.reading.freeze(log)
            self._subscribe_locked(log, begin, is_held=False)

    def _opened_locked(self, log: RoomLog, troubles: list[str]) -> tuple[Bookmark | None, bool]:
        """Return how far the account has read a log, and whether that could be told."""
        assert self._lock.locked()
        try:
            return self.reading.open(log), True
        except Refused as refusal:
            troubles.append(str(refusal))
            return None, False

    def _absence(
        self, log: RoomLog, last: Position, bookmark: Bookmark | None, place: str,
        is_void: Callable[[Entry], bool] = lambda _: False,
    ) -> Absence:  # fmt: skip
        has_own = not self._connection.renderer.omits_own
        return Absence(
            log, last, self._session.account.name, bookmark, self._session.view,
            place=place, has_own=has_own, is_void=is_void,
        )  # fmt: skip

    # ------------------------------------------------------------------ turning, and going out

    def turn_to(self, room: Room, told: Reply) -> bool:
        """See `Asker.turn_to`."""
        with self._lock:
            return self._turn_to_locked(room, told)

    def _turn_to_locked(self, room: Room, told: Reply) -> bool:
        assert self._lock.locked()
        if room not in self._rooms:
            return False
        if self.current is not room:
            self._turn_locked(room)
        self._connection.notify(told)
        return True

    def _turn_locked(self, room: Room | None) -> None:
        assert self._lock.locked()
        self.current = room
        if room:
            self._spoken_in = (*(other for other in self._spoken_in if other is not room), room)
        self._delivery.turn_to(self._connection, room.log if room else None)

    def leave(self, room: Room, reason: Reason | None, told: Reply | None = None) -> bool:
        """See `Device.leave`."""
        with self._lock:
            if self._is_over:
                self._connection.standing()  # then it is hung up, too, and reads nothing more
            if room not in self._rooms:
                return False
            self._rooms = tuple(other for other in self._rooms if other is not room)
            self._spoken_in = tuple(other for other in self._spoken_in if other is not room)
            self._delivery.unsubscribe(self._connection, room.log)
            self.reading.leave(room.log)
            if reason:
                room.leave(self._session.account.name, self._connection.origin, reason)
            has_spoken_here = self.current is room
            if has_spoken_here:
                is_own_wish = reason is Reason.QUIT and told is None
                self._turn_locked(self._spoken_in[-1] if is_own_wish and self._spoken_in else None)
            if told:
                self._connection.notify(told)
                if has_spoken_here and reason is Reason.QUIT:
                    self._connection.notify(Notice(nowhere(self.rooms)))
            return True

    def leave_all(self, reason: Reason) -> None:
        """Leave every room, for good: the session ends."""
        with self._lock:
            self._is_over = True
            rooms, self._rooms, self._spoken_in, self.current = self._rooms, (), (), None
        for room in rooms:
            room.leave(self._session.account.name, self._connection.origin, reason)
