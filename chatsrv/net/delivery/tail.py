"""The shared tail: a room's newest entries as bytes, rendered once for all readers of one wire format.

Knows nothing of threads or of what a session is; it writes to sockets that are not ready without waiting for them.
Everything here belongs to the delivery thread.

A reader is *level* when everything up to `rendered` has been handed to its socket, and *behind* otherwise. Those who
are level share each new batch, one send each. For those behind, batches are kept; a batch that nobody is behind needs
no keeping, so a room without slow readers keeps nothing.
"""

import itertools
import socket
from bisect import bisect_right
from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

from chatsrv.model.changes import without_words
from chatsrv.model.distinct import distinct
from chatsrv.model.entries import LINES, WORDS, Entry, seen
from chatsrv.net.receipts.trail import Note, Range, Sent
from chatsrv.net.wire import GONE, Send, send_some
from chatsrv.protocols.base import Renderer
from chatsrv.roomlog.base import RoomLog
from chatsrv.text.names import account_key

BATCH_BYTES = 65_536
"""About the most that a batch holds: what fits into a send buffer of the default size, so that nobody falls behind."""


NOTED_BATCHES = 64
"""Batches after which it is looked which of them each reader has taken: half a KiB of notes for each, and the look
costs it less than one of the sends.
"""

BATCH_OVERHEAD_BYTES = 400
"""What a batch takes beside its data: the note of it, that others share, and their places in lists. Measured."""

OMITTED_ENTRY_BYTES = 120
"""What an entry of a batch takes more where somebody is not sent it. Measured."""


class Recipient:
    """A connection, as a tail knows it."""

    __slots__ = ("ignored", "note", "origin", "send")

    origin: int
    ignored: frozenset[str]
    send: Send
    note: Callable[[Note], None]


R = TypeVar("R", bound=Recipient)


@distinct
class Batch(NamedTuple):
    """Some entries next to each other, rendered; `sent` is the note of them that all readers share."""

    sent: Sent
    data: bytes

    def data_for(self, connection: Recipient) -> bytes:
        """Return the bytes that `connection` is to see: all but what it wrote itself, and what it ignores."""
        omitted = self.sent.omitted.get(connection.origin)
        if omitted is None:
            return self.data
        parts = []
        start = 0
        for omitted_start, omitted_end in omitted:
            parts.append(self.data[start:omitted_start])
            start = omitted_end
        parts.append(self.data[start:])
        return b"".join(parts)

    @property
    def size_bytes(self) -> int:
        """What it takes in memory."""
        sent, data = self
        return (
            BATCH_OVERHEAD_BYTES + len(data) + (OMITTED_ENTRY_BYTES * (sent.last - sent.after) if sent.omitted else 0)
        )


