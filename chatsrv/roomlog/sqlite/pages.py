"""The pages of an SQLite file, read without SQLite: what lies on a sound page can be had whatever became of the others.

Follows https://www.sqlite.org/fileformat2.html, in the encoding UTF-8. Of a journal (`-wal`), as much counts as SQLite
itself would take. Knows none of our tables, and writes nothing, nowhere. One thread uses a `Pages`.

No number that stands in the file decides how much memory or time is used: only its size does, and the bounds below.
"""

import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Self, TypeAlias

Value: TypeAlias = int | float | str | bytes | None

PAGE_BYTES = 4096
"""What SQLite makes of a page unless it is told otherwise; for files that do not say it any more."""

_TRIED_BYTES = 64 * 1024 * 1024
"""How much of a file is looked at to tell the size of its pages: a second or two."""

_RECORD_BYTES = 16 * 1024 * 1024
"""The longest row that is believed in: some thousand times as long as the longest line that anybody can say."""

_OVERFLOW_READS = 16
"""How often a page may be read as the rest of a row, on average. Each belongs to one, unless damage leads there."""

_MAGIC = b"SQLite format 3\x00"
_WAL_BYTE_ORDER = {0x377F0682: "<", 0x377F0683: ">"}
_HEADER_BYTES, _WAL_HEADER_BYTES, _FRAME_BYTES = 100, 32, 24

_INTERIOR_INDEX, _INTERIOR_TABLE, _LEAF_INDEX, _LEAF_TABLE = 0x02, 0x05, 0x0A, 0x0D
_POINTERS_AT = {_INTERIOR_INDEX: 12, _INTERIOR_TABLE: 12, _LEAF_INDEX: 8, _LEAF_TABLE: 8}
_INTEGER_BYTES = (0, 1, 2, 3, 4, 6, 8)


