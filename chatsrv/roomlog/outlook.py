"""Whether room logs can be kept in a file, found out without making, changing or locking anything.

For `chatsrv check`, which may run beside the server. Any thread.
"""

import contextlib
import errno
import os
import sqlite3
from pathlib import Path

from chatsrv.errors import StoreError
from chatsrv.roomlog.schema import cannot_be_kept, version_of, what_to_do


def examine(path: Path) -> None:
    """See whether an `SqliteStore` could be opened at `path`, as far as can be told from outside.

    Raises:
        StoreError: it could not. The text says what to do.
    """
    if number := _obstacle(path):
        raise cannot_be_kept(path, OSError(number, os.strerror(number)))
    if path.exists() and path.stat().st_size:
        with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as file:
            try:
                version_of(file, path)
            except sqlite3.Error as error:
                raise StoreError(what_to_do(error, path)) from error


def _obstacle(path: Path) -> int:
    """Return the number of the error that a file at `path` meets; 0 if it meets none."""
    try:
        if path.is_dir():
            return errno.EISDIR
        if path.exists() and not (path.is_file() and os.access(path, os.R_OK | os.W_OK)):
            return errno.EACCES if path.is_file() else errno.EINVAL
        directory = Path(os.path.realpath(path)).parent  # SQLite puts more files beside the real one
        while not directory.exists():
            directory = directory.parent
        if not directory.is_dir():
            return errno.ENOTDIR
    except OSError as error:  # a directory on the way is closed to this user, or the name is too long
        return error.errno or errno.EINVAL
    return 0 if os.access(directory, os.W_OK | os.X_OK) else errno.EACCES
