"""A room: who is in it, and what they may add to its log.

Never hears of bytes, sockets or wire formats. Every method may be called from any thread.
"""

import time
from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, tzinfo
from typing import NamedTuple

from chatsrv.chat.facts import Facts, Ruling, until_and_why
from chatsrv.chat.visits import Telling, Visits
from chatsrv.chat.voices import Voices
from chatsrv.model.accounts import Account, Role
from chatsrv.model.changes import Change
from chatsrv.model.distinct import distinct
from chatsrv.model.entries import Kind, Position
from chatsrv.model.errors import NotRecorded, Refused
from chatsrv.model.reasons import Reason
from chatsrv.model.refusals import Banned, BeingPutOut, InNoRoom, NotInRoom, Utterance
from chatsrv.model.roomrules import RoomRules
from chatsrv.roomlog.base import Appended, RoomLog, place_of
from chatsrv.sharing.locks import Rank, ranked_lock
from chatsrv.text.names import account_key

WELCOME_NAMES = 50
"""How many of those present a newcomer is told by name: some lines of a terminal, whatever the size of the room."""

TRY_AGAIN_SECONDS = 60.0
"""When it is tried again to tell that somebody is here, where the log could not record it."""


@distinct
class Arrival(NamedTuple):
    """What somebody who enters finds: the position to read on from, and who is there at exactly that position.

    `others` are sorted names, at most `WELCOME_NAMES`; `more` counts those left out. In `told_in_seconds` somebody has
    to call `Room.tell_of`, as the others are not told before; `None`: they are, or somebody does so anyway.
    """

    position: Position
    others: tuple[str, ...]
    more: int
    told_in_seconds: float | None = None


class Member:
    """An account's presence in a room, by one session or several.

    `is_recorded` tells whether its coming is, `is_shown` whether its going is told: not if others think it is gone.
    """

    __slots__ = ("is_recorded", "is_shown", "name", "origins")

    def __init__(self, name: str, *, is_recorded: bool, is_shown: bool) -> None:
        self.name = name
        self.origins: tuple[int, ...] = ()  # a set would take four times as much, of ten thousand people
        self.is_recorded = is_recorded
        self.is_shown = is_shown


