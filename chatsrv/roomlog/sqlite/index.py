"""The index of words in the file: which entries have a word.

An FTS5 table that holds no text, fed with what `terms_of` finds, so that it agrees with a search that looks at the
entries themselves. The column `room.indexed` says up to which offset a room is in it; it may always be made anew.
One of other words is set aside then, which takes no time however large it is, and discarded bit by bit.
Knows nothing of threads: who has the connection may call, within a transaction of its own where something changes.
"""

import logging
import sqlite3
from collections.abc import Generator, Iterable, Sequence

from chatsrv.model.entries import WORDS
from chatsrv.roomlog.search.words import VERSION, Sought, terms_for, terms_of
from chatsrv.roomlog.sqlite.mark import about_of, write_about
from chatsrv.roomlog.sqlite.rows import write_rows
from chatsrv.roomlog.sqlite.schema import ENTRY, OFFSET_BITS

logger = logging.getLogger(__name__)

STEP_ENTRIES, STEP_CHARACTERS = 500, 50_000
"""What is indexed at once: some milliseconds, and some tens now and then, when SQLite merges pieces of the index."""

MERGED_PAGES = 64
"""Pages of the index that are merged at once: some milliseconds."""

DISCARDED_BLOCKS = 100
"""Blocks of an index that are discarded at once, of 4 KiB each: some milliseconds."""

ASKED_TERMS = 16
"""Of more terms, the index is asked for the longest only; each entry that it finds is looked at in any case."""

_STRUCTURE_ID = 10  # without this block of its own, FTS5 does not drop a table
_MODULE = "fts5"  # not every SQLite has it
# No text (content), no numbers of words (columnsize), no places in the text (detail); and words as they are given,
# since those of `terms_of` have neither capital letters nor anything that the tokenizer `ascii` parts words at.
_TABLE = f"words USING {_MODULE}(text, content = '', columnsize = 0, detail = none, tokenize = 'ascii')"


def prepare_index(connection: sqlite3.Connection, *, is_trusted: bool) -> bool:
    """Make the index, empty, unless the one that is there is trusted and of today's words.

    Returns `False` where SQLite lacks FTS5: then there is none.
    """
    can_index = connection.execute("SELECT 1 FROM pragma_module_list WHERE name = ?", (_MODULE,)).fetchone() is not None
    version = VERSION if can_index else "none"
    if not is_trusted or about_of(connection).get("words") != version:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("UPDATE room SET indexed = 0")
        if can_index:
            _make_room(connection, is_trusted=is_trusted)
            connection.execute(f"CREATE VIRTUAL TABLE {_TABLE}")
        write_about(connection, words=version)
        connection.execute("COMMIT")
        if can_index and connection.execute("SELECT 1 FROM entry LIMIT 1").fetchone():
            logger.info(
                "The index for searching is made anew in the background; until that is done, searches find everything "
                "but take longer. `chatsrv history stats` tells how far it is"
            )
    return can_index


def _make_room(connection: sqlite3.Connection, *, is_trusted: bool) -> None:
    """Set an index aside. One that is not to be trusted is taken away at once: a damaged one might never be gone."""
    if not is_trusted:
        connection.execute("DROP TABLE IF EXISTS words_old")
    if is_trusted and _has_table(connection, "words") and not _has_table(connection, "words_old"):
        connection.execute("ALTER TABLE words RENAME TO words_old")
    else:
        connection.execute("DROP TABLE IF EXISTS words")  # nothing comes into it as long as there is an old one


def discard_some(connection: sqlite3.Connection) -> bool:
    """Discard a little of an index that was set aside; return whether there is more to do.

    To drop it at once, with what it has overwritten, would take seconds and its size again on the disk.
    """
    if not _has_table(connection, "words_old"):
        return False
    some = f"SELECT id FROM words_old_data WHERE id > {_STRUCTURE_ID} LIMIT {DISCARDED_BLOCKS}"
    if connection.execute(f"DELETE FROM words_old_data WHERE id IN ({some})").rowcount == DISCARDED_BLOCKS:
        return True
    connection.execute("DROP TABLE words_old")
    return False


def _has_table(connection: sqlite3.Connection, name: str) -> bool:
    question = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?"
    return connection.execute(question, (name,)).fetchone() is not None


