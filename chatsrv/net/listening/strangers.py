"""Strangers, connections that have not logged in, by their networks: which of them makes room for a newcomer.

It is one of the network that has most of them; there the one that came first, and those last whose passwords are being
verified. Each step takes the same time, however many there are. Knows no sockets. Belongs to the turnstile's lock.
"""

from collections.abc import Callable, Hashable
from typing import NamedTuple

from chatsrv.model.distinct import distinct

GRACE_SECONDS = 10.0
"""How long a stranger is safe from newcomers of a network that has as many as its own: time to type a name and a
password. Without it, a crowd from one address would have each of its connections push out the one before.
"""


class Stranger:
    """A connection that has not logged in, under its `key`, from the network `site`."""

    __slots__ = ("came_at", "is_leaving", "key", "make_room", "site")

    def __init__(self, key: Hashable, site: str, came_at: float) -> None:
        self.key = key
        self.site = site
        self.came_at = came_at
        self.is_leaving = False
        """Whether it has to make room."""
        self.make_room: Callable[[], None] | None = None
        """Tells it so."""


class _Site:
    """The strangers of one network, by their keys, those first who came first."""

    __slots__ = ("at_gate", "idle")

    def __init__(self) -> None:
        self.idle: dict[Hashable, Stranger] = {}
        self.at_gate: dict[Hashable, Stranger] = {}  # those whose passwords are being verified

    def __len__(self) -> int:
        return len(self.idle) + len(self.at_gate)


@distinct
class _Rank(NamedTuple):
    """How many strangers a network has, and whether one of them is idle."""

    strangers: int
    has_idle: bool


class Strangers:
    """All strangers that need not make room."""

    def __init__(self) -> None:
        self._number = 0
        self._sites: dict[str, _Site] = {}
        self._ranks: dict[_Rank, dict[_Site, None]] = {}  # in the order in which they came into the rank
        self._most = 0  # how many strangers one network has

    def __len__(self) -> int:
        return self._number

    def of(self, site: str) -> int:
        """Return how many strangers a network has."""
        return len(self._sites.get(site, ()))

    def add(self, stranger: Stranger, *, is_at_gate: bool = False) -> None:
        """Add a stranger behind all others of its network."""
        site = self._sites.setdefault(stranger.site, _Site())
        self._take_out(site)
        (site.at_gate if is_at_gate else site.idle)[stranger.key] = stranger
        self._number += 1
        self._put_in(site)

    def remove(self, stranger: Stranger) -> None:
        """Remove a stranger that was added."""
        site = self._sites[stranger.site]
        self._take_out(site)
        del (site.idle if stranger.key in site.idle else site.at_gate)[stranger.key]
        self._number -= 1
        self._put_in(site)
        if not site:
            del self._sites[stranger.site]

    def oldest_of(self, site: str, now: float) -> Stranger | None:
        """Return who makes room for another one of its own network; `None` if nobody has been idle for long enough."""
        here = self._sites.get(site)
        return _after_grace(here, now) if here else None

    def oldest_of_most(self, site: str, now: float) -> Stranger | None:
        """Return who makes room for somebody of the network `site`; `None` if nobody has to.

        Where another network will still have no fewer, somebody of it goes, whatever they are doing. Otherwise nobody
        has more than their share, and those alone go who were idle for long enough.
        """
        here = self.of(site)
        if self._most > here + 1:
            most = next(iter(self._with_idle(self._most) or self._without_idle(self._most)))
            return next(iter((most.idle or most.at_gate).values()))
        for number in range(self._most, max(here, 1) - 1, -1):  # two numbers at most
            for other in self._with_idle(number):
                if stranger := _after_grace(other, now):
                    return stranger
                break  # the others have come into this rank later
        return None

    def _with_idle(self, number: int) -> dict[_Site, None]:
        return self._ranks.get(_Rank(number, has_idle=True), {})

    def _without_idle(self, number: int) -> dict[_Site, None]:
        return self._ranks.get(_Rank(number, has_idle=False), {})

    def _take_out(self, site: _Site) -> None:
        if rank := _rank_of(site):
            del self._ranks[rank][site]
            if not self._ranks[rank]:
                del self._ranks[rank]

    def _put_in(self, site: _Site) -> None:
        if rank := _rank_of(site):
            self._ranks.setdefault(rank, {})[site] = None
            self._most = max(self._most, rank.strangers)
        while self._most and not (self._with_idle(self._most) or self._without_idle(self._most)):
            self._most -= 1  # once: a network loses one at a time


def _rank_of(site: _Site) -> _Rank | None:
    return _Rank(len(site), bool(site.idle)) if site else None


def _after_grace(site: _Site, now: float) -> Stranger | None:
    oldest = next(iter(site.idle.values()), None)
    return oldest if oldest and now - oldest.came_at >= GRACE_SECONDS else None
