"""A file of accounts that is re-read when it changes: whole or not at all.

Knows nothing of the format, which a parsing function brings along, and never writes. Any thread may call `accounts`;
usually that is one stat. When the file has changed, one thread reads it and those who came for the same news wait for
that; what is handed out is immutable, so hashes are verified with no lock held.
"""

import hashlib
import logging
import os
import stat
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from chatsrv.auth.backends.inplace import MOST_BYTES, contents_of
from chatsrv.auth.record import Accounts
from chatsrv.model.errors import AccountsError, Problem, Unavailable
from chatsrv.sharing.slots import step_aside

_logger = logging.getLogger(__name__)

PART_BYTES = 1024 * 1024
"""What is read of it at once: as much memory is set aside, whatever there is to read."""

NOBODY = b"# no accounts"
"""The line by which a file says that it has no account on purpose."""

_BESIDE_A_LINE = b"\xef\xbb\xbf \t\r"  # a byte order mark, and what stands around a line unseen

# Two changes within one tick of a file system's clock leave the same times. The coarsest clock in use (FAT's) ticks
# every two seconds; a file that was read while younger than that is compared by content for as long.
_YOUNG_NS = 2_000_000_000

MOST_FLAWS_TOLD = 10
"""Lines of a file that a warning each is about; the others are named together."""

FLAWS_OF = "flaws_of"
"""The attribute of such a log record that names the file, so that a program can sum them up."""

