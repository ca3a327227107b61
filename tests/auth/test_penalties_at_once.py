"""Behaviour of chatsrv.auth.penalties while many log in at the same moment."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from chatsrv.auth import penalties
from chatsrv.auth.penalties import Penalties
from chatsrv.model.errors import Denied, Penalised, Unavailable
from chatsrv.model.loginpolicy import LoginPolicy
from tests.auth.guessing import DEADLINE_SECONDS, HERE, Door


def test_many_at_once_get_no_more_guesses_than_one_after_the_other():
    door = Door(guesses_per_address=20, guesses_per_account=0)
    start = threading.Barrier(50)
    looked_at = []

    def guess(number):
        start.wait(DEADLINE_SECONDS)
        for turn in range(10):
            try:
                with door.penalties.attempt(HERE, f"user{number}", f"{turn}"):
                    looked_at.append(number)
                    raise Denied("wrong")
            except Penalised:
                pass
            except Denied:
                pass

    with ThreadPoolExecutor(50) as pool:
        list(pool.map(guess, range(50)))
    assert len(looked_at) == 20
    assert door.penalties.count().penalised == 480


def test_many_at_once_with_the_right_password_all_get_in():
    door = Door(guesses_per_address=3, guesses_per_account=2)
    start = threading.Barrier(40)
    inside = threading.Semaphore(0)

    def log_in(number):
        start.wait(DEADLINE_SECONDS)
        for _ in range(5):
            with door.penalties.attempt(HERE, f"user{number % 7}", "right"):
                inside.release()

    with ThreadPoolExecutor(40) as pool:
        list(pool.map(log_in, range(40)))
    assert all(inside.acquire(blocking=False) for _ in range(200))
    assert door.penalties.count().penalised == 0


def test_a_login_waits_until_those_before_it_are_decided():
    door = Door(guesses_per_account=1, guesses_per_address=0)
    entered, go_on = threading.Event(), threading.Event()

    def first():
        try:
            with door.penalties.attempt(HERE, "alice", "a"):
                entered.set()
                assert go_on.wait(DEADLINE_SECONDS)
                raise Denied("wrong")
        except Denied:
            return

    def second():
        with door.penalties.attempt(HERE, "alice", "b"):
            pytest.fail("this was looked at")

    with ThreadPoolExecutor(2) as pool:
        before = pool.submit(first)
        assert entered.wait(DEADLINE_SECONDS)
        after = pool.submit(second)
        go_on.set()
        before.result(DEADLINE_SECONDS)
        with pytest.raises(Penalised):
            after.result(DEADLINE_SECONDS)


def test_an_account_whose_turn_it_is_waits_for_no_other_account(monkeypatch):
    monkeypatch.setattr(penalties, "_WAIT_SECONDS", 2 * DEADLINE_SECONDS)  # alice's giving up would wake bob
    names = ("alice", "bob")
    entered, go_on, in_line = ({name: threading.Event() for name in names} for _ in range(3))
    bob_is_in = threading.Event()
    second_of = threading.local()

    def clock():  # is read with the lock held, which is let go of by waiting only
        if name := getattr(second_of, "name", None):
            in_line[name].set()
        return 1000.0

    door = Penalties(LoginPolicy(guesses_per_address=0, guesses_per_account=1), clock=clock)

    def first(name):
        with door.attempt(HERE, name, "right"):
            entered[name].set()
            assert go_on[name].wait(2 * DEADLINE_SECONDS)  # so would this

    def second(name):
        second_of.name = name
        with door.attempt(HERE, name, "right"):
            if name == "bob":
                bob_is_in.set()

    with ThreadPoolExecutor(4) as pool:
        try:
            for attempt, is_there in ((first, entered), (second, in_line)):
                for name in names:  # so that alice stands first in the line
                    pool.submit(attempt, name)
                    assert is_there[name].wait(DEADLINE_SECONDS)
            go_on["bob"].set()
            assert bob_is_in.wait(DEADLINE_SECONDS)
        finally:
            for event in go_on.values():
                event.set()


def test_waiting_ends_even_if_those_before_never_do(monkeypatch):
    monkeypatch.setattr(penalties, "_WAIT_SECONDS", 0.001)
    door = Door(guesses_per_account=1)
    with (
        door.penalties.attempt(HERE, "alice", "a"),
        pytest.raises(Unavailable, match=r"1 logins from .* are under way and take too long"),
        door.penalties.attempt(HERE, "alice", "b"),
    ):
        pytest.fail("this was looked at")
    door.login()
