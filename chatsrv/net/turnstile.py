"""How many connections there may be, in all and from one address.

Knows nothing of what the connections do. Any thread may call it; one turnstile serves all listeners of a server.
"""

from chatsrv.accounts import site_of
from chatsrv.errors import Refused
from chatsrv.locks import Rank, ranked_lock


class Turnstile:
    """Counts connections in and out. `per_site` 0 means that one address is as good as many."""

    def __init__(self, total: int, per_site: int) -> None:
        self._total = total
        self._per_site = per_site
        self._lock = ranked_lock(Rank.TURNSTILE)
        # Guarded by the lock.
        self._inside = 0
        self._by_site: dict[str, int] = {}

    @property
    def inside(self) -> int:
        """The number of connections at this moment."""
        return self._inside

    def enter(self, address: str) -> None:
        """Count a connection from `address` in.

        Raises:
            Refused: there are too many already; nothing was counted.
        """
        site = site_of(address)
        with self._lock:
            if self._inside >= self._total:
                raise Refused("The server is full. Please try again later.")
            here = self._by_site.get(site, 0)
            if self._per_site and here >= self._per_site:
                raise Refused("There are too many connections from your address.")
            self._inside += 1
            self._by_site[site] = here + 1

    def leave(self, address: str) -> None:
        """Count a connection from `address` out."""
        site = site_of(address)
        with self._lock:
            self._inside -= 1
            self._by_site[site] -= 1
            if not self._by_site[site]:
                del self._by_site[site]
