"""The `-wal` and the `-shm` beside the file of the room logs, as the server has them open, and whether they still are.

SQLite keeps writing to a `-wal` that was deleted, and past the end of one that was cut short, without a word: what it
commits there is gone when the process ends. So the recorder checks both files before and after each transaction. What
their names have lost can be put back, because the open descriptors still have it. What was cut off is known, so that
SQLite can be made to see that it is gone.

Follows https://www.sqlite.org/walformat.html. Knows nothing of rooms and entries. The recorder's thread uses a
`Journal`, but for `check_names`, which any thread may call.
"""

import os
import struct
from pathlib import Path
from typing import NamedTuple

from chatsrv.model.distinct import distinct
from chatsrv.model.errors import StoreError
from chatsrv.roomlog.sqlite.newfile import sync_directory, temporary_beside

_WAL_HEADER_BYTES, _FRAME_BYTES = 32, 24
_INDEX_BYTES = 48  # the header of the -shm, of which there are two copies
_IS_INIT_AT, _BACKFILLED_AT = 12, 2 * _INDEX_BYTES
_TRIES = 100  # of reading what another program may be changing just then: it takes microseconds
_COPY_BYTES = 1 << 20


@distinct
class _Index(NamedTuple):
    """What the `-shm` says: how many frames the `-wal` has, and how many of them are in the file as well."""

    frames: int
    frame_bytes: int
    sums: tuple[int, int]
    salts: bytes
    backfilled: int

    @property
    def end(self) -> int:
        """How long the `-wal` is at least."""
        return _WAL_HEADER_BYTES + self.frames * self.frame_bytes if self.frames else 0


@distinct
class _Last(NamedTuple):
    """The last frame that a check found whole: of which `-wal`, where it ends, and its bytes."""

    salts: bytes
    end: int
    frame: bytes


