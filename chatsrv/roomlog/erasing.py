"""Erasing what an account said: from the entries, the index, and the pages of the file that are free now.

Every entry of the account keeps its offset and its time, and loses everything else; `owners` says which ones those are.
Its bookmarks and its wish go too.
It is done in small transactions, so that a server which uses the file goes on recording. That server holds what is new
in memory, so it is told by a row in the table `erasure`, and what is in the file goes only when it has answered: no
words can come after. Called by one thread, with a connection of its own; the server's part is in `upkeep`.
"""

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator

from chatsrv.entries import Kind
from chatsrv.errors import StoreError
from chatsrv.names import account_key
from chatsrv.roomlog.backup import Progress
from chatsrv.roomlog.index import edge_of, merge, remove
from chatsrv.roomlog.mark import about_of
from chatsrv.roomlog.owners import may_be_of
from chatsrv.roomlog.schema import OFFSET_BITS

ANSWER_SECONDS = 10.0
"""How long the server's answer is waited for. It looks every two seconds."""

LOOK_SECONDS = 0.05
"""How often it is looked whether the server has answered."""

LOOKED_AT_ENTRIES = 10_000
"""Entries that are looked at before it tells how far it is: some milliseconds."""

ERASED_ENTRIES = 200
"""Entries that are erased in one transaction: a few milliseconds."""


class Erasing:
    """One erasing of everything that `author` said. `is_in_use` tells whether a server uses the file."""

    def __init__(self, connection: sqlite3.Connection, author: str, is_in_use: Callable[[], bool]) -> None:
        self._connection = connection
        self._account = account_key(author)
        self._is_in_use = is_in_use

    def run(self, progress: Progress) -> int:
        """Do it; return the number of entries that were erased. `progress` is told of entries that were looked at.

        Raises:
            StoreError: the server did not answer. What is in the file is erased nevertheless.
            sqlite3.Error: the file cannot be read or written. What is erased by then is; the rest can be tried again.
        """
        self._connection.execute("PRAGMA secure_delete = ON")
        is_tried_again = self._is_asked()
        self._ask()
        is_answered = self._is_answered()
        count = self._erase(progress)
        if count or is_tried_again:
            self._merge()
        if not (is_answered or self._is_answered()):
            raise StoreError(
                f"what {self._account} said is erased from the file, but the server that uses it has not answered: "
                f"it may go on showing what it has in memory; restart it, then erase again"
            )
        with self._transaction():
            self._connection.execute("DELETE FROM erasure WHERE account = ?", (self._account,))
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return count

    def _is_asked(self, *, is_seen: bool = True) -> bool:
        """Tell whether the account is in the table `erasure`, perhaps answered, perhaps of an earlier try."""
        question = "SELECT 1 FROM erasure WHERE account = ? AND is_seen <= ?"
        return self._connection.execute(question, (self._account, is_seen)).fetchone() is not None

    def _ask(self) -> None:
        with self._transaction():
            for statement in (
                "DELETE FROM bookmark WHERE account = ?",
                "DELETE FROM wish WHERE account = ?",
                "INSERT OR REPLACE INTO erasure VALUES (?, 0)",
            ):
                self._connection.execute(statement, (self._account,))

    def _is_answered(self) -> bool:
        """Wait until the server has seen to its memory; `False` if it does not answer."""
        last_at = time.monotonic() + ANSWER_SECONDS
        while self._is_in_use():
            if not self._is_asked(is_seen=False):
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
                for author, ids in self._found(room, start, stop):
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

    def _found(self, room: str, start: int, stop: int) -> Iterator[tuple[str, list[int]]]:
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
