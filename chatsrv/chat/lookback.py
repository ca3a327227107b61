"""Looking back: what was said and done before, in pages, for one session that asks.

Never hears of bytes, sockets or wire formats. A `Lookback` is its session's thread's alone. Logs are read in steps and
under no lock, and what one step found is told before the next is read, so a long answer takes no more memory than a
short one.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, tzinfo
from functools import partial
from itertools import islice

from chatsrv.commands import PAGE_ENTRIES, History, Lookup, More, Search
from chatsrv.entries import UNSEEN, Entry, Position
from chatsrv.errors import Hole, Refused
from chatsrv.replies import Missing, Notice, Past, PastEnd, Reply
from chatsrv.roomlog.base import RoomLog

MOST_ENTRIES = 1000
"""Entries that one page of the history may have: more than a terminal scrolls back through at ease."""

STEP_ENTRIES = 32
"""Entries that are read, and told, at once: 128 KiB of the longest lines that the limits allow by default."""


class Lookback:
    """What one session looks up, and how its next page is found. Times are told in `zone`; `None` is the machine's."""

    def __init__(self, zone: tzinfo | None = None) -> None:
        self._zone = zone
        self._next_page: Callable[[], Iterator[Reply]] | None = None

    def answer(self, command: Lookup, log: RoomLog, logs: Sequence[RoomLog]) -> Iterator[Reply]:
        """Yield the replies to a command: `log` is of the room that it is about, `logs` of all the reader's rooms.

        What cannot be shown is told in a sentence; then `More` tries again from there.
        """
        try:
            match command:
                case History(entries):
                    self._next_page = None
                    if entries > MOST_ENTRIES:
                        raise Refused(f"At most {MOST_ENTRIES} lines are shown at once.")
                    yield from self._history("The last {} of {}:", log, log.end, entries)
                case Search(words):
                    self._next_page = None
                    title = "The last {} with all of these words, newest first:"
                    yield from self._search(title, words, [(each, each.end) for each in logs])
                case More():
                    if self._next_page is None:
                        raise Refused("There is nothing more to show.")
                    yield from self._next_page()
        except Refused as refusal:
            yield Notice(str(refusal))

    def _history(self, title: str, log: RoomLog, last: Position, entries: int) -> Iterator[Reply]:
        """Yield the newest entries up to the position `last`, oldest first, beneath a title."""
        offsets = [entry.offset for entry in islice(_shown_up_to(log, last), entries + 1)]
        is_all = len(offsets) <= entries
        before = Position(last.epoch, 0 if is_all else offsets[entries - 1] - 1)
        self._next_page = None if is_all else partial(self._history, "The {} of {} before those:", log, before, entries)
        now = datetime.now(self._zone)
        if not offsets and not any(past_of(log, before, last.offset, now)):  # what is gone is told below
            raise Refused(f"Nothing has been said in {log.room} yet.")
        yield Notice(title.format(_lines(min(len(offsets), entries)), log.room))
        yield from past_of(log, before, last.offset, now)
        yield PastEnd(is_all)

    def _search(self, title: str, words: str, places: Sequence[tuple[RoomLog, Position]]) -> Iterator[Reply]:
        """Yield the newest entries with all of `words` in some logs, in each up to a position."""
        found = [entry for log, last in places for entry in log.search(words, last, PAGE_ENTRIES + 1)]
        found.sort(key=lambda entry: entry.at, reverse=True)  # keeps the order within a log, as it is stable
        page, is_all = found[:PAGE_ENTRIES], len(found) <= PAGE_ENTRIES
        if not page:
            raise Refused("Nothing was found.")
        oldest = {entry.room: entry.offset for entry in page}
        rest = [(log, Position(last.epoch, oldest.get(log.room, last.offset + 1) - 1)) for log, last in places]
        title_then = "The {} before those, newest first:"
        self._next_page = None if is_all else partial(self._search, title_then, words, rest)
        yield Notice(title.format(_lines(len(page))))
        yield Past(tuple(page), datetime.now(self._zone))
        yield PastEnd(is_all)


def past_of(log: RoomLog, after: Position, last: int, now: datetime) -> Iterator[Past | Missing]:
    """Yield what a log holds behind the position `after` up to the offset `last`, oldest first, and where it has holes.

    `last` is of the log's own epoch; where `after` is of another one, what is kept is told from its beginning. What was
    erased is left out. `now` is that of `Past`.

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
            if shown := tuple(filter(_is_shown, entries)):
                yield Past(shown, now)
            after = Position(after.epoch, entries[-1].offset)


def _shown_up_to(log: RoomLog, last: Position) -> Iterator[Entry]:
    """Yield entries up to the position `last`, newest first, but for those that are not shown."""
    while entries := log.read_back(last, STEP_ENTRIES):
        yield from filter(_is_shown, entries)
        last = Position(last.epoch, entries[-1].offset - 1)


def _is_shown(entry: Entry) -> bool:
    return entry.kind not in UNSEEN


def _lines(number: int) -> str:
    return "1 line" if number == 1 else f"{number} lines"
