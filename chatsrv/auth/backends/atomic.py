"""Changing a file as a whole: afterwards it is the old one or the new one, whenever the power fails.

A file that cannot be replaced by another is written `inplace`.

Knows nothing of what the file holds. Any thread and any number of processes may call; they take turns by a lock on the
file itself (flock), which the kernel drops when its holder dies.
"""

import errno
import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from chatsrv.auth.backends.inplace import MOST_BYTES, contents_of, is_interrupted, write_in_place
from chatsrv.model.errors import AccountsError

# A file that is mounted by itself; one in a directory where this user may make none; one whose owner or group this user
# may not give to another.
_CANNOT_REPLACE = frozenset({errno.EBUSY, errno.EACCES, errno.EPERM, errno.EROFS})


def change_file(path: Path, change: Callable[[bytes], bytes]) -> None:
    """Replace the contents of the file at `path` by `change(contents)`, with no other editor in between.

    Owner, mode and extended attributes stay; a symbolic link stays one, and what it points to is changed. A missing
    file counts as empty and is made with mode 0600; when `change` raises, it is not made. On return the change is on
    the disk. A file that cannot be replaced by another is written in place.

    Raises:
        AccountsError: the file cannot be changed. `change` may raise it too; the file then stays as it is.
    """
    target = Path(os.path.realpath(path))
    try:
        with _lock_file(target) as (descriptor, is_new):
            try:
                with os.fdopen(descriptor, "rb", closefd=False) as file:
                    old = file.read()
                new = change(contents_of(old))
                if new != old:
                    _put(target, descriptor, old, new)
            except BaseException:
                if is_new:
                    target.unlink()
                raise
    except OSError as error:
        raise AccountsError(
            f"{path}: cannot be changed ({error.strerror or error}); accepted is a file that this user may write"
        ) from error


def settle(path: Path) -> bool:
    """Finish a change of the file at `path` that was interrupted while it was written in place; tell whether one was.

    Where that cannot be done, nothing depends on it but other programs: `contents_of` tells what the file holds.
    """
    with suppress(OSError, AccountsError):
        status = path.stat()
        if stat.S_ISREG(status.st_mode) and status.st_size <= MOST_BYTES and is_interrupted(path.read_bytes()):
            change_file(path, lambda contents: contents)
            return True
    return False


@contextmanager
def _lock_file(target: Path) -> Iterator[tuple[int, bool]]:
    """Hold the lock on the file that is at `target` once the lock is held; make the file when there is none."""
    while True:
        is_new = False
        flags = os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC
        try:
            descriptor = os.open(target, flags)
        except FileNotFoundError:
            try:
                descriptor = os.open(target, flags | os.O_CREAT | os.O_EXCL, 0o600)
            except FileExistsError:
                continue  # somebody else made it just now
            is_new = True
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise OSError("it is no regular file")
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            # Whoever held the lock before has put another file in this one's place: then that one is to be locked.
            if _is_at(descriptor, target):
                yield descriptor, is_new and os.fstat(descriptor).st_size == 0
                return
        finally:
            os.close(descriptor)


def _is_at(descriptor: int, target: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), target.stat())
    except FileNotFoundError:
        return False


def _put(target: Path, descriptor: int, old: bytes, new: bytes) -> None:
    status = os.fstat(descriptor)
    try:
        _replace(target, new, status)
    except OSError as error:
        if error.errno not in _CANNOT_REPLACE:
            raise
        if status.st_nlink == 0:  # a change here would be seen by nobody, and gone with the mount
            raise OSError(
                "the file that is mounted here was replaced where it comes from; mount its directory instead"
            ) from error
        write_in_place(descriptor, old, new)


def _replace(target: Path, contents: bytes, old: os.stat_result) -> None:
    descriptor, temporary = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".new", dir=target.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(contents)
            made = os.fstat(descriptor)
            if (made.st_uid, made.st_gid) != (old.st_uid, old.st_gid):
                os.fchown(
                    descriptor, old.st_uid, old.st_gid
                )  # fails where the owner could not be kept: nothing happens
            # mode, access lists and other attributes; the times with them. Of the file itself, not of its name, which
            # somebody might make a link.
            shutil.copystat(target, descriptor)  # type: ignore[arg-type]  # os takes one wherever it takes a path
            os.utime(descriptor)
            file.flush()
            os.fsync(descriptor)
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    directory = os.open(target.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)  # without it the new name could be lost, though the contents are not
    finally:
        os.close(directory)
