"""Erasing what an account said: from the entries, the index, and the pages of the file that are free now.

Every entry of the account keeps its offset and its time, and loses everything else; `owners` says which ones those are.
Its bookmarks and its wish go too.
It is done in small transactions, so that a server which uses the file goes on recording. That server holds what is new
in memory, so it is told by a row in the table `erasure`, and what is in the file goes only when it has answered: no
words can come after. At last the `-wal` is emptied, which another program that reads can prevent; the row stays until
that is done, for the server to finish it. Called by one thread, with a connection of its own; the server's part is in
`upkeep`.
"""

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator

from chatsrv.model.entries import Kind
from chatsrv.model.errors import StoreError
from chatsrv.roomlog.owners import may_be_of
from chatsrv.roomlog.sqlite.backup import Progress
from chatsrv.roomlog.sqlite.index import discard_some, edge_of, merge, remove
from chatsrv.roomlog.sqlite.mark import about_of
from chatsrv.roomlog.sqlite.schema import OFFSET_BITS
from chatsrv.text.names import account_key

ANSWER_SECONDS = 10.0
"""How long the server's answer is waited for. It looks every two seconds."""

LOOK_SECONDS = 0.05
"""How often it is looked whether the server has answered."""

LOOKED_AT_ENTRIES = 10_000
"""Entries that are looked at before it tells how far it is: some milliseconds."""

ERASED_ENTRIES = 200
"""Entries that are erased in one transaction: a few milliseconds."""


_ASKED, _ANSWERED, TO_CLEAR = 0, 1, 2
"""What `erasure.is_seen` says: the server is to answer, or has answered, or only the `-wal` is still to be emptied."""


def empty_wal(connection: sqlite3.Connection) -> bool:
    """Write all that the `-wal` has into the file, and empty it; `False` if a program that reads or writes prevents it.

    Waits for nobody, as it would keep the server from writing meanwhile.
    """
    (patience,) = connection.execute("PRAGMA busy_timeout").fetchone()
    connection.execute("PRAGMA busy_timeout = 0")
    try:
        (is_busy, _, _) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    finally:
        connection.execute(f"PRAGMA busy_timeout = {patience:d}")
    return not is_busy


