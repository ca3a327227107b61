"""The register: everything that was decided about rooms and people, in order, and what holds by it.

    record       a change becomes an entry of the log `*register`; only once it is recorded it holds
    Facts        what holds of one room, or of the whole server: got by reading that log from its beginning
    audit        another reading of the same log

Never hears of bytes, sockets or wire formats, nor who may decide what. Every method may be called from any thread.
Those that read take no lock: each looks at something that is replaced as a whole, or changed in one step.
"""

import heapq
import logging
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import NamedTuple

from chatsrv.chat.facts import Facts, Topic
from chatsrv.chat.subjects import Subjects
from chatsrv.model.changes import (
    INVITE_ONLY,
    MODERATION,
    UNLOGGED,
    Change,
    What,
    is_invitation,
    moderation_of,
    target_key,
)
from chatsrv.model.distinct import distinct
from chatsrv.model.entries import Entry, Kind, Position
from chatsrv.model.errors import Hole, Refused
from chatsrv.model.refusals import RoomExists
from chatsrv.model.style import Style
from chatsrv.roomlog.base import Follower, RoomLog, sleep_on
from chatsrv.sharing.locks import Rank, ranked_lock
from chatsrv.text.names import account_key

READ_ENTRIES = 10_000
"""Changes that are read at once at the start."""

logger = logging.getLogger(__name__)


@distinct
class About(NamedTuple):
    """What an audit is about: a `room`, by its name, or the key of an `account` or a network; with both, either.

    A room and an account may be called the same, so it is always said which one is meant.
    """

    room: str | None = None
    account: str | None = None

    def fits(self, entry: Entry, change: Change) -> bool:
        """Tell whether a change is about that room, or was decided by or about that account."""
        if self.room is not None and change.room == self.room:
            return True
        return self.account is not None and self.account in (account_key(entry.author), target_key(change.target))

    def subjects(self) -> list[str]:
        """Return under which names the `Subjects` have what fits."""
        room = [] if self.room is None else [_of_room(self.room)]
        return room if self.account is None else [*room, _of_account(self.account)]


