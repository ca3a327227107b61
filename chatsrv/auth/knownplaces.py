"""From where each account has logged in: the IPv4 addresses and IPv6 /64s that it is known at, kept in a small file.

Keeps no name and no address, only keyed hashes of them; knows no penalties and no passwords. Any thread may call; the
lock here is taken last, and held for microseconds, or for some milliseconds when all is written. The thread that
writes the file starts with the first news, and ends with `close`.
"""

import hashlib
import logging
import os
import secrets
import stat
import struct
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from chatsrv.auth.backends.atomic import change_file
from chatsrv.model.errors import AccountsError

_logger = logging.getLogger(__name__)

MOST_PLACES = 20_000
"""Places kept of all accounts, each 20 bytes of the file; those that were used least recently go first."""

MOST_OF_ONE = 32
"""Places kept of one account: somebody who logs in from ever new ones makes the server forget nobody else's."""

WRITE_SECONDS = 60.0
"""The file is written at most so often."""

THREAD_NAME = "known-places"

_MAGIC = b"chatsrv known places 1\n"
_KEY_BYTES = 32
_DIGEST_BYTES = 8
_CHECK_BYTES = 16
_PLACE = struct.Struct(f">{_DIGEST_BYTES}s{_DIGEST_BYTES}sI")  # account, site, the day of the last login
_LEAST_BYTES = len(_MAGIC) + _KEY_BYTES + _CHECK_BYTES
_MOST_BYTES = _LEAST_BYTES + MOST_PLACES * _PLACE.size
_DAY_SECONDS = 86_400
_CLOSE_SECONDS = 5.0


class KnownPlaces:
    """Remembers, for `keep_days` after the last login, which accounts have logged in from which sites.

    In the file at `path`, which is made if it is not there; without one, until the end of the process. With `keep_days`
    0 nothing expires. A file that is damaged is begun anew, with a warning; one that is none of these is left alone.
    """

    def __init__(
        self,
        path: Path | None = None,
        *,
        keep_days: int,
        write_seconds: float = WRITE_SECONDS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._path = path
        self._keep_days = keep_days
        self._write_seconds = write_seconds
        self._clock = clock
        self._key = secrets.token_bytes(_KEY_BYTES)
        self._changed = threading.Condition()
        # Guarded by the condition: for each account its sites, and the day of the last login from each; both in the
        # order of use, the least recent first.
        self._accounts: dict[bytes, dict[bytes, int]] = {}
        self._count = 0
        self._is_dirty = False
        self._is_closed = False
        self._writer: threading.Thread | None = None
        self._is_failing = False  # the writer's
        if path is not None:
            self._load(path)

    @property
    def count(self) -> int:
        """How many places are remembered, of all accounts together."""
        return self._count

    def has(self, account: str, site: str) -> bool:
        """Tell whether the account of a prepared name has logged in from `site`."""
        of_account, place = self._digests(account, site)
        with self._changed:
            day = self._accounts.get(of_account, {}).get(place)
            return day is not None and not self._is_over(day)

    def add(self, account: str, site: str) -> None:
        """Take down that the account of a prepared name has logged in from `site`."""
        of_account, place = self._digests(account, site)
        today = self._today()
        with self._changed:
            places = self._accounts.pop(of_account, {})
            self._accounts[of_account] = places
            before = places.pop(place, None)
            places[place] = today
            if before is None:
                self._count += 1
                if len(places) > MOST_OF_ONE:
                    self._forget_locked(of_account)
                while self._count > MOST_PLACES:
                    self._forget_locked(next(iter(self._accounts)))
            if before != today and self._path is not None and not self._is_closed:
                self._is_dirty = True
                if self._writer is None:
                    self._writer = threading.Thread(target=self._write_on, name=THREAD_NAME, daemon=True)
                    self._writer.start()
                self._changed.notify_all()

    def close(self) -> None:
        """Have what is new written, and end. Waits for a disk that hangs a few seconds only."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
            writer = self._writer
        if writer is not None:
            writer.join(_CLOSE_SECONDS)

    def _digests(self, account: str, site: str) -> tuple[bytes, bytes]:
        return self._digest(account), self._digest(f"{account}\0{site}")

    def _digest(self, text: str) -> bytes:
        data = text.encode("utf-8", "surrogatepass")
        return hashlib.blake2b(data, key=self._key, digest_size=_DIGEST_BYTES).digest()

    def _today(self) -> int:
        return max(0, int(self._clock() // _DAY_SECONDS))

    def _is_over(self, day: int) -> bool:
        return bool(self._keep_days) and self._today() - day > self._keep_days

    def _forget_locked(self, of_account: bytes) -> None:
        """Forget the place that an account has used least recently."""
        places = self._accounts[of_account]
        del places[next(iter(places))]
        self._count -= 1
        if not places:
            del self._accounts[of_account]

    def _load(self, path: Path) -> None:
        try:
            data = _contents(path)
        except FileNotFoundError:
            return
        except OSError as error:
            self._path = None
            _logger.warning(
                "%s: cannot be read (%s); from where accounts have logged in is not remembered over a restart",
                path,
                error.strerror or error,
            )
            return
        if not data:
            return
        if not data.startswith(_MAGIC):
            self._path = None
            _logger.warning(
                "%s: is no file of known places; from where accounts have logged in is not remembered over a restart "
                "until it is moved away",
                path,
            )
            return
        key = data[len(_MAGIC) : len(_MAGIC) + _KEY_BYTES]
        places, check = data[len(_MAGIC) + _KEY_BYTES : -_CHECK_BYTES], data[-_CHECK_BYTES:]
        if len(data) < _LEAST_BYTES or len(places) % _PLACE.size or check != _check_of(data[:-_CHECK_BYTES], key):
            _logger.warning("%s: is damaged; from where accounts have logged in is learned anew", path)
            return
        self._key = key
        for of_account, place, day in _PLACE.iter_unpack(places):
            if not self._is_over(day):
                self._accounts.setdefault(of_account, {})[place] = day
                self._count += 1

    def _write_on(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._is_dirty or self._is_closed)
                self._changed.wait_for(lambda: self._is_closed, self._write_seconds)
                is_last, is_dirty, self._is_dirty = self._is_closed, self._is_dirty, False
                contents = b"".join(self._lines_locked()) if is_dirty else b""
            if contents:
                self._write(contents)
            if is_last:
                return

    def _lines_locked(self) -> Iterator[bytes]:
        kept = b"".join(
            _PLACE.pack(of_account, place, day)
            for of_account, places in self._accounts.items()
            for place, day in places.items()
            if not self._is_over(day)
        )
        body = _MAGIC + self._key + kept
        yield body
        yield _check_of(body, self._key)

    def _write(self, contents: bytes) -> None:
        assert self._path is not None
        try:
            change_file(self._path, lambda _: contents)
        except AccountsError as error:
            if not self._is_failing:
                _logger.warning("%s; from where accounts have logged in is not remembered over a restart", error)
            self._is_failing = True
            with self._changed:
                self._is_dirty = True  # so that it is tried again
        else:
            self._is_failing = False


def _contents(path: Path) -> bytes:
    with open(path, "rb", opener=_open_at_once) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError("it is no regular file")
        return file.read(_MOST_BYTES + 1)


def _open_at_once(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)  # opening a named pipe would wait for a writer


def _check_of(body: bytes, key: bytes) -> bytes:
    return hashlib.blake2b(body, key=key, digest_size=_CHECK_BYTES).digest()