class Pages:
    """The pages of the file at `path`, counted from 1. To be closed, or used with `with`.

    `version` is the `user_version` of the file, `None` if its first page does not tell.

    Raises:
        OSError: the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._usable_bytes = PAGE_BYTES
        self._file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        real = Path(os.path.realpath(path))  # SQLite puts its journal beside the file itself, not beside a link to it
        try:
            self._wal = os.open(real.with_name(f"{real.name}-wal"), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            self._wal = -1
        wal_header = self._read(self._wal, _WAL_HEADER_BYTES, 0)
        told = (_page_bytes(self._read(self._file, _HEADER_BYTES, 0)), _wal_page_bytes(wal_header), PAGE_BYTES)
        sizes = list(dict.fromkeys(size for size in told if size))
        if len(sizes) > 1:  # what tells it may be damaged
            sizes.sort(key=lambda size: self._cells(size, wal_header), reverse=True)
        self._lay_out(sizes[0], wal_header)
        self._free: frozenset[int] = frozenset()
        if self._usable_bytes < self._page_bytes:  # hardly any SQLite keeps bytes back at the end of each page
            kept_back, all_ = self._usable_bytes, self._page_bytes
            self._usable_bytes = max(kept_back, all_, key=self._rows)
        header = self.page(1)[:_HEADER_BYTES]
        is_sound = bool(_page_bytes(header))
        self.version: int | None = _number(header, 60) if is_sound else None
        self._free = self._free_behind(_number(header, 32)) if is_sound else frozenset()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._file)
        if self._wal >= 0:
            os.close(self._wal)

    def page(self, number: int) -> bytes:
        """Return a page; empty if it cannot be read."""
        place = self._in_wal.get(number)
        if place is not None:
            return self._read(self._wal, self._page_bytes, place)
        return self._read(self._file, self._page_bytes, (number - 1) * self._page_bytes)

    def rows(self, number: int) -> Iterator[tuple[int | None, tuple[Value, ...]]]:
        """Yield what can be read of the rows on a page: their number, `None` in an index, and their values.

        None are on a page that is free, or that holds no rows.
        """
        page = b"" if number in self._free else self.page(number)
        start = _HEADER_BYTES if number == 1 else 0
        kind = page[start] if page else 0
        if kind not in _POINTERS_AT or kind == _INTERIOR_TABLE:
            return
        for place in self._pointers(page, start):
            try:
                yield self._row(page, kind, place + (4 if kind == _INTERIOR_INDEX else 0))
            except (ValueError, IndexError):
                continue

    def tree(self, root: int) -> Iterator[int]:
        """Yield the numbers of the pages of a tree, as far as it can be followed."""
        seen, numbers = {root}, [root]
        while numbers:
            number = numbers.pop()
            if not 0 < number <= self.count:
                continue
            yield number
            page, start = self.page(number), _HEADER_BYTES if number == 1 else 0
            if page and page[start] in (_INTERIOR_INDEX, _INTERIOR_TABLE):
                below = [_number(page, start + 8), *(_number(page, place) for place in self._pointers(page, start))]
                new = {number for number in below if 0 < number <= self.count} - seen
                seen |= new
                numbers += new

    # ------------------------------------------------------------------ inside

    def _lay_out(self, page_bytes: int, wal_header: bytes) -> None:
        """Take pages to be of a size."""
        self._page_bytes = page_bytes
        in_file = -(-os.fstat(self._file).st_size // page_bytes)
        in_wal = self._find_committed(wal_header)
        # a page that the file does not reach to stands in the journal, and so do all before it
        self._in_wal = {number: place for number, place in in_wal.items() if number <= in_file + len(in_wal)}
        self.count = max(in_file, *self._in_wal, 0)
        self._overflow_reads_left = _OVERFLOW_READS * self.count
        header = self.page(1)[:_HEADER_BYTES]
        self._usable_bytes = page_bytes - (header[20] if _page_bytes(header) else 0)

    def _cells(self, page_bytes: int, wal_header: bytes) -> int:
        """Return how many cells are where they may be if pages are of a size. Of the right one, it is most."""
        self._lay_out(page_bytes, wal_header)
        cells = 0
        for number in range(1, min(self.count, _TRIED_BYTES // self._page_bytes) + 1):
            page, start = self.page(number), _HEADER_BYTES if number == 1 else 0
            if page and page[start] in _POINTERS_AT:
                cells += len(self._pointers(page, start))
        return cells

    def _rows(self, usable_bytes: int) -> int:
        """Return how many rows can be read if so much of a page is used. Of the right number, it is most."""
        self._usable_bytes = usable_bytes
        numbers = range(1, min(self.count, _TRIED_BYTES // self._page_bytes // 8) + 1)
        rows = sum(1 for number in numbers for _ in self.rows(number))
        self._overflow_reads_left = _OVERFLOW_READS * self.count
        return rows

    def _pointers(self, page: bytes, start: int) -> list[int]:
        """Return the places of the cells on a page that may be ones; none if there are more than a page can have."""
        first = start + _POINTERS_AT[page[start]]
        (count,) = struct.unpack_from(">H", page, start + 3)
        end = first + 2 * count
        if end > self._usable_bytes:
            return []
        return [at for at in struct.unpack_from(f">{count}H", page, first) if end <= at < self._usable_bytes - 3]

    def _row(self, page: bytes, kind: int, at: int) -> tuple[int | None, tuple[Value, ...]]:
        """Return the row in the cell at a place.

        Raises:
            ValueError, IndexError: there is none.
        """
        size, at = _varint(page, at)
        if not 0 < size <= min(_RECORD_BYTES, self.count * self._page_bytes):
            raise ValueError("the record is larger than the file, or than any")
        number = None
        if kind == _LEAF_TABLE:
            number, at = _varint(page, at)
        here = self._bytes_here(size, is_table=kind == _LEAF_TABLE)
        if at + here > self._usable_bytes:
            raise ValueError("the cell leads beyond its page")
        record = page[at : at + here]
        if here < size:
            record += self._overflow(_number(page, at + here), size - here)
        return number, _values(record)

    def _bytes_here(self, size: int, *, is_table: bool) -> int:
        """Return how much of a record of `size` bytes lies on the page of its cell."""
        usable = self._usable_bytes
        most = usable - 35 if is_table else (usable - 12) * 64 // 255 - 23
        if size <= most:
            return size
        least = (usable - 12) * 32 // 255 - 23
        here = least + (size - least) % (usable - 4)
        return here if here <= most else least

    def _overflow(self, number: int, size: int) -> bytes:
        """Return the rest of a record, `size` bytes from the page `number` on."""
        pieces = []
        while size > 0:
            self._overflow_reads_left -= 1
            if self._overflow_reads_left < 0:
                raise ValueError("so many pages cannot belong to rows")
            page = self.page(number) if 0 < number <= self.count else b""
            piece = page[4 : min(4 + size, self._usable_bytes)]
            if not any(piece):
                raise ValueError("a page of the rest cannot be read")
            pieces.append(piece)
            number = _number(page, 0)
            size -= len(piece)
        if number:
            raise ValueError("the rest does not end where it should")
        return b"".join(pieces)

    def _free_behind(self, trunk: int) -> frozenset[int]:
        """Return the pages that are free; those behind a broken one are not known."""
        free: set[int] = set()
        while trunk not in free and (page := self.page(trunk) if 0 < trunk <= self.count else b""):
            count = _number(page, 4)
            if count > self._usable_bytes // 4 - 2:
                break
            leaves = struct.unpack_from(f">{count}I", page, 8)
            if any(not 1 < leaf <= self.count for leaf in leaves):
                break
            free |= {trunk, *leaves}
            trunk = _number(page, 0)
        return frozenset(free)

    def _find_committed(self, header: bytes) -> dict[int, int]:
        """Return where in the journal the newest state of each page stands that has one there."""
        if _wal_page_bytes(header) != self._page_bytes:
            return {}
        order = _WAL_BYTE_ORDER[_number(header, 0)]
        sums = _checksum(header[:24], order, (0, 0))
        if sums != struct.unpack_from(">II", header, 24):
            return {}
        committed: dict[int, int] = {}
        since: dict[int, int] = {}
        place = _WAL_HEADER_BYTES
        while frame := self._read(self._wal, _FRAME_BYTES + self._page_bytes, place):
            sums = _checksum(frame[_FRAME_BYTES:], order, _checksum(frame[:8], order, sums))
            if frame[8:16] != header[16:24] or sums != struct.unpack_from(">II", frame, 16):
                break
            since[_number(frame, 0)] = place + _FRAME_BYTES
            if _number(frame, 4):  # the last one of a transaction
                committed |= since
                since.clear()
            place += len(frame)
        return committed

    @staticmethod
    def _read(file: int, size: int, place: int) -> bytes:
        """Return `size` bytes of a file; empty where it has no such, or the disk cannot read them."""
        try:
            data = os.pread(file, size, place)
        except OSError:
            return b""
        return data if len(data) == size else b""


def _number(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 4])


def _page_bytes(header: bytes) -> int:
    """Return the size of a page that the header of a file tells; 0 if it tells none."""
    if not header.startswith(_MAGIC) or header[20] > 32:
        return 0
    size = int.from_bytes(header[16:18])
    return _if_possible(65536 if size == 1 else size)


def _wal_page_bytes(header: bytes) -> int:
    return _if_possible(_number(header, 8)) if _number(header, 0) in _WAL_BYTE_ORDER else 0


def _if_possible(size: int) -> int:
    return size if 512 <= size <= 65536 and size.bit_count() == 1 else 0


def _checksum(data: bytes, order: str, sums: tuple[int, int]) -> tuple[int, int]:
    one, other = sums
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for first, second in zip(words[::2], words[1::2], strict=True):
        one = (one + first + other) & 0xFFFFFFFF
        other = (other + second + one) & 0xFFFFFFFF
    return one, other


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return the number at a place, and the place behind it. One of nine bytes may stand for a negative one."""
    value = 0
    for end in range(at + 1, at + 9):
        byte = data[end - 1]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, end
    value = value << 8 | data[at + 8]
    return value - (1 << 64) if value >> 63 else value, at + 9


