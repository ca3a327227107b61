"""The file of the room logs: its tables, its versions, and what to do when it cannot be used.

An entry's id is its room's number and its offset in one integer, so that a room's entries lie next to each other, in
order, in one tree: reading on is a range, and no further index is kept. Times are whole microseconds since the Unix
epoch. Knows nothing of threads; a connection belongs to one thread at a time.
"""

import logging
import os
import sqlite3
import stat
from collections.abc import Iterable
from pathlib import Path
from shlex import quote
from typing import Literal

from chatsrv.model.entries import LAST_AT_SECONDS, Entry, Kind
from chatsrv.model.errors import StoreError
from chatsrv.roomlog.sqlite.mark import was_used

logger = logging.getLogger(__name__)

OFFSET_BITS = 40
"""A room's entries have room for a trillion offsets, and the file for eight million rooms."""

MICROSECONDS = 1_000_000

LAST_AT = LAST_AT_SECONDS * MICROSECONDS
"""The latest time that is one."""

ENTRY = "entry.id, entry.at, entry.kind, entry.author, entry.origin, entry.text"
"""The columns of a row that `entry_of` takes."""

LOOKED_AT_WHOLE_BYTES = 32 * 1024 * 1024
"""The largest file that is checked from end to end at the start: that takes a tenth of a second."""

LONGEST_BYTES = 16 * 1024 * 1024
"""The longest text or row that is believed in. In a damaged file a length may say that memory is needed without end."""

_APPLICATION_ID = 0x63686174  # "chat": tells a file of ours from another program's

# SQLite holds a STRICT table to its types, from 3.37 on.
_STRICT = "STRICT" if sqlite3.sqlite_version_info >= (3, 37) else ""
_WITHOUT_ROWID = "WITHOUT ROWID, STRICT" if _STRICT else "WITHOUT ROWID"


def _history(*kinds: str) -> str:
    """Return the view for a person who reads the file; `kinds` are the names of the kinds that are numbered from 1."""
    names = " ".join(f"WHEN {number} THEN '{kind}'" for number, kind in enumerate(kinds, 1))
    return f"""CREATE VIEW history AS
        SELECT room.name AS room, entry.id & {(1 << OFFSET_BITS) - 1} AS "offset",
            strftime('%Y-%m-%dT%H:%M:%fZ', entry.at / 1e6, 'unixepoch') AS at,
            CASE entry.kind {names} END AS kind,
            entry.author, entry.origin, entry.text
        FROM entry JOIN room ON room.number = entry.id >> {OFFSET_BITS}"""


def numbers_of(kinds: Iterable[Kind]) -> str:
    """Return some kinds as they are named in a question to the file."""
    return ", ".join(str(kind.value) for kind in sorted(kinds))


_KINDS = ("SAY", "ACTION", "JOIN", "LEAVE", "ERASED")  # of the first version
_QUIET_KINDS = ("QUIET_JOIN", "QUIET_LEAVE")  # of the second one

# The index `line` is of `LINES`, so that a million people who came and went are passed over at once: a question names
# exactly these kinds, in this order. It takes 11 bytes for each of them, and a second to make for a million entries.
MIGRATIONS = (
    f"""
    CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) {_STRICT};
    CREATE TABLE room (number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, kept_after INTEGER NOT NULL) {_STRICT};
    CREATE TABLE entry (
        id INTEGER PRIMARY KEY, at INTEGER NOT NULL, kind INTEGER NOT NULL,
        author TEXT NOT NULL, origin INTEGER NOT NULL, text TEXT NOT NULL
    ) {_STRICT};
    {_history(*_KINDS)};
    """,
    f"""
    DROP VIEW history;
    {_history(*_KINDS, *_QUIET_KINDS)};
    ALTER TABLE room ADD COLUMN indexed INTEGER NOT NULL DEFAULT 0;
    CREATE TABLE bookmark (
        account TEXT NOT NULL, room INTEGER NOT NULL,
        "offset" INTEGER NOT NULL, epoch TEXT NOT NULL, origin INTEGER NOT NULL,
        PRIMARY KEY (account, room)
    ) {_WITHOUT_ROWID};
    CREATE TABLE wish (account TEXT PRIMARY KEY, is_caught_up INTEGER NOT NULL) {_WITHOUT_ROWID};
    CREATE TABLE erasure (account TEXT PRIMARY KEY, is_seen INTEGER NOT NULL) {_WITHOUT_ROWID};
    """,
    f"""
    DROP VIEW history;
    {_history(*_KINDS, *_QUIET_KINDS, "PRIVATE", "PRIVATE_SENT", "CHANGE")};
    """,
    """
    CREATE INDEX line ON entry (id) WHERE kind IN (1, 2, 8, 9, 10);
    """,
)
"""What leads from each version of the file (`PRAGMA user_version`) to the next one. Never changed, only added to."""

