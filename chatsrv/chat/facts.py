"""Facts: what holds of one room, or of the whole server, by all that was decided about it.

Knows nothing of logs, nor of who is present. The `Register` alone changes them, one thread at a time; any thread may
read them without a lock, as each change is one step.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from ipaddress import IPv4Address, IPv6Address
from itertools import islice
from typing import NamedTuple

from chatsrv.model.accounts import unmapped
from chatsrv.model.changes import Change, What, network_of
from chatsrv.model.distinct import distinct
from chatsrv.model.entries import LAST_AT_SECONDS, Entry
from chatsrv.text.names import account_key

LEAST_RULINGS = 100
"""Bans, or mutes, that a room has before those that are over are looked for."""


@distinct
class Ruling(NamedTuple):
    """A ban or a mute: of whom, by whom, when and until when (Unix seconds, `None`: for good), and why.

    `target` is an account's name as its owner writes it, or a network. `at` is `None` if it is not known any more.
    """

    target: str
    by: str
    at: float | None
    until: float | None
    reason: str

    def holds(self, now: float) -> bool:
        """Tell whether it is not over at `now`."""
        return self.until is None or self.until > now


def until_and_why(
    ruling: Ruling, zone: tzinfo | None = UTC, ignored: frozenset[str] = frozenset()
) -> tuple[datetime | None, str]:
    """Return until when (`None`: for good) and why (empty: no reason) somebody is banned or muted, as they are told.

    `zone` is that of all times which they are told; UTC stands in where none is known. The reason is left out where
    they ignore who gave it: `ignored` are the keys of those.
    """
    until = None if ruling.until is None else datetime.fromtimestamp(ruling.until, zone)
    return until, "" if account_key(ruling.by) in ignored else ruling.reason


@distinct
class Topic(NamedTuple):
    """What a room is about, empty if nothing; who said so, as their name is written, unless the settings do, and when.

    `at` is in Unix seconds, `None` if it is not known (any more).
    One value, so that nobody ever sees one topic's text beside another one's author.
    """

    text: str = ""
    by: str = ""
    at: float | None = None


class Facts:
    """What holds of the room `name`; of the whole server if that is empty. Accounts are known by their keys.

    `owner` is empty where the settings declare the room. `bans` and `mutes` are by account or by `str(network)`, oldest
    first, and have those that are over, too, for a while.
    """

    __slots__ = (
        *("name", "is_invite_only", "is_logged", "owner", "topic"),
        *("invited", "bans", "mutes", "slow_seconds", "_networks"),
    )

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_invite_only = False
        self.is_logged = True
        self.owner = ""
        self.topic = Topic()
        self.invited: set[str] = set()
        self.bans: dict[str, Ruling] = {}
        self.mutes: dict[str, Ruling] = {}
        self.slow_seconds = 0.0
        # The networks ever banned, by IP version and prefix length, and by their first bits; with their keys in
        # `bans`. So whoever comes in is held against one network of each length, and not against each there ever was.
        self._networks: dict[tuple[int, int], dict[int, str]] = {}

    def ban_of(self, key: str, address: str | None, now: float) -> Ruling | None:
        """Return why an account that comes from `address` is kept out at `now`; `None` if it is not."""
        if not self.bans:
            return None
        ban = _in_force(self.bans.get(key), now)
        if ban is None and address is not None and self._networks:
            peer = unmapped(address)
            for (version, length), keys in list(self._networks.items()):
                if version != peer.version or (name := keys.get(_first_bits(peer, length))) is None:
                    continue
                if ban := _in_force(self.bans.get(name), now):
                    break
        return ban

    def mute_of(self, key: str, now: float) -> Ruling | None:
        """Return why an account may not speak at `now`; `None` if it may. Asked for every line."""
        return _in_force(self.mutes.get(key), now) if self.mutes else None

    def rulings(self, *, is_ban: bool, now: float, after: Ruling | None = None) -> Iterator[Ruling]:
        """Yield the bans, or the mutes, that are in force at `now`, oldest first; those behind another one, if told.

        What comes meanwhile is left out.
        """
        rulings = list((self.bans if is_ban else self.mutes).values())
        start = 0
        if after is not None:
            start = bisect_left(rulings, _order(after), key=_order)
            if after in (ties := rulings[start : bisect_right(rulings, _order(after), lo=start, key=_order)]):
                start += ties.index(after) + 1
        return (ruling for ruling in islice(rulings, start, None) if ruling.holds(now))

    def apply(self, entry: Entry, change: Change) -> None:
        """Let a change that is about this room, or about the server, hold. For the `Register`.

        Raises:
            ValueError: its text makes no sense.
        """
        what, target, at = change.what, change.target, _known(entry.at)
        if what is What.TOPIC:
            self.topic = Topic(change.text, entry.author, at)
        elif what is What.SLOW:
            if not change.text.isdecimal():
                raise ValueError(f"{change.text!r} is no number of seconds")
            self.slow_seconds = float(change.text)
        elif what is What.INVITE:
            self.invited.add(account_key(target))
        elif what is What.KICK:
            self.invited.discard(account_key(target))
        else:
            self._rule(what, target, Ruling(target, entry.author, at, _known(change.until), change.text))

    def _rule(self, what: What, target: str, ruling: Ruling) -> None:
        network = network_of(target)
        key = account_key(target) if network is None else str(network)
        if what is What.BAN:
            _put(self.bans, key, ruling)
            self.invited.discard(key)
            if network is not None:
                of_the_length = self._networks.setdefault((network.version, network.prefixlen), {})
                of_the_length[_first_bits(network.network_address, network.prefixlen)] = key
        elif what is What.UNBAN:
            self.bans.pop(key, None)
        elif what is What.MUTE:
            _put(self.mutes, key, ruling)
        elif what is What.UNMUTE:
            self.mutes.pop(key, None)


def _first_bits(address: IPv4Address | IPv6Address, length: int) -> int:
    return int(address) >> (address.max_prefixlen - length)


def _known(at: float | None) -> float | None:
    """Return a time, unless it is damaged; what has no end any more holds until it is lifted."""
    return at if at is not None and 0 <= at <= LAST_AT_SECONDS else None


def _in_force(ruling: Ruling | None, now: float) -> Ruling | None:
    return ruling if ruling is not None and ruling.holds(now) else None


def _put(rulings: dict[str, Ruling], key: str, ruling: Ruling) -> None:
    """Put a ruling behind all others. Each time that they have become twice as many, those that are over go."""
    rulings.pop(key, None)
    rulings[key] = ruling
    count = len(rulings)
    if count >= LEAST_RULINGS and count & (count - 1) == 0 and ruling.at is not None:
        for other, each in list(rulings.items()):
            if not each.holds(ruling.at):
                del rulings[other]


def _order(ruling: Ruling) -> float:
    return ruling.at or 0.0  # what is damaged may stand anywhere
