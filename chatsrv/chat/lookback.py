"""Looking back: what was said and done before, in pages, for one session that asks.

Never hears of bytes, sockets or wire formats. A `Lookback` is its session's thread's alone. Logs are read in steps and
under no lock, and what one step found is told before the next is read, so a long answer takes no more memory than a
short one.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from datetime import datetime
from functools import partial
from itertools import islice
from typing import NamedTuple

from chatsrv.commands import PAGE_ENTRIES
from chatsrv.entries import UNSEEN, WORDS, Entry, Position
from chatsrv.errors import Hole, Refused
from chatsrv.names import account_key
from chatsrv.replies import Missing, Notice, Past, PastEnd, Reply
from chatsrv.roomlog.base import RoomLog

MOST_ENTRIES = 1000
"""Entries that one page of the history may have: more than a terminal scrolls back through at ease."""

STEP_ENTRIES = 32
"""Entries that are read, and told, at once: 128 KiB of the longest lines that the limits allow by default."""

AMONG_ENTRIES = 16384
"""Entries among which those of a step are sought at once. A millisecond or two."""

Pages = Callable[[], Iterator[Reply]]
"""Yields the replies of one page, and offers the next one before it ends."""


class View(NamedTuple):
    """How one reader looks at what was before: times as at `now`, in the room `here`, nothing said by whom he ignores.

    `ignored` are keys of accounts.
    """

    now: datetime
    here: str = ""
    ignored: frozenset[str] = frozenset()

    def past(self, entries: tuple[Entry, ...]) -> Past:
        """Return the reply that shows entries."""
        return Past(entries, self.now, self.here)

    def hides(self, entry: Entry) -> bool:
        """Tell whether an entry is not shown."""
        if entry.kind in UNSEEN:
            return True
        return bool(self.ignored) and entry.kind in WORDS and account_key(entry.author) in self.ignored


class Lookback:
    """What one session looks up, and how its next page is found."""

    def __init__(self) -> None:
        self._next_page: Pages | None = None
        self._open: Collection[RoomLog] = ()  # the logs that may be looked at now

    def offer(self, pages: Pages | None) -> None:
        """Have the next `More` answered by this; `None`: there is nothing more."""
        self._next_page = pages

    def more(self, logs: Collection[RoomLog]) -> Iterator[Reply]:
        """Yield the next page. `logs` are those that the session may look at now, which may be fewer than before.

        Raises:
            Refused: there is none, or it is of a log that the session may not look at any more.
        """
        self._open = logs
        pages, self._next_page = self._next_page, None
        if pages is None:
            raise Refused("There is nothing more to show.")
        try:
            yield from pages()
        except Refused:
            self._next_page = pages  # to be tried again
            raise

    def history(self, view: View, log: RoomLog, entries: int, called: str = "") -> Iterator[Reply]:
        """Yield the newest entries of a log, oldest first. What `More` shows then is what came before.

        `called` is what the log is called; as its room, unless it is told.

        Raises:
            Refused: there are none, or they cannot be read.
        """
        self._next_page, self._open = None, (log,)
        if entries > MOST_ENTRIES:
            raise Refused(f"At most {MOST_ENTRIES} lines are shown at once.")
        return self._history(f"The last {{}} of {called or log.room}:", view, log, log.end, entries, called or log.room)

    def search(self, view: View, logs: Sequence[RoomLog], words: str) -> Iterator[Reply]:
        """Yield the newest entries of some logs that have all of `words`, newest first.

        Raises:
            Refused: there are none, or they cannot be searched.
        """
        self._next_page, self._open = None, logs
        title = "The last {} with all of these words, newest first:"
        return self._search(title, view, words, [(each, each.end) for each in logs])

    def _history(
        self, title: str, view: View, log: RoomLog, last: Position, entries: int, called: str
    ) -> Iterator[Reply]:
        """Yield the newest entries up to the position `last`, oldest first, beneath a title."""
        if log not in self._open:
            raise Refused(f"You are not in {called} any more.")
        shown = (entry.offset for entry in seen_entries_back(log, last) if not view.hides(entry))
        offsets = list(islice(shown, entries + 1))
        is_all = len(offsets) <= entries
        before = Position(last.epoch, 0 if is_all else offsets[entries - 1] - 1)
        if not offsets and not any(past_of(log, before, last.offset, view)):  # what is gone is told below
            raise Refused(f"Nothing has been said in {called} yet.")
        yield Notice(title.format(_lines(min(len(offsets), entries))))
        yield from past_of(log, before, last.offset, view)
        if not is_all:
            title_then = f"The {{}} of {called} before those:"
            self.offer(partial(self._history, title_then, view, log, before, entries, called))
        yield PastEnd(is_all)

    def _search(
        self, title: str, view: View, words: str, places: Sequence[tuple[RoomLog, Position]]
    ) -> Iterator[Reply]:
        """Yield the newest entries with all of `words` in some logs, in each up to a position."""
        places = [(log, last) for log, last in places if log in self._open]
        found = [entry for log, last in places for entry in _found(view, log, words, last)]
        found.sort(key=lambda entry: entry.at, reverse=True)  # keeps the order within a log, as it is stable
        page, is_all = found[:PAGE_ENTRIES], len(found) <= PAGE_ENTRIES
        if not page:
            raise Refused("Nothing was found.")
        oldest = {entry.room: entry.offset for entry in page}
        rest = [(log, Position(last.epoch, oldest.get(log.room, last.offset + 1) - 1)) for log, last in places]
        if not is_all:
            self.offer(partial(self._search, "The {} before those, newest first:", view, words, rest))
        yield Notice(title.format(_lines(len(page))))
        yield view.past(tuple(page))
        yield PastEnd(is_all)


def _found(view: View, log: RoomLog, words: str, last: Position) -> list[Entry]:
    """Return the newest entries of a log up to a position that have all of `words`: a page of them and one more."""
    found: list[Entry] = []
    while some := log.search(words, last, PAGE_ENTRIES + 1):
        found += [entry for entry in some if not view.hides(entry)]
        if len(found) > PAGE_ENTRIES or len(some) <= PAGE_ENTRIES:
            break
        last = Position(last.epoch, some[-1].offset - 1)
    return found


def past_of(log: RoomLog, after: Position, last: int, view: View) -> Iterator[Past | Missing]:
    """Yield what a log holds behind the position `after` up to the offset `last`, oldest first, and where it has holes.

    `last` is of the log's own epoch; where `after` is of another one, what is kept is told from its beginning. What the
    `view` hides is left out.

    Raises:
        Refused: the log cannot be read at the moment.
    """
    while after.epoch != log.epoch or after.offset < last:
        try:
            entries = log.read(after, min(STEP_ENTRIES, last - after.offset))
        except Hole as hole:
            kept_after = min(hole.kept_after, last)
            yield Missing(None if hole.missing is None else kept_after - after.offset)
            after = Position(log.epoch, kept_after)
        else:
            if not entries:
                return
            if shown := tuple([entry for entry in entries if not view.hides(entry)]):
                yield view.past(shown)
            after = Position(after.epoch, entries[-1].offset)


def seen_entries_back(
    log: RoomLog, last: Position, after: int = 0, step_entries: int = STEP_ENTRIES
) -> Iterator[Entry]:
    """Yield entries that are shown, from the position `last` back to the offset `after`, newest first.

    So many are read at once, from among a bounded number: a crowd that came and went quietly leaves hundreds of
    thousands that nobody is shown, and whoever asks may stop.
    """
    while last.offset > after:
        begin = max(after, last.offset - AMONG_ENTRIES)
        entries = log.seen_back(last, begin, step_entries)
        yield from entries
        last = Position(last.epoch, entries[-1].offset - 1 if len(entries) == step_entries else begin)
        if not entries and not log.read_back(last, 1):
            return  # what came before was let go of


def _lines(number: int) -> str:
    return "line" if number == 1 else f"{number} lines"