_TABLES = ("about", "room", "entry", "bookmark", "wish", "erasure")
"""What cannot be made anew."""

_ADVICE = {
    "SQLITE_FULL": "make room on that disk",
    "SQLITE_IOERR": "see whether that disk is full or broken (the system's log tells)",
    "SQLITE_READONLY": "let the server's user write to it and its directory, on a disk that is mounted for writing",
    "SQLITE_CANTOPEN": "let the server's user write to it and its directory",
    "SQLITE_PERM": "let the server's user write to it and its directory",
    "SQLITE_BUSY": "another program holds it locked: let that finish",
    "SQLITE_NOTADB": "name another file, or move this one away",
}

# The last ones come of statements that fit every sound file.
_DAMAGED = ("SQLITE_CORRUPT", "SQLITE_ERROR", "SQLITE_CONSTRAINT", "SQLITE_MISMATCH", "SQLITE_SCHEMA", "SQLITE_TOOBIG")


def connect(path: Path, lock_seconds: float, mode: Literal["rw", "ro"] = "rw") -> sqlite3.Connection:
    """Return a new connection to the file at `path`, which must exist. One thread at a time may use it."""
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode={mode}",
        uri=True,
        timeout=lock_seconds,
        isolation_level=None,  # transactions begin and end where the code says so
        check_same_thread=False,
    )
    connection.text_factory = _text
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_BYTES)
    connection.execute("PRAGMA trusted_schema = OFF")
    connection.execute("PRAGMA secure_delete = ON")  # what is deleted, or leaves the index, is overwritten
    return connection


def _text(data: bytes) -> str:
    """Return a text of the file. One damaged letter is to cost nothing but that letter."""
    return data.decode(errors="replace")


def create(path: Path) -> None:
    """Make an empty file at `path` unless there is one, and its directory, that nobody else may read.

    One that was put there for others to read, as `cp` does, is closed to them: there are private messages in it.

    Raises:
        StoreError: it cannot be made.
    """
    try:
        if not path.parent.exists():
            path.parent.mkdir(parents=True, mode=0o700)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise cannot_be_kept(path, error.strerror) from error
    real = Path(os.path.realpath(path))  # SQLite puts the others beside it
    for suffix in ("", "-wal", "-shm", "-journal"):
        file = real.with_name(f"{real.name}{suffix}")
        if suffix and file.is_symlink():
            raise StoreError(f"{file} is a symbolic link, which is not followed; move it away")
        _close_to_others(file)


def cannot_be_kept(path: Path, why: str | None) -> StoreError:
    """Return the error about a file that cannot be made, or not be opened."""
    return StoreError(
        f"{path}: the history cannot be kept there ({why}); let the server's user write to it and its directory, or "
        f"give history.path in the settings another file, such as /var/lib/chatsrv/{path.name}"
    )


def _close_to_others(file: Path) -> None:
    try:
        mode = stat.S_IMODE(file.stat().st_mode)
        if mode & 0o077:
            file.chmod(mode & 0o700)
            logger.warning("%s could be read by others (mode %03o); now it is for the server's user alone", file, mode)
    except FileNotFoundError:
        pass
    except OSError as error:
        logger.warning("%s can be read by others (%s): chmod 600 %s", file, error.strerror, quote(str(file)))