class Room:
    """One room. Whatever changes who is present is an entry of the log, made under the same lock.

    `facts` is what holds of it, `server` what holds of the whole server. The `rules` tell how much is
    shown of who comes and goes: in a crowded room nothing, as a line to each for each of them would be a hundred
    million lines when ten thousand come. `ignored_by` tells whom an account ignores, both by keys. `clock` gives
    seconds since the Unix epoch.
    """

    def __init__(
        self,
        name: str,
        log: RoomLog,
        rules: RoomRules | None = None,
        *,
        facts: Facts | None = None,
        server: Facts | None = None,
        ignored_by: Callable[[str], frozenset[str]] = lambda _: frozenset(),
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.name = name
        self.log = log
        self.facts = facts or Facts(name)
        self._server = server or Facts("")
        self._ignored_by = ignored_by
        self._clock = clock
        rules = rules or RoomRules()
        self._quiet_above = rules.quiet_above
        self._lock = ranked_lock(Rank.ROOM)
        # Guarded by the lock. Members are by the keys of their accounts; `_names` are what they are called, sorted, as
        # they are from `_changed` on.
        self._members: dict[str, Member] = {}
        self._names: list[str] = []
        self._visits = Visits(rules.presence_per_minute, clock)
        self._voices = Voices(self.facts, self._server, ignored_by, clock)
        self._barred: list[str] = []  # accounts that are being put out
        self._changed: Appended = log.end

    # ------------------------------------------------------------------ coming and going

    def enter(
        self,
        account: Account,
        origin: int,
        address: str | None = None,
        zone: tzinfo | None = UTC,
        begin: Callable[[RoomLog], None] = lambda _: None,
    ) -> Arrival:
        """Let the session `origin` of `account` in, which comes from `address`; only the first session is announced.

        `begin` is called with the log, under the room's lock, before anything is appended that the session is to read.
        Where the order is made elsewhere, this waits for it, under no lock of the room's.

        Raises:
            Refused: the account is banned from this room, until when is told in `zone`; or it is being put out of it;
                or its coming cannot be recorded.
        """
        name, key = account.name, account.key
        with self._lock:
            # Under the lock: who is expelled now was here before, or finds the ban.
            self.check_ban(account, address, zone)
            if key in self._barred:
                raise Refused(BeingPutOut(self.name))
            begin(self.log)
            member = self._members.get(key)
            end, told_in_seconds = self.log.end, None
            if member is None:
                telling, was_gone = self._visits.coming(key), self._visits.is_shown_gone(key)
                is_told = telling is Telling.ALOUD and self._is_told_locked()
                is_recorded = telling is not Telling.NOT_AT_ALL
                if is_recorded:
                    kind = Kind.JOIN if is_told else Kind.QUIET_JOIN
                    self._changed = self.log.append(kind, name, origin, ("",))
                if is_told:
                    self._visits.show(key)
                elif telling is not Telling.ALOUD and not self._visits.await_telling(key, is_awaited=True):
                    told_in_seconds = self._visits.seconds_until_told(key)
                member = Member(name, is_recorded=is_recorded, is_shown=is_told or not was_gone)
                self._members[key] = member
                insort(self._names, name)
            member.origins += (origin,)
            others = [other for other in self._names[: WELCOME_NAMES + 1] if other != name][:WELCOME_NAMES]
            changed, more = self._changed, len(self._names) - 1 - len(others)
        try:
            position = max(end, place_of(changed))  # that one may not be visible yet
        except NotRecorded:
            self._turn_back(key, origin)
            raise
        return Arrival(position, tuple(others), more, told_in_seconds)

    def _turn_back(self, key: str, origin: int) -> None:
        """Forget a session that was let in with an entry that the log has refused since."""
        with self._lock:
            member = self._members.get(key)
            if member is None or origin not in member.origins:
                return
            member.origins = tuple(other for other in member.origins if other != origin)
            if member.origins:  # another session, which came when there was a later entry to wait for
                member.is_recorded = member.is_shown = False
            else:
                self._remove_locked(key)
                self._visits.await_telling(key, is_awaited=False)
                self._visits.went(key, is_recorded=False, is_told=member.is_shown)

    def tell_of(self, key: str) -> float | None:
        """Tell the others that an account is here, if they think it is gone and it has calmed down.

        Returns in how many seconds somebody has to call this again; `None`: nobody has to.
        """
        with self._lock:
            member = self._members.get(key)
            if member is None or member.is_shown or not self._is_told_locked(1):
                self._visits.await_telling(key, is_awaited=False)
                return None
            if seconds := self._visits.seconds_until_told(key):
                return seconds
            try:
                self._changed = self.log.append(Kind.JOIN, member.name, member.origins[0], ("",))
            except Refused:
                return TRY_AGAIN_SECONDS
            member.is_shown = member.is_recorded = True
            self._visits.show(key, is_late=True)
            self._visits.await_telling(key, is_awaited=False)
            return None

    def _is_told_locked(self, more: int = 0) -> bool:
        """Tell whether everybody here is told who comes and goes, where so many `more` may be in than usual."""
        assert self._lock.locked()
        return len(self._members) < self._quiet_above + more

    def check_ban(self, account: Account, address: str | None = None, zone: tzinfo | None = UTC) -> None:
        """Make sure that an account, which comes from `address`, is not banned from this room.

        Raises:
            Refused: it is; until when is told in `zone`.
        """
        if ban := self.ban_of(account, address):
            raise Refused(Banned(self.name, *until_and_why(ban, zone, self._ignored_by(account.key))))

    def ban_of(self, account: Account, address: str | None = None) -> Ruling | None:
        """Return the ban that keeps an account, which comes from `address`, out of this room; `None`: there is none."""
        if account.role is Role.ADMIN:
            return None
        return self.facts.ban_of(account.key, address, self._clock())

    def leave(self, name: str, origin: int, reason: Reason) -> None:
        """Let the session `origin` of the account `name` go; only the account's last session is announced."""
        with self._lock:
            key = account_key(name)
            member = self._members.get(key)
            if member is None or origin not in member.origins:
                return
            member.origins = tuple(other for other in member.origins if other != origin)
            if not member.origins:
                self._remove_locked(key)
                is_told = member.is_shown and self._is_told_locked()
                if is_recorded := is_told or member.is_recorded:
                    kind = Kind.LEAVE if is_told else Kind.QUIET_LEAVE
                    self._changed = self.log.append(kind, name, origin, (reason.name,))
                self._visits.went(key, is_recorded=is_recorded, is_told=is_told)

    @contextmanager
    def barring(self, key: str) -> Iterator[None]:
        """Let an account not come in for a while, so that its sessions leave and it is gone without one slipping in."""
        with self._lock:
            self._barred.append(key)
        try:
            yield
        finally:
            with self._lock:
                self._barred.remove(key)

    def expel(self, actor: str, origin: int, key: str, change: Change) -> Appended | None:
        """Have an account gone with the entry of the change that throws it out; return what to wait for.

        `None`: it was not here. Where that entry cannot be recorded at the moment, there is one that it has left, when
        the log can record again: what is returned lies before that, so that nobody waits so long.
        """
        with self._lock:
            member = self._members.get(key)
            if member is None:
                return None
            try:
                appended = self._changed = self.log.append(Kind.CHANGE, actor, origin, (change.encode(),))
            except Refused:
                appended = self.log.end
                self._changed = self.log.append(Kind.LEAVE, member.name, origin, (Reason.BANNED.name,))
            self._remove_locked(key)
            self._visits.went(key, is_recorded=True, is_told=True)
            return appended

    def _remove_locked(self, key: str) -> None:
        assert self._lock.locked()
        member = self._members.pop(key)
        del self._names[bisect_left(self._names, member.name)]

    # ------------------------------------------------------------------ what is said and decided

    def speak(
        self,
        kind: Kind,
        name: str,
        origin: int,
        texts: Sequence[str],
        *,
        may_hurry: bool = True,
        zone: tzinfo | None = UTC,
    ) -> None:
        """Append what the session `origin` of the account `name` says or does.

        Who `may_hurry` is not held up where a room is slowed down.

        Raises:
            Refused: the session is not in this room, or may not speak at the moment, until when is told in `zone`.
            NotRecorded: the log cannot record these texts; those before them are said.
        """
        try:
            self.log.wait_for_space()
            appended = self._append_words(kind, name, origin, texts, may_hurry=may_hurry, zone=zone)
        except NotRecorded:
            raise NotRecorded(texts) from None
        try:
            self.log.wait_until_recorded(appended)  # under no lock, so that whoever waits holds up nobody
        except NotRecorded as refused:
            said = 0
            if refused.first is not None:  # else all of it was refused, and has no place
                said = max(0, refused.first - place_of(appended).offset + len(texts) - 1)
            raise NotRecorded(texts[said:]) from None

    def _append_words(
        self, kind: Kind, name: str, origin: int, texts: Sequence[str], *, may_hurry: bool, zone: tzinfo | None
    ) -> Appended:
        with self._lock:
            key = account_key(name)
            member = self._members.get(key)
            if member is None or origin not in member.origins:
                raise Refused(NotInRoom(self.name))
            if self.facts.mutes or self._server.mutes or self.facts.slow_seconds:
                self._voices.use(key, zone, may_hurry=may_hurry, lines=len(texts))
            return self.log.append(kind, name, origin, texts)

    def use_voice(self, key: str, utterance: Utterance, zone: tzinfo | None = UTC, *, may_hurry: bool) -> None:
        """Count what an account decided as a line that it says here, since all here read it.

        Raises:
            Refused: it may not speak at the moment, until when is told in `zone`.
        """
        with self._lock:
            self._voices.use(key, zone, may_hurry=may_hurry, utterance=utterance)

    def announce(self, actor: str, origin: int, change: Change) -> None:
        """Append a change for all here to see, and wait until they may, so that who decided it is answered behind it.

        It holds already, also where this cannot be recorded at the moment.
        """
        self.wait_until_seen(self.append_change(actor, origin, change))

    def append_change(self, actor: str, origin: int, change: Change) -> Appended | None:
        """Do what `announce` does, without waiting; `None`: it cannot be recorded."""
        with self._lock, suppress(Refused):
            return self.log.append(Kind.CHANGE, actor, origin, (change.encode(),))
        return None

    def wait_until_seen(self, appended: Appended | None) -> None:
        """Wait until all here may see what was appended, if it was and can be recorded. Under no lock."""
        if appended:
            with suppress(Refused):
                self.log.wait_until_recorded(appended)

    # ------------------------------------------------------------------ who is here

    def is_in(self, key: str) -> bool:
        """Tell whether an account is here."""
        with self._lock:
            return key in self._members

    def present(self, limit: int, after: str = "") -> tuple[tuple[str, ...], int]:
        """Return the first `limit` of the sorted names of those present behind a name, and how many more there are."""
        with self._lock:
            start = bisect_right(self._names, after) if after else 0
            return tuple(self._names[start : start + limit]), max(0, len(self._names) - start - limit)


def in_no_room(rooms: Iterable[str]) -> InNoRoom:
    """Return what somebody is refused who speaks in no room; `rooms` are those that they are in."""
    return InNoRoom(next(iter(rooms), ""))
