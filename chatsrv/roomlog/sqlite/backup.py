"""Making another file of room logs: a copy of one that is being used, as it is at one moment, or an empty one.

Called by the thread that has the connection.
"""

import contextlib
import os
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

from chatsrv.model.errors import StoreError
from chatsrv.roomlog.sqlite.mark import write_about
from chatsrv.roomlog.sqlite.newfile import directory_beside

Progress: TypeAlias = Callable[[int, int], None]
"""Told how much is done, and how much there is in all."""

STEP_PAGES = 1024
"""Pages that are copied at once, before it is told how far it is."""


def copy_file(source: sqlite3.Connection, place: Path, path: Path, progress: Progress) -> None:
    """Copy the file at `place`, which `source` is connected to, to `path`; what is there is replaced when it is done.

    Raises:
        StoreError: it cannot be written. Nothing is left at `path` but what was there.
    """
    try:
        with new_database(path) as copy:
            with one_moment(source):
                source.backup(copy, pages=STEP_PAGES, progress=lambda _, left, all_: progress(all_ - left, all_))
            copy.execute("PRAGMA journal_mode = DELETE")  # so that the copy is one file
            write_about(copy, is_copy="1")
    except (sqlite3.Error, OSError) as error:
        raise StoreError(f"{path}: {place} could not be copied there ({error})") from error


@contextlib.contextmanager
def new_database(path: Path) -> Iterator[sqlite3.Connection]:
    """Open an empty database that only its owner may read. It is at `path` once all went well, and nowhere otherwise.

    Raises:
        OSError: it cannot be made.
    """
    with directory_beside(path) as directory:  # where nobody else can put a link in its place
        part = directory / path.name
        os.close(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        with contextlib.closing(sqlite3.connect(part, isolation_level=None)) as connection:
            yield connection
        part.replace(path)


@contextlib.contextmanager
def one_moment(connection: sqlite3.Connection) -> Iterator[None]:
    """Let everything that is read be of one moment: what others write meanwhile is not seen."""
    connection.execute("BEGIN")
    try:
        connection.execute("SELECT count(*) FROM about").fetchone()
        yield
    finally:
        connection.execute("ROLLBACK")