class Erasing:
    """One erasing of everything that `author` said. `is_in_use` tells whether a server uses the file."""

    def __init__(self, connection: sqlite3.Connection, author: str, is_in_use: Callable[[], bool]) -> None:
        self._connection = connection
        self._account = account_key(author)
        self._is_in_use = is_in_use

    def run(self, progress: Progress) -> int:
        """Do it; return the number of entries that were erased. `progress` is told of entries that were looked at.

        Raises:
            StoreError: the server did not answer, or another program keeps the words from leaving the disk. Nobody is
                shown what is in the file nevertheless.
            sqlite3.Error: the file cannot be read or written. What is erased by then is; the rest can be tried again.
        """
        if self._is_in_use():
            self._connection.execute("PRAGMA wal_autocheckpoint = 0")  # the server does so, when it has checked it
        is_tried_again = self._is_asked()
        self._ask()
        is_answered = self._is_answered()
        count = self._erase(progress)
        if count or is_tried_again:
            self._discard()
            self._merge()
        if not (is_answered or self._is_answered()):
            raise StoreError(
                f"what {self._account} said is erased from the file, but the server that uses it has not answered: "
                f"it may go on showing what it has in memory; restart it, then erase again"
            )
        if not self._is_gone():
            raise StoreError(self._leave_to_others(count))
        with self._transaction():
            self._connection.execute("DELETE FROM erasure WHERE account = ?", (self._account,))
        self._is_gone()  # only the name of the account, where another program has just begun to read
        return count

    def _is_gone(self) -> bool:
        """Have the words leave the disk, and wait for that; `False` if another program prevents it for too long."""
        last_at = time.monotonic() + ANSWER_SECONDS
        while not empty_wal(self._connection):
            if time.monotonic() > last_at:
                return False
            time.sleep(LOOK_SECONDS)
        return True

    def _leave_to_others(self, count: int) -> str:
        with self._transaction():
            self._connection.execute("UPDATE erasure SET is_seen = ? WHERE account = ?", (TO_CLEAR, self._account))
        who = (
            "the running server clears them away when that program has finished, and says so in its log"
            if self._is_in_use()
            else "run the same command again when that program has finished"
        )
        entries = f"{count:,} {'entry' if count == 1 else 'entries'}"
        return (
            f"{entries} of {self._account} are erased, and nobody is shown them any more, but their words are still on "
            f"the disk, in the -wal beside the history, since another program is reading it: {who}"
        )

    def _is_asked(self, most: int = TO_CLEAR) -> bool:
        """Tell whether the account is in the table `erasure`, perhaps answered, perhaps of an earlier try."""
        question = "SELECT 1 FROM erasure WHERE account = ? AND is_seen <= ?"
        return self._connection.execute(question, (self._account, most)).fetchone() is not None

    def _ask(self) -> None:
        with self._transaction():
            for statement in (
                "DELETE FROM bookmark WHERE account = ?",
                "DELETE FROM wish WHERE account = ?",
                f"INSERT OR REPLACE INTO erasure VALUES (?, {_ASKED})",
            ):
                self._connection.execute(statement, (self._account,))

    def _is_answered(self) -> bool:
        """Wait until the server has seen to its memory; `False` if it does not answer."""
        last_at = time.monotonic() + ANSWER_SECONDS
        while self._is_in_use():
            if not self._is_asked(_ASKED):
                return True
            if time.monotonic() > last_at:
                return False
            time.sleep(LOOK_SECONDS)
        return True

    def _erase(self, progress: Progress) -> int:
        rooms = self._rooms()
        in_all = sum(last - first for _, _, first, last in rooms)
        count = done = 0
        for number, room, first, last in rooms:
            for start in range(first, last, LOOKED_AT_ENTRIES):
                stop = min(start + LOOKED_AT_ENTRIES, last)
                for author, ids in self._find(room, start, stop):
                    with self._transaction():
                        count += self._erase_some(number, author, ids)
                done += stop - start
                progress(done, in_all)
        return count

    def _rooms(self) -> list[tuple[int, str, int, int]]:
        """Return number and name of each room, the id before its first entry that is kept, and the id of its last."""
        rooms = []
        for number, room, kept_after in self._connection.execute(
            "SELECT number, name, kept_after FROM room"
        ).fetchall():
            first_id = number << OFFSET_BITS
            (last,) = self._connection.execute(
                "SELECT max(id) FROM entry WHERE id > ? AND id < ?", (first_id, first_id + (1 << OFFSET_BITS))
            ).fetchone()
            if last is not None:
                rooms.append((number, room, first_id + kept_after, last))
        return rooms

    def _find(self, room: str, start: int, stop: int) -> Iterator[tuple[str, list[int]]]:
        """Yield the ids of the account's entries behind one id up to another, some of one author at a time."""
        question = "SELECT DISTINCT author FROM entry WHERE id > ? AND id <= ? AND kind != ?"
        values = (start, stop, Kind.ERASED.value)
        authors = [author for (author,) in self._connection.execute(question, values).fetchall()]
        for author in authors:
            if may_be_of(self._account, author, room):
                question = "SELECT id FROM entry WHERE id > ? AND id <= ? AND kind != ? AND author = ? ORDER BY id"
                ids = [id_ for (id_,) in self._connection.execute(question, (*values, author)).fetchall()]
                for index in range(0, len(ids), ERASED_ENTRIES):
                    yield author, ids[index : index + ERASED_ENTRIES]

    def _erase_some(self, number: int, author: str, ids: list[int]) -> int:
        which = "id >= ? AND id <= ? AND kind != ? AND author = ?"
        values = (ids[0], ids[-1], Kind.ERASED.value, author)
        edge_id = (number << OFFSET_BITS) + edge_of(self._connection, number)
        question = f"SELECT id, kind, text FROM entry WHERE {which} AND id <= ?"
        remove(self._connection, self._connection.execute(question, (*values, edge_id)).fetchall())
        nothing = f"kind = {Kind.ERASED.value}, author = '', origin = 0, text = ''"
        return self._connection.execute(f"UPDATE entry SET {nothing} WHERE {which}", values).rowcount

    def _discard(self) -> None:
        """Take an index away that was set aside and may have the words, too."""
        is_more = about_of(self._connection)["words"] != "none"
        while is_more:
            with self._transaction():
                is_more = discard_some(self._connection)

    def _merge(self) -> None:
        """Take out of the index's pages what it does not find any more."""
        is_first = is_more = about_of(self._connection)["words"] != "none"
        while is_more:
            with self._transaction():
                is_more = merge(self._connection, is_first=is_first) or is_first
            is_first = False

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        """Make changes together; then leave the file to the server that uses it for as long as that took."""
        began_at = time.monotonic()
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")
        if self._is_in_use():
            time.sleep(time.monotonic() - began_at)
