"""A room: who is in it, and what they may add to its log.

Never hears of bytes, sockets or wire formats. Every method may be called from any thread.
"""

from bisect import bisect_left, insort
from collections.abc import Sequence
from typing import NamedTuple

from chatsrv.accounts import Account
from chatsrv.entries import Kind, Position
from chatsrv.errors import Refused
from chatsrv.locks import Rank, ranked_lock
from chatsrv.reasons import Reason
from chatsrv.roomlog.base import RoomLog

WELCOME_NAMES = 50
"""How many of those present a newcomer is told by name: some lines of a terminal, whatever the size of the room."""


QUIET_ABOVE = 200
"""Members up to which a room tells who comes and goes, unless the settings say otherwise."""


class Arrival(NamedTuple):
    """What somebody who enters finds: the position to read on from, and who is there at exactly that position.

    `others` are sorted names, at most `WELCOME_NAMES`; `more` counts those left out.
    """

    position: Position
    others: tuple[str, ...]
    more: int


class Member:
    """An account's presence in a room, by one session or several."""

    __slots__ = ("account", "origins")

    def __init__(self, account: Account) -> None:
        self.account = account
        self.origins: set[int] = set()


class Room:
    """One room. Whatever changes who is present is an entry of the log, made under the same lock.

    With more than `quiet_above` members, who comes and goes is recorded and not told: a line to each for each of them
    would be a hundred million lines when ten thousand come.
    """

    def __init__(self, name: str, log: RoomLog, quiet_above: int = QUIET_ABOVE) -> None:
        self.name = name
        self.log = log
        self._quiet_above = quiet_above
        self._lock = ranked_lock(Rank.ROOM)
        # Guarded by the lock; `_names` are the keys of `_members`, sorted, as they are from `_changed` on.
        self._members: dict[str, Member] = {}
        self._names: list[str] = []
        self._changed = log.end

    def enter(self, account: Account, origin: int) -> Arrival:
        """Let the session `origin` of `account` in; only the account's first session is announced."""
        name = account.name
        with self._lock:
            member = self._members.get(name)
            if member is None:
                kind = Kind.JOIN if len(self._members) < self._quiet_above else Kind.QUIET_JOIN
                position = self._changed = self.log.append(kind, name, origin, ("",))
                member = self._members[name] = Member(account)
                insort(self._names, name)
            else:
                position = max(self.log.end, self._changed)  # the last join or leave may not be visible yet
            member.origins.add(origin)
            others = [other for other in self._names[: WELCOME_NAMES + 1] if other != name][:WELCOME_NAMES]
            return Arrival(position, tuple(others), len(self._names) - 1 - len(others))

    def leave(self, name: str, origin: int, reason: Reason) -> None:
        """Let the session `origin` of the account `name` go; only the account's last session is announced."""
        with self._lock:
            member = self._members.get(name)
            if member is None or origin not in member.origins:
                return
            member.origins.remove(origin)
            if not member.origins:
                del self._members[name]
                del self._names[bisect_left(self._names, name)]
                kind = Kind.LEAVE if len(self._members) < self._quiet_above else Kind.QUIET_LEAVE
                self._changed = self.log.append(kind, name, origin, (reason.name,))

    def speak(self, kind: Kind, name: str, origin: int, texts: Sequence[str]) -> None:
        """Append what the session `origin` of the account `name` says or does.

        Raises:
            Refused: the session is not in this room, or the log cannot record what it says.
        """
        self.log.wait_for_space()
        with self._lock:
            member = self._members.get(name)
            if member is None or origin not in member.origins:
                raise Refused(f"You are not in {self.name}.")
            position = self.log.append(kind, name, origin, texts)
        self.log.wait_until_recorded(position)  # under no lock, so that whoever waits holds up nobody

    def present(self, limit: int) -> tuple[tuple[str, ...], int]:
        """Return the first `limit` of the sorted names of those present, and how many more there are."""
        with self._lock:
            return tuple(self._names[:limit]), max(0, len(self._names) - limit)
