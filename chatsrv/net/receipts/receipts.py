"""Receipts: how far the peer of one connection has read each log, as its TCP acknowledges it.

A display opens and begins a receipt for each log under its session's lock, and leaves it. Apart from that they are
delivery's, which notes what is written and keeps bookmarks now and then; `taken` may be asked by any thread. Knows no
connections: `ask` has delivery tell how far one is. docs/decisions/0015-what-counts-as-taken.md has the rule.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from chatsrv.chat.bookmarks import Bookmarks, BookmarkSource
from chatsrv.model.distinct import distinct
from chatsrv.model.entries import Bookmark, Position, seen
from chatsrv.model.errors import Hole, Refused
from chatsrv.net.receipts.trail import Note, Sent, Steps, Trail
from chatsrv.roomlog.base import RoomLog


@distinct
class Standing(NamedTuple):
    """How far a connection is at one moment: what was written, of which the last bytes are not acknowledged.

    `posted` are the steps of replies that were not written yet.
    """

    trail: Trail
    unacknowledged_bytes: int
    posted: Sequence[Steps]


class LogReceipt(BookmarkSource):
    """That of one log: up to the offset `since` in place of the session `first_origin`, then live.

    Where it `is_frozen`, no bookmark is kept: what came before could not be told, and is to be told the next time.
    """

    __slots__ = ("_receipts", "first_origin", "has_begun", "has_left", "is_frozen", "kept", "log", "since")

    def __init__(self, receipts: "Receipts", log: RoomLog, origin: int) -> None:
        self._receipts = receipts
        self.log = log
        self.first_origin = origin
        self.since = 0
        self.kept = -1
        self.has_begun = False
        self.has_left = False
        self.is_frozen = False

    @property
    def is_kept(self) -> bool:
        """Whether a bookmark of it is to be kept."""
        return self.has_begun and not self.is_frozen

    def taken(self) -> Bookmark | None:
        """See `BookmarkSource.taken`."""
        offset = self._receipts.taken().get(self.log) if self.is_kept else None
        return None if offset is None else self.bookmark(offset)

    def written(self) -> Bookmark | None:
        """Return how far its peer will have read when all has arrived that was written."""
        offset = self._receipts.written().get(self.log)
        return None if offset is None else self.bookmark(offset)

    def bookmark(self, offset: int) -> Bookmark:
        """Return the bookmark of somebody who has read up to an offset."""
        origin = self._receipts.origin if offset >= self.since else self.first_origin
        return Bookmark(Position(self.log.epoch, offset), origin)


class Receipts:
    """Those of one connection, whose entries have the origin `origin`, for an account.

    `ask` returns how far the connection is; it may wait for delivery, and returns `None` where delivery knows nothing.
    """

    __slots__ = ("_account", "_ask", "_bookmarks", "_logs", "_trail", "last_standing", "origin")

    def __init__(self, account: str, origin: int, bookmarks: Bookmarks, ask: Callable[[], Standing | None]) -> None:
        self.origin = origin
        self._account = account
        self._bookmarks = bookmarks
        self._ask = ask
        self._logs: dict[RoomLog, LogReceipt] = {}
        self.last_standing: Standing | None = None  # set by delivery when it lets go of the connection
        # --- delivery's alone, but for the places in logs that are not read yet ---
        self._trail = Trail(origin)

    # ------------------------------------------------------------------ for whoever lets the session in and out

    def open(self, log: RoomLog) -> Bookmark | None:
        """Begin to read a log, or to read it again; return how far the account has read it. See `Bookmarks.open`.

        What was written of it here before counts, as it will arrive before what comes now, or neither will.
        `give_up` or `end` must follow, whether this raises or not.
        """
        receipt = self._logs.get(log)
        if receipt is None:
            receipt = self._logs[log] = LogReceipt(self, log, self.origin)
        receipt.has_left = False
        return self._bookmarks.open(self._account, log, receipt, receipt.written() if receipt.is_kept else None)

    def keep_first(self, log: RoomLog) -> None:
        """Keep that the account begins to read a log that is open; see `Bookmarks.begin`."""
        self._bookmarks.begin(self._account, log, self.origin)

    def begin(self, log: RoomLog, place: int, since: int, bookmark: Bookmark | None) -> bool:
        """Begin behind the offset `place`; up to the offset `since` it is catching up from `bookmark`.

        Returns whether there is somebody to read: who was put out of the room at once is not.
        """
        receipt = self._logs.get(log)
        if receipt is None:
            return False
        receipt.since = since
        if bookmark is not None and place < since:
            receipt.first_origin = bookmark.origin
        if not receipt.has_begun:  # else what was written before may be on its way still
            self._trail.places[log] = place
            receipt.has_begun = True
        return True

    def freeze(self, *logs: RoomLog) -> None:
        """Keep no bookmark of these logs, or of all, since not all of what was missed there could be told."""
        for log in logs or self._logs:
            if receipt := self._logs.get(log):
                receipt.is_frozen = True

    def leave(self, log: RoomLog) -> None:
        """Know that nothing more of a log is to be written, as its room is left; wait until that is so.

        How far it was read is still followed: what is on its way may not arrive.
        """
        self._logs[log].has_left = True
        self._ask()
        self.give_up(log)

    def may_read(self, log: RoomLog) -> bool:
        """Tell whether more of a log may be written: its room was entered, and not left since."""
        receipt = self._logs.get(log)
        return receipt is not None and not receipt.has_left

    def give_up(self, log: RoomLog) -> None:
        """Forget a log of which nothing is known that is to be kept: the session does not get into its room."""
        if not self._logs[log].is_kept:
            self._bookmarks.close(self._account, log.room, self._logs.pop(log))

    def end(self) -> bool:
        """Keep how far the peer has read, once delivery has let go of the connection; return whether it has taken all.

        Nothing is known after that.
        """
        try:
            places = self.taken()
            for log, receipt in self._logs.items():
                if receipt.is_kept and log in places:
                    self._bookmarks.keep(self._account, log.room, receipt.bookmark(places[log]))
        finally:
            for log, receipt in self._logs.items():
                self._bookmarks.close(self._account, log.room, receipt)
            self._logs = {}
        return self.last_standing is None or not self.last_standing.unacknowledged_bytes

    # ------------------------------------------------------------------ for any thread

    def taken(self) -> dict[RoomLog, int]:
        """Return up to which offset the peer has taken everything of each log.

        May wait for delivery, so it is called under no lock but a session's.
        """
        standing = self.last_standing or self._ask()
        if standing is None:
            return {}
        return standing.trail.taken(standing.unacknowledged_bytes, self.steps_of)

    def written(self) -> dict[RoomLog, int]:
        """Return up to which offset everything was written of each log, or posted to be; waits as `taken` does."""
        standing = self._ask()
        if standing is None:
            return {}
        places = standing.trail.taken(0, self.steps_of)
        for log, _, offsets in standing.posted:
            if log in places:
                places[log] = max(places[log], offsets[-1])
        return places

    def steps_of(self, sent: Sent) -> Steps | None:
        """Return the steps within live entries. See `chatsrv.net.receipts.trail.StepsOf`."""
        log, render = sent.log, sent.renderer.render
        try:
            entries = seen(log.read(Position(log.epoch, sent.after), sent.last - sent.after))
        except (Hole, Refused):
            return None
        omitted = sent.omitted.get(self.origin, ())
        ends, rendered_bytes = [], 0
        for entry in entries:
            rendered_bytes += len(render(entry))
            ends.append(rendered_bytes - sum(end - start for start, end in omitted if end <= rendered_bytes))
        return Steps(log, ends, [entry.offset for entry in entries]) if entries else None

    # ------------------------------------------------------------------ for the delivery thread

    @property
    def note(self) -> Callable[[Note], None]:
        """Notes something that is written; see `Trail.note`."""
        return self._trail.note

    @property
    def notes(self) -> int:
        """How many notes there are of what was written."""
        return len(self._trail.notes)

    def tell(self, size_bytes: int, pages: Sequence[tuple[int, Steps]] = ()) -> None:
        """Note that replies are going to be written behind everything else. See `Replied.pages`."""
        self._trail.tell(size_bytes, pages)

    def go_live(self, log: RoomLog) -> None:
        """Note that nothing of a log is held back any more, whatever of what was missed was shown at all."""
        if receipt := self._logs.get(log):
            self._trail.tell(0, [(0, Steps(log, (0,), (receipt.since,)))])

    def standing(self, unacknowledged_bytes: int, posted: Sequence[Steps]) -> Standing:
        """Return how far the connection is at this moment."""
        return Standing(self._trail.copy(), unacknowledged_bytes, posted)

    def take_last(self, unacknowledged_bytes: int) -> None:
        """Take down how far the connection is in the end: nothing more is written, nor acknowledged."""
        self.last_standing = self.standing(unacknowledged_bytes, ())

    def shorten(self, unacknowledged_bytes: int) -> None:
        """Forget what was taken."""
        self._trail.forget_taken(unacknowledged_bytes)

    def keep(self) -> int:
        """Keep bookmarks of what is known to be taken, where that is more than before; return of how many logs."""
        places, moved = self._trail.places, self._trail.moved or ()
        self._trail.moved = None
        for log in moved:
            receipt = self._logs.get(log)  # rooms come and go meanwhile
            if receipt and receipt.is_kept and places[log] != receipt.kept:
                receipt.kept = places[log]
                self._bookmarks.keep(self._account, log.room, receipt.bookmark(receipt.kept))
        return len(moved)
