"""Behaviour of chatsrv.net.turnstile: how many connections there may be."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from chatsrv.errors import Refused
from chatsrv.net.turnstile import Turnstile

HERE, THERE = "192.0.2.1", "192.0.2.2"


def test_no_more_than_the_total_get_in() -> None:
    turnstile = Turnstile(2, 0)
    turnstile.enter(HERE)
    turnstile.enter(THERE)
    for _ in range(2):
        with pytest.raises(Refused, match=r"^The server is full\. Please try again later\.$"):
            turnstile.enter(HERE)
    assert turnstile.inside == 2
    turnstile.leave(THERE)
    turnstile.enter(HERE)
    assert turnstile.inside == 2


def test_no_more_than_its_share_get_in_from_one_address() -> None:
    turnstile = Turnstile(100, 2)
    turnstile.enter(HERE)
    turnstile.enter(HERE)
    for _ in range(2):
        with pytest.raises(Refused, match=r"^There are too many connections from your address\.$"):
            turnstile.enter(HERE)
    turnstile.enter(THERE)
    assert turnstile.inside == 3
    turnstile.leave(HERE)
    turnstile.enter(HERE)
    with pytest.raises(Refused):
        turnstile.enter(HERE)


def test_a_share_of_zero_lets_one_address_have_all() -> None:
    turnstile = Turnstile(50, 0)
    for _ in range(50):
        turnstile.enter(HERE)
    assert turnstile.inside == 50


@pytest.mark.parametrize(
    ("one", "other"),
    [("192.0.2.1", "::ffff:192.0.2.1"), ("2001:db8::1", "2001:db8::ffff:2"), ("fe80::1%eth0", "fe80::2")],
)
def test_addresses_of_one_customer_share_a_share(one: str, other: str) -> None:
    turnstile = Turnstile(100, 1)
    turnstile.enter(one)
    with pytest.raises(Refused):
        turnstile.enter(other)
    turnstile.leave(one)
    turnstile.enter(other)


@pytest.mark.parametrize(("one", "other"), [("192.0.2.1", "192.0.2.2"), ("2001:db8::1", "2001:db8:0:1::1")])
def test_addresses_of_two_customers_do_not(one: str, other: str) -> None:
    turnstile = Turnstile(100, 1)
    turnstile.enter(one)
    turnstile.enter(other)
    assert turnstile.inside == 2


def test_threads_that_push_at_once_are_counted_exactly() -> None:
    turnstile = Turnstile(10, 6)

    def pass_through(number: int) -> int:
        refused = 0
        for _ in range(300):
            try:
                turnstile.enter((HERE, THERE)[number % 2])
            except Refused:
                refused += 1
            else:
                assert turnstile.inside <= 10
                turnstile.leave((HERE, THERE)[number % 2])
        return refused

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(pass_through, range(8)))
    assert turnstile.inside == 0
    for _ in range(6):
        turnstile.enter(HERE)
    for _ in range(4):
        turnstile.enter(THERE)
    assert turnstile.inside == 10
