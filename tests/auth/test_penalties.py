"""Behaviour of chatsrv.auth.penalties, by a clock that only these tests move."""

from contextlib import suppress
from ipaddress import ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatsrv.auth.penalties import MOST_FORGIVEN, MOST_REPEATS, Penalties
from chatsrv.model.errors import Denied, Penalised, Unavailable, UnknownUser
from chatsrv.model.loginpolicy import LoginPolicy
from tests.auth.guessing import ELSEWHERE, HERE, HOUR, Door


def test_one_account_from_one_address_gets_so_many_guesses_and_then_has_to_wait():
    door = Door()
    assert [door.guess() for _ in range(5)] == [True, True, True, False, False]
    assert door.looked_at == 3
    with pytest.raises(Penalised, match=r"a login from 192\.0\.2\.1 as 'alice' was refused unseen") as caught:
        door.login()
    door.clock.now += caught.value.seconds
    assert door.guess()
    assert not door.guess()


def test_the_right_password_does_not_help_while_penalised():
    door = Door()
    door.guesses(3)
    with pytest.raises(Penalised):
        door.login()


def test_nobody_locks_an_account_out_from_elsewhere():
    door = Door()
    for number in range(100):
        door.guesses(10, address=f"203.0.113.{number}")
    door.login(ELSEWHERE)


def test_one_address_gets_so_many_guesses_over_all_accounts():
    door = Door()
    assert sum(door.guess(name=f"user{number}") for number in range(100)) == 6


def test_unknown_names_count_like_wrong_passwords():
    door = Door()
    for number in range(6):
        with pytest.raises(UnknownUser):
            door.login(name=f"user{number}", error=UnknownUser("who?"))
    assert not door.guess()


def test_an_ipv6_site_counts_as_one_address():
    door = Door()
    assert sum(door.guess(f"2001:db8::{number:x}", f"user{number}") for number in range(1, 20)) == 6
    assert door.guess("2001:db8:0:1::1")


def test_an_ipv4_address_within_ipv6_is_the_ipv4_address():
    door = Door()
    assert door.guesses(2, address="192.0.2.1") + door.guesses(2, address="::ffff:192.0.2.1") == 3


def test_what_is_no_address_counts_as_itself():
    door = Door()
    assert door.guesses(4, address="/run/socket") == 3
    assert door.guess("/run/other")


def test_one_and_the_same_wrong_password_does_not_climb():
    door = Door()
    assert door.guesses(50, password="old password") == 50
    assert door.guesses(5) == 2


def test_a_program_with_an_old_password_costs_its_address_nothing_once_the_owner_has_logged_in():
    door = Door()
    for _ in range(20):
        assert door.guess(password="old")
        door.login()
    assert door.guesses(5, name="neighbour", address=HERE) == 3  # of an account, as ever
    assert door.guesses(5, name="other") == 3  # six of the address


def test_any_of_the_last_few_wrong_passwords_may_be_repeated():
    door = Door(guesses_per_account=5)
    for _ in range(10):
        for password in ("one", "two", "three"):
            assert door.guess(password=password)


def test_the_same_password_on_many_accounts_climbs():
    door = Door()
    assert sum(door.guess(name=f"user{number}", password="123456") for number in range(100)) == 6


def test_repeating_without_end_is_refused_but_the_right_password_is_not():
    door = Door()
    assert door.guesses(3 * MOST_REPEATS, password="old password") == MOST_REPEATS + 1
    door.login()


def test_a_program_that_tries_its_old_password_every_minute_is_never_refused():
    door = Door()
    for _ in range(24 * 60):
        assert door.guess(password="old password")
        door.clock.now += 60


def test_half_is_forgotten_in_the_time_of_the_policy():
    door = Door(guesses_per_account=0, guesses_per_address=101, guesses_per_day=0)
    assert door.guesses(200) == 101
    door.clock.now += HOUR
    assert door.guesses(200) == 50
    door.clock.now += 1000 * HOUR
    assert door.guesses(200) == 101


def test_the_right_password_clears_the_account_and_takes_its_typos_back_from_the_address():
    door = Door()
    for number in range(20):
        assert door.guesses(2, name=f"user{number}") == 2
        door.login(name=f"user{number}")
    assert sum(door.guess(name=f"other{number}") for number in range(20)) == 6


