"""What an account missed of a room, as it is told at a login: how much it is, the entries, the end.

Never hears of bytes, sockets or wire formats. Logs are read in steps and under no lock; where much was missed, once to
count and once to tell, so that memory stays bounded. Everything here runs on the session's own thread.
"""

from collections.abc import Callable, Iterator
from itertools import islice
from typing import NamedTuple

from chatsrv.chat.comings import comings_of
from chatsrv.chat.lookback import View, lines_back, past_of
from chatsrv.model.distinct import distinct
from chatsrv.model.entries import WORDS, Bookmark, Entry, Position
from chatsrv.model.errors import Hole, Refused
from chatsrv.model.history import CatchingUp
from chatsrv.model.replies import Away, AwayEnd, Missing, Reply
from chatsrv.model.reports import AwayUnknown, RecentBegin, RecentEnd
from chatsrv.roomlog.base import RoomLog

STEP_ENTRIES = 32
"""Entries that are looked at at once when they are counted; so few for the reason given at `LOOKED_AT_ONCE`."""

KEPT_ENTRIES, KEPT_CHARACTERS = 1000, 65_536
"""Missed entries that are kept in memory while they are counted, so that they need not be read a second time: of lines
of usual length all, of the longest some sixteen, as a crowd may come back together.
"""

SOUGHT_ENTRIES = 20_000
"""Newest lines among which a newcomer's last few are sought: the rest of them may be of somebody ignored. Some
hundredths of a second at most.
"""

LOOKED_AT_ENTRIES = 50_000
"""Lines that are looked at for what was missed, where it is not even a page: all others are of those whom the reader
ignores, or they are their own, from elsewhere. A tenth of a second, which others who log in may wait for.
"""

COUNTED_ENTRIES = 20_000
"""Lines that are looked at to tell how many were left out that would have been told; there may be more."""


@distinct
class Told(NamedTuple):
    """A reply or an entry of before, and the offset up to which its reader has read the room once it is taken."""

    reply: Reply | Entry
    offset: int


@distinct
class _Count(NamedTuple):
    """How much was `missed` behind the offset `begin`, and what, oldest first; `None` if that has to be read again.

    So it has where there are holes in between, which are to be told too. Before that, `left_out` more were missed, at
    least, if `is_more`.
    """

    missed: int
    begin: int
    left_out: int
    is_more: bool
    entries: list[Entry] | None


