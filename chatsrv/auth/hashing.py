"""Password hashes: which are accepted, how new ones are made, and how many are worked on at once.

Never sees names, files or sockets, and logs nothing. Any thread may call; a call may wait for its turn, so no lock may
be held around it. passlib is not imported before the first hash, which keeps a server without hashes quick to start.
"""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Self

from chatsrv.auth.hashlibrary import check_library, handler
from chatsrv.auth.turns import Turns
from chatsrv.model.loginpolicy import HashKind, LoginPolicy
from chatsrv.text.hashforms import is_hash

ACCEPTED = "accepted are argon2id, bcrypt ($2y$, $2b$, $2a$), SHA-512-crypt ($6$) and SHA-256-crypt ($5$)"

# What one login may cost. Above these, a single one takes many seconds or gigabytes, whoever wrote the hash.
MOST_ARGON2_KIB = 1024 * 1024
MOST_ARGON2_KIB_PASSES = 4 * 1024 * 1024  # memory times passes: some 4 seconds
MOST_ARGON2_LANES = 16  # each is a thread
MOST_BCRYPT_COST = 16  # some 4 seconds; each more doubles it
MOST_SHA_ROUNDS = 1_000_000  # some 1 second

MOST_BCRYPT_BYTES = 72
"""All that bcrypt looks at."""

_SECRET_BYTES = 4096  # passlib takes no more; a prepared password never has as many

_B64 = "[A-Za-z0-9+/]"
_H64 = "[./A-Za-z0-9]"
_SALT = "(?!rounds=)[!-#%-9;-~]{0,16}"  # what one crypt(3) or another takes: all that is seen but $ and :
_ARGON2ID = re.compile(rf"\$argon2id\$v=(?:16|19)\$m=(\d{{1,10}}),t=(\d{{1,10}}),p=(\d{{1,8}})\${_B64}+\${_B64}+")
# The last letter of salt and digest carries spare bits, which every writer leaves at zero.
_BCRYPT = re.compile(rf"\$2[aby]\$(\d\d)\${_H64}{{21}}[.Oeu]{_H64}{{30}}[.CGKOSWaeimquy26]")
_SHA_CRYPT = re.compile(
    rf"\$(?:5\$(?:rounds=(\d{{1,9}})\$)?{_SALT}\${_H64}{{43}}|6\$(?:rounds=(\d{{1,9}})\$)?{_SALT}\${_H64}{{86}})"
)
_LEGACY = re.compile(rf"\$apr1\$[!-#%-9;-~]{{0,8}}\${_H64}{{22}}|\{{SHA\}}{_B64}{{27}}=")

CHECKED_HASHES = 4096
"""Hashes that are remembered to be in order, removed accounts' among them. Checking one at each login would take it a
third page of its thread's stack.
"""

_REFUSED = (
    (re.compile(r"\Z"), "missing"),
    (re.compile(r"\$apr1\$"), "an MD5 hash (apr1)"),
    (re.compile(r"\$1\$"), "an MD5 hash"),
    (re.compile(r"\{SHA\}", re.IGNORECASE), "an unsalted SHA-1 hash"),
    (re.compile(r"\$argon2(?:i|d|id)\$"), "a damaged argon2 hash, or not of the kind argon2id"),
    (re.compile(r"\$2x?[aby]?\$"), "a damaged or outdated bcrypt hash"),
    (re.compile(r"\$[56]\$"), "a damaged SHA-crypt hash"),
    (re.compile(r"[./A-Za-z0-9]{13}\Z"), "a DES crypt hash or clear text"),
    (re.compile(r"[${]"), "a hash of a kind that is not known"),
)


