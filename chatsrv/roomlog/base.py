"""The contract of a room log: an ordered, append-only record, read on from any position.

Knows nothing of members, sockets or wire formats. Every method may be called from any thread.
`chatsrv.testing.roomlog.RoomLogContract` proves an implementation.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from typing import TypeAlias

from chatsrv.model.entries import WORDS, Bookmark, Entry, Kind, Position
from chatsrv.model.errors import Hole, Refused
from chatsrv.model.refusals import TooManyWords
from chatsrv.roomlog.search.words import Sought, is_found, sought_in
from chatsrv.sharing.effort import ENTRY_CHARACTERS, Effort, boundless
from chatsrv.sharing.slots import step_aside

LOOKED_AT_ONCE = 32
"""Entries that are looked at before they are let go of, where most of them are not wanted.

A list of up to 64 is a small object to Python, and its memory is shared by all threads. Of longer ones the C library
keeps what it made for each thread: 10 KiB a session, with a thousand entries at once.
"""

PASSED_OVER_CHARACTERS = ENTRY_CHARACTERS // 16
"""What it costs of an effort to pass over an entry of another kind: a sixteenth of what looking at one does."""

MOST_SOUGHT = 16
"""Different words that a search may ask for: each is looked for in each entry that may have them."""

Wake = Callable[[], None]
"""Told that there is news. Called from any thread, under no lock of the log's; returns at once and raises nothing."""

Hides = Callable[[Entry], bool]
"""Tells of an entry whether it is passed over."""


Noted = Callable[[Position], None]
"""Told where something stands that was appended. Called under a lock of the log's; returns at once, raises nothing."""


class Pending(ABC):
    """The place of something that was appended, where that is known later: the order is made somewhere else."""

    @abstractmethod
    def wait(self) -> Position:
        """Return the place once it is known. Called under no lock, or a session's, by any number of threads.

        Raises:
            NotRecorded: there is none, as it was refused; nobody has seen it, and nobody will.
        """


Appended: TypeAlias = Position | Pending
"""The place of the last entry of what was appended at once."""


def place_of(appended: Appended) -> Position:
    """Return the place of what was appended; it may have to be waited for, so under no lock but a session's.

    Raises:
        NotRecorded: it was refused; nobody has seen it, and nobody will.
    """
    if isinstance(appended, Pending):
        with step_aside(at_once=True):
            return appended.wait()
    return appended


def hides_nothing(_: Entry) -> bool:
    """Pass over nothing."""
    return False


def sleep_on() -> None:
    """Be woken no more: a follower that is closed holds on to nobody who holds on to it."""


class Follower(ABC):
    """A reader who wants everything as it comes. What it has not read yet can be read, in memory as a rule.

    One thread reads; `lag` may be asked by any.
    """

    cursor: int
    """The offset of the last entry that was read."""

    @abstractmethod
    def read(self, limit: int) -> list[Entry] | None:
        """Return up to `limit` entries after the cursor, oldest first, and move the cursor past them. Never waits.

        `None`: they are not in memory any more. `RoomLog.read` has them, which may wait; whoever has read them there
        follows anew from the last of them.
        """

    @property
    @abstractmethod
    def lag(self) -> int:
        """The number of visible entries after the cursor. Takes no lock, as it is asked under locks of any rank."""

    @property
    def lag_bytes(self) -> int:
        """What of these entries is kept in memory takes so many bytes; 0 if that is not known. Takes no lock."""
        return 0

    @abstractmethod
    def close(self) -> None:
        """Stop following: nothing is kept for this follower any more, and no later entry wakes it."""