class Tail(Generic[R]):
    """The readers of one room in one wire format, and what those behind have yet to be sent.

    `keep` is told how much it keeps whenever that changes.
    """

    __slots__ = (
        *(
            "_batches",
            "_has_unnoted",
            "_ignored",
            "_ignorers",
            "_keep",
            "_kept_bytes",
            "_kept_size",
            "_limit_bytes",
            "_log",
            "_noted",
            "_notes",
            "_readers",
            "_shortened_at",
        ),
        *("behind", "level", "rendered", "renderer"),
    )

    def __init__(
        self,
        log: RoomLog,
        renderer: Renderer,
        rendered: int,
        limit_bytes: int,
        keep: "Callable[[Tail[R], int], None]" = lambda *_: None,
    ) -> None:
        self._log = log
        self.renderer = renderer
        self.rendered = rendered  # offset of the last entry that was rendered
        self.level: dict[R, Send] = {}
        self.behind: dict[R, int] = {}  # with the cursor: the offset up to which all has been handed over
        self._readers: dict[int, R] = {}  # by origin
        self._ignored: dict[R, frozenset[str]] = {}  # of those who ignore accounts, which
        # The same the other way round. Sessions of one account share their set, so ignoring one account more is a step
        # for each session here, however many that one ignores.
        self._ignorers: dict[frozenset[str], set[R]] = {}
        self._batches: list[Batch] = []
        self._kept_bytes = 0  # of data
        self._kept_size = 0  # of all that they take
        self._limit_bytes = limit_bytes
        self._shortened_at = NOTED_BATCHES  # so many batches are looked at, whether anybody has yet to be sent them
        self._keep = keep
        self._noted = 0
        self._has_unnoted = False  # up to `rendered` there are entries that nobody sees, and nothing else
        self._notes: list[Callable[[Note], None]] | None = []  # of those who are level; `None`: to be found out

    def add(self, connection: R) -> None:
        """Take in a reader, who is behind at first, at `rendered`."""
        self._readers[connection.origin] = connection
        self.behind[connection] = self.rendered
        self.ignore(connection)

    def ignore(self, connection: R) -> None:
        """Leave out for a reader, of what comes from now on, all words of the accounts that it ignores now."""
        self._ignore_nobody(connection)
        if connection.ignored:
            self._ignored[connection] = connection.ignored
            self._ignorers.setdefault(connection.ignored, set()).add(connection)

    def _ignore_nobody(self, connection: R) -> None:
        if accounts := self._ignored.pop(connection, None):
            ignorers = self._ignorers[accounts]
            ignorers.discard(connection)
            if not ignorers:
                del self._ignorers[accounts]

    def _ignored_among(self, entries: list[Entry]) -> list[tuple[frozenset[str], set[R]]]:
        """Return which of the authors of `entries` are ignored together, and by which readers."""
        if not self._ignorers:
            return []
        authors = {account_key(entry.author) for entry in entries if entry.kind in LINES}
        return [
            (accounts & authors, ignorers)
            for accounts, ignorers in self._ignorers.items()
            if not authors.isdisjoint(accounts)
        ]

    def remove(self, connection: R) -> None:
        """Forget a reader."""
        del self._readers[connection.origin]
        if self.level.pop(connection, None) and self._has_unnoted:
            connection.note(Sent(self._log, self.renderer, self.rendered, self.rendered, 0, {}))
        self._notes = None
        self.behind.pop(connection, None)
        self._ignore_nobody(connection)
        self._forget_unneeded()

    @property
    def is_unread(self) -> bool:
        """Whether there is no reader left."""
        return not self._readers

    def readers(self) -> list[R]:
        """Return all readers."""
        return list(self._readers.values())

    def fall_behind(self, connection: R) -> None:
        """Move a reader to those behind. He has, or holds as leftover, everything up to `rendered`."""
        if self.level.pop(connection, None):
            self._notes = None
            self.behind[connection] = self.rendered

    def draw_level(self, connection: R) -> None:
        """Move a reader to those who are level: everything up to `rendered` was handed to its socket."""
        del self.behind[connection]
        self.level[connection] = connection.send
        self._notes = None
        self._forget_unneeded()

    def batches_of(self, entries: list[Entry]) -> list[Batch]:
        """Return `entries` rendered for everybody, in batches of about `BATCH_BYTES` at the most."""
        batch = self.render(entries)
        if len(batch.data) <= BATCH_BYTES or len(entries) == 1:
            return [batch]
        half = len(entries) // 2
        return self.batches_of(entries[:half]) + self.batches_of(entries[half:])

    def render(self, entries: list[Entry]) -> Batch:
        """Return `entries` rendered for everybody."""
        render = self.renderer.render
        shown = seen(entries)  # a crowd may have come and gone quietly
        pieces = [render(entry) for entry in shown]
        omitted: dict[int, list[Range]] = {}
        ignored = self._ignored_among(shown)
        if self.renderer.omits_own or ignored:
            readers = self._readers if self.renderer.omits_own else {}
            ignored_by_any = frozenset().union(*[accounts for accounts, _ in ignored])
            unheard: dict[str, list[Range]] = {}  # by the accounts that somebody ignores
            start = 0
            for entry, piece in zip(shown, pieces, strict=True):
                end = start + len(piece)
                if entry.origin in readers:
                    omitted.setdefault(entry.origin, []).append((start, end))
                if ignored_by_any and entry.kind in LINES:
                    key = account_key(entry.author)
                    if key in ignored_by_any:
                        first, last = (0, len(piece)) if entry.kind in WORDS else self._words_of(entry, piece)
                        if first < last:
                            unheard.setdefault(key, []).append((start + first, start + last))
                start = end
            for accounts, ignorers in ignored:
                if ranges := sorted(place for key in accounts for place in unheard.get(key, ())):
                    for ignorer in ignorers:  # most of whom share one list
                        others = omitted.get(ignorer.origin)
                        omitted[ignorer.origin] = ranges if others is None else sorted({*others, *ranges})
        data = b"".join(pieces)
        return Batch(
            Sent(self._log, self.renderer, entries[0].offset - 1, entries[-1].offset, len(data), omitted), data
        )

    def _words_of(self, entry: Entry, piece: bytes) -> Range:
        """Return which bytes of a decision, rendered, are its author's own words; all, where these cannot be told."""
        bare = self.renderer.render(without_words(entry))
        differs = (at for at, (one, other) in enumerate(zip(piece, bare, strict=False)) if one != other)
        first = next(differs, min(len(piece), len(bare)))
        last = len(piece) - (len(bare) - first)
        return (first, last) if first <= last and piece[last:] == bare[first:] else (0, len(piece))

    def fan_out(self, batch: Batch) -> list[tuple[R, bytes | memoryview, int]]:
        """Hand a new batch to everybody who is level, and keep it for those behind.

        One that nobody sees anything of is not noted, as the next one moves everybody's place further: a crowd that
        comes and goes quietly costs its room nothing.

        Returns whoever could not take all of it, with what was to be sent, and how much of it was (`GONE`: the socket
        failed). They still count as level.
        """
        short: list[tuple[R, bytes | memoryview, int]] = []
        sent_to_all, data = batch
        self.rendered = sent_to_all.last
        if self.behind:
            self._batches.append(batch)
            self._kept_bytes += len(data)
            self._kept_size += batch.size_bytes
            self._keep(self, self._kept_size)
            if len(self._batches) >= self._shortened_at:
                self.forget_read()
                self._shortened_at = 2 * len(self._batches) + NOTED_BATCHES
        self._has_unnoted = not data
        if not data:
            return short
        self._noted += 1
        if self._notes is None:
            self._notes = [connection.note for connection in self.level]
        for note in self._notes:
            note(sent_to_all)
        size, flags = len(data), socket.MSG_DONTWAIT
        readers = map(self._readers.get, sent_to_all.omitted)
        partly = [connection for connection in readers if connection in self.level]
        for connection in partly:
            del self.level[connection]
        for connection, send in self.level.items():
            try:
                if (sent := send(data, flags)) != size:
                    short.append((connection, data, sent))
            except BlockingIOError:
                short.append((connection, data, 0))
            except OSError:
                short.append((connection, data, GONE))
        for connection in partly:
            self.level[connection] = connection.send
            rest = batch.data_for(connection)
            if rest and (sent := send_some(connection.send, rest)) != len(rest):
                short.append((connection, rest, sent))
        return short

    def is_noted_at_length(self) -> bool:
        """Tell whether so many batches were noted since this was true that it is time to see which were taken."""
        if self._noted < NOTED_BATCHES:
            return False
        self._noted = 0
        return True

    def resume(self, connection: R) -> bytes:
        """Return what a reader who is behind is to be sent next, and move its cursor past it; empty: it is level."""
        start = bisect_right(self._batches, self.behind[connection], key=last_offset)
        parts: list[bytes] = []
        size = 0
        for batch in itertools.islice(self._batches, start, None):
            part = batch.data_for(connection)
            parts.append(part)
            size += len(part)
            self.behind[connection] = batch.sent.last
            connection.note(batch.sent)
            if size >= BATCH_BYTES:
                break
        return b"".join(parts)

    def fallen_off(self) -> list[R]:
        """Drop what is over the limit; return the readers who were still to be sent some of that."""
        if self._kept_bytes <= self._limit_bytes:
            return []
        self.forget_read()
        # a quarter, not for every batch anew: dropping moves all the others
        return self._shortened(self._limit_bytes * 3 // 4) if self._kept_bytes > self._limit_bytes else []

    def shorten(self) -> list[R]:
        """Drop the oldest quarter, as too much is kept in all rooms; return who was to be sent some of it."""
        return self._shortened(self._kept_bytes * 3 // 4)

    def _shortened(self, most_bytes: int) -> list[R]:
        """Keep so many bytes at most, and fewer batches than before; return who was to be sent some of the others."""
        dropped, left = 0, self._kept_bytes
        while dropped < len(self._batches) and (not dropped or left > most_bytes):
            left -= len(self._batches[dropped].data)
            dropped += 1
        kept_after = self._batches[dropped - 1].sent.last if dropped else 0
        self._drop(dropped)
        return [connection for connection, cursor in self.behind.items() if cursor < kept_after]

    def forget_read(self) -> None:
        """Keep only what somebody has yet to be sent."""
        cursor = min(self.behind.values(), default=self.rendered)
        self._drop(bisect_right(self._batches, cursor, key=last_offset))

    def _forget_unneeded(self) -> None:
        if not self.behind and self._batches:
            self._drop(len(self._batches))

    def _drop(self, count: int) -> None:
        for batch in self._batches[:count]:
            self._kept_bytes -= len(batch.data)
            self._kept_size -= batch.size_bytes
        del self._batches[:count]
        self._keep(self, self._kept_size)


def last_offset(batch: Batch) -> int:
    """Return the offset of a batch's last entry."""
    return batch.sent.last
