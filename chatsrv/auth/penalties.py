"""What wrong logins cost: an address that guesses is refused unseen until enough of its guesses are forgotten.

    address            every wrong login from an IPv4 address or IPv6 /64, whatever the account
    address + account  the same for one account; nothing that is done elsewhere counts, so nobody can lock an owner out

Knows no backend and never keeps a password: only keyed hashes of the last few wrong ones, with a key that dies with the
process. Any thread may call; an attempt may wait while too many others from its address are under way. The one lock
here is taken last and held for microseconds; when tallies are forgotten, once in thousands of new ones, for some 70
milliseconds.
"""

import hashlib
import heapq
import math
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from chatsrv.accounts import Network, site_of, unmapped
from chatsrv.auth.line import Party
from chatsrv.auth.record import shown
from chatsrv.errors import AuthError, Penalised, Unavailable
from chatsrv.loginpolicy import LoginPolicy
from chatsrv.slots import step_aside

MOST_TALLIES = 50_000
"""Tallies kept; some 700 bytes each. When there are more, those that have decayed most are forgotten."""

MOST_REPEATS = 100
"""Times that one wrong password may be repeated before it is penalised as guesses are: a program with an old password
tries every minute (and 87 of its tries are remembered when the half of them is forgotten in an hour)."""

TELL_SECONDS = 60.0
"""An address whose logins are refused unseen has one line in the log for so long."""

_DIGEST_BYTES = 8
_DIGESTS = 4
_WAIT_SECONDS = 30.0  # every attempt under way ends by a deadline of its own; this one is for the case that it does not
_CLOSE_ENOUGH = 1e-6


@dataclass(slots=True)
class _Score:
    """A count that halves with time."""

    value: float = 0.0
    at: float = 0.0

    def now(self, now: float, half_seconds: float) -> float:
        return self.value * math.exp2((self.at - now) / half_seconds)

    def add_one(self, now: float, half_seconds: float) -> None:
        self.value, self.at = self.now(now, half_seconds) + 1.0, now


@dataclass(slots=True)
class _Tally:
    """What is held against an address, or against an account from an address."""

    wrong: _Score = field(default_factory=_Score)
    repeated: _Score = field(default_factory=_Score)
    tried: bytes = b""  # digests of the last wrong passwords
    is_known: bool = False  # the right password came from this address; its account does not suffer from neighbours
    under_way: int = 0
    users: int = 0  # attempts that hold this tally, under way or waiting: it must not be forgotten
    room: threading.Condition | None = None  # of an address: an attempt has ended
    told_at: float = -math.inf
    untold: int = 0


@dataclass(frozen=True, slots=True)
class PenaltyCount:
    """How many logins were refused unseen since the start, and how many tallies are kept now."""

    penalised: int
    tallies: int