@lru_cache(CHECKED_HASHES)
def check_hash(stored: str) -> None:
    """Make sure that `stored` is a hash that may be verified here, without verifying anything.

    Raises:
        ValueError: it is weak, damaged, unknown, or costs too much. The text says which, with what is accepted, and
            never contains `stored`.
        AccountsError: no hash can be verified with what is installed.
    """
    check_library()
    if found := _ARGON2ID.fullmatch(stored):
        kib, passes, lanes = map(int, found.groups())
        if kib > MOST_ARGON2_KIB or kib * passes > MOST_ARGON2_KIB_PASSES or lanes > MOST_ARGON2_LANES:
            raise ValueError(
                f"an argon2id hash that costs too much (m={kib},t={passes},p={lanes}); accepted are at most "
                f"m={MOST_ARGON2_KIB}, m times t={MOST_ARGON2_KIB_PASSES}, p={MOST_ARGON2_LANES}"
            )
        if passes < 1 or lanes < 1 or kib < 8 * lanes:
            raise ValueError(f"a damaged argon2 hash; {ACCEPTED}")
        kind = "argon2"
    elif found := _BCRYPT.fullmatch(stored):
        cost = int(found[1])
        if cost > MOST_BCRYPT_COST:
            raise ValueError(
                f"a bcrypt hash that costs too much ({cost}); accepted is a cost of 4 to {MOST_BCRYPT_COST}"
            )
        kind = "bcrypt"
    elif found := _SHA_CRYPT.fullmatch(stored):
        rounds = int(found[1] or found[2] or 5000)
        if rounds > MOST_SHA_ROUNDS:
            raise ValueError(f"a SHA-crypt hash of {rounds} rounds; accepted are 1000 to {MOST_SHA_ROUNDS}")
        kind = "sha"
    else:
        kinds = (text for pattern, text in _REFUSED if pattern.match(stored))
        raise ValueError(f"{next(kinds, 'clear text or a hash of a kind that is not known')}; {ACCEPTED}")
    try:
        _handler_of(stored).from_string(stored)  # whatever the patterns above let pass
    except ValueError:
        raise ValueError(f"a damaged {kind} hash; {ACCEPTED}") from None


def is_legacy(stored: str) -> bool:
    """Tell whether `stored` is a whole `$apr1$` or `{SHA}` hash, which `check_hash` refuses."""
    return _LEGACY.fullmatch(stored) is not None


_POLICY = LoginPolicy()
"""Where the defaults of a hasher stand."""


