"""How often one account may log in, and change its password. Only what succeeds counts, so nobody locks others out.

Never sees backends, and keeps no password: of an account that logs in too often, a keyed hash of the one that it did so
with, for as long as that goes on. Any thread may call; the locks here are taken last and held for microseconds.
"""

import hashlib
import logging
import math
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from chatsrv.auth.record import shown
from chatsrv.model.errors import TooOften
from chatsrv.model.loginpolicy import LoginPolicy

_logger = logging.getLogger(__name__)

TELL_SECONDS = 60.0
"""An account that logs in too often has one line in the log for so long."""

SITES = 64
"""Addresses of one account that logs in too often of which it is kept that its password came from there."""

_SWEEP = 1024  # accounts that are kept without looking whether they still matter


class Rate:
    """A leaky bucket for each account: `most` fit in, and run out within `seconds`. `most` 0 is no limit."""

    def __init__(self, most: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._seconds_each = seconds / most if most else 0.0
        self._clock = clock
        self._lock = threading.Lock()
        self._empty_at: dict[str, float] = {}  # guarded by the lock
        self._swept = _SWEEP

    @property
    def kept(self) -> int:
        """How many accounts are kept."""
        return len(self._empty_at)

    def wait_seconds(self, account: str) -> float:
        """Return how long it takes until one more fits in; 0: it does now."""
        if not self._most:
            return 0.0
        with self._lock:
            return self._wait_seconds_locked(account, self._clock())

    def take(self, account: str) -> float:
        """Count one more if it fits in, and return 0; else how long it takes until it does."""
        if not self._most:
            return 0.0
        with self._lock:
            now = self._clock()
            seconds = self._wait_seconds_locked(account, now)
            if not seconds:
                self._empty_at[account] = max(now, self._empty_at.get(account, now)) + self._seconds_each
                if len(self._empty_at) > self._swept:
                    self._empty_at = {account: at for account, at in self._empty_at.items() if at > now}
                    self._swept = max(_SWEEP, 2 * len(self._empty_at))
            return seconds

    def _wait_seconds_locked(self, account: str, now: float) -> float:
        full_for = self._empty_at.get(account, now) - now - (self._most - 1) * self._seconds_each
        return full_for if full_for > self._seconds_each / 1000 else 0.0  # less is rounding


@dataclass(slots=True)
class _Busy:
    """An account that logs in too often."""

    account: str
    digests: dict[bytes, None]  # of the password and where it came from, the latest last
    until: float
    told_at: float = -math.inf
    untold: int = 0


class LoginRate:
    """How often one account may log in, by `policy`. `clock` gives seconds, from any start."""

    def __init__(self, policy: LoginPolicy, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = policy.logins_per_minute
        self._rate = Rate(self._most, 60.0, clock)
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._busy: dict[str, _Busy] = {}  # by the name that is typed; guarded by the lock

    def expect(self, name: str, password: str, address: str) -> str:
        """Look at a login, with a prepared name and password, before anybody else does.

        Return the account for which it is counted already, or nothing.

        Raises:
            TooOften: the account has logged in too often, and did so from this address with this very password: it is
                refused unseen. Of a wrong one, or from where the account may not come, nothing can be told here.
        """
        busy = self._busy.get(name)
        if busy is None:
            return ""
        if self._clock() > busy.until:
            with self._lock:
                if self._busy.get(name) is busy:
                    del self._busy[name]
            return ""
        if self._digest(name, password, address) not in busy.digests:
            return ""
        if seconds := self._rate.take(busy.account):
            raise self._too_often(name, busy.account, password, address, seconds)
        return busy.account

    def count(self, name: str, password: str, address: str, account: str) -> None:
        """Count a login that opens `account`.

        Raises:
            TooOften: it has been opened too often.
        """
        if seconds := self._rate.take(account):
            raise self._too_often(name, account, password, address, seconds)

    def _too_often(self, name: str, account: str, password: str, address: str, seconds: float) -> TooOften:
        now, digest = self._clock(), self._digest(name, password, address)
        with self._lock:
            busy = self._busy.get(name)
            if busy is None:
                self._busy = {name: busy for name, busy in self._busy.items() if busy.until > now}
                busy = self._busy[name] = _Busy(account, {}, 0.0)
            busy.account, busy.until = account, now + 60.0
            busy.digests.pop(digest, None)
            busy.digests = dict.fromkeys([*list(busy.digests)[1 - SITES :], digest])
            is_news = now - busy.told_at >= TELL_SECONDS
            more = f"; so were {busy.untold} more since the last such line" if is_news and busy.untold else ""
            busy.told_at, busy.untold = (now, 0) if is_news else (busy.told_at, busy.untold + 1)
        text = (
            f"account {shown(account)} logs in more often than login.logins_per_minute says ({self._most}); "
            f"a login was refused{more}"
        )
        if is_news:
            _logger.warning("%s", text)
        return TooOften(text, seconds=seconds)

    def _digest(self, name: str, password: str, address: str) -> bytes:
        typed = f"{address}\0{name}\0{password}".encode("utf-8", "surrogatepass")
        return hashlib.blake2b(typed, key=self._key, digest_size=16).digest()
