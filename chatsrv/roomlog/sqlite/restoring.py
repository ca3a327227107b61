"""Putting a backup in the place of a history, so that at each moment there is the one or the other, and both are kept.

Called by one thread, while no server uses the history.
"""

import contextlib
import itertools
import os
import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from shlex import quote

from chatsrv.model.errors import StoreError
from chatsrv.roomlog.sqlite.backup import Progress, copy_file
from chatsrv.roomlog.sqlite.foreign import check_wal
from chatsrv.roomlog.sqlite.mark import Mark, is_in_use
from chatsrv.roomlog.sqlite.newfile import directory_beside, sync_directory
from chatsrv.roomlog.sqlite.schema import connect, version_of, what_to_do

_BESIDE = ("-wal", "-shm", "-journal")


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put in place, and where the files are now that were there before."""

    entries: int
    kept: tuple[Path, ...]


def restore(
    backup: Path, path: Path, lock_seconds: float = 5.0, progress: Progress = lambda _done, _all: None
) -> Restored:
    """Put a copy of the file `backup` in place of the history at `path`; what was there is kept under a dated name.

    The server that opens it begins a new epoch. `progress` is told the pages that are done, and all pages.

    Raises:
        StoreError: a server uses the history, or the backup is none or damaged, or it cannot be written. What was at
            `path` is still there then.
    """
    real = Path(os.path.realpath(path))
    if not backup.is_file():
        raise StoreError(f"{backup}: there is no such file; name the backup")
    if real.exists() and backup.samefile(real):
        raise StoreError(f"{backup} is the history itself; name the backup")
    if not real.parent.is_dir():
        raise StoreError(f"{path}: there is no directory {real.parent}; make it, for the server's user alone")
    if is_in_use(path):
        raise StoreError(f"{path} is in use by a running server; stop it, and start it again after the restoring")
    with contextlib.closing(Mark(path)), _explained(path):  # so that no server starts meanwhile
        with directory_beside(real) as directory:
            copy = directory / "copy"
            entries = _copy(backup, copy, lock_seconds, progress)
            _give_to_owner_of(real, copy)
            _force_to_disk(copy)
            kept = _put_in_place(copy, real, path)
        return Restored(entries, kept)


def _copy(backup: Path, copy: Path, lock_seconds: float, progress: Progress) -> int:
    """Copy the backup, once it is seen to be sound; return how many entries it has."""
    check_wal(backup)
    try:
        with contextlib.closing(connect(backup, lock_seconds, "ro")) as source:
            if not version_of(source, backup):
                raise StoreError(f"{backup} is empty: nothing was ever recorded there")
            (found,) = source.execute("PRAGMA quick_check(1)").fetchone()
            if found != "ok":
                raise sqlite3.DatabaseError(found.rpartition("\n")[2])
            (entries,) = source.execute("SELECT count(*) FROM entry").fetchone()
            copy_file(source, backup, copy, progress)
            return int(entries)
    except (sqlite3.Error, UnicodeDecodeError, MemoryError) as error:
        cause = error if isinstance(error, sqlite3.Error) else sqlite3.DatabaseError("it cannot be read")
        raise StoreError(what_to_do(cause, backup)) from error


def _give_to_owner_of(real: Path, copy: Path) -> None:
    """Let the copy belong to whom the history, or else its directory, belongs: it may be root who restores it."""
    owner = real.stat() if real.exists() else real.parent.stat()
    if os.geteuid() == 0 and owner.st_uid != 0:
        os.chown(copy, owner.st_uid, owner.st_gid, follow_symlinks=False)


def _force_to_disk(copy: Path) -> None:
    file = os.open(copy, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _put_in_place(copy: Path, real: Path, path: Path) -> tuple[Path, ...]:
    """Keep what is there, and put the copy in its place, in an order in which a crash costs nothing.

    A `-wal` that still stands beside the copy is known to be another one's, and refused.
    """
    kept: list[Path] = []
    aside = _free_name(real)
    if real.exists():
        os.link(real, aside)
        kept.append(aside)
        mark = path.with_name(f"{path.name}-mark")
        with contextlib.suppress(FileNotFoundError):
            content = mark.read_bytes()
            file = os.open(f"{aside}-mark", os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            with os.fdopen(file, "wb") as copied:
                copied.write(content)
            kept.append(Path(f"{aside}-mark"))
        sync_directory(real)
    copy.replace(real)
    sync_directory(real)
    for suffix in _BESIDE:
        beside = real.with_name(f"{real.name}{suffix}")
        if beside.is_symlink() or beside.exists():
            beside.rename(f"{aside}{suffix}")
            kept.append(Path(f"{aside}{suffix}"))
    sync_directory(real)
    return tuple(kept)


def _free_name(real: Path) -> Path:
    """Return a dated name beside the history that nothing has yet, nor with a suffix."""
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    for number in itertools.count(1):
        aside = real.with_name(f"{real.name}.before-{stamp}{f'-{number}' if number > 1 else ''}")
        if not any(os.path.lexists(f"{aside}{suffix}") for suffix in ("", "-mark", *_BESIDE)):
            return aside
    raise AssertionError


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"{path}: the backup cannot be put there ({error.strerror}); let this user write to it and its directory: "
            f"ls -la {quote(str(path.parent))}"
        ) from error