class Register:
    """What holds by the changes in `log`, which is read from its beginning. Accounts are known by their keys.

    Raises:
        Refused: the log cannot be read.
    """

    def __init__(self, log: RoomLog) -> None:
        self.server = Facts("")
        self._log = log
        self._facts: dict[str, Facts] = {}  # also of rooms that are not there: settings may name them again
        self._rooms: dict[str, Facts] = {}
        self._in_order: Sequence[Facts] = ()  # the same, by name; of before, if they are fewer
        self._created: dict[str, int] = {}  # the offsets of the changes that created rooms
        self._stays: dict[str, dict[str, bool]] = {}  # by account and room: whether it joined last, or parted
        self._ignored: dict[str, frozenset[str]] = {}
        self._styles: dict[str, Style] = {}
        self._subjects = Subjects()
        self._lock = ranked_lock(Rank.REGISTER)
        # Guarded by the lock, which is held to change any of the above.
        with self._lock:
            applied = self._read_all_locked()
            self._follower = self._follow(applied.offset)

    # ------------------------------------------------------------------ rooms

    def declare(self, name: str, *, topic: str = "", is_invite_only: bool = False, is_logged: bool = True) -> Facts:
        """Let there be a room that the settings name; return what holds of it.

        It is nobody's, whoever created it once. A topic that was set by somebody stays.
        """
        with self._lock:
            facts = self._rooms[name] = self._facts.setdefault(name, Facts(name))
            facts.owner = ""
            facts.is_invite_only = is_invite_only
            facts.is_logged = is_logged
            if not facts.topic.by:
                facts.topic = Topic(topic)
        return facts

    def room(self, name: str) -> Facts | None:
        """Return what holds of a room; `None` if it is neither declared nor created."""
        return self._rooms.get(name)

    def rooms(self) -> Sequence[Facts]:
        """Return what holds of each room that is declared or created, in the order of their names."""
        in_order = self._in_order
        if len(in_order) != len(self._rooms):  # none ever goes
            in_order = self._in_order = sorted(self._rooms.values(), key=lambda facts: facts.name)
        return in_order

    # ------------------------------------------------------------------ people

    def joined(self, key: str) -> frozenset[str]:
        """Return the rooms that an account joined and did not part from since."""
        return frozenset(room for room, is_in in list(self._stays.get(key, {}).items()) if is_in)

    def is_joined(self, key: str, room: str, default: bool = False) -> bool:
        """Tell whether an account joined a room and did not part from it since; `default`: it never did either."""
        stays = self._stays.get(key)
        return default if stays is None else stays.get(room, default)

    def ignored_by(self, key: str) -> frozenset[str]:
        """Return the keys of the accounts of which an account wants to see nothing."""
        return self._ignored.get(key, frozenset())

    def style_of(self, key: str) -> Style:
        """Return how an account wants lines to be shown."""
        return self._styles.get(key, _USUAL)

    def is_answered(self, key: str, entry: Entry) -> bool:
        """Tell whether an entry of an account's own log is an invitation that needs no answer any more.

        The room is not there any more, or the account was put out of it since, or has entered it.
        """
        if entry.kind is not Kind.CHANGE or not is_invitation(entry.text):
            return False
        change = Change.decode(entry.text)
        facts = self.room(change.room)
        return facts is None or key not in facts.invited or self.is_joined(key, change.room)

    # ------------------------------------------------------------------ changes

    def record(self, actor: str, origin: int, change: Change) -> None:
        """Have it recorded that the session `origin` of the account `actor` decided something: from then on it holds.

        Waits for the recorder, so it is called under no lock.

        Raises:
            Refused: it cannot be recorded, or there is such a room already; nothing has changed.
        """
        if change.what is What.CREATE and change.room in self._rooms:
            raise _taken(change.room)
        self._log.wait_for_space()
        appended = self._log.append(Kind.CHANGE, actor, origin, (change.encode(),))
        position = self._log.wait_until_recorded(appended)
        self._read_on()
        if change.what is What.CREATE and self._created.get(change.room) != position.offset:
            raise _taken(change.room)  # somebody else was faster: the log has the order

    def audit(self, about: About | None, before: int | None, limit: int) -> list[Entry]:
        """Return up to `limit` of the changes that are moderation, newest first; the next page is before its last one.

        `about` is what they are about; `None` for all. They are those with smaller offsets than `before`; `None` for
        the newest. Nothing else is read.

        Raises:
            Refused: they cannot be read at the moment.
        """
        last = self._log.end.offset if before is None else before - 1
        found: list[Entry] = []
        offsets = self._offsets_back([_ALL] if about is None else about.subjects(), last)
        while len(found) < limit and (offset := next(offsets, None)) is not None:
            some = self._log.read_back(Position(self._log.epoch, offset), 1)
            if not some:
                break  # let go of, as all that came before
            (entry,) = some
            change = moderation_of(entry)
            if entry.offset == offset and change and (about is None or about.fits(entry, change)):
                found.append(entry)
        return found

    def _offsets_back(self, subjects: Sequence[str], last: int) -> Iterator[int]:
        """Yield the offsets of what is about any of these, from `last` back."""
        each = [self._subjects.back(subject, last) for subject in subjects]
        return (offset for offset, _ in groupby(heapq.merge(*each, reverse=True)))

    # ------------------------------------------------------------------ inside

    def _read_all_locked(self) -> Position:
        """Apply all that is there at the start; return up to where that is."""
        assert self._lock.locked()
        applied = Position(self._log.epoch, 0)
        while True:
            try:
                entries = self._log.read(applied, READ_ENTRIES)
            except Hole as hole:  # in a rescued file
                applied = Position(applied.epoch, hole.kept_after)
                continue
            if not entries:
                return applied
            self._apply_locked(entries)
            applied = Position(applied.epoch, entries[-1].offset)

    def _read_on(self) -> None:
        """Apply what has come, in the log's order, whoever recorded it."""
        while True:
            with self._lock:
                while entries := self._follower.read(READ_ENTRIES):
                    self._apply_locked(entries)
                if entries is not None:
                    return
                applied = self._follower.cursor
            try:
                entries = self._log.read(Position(self._log.epoch, applied), READ_ENTRIES)
                last = entries[-1].offset
            except Hole as hole:  # in a rescued file
                last = hole.kept_after
            with self._lock:
                if self._follower.cursor == applied:  # else somebody else was faster
                    self._apply_locked(entries or ())
                    follower, self._follower = self._follower, self._follow(last)
                    follower.close()

    def _follow(self, applied: int) -> Follower:
        """Keep in memory what has not been applied, so that no store is asked under the lock."""
        return self._log.follow(Position(self._log.epoch, applied), sleep_on)

    def _apply_locked(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            if entry.kind is Kind.CHANGE:  # nothing else is here, but what was taken back
                try:
                    change = Change.decode(entry.text)
                    if change.what in MODERATION:
                        self._subjects.note(entry.offset, *_subjects_of(entry, change))
                    self._apply(entry, change)
                except ValueError as error:
                    logger.warning("change %d of the register is skipped: %s", entry.offset, error)

    def _apply(self, entry: Entry, change: Change) -> None:
        """Let a change hold."""
        match change.what:
            case What.CREATE:
                self._create(entry, change)
            case What.JOIN | What.PART:
                stays = self._stays.get(key := account_key(entry.author))
                if stays is None:
                    stays = self._stays[key] = {}
                stays[change.room] = change.what is What.JOIN
            case What.IGNORE:
                key = account_key(entry.author)
                self._ignored[key] = self.ignored_by(key) | {account_key(change.target)}
            case What.UNIGNORE:
                key = account_key(entry.author)
                self._ignored[key] = self.ignored_by(key) - {account_key(change.target)}
            case What.SET:
                key = account_key(entry.author)
                option, _, value = change.text.partition(" ")
                self._styles[key] = self.style_of(key).having(option, value)
            case _:
                self._facts_of(change.room).apply(entry, change)

    def _facts_of(self, room: str) -> Facts:
        if not room:
            return self.server
        facts = self._facts.get(room)
        if facts is None:
            facts = self._facts[room] = Facts(room)
        return facts

    def _create(self, entry: Entry, change: Change) -> None:
        """Let there be a room. What held of one of that name that is gone holds no more."""
        if change.room and change.room not in self._rooms:
            facts = Facts(change.room)
            facts.owner = account_key(entry.author)
            words = change.text.split()
            facts.is_invite_only = INVITE_ONLY in words
            facts.is_logged = UNLOGGED not in words
            self._facts[change.room] = self._rooms[change.room] = facts
            self._created[change.room] = entry.offset


_USUAL = Style()

_ALL = ""
"""What every change is about."""


def _of_room(room: str) -> str:
    return f"#{room}"


def _of_account(account: str) -> str:
    return f"@{account}"


def _subjects_of(entry: Entry, change: Change) -> tuple[str, ...]:
    author = _of_account(account_key(entry.author))
    if change.target:
        return _ALL, _of_room(change.room), author, _of_account(target_key(change.target))
    return _ALL, _of_room(change.room), author


def _taken(room: str) -> Refused:
    return Refused(RoomExists(room))
