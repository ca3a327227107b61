"""Whether the `-wal` beside a history is that history's own: one that was left by another file spoils it.

SQLite takes any `-wal` that is sound in itself. Beside a backup that was put back, the one of the old file hides the
backup without a word, or mixes both. Only reads. Called by one thread, before SQLite opens the file.
"""

import contextlib
import os
import sqlite3
from pathlib import Path
from shlex import quote
from typing import NamedTuple

from chatsrv.model.distinct import distinct
from chatsrv.model.errors import StoreError
from chatsrv.roomlog.sqlite.mark import tokens_beside

_MAGIC = b"SQLite format 3\x00"
_WAL_MAGIC = (0x377F0682, 0x377F0683)
_HEADER_BYTES, _WAL_HEADER_BYTES, _FRAME_BYTES = 100, 32, 24
_MODE_AT, _COUNTER_AT = 18, 24
_WAL_MODE = b"\x02\x02"


@distinct
class _Wal(NamedTuple):
    """Where the newest state of each page stands in the `-wal`, and the change counters of its first pages."""

    places: dict[int, int]
    page_bytes: int
    counters: list[int]


def check_wal(path: Path) -> None:
    """Make sure that a `-wal` beside the history at `path` is not another one's.

    Raises:
        StoreError: it is. The text says what to move.
    """
    real = Path(os.path.realpath(path))
    wal_path = real.with_name(f"{real.name}-wal")
    try:
        file = os.open(wal_path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return  # there is none, or SQLite says why it cannot be read
    try:
        wal = _read(file)
        if wal and not _is_own(real, path, file, wal):
            raise StoreError(_what_to_move(path, wal_path))
    finally:
        os.close(file)


def _is_own(real: Path, path: Path, file: int, wal: _Wal) -> bool:
    with contextlib.suppress(FileNotFoundError), real.open("rb") as main:
        header = main.read(_HEADER_BYTES)
        if header and not header.startswith(_MAGIC):
            return True  # it is damaged, which others tell
        # Every page comes into the file by its -wal, and a new -wal begins when the file has all of the one before. So
        # the file's counter is one of this -wal's, or the one before. A backup of ours is in no such mode at all.
        is_counted = _is_between(int.from_bytes(header[_COUNTER_AT : _COUNTER_AT + 4]), wal.counters)
        return header[_MODE_AT : _MODE_AT + 2] == _WAL_MODE and is_counted and _has_token(real, path, file, wal)
    return False


def _is_between(counter: int, counters: list[int]) -> bool:
    return not counters or counters[0] - 1 <= counter <= counters[-1]


def _has_token(real: Path, path: Path, file: int, wal: _Wal) -> bool:
    """Tell whether the file, or else its `-wal`, has the token that the mark has, if there is a mark."""
    tokens = tokens_beside(path)
    if not tokens:
        return True
    try:
        uri = f"{real.absolute().as_uri()}?mode=ro&immutable=1"  # without its -wal
        with contextlib.closing(sqlite3.connect(uri, uri=True)) as connection:
            (token,) = connection.execute("SELECT value FROM about WHERE name = 'token'").fetchone() or ("",)
            (root,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'about'").fetchone()
    except (sqlite3.Error, UnicodeDecodeError, MemoryError):
        return True  # it is damaged, or in the -wal as a whole
    place = wal.places.get(root)
    page = os.pread(file, wal.page_bytes, place) if place else b""
    return token in tokens or any(token.encode() in page for token in tokens)


def _read(file: int) -> _Wal | None:
    """Return what was committed in the `-wal`, `None` if that is nothing. What is sound of it is SQLite's to find."""
    header = os.pread(file, _WAL_HEADER_BYTES, 0)
    page_bytes = int.from_bytes(header[8:12])
    if int.from_bytes(header[:4]) not in _WAL_MAGIC or not 512 <= page_bytes <= 65536:
        return None
    committed: dict[int, int] = {}
    since: dict[int, int] = {}
    counters: list[int] = []
    counters_since: list[int] = []
    place = _WAL_HEADER_BYTES
    while (frame := os.pread(file, _FRAME_BYTES + _COUNTER_AT + 4, place))[8:16] == header[16:24]:
        number = int.from_bytes(frame[:4])
        since[number] = place + _FRAME_BYTES
        if number == 1:
            counters_since.append(int.from_bytes(frame[-4:]))
        if int.from_bytes(frame[4:8]):  # the last one of a transaction
            committed |= since
            counters += counters_since
            since.clear()
            counters_since.clear()
        place += _FRAME_BYTES + page_bytes
    return _Wal(committed, page_bytes, counters) if committed else None


def _what_to_move(path: Path, wal: Path) -> str:
    shm = wal.with_name(f"{wal.name.removesuffix('-wal')}-shm")
    mark = path.with_name(f"{path.name}-mark")
    return (
        f"{wal} was left by another history than {path} and would spoil it, as when a backup is put back while the old "
        f"files stand beside it; nothing was changed. With the server stopped, move it away: "
        f"mv {quote(str(wal))} {quote(f'{wal}.old')}; rm -f {quote(str(shm))}. Next time, chatsrv history restore does "
        f"it right. If both were put there together, move {quote(str(mark))} away instead"
    )
