"""Bookmarks: how far each account has read each room, over all its sessions.

Never hears of bytes, sockets or wire formats. Every method may be called from any thread.
"""

from abc import ABC, abstractmethod

from chatsrv.model.entries import Bookmark
from chatsrv.roomlog.base import LogStore, RoomLog
from chatsrv.sharing.locks import Rank, ranked_lock


class BookmarkSource(ABC):
    """Says how far one session has read one log for an account."""

    __slots__ = ()

    @abstractmethod
    def taken(self) -> Bookmark | None:
        """Return how far its peer is known to have read at this moment; `None` if it has not begun.

        May wait for the thread that writes to the peer, so it is called under no lock.
        """


class _Account:
    """An account that reads a room at the moment, by one session or several."""

    __slots__ = ("bookmark", "has_begun", "is_known", "sources")

    def __init__(self) -> None:
        self.bookmark: Bookmark | None = None  # the furthest that is known to be kept, but for where it began
        self.has_begun = False  # where it began is kept
        self.is_known = False  # what was kept before it came has been read
        self.sources: tuple[BookmarkSource, ...] = ()


class Bookmarks:
    """The bookmarks of all accounts, kept in a store. They only move forward, whichever of the sessions ends last.

    `account` is always the prepared form of the name.
    """

    def __init__(self, store: LogStore) -> None:
        self._store = store
        self._lock = ranked_lock(Rank.BOOKMARKS)
        self._accounts: dict[tuple[str, str], _Account] = {}  # guarded by the lock, as all that they hold

    def open(self, account: str, log: RoomLog, source: BookmarkSource, own: Bookmark | None = None) -> Bookmark | None:
        """Begin to read; return how far the account has read already, by its other sessions too: `None` for never.

        `own` is how far this one was before, if it reads again.
        `close` must follow, whether this raises or not.

        Raises:
            Refused: what was kept cannot be read at the moment.
        """
        with self._lock:
            found = self._accounts.setdefault((account, log.room), _Account())
            others = [other for other in found.sources if other is not source]
            found.sources = (*others, source)
        places = [other.taken() for other in others]
        # Only now: a session that has ended since has kept its bookmark before it was closed.
        kept = None if found.is_known else self._store.bookmark(account, log.room)
        with self._lock:
            if not found.is_known:  # else that may be where another session began, which is not told all before it yet
                found.is_known = True
                found.bookmark = _furthest(log.epoch, found.bookmark, kept)
            return _furthest(log.epoch, found.bookmark, *places, own)

    def begin(self, account: str, log: RoomLog, origin: int) -> None:
        """Keep that an account begins to read a log in the session `origin`, unless a bookmark of it is known.

        To be called before its coming is appended: what comes after that is then never recorded without this, so a
        server that is killed forgets nobody who was there. The next bookmark replaces it, though it may lie before it:
        a newcomer is told some of what was said before.
        """
        with self._lock:
            found = self._accounts[account, log.room]
            if found.has_begun or (found.bookmark and found.bookmark.position.epoch == log.epoch):
                return
            found.has_begun = True
            self._store.keep_first_bookmark(account, log.room, Bookmark(log.end, origin))

    def keep(self, account: str, room: str, bookmark: Bookmark) -> None:
        """Keep a bookmark of an account that reads, unless one is kept that is further."""
        with self._lock:
            found = self._accounts[account, room]
            furthest = _furthest(bookmark.position.epoch, found.bookmark, bookmark)
            if furthest is bookmark:
                found.bookmark = bookmark
                self._store.keep_bookmark(account, room, bookmark)

    def is_caught_up(self, account: str) -> bool:
        """See `LogStore.is_caught_up`."""
        return self._store.is_caught_up(account)

    def keep_caught_up(self, account: str, is_wanted: bool) -> None:
        """See `LogStore.keep_caught_up`."""
        self._store.keep_caught_up(account, is_wanted)

    def close(self, account: str, room: str, source: BookmarkSource) -> None:
        """End reading."""
        with self._lock:
            found = self._accounts[account, room]
            found.sources = tuple(other for other in found.sources if other is not source)
            if not found.sources:
                del self._accounts[account, room]


def _furthest(epoch: str, *bookmarks: Bookmark | None) -> Bookmark | None:
    """Return the last of the furthest bookmarks of an epoch, or the last of the others if there is none of that."""
    furthest, most = None, -1
    for bookmark in bookmarks:
        if bookmark is not None:
            offset = bookmark.position.offset if bookmark.position.epoch == epoch else -1
            if offset >= most:
                furthest, most = bookmark, offset
    return furthest
