"""Behaviour of chatsrv.net.listening.turnstile: how many connections there may be, and which strangers make room."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from chatsrv.model.errors import Refused
from chatsrv.model.limits import Limits
from chatsrv.model.refusals import Refusal, ServerFull, TooManyFromAddress
from chatsrv.net.listening.strangers import GRACE_SECONDS, Stranger, Strangers
from chatsrv.net.listening.turnstile import MOST_LEAVING, Turnstile
from tests.refusing import refused

FULL, TOO_MANY_HERE = ServerFull(), TooManyFromAddress()

SITES = st.sampled_from(("a", "b", "c"))

HERE, THERE = "192.0.2.1", "192.0.2.2"


def unasked() -> None:
    """Make way, where nobody has to."""
    raise AssertionError("somebody who is logged in had to make way")


class Door:
    """A turnstile with a clock of its own, whose connections are numbers; those that have to make room go at once."""

    def __init__(self, total: int = 1000, per_site: int = 0, **others: int) -> None:
        self.seconds = 0.0
        bounds = {"strangers": total, "strangers_per_site": 0, "per_account": 0, **others}
        self.turnstile = Turnstile(total, per_site, **bounds, clock=lambda: self.seconds)
        self.gone: list[int] = []
        self._numbers: Iterator[int] = count(1)
        self._addresses: dict[int, str] = {}

    def come(self, address: str = HERE) -> int:
        """Have somebody come, who goes when told to; return their number."""
        number = next(self._numbers)
        self.turnstile.enter(address, number)
        self._addresses[number] = address
        self.turnstile.attach(number, lambda: self._make_room(number))
        return number

    def _make_room(self, number: int) -> None:
        self.gone.append(number)
        self.go(number)

    def go(self, number: int) -> None:
        """Have somebody go."""
        self.turnstile.leave(self._addresses.pop(number), number)

    def refused(self, address: str = HERE) -> Refusal:
        """Return why somebody is turned away."""
        with pytest.raises(Refused) as caught:
            self.come(address)
        return caught.value.why


def test_no_more_than_the_total_get_in() -> None:
    door = Door(2)
    door.come(HERE)
    second = door.come(THERE)
    assert [door.refused() for _ in range(2)] == [FULL, FULL]
    assert door.turnstile.inside == 2
    door.go(second)
    door.come(HERE)
    assert door.turnstile.inside == 2


def test_no_more_than_its_share_get_in_from_one_address() -> None:
    door = Door(100, 2)
    first = door.come()
    door.come()
    assert [door.refused() for _ in range(2)] == [TOO_MANY_HERE, TOO_MANY_HERE]
    door.come(THERE)
    assert door.turnstile.inside == 3
    door.go(first)
    door.come()
    assert door.refused() == TOO_MANY_HERE


def test_a_share_of_zero_lets_one_address_have_all() -> None:
    door = Door(50)
    for _ in range(50):
        door.come()
    assert door.turnstile.inside == 50
    assert not door.gone


@pytest.mark.parametrize(
    ("one", "other"),
    [("192.0.2.1", "::ffff:192.0.2.1"), ("2001:db8::1", "2001:db8::ffff:2"), ("fe80::1%eth0", "fe80::2")],
)
def test_addresses_of_one_customer_share_a_share(one: str, other: str) -> None:
    door = Door(100, 1)
    first = door.come(one)
    assert door.refused(other) == TOO_MANY_HERE
    door.go(first)
    door.come(other)


@pytest.mark.parametrize(("one", "other"), [("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8:0:1::1")])
def test_addresses_of_two_customers_do_not(one: str, other: str) -> None:
    door = Door(100, 1)
    door.come(one)
    door.come(other)
    assert door.turnstile.inside == 2


def test_threads_that_push_at_once_are_counted_exactly() -> None:
    turnstile = Turnstile(10, 6, strangers=10, strangers_per_site=0, per_account=0)

    def pass_through(number: int) -> None:
        address = (HERE, THERE)[number % 2]
        for key in range(number, 3000, 8):
            try:
                turnstile.enter(address, key)
            except Refused:
                continue
            assert turnstile.inside <= 10
            if key % 3:
                turnstile.begin_login(key)
                turnstile.end_login(key)
            elif key % 2:
                assert turnstile.log_in(key, "somebody", unasked)
            turnstile.leave(address, key)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(pass_through, range(8)))
    assert turnstile.inside == 0
    for number in range(10):
        turnstile.enter(HERE if number < 6 else THERE, -1 - number)
    assert turnstile.inside == 10


# ---------------------------------------------------------------------------- strangers


def test_the_oldest_stranger_of_the_fullest_network_gives_way_at_once() -> None:
    door = Door(strangers=6)
    old = door.come("198.51.100.1")
    crowd = [door.come(HERE) for _ in range(3)]
    door.come(THERE)
    door.come(THERE)
    newcomer = door.come("198.51.100.2")
    assert door.gone == [crowd[0]]
    assert door.turnstile.log_in(newcomer, "somebody", unasked)
    assert door.turnstile.log_in(old, "somebody", unasked)


def test_ten_thousand_idle_strangers_from_a_few_networks_keep_nobody_out() -> None:
    door = Door(10_000, 100, strangers=1000, strangers_per_site=50)
    networks = [f"2001:db8:0:{number:x}::1" for number in range(1, 41)]
    for number in range(10_000):
        try:
            door.come(networks[number % 40])
        except Refused:
            continue
    assert door.turnstile.inside == 1000
    for number in range(2000):
        honest = door.come(f"192.0.{number >> 8}.{number & 255}")
        door.turnstile.begin_login(honest)
        assert door.turnstile.log_in(honest, "somebody", unasked)
    assert door.turnstile.inside <= 3000


def test_people_who_are_logged_in_never_make_room() -> None:
    door = Door(6, strangers=3)
    people = [door.come() for _ in range(3)]
    assert all(door.turnstile.log_in(one, "somebody", unasked) for one in people)
    strangers = [door.come() for _ in range(3)]
    door.come("198.51.100.1")
    door.come("198.51.100.2")
    assert door.gone == strangers[:2]
    assert door.refused("198.51.100.3") == FULL
    door.seconds += GRACE_SECONDS
    door.come("198.51.100.3")
    assert len(door.gone) == 3
    assert not {*door.gone} & {*people}


def test_when_people_take_all_the_room_nobody_gives_way() -> None:
    door = Door(3, strangers=3)
    assert all(door.turnstile.log_in(door.come(), "somebody", unasked) for _ in range(3))
    door.seconds += GRACE_SECONDS
    assert door.refused(THERE) == FULL
    assert not door.gone


def test_whose_password_is_being_verified_gives_way_last_of_the_network() -> None:
    door = Door(strangers=4)
    first, second, third, fourth = [door.come() for _ in range(4)]
    door.turnstile.begin_login(first)
    door.turnstile.begin_login(third)
    door.come("198.51.100.1")
    door.come("198.51.100.2")
    assert door.gone == [second, fourth]


def test_a_network_cannot_hold_on_by_having_passwords_verified_all_the_time() -> None:
    door = Door(strangers=4)
    crowd = [door.come() for _ in range(4)]
    for one in crowd:
        door.turnstile.begin_login(one)
    door.come(THERE)
    assert door.gone == crowd[:1]


def test_a_crowd_of_people_that_logs_in_is_let_finish() -> None:
    door = Door(strangers=20)
    crowd = [door.come(f"198.51.100.{number}") for number in range(20)]
    for one in crowd:
        door.turnstile.begin_login(one)
    door.seconds += GRACE_SECONDS
    assert door.refused() == FULL
    assert all(door.turnstile.log_in(one, "somebody", unasked) for one in crowd)


def test_a_newcomer_from_the_same_address_takes_the_place_of_who_had_their_time() -> None:
    door = Door(strangers_per_site=2)
    first = door.come()
    door.seconds += 1
    second = door.come()
    assert door.refused() == TOO_MANY_HERE
    door.seconds += GRACE_SECONDS - 1
    door.come()
    assert door.gone == [first]
    assert door.refused() == TOO_MANY_HERE
    door.turnstile.begin_login(second)
    door.seconds += 1
    assert door.refused() == TOO_MANY_HERE
    door.turnstile.end_login(second)
    door.seconds += GRACE_SECONDS
    door.come()
    door.come()
    assert second in door.gone


def test_an_address_whose_people_take_all_its_room_is_told_so() -> None:
    door = Door(per_site=2)
    for _ in range(2):
        assert door.turnstile.log_in(door.come(), "somebody", unasked)
    door.seconds += GRACE_SECONDS
    assert door.refused() == TOO_MANY_HERE


def test_who_has_to_make_room_before_anybody_listens_is_told_so_then() -> None:
    door = Door(strangers=2)
    door.turnstile.enter(HERE, "early")
    door.come()
    door.come(THERE)
    assert not door.turnstile.log_in("early", "somebody", unasked)
    heard = []
    door.turnstile.attach("early", lambda: heard.append("go"))
    assert heard == ["go"]
    door.turnstile.leave(HERE, "early")
    assert door.turnstile.inside == 2


def test_who_has_to_make_room_and_stays_is_followed_by_a_bounded_number() -> None:
    turnstile = Turnstile(100, 0, strangers=100, strangers_per_site=0, per_account=0)
    for number in range(100):
        turnstile.enter(HERE, number)
    others = iter(range(100))
    for _ in range(MOST_LEAVING):
        turnstile.enter(THERE if next(others) % 2 else "198.51.100.1", object())
    with pytest.raises(Refused):
        turnstile.enter("198.51.100.2", object())
    assert turnstile.inside == 100 + MOST_LEAVING
    turnstile.leave(HERE, 0)
    turnstile.enter("198.51.100.2", object())
    assert turnstile.inside == 100 + MOST_LEAVING


def test_the_limits_of_a_server_are_those_of_its_turnstile() -> None:
    turnstile = Turnstile.of(Limits(connections=4, connections_per_address=3, strangers=3, strangers_per_address=1))
    turnstile.enter(HERE, "first")
    with refused(TOO_MANY_HERE):
        turnstile.enter(HERE, "second")
    turnstile.log_in("first", "somebody", unasked)
    turnstile.enter(HERE, "second")
    unbounded = Turnstile.of(Limits(connections_per_address=0, strangers=3, strangers_per_address=1))
    for key in range(3):
        unbounded.enter(HERE, key)
    with refused(FULL):
        unbounded.enter(HERE, 3)


def members(turnstile: Turnstile, account: str, keys: range) -> list[int]:
    """Have sessions of an account come; return those that make way meanwhile, in that order."""
    gone: list[int] = []
    for key in keys:
        turnstile.enter(HERE, key)
        assert turnstile.log_in(key, account, partial(gone.append, key))
    return gone


def test_the_oldest_session_of_an_account_makes_way_for_its_next() -> None:
    turnstile = Turnstile(100, 0, strangers=100, strangers_per_site=0, per_account=3)
    assert members(turnstile, "eve", range(3)) == []
    assert members(turnstile, "ann", range(10, 13)) == [], "another account has places of its own"
    gone: list[int] = []
    turnstile.leave(HERE, 1)
    turnstile.enter(HERE, 3)
    assert turnstile.log_in(3, "eve", partial(gone.append, 3)), "one has left, so nobody makes way"
    assert gone == []


def test_whoever_makes_way_is_counted_until_they_are_gone_and_does_so_once() -> None:
    turnstile = Turnstile(100, 0, strangers=100, strangers_per_site=0, per_account=2)
    gone: list[int] = []
    for key in range(5):
        turnstile.enter(HERE, key)
        assert turnstile.log_in(key, "eve", partial(gone.append, key))
        assert gone == list(range(key - 1)), "the oldest one, though none of those before is gone yet"
    assert turnstile.inside == 5
    for key in (*gone, 3, 4):
        turnstile.leave(HERE, key)
    assert turnstile.inside == 0
    assert members(turnstile, "eve", range(10, 12)) == [], "nothing is left of those before"


def test_without_a_limit_an_account_has_as_many_sessions_as_it_likes() -> None:
    for most, gone in ((0, []), (299, [0])):
        limits = Limits(connections_per_address=0, connections_per_account=most)
        assert members(Turnstile.of(limits), "eve", range(300)) == gone


class StrangersMachine(RuleBasedStateMachine):
    """Strangers come, go and wait at the gate in any order; what makes room is held against a list that is searched."""

    def __init__(self) -> None:
        super().__init__()
        self.strangers = Strangers()
        self.present: list[Stranger] = []
        self.at_gate: set[object] = set()
        self.now = 0.0
        self.keys = count()

    @rule(site=SITES, seconds=st.sampled_from((0, 1, 10)))
    def come(self, site: str, seconds: int) -> None:
        self.now += seconds
        stranger = Stranger(next(self.keys), site, self.now)
        self.strangers.add(stranger)
        self.present.append(stranger)

    @precondition(lambda self: self.present)
    @rule(which=st.integers(min_value=0), is_at_gate=st.booleans())
    def move(self, which: int, is_at_gate: bool) -> None:
        stranger = self.present[which % len(self.present)]
        self.strangers.remove(stranger)
        self.strangers.add(stranger, is_at_gate=is_at_gate)
        (self.at_gate.add if is_at_gate else self.at_gate.discard)(stranger.key)

    @precondition(lambda self: self.present)
    @rule(which=st.integers(min_value=0))
    def go(self, which: int) -> None:
        stranger = self.present.pop(which % len(self.present))
        self.strangers.remove(stranger)
        self.at_gate.discard(stranger.key)

    @rule(site=SITES)
    def choose(self, site: str) -> None:
        numbers = Counter(stranger.site for stranger in self.present)
        most = max(numbers.values(), default=0)
        chosen = self.strangers.oldest_of_most(site, self.now)
        if most > numbers[site] + 1:
            assert chosen
            assert numbers[chosen.site] == most
            idle = [one for one in self.present if one.site == chosen.site and one.key not in self.at_gate]
            assert not idle or chosen in idle
        elif chosen:
            assert numbers[chosen.site] >= numbers[site]
            assert chosen.key not in self.at_gate
            assert self.now - chosen.came_at >= GRACE_SECONDS

    @invariant()
    def counts_are_right(self) -> None:
        numbers = Counter(stranger.site for stranger in self.present)
        assert len(self.strangers) == len(self.present)
        assert all(self.strangers.of(site) == numbers[site] for site in ("a", "b", "c"))


TestStrangers = StrangersMachine.TestCase
TestStrangers.settings = settings(max_examples=20, deadline=None)
