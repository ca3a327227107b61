"""How many connections there may be, in all and from one address, and how many of them may be strangers'.

A stranger is a connection that has not logged in. Where there are as many as may be, one makes room for a newcomer, so
that nobody keeps others out by holding on; `chatsrv.net.listening.strangers` chooses it. Those who are logged in never
have to, but for the oldest session of an account that has as many as one may have: it gives way to that account's next.
Knows nothing of what the connections do. Any thread may call it; one turnstile serves all listeners of a server.
"""

import math
import time
from collections.abc import Callable, Hashable
from typing import Self

from chatsrv.model.accounts import site_of
from chatsrv.model.errors import Refused
from chatsrv.model.limits import Limits
from chatsrv.model.refusals import Refusal, ServerFull, TooManyFromAddress
from chatsrv.net.listening.strangers import Stranger, Strangers
from chatsrv.sharing.locks import Rank, ranked_lock

MOST_LEAVING = 32
"""Strangers that were told to make room and are not gone yet. So many connections may there be beyond the limit."""


class Turnstile:
    """Counts connections in and out, each under a `key` of its own, such as its socket.

    There may be `total` at once, and `per_site` from one address; without a login `strangers`, and from one address
    `strangers_per_site`. One account may have `per_account` sessions.
    0 from one address or of one account is no limit. `clock` gives seconds, from any start.
    """

    def __init__(
        self,
        total: int,
        per_site: int,
        *,
        strangers: int,
        strangers_per_site: int,
        per_account: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._total = total
        self._per_site = per_site or math.inf
        self._most_strangers = strangers
        self._strangers_per_site = strangers_per_site or math.inf
        self._per_account = per_account or math.inf
        self._clock = clock
        self._lock = ranked_lock(Rank.TURNSTILE)
        # Guarded by the lock. Those who leave are counted in `_inside`, and nowhere else.
        self._inside = 0
        self._leaving = 0
        self._by_site: dict[str, int] = {}
        self._by_key: dict[Hashable, Stranger] = {}  # those who leave, too
        self._strangers = Strangers()
        self._sessions: dict[str, dict[Hashable, Callable[[], None]]] = {}  # of each account, the oldest ones first
        self._accounts: dict[Hashable, str] = {}  # of those that need not give way

    @classmethod
    def of(cls, limits: Limits) -> Self:
        """Return the turnstile that `limits` ask for."""
        return cls(
            limits.connections,
            limits.connections_per_address,
            strangers=limits.strangers,
            strangers_per_site=limits.strangers_per_address if limits.connections_per_address else 0,
            per_account=limits.connections_per_account,
        )

    @property
    def inside(self) -> int:
        """The number of connections at this moment."""
        return self._inside

    def enter(self, address: str, key: Hashable) -> None:
        """Count a connection from `address` in, as a stranger's. Another stranger may have to make room for it.

        Raises:
            Refused: there are too many already; nothing was counted.
        """
        site = site_of(address)
        with self._lock:
            leaver = self._leaver_locked(site)
            if leaver:
                self._strangers.remove(leaver)
                self._count_out_locked(leaver.site)
                leaver.is_leaving = True
                self._leaving += 1
            stranger = self._by_key[key] = Stranger(key, site, self._clock())
            self._strangers.add(stranger)
            self._by_site[site] = self._by_site.get(site, 0) + 1
            self._inside += 1
        if leaver and leaver.make_room:
            leaver.make_room()

    def _leaver_locked(self, site: str) -> Stranger | None:
        """Return who has to make room for a newcomer of a network; `None` if nobody has to.

        Raises:
            Refused: there is no room for it.
        """
        assert self._lock.locked()
        strangers, now = self._strangers, self._clock()
        why: Refusal
        if self._by_site.get(site, 0) >= self._per_site or strangers.of(site) >= self._strangers_per_site:
            leaver, why = strangers.oldest_of(site, now), TooManyFromAddress()
        elif len(strangers) >= self._most_strangers or self._inside - self._leaving >= self._total:
            leaver, why = strangers.oldest_of_most(site, now), ServerFull()
        else:
            return None
        if leaver is None or self._leaving >= MOST_LEAVING:
            raise Refused(why)
        return leaver

    def attach(self, key: Hashable, make_room: Callable[[], None]) -> None:
        """Have `make_room` called if the stranger `key` has to make room, on any thread and under no lock."""
        with self._lock:
            stranger = self._by_key.get(key)
            if stranger:
                stranger.make_room = make_room
        if stranger and stranger.is_leaving:
            make_room()

    def begin_login(self, key: Hashable) -> None:
        """Note that a stranger's password is being verified: of its network, it makes room last."""
        self._move(key, is_at_gate=True)

    def end_login(self, key: Hashable) -> None:
        """Note that it is no more. If it was right, `log_in` was called before."""
        self._move(key, is_at_gate=False)

    def _move(self, key: Hashable, *, is_at_gate: bool) -> None:
        with self._lock:
            stranger = self._by_key.get(key)
            if stranger and not stranger.is_leaving:
                self._strangers.remove(stranger)
                self._strangers.add(stranger, is_at_gate=is_at_gate)

    def log_in(self, key: Hashable, account: str, make_way: Callable[[], None]) -> bool:
        """Count a stranger as a session of `account`; return `False` if it has to make room already.

        If the account has as many as it may have, the oldest one's `make_way` is called, on this thread and under no
        lock. It is counted as the account's no more, so that dead connections keep nobody out.
        """
        outnumbered = None
        with self._lock:
            stranger = self._by_key.get(key)
            if stranger and stranger.is_leaving:
                return False
            if stranger:
                self._strangers.remove(stranger)
                del self._by_key[key]
            sessions = self._sessions.setdefault(account, {})
            if len(sessions) >= self._per_account:
                oldest = next(iter(sessions))
                outnumbered = sessions.pop(oldest)
                del self._accounts[oldest]
            sessions[key] = make_way
            self._accounts[key] = account
        if outnumbered:
            outnumbered()
        return True

    def leave(self, address: str, key: Hashable) -> None:
        """Count a connection from `address` out."""
        site = site_of(address)
        with self._lock:
            self._inside -= 1
            self._end_session_locked(key)
            stranger = self._by_key.pop(key, None)
            if stranger and stranger.is_leaving:
                self._leaving -= 1
                return
            if stranger:
                self._strangers.remove(stranger)
            self._count_out_locked(site)

    def _end_session_locked(self, key: Hashable) -> None:
        assert self._lock.locked()
        account = self._accounts.pop(key, None)
        if account is not None:
            del self._sessions[account][key]
            if not self._sessions[account]:
                del self._sessions[account]

    def _count_out_locked(self, site: str) -> None:
        assert self._lock.locked()
        self._by_site[site] -= 1
        if not self._by_site[site]:
            del self._by_site[site]