def version_of(connection: sqlite3.Connection, path: Path) -> int:
    """Return the version of the file; 0 if it is empty.

    Raises:
        StoreError: it is of another program, or of a newer chatsrv.
        sqlite3.Error: it is damaged, or cannot be read. The mark beside it tells a damaged one from another program's.
    """
    version: int
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
    if tables and application != _APPLICATION_ID:
        if was_used(path):
            raise sqlite3.DatabaseError("it does not say any more that it is a history")
        raise StoreError(f"{path} is the database of another program; give history.path another file")
    if version > len(MIGRATIONS):
        raise StoreError(
            f"{path} was written by a newer chatsrv (version {version}; this one knows {len(MIGRATIONS)}); "
            f"start that one, or give history.path another file; if none ever was in use here, the file is damaged: "
            f"chatsrv history rescue {quote(str(path))}"
        )
    return version


def prepare(connection: sqlite3.Connection, path: Path) -> bool:
    """Bring the file to the newest version, and see whether it can be used.

    Returns `False` if only the index of words is damaged, which may be made anew.

    Raises:
        StoreError: it is of another program, or of a newer chatsrv.
        sqlite3.Error: it is damaged, or cannot be read or written.
    """
    version = version_of(connection, path)
    connection.execute("PRAGMA journal_mode = WAL")
    migrate(connection, version)
    if path.stat().st_size > LOOKED_AT_WHOLE_BYTES or _check(connection) == "ok":
        return True
    for table in _TABLES:
        found = _check(connection, table)
        if found != "ok":
            raise sqlite3.DatabaseError(found.rpartition("\n")[2])
    return False


def migrate(connection: sqlite3.Connection, version: int) -> None:
    """Bring the file from a version to the newest one."""
    for number, migration in enumerate(MIGRATIONS[version:], version + 1):
        connection.executescript(
            f"BEGIN IMMEDIATE; {migration}; PRAGMA application_id = {_APPLICATION_ID}; "
            f"PRAGMA user_version = {number}; COMMIT;"
        )


def _check(connection: sqlite3.Connection, table: str | int = 1) -> str:
    """Return what is damaged first, of a table or of all; "ok" if nothing is."""
    found: str
    (found,) = connection.execute(f"PRAGMA quick_check({table})").fetchone()
    return found


def what_to_do(error: sqlite3.Error, path: Path) -> str:
    """Return a sentence with the file, what is wrong with it, and what an administrator does about it."""
    name = getattr(error, "sqlite_errorname", "SQLITE_CORRUPT")  # one of ours has none
    is_damaged = name.startswith(_DAMAGED) or (name == "SQLITE_NOTADB" and was_used(path))
    known = [advice for code, advice in _ADVICE.items() if name.startswith(code)]
    if known and not is_damaged:
        return f"{path}: {error}; {known[0]}"
    if not is_damaged:
        return f"{path}: {error} ({name})"
    return describe_damage(error, path)


def describe_damage(error: Exception, path: Path) -> str:
    """Return a sentence that says that the file is damaged, and which command rescues what is left."""
    cause = str(error) or "it asks for more memory than there is"
    return (
        f"{path} is damaged ({cause}); stop the server, and have what can be read of it put into a new file: "
        f"chatsrv history rescue {quote(str(path))}"
    )


def row_of(entry: Entry, first_id: int) -> tuple[int, int, int, str, int, str]:
    """Return an entry as a row of its table. `first_id` is the id before its room's first entry."""
    offset, at, _, kind, author, origin, text = entry
    return first_id + offset, round(at * MICROSECONDS), int(kind), author, origin, text


_KIND_OF = {kind.value: kind for kind in Kind}


def entry_of(row: tuple[int, int, int, str, int, str], first_id: int, room: str) -> Entry:
    """Return the entry that a row holds. One of a kind that there is not is damaged: nobody is shown it."""
    number, at, kind, author, origin, text = row
    return Entry(number - first_id, at / MICROSECONDS, room, _KIND_OF.get(kind, Kind.ERASED), author, origin, text)