class RoomLog(ABC):
    """What was said and done in one room, in the one order that everybody sees.

    An entry becomes visible, to readers and followers alike, only once it is recorded. Offsets count from 1, without
    gaps.
    """

    room: str
    epoch: str

    @abstractmethod
    def append(
        self, kind: Kind, author: str, origin: int, texts: Sequence[str], noted: Noted | None = None
    ) -> Appended:
        """Hand over one entry for each of `texts`, to stand next to each other; return the place of the last one.

        Never waits, as it is called under a room's lock: where another machine makes the order, the place is known
        later. What is appended by one call after the other stands in that order. `noted` is told the place as soon as
        it is known and before anybody can see the entries, which may be later still; never if they are refused.

        Raises:
            NotRecorded: the log cannot record at the moment. Joining and leaving is taken nevertheless, if the order is
                made here.
        """

    def wait_for_space(self) -> None:
        """Wait while too much is appended and not recorded yet. For authors, before they append and under no lock.

        Raises:
            NotRecorded: the log cannot record at the moment.
        """

    def wait_until_recorded(self, appended: Appended) -> Position:
        """Wait until all up to what was appended is recorded; return its place. For authors, after `append`.

        Called under no lock.

        Raises:
            NotRecorded: it cannot be recorded, and was taken back, from its `first` offset on, or as a whole: nobody
                has seen it, and nobody will. Of what was appended at once, the entries before that are recorded.
        """
        return place_of(appended)

    @abstractmethod
    def read(self, after: Position, limit: int) -> list[Entry]:
        """Return up to `limit` visible entries after a position, oldest first; empty when there are none.

        Raises:
            Hole: the entry right after the position is gone, or the position was never given out: it is of another
                epoch, or beyond what was appended. The place of what was appended is no hole, visible or not.
        """

    def read_at_hand(self, after: Position, limit: int) -> list[Entry] | None:  # noqa: ARG002 - nothing is at hand
        """Return what `read` does where that is in memory, and else `None`. Never waits.

        Raises:
            Hole: as `read`.
        """
        self.follow(after, sleep_on).close()
        return None

    @abstractmethod
    def read_back(self, before: Position, limit: int) -> list[Entry]:
        """Return up to `limit` visible entries up to and including a position, newest first.

        Raises:
            Hole: the position is of another epoch.
        """

    def search(
        self,
        words: str,
        before: Position,
        limit: int,
        *,
        hides: Hides = hides_nothing,
        effort: Effort | None = None,
    ) -> list[Entry]:
        """Return up to `limit` visible entries up to and including a position that have all of `words`, newest first.

        Only what people said or did is looked at, and of that what is not passed over. Words are compared whole,
        without regard to case, accents, order and what stands between them; one that ends in `*` stands for all that
        begin so. Without a word, nothing is found.

        It ends when the `effort` is over, with what was found by then, and notes there how far it has come:
        `Effort.stopped_at`. It has come a little way in any case. Without an effort, it goes to the end.

        Raises:
            Hole: the position is of another epoch.
            Refused: the log cannot be searched at the moment, or that are more than `MOST_SOUGHT` words.
        """
        sought = few_sought_in(words)
        return self.look_for(sought, before, 0, limit, hides, effort) if sought else []

    def look_for(
        self,
        sought: Sequence[Sought],
        before: Position,
        after: int,
        limit: int,
        hides: Hides = hides_nothing,
        effort: Effort | None = None,
    ) -> list[Entry]:
        """Search by looking at each entry, from a position back to the one behind the offset `after`.

        For logs that have an index for older entries only. Raises the same.
        """
        effort = effort or boundless()

        def found(entries: list[Entry]) -> list[Entry]:
            effort.spend(len(entries), sum([len(entry.text) for entry in entries]))
            return [
                entry for entry in entries if entry.kind in WORDS and is_found(sought, entry.text) and not hides(entry)
            ]

        return self._pick(found, before, after, limit, effort)

    def pick_back(
        self, kinds: Collection[Kind], before: Position, after: int, limit: int, effort: Effort | None = None
    ) -> list[Entry]:
        """Return what `read_back` does, but only entries of some kinds, and only behind the offset `after`.

        Where crowds come and go, what people said is a small part, so a log that can pick it at less than the cost of
        reading all has a method of its own. It ends when an `effort` is over, as `search` does.

        Raises:
            Hole: the position is of another epoch.
            Refused: the log cannot be read at the moment.
        """

        def picked(entries: list[Entry]) -> list[Entry]:
            some = [entry for entry in entries if entry.kind in kinds]
            if effort:
                effort.spend(len(some), (len(entries) - len(some)) * PASSED_OVER_CHARACTERS)
            return some

        return self._pick(picked, before, after, limit, effort)

    def pick_after(self, kinds: Collection[Kind], after: Position, last: int, limit: int) -> list[Entry]:
        """Return up to `limit` visible entries of some kinds behind a position up to the offset `last`, oldest first.

        Where entries are gone it goes on behind them.

        Raises:
            Hole: the position is of another epoch, or beyond what was appended.
            Refused: the log cannot be read at the moment.
        """
        found: list[Entry] = []
        while len(found) < limit and after.offset < last:
            try:
                entries = self.read(after, min(LOOKED_AT_ONCE, last - after.offset))
            except Hole as hole:
                if hole.missing is None:
                    raise
                after = Position(after.epoch, hole.kept_after)
                continue
            if not entries:
                break
            found += [entry for entry in entries if entry.kind in kinds]
            after = Position(after.epoch, entries[-1].offset)
        return found[:limit]

    def _pick(
        self, picked: Callable[[list[Entry]], list[Entry]], before: Position, after: int, limit: int,
        effort: Effort | None = None,
    ) -> list[Entry]:  # fmt: skip
        """Return up to `limit` of what `picked` takes, from a position back to the one behind the offset `after`."""
        found: list[Entry] = []
        step = min(limit, LOOKED_AT_ONCE)
        if effort:
            effort.stopped_at = None
        while len(found) < limit and (entries := self.read_back(before, min(step, before.offset - after))):
            found += picked(entries)
            step = min(2 * step, LOOKED_AT_ONCE)
            before = Position(before.epoch, max(after, entries[-1].offset - 1))
            if effort and effort.is_over:
                if len(found) < limit:
                    effort.stopped_at = before.offset
                break
        while found and found[-1].offset <= after:  # behind a hole
            del found[-1]
        return found[:limit]

    def is_whole(self, after: int, last: int) -> bool:
        """Tell whether all entries behind the offset `after` up to the visible offset `last` are there.

        Raises:
            Refused: the log cannot be read at the moment.
        """
        while after < last:
            try:
                entries = self.read(Position(self.epoch, after), min(LOOKED_AT_ONCE, last - after))
            except Hole:
                return False
            if not entries or entries[-1].offset - after != len(entries):
                return False
            after = entries[-1].offset
        return True

    @property
    @abstractmethod
    def end(self) -> Position:
        """The position of the last visible entry, as far as is known here. Never waits."""

    @abstractmethod
    def follow(self, after: Position, wake: Wake) -> Follower:
        """Read on from a position as news comes; `wake` is called whenever there is some, but not for what is there.

        Never waits.

        Raises:
            Hole: as `read`.
        """