def test_an_account_of_ones_own_buys_no_guesses_at_others():
    door = Door()
    looked_at = 0
    for number in range(20):
        looked_at += door.guess(name=f"user{number}")
        door.guess(name="mallory")
        with suppress(Penalised):
            door.login(name="mallory")
    assert looked_at == 6


def test_an_owner_who_logs_in_again_and_again_buys_a_neighbour_few_guesses():
    door = Door()
    door.login()
    looked_at = 0
    for _ in range(100):
        looked_at += door.guesses(2)
        with suppress(Penalised):
            door.login()
    assert looked_at < 6 + MOST_FORGIVEN + 3


def test_how_many_wrong_logins_an_address_has_in_a_day_is_bounded_for_any_day():
    door = Door(guesses_per_address=40, guesses_per_account=0, guesses_per_day=250)
    hours = []
    for hour in range(72):
        hours.append(sum(door.guess(name=f"user{hour} {number}") for number in range(60)))
        door.clock.now += HOUR
    assert hours[0] == 40
    assert 200 < sum(hours[:24]) <= 250
    assert max(sum(hours[start : start + 24]) for start in range(48)) <= 250


def test_a_ceiling_for_the_day_bounds_what_an_address_has_at_once():
    for most, per_day, at_once in ((40, 20, 10), (40, 1, 1), (0, 20, 60), (40, 0, 40)):
        door = Door(guesses_per_address=most, guesses_per_account=0, guesses_per_day=per_day)
        assert sum(door.guess(name=f"user{number}") for number in range(60)) == at_once


def test_without_a_ceiling_for_the_day_an_address_is_forgiven_as_its_accounts_are():
    door = Door(guesses_per_address=41, guesses_per_account=0, guesses_per_day=0)
    door.guesses(100)
    door.clock.now += HOUR
    assert door.guesses(100) == 20


def test_neighbours_of_a_guesser_get_in_if_they_have_been_here_before():
    door = Door()
    door.login(name="bob")
    door.guesses(100, name="alice")
    for number in range(100):
        door.guess(name=f"user{number}")
    door.login(name="bob")
    with pytest.raises(Penalised):
        door.login(name="carol")


def test_whoever_has_logged_in_from_there_gets_in_after_a_restart_though_the_address_is_penalised():
    door = Door()
    door.login(name="bob")
    door.restart()
    for number in range(100):
        door.guess(name=f"user{number}")
    door.login(name="bob")
    with pytest.raises(Penalised):
        door.login(name="carol")
    with pytest.raises(Penalised):
        door.login(name="")


def test_an_office_in_which_everybody_mistypes_gets_in_at_the_first_login():
    door = Door(guesses_per_address=40, guesses_per_account=10)
    for number in range(34):
        door.guess(name=f"user{number}")
    for number in range(40):
        door.login(name=f"user{number}")
    assert sum(door.guess(name=f"other{number}") for number in range(100)) == 40


def test_once_one_first_login_is_looked_at_again_all_that_are_right_are():
    door = Door()
    for number in range(20):
        door.guess(name=f"user{number}")
    with pytest.raises(Penalised) as caught:
        door.login(name="user0")
    door.clock.now += caught.value.seconds
    for number in range(20):
        door.login(name=f"user{number}")


def test_at_a_penalised_address_those_who_are_known_have_few_guesses_at_each_other():
    door = Door(guesses_per_address=6, guesses_per_account=3, guesses_per_day=12)  # half is forgotten in 15 hours
    for name in ("alice", "bob"):
        door.login(name=name)
    looked_at = 0
    for hour in range(24):
        for number in range(10):
            door.guess(name=f"user{hour} {number}")
        looked_at += door.guesses(5, name="bob")
        door.clock.now += HOUR
    assert looked_at == 5  # and 15 if nothing but the hourly limit of the account held
    door.login(name="alice")


def test_being_known_does_not_raise_the_limit_of_the_account():
    door = Door()
    door.login()
    assert door.guesses(100) == 3


@pytest.mark.parametrize("error", [Unavailable("away"), RuntimeError("broken"), KeyboardInterrupt()])
def test_what_is_not_the_persons_fault_does_not_count(error):
    door = Door()
    for _ in range(20):
        with pytest.raises(type(error)):
            door.login(error=error)
    assert door.guesses(5) == 3