class Hasher:
    """Makes and verifies hashes, at most `at_work` at once; one is shared by all backends of a server.

    New hashes are argon2id, or bcrypt if `kind` says so. The defaults are OWASP's recommendation (Password Storage
    Cheat Sheet, 2025): 19 MiB, 2 passes, 1 lane; for bcrypt a cost of 10, which Apache pays on each request. That many
    logins wait for their turn as `waiting` says and no more; a turn is waited for `waiting_seconds` at most, and who
    would have to wait longer is told at once. `takes_legacy` verifies `$apr1$` and `{SHA}`, too, to be replaced at that
    login; without `renews`, nothing else is replaced.
    """

    def __init__(
        self,
        *,
        kind: HashKind = _POLICY.new_hashes,
        memory_kib: int = 19456,
        passes: int = 2,
        lanes: int = 1,
        bcrypt_cost: int = 10,
        at_work: int | None = None,
        waiting: int = _POLICY.hashes_waiting,
        waiting_seconds: float = _POLICY.hash_wait_seconds,
        takes_legacy: bool = _POLICY.takes_legacy,
        renews: bool = _POLICY.rehash,
    ) -> None:
        self._kind = kind
        self._memory_kib, self._passes, self._lanes = memory_kib, passes, lanes
        self._bcrypt_cost = bcrypt_cost
        self._takes_legacy, self._renews = takes_legacy, renews
        self._turns = Turns(at_work or os.cpu_count() or 1, waiting, waiting_seconds)

    @classmethod
    def of(cls, policy: LoginPolicy) -> Self:
        """Return a hasher as `policy` has it.

        Raises:
            AccountsError: no hash can be verified with what is installed. The text says what to do.
        """
        check_library()
        return cls(
            kind=policy.new_hashes,
            at_work=policy.hashes_at_once or None,
            waiting=policy.hashes_waiting,
            waiting_seconds=policy.hash_wait_seconds,
            takes_legacy=policy.takes_legacy,
            renews=policy.rehash,
        )

    def hash(self, password: str) -> str:
        """Return a new hash of a prepared password.

        Raises:
            Unavailable: too many wait for a hash already, or its turn does not come in time.
            ValueError: see `check_new`.
        """
        self.check_new(password)
        hashed = self._turns.take(lambda: self._maker.hash(_secret(password)))
        _count_one()
        return str(hashed)

    def check_new(self, password: str) -> None:
        """Make sure that a prepared password can be hashed, and that a new hash looks at all of it.

        Raises:
            ValueError: it is longer than what bcrypt takes, or a stored hash itself.
        """
        if is_hash(password):
            raise ValueError("this is a stored hash; accepted is the password that it was made from, or another one")
        if self._kind == "bcrypt" and len(_secret(password)) > MOST_BCRYPT_BYTES:
            raise ValueError(f"a new password has at most {MOST_BCRYPT_BYTES} bytes here; this one has more")

    def verify(self, password: str, stored: str) -> bool:
        """Tell whether `password` is the one that `stored` was made from.

        Raises:
            Unavailable: too many wait for a hash already, or its turn does not come in time.
            ValueError: `stored` is none that is taken. See `takes`.
        """
        if not self._takes_as_legacy(stored):
            check_hash(stored)
        secret = _secret(password)
        if b"\0" in secret or len(secret) > _SECRET_BYTES:
            return False  # no prepared password is like that, and some kinds would look at a part of it only
        if stored.startswith("$2"):
            secret = secret[:MOST_BCRYPT_BYTES]  # Apache's htpasswd cuts the rest off in silence
        is_right = bool(self._turns.take(lambda: _handler_of(stored).verify(secret, stored)))
        if not self.is_weaker(stored):
            _count_one()
        return is_right

    def takes(self, stored: str) -> bool:
        """Tell whether passwords are held against `stored`: it passes `check_hash`, or is legacy and to be replaced."""
        if self._takes_as_legacy(stored):
            return True
        try:
            check_hash(stored)
        except ValueError:
            return False
        return True

    def replaces(self, stored: str) -> bool:
        """Tell whether a hash that is taken is to be replaced at the next login."""
        return self._takes_as_legacy(stored) or (self._renews and self.is_weaker(stored))

    def _takes_as_legacy(self, stored: str) -> bool:
        return self._takes_legacy and is_legacy(stored)

    def is_weaker(self, stored: str) -> bool:
        """Tell whether an accepted hash is weaker than, or of another kind than, those made now."""
        if self._kind == "bcrypt":
            found = _BCRYPT.fullmatch(stored)
            return not found or int(found[1]) < self._bcrypt_cost
        found = _ARGON2ID.fullmatch(stored)
        return not found or int(found[1]) < self._memory_kib or int(found[2]) < self._passes

    @property
    def _maker(self) -> Any:
        if self._kind == "bcrypt":
            return handler("bcrypt").using(rounds=self._bcrypt_cost, ident="2y")  # of its names, the one Apache writes
        return handler("argon2").using(
            type="ID", memory_cost=self._memory_kib, rounds=self._passes, parallelism=self._lanes
        )


@dataclass(slots=True)
class Work:
    """How many hashes of today's strength were worked on."""

    hashes: int = 0


_work: ContextVar[Work | None] = ContextVar("_work", default=None)


@contextmanager
def counted_work() -> Iterator[Work]:
    """Count the hashes that are worked on inside, also by threads that run in a copy of the context."""
    work = Work()
    token = _work.set(work)
    try:
        yield work
    finally:
        _work.reset(token)


def _count_one() -> None:
    if work := _work.get():
        work.hashes += 1


@cache
def shared_hasher() -> Hasher:
    """Return the hasher that backends and gates use when given none: cores and memory belong to the whole process."""
    return Hasher()


def _secret(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")


_HANDLERS = (
    ("$argon2", "argon2"),
    ("$2", "bcrypt"),
    ("$5$", "sha256_crypt"),
    ("$6$", "sha512_crypt"),
    ("$apr1$", "apr_md5_crypt"),
    ("{SHA}", "ldap_sha1"),
)


def _handler_of(stored: str) -> Any:
    return handler(next(name for prefix, name in _HANDLERS if stored.startswith(prefix)))
