"""Behaviour of chatsrv.auth.line: whose turn it is, and who gives way."""

import random
from collections import Counter

import pytest

from chatsrv.auth.line import KNOWN_IN_A_ROW, NOBODY, Line, Party


def turns(line: Line) -> list[str]:
    return [line.next().what for _ in range(len(line))]


def stranger(account: str, site: str) -> Party:
    return Party(account, site)


def known(account: str, site: str = "192.0.2.1") -> Party:
    return Party(account, site, is_known=True)


def test_work_on_nobodys_behalf_is_done_in_the_order_in_which_it_comes() -> None:
    line = Line()
    for number in range(5):
        line.join(NOBODY, number)
    assert turns(line) == list(range(5))


@pytest.mark.parametrize("is_known", [False, True])
def test_an_account_at_sixty_sites_holds_another_one_up_by_one_turn(is_known: bool) -> None:
    line = Line()
    for site in range(60):
        line.join(Party("mallory", f"site {site}", is_known), f"mallory {site}")
    line.join(Party("bob", "bob's", is_known), "bob")
    assert turns(line)[:3] == ["mallory 0", "bob", "mallory 1"]


def test_a_site_with_sixty_accounts_holds_another_site_up_by_one_turn() -> None:
    line = Line()
    for number in range(60):
        line.join(stranger(f"user{number}", "crowded"), f"user{number}")
    line.join(stranger("bob", "bob's"), "bob")
    assert turns(line)[:2] == ["user0", "bob"]


def test_a_known_account_does_not_suffer_from_its_neighbours() -> None:
    line = Line()
    for number in range(60):
        line.join(known("mallory", "shared"), f"mallory {number}")
        line.join(stranger(f"user{number}", "shared"), f"user{number}")
    line.join(known("bob", "shared"), "bob")
    assert turns(line)[:2] == ["mallory 0", "bob"]


def test_who_fails_as_somebody_from_elsewhere_holds_up_nobody_who_is_known() -> None:
    line = Line()
    for site in range(60):
        line.join(stranger("bob", f"site {site}"), "a guess")
    line.join(known("bob"), "bob")
    assert turns(line)[0] == "bob"


def test_those_who_are_known_come_first_and_leave_strangers_a_turn_now_and_then() -> None:
    line = Line()
    for number in range(9):
        line.join(stranger(f"s{number}", f"site {number}"), "stranger")
        line.join(known(f"k{number}"), "known")
    assert turns(line)[:8] == ["known", "known", "known", "stranger"] * 2
    assert KNOWN_IN_A_ROW == 3


def test_who_comes_again_and_again_gets_no_second_turn_before_the_others_have_one() -> None:
    line = Line()
    for number in range(3):
        line.join(stranger(f"user{number}", f"site {number}"), f"user{number}")
    line.join(stranger("mallory", "m"), "mallory")
    order = []
    for _ in range(6):
        order.append(line.next().what)
        if order[-1] == "mallory":
            line.join(stranger("mallory", "m"), "mallory")
        else:
            line.join(stranger(order[-1], f"site {order[-1][-1]}"), order[-1])
    assert order == ["user0", "user1", "user2", "mallory", "user0", "user1"]


def test_a_turn_that_was_given_up_is_not_counted() -> None:
    line = Line()
    line.join(stranger("alice", "a"), "alice")
    places = [line.join(stranger("bob", "b"), "gave up") for _ in range(20)]
    assert all(line.leave(place) for place in places)
    assert not line.leave(places[0])
    line.join(stranger("bob", "b"), "bob")
    line.join(stranger("bob", "b"), "bob again")
    line.join(stranger("carol", "c"), "carol")
    assert turns(line) == ["alice", "bob", "carol", "bob again"]


def test_the_one_with_most_before_it_gives_way() -> None:
    line = Line()
    for number in range(5):
        line.join(known("mallory", f"site {number}"), f"mallory {number}")
    line.join(stranger("bob", "b"), "bob")
    line.join(known("alice"), "alice")
    assert line.last().what == "mallory 4"
    for place in range(4, 0, -1):
        last = line.last()
        assert last.what == f"mallory {place}"
        line.leave(last)
    assert line.last().what == "bob"  # all have a turn in this round; those who are known go first


@pytest.mark.parametrize("seed", range(20))
def test_ahead_tells_how_many_turns_come_before_each(seed: int) -> None:
    chance = random.Random(seed)
    line, waiting = Line(), {}
    for number in range(600):
        draw = chance.random()
        if draw < 0.55 or not waiting:
            who, site = f"user{chance.randrange(6)}", f"site {chance.randrange(6)}"
            waiting[number] = line.join(Party(who, site, chance.random() < 0.5), number)
        elif draw < 0.7:
            assert line.leave(waiting.pop(chance.choice(list(waiting))))
        else:
            expected = [number for number, place in waiting.items() if line.ahead(place) == 0]
            assert [line.next().what] == expected
            del waiting[expected[0]]
    assert len(line) == len(waiting)
    order = sorted(waiting, key=lambda number: line.ahead(waiting[number]))
    assert turns(line) == order


@pytest.mark.parametrize("seed", range(10))
def test_turns_are_shared_fairly_by_those_who_never_stop_coming(seed: int) -> None:
    chance = random.Random(seed)
    line = Line()
    crowds = {"mallory": 60, "alice": 2, "bob": 1}  # how many of each wait at any time

    def come(who: str) -> None:
        line.join(Party(who, f"{who} {chance.randrange(60)}", is_known=True), who)

    for who, many in crowds.items():
        for _ in range(many):
            come(who)
    had: Counter[str] = Counter()
    for _ in range(300):
        who = line.next().what
        had[who] += 1
        come(who)
    assert all(95 <= had[who] <= 105 for who in crowds), had
