"""Looking back: what was said and done before, in pages, for one session that asks.

Never hears of bytes, sockets or wire formats. A `Lookback` is its session's thread's alone. Logs are read in steps and
under no lock, and what one step found is told before the next is read, so a long answer takes no more memory than a
short one. How much one page looks at is bounded: see `chatsrv.sharing.effort`.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import NamedTuple

from chatsrv.chat.comings import comings_of
from chatsrv.model.changes import without_words
from chatsrv.model.commands import PAGE_ENTRIES
from chatsrv.model.distinct import distinct
from chatsrv.model.entries import LINES, PRIVATE_MARK, WORDS, Entry, Kind, Position
from chatsrv.model.errors import Hole, Refused
from chatsrv.model.refusals import NothingFound, NothingMore, NothingSaid, NotInRoom, TooManyLines
from chatsrv.model.replies import Missing, Past, PastEnd, Reply
from chatsrv.model.reports import CutShort, FoundBegin, PastBegin
from chatsrv.roomlog.base import RoomLog
from chatsrv.sharing.effort import Effort
from chatsrv.text.names import account_key

MOST_ENTRIES = 1000
"""Entries that one page of the history may have: more than a terminal scrolls back through at ease."""

STEP_ENTRIES = 32
"""Entries that are read, and told, at once: 128 KiB of the longest lines that the limits allow by default."""

LONG_ENTRIES = 1024
"""So many entries that are not shown are not read again between two that are, be they comings and goings."""

Logs = Callable[[], Collection[RoomLog]]
"""Returns the logs that a session may look at now, which may be fewer than before."""

Pages = Callable[[], Iterator[Reply]]
"""Yields the replies of one page, and offers the next one before it ends."""


@distinct
class View(NamedTuple):
    """How one reader looks at what was before: times as at `now`, in the room `here`.

    `ignored` are the keys of accounts of which nothing is shown.
    """

    now: datetime
    here: str = ""
    ignored: frozenset[str] = frozenset()

    def past(self, entries: tuple[Entry, ...]) -> Past:
        """Return the reply that shows entries which are not hidden."""
        return Past(tuple(map(self.heard, entries)) if self.ignored else entries, self.now, self.here)

    def heard(self, entry: Entry) -> Entry:
        """Return an entry that is not hidden as it is shown: what somebody ignored decided, without their words."""
        is_unheard = self.ignored and entry.kind is Kind.CHANGE and account_key(entry.author) in self.ignored
        return without_words(entry) if is_unheard else entry

    def hides(self, entry: Entry) -> bool:
        """Tell whether an entry is not shown: it is nothing said or decided, or what somebody ignored said."""
        if entry.kind not in LINES:
            return True
        if not self.ignored or account_key(entry.author) not in self.ignored:
            return False
        return entry.kind in WORDS or entry.room.startswith(PRIVATE_MARK)  # an invitation


class Lookback:
    """What one session looks up, and how its next page is found."""

    def __init__(self) -> None:
        self._next_page: Pages | None = None
        self._logs: Logs = tuple
        self._effort = Effort()  # of the page that is shown

    def offer(self, pages: Pages | None) -> None:
        """Have the next `More` answered by this; `None`: there is nothing more."""
        self._next_page = pages

    def close(self) -> None:
        """Hold nothing of the session any more: it holds this, too."""
        self._next_page, self._logs, self._effort = None, tuple, Effort()

    def more(self, logs: Logs, effort: Effort | None = None) -> Iterator[Reply]:
        """Yield the next page, at the cost of an `effort` at most.

        Raises:
            Refused: there is none, or it is of a log that the session may not look at any more.
        """
        self._logs, self._effort = logs, effort or Effort()
        pages, self._next_page = self._next_page, None
        if pages is None:
            raise Refused(NothingMore())
        try:
            yield from pages()
        except Refused:
            self._next_page = pages  # to be tried again
            raise

    def history(
        self, view: View, logs: Logs, log: RoomLog, entries: int, effort: Effort | None = None
    ) -> Iterator[Reply]:
        """Yield so many lines of a log, the newest, oldest first. What `More` shows then is what came before.

        It ends where the `effort` does, or when the session may not look at the log any more.

        Raises:
            Refused: there are none, or they cannot be read.
        """
        self._next_page, self._logs, self._effort = None, logs, effort or Effort()
        if entries > MOST_ENTRIES:
            raise Refused(TooManyLines(MOST_ENTRIES))
        return self._history(view, log, log.end, entries)

    def search(self, view: View, logs: Logs, words: str, effort: Effort | None = None) -> Iterator[Reply]:
        """Yield the newest entries of the logs that have all of `words`, newest first, as far as the `effort` reaches.

        Raises:
            Refused: there are none, or they cannot be searched, or there are too many words.
        """
        self._next_page, self._logs, self._effort = None, logs, effort or Effort()
        return self._search(view, words, [(each, each.end) for each in logs()])

    def _history(
        self, view: View, log: RoomLog, last: Position, entries: int, *, is_further: bool = False
    ) -> Iterator[Reply]:
        """Yield the newest lines up to the position `last`, oldest first, beneath a title and who came and went."""
        self._require(log)
        shown = _shown_back(log, last, entries, view, self._effort)
        before = Position(last.epoch, shown.reached)
        is_all = before.offset == 0
        if not shown.lines and is_all and not any(_past_with(log, last, shown, view)):  # what is gone is told below
            raise Refused(NothingSaid(_room_of(log)))
        if shown.lines or is_all:
            yield PastBegin(shown.lines, _room_of(log), is_further)
            if comings := comings_of(log, before.offset, last, effort=self._effort):
                self._require(log)
                yield comings
        for past in _past_with(log, last, shown, view):
            self._require(log)
            yield past
        if shown.lines < entries and not is_all:
            yield CutShort()
        if not is_all:
            self.offer(partial(self._history, view, log, before, entries, is_further=True))
        yield PastEnd(is_all)

    def _require(self, log: RoomLog) -> None:
        if log not in self._logs():
            room = _room_of(log)
            raise Refused(NotInRoom(room, is_no_more=True) if room else NothingSaid(""))

    def _search(
        self, view: View, words: str, places: Sequence[tuple[RoomLog, Position]], *, is_further: bool = False
    ) -> Iterator[Reply]:
        """Yield the newest entries with all of `words` in some logs, in each up to a position.

        Where the effort does not reach to the end of all, the next page begins with the logs that had to wait.
        """
        effort, open_logs = self._effort, self._logs()
        places = [(log, last) for log, last in places if log in open_logs]
        looked: list[tuple[RoomLog, Position, list[Entry], int]] = []
        for log, last in places:
            if looked and effort.is_over:
                break
            some = log.search(words, last, PAGE_ENTRIES + 1, hides=view.hides, effort=effort)
            looked.append((log, last, some, effort.stopped_at or 0))
        rest, open_logs = places[len(looked) :], self._logs()  # which may be fewer by now
        looked = [each for each in looked if each[0] in open_logs]
        found = [entry for _, _, some, _ in looked for entry in some]
        found.sort(key=lambda entry: entry.at, reverse=True)  # keeps the order within a log, as it is stable
        page = found[:PAGE_ENTRIES]
        oldest = {entry.room: entry.offset for entry in page}
        for log, last, some, reached in looked:
            if some and oldest.get(log.room) != some[-1].offset:  # not all of it is shown
                rest.append((log, Position(last.epoch, oldest.get(log.room, last.offset + 1) - 1)))
            elif reached:
                rest.append((log, Position(last.epoch, reached)))
        if not (page or rest):
            raise Refused(NothingFound())
        if rest:
            self.offer(partial(self._search, view, words, rest, is_further=is_further or bool(page)))
        if page:
            yield FoundBegin(len(page), is_further)
            yield view.past(tuple(page))
        if rest and len(page) < PAGE_ENTRIES:
            yield CutShort(is_empty=not page)
        yield PastEnd(not rest)


@distinct
class _Shown(NamedTuple):
    """What a page shows: so many `lines`, behind the offset `reached`; 0 if there is nothing before them.

    `gaps` are where nothing is shown of many lines, newest first: behind the first offset of each, up to the second.
    """

    lines: int
    reached: int
    gaps: list[tuple[int, int]]


def _shown_back(log: RoomLog, last: Position, most: int, view: View, effort: Effort) -> _Shown:
    """Return where up to `most` lines are that are shown, from a position back, as far as the `effort` reaches."""
    gaps: list[tuple[int, int]] = []
    lines, hidden = 0, 0
    reached = edge = last.offset  # there begins what was shown last
    while reached:
        some = log.pick_back(LINES, Position(last.epoch, reached), 0, STEP_ENTRIES, effort)
        reached = some[-1].offset - 1 if len(some) == STEP_ENTRIES else effort.stopped_at or 0
        for entry in some:
            if view.hides(entry):
                hidden += 1
                continue
            if lines == most:  # there is more to show before them
                return _Shown(lines, edge, gaps)
            if hidden > STEP_ENTRIES or edge - entry.offset > LONG_ENTRIES:
                gaps.append((entry.offset, edge))
            lines, hidden, edge = lines + 1, 0, entry.offset - 1
        if effort.is_over:
            break
    if hidden > STEP_ENTRIES or edge - reached > LONG_ENTRIES:
        gaps.append((reached, edge))
    return _Shown(lines, reached, gaps)


def _past_with(log: RoomLog, last: Position, shown: _Shown, view: View) -> Iterator[Past | Missing]:
    """Yield what `past_of` does, up to the position `last`; gaps in which nothing is missing are not read again."""
    begin = shown.reached
    is_whole = bool(shown.gaps) and log.is_whole(begin, last.offset)  # which a log counts once
    for after, end in reversed(shown.gaps):
        if log.is_whole(after, last.offset if is_whole else end):
            yield from past_of(log, Position(last.epoch, begin), after, view)
            begin = end
    yield from past_of(log, Position(last.epoch, begin), last.offset, view)


def past_of(log: RoomLog, after: Position, last: int, view: View) -> Iterator[Past | Missing]:
    """Yield the lines of a log behind the position `after` up to the offset `last`, oldest first, and its holes.

    `last` is of the log's own epoch; where `after` is of another one, what is kept is told from its beginning. What the
    `view` hides is left out.

    Raises:
        Refused: the log cannot be read at the moment.
    """
    is_whole: bool | None = None  # not known
    while after.epoch != log.epoch or after.offset < last:
        try:
            entries = log.read(after, 0)
            if is_whole is None:
                is_whole = log.is_whole(after.offset, last)
            if is_whole:
                entries = log.pick_after(LINES, after, last, STEP_ENTRIES)
                log.read(after, 0)  # what was let go of meanwhile is a hole
            else:
                entries = log.read(after, min(STEP_ENTRIES, last - after.offset))
        except Hole as hole:
            kept_after = min(hole.kept_after, last)
            yield Missing(None if hole.missing is None else kept_after - after.offset)
            after, is_whole = Position(log.epoch, kept_after), None
        else:
            if not entries:
                return
            if shown := tuple([entry for entry in entries if not view.hides(entry)]):
                yield view.past(shown)
            after = Position(after.epoch, entries[-1].offset)


def lines_back(log: RoomLog, last: Position, after: int = 0, step_entries: int = STEP_ENTRIES) -> Iterator[Entry]:
    """Yield what people said and decided, from the position `last` back to the offset `after`, newest first.

    So many are read at once, as whoever asks may stop. Crowds that came and went meanwhile cost nothing.
    """
    while last.offset > after:
        entries = log.pick_back(LINES, last, after, step_entries)
        yield from entries
        if len(entries) < step_entries:
            return
        last = Position(last.epoch, entries[-1].offset - 1)


def _room_of(log: RoomLog) -> str:
    """Return the room that a log is of; empty if it is of nobody but one account."""
    return "" if log.room.startswith(PRIVATE_MARK) else log.room
