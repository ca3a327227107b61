"""A reading: how far the peer of one connection has read a room, as its TCP acknowledges it.

A session's thread begins and ends it. In between it is delivery's, which notes what is written and keeps a bookmark
now and then; `taken` may be asked by any thread. docs/decisions/0015-what-counts-as-taken.md has the rule.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from chatsrv.chat.bookmarks import Bookmarks, Reader
from chatsrv.entries import Bookmark, Position
from chatsrv.errors import Hole, Refused
from chatsrv.net.connection import Connection
from chatsrv.net.kernel import acknowledged, is_over, unacknowledged
from chatsrv.net.trail import Step, Trail
from chatsrv.roomlog.base import RoomLog

BACK_ENTRIES = 128
"""Entries that are read back at once to find what was taken: what is in flight is seldom more."""


class Standing(NamedTuple):
    """How far a connection is at one moment: written up to `place`, of which the last bytes are not acknowledged."""

    place: int
    unacknowledged_bytes: int
    trail: Trail


class Reading(Reader):
    """What `connection` reads of the room of `log`, for an account. It has begun once the connection holds it."""

    __slots__ = (
        "_account",
        "_bookmarks",
        "_connection",
        "_expected",
        "_first_origin",
        "_kept",
        "_log",
        "_since",
        "_trail",
        "has_ended_stream",
        "is_over",
        "last_standing",
    )

    def __init__(self, connection: Connection, log: RoomLog, account: str, bookmarks: Bookmarks) -> None:
        self._connection = connection
        self._log = log
        self._account = account
        self._bookmarks = bookmarks
        self._first_origin = connection.origin
        self._since = 0
        self.last_standing: Standing | None = None  # set by delivery when it lets go of the socket
        # --- delivery's alone, once it has begun ---
        self.has_ended_stream = False  # the end of the stream was asked for, which counts as a byte
        self.is_over = False  # nothing is waited for any more
        self._trail = Trail(0)
        self._kept = -1
        self._expected: tuple[int, int] | None = None  # a place, and how many bytes acknowledged mean that it is taken

    # ------------------------------------------------------------------ for the session's thread

    def open(self) -> Bookmark | None:
        """See `Bookmarks.open`."""
        return self._bookmarks.open(self._account, self._log, self)

    def begin(self, place: int, since: int, bookmark: Bookmark | None) -> None:
        """Begin behind the offset `place`; up to the offset `since` it is catching up from `bookmark`."""
        self._trail = Trail(place)
        self._since = since
        if bookmark is not None and place < since:
            self._first_origin = bookmark.origin
        self._connection.reading = self

    def end(self) -> bool:
        """Keep how far the peer has read, once delivery has let go of the socket; return whether that is everything."""
        try:
            taken = self.taken()
            if taken is not None:
                self._bookmarks.keep(self._account, self._log.room, taken)
        finally:
            self._bookmarks.close(self._account, self._log.room, self)
        return self.last_standing is None or not self.last_standing.unacknowledged_bytes

    # ------------------------------------------------------------------ for any thread

    def taken(self) -> Bookmark | None:
        """See `Reader.taken`."""
        standing = self.last_standing or self._connection.standing()
        if standing is None:
            return None
        return self._bookmark(standing.trail.taken(standing.place, standing.unacknowledged_bytes, self._sizes))

    def _bookmark(self, offset: int) -> Bookmark:
        origin = self._connection.origin if offset >= self._since else self._first_origin
        return Bookmark(Position(self._log.epoch, offset), origin)

    def _sizes(self, after: int, last: int) -> Iterator[tuple[int, int]]:
        """Yield offset and size of the live entries behind one offset up to another, newest first. See `Sizes`."""
        renderer = self._connection.renderer
        own = self._connection.origin if renderer.omits_own else None
        while after < last:
            try:
                entries = self._log.read_back(Position(self._log.epoch, last), min(BACK_ENTRIES, last - after))
            except (Hole, Refused):
                return
            if not entries:
                return
            for entry in entries:
                yield entry.offset, 0 if entry.origin == own else len(renderer.render(entry))
            last = entries[-1].offset - 1

    # ------------------------------------------------------------------ for the delivery thread

    @property
    def _place(self) -> int:
        """The offset up to which everything was written, or lies in the connection's leftover."""
        connection = self._connection
        if connection.held_back is not None or not connection.subscriptions:
            return self._trail.place
        _, tail = connection.subscriptions[0]
        return tail.behind.get(connection, tail.rendered)

    @property
    def unacknowledged_bytes(self) -> int:
        """How much of what was written the peer has not acknowledged, the leftover included."""
        return self._in_kernel_bytes + len(self._connection.leftover)

    @property
    def _in_kernel_bytes(self) -> int:
        count = unacknowledged(self._connection.socket)
        return count - (count > 0 and self.has_ended_stream)

    @property
    def may_be_acknowledged(self) -> bool:
        """Whether something is unacknowledged and may still be acknowledged."""
        return not self.is_over and self._in_kernel_bytes > 0 and not is_over(self._connection.socket)

    def note(self, size_bytes: int, steps: Sequence[Step] = ()) -> None:
        """Note that replies are going to be written behind everything else."""
        trail = self._trail
        trail.place = self._place
        if trail.marks:
            trail.forget_taken(self.unacknowledged_bytes)
        trail.note(size_bytes, steps)

    def go_live(self) -> None:
        """Note that nothing is held back any more, whatever of what was missed was shown at all."""
        if self._trail.place < self._since:
            self._trail.note(0, [(0, self._since)])

    def stay(self) -> None:
        """Note that nothing live will be written any more."""
        self._trail.place = self._place

    def standing(self) -> Standing:
        """Return how far the connection is at this moment."""
        return Standing(self._place, self.unacknowledged_bytes, self._trail.copy())

    def keep(self) -> bool:
        """Keep a bookmark if that takes no looking back; return whether it is up to date, or will be in the end."""
        connection = self._connection
        if connection.held_back is not None or connection.is_closing:
            return True
        place = self._place
        if place == self._kept:
            return True
        unacknowledged_bytes = self.unacknowledged_bytes
        if not unacknowledged_bytes:
            self._keep(place)
            return True
        if self._expected and acknowledged(connection.socket) >= self._expected[1]:
            self._keep(self._expected[0])
        if not self._expected:
            self._expected = (place, acknowledged(connection.socket) + unacknowledged_bytes)
        return False

    def _keep(self, place: int) -> None:
        self._kept = place
        self._expected = None
        self._bookmarks.keep(self._account, self._log.room, self._bookmark(place))
