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
from dataclasses import dataclass

from chatsrv.auth.knownplaces import KnownPlaces
from chatsrv.auth.line import Party
from chatsrv.auth.record import shown
from chatsrv.model.accounts import Network, site_of, unmapped
from chatsrv.model.errors import AuthError, Penalised, Unavailable
from chatsrv.model.loginpolicy import LoginPolicy
from chatsrv.sharing.slots import step_aside

MOST_TALLIES = 50_000
"""Tallies kept; some 700 bytes each. When there are more, those that have decayed most are forgotten."""

MOST_REPEATS = 100
"""Times that one wrong password may be repeated before it is penalised as guesses are: a program with an old password
tries every minute (and 87 of its tries are remembered when the half of them is forgotten in an hour)."""

MOST_FORGIVEN = 5.0
"""Wrong logins of one account that its right password takes back from the count of the address: more than people need,
and somebody who guesses beside an owner who logs in again and again gains no more by that."""

DAY_SECONDS = 86_400.0

_DIGEST_BYTES = 8
_DIGESTS = 4
_WAIT_SECONDS = 30.0  # every attempt under way ends by a deadline of its own; this one is for the case that it does not
_CLOSE_ENOUGH = 1e-6
_NEXT_TO_NOTHING = 1e-3


@dataclass(slots=True)
class _Tally:
    """What is held against an address, or against an account from an address. Each count halves with time."""

    at: float  # when the counts were as they are here
    wrong: float = 0.0
    repeated: float = 0.0
    share: float = 0.0  # of an account: its part of what is held against the address
    forgiven: float = 0.0  # of an account: what was taken back of that
    tried: bytes = b""  # digests of the last wrong passwords
    under_way: int = 0
    users: int = 0  # attempts that hold this tally, under way or waiting: it must not be forgotten
    room: threading.Condition | None = None  # of an address: an attempt has ended

    def age(self, now: float, half_seconds: float, share_half_seconds: float) -> None:
        """Have the counts be those of `now`."""
        seconds = now - self.at
        self.at = now
        if self.wrong or self.repeated:
            left = math.exp2(-seconds / half_seconds)
            self.wrong *= left
            self.repeated *= left
        if self.share or self.forgiven:
            left = math.exp2(-seconds / share_half_seconds)
            self.share *= left
            self.forgiven *= left

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing: most who log in have never been wrong."""
        return max(self.wrong, self.share, self.forgiven) < _NEXT_TO_NOTHING and not self.tried


@dataclass(frozen=True, slots=True)
class PenaltyCount:
    """How many logins were refused unseen since the start, and how many tallies are kept now."""

    penalised: int
    tallies: int


class Penalties:
    """Counts wrong logins by `policy`, and refuses to look at more.

    `places` knows from where accounts have logged in, and learns it here. `clock` gives seconds, from any start.
    """

    def __init__(
        self,
        policy: LoginPolicy,
        places: KnownPlaces | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        most_tallies: int = MOST_TALLIES,
    ) -> None:
        self._policy = policy
        self._places = places or KnownPlaces(keep_days=policy.known_days)
        self._clock = clock
        self._most_tallies = most_tallies
        self._half_seconds = policy.forget_half_seconds
        self._site_most = policy.guesses_at_once
        self._site_half_seconds = _half_seconds(policy)
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
    def attempt(self, address: str, name: str, password: str | None) -> Iterator[Party]:
        """Surround a step of a login: what is raised inside says how it went.

        `name` is prepared, or empty if it cannot be. Without a `password` the step is about what may be wrong now and
        right in a minute, such as a code: then the same one again is another guess.

        Yields on whose behalf it is. Networks whose wrong logins are not counted have no site: many people are behind
        one address of theirs.

        An `AuthError` that is not `Unavailable` counts against address and account, unless it is one of the account's
        last wrong passwords again. No error at all clears what is held against the account here, and takes back what
        the address has for it. Any other exception leaves it undecided, and counts for nothing.

        Raises:
            Penalised: this login must not be looked at.
            Unavailable: too many logins from there have been under way for too long.
        """
        site = _site_of(address)
        is_known = bool(name) and self._places.has(name, site)
        if self._is_exempt(address):
            yield Party(name, "", is_known)
            self._places.add(name, site)
            return
        digest = b"" if password is None else self._digest(name, password)
        with self._lock:
            here, account = self._tally_locked(site, None), self._tally_locked(site, name)
            try:
                self._enter_locked(here, account, digest, site, name, is_known)
            except AuthError:
                self._let_go_locked(here, account)
                raise
        is_right = is_wrong = False
        try:
            yield Party(name, site, is_known)
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
                    self._forgive_locked(here, account)
                self._let_go_locked(here, account)
                for key, tally in (((site, None), here), ((site, name), account)):
                    if not tally.users and tally.is_empty:
                        self._tallies.pop(key, None)
        self._places.add(name, site)

    def _digest(self, name: str, password: str) -> bytes:
        typed = f"{name}\0{password}".encode("utf-8", "surrogatepass")
        return hashlib.blake2b(typed, key=self._key, digest_size=_DIGEST_BYTES).digest()

    def _enter_locked(self, here: _Tally, account: _Tally, digest: bytes, site: str, name: str, is_known: bool) -> None:
        waits_until = time.monotonic() + _WAIT_SECONDS
        while True:
            now = self._clock()
            here.age(now, self._site_half_seconds, self._site_half_seconds)
            account.age(now, self._half_seconds, self._site_half_seconds)
            seconds = self._penalty_seconds(here, account, digest, is_known)
            if seconds > 0:
                self._penalised += 1
                raise Penalised(
                    f"penalised: a login from {site} as {shown(name)} was refused unseen, after too many wrong ones; "
                    f"the next is looked at in {math.ceil(seconds)} seconds",
                    seconds=seconds,
                    who=shown(name),
                )
            if self._has_room(here, account, is_known):
                break
            here.room = here.room or threading.Condition(self._lock)
            with step_aside(at_once=True):  # the lock is held
                has_room = here.room.wait(waits_until - time.monotonic())
            if not has_room:
                raise Unavailable(f"{here.under_way} logins from {site} are under way and take too long")
        here.under_way += 1
        account.under_way += 1

    def _penalty_seconds(self, here: _Tally, account: _Tally, digest: bytes, is_known: bool) -> float:
        """Return how long such a login is not looked at; 0: it is, once there is room."""
        most, half, site_half = self._policy.guesses_per_account, self._half_seconds, self._site_half_seconds
        of_site = _wait_seconds(here.wrong, self._site_most, site_half)
        if of_site and is_known:
            of_site = _wait_seconds(account.share, most, site_half)
        seconds = max(of_site, _wait_seconds(account.wrong, most, half))
        if _has(account.tried, digest):
            seconds = max(seconds, _wait_seconds(account.repeated, MOST_REPEATS, half))
        return seconds

    def _has_room(self, here: _Tally, account: _Tally, is_known: bool) -> bool:
        """Tell whether the limits hold even if all logins that are under way turn out wrong."""
        most = self._policy.guesses_per_account
        return _fits(account.wrong, account.under_way, most) and (
            _fits(here.wrong, here.under_way, self._site_most)
            or (is_known and _fits(account.share, account.under_way, most))
        )

    def _charge_locked(self, here: _Tally, account: _Tally, digest: bytes) -> None:
        self._age_locked(here, account)
        if _has(account.tried, digest):
            account.repeated += 1.0
            return
        account.tried = (account.tried + digest)[-_DIGESTS * _DIGEST_BYTES :]
        account.wrong += 1.0
        account.share += 1.0
        here.wrong += 1.0

    def _forgive_locked(self, here: _Tally, account: _Tally) -> None:
        """Clear what is held against an account whose password was right, and have the address owe less for it."""
        self._age_locked(here, account)
        amount = min(account.share, max(0.0, MOST_FORGIVEN - account.forgiven))
        account.wrong = account.repeated = 0.0
        account.share -= amount
        account.forgiven += amount
        here.wrong = max(0.0, here.wrong - amount)

    def _age_locked(self, here: _Tally, account: _Tally) -> None:
        now = self._clock()
        here.age(now, self._site_half_seconds, self._site_half_seconds)
        account.age(now, self._half_seconds, self._site_half_seconds)

    def _tally_locked(self, site: str, name: str | None) -> _Tally:
        tally = self._tallies.get((site, name))
        if tally is None:
            if len(self._tallies) >= self._most_tallies:
                self._forget_locked()
            tally = self._tallies[site, name] = _Tally(self._clock())
        tally.users += 1
        return tally

    def _let_go_locked(self, here: _Tally, account: _Tally) -> None:
        here.users -= 1
        account.users -= 1
        if here.room:
            here.room.notify_all()  # each looks anew: there may be room for another account alone
            if not here.users:
                here.room = None

    def _forget_locked(self) -> None:
        """Forget an eighth of the tallies: those that have decayed most."""
        now = self._clock()

        def weight(item: tuple[tuple[str, str | None], _Tally]) -> float:
            (_, name), tally = item
            half = self._site_half_seconds if name is None else self._half_seconds
            return max(
                tally.wrong * math.exp2((tally.at - now) / half),
                tally.share * math.exp2((tally.at - now) / self._site_half_seconds),
            )

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


def _half_seconds(policy: LoginPolicy) -> float:
    """Return the time in which an address is forgiven the half, so that its guesses of any day stay within the ceiling.

    `most` guesses are looked at at once, and from then on one whenever one is forgotten.
    """
    most = policy.guesses_at_once
    if not most or not policy.guesses_per_day:
        return policy.forget_half_seconds
    rest = max(policy.guesses_per_day - most, _NEXT_TO_NOTHING)
    return max(policy.forget_half_seconds, DAY_SECONDS / rest / math.log2(most / _least(most)))


def _wait_seconds(count: float, most: int, half_seconds: float) -> float:
    if not most or count <= _least(most) + _CLOSE_ENOUGH:
        return 0.0
    return half_seconds * math.log2(count / _least(most))


def _fits(count: float, under_way: int, most: int) -> bool:
    return not most or not under_way or count + under_way <= _least(most) + _CLOSE_ENOUGH


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
