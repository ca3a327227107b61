"""The index of words in the file: which entries have a word.

An FTS5 table that holds no text, fed with what `words_of` finds, so that it agrees with a search that looks at the
entries themselves. The column `room.indexed` says up to which offset a room is in it; it may always be made anew.
Knows nothing of threads: who has the connection may call, within a transaction of its own where something changes.
"""

import sqlite3
from collections.abc import Generator, Iterable, Sequence

from chatsrv.entries import WORDS
from chatsrv.roomlog.mark import about_of, write_about
from chatsrv.roomlog.rows import write_rows
from chatsrv.roomlog.schema import ENTRY, OFFSET_BITS
from chatsrv.roomlog.words import VERSION, Sought, words_of

STEP_ENTRIES, STEP_CHARACTERS = 500, 50_000
"""What is indexed at once: some milliseconds, and some tens now and then, when SQLite merges pieces of the index."""

MERGED_PAGES = 64
"""Pages of the index that are merged at once: some milliseconds."""

ASKED_WORDS = 16
"""Of more words, the index is asked for the longest only; each entry that it finds is looked at in any case."""

_MODULE = "fts5"  # not every SQLite has it
# No text (content), no numbers of words (columnsize), no places in the text (detail); and words as they are given,
# since those of `words_of` have neither capital letters nor anything that the tokenizer `ascii` parts words at.
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
            connection.execute("DROP TABLE IF EXISTS words")
            connection.execute(f"CREATE VIRTUAL TABLE {_TABLE}")
        write_about(connection, words=version)
        connection.execute("COMMIT")
    return can_index


def is_of_these_words(connection: sqlite3.Connection) -> bool:
    """Tell whether the file's index, if it has one, is of the words that this Python finds."""
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
            rows.append((id_, " ".join(words_of(text))))
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
    rows = [("delete", id_, " ".join(words_of(text))) for id_, kind, text in entries if kind in WORDS]
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
    return any(map(_is_telling, sought))


def _is_telling(item: Sought) -> bool:
    word, is_start = item
    return not is_start or len(word.encode()) > 2


def _question(sought: Sequence[Sought]) -> str:
    """Return what FTS5 is asked. Short beginnings cost most and say least, so they are left out where others help."""
    telling = list(filter(_is_telling, sought)) or sought
    asked = sorted(set(telling), key=lambda item: len(item[0]), reverse=True)[:ASKED_WORDS]
    return " AND ".join(f'"{word}"{"*" if is_start else ""}' for word, is_start in asked)
