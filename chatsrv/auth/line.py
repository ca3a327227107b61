"""A line in which nobody holds up anybody else by standing in it often: its order, and who gives way when it is full.

    known      accounts that have logged in from where they come from now: first, and in turns by account
    strangers  everybody else: in turns by account, and in turns by site

Knows neither threads nor what is waited for, and has no lock: whoever uses a line holds one.

The order is start-time fair queueing (Goyal, Vin and Cheng, 1996): each turn of an account, or of a site, comes one
round after its last one, and a newcomer's in the present round. So a newcomer waits for one turn of each of the others,
however many they have waiting.
"""

import itertools
from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from chatsrv.model.distinct import distinct

KNOWN_IN_A_ROW = 3
"""Turns that those who are known have one after the other while strangers wait. Without an end to it, accounts of one's
own would keep every newcomer out.
"""

_SPARE_ROUNDS = 64  # kept without looking whether they still matter


@distinct
class Party(NamedTuple):
    """On whose behalf something is done: an account, and the site that it comes from. Empty ones count for nobody."""

    account: str = ""
    site: str = ""
    is_known: bool = False
    """Whether the account has logged in from there before."""


NOBODY = Party()


@dataclass(frozen=True, slots=True)
class Place:
    """One place in the line; `what` is what waits there."""

    party: Party
    what: Any = field(compare=False, repr=False)
    round: int
    number: int

    @property
    def order(self) -> tuple[int, int]:
        """What places of one rank are sorted by: the next one is the last of the list, where taking it out is cheap."""
        return (-self.round, -self.number)


class Line:
    """Whoever joins gets a place; `next` takes out the one whose turn it is."""

    def __init__(self) -> None:
        self._known, self._strangers = _Rank(), _Rank()
        self._numbers = itertools.count()
        self._in_a_row = 0  # turns of those who are known, while strangers waited

    def __len__(self) -> int:
        return len(self._known.places) + len(self._strangers.places)

    def join(self, party: Party, what: Any) -> Place:
        """Let `what` wait for its turn, on behalf of `party`."""
        return self._rank_of(party).join(party, what, next(self._numbers))

    def leave(self, place: Place) -> bool:
        """Take `place` out before its turn; tell whether it was still there."""
        return self._rank_of(place.party).leave(place)

    def next(self) -> Place:
        """Take out whose turn it is. There must be somebody."""
        if not self._strangers.places:
            self._in_a_row = 0
            return self._known.next()
        if self._known.places and self._in_a_row < KNOWN_IN_A_ROW:
            self._in_a_row += 1
            return self._known.next()
        self._in_a_row = 0
        return self._strangers.next()

    def ahead(self, place: Place) -> int:
        """Return how many turns come before that of `place`, if nobody joins any more."""
        before = self._rank_of(place.party).ahead(place)
        if place.party.is_known:
            first = KNOWN_IN_A_ROW - self._in_a_row
            turns_of_strangers = 0 if before < first else 1 + (before - first) // KNOWN_IN_A_ROW
            return before + min(len(self._strangers.places), turns_of_strangers)
        turns_of_known = KNOWN_IN_A_ROW * (before + 1) - self._in_a_row
        return before + min(len(self._known.places), turns_of_known)

    def last(self) -> Place:
        """Return whoever is the most rounds away from a turn, and so has the most before it. There must be somebody."""
        ends = [rank for rank in (self._strangers, self._known) if rank.places]
        return max(ends, key=_Rank.rounds_left).places[0]

    def _rank_of(self, party: Party) -> "_Rank":
        return self._known if party.is_known else self._strangers


class _Rank:
    """Those who take turns with each other."""

    def __init__(self) -> None:
        self.places: list[Place] = []
        self._round = 0
        self._next_rounds: dict[Hashable, int] = {}  # in which round an account or site has its next turn
        self._waiting: Counter[Hashable] = Counter()

    def join(self, party: Party, what: Any, number: int) -> Place:
        keys = tuple(_keys(party))
        at = max([self._round, *(self._next_rounds.get(key, 0) for key in keys)])
        for key in keys:
            self._next_rounds[key] = at + 1
            self._waiting[key] += 1
        place = Place(party, what, at, number)
        insort(self.places, place, key=_order)
        return place

    def leave(self, place: Place) -> bool:
        at = bisect_left(self.places, place.order, key=_order)
        if self.places[at : at + 1] != [place]:
            return False
        del self.places[at]
        for key in self._without(place):
            self._next_rounds.pop(key, None)  # it never had these turns
        return True

    def next(self) -> Place:
        place = self.places.pop()
        self._round = place.round
        self._without(place)
        if not self.places:
            self._round = 0
            self._next_rounds.clear()
        elif len(self._next_rounds) > 2 * len(self.places) + _SPARE_ROUNDS:
            self._next_rounds = {key: at for key, at in self._next_rounds.items() if at > self._round}
        return place

    def ahead(self, place: Place) -> int:
        return len(self.places) - 1 - bisect_left(self.places, place.order, key=_order)

    def rounds_left(self) -> int:
        return self.places[0].round - self._round

    def _without(self, place: Place) -> list[Hashable]:
        """Count `place` out; return of whom there is none left."""
        gone: list[Hashable] = []
        for key in _keys(place.party):
            self._waiting[key] -= 1
            if not self._waiting[key]:
                del self._waiting[key]
                gone.append(key)
        return gone


def _order(place: Place) -> tuple[int, int]:
    return place.order


def _keys(party: Party) -> Iterator[Hashable]:
    """Yield what has turns of its own. An account that is known does not suffer from its neighbours at the site."""
    if party.account:
        yield ("account", party.account)
    if party.site and not party.is_known:
        yield ("site", party.site)