def few_sought_in(words: str) -> list[Sought]:
    """Return what a search for `words` looks for.

    Raises:
        Refused: that is too much.
    """
    sought = sought_in(words)
    if len(sought) > MOST_SOUGHT:
        raise Refused(TooManyWords(MOST_SOUGHT, len(sought)))
    return sought


class LogStore(ABC):
    """Where the logs of all rooms are kept."""

    @abstractmethod
    def open(self, room: str, *, is_recorded: bool = True) -> RoomLog:
        """Return the log of `room`, the same object each time; it is created if there is none.

        Unless it `is_recorded`, it lives in memory, whatever the others do, and nothing of it outlives the process.
        """

    @abstractmethod
    def has(self, room: str) -> bool:
        """Tell whether there is a log of `room`: whether it was opened in this process, or anything is kept of it."""

    @abstractmethod
    def rooms(self) -> list[str]:
        """Return the names of all rooms of which there is a log, sorted."""

    @abstractmethod
    def bookmark(self, account: str, room: str) -> Bookmark | None:
        """Return how far an account has read a room, as it was kept last; `None` if it never was.

        Raises:
            Refused: it cannot be read at the moment.
        """

    @abstractmethod
    def keep_bookmark(self, account: str, room: str, bookmark: Bookmark) -> None:
        """Keep how far an account has read a room, in place of what was kept before. Never waits, never raises."""

    def keep_first_bookmark(self, account: str, room: str, bookmark: Bookmark) -> None:
        """Keep where an account begins to read a room, as `keep_bookmark` does.

        It is recorded no later than anything that is appended after this call.
        """
        self.keep_bookmark(account, room, bookmark)

    @abstractmethod
    def is_caught_up(self, account: str) -> bool:
        """Tell whether an account wants to be told at login what it missed: it does until it says otherwise.

        Raises:
            Refused: it cannot be read at the moment.
        """

    @abstractmethod
    def keep_caught_up(self, account: str, is_wanted: bool) -> None:
        """Keep whether an account wants to be told at login what it missed. Never waits, never raises."""

    @abstractmethod
    def close(self) -> None:
        """Record what is still unrecorded, then let go of files and threads."""