class Penalties:
    """Counts wrong logins by `policy`, and refuses to look at more. `clock` gives seconds, from any start."""

    def __init__(
        self, policy: LoginPolicy, *, clock: Callable[[], float] = time.monotonic, most_tallies: int = MOST_TALLIES
    ) -> None:
        self._policy = policy
        self._clock = clock
        self._most_tallies = most_tallies
        self._half_seconds = policy.forget_half_seconds
        self._key = secrets.token_bytes(32)
        self._lock = threading.Lock()
        # Guarded by the lock. Under (address, None) what concerns the address, under (address, name) an account.
        self._tallies: dict[tuple[str, str | None], _Tally] = {}
        self._penalised = 0

    def count(self) -> PenaltyCount:
        """Return the figures of this moment."""
        with self._lock:
            return PenaltyCount(self._penalised, len(self._tallies))

    @contextmanager
    def attempt(self, address: str, name: str, password: str) -> Iterator[Party]:
        """Surround one login: what is raised inside says how it went. `name` is prepared, or empty if it cannot be.

        Yields on whose behalf it is. Networks whose wrong logins are not counted have no site: many people are behind
        one address of theirs.

        An `AuthError` that is not `Unavailable` counts against address and account, unless it is one of the account's
        last wrong passwords again. No error at all clears what is held against the account here.

        Raises:
            Penalised: this login must not be looked at; it is to be logged if it `is_news`.
            Unavailable: too many logins from there have been under way for too long.
        """
        site = _site_of(address)
        if self._is_exempt(address):
            with self._exempt(site, name) as party:
                yield party
            return
        digest = hashlib.blake2b(
            f"{name}\0{password}".encode("utf-8", "surrogatepass"), key=self._key, digest_size=_DIGEST_BYTES
        ).digest()
        with self._lock:
            here, account = self._held_locked(site, None), self._held_locked(site, name)
            try:
                self._enter_locked(here, account, digest, site, name)
            except AuthError:
                self._let_go_locked(here, account)
                raise
        is_right = is_wrong = False
        try:
            yield Party(name, site, account.is_known)
            is_right = True
        except Unavailable:
            raise
        except AuthError:
            is_wrong = True
            raise
        finally:
            with self._lock:
                here.under_way -= 1
                account.under_way -= 1
                if is_wrong:
                    self._charge_locked(here, account, digest)
                elif is_right:
                    account.is_known = True
                    account.wrong = _Score(0.0, self._clock())
                    account.repeated = _Score()
                self._let_go_locked(here, account)
                self._forget_nothing_locked(site, None, here)
                self._forget_nothing_locked(site, name, account)

    @contextmanager
    def _exempt(self, site: str, name: str) -> Iterator[Party]:
        """Surround a login whose address is not counted. Only that it was right is kept in mind."""
        with self._lock:
            tally = self._tallies.get((site, name))
            is_known = tally is not None and tally.is_known
        yield Party(name, "", is_known)
        if not is_known:
            with self._lock:
                account = self._held_locked(site, name)
                account.is_known = True
                account.users -= 1

    def _enter_locked(self, here: _Tally, account: _Tally, digest: bytes, site: str, name: str) -> None:
        waits_until = time.monotonic() + _WAIT_SECONDS
        while True:
            seconds = self._penalty_seconds_locked(here, account, digest)
            if seconds > 0:
                raise self._penalised_locked(here, site, name, seconds)
            if self._has_room_locked(here, account):
                break
            here.room = here.room or threading.Condition(self._lock)
            with step_aside(at_once=True):  # the lock is held
                has_room = here.room.wait(waits_until - time.monotonic())
            if not has_room:
                raise Unavailable(f"{here.under_way} logins from {site} are under way and take too long")
        here.under_way += 1
        account.under_way += 1

    def _penalty_seconds_locked(self, here: _Tally, account: _Tally, digest: bytes) -> float:
        """Return how long such a login is not looked at; 0: it is, once there is room."""
        seconds = self._wait_seconds(account.wrong, self._policy.guesses_per_account)
        if not account.is_known:
            seconds = max(seconds, self._wait_seconds(here.wrong, self._policy.guesses_per_address))
        if _has(account.tried, digest):
            seconds = max(seconds, self._wait_seconds(account.repeated, MOST_REPEATS))
        return seconds

    def _wait_seconds(self, score: _Score, most: int) -> float:
        now = score.now(self._clock(), self._half_seconds)
        if not most or now <= _least(most) + _CLOSE_ENOUGH:
            return 0.0
        return self._half_seconds * math.log2(now / _least(most))

    def _has_room_locked(self, here: _Tally, account: _Tally) -> bool:
        """Tell whether the limits hold even if all logins that are under way turn out wrong."""
        if not self._fits(account, self._policy.guesses_per_account):
            return False
        return account.is_known or self._fits(here, self._policy.guesses_per_address)

    def _fits(self, tally: _Tally, most: int) -> bool:
        if not most or not tally.under_way:
            return True
        return tally.wrong.now(self._clock(), self._half_seconds) + tally.under_way <= _least(most) + _CLOSE_ENOUGH

    def _charge_locked(self, here: _Tally, account: _Tally, digest: bytes) -> None:
        now = self._clock()
        if _has(account.tried, digest):
            account.repeated.add_one(now, self._half_seconds)
            return
        account.tried = (account.tried + digest)[-_DIGESTS * _DIGEST_BYTES :]
        account.wrong.add_one(now, self._half_seconds)
        here.wrong.add_one(now, self._half_seconds)

    def _penalised_locked(self, here: _Tally, site: str, name: str, seconds: float) -> Penalised:
        self._penalised += 1
        now = self._clock()
        is_news = now - here.told_at >= TELL_SECONDS
        more = f"; so were {here.untold} more since the last such line" if is_news and here.untold else ""
        here.told_at, here.untold = (now, 0) if is_news else (here.told_at, here.untold + 1)
        return Penalised(
            f"penalised: a login from {site} as {shown(name)} was refused unseen, after too many wrong ones; "
            f"the next is looked at in {math.ceil(seconds)} seconds{more}",
            seconds=seconds,
            is_news=is_news,
        )

    def _held_locked(self, site: str, name: str | None) -> _Tally:
        tally = self._tallies.get((site, name))
        if tally is None:
            if len(self._tallies) >= self._most_tallies:
                self._forget_locked()
            now = self._clock()
            tally = self._tallies[site, name] = _Tally(_Score(0.0, now))
        tally.users += 1
        return tally

    def _let_go_locked(self, here: _Tally, account: _Tally) -> None:
        here.users -= 1
        account.users -= 1
        if here.room:
            here.room.notify_all()  # who is woken looks for himself: there may be room for another account alone
            if not here.users:
                here.room = None

    def _forget_nothing_locked(self, site: str, name: str | None, tally: _Tally) -> None:
        """Forget a tally that says nothing: most who log in have never been wrong."""
        if not (tally.users or tally.wrong.value or tally.is_known or tally.tried):
            self._tallies.pop((site, name), None)

    def _forget_locked(self) -> None:
        """Forget an eighth of the tallies: the ones that have decayed most. All decay alike, so their order stays."""

        def weight(item: tuple[tuple[str, str | None], _Tally]) -> float:
            score = item[1].wrong
            value = score.value + item[1].is_known
            return math.log2(value) + score.at / self._half_seconds if value else -math.inf

        unused = (item for item in self._tallies.items() if not item[1].users)
        for key, _ in heapq.nsmallest(max(1, self._most_tallies // 8), unused, key=weight):
            del self._tallies[key]

    def _is_exempt(self, address: str) -> bool:
        networks: tuple[Network, ...] = self._policy.exempt_networks
        if not networks:
            return False
        try:
            peer = unmapped(address)
        except ValueError:
            return False
        return any(peer in network for network in networks)


def _least(most: int) -> float:
    """Return the score up to which one more wrong login is allowed, so that `most` is where it ends."""
    return max(most - 1.0, 0.5)


def _has(digests: bytes, digest: bytes) -> bool:
    return any(digests[start : start + _DIGEST_BYTES] == digest for start in range(0, len(digests), _DIGEST_BYTES))


def _site_of(address: str) -> str:
    try:
        return site_of(address)
    except ValueError:
        return address  # no IP address: a path, say
