"""The mark beside the file of the room logs: who uses the file, and whether it still is the one that was left behind.

Offsets of a log that was set back to an earlier state are given out a second time, for other words. So whoever opens
the file asks whether it is as it was left; if not, a new epoch begins. These tell:

    the token   drawn anew at each opening and closing, written into the file and into the mark: an older file has
                another one, and so has one that another server went on with
    the count   of all entries that were ever recorded, in the mark: a copy of the file as it is open has its token too,
                and when the server was killed that token is still the newest; but what came since the copy is missing
    the inode   of a file that came out of an archive together with its mark
    is_copy     written into every copy that `backup` makes
    the boot    when the machine crashed, a file that was neither closed nor forced to the disk may lack its end

Knows nothing of rooms and entries. A `Mark` is used by the thread that opens the store, then by the recorder alone.
"""

import contextlib
import errno
import fcntl
import os
import secrets
import sqlite3
from pathlib import Path

from chatsrv.model.errors import StoreError

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class Mark:
    """The file beside the logs. It is locked as long as this object is not closed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._head = ""  # the first line
        self._recorded = 0
        place = _place_of(path)
        try:
            self._file = os.open(place, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            if error.errno == errno.ELOOP:
                raise StoreError(f"{place} is a symbolic link, which is not followed; move it away") from error
            raise StoreError(
                f"{place} cannot be written ({error.strerror}); let the server's user write to it and its directory"
            ) from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._file)
            raise StoreError(
                f"{path} is in use by another server; stop that one, or give history.path another file"
            ) from error

    def close(self) -> None:
        """Unlock the file."""
        os.close(self._file)

    def open_epoch(self, connection: sqlite3.Connection, durability: str, recorded: int) -> tuple[str, bool]:
        """Say in the file that it is open; return its epoch, and whether that one has just begun in place of another.

        `recorded` is how many entries the file has, with those that it has let go of.

        Raises:
            sqlite3.Error: the file cannot be written.
        """
        about = about_of(connection)
        has_epoch = "epoch" in about
        is_as_left = has_epoch and self._is_as_left(about, recorded)
        epoch = about["epoch"] if is_as_left else secrets.token_hex(8)
        self._recorded = recorded
        token = (
            about["token"] if is_as_left else ""
        )  # else one that is killed now would be as it was left at the next try
        self._sign(connection, token, epoch=epoch, is_copy="0", state="open", durability=durability, boot=_boot())
        return epoch, has_epoch and not is_as_left

    def note(self, count: int) -> None:
        """Hear that so many more entries are recorded. What the disk does not take is not missed later, no more.

        For each transaction, so nothing is forced to the disk: the system has it when this process is killed, and when
        the machine crashes the boot tells.
        """
        self._recorded += count
        with contextlib.suppress(OSError):
            os.pwrite(self._file, self._content(), 0)

    def close_epoch(self, connection: sqlite3.Connection) -> None:
        """Say in the file that it was closed, and force all of it to the disk.

        Raises:
            sqlite3.Error: the file cannot be written.
        """
        connection.execute("PRAGMA synchronous = FULL")
        self._sign(connection, about_of(connection)["token"], state="closed")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _is_as_left(self, about: dict[str, str], recorded: int) -> bool:
        head, *rest = os.pread(self._file, 1000, 0).decode(errors="replace").splitlines() or [""]
        inode, *tokens = head.split() or [""]
        noted = rest[0] if rest else "0"  # an older chatsrv noted nothing
        may_have_lost_its_end = (
            about["state"] == "open" and about["durability"] == "process" and about["boot"] != (_boot() or "unknown")
        )
        return (
            about["is_copy"] == "0"
            and about["token"] in tokens
            and inode == str(self._path.stat().st_ino)
            and noted.isdecimal()
            and int(noted) <= recorded
            and not may_have_lost_its_end
        )

    def _sign(self, connection: sqlite3.Connection, old: str, **values: str) -> None:
        """Write `values` and a new token into the file. The mark knows the `old` one, too, until that is done."""
        token = secrets.token_hex(8)
        self._write(old, token)
        write_about(connection, token=token, **values)
        self._write(token)

    def _write(self, *tokens: str) -> None:
        self._head = " ".join((str(self._path.stat().st_ino), *tokens))
        content = self._content()
        try:
            os.pwrite(self._file, content, 0)
            os.ftruncate(self._file, len(content))
            os.fsync(self._file)
        except OSError as error:
            raise sqlite3.OperationalError(f"the mark beside it cannot be written ({error.strerror})") from error

    def _content(self) -> bytes:
        return f"{self._head}\n{self._recorded:020}\n".encode()


def is_in_use(path: Path) -> bool:
    """Tell whether a server uses the file of room logs at `path`."""
    try:
        file = os.open(_place_of(path), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return False
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(file)
    return False


def was_used(path: Path) -> bool:
    """Tell whether a server has ever used the file at `path` as that of its room logs."""
    try:
        return _place_of(path).lstat().st_size > 0
    except OSError:
        return False


def tokens_beside(path: Path) -> list[str]:
    """Return the tokens in the mark of the file at `path`; none if it has none."""
    try:
        file = os.open(_place_of(path), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return []
    try:
        head, *_ = os.pread(file, 1000, 0).decode(errors="replace").splitlines() or [""]
    finally:
        os.close(file)
    return head.split()[1:]


def about_of(connection: sqlite3.Connection) -> dict[str, str]:
    """Return what the file says about itself."""
    return dict(connection.execute("SELECT name, value FROM about"))


class Opened:
    """The file at `path` as this server has opened it: whether it still is there. Any thread may ask."""

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path = path
        self._inode = path.stat().st_ino
        self._token = about_of(connection)["token"]

    def check_place(self) -> None:
        """Make sure that the file is at its place. To be done before connecting: its `-wal` would spoil another one.

        Raises:
            StoreError: it is gone, or another one is there.
        """
        try:
            inode = self._path.stat().st_ino
        except OSError as error:
            raise StoreError(
                f"{self._path} is gone ({error.strerror}); put it back, or start the server anew"
            ) from None
        if inode != self._inode:
            raise self._replaced_error()

    def check_token(self, connection: sqlite3.Connection) -> None:
        """Make sure that a new connection is to that file.

        Raises:
            StoreError: it is to another one.
            sqlite3.Error: it cannot be read.
        """
        if about_of(connection).get("token") != self._token:
            raise self._replaced_error()

    def _replaced_error(self) -> StoreError:
        return StoreError(f"{self._path} was replaced by another file while the server runs; start the server anew")


def write_about(connection: sqlite3.Connection, **values: str) -> None:
    """Have the file say so about itself, all at once."""
    rows = ",".join(["(?, ?)"] * len(values))
    flat = [part for item in values.items() for part in item]
    connection.execute(f"INSERT OR REPLACE INTO about VALUES {rows}", flat)


def _place_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-mark")


def _boot() -> str:
    """Return what names this run of the machine; empty where the system does not tell."""
    try:
        return _BOOT_ID.read_text().strip()
    except OSError:
        return ""