def is_of_these_words(connection: sqlite3.Connection) -> bool:
    """Tell whether the file's index, if it has one, is of the words that this chatsrv finds with this Python."""
    return about_of(connection).get("words") in (VERSION, "none")


def edge_of(connection: sqlite3.Connection, number: int) -> int:
    """Return the offset up to which a room is in the index."""
    row = connection.execute("SELECT indexed FROM room WHERE number = ?", (number,)).fetchone()
    return row[0] if row else 0


def extend(connection: sqlite3.Connection, number: int, last: int, limit: int) -> tuple[int, int]:
    """Index some more of a room, up to the offset `last`; return the new edge, and how many entries were looked at."""
    edge = edge_of(connection, number)
    if edge >= last:
        return edge, 0
    first_id = number << OFFSET_BITS
    rows: list[tuple[int, str]] = []
    characters = looked_at = 0
    for id_, kind, text in connection.execute(
        "SELECT id, kind, text FROM entry WHERE id > ? AND id <= ? ORDER BY id LIMIT ?",
        (first_id + edge, first_id + last, limit),
    ):
        looked_at += 1
        characters += len(text)
        if kind in WORDS:
            rows.append((id_, " ".join(terms_of(text))))
        if looked_at == limit or characters >= STEP_CHARACTERS:
            edge = id_ - first_id
            break
    else:
        edge = last
    write_rows(connection, "INSERT INTO words (rowid, text)", rows)
    connection.execute("UPDATE room SET indexed = ? WHERE number = ?", (edge, number))
    return edge, looked_at


def remove(connection: sqlite3.Connection, entries: Iterable[tuple[int, int, str]]) -> None:
    """Take out entries, given as id, kind and text, that are in the index, up to the edge of their room."""
    rows = [("delete", id_, " ".join(terms_of(text))) for id_, kind, text in entries if kind in WORDS]
    write_rows(connection, "INSERT INTO words (words, rowid, text)", rows)


def merge(connection: sqlite3.Connection, *, is_first: bool) -> bool:
    """Take a step towards an index without traces of what was taken out; return whether there is more to do."""
    before = connection.total_changes
    pages = -MERGED_PAGES if is_first else MERGED_PAGES  # a negative number begins to make one piece of all
    connection.execute("INSERT INTO words (words, rank) VALUES ('merge', ?)", (pages,))
    return connection.total_changes - before >= 2  # as the manual of FTS5 says


def find(
    connection: sqlite3.Connection, sought: Sequence[Sought], after_id: int, last_id: int
) -> Generator[tuple[int, int, int, str, int, str], None, None]:
    """Yield the rows of entries behind one id up to another that may have all that is `sought`, newest first."""
    yield from connection.execute(
        f"SELECT {ENTRY} FROM words CROSS JOIN entry ON entry.id = words.rowid "
        "WHERE words MATCH ? AND words.rowid > ? AND words.rowid <= ? ORDER BY words.rowid DESC",
        (_question(sought), after_id, last_id),
    )


def is_telling(sought: Sequence[Sought]) -> bool:
    """Tell whether the index is of help. For what begins with a letter or two, it gathers nearly all that it has."""
    return any(map(_is_telling, _terms_for(sought)))


def _terms_for(sought: Iterable[Sought]) -> list[Sought]:
    return list(dict.fromkeys(term for item in sought for term in terms_for(item)))


def _is_telling(item: Sought) -> bool:
    word, is_start = item
    return not is_start or len(word.encode()) > 2


def _question(sought: Iterable[Sought]) -> str:
    """Return what FTS5 is asked. Short beginnings cost most and say least, so they are left out where others help.

    Whether terms are neighbours is not asked: that takes their places in the text, which would make everybody's index
    larger. Two letters in one term are neighbours, and each entry that is found is looked at in any case.
    """
    terms = _terms_for(sought)
    telling = list(filter(_is_telling, terms)) or terms
    asked = sorted(telling, key=lambda item: len(item[0].encode()), reverse=True)[:ASKED_TERMS]
    return " AND ".join(f'"{word}"{"*" if is_start else ""}' for word, is_start in asked)