class Absence:
    """What somebody missed of a log up to the position `last`.

    `bookmark` is how far they have read, `None` if never; `view` is how they look at what was before. `place` is the
    log's name, such as "dev"; empty if it is of the room that they speak in. `has_own` tells whether they are
    shown their own words, too. `is_void` tells of a decision whether it holds no more, so that nobody needs to be told.
    """

    def __init__(
        self, log: RoomLog, last: Position, name: str, bookmark: Bookmark | None, view: View, *, place: str = "",
        has_own: bool = False, is_void: Callable[[Entry], bool] = lambda _: False,
    ) -> None:  # fmt: skip
        self.log = log
        self.last = last
        self._name = name
        self.bookmark = bookmark
        self.view = view
        self._place = place
        self._typed_in = None if has_own or bookmark is None else bookmark.origin
        self._is_void = is_void
        self.is_cut_short = False
        """Whether not all could be told: then nothing behind it counts as read, whatever is live."""

    def told(self, limits: CatchingUp) -> Iterator[Told]:
        """Yield what is to be told, in its order. The first value's offset is where that begins."""
        position = self.bookmark.position if self.bookmark else self.last
        offset = position.offset if position.epoch == self.last.epoch else 0
        if self.bookmark is None:
            tellings = self._newest(limits.newcomer_entries)
        elif limits.entries:
            tellings = self._missed(position, limits)
        else:
            return
        try:
            for told in tellings:
                offset = told.offset
                yield told
        except Refused as refused:
            self.is_cut_short = True
            yield Told(refused.why, offset)

    def _missed(self, place: Position, limits: CatchingUp) -> Iterator[Told]:
        kept_after = place.offset
        try:
            self.log.read(place, 0)
        except Hole as hole:
            if hole.missing is None:
                yield Told(AwayUnknown(self._place), self.last.offset)
                yield from self._newest(limits.newcomer_entries)
                return
            kept_after = hole.kept_after
        count = self._count(place.offset, limits.entries)
        comings = comings_of(self.log, max(count.begin, kept_after), self.last, self._name)
        is_hole = kept_after > place.offset
        if not (is_hole or count.missed or count.is_more):
            if comings:
                yield Told(Away(0, 0, self._place, comings), place.offset)
            return
        is_first = bool(count.missed)  # else it would stand for all that was missed
        yield Told(
            Away(count.missed, count.left_out, self._place, comings if is_first else None, count.is_more), place.offset
        )
        if count.begin >= kept_after > place.offset:  # else it is told where it lies
            yield Told(Missing(kept_after - place.offset), place.offset)
        if count.entries is None:
            yield from self._between(count.begin)
        else:
            new = tuple.__new__  # a sixth of what it costs a crowd to come back was `Told(...)`
            for entry in count.entries:
                yield new(Told, (entry, entry.offset))
        if comings and not is_first:
            yield Told(comings, self.last.offset)
        yield Told(AwayEnd(), self.last.offset)

    def _count(self, place: int, most: int) -> "_Count":
        """Count what was missed behind the offset `place`, the newest `most` of it."""
        kept: list[Entry] = []
        characters = 0
        missed, begin, oldest, left_out, is_more = 0, place, 0, 0, False
        for looked_at, entry in enumerate(self._back(place)):
            if self._is_missed(entry):
                if missed == most:
                    begin, left_out = oldest - 1, left_out + 1
                else:
                    missed, oldest = missed + 1, entry.offset
                    characters += len(entry.text)
                    if missed <= KEPT_ENTRIES and characters <= KEPT_CHARACTERS:
                        kept.append(self.view.heard(entry))
            if is_more := looked_at >= (COUNTED_ENTRIES if left_out else LOOKED_AT_ENTRIES):
                begin = begin if left_out else entry.offset - 1
                break
        is_kept = (missed > 0 or is_more) and missed == len(kept) and self.log.is_whole(begin, self.last.offset)
        return _Count(missed, begin, left_out, is_more, kept[::-1] if is_kept else None)

    def _newest(self, entries: int) -> Iterator[Told]:
        """Yield the last that was said and decided."""
        found, begin = 0, 0
        for entry in islice(self._back(0), SOUGHT_ENTRIES) if entries else ():
            if self._is_missed(entry):
                found, begin = found + 1, entry.offset - 1
                if found == entries:
                    break
        if not found:
            return
        yield Told(RecentBegin(found, self._place), begin)
        if comings := comings_of(self.log, begin, self.last, self._name):
            yield Told(comings, begin)
        for told in self._between(begin):
            if isinstance(told.reply, Entry):
                yield told
        yield Told(RecentEnd(), self.last.offset)

    def _between(self, begin: int) -> Iterator[Told]:
        """Yield what was missed behind an offset one by one, and the holes there."""
        begin_at = Position(self.last.epoch, begin)
        for past in past_of(self.log, begin_at, self.last.offset, self.view):
            if isinstance(past, Missing):
                begin += past.entries or 0
                yield Told(past, begin)
            else:
                for entry in past.entries:
                    begin = entry.offset
                    if self._is_missed(entry):
                        yield Told(entry, begin)

    def _back(self, after: int) -> Iterator[Entry]:
        return lines_back(self.log, self.last, max(0, after), STEP_ENTRIES)

    def _is_missed(self, entry: Entry) -> bool:
        if entry.kind in WORDS:
            return entry.origin != self._typed_in and not self.view.hides(entry)
        return not (self.view.hides(entry) or entry.author == self._name or self._is_void(entry))