def test_exempt_networks_are_not_counted():
    door = Door(exempt_networks=(ip_network("192.0.2.0/24"), ip_network("2001:db8::/32")))
    for address in (HERE, "::ffff:192.0.2.9", "2001:db8::1"):
        assert door.guesses(50, address=address) == 50
    assert door.guesses(50, address=ELSEWHERE) == 3
    assert door.guesses(50, address="/run/socket") == 3
    assert door.penalties.count().tallies == 4
    door.login(HERE)
    assert door.places.has("alice", HERE)


def test_zero_is_no_limit():
    door = Door(guesses_per_account=0)
    assert door.guesses(100) == 6
    door = Door(guesses_per_address=0, guesses_per_account=0)
    assert door.guesses(100) == 100


def test_one_guess_is_the_least_limit():
    door = Door(guesses_per_account=1)
    assert door.guesses(5) == 1
    door.clock.now += HOUR
    assert door.guesses(5) == 1


def test_what_is_refused_unseen_is_told_with_name_and_address_and_without_the_password():
    door = Door()
    door.guesses(5)
    for text in door.refused:
        assert text.startswith(
            f"penalised: a login from {HERE} as 'alice' was refused unseen, after too many wrong ones; "
        )
        assert text.partition("; ")[2].startswith("the next is looked at in 2")
        assert "guess" not in text
    with pytest.raises(Penalised) as caught:
        door.login()
    assert caught.value.who == "'alice'"


def test_a_name_in_the_log_cannot_break_its_line():
    door = Door()
    door.guesses(5, name="")
    assert all(map(str.isprintable, door.refused))
    assert len(door.refused) == 2


def test_memory_is_bounded_and_the_worst_are_remembered_longest():
    door = Door(most_tallies=1000, guesses_per_address=3)
    door.guesses(50)
    for number in range(20_000):
        door.clock.now += 0.01
        door.guess(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", f"user{number}")
        assert door.penalties.count().tallies <= 1001
    assert not door.guess()


def test_nothing_is_held_against_an_address_from_which_nobody_was_wrong():
    door = Door()
    for number in range(100):
        door.login(f"10.0.0.{number}", name=f"user{number}")
    with pytest.raises(Unavailable):
        door.login(ELSEWHERE, error=Unavailable("away"))
    assert door.penalties.count().tallies == 0
    assert door.places.count == 100


def test_an_attempt_that_is_under_way_counts_though_a_crowd_came_meanwhile():
    door = Door(most_tallies=8)
    for number in range(3):
        with suppress(Denied), door.penalties.attempt(HERE, "alice", f"guess {number}"):
            for other in range(50):
                with pytest.raises(Unavailable):
                    door.login(f"10.0.0.{other}", f"user{other}", error=Unavailable("away"))
            raise Denied("wrong")
    assert not door.guess()


def test_nothing_that_can_be_read_back_is_kept_of_a_password():
    door = Door()
    door.guess(password="swordfish")
    kept = repr([vars(door.penalties), *door.penalties._tallies.items()])
    assert "swordfish" not in kept
    assert len({Penalties(LoginPolicy())._key for _ in range(10)}) == 10


def test_the_figures_are_told():
    door = Door()
    door.guesses(5)
    count = door.penalties.count()
    assert (count.penalised, count.tallies) == (2, 2)


STEPS = st.lists(
    st.tuples(st.sampled_from([HERE, ELSEWHERE]), st.sampled_from(["alice", "bob", "carol"]), st.floats(0, 2 * HOUR)),
    max_size=150,
)


@settings(deadline=None)
@given(STEPS)
def test_in_the_time_that_forgets_half_nobody_gets_more_than_twice_the_limit(steps):
    door = Door()
    guesses = []
    for address, name, seconds in steps:
        door.clock.now += seconds / 20
        if door.guess(address, name):
            guesses.append((door.clock.now, address, name))
    for start, address, name in guesses:
        soon = [guess for guess in guesses if start <= guess[0] < start + HOUR and guess[1] == address]
        assert len(soon) <= 2 * 6
        assert sum(guess[2] == name for guess in soon) <= 2 * 3