def _values(record: bytes) -> tuple[Value, ...]:
    """Return the values of a record.

    Raises:
        ValueError, IndexError: it is none.
    """
    place, at = _varint(record, 0)
    end = place
    if not at <= end <= len(record):
        raise ValueError("the record is all header, or has none")
    values = []
    while at < end:
        kind, at = _varint(record, at)
        value, place = _value(record, kind, place)
        if place > len(record):
            raise ValueError("the record is shorter than it says")
        values.append(value)
    if at != end or place != len(record):
        raise ValueError("the record is longer than it says")
    return tuple(values)


def _value(record: bytes, kind: int, at: int) -> tuple[Value, int]:
    """Return the value at a place of a record, and the place behind it."""
    if kind == 0:
        return None, at
    if kind == 7:
        return struct.unpack_from(">d", record[at : at + 8].ljust(8, b"\0"))[0], at + 8
    if 0 < kind < len(_INTEGER_BYTES):
        end = at + _INTEGER_BYTES[kind]
        return int.from_bytes(record[at:end], signed=True), end
    if kind in (8, 9):
        return kind - 8, at
    if kind < 12:
        raise ValueError(f"there is no kind {kind} of value")
    end = at + (kind - 12) // 2
    return (str(record[at:end], "utf-8") if kind % 2 else record[at:end]), end