_Stamp = tuple[int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class Contents:
    """What a file of accounts holds, and what is wrong with single lines of it."""

    accounts: Accounts
    flaws: tuple[Problem, ...] = ()


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the last look at the file brought. `accounts` are the last good ones, `complaint` is about the file now."""

    stamp: _Stamp | None = None
    is_young: bool = False
    is_missing: bool = False
    status: os.stat_result | None = None
    digest: bytes = b""
    changes: int = 0
    accounts: Accounts | None = None
    flaws: tuple[Problem, ...] = ()
    complaint: str = ""


class LiveFile:
    """The accounts in the file at `path`, as `parse(data)` reads them.

    A missing or broken file keeps the accounts last read in force, and is logged once until it changes. So does one
    that has lost all its accounts: it was rather emptied by accident, unless a line in it says otherwise (`NOBODY`).
    With `may_be_missing`, it need not be there at first.

    Raises:
        AccountsError: the file cannot be read at construction.
    """

    def __init__(self, path: Path, parse: Callable[[bytes], Contents], *, may_be_missing: bool = False) -> None:
        self._path = path
        self._parse = parse
        self._turn = threading.Lock()  # one thread reads the file at a time, and takes no other lock meanwhile
        self._seen = _Seen()
        with self._turn:
            self._look_locked(at_start=True)
        if self._seen.complaint and not (may_be_missing and self._seen.is_missing):
            raise AccountsError(self._seen.complaint)

    def accounts(self, *, is_exact: bool = True) -> Accounts:
        """Return the accounts as the file has them now, or as it last had them when it is broken now.

        Without `is_exact`, a change within one tick of the file system's clock may be missed until somebody else looks;
        that saves reading a young file each time.

        Raises:
            Unavailable: the file could not be read yet.
        """
        seen = self._look(is_exact=is_exact)
        if seen.accounts is None:
            raise Unavailable(seen.complaint)
        return seen.accounts

    def current(self) -> Accounts:
        """Return the accounts as the file has them now; none if it is not there.

        Raises:
            AccountsError: it is broken, or cannot be read.
        """
        seen = self._look()
        if seen.is_missing:
            return {}
        if seen.complaint or seen.accounts is None:
            raise AccountsError(seen.complaint)
        return seen.accounts

    def version(self) -> int:
        """Return what is another value whenever the file's contents have been others, also if they are as before again.

        Somebody may have logged in meanwhile.

        Raises:
            Unavailable: the file could not be read yet.
        """
        self.accounts()
        return self._seen.changes

    def _look(self, *, is_exact: bool = True) -> _Seen:
        """Return what there is to be seen, after a new look if the file may have changed."""
        seen = self._seen
        if (is_exact and seen.is_young) or seen.stamp != self._stamp():
            # Reading the file takes its time, whichever thread does it.
            with step_aside(at_once=True), self._turn:
                if (is_exact and self._seen.is_young) or self._seen.stamp != self._stamp():
                    self._look_locked()
                seen = self._seen
        return seen

    def _stamp(self) -> _Stamp | None:
        try:
            return _stamp(self._path.stat())
        except OSError:
            return None

    def _look_locked(self, *, at_start: bool = False) -> None:
        assert self._turn.locked()
        before = self._seen
        now_ns = time.time_ns()
        try:
            data, status = read_file(self._path)
        except OSError as error:
            # Counts as young, so that the next login tries again: it may have been this process that had no descriptor.
            complaint = str(why_unreadable(self._path, error))
            is_missing = isinstance(error, FileNotFoundError)
            now = replace(before, is_young=True, is_missing=is_missing, digest=b"", complaint=complaint)
        else:
            digest = hashlib.blake2b(data).digest()
            now = replace(before, stamp=_stamp(status), status=status, digest=digest, is_missing=False)
            now = replace(now, is_young=now_ns - status.st_ctime_ns < _YOUNG_NS)
            if digest != before.digest:
                try:
                    found = self._contents_of(data, before.accounts)
                    now = replace(now, accounts=found.accounts, flaws=found.flaws, complaint="")
                except AccountsError as error:
                    now = replace(now, complaint=str(error))
        if now.digest != before.digest:
            now = replace(now, changes=before.changes + 1)
        self._seen = now
        if not at_start or not now.complaint:
            self._tell(before, now)

    def _contents_of(self, data: bytes, before: Accounts | None) -> Contents:
        found = self._parse(data)
        if before and not found.accounts and all(line.strip(_BESIDE_A_LINE) != NOBODY for line in data.split(b"\n")):
            raise AccountsError(
                f"{self._path}: there is no account left in it; if that is meant, write the line "
                f"`{NOBODY.decode()}` into it"
            )
        return found

    def _tell(self, before: _Seen, now: _Seen) -> None:
        if now.complaint:
            if (now.complaint, now.digest) != (before.complaint, before.digest):
                first, *more = now.complaint.splitlines()
                rest = f" (and {len(more)} more)" if more else ""
                _logger.error("%s%s; the accounts last read stay in force", first, rest)
            return
        if now.digest != before.digest:
            _logger.info("%s: %d accounts read", self._path, len(now.accounts or ()))
            if not now.accounts:
                _logger.warning("%s: no accounts in it; nobody can log in with it", self._path)
            self._tell_flaws(before, now)
        if now.status and (not before.status or now.digest != before.digest or now.status != before.status):
            self._tell_status(before.status if now.digest == before.digest else None, now.status, bool(now.accounts))

    def _tell_flaws(self, before: _Seen, now: _Seen) -> None:
        """Tell what is wrong with single lines, but what was told before: a change elsewhere only moves them."""
        known = {replace(flaw, line=0) for flaw in before.flaws}
        news = [flaw for flaw in now.flaws if replace(flaw, line=0) not in known]
        told_by_check = {FLAWS_OF: str(self._path)}
        for flaw in news[:MOST_FLAWS_TOLD]:
            _logger.warning("%s", flaw, extra=told_by_check)
        if rest := news[MOST_FLAWS_TOLD:]:
            lines = ", ".join(str(flaw.line) for flaw in rest)
            _logger.warning("%s: %d more lines cannot be used: %s", self._path, len(rest), lines, extra=told_by_check)

    def _tell_status(self, before: os.stat_result | None, now: os.stat_result, has_accounts: bool) -> None:
        """Tell what is wrong with a file that can be read, but what was told before."""
        if has_accounts and (not before or before.st_mode != now.st_mode) and _is_open_to_others(now):
            _logger.warning(
                "%s: holds passwords and is open to others than its owner (mode %04o); accepted is 0600 (chmod 600), "
                "or 0640 for a group that shares the file, as Apache's may",
                self._path,
                stat.S_IMODE(now.st_mode),
            )
        if not now.st_nlink and (not before or before.st_nlink) and self._is_detached():
            _logger.warning(
                "%s: the file that is mounted here was replaced where it comes from, and what is changed there does "
                "not arrive here any more; mount its directory instead, and start again",
                self._path,
            )

    def _is_detached(self) -> bool:
        try:
            return self._path.stat().st_nlink == 0  # else it was replaced just now, and will be read again
        except OSError:
            return False


def _is_open_to_others(status: os.stat_result) -> bool:
    """Tell whether others may read or write the file, but a group that was given it to read, on purpose."""
    mode = status.st_mode & 0o077
    is_own = status.st_uid == os.geteuid() and status.st_gid == os.getegid()
    return mode != 0 and (mode != stat.S_IRGRP or is_own)


def read_file(path: Path) -> tuple[bytes, os.stat_result]:
    """Return the contents of a file of accounts, and its status from before they were read.

    A file that is being written at the moment is read again until it holds still.

    Raises:
        OSError: it cannot be read, is no regular file, is longer than `MOST_BYTES`, or never holds still.
    """
    data, status = _read(path)
    for _ in range(MOST_READINGS):
        # A file that is replaced as a whole is never seen half. One that is written in place may be.
        if time.time_ns() - status.st_ctime_ns > _YOUNG_NS:
            return data, status
        before, (data, status) = data, _read(path)
        if data == before:
            return data, status
    raise OSError("it changes all the time")


MOST_READINGS = 100


def _read(path: Path) -> tuple[bytes, os.stat_result]:
    with open(path, "rb", opener=_open_at_once) as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError("it is no regular file")
        data = bytearray()
        while len(data) <= MOST_BYTES and (part := file.read(PART_BYTES)):
            data += part
    if len(data) > MOST_BYTES:
        raise OSError(f"it is longer than {MOST_BYTES} bytes")
    return contents_of(bytes(data)), status


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)  # else opening a named pipe would wait for a writer


def why_unreadable(path: Path, error: OSError) -> AccountsError:
    """Return the error that tells an administrator why the file at `path` cannot be read."""
    return AccountsError(
        f"{path}: cannot be read ({error.strerror or error}); accepted is a file that this user may read"
    )


def _stamp(status: os.stat_result) -> _Stamp:
    # ctime cannot be set back, so it catches what keeps size and mtime; it changes with the permissions too.
    return (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
