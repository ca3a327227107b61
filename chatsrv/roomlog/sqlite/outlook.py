"""Whether room logs can be kept in a file, found out without making, changing or locking anything.

For `chatsrv check`, which may run beside the server. Any thread.
"""

import contextlib
import errno
import os
import sqlite3
from pathlib import Path

from chatsrv.model.errors import StoreError
from chatsrv.roomlog.sqlite.schema import cannot_be_kept, version_of, what_to_do


def examine(path: Path) -> None:
    """See whether an `SqliteStore` could be opened at `path`, as far as can be told from outside.

    Raises:
        StoreError: it could not. The text says what to do.
    """
    if why := _obstacle(path):
        raise cannot_be_kept(path, why)
    if path.exists() and path.stat().st_size:
        with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as file:
            try:
                version_of(file, path)
            except sqlite3.Error as error:
                raise StoreError(what_to_do(error, path)) from error


def _obstacle(path: Path) -> str:
    """Return why there can be no history at `path`; nothing if there can."""
    try:
        if path.is_dir():
            return os.strerror(errno.EISDIR)
        if path.exists() and not path.is_file():
            return "it is no file"
        if path.exists() and not os.access(path, os.R_OK | os.W_OK):
            return "this user may not write to it"
        real = Path(os.path.realpath(path))  # SQLite puts more files beside that one, and some are beside a link to it
        for around in (path.absolute().parent, real.parent):
            while not os.path.lexists(around):
                around = around.parent
            if not around.is_dir():
                return f"{around} is no directory"
            if not os.access(around, os.W_OK | os.X_OK):
                return f"this user may not write to {around}"
    except OSError as error:  # a directory on the way is closed to this user, or the name is too long
        return error.strerror or "it cannot be looked at"
    return ""