class Journal:
    """The files beside the one at `path`, from `attach` on."""

    def __init__(self, path: Path) -> None:
        real = Path(os.path.realpath(path))  # SQLite puts them beside the file itself, not beside a link to it
        self._wal_path = real.with_name(f"{real.name}-wal")
        self._shm_path = real.with_name(f"{real.name}-shm")
        self._wal_name, self._shm_name = str(self._wal_path), str(self._shm_path)
        self._wal = self._shm = -1
        self._inodes: tuple[tuple[int, int], tuple[int, int]] | None = None
        self._last = _Last(b"", 0, b"")
        self.is_closing = False
        """Whether the recorder closes its connection, which may be the last one: SQLite deletes both files then."""
        self.has_lost = False
        """Whether something was cut off since the last `attach`, so that it has to be recorded again."""

    def attach(self) -> None:
        """Take the files that are there now to be those of a connection that has just been made.

        Raises:
            StoreError: they are not there.
        """
        try:
            # Closing a descriptor of the -shm takes SQLite's locks on it away, so one that is still right stays open.
            if self._shm < 0 or _identity(os.fstat(self._shm)) != _identity(os.lstat(self._shm_name)):
                self._close_shm()
                self._shm = os.open(self._shm_path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
            self._open_wal()
        except OSError as error:
            self.close()
            raise StoreError(
                f"{error.filename} cannot be opened ({error.strerror}); it belongs to the history"
            ) from error
        self._inodes = _identity(os.fstat(self._wal)), _identity(os.fstat(self._shm))
        self._last = _Last(b"", 0, b"")

    def close(self) -> None:
        """Let go of the files. No connection of this process may be open any more."""
        self._inodes = None
        self._close_shm()
        self._close_wal()

    def forget_deleted(self) -> None:
        """Let go of the files if SQLite has deleted them, as it does when the last connection is closed in order."""
        if not self._wal_path.exists():
            self.close()

    def new_frames(self) -> int:
        """Return how many frames there are, as changed pages are called, of which the file does not know yet."""
        index = self._index() if self._inodes else None
        return index.frames - index.backfilled if index else 0

    def check_names(self) -> int:
        """Make sure that both files are at their places; return the size of the `-wal`. Any thread may ask.

        Raises:
            StoreError: they are not. The text says what to do.
        """
        inodes = self._inodes
        if not inodes:
            return 0
        try:
            self._check_name(self._shm_path, self._shm_name, inodes[1])
            return self._check_name(self._wal_path, self._wal_name, inodes[0]).st_size
        except Touched:
            if self.is_closing or self._inodes is not inodes:
                return 0  # SQLite has just deleted them, as the last connection was closed in order
            raise

    def glance(self) -> None:
        """Do as `check` does, without asking what another program has committed since.

        Raises:
            StoreError: something is missing. The text says what to do.
        """
        size = self.check_names()
        _, end, frame = self._last
        if size < end or (end and self._pread(len(frame), end - len(frame)) != frame):
            self._check_content()  # another program may have emptied it in order

    def check(self) -> None:
        """Make sure that all that was committed is in the files, and that they are at their places.

        Raises:
            StoreError: it is not. The text says what to do.
        """
        if self._inodes:
            self.check_names()
            self._check_content()

    def check_recorded(self) -> None:
        """Make sure that a transaction that was just committed is in the `-wal`, and that one at its place.

        Raises:
            StoreError: it is not. The text says what to do.
        """
        if self._inodes:
            self._check_name(self._wal_path, self._wal_name, self._inodes[0])
            self._check_content()

    def cut_off(self) -> None:
        """Cut off what makes no sense any more, and have SQLite see that it is gone; `has_lost` is set then.

        To be done before a connection is closed: SQLite would take it for pages of the file. What the file itself has
        by now is never set back.

        Raises:
            StoreError: it cannot be done.
        """
        if not self._inodes or self.has_lost:
            return
        try:
            self._check_content()
        except Touched as error:
            try:
                os.ftruncate(self._wal, self._sound_bytes())
                # Both copies of the header are invalid now: whoever reads next reads the -wal anew, as after a crash.
                os.pwrite(self._shm, bytes(2 * _INDEX_BYTES), 0)
            except OSError as failed:
                raise StoreError(f"{error}; it cannot be mended ({failed.strerror})") from failed
            self.has_lost = True

    def put_back(self) -> None:
        """Let the `-wal` be at its place again, with what is left of it. The file itself has to be in its place.

        Raises:
            StoreError: it cannot be written.
        """
        stat = _stat(self._wal_name)
        if self._inodes and (not stat or _identity(stat) != self._inodes[0]):
            try:
                self._write_wal()
            except OSError as error:
                raise StoreError(f"{self._wal_path} cannot be written again ({error.strerror})") from error

    # ------------------------------------------------------------------ inside

    @staticmethod
    def _check_name(path: Path, name: str, inode: tuple[int, int]) -> os.stat_result:
        stat = _stat(name)
        if not stat:
            raise _describe_touch(path, "deleted")
        if _identity(stat) != inode:
            raise _describe_touch(path, "replaced by another file")
        return stat

    def _check_content(self) -> None:
        for _ in range(_TRIES):
            index = self._index()
            if not index:
                return  # whoever wrote it was killed, perhaps: SQLite makes it anew
            last = self._last_of(index)
            if last:
                self._last = last
                return
            if self._index() == index:
                is_short = not self._pread(1, index.end - 1)
                raise _describe_touch(self._wal_path, "cut short" if is_short else "overwritten")

    def _last_of(self, index: _Index) -> _Last | None:
        """Return the last frame if the `-wal` is as the index says, and what was there before is there; else `None`."""
        if not index.frames:
            return _Last(index.salts, 0, b"")
        salts, end, known = self._last
        is_grown = salts == index.salts and 0 < end < index.end
        if not is_grown and self._pread(_WAL_HEADER_BYTES, 0)[16:24] != index.salts:
            return None
        # One that was cut short and has grown again since has zeros in the middle. Most transactions are small: one
        # call gets the last frame of the one before as well.
        start = end - index.frame_bytes if is_grown and index.end - end < _COPY_BYTES else index.end - index.frame_bytes
        data = self._pread(index.end - start, start)
        frame = data[-index.frame_bytes :]
        if len(data) != index.end - start or frame[8:16] != index.salts:
            return None
        if struct.unpack_from(">II", frame, 16) != index.sums:
            return None
        if is_grown:
            before = data if start < end else self._pread(index.frame_bytes, end - index.frame_bytes)
            if not before.startswith(known):
                return None
        return _Last(index.salts, index.end, frame)

    def _frame(self, index: _Index, number: int) -> bytes:
        """Return a frame, counted from 1; zeros if it is not there."""
        place = _WAL_HEADER_BYTES + (number - 1) * index.frame_bytes
        data = self._pread(index.frame_bytes, place)
        return data if len(data) == index.frame_bytes else bytes(index.frame_bytes)

    def _pread(self, size: int, place: int) -> bytes:
        """Return bytes of the `-wal`; fewer where it ends.

        Raises:
            StoreError: the disk cannot read them.
        """
        try:
            return os.pread(self._wal, size, place)
        except OSError as error:
            raise StoreError(f"{self._wal_path} cannot be read ({error.strerror})") from error

    def _index(self) -> _Index | None:
        """Return what the `-shm` says, `None` if it makes no sense at the moment."""
        for _ in range(_TRIES):
            data = self._read_shm()
            if len(data) < _BACKFILLED_AT + 4 or data[_IS_INIT_AT] == 0:
                return None
            if data[:_INDEX_BYTES] == data[_INDEX_BYTES:_BACKFILLED_AT]:
                size, frames, _, one, other = struct.unpack_from("=HIIII", data, 14)
                (backfilled,) = struct.unpack_from("=I", data, _BACKFILLED_AT)
                page_bytes = (size & 0xFE00) | (size & 1) << 16
                return _Index(frames, _FRAME_BYTES + page_bytes, (one, other), data[32:40], backfilled)
        return None

    def _read_shm(self) -> bytes:
        """Return the beginning of the `-shm`; less where it ends.

        It is not mapped as SQLite has it: where somebody cuts a file off, touching the mapping ends the process.

        Raises:
            StoreError: the disk cannot read it.
        """
        try:
            return os.pread(self._shm, _BACKFILLED_AT + 4, 0) if self._shm >= 0 else b""
        except OSError as error:
            raise StoreError(f"{self._shm_path} cannot be read ({error.strerror})") from error

    def _sound_bytes(self) -> int:
        """Return up to where the `-wal` may be used; 0 if the file alone is the better state.

        Of a piece that ends before what the file has by now, pages would be set back, and others not.
        """
        index = self._index()
        if not index or self._pread(_WAL_HEADER_BYTES, 0)[16:24] != index.salts:
            return 0
        frames = 0
        while frames < index.frames and self._frame(index, frames + 1)[8:16] == index.salts:
            frames += 1
        if frames < index.backfilled:
            return 0
        return _WAL_HEADER_BYTES + frames * index.frame_bytes

    def _write_wal(self) -> None:
        """Put the `-wal` that is open at its name, in place of what may be there."""
        with temporary_beside(self._wal_path) as (descriptor, part), open(descriptor, "wb", closefd=False) as file:
            place = 0
            while data := self._pread(_COPY_BYTES, place):
                file.write(data)
                place += len(data)
            file.flush()
            os.fsync(descriptor)
            part.replace(self._wal_path)
            copy = os.dup(descriptor)  # rather than by its name, which may be gone again
        self._close_wal()
        self._wal = copy
        assert self._inodes
        self._inodes = _identity(os.fstat(copy)), self._inodes[1]
        sync_directory(self._wal_path)

    def _open_wal(self) -> None:
        self._close_wal()
        self._wal = os.open(self._wal_path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)

    def _close_wal(self) -> None:
        if self._wal >= 0:
            os.close(self._wal)
            self._wal = -1

    def _close_shm(self) -> None:
        if self._shm >= 0:
            os.close(self._shm)
            self._shm = -1


class Touched(StoreError):
    """Another program has had its hands on the files beside the history."""


def _identity(stat: os.stat_result) -> tuple[int, int]:
    return stat.st_dev, stat.st_ino


def _stat(name: str) -> os.stat_result | None:
    try:
        return os.lstat(name)  # a third of what a Path takes
    except OSError:
        return None


def _describe_touch(path: Path, what: str) -> Touched:
    return Touched(
        f"{path} was {what} while the server runs; it has the newest part of the history, so leave the files beside "
        f"the history to the server, and copy them with chatsrv history backup alone"
    )
