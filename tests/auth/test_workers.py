"""Behaviour of chatsrv.auth.workers: what hangs is given up, and never more than so much of it is kept."""

import logging
import random
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar

import pytest

from chatsrv.auth.line import Line, Party
from chatsrv.auth.turns import on_behalf_of
from chatsrv.auth.workers import Workers
from chatsrv.model.errors import Unavailable

DEADLINE_SECONDS = 30
SOON = 0.001


class Hanging:
    """A call that hangs until it is let go."""

    def __init__(self):
        self.let_go = threading.Event()
        self.begun = threading.Semaphore(0)

    def __call__(self):
        self.begun.release()
        assert self.let_go.wait(DEADLINE_SECONDS)
        return "late"


@pytest.fixture
def hanging():
    call = Hanging()
    yield call
    call.let_go.set()


def test_what_it_returns_or_raises_comes_through():
    workers = Workers(DEADLINE_SECONDS, 1)
    assert workers.call("it", lambda: 5) == 5
    with pytest.raises(ZeroDivisionError):
        workers.call("it", lambda: 1 // 0)
    assert workers.call("it", lambda: None) is None


def test_it_runs_in_the_callers_context():
    variable = ContextVar("variable")
    variable.set("here")
    assert Workers(DEADLINE_SECONDS, 1).call("it", variable.get) == "here"


def test_a_call_that_hangs_is_given_up(hanging, caplog):
    workers = Workers(SOON, 2)
    with pytest.raises(Unavailable, match=r"ldap did not answer within 0\.001 seconds"):
        workers.call("ldap", hanging)
    assert workers.hanging == 1
    with caplog.at_level(logging.WARNING):
        hanging.let_go.set()
        for thread in threading.enumerate():
            if thread.name == "ask ldap":
                thread.join(DEADLINE_SECONDS)
    assert workers.hanging == 0
    assert "ldap answered after" in caplog.text


def test_when_all_hang_the_next_is_refused_at_once(hanging):
    workers = Workers(SOON, 3)
    for _ in range(3):
        with pytest.raises(Unavailable, match="did not answer"):
            workers.call("ldap", hanging)
    workers._seconds = 1e6
    with pytest.raises(Unavailable, match="ldap is not asked: all 3 calls that may be under way hang"):
        workers.call("ldap", lambda: 5)
    assert sum(thread.name == "ask ldap" for thread in threading.enumerate()) == 3


def test_those_who_wait_for_a_place_learn_that_all_hang(hanging):
    workers = Workers(SOON, 1)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(workers.call, "ldap", hanging)
        assert hanging.begun.acquire(timeout=DEADLINE_SECONDS)
        workers._seconds = 1e6
        with pytest.raises(Unavailable, match="all 1 calls that may be under way hang"):
            workers.call("ldap", lambda: 5)
        with pytest.raises(Unavailable, match="did not answer"):
            first.result(DEADLINE_SECONDS)


def test_a_place_that_becomes_free_is_taken(hanging):
    workers = Workers(DEADLINE_SECONDS, 1)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(workers.call, "ldap", hanging)
        assert hanging.begun.acquire(timeout=DEADLINE_SECONDS)
        second = pool.submit(workers.call, "ldap", lambda: 5)
        hanging.let_go.set()
        assert first.result(DEADLINE_SECONDS) == "late"
        assert second.result(DEADLINE_SECONDS) == 5


def test_a_place_that_does_not_become_free_is_not_waited_for_longer_than_an_answer(hanging):
    workers = Workers(DEADLINE_SECONDS, 1)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(workers.call, "ldap", hanging)
        assert hanging.begun.acquire(timeout=DEADLINE_SECONDS)
        workers._seconds = SOON
        with pytest.raises(Unavailable, match="1 calls were under way for"):
            workers.call("ldap", lambda: 5)
        hanging.let_go.set()
        first.result(DEADLINE_SECONDS)


def test_many_at_once_get_their_own_answers():
    workers = Workers(DEADLINE_SECONDS, 4)
    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(lambda number: workers.call("it", lambda: number), range(500))) == list(range(500))
    assert workers.hanging == 0


def test_a_thread_that_cannot_be_had_makes_it_unavailable(monkeypatch):
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    workers = Workers(DEADLINE_SECONDS, 1)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        with pytest.raises(Unavailable, match="ldap cannot be asked: can't start new thread"):
            workers.call("ldap", lambda: 5)
    assert workers.call("ldap", lambda: 5) == 5


def test_a_call_that_hangs_does_not_keep_the_process():
    program = """
import threading
from chatsrv.auth.line import Line, Party
from chatsrv.auth.turns import on_behalf_of
from chatsrv.auth.workers import Workers
from chatsrv.model.errors import Unavailable
try:
    Workers(0.001, 1).call("it", threading.Event().wait)
except Unavailable:
    print("given up")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=True
    )
    assert done.stdout == "given up\n"


def test_calls_take_turns_by_those_on_whose_behalf_they_are_made(hanging):
    workers = Workers(DEADLINE_SECONDS, 1)
    order = []
    joined = threading.Semaphore(0)

    def call(account, site):
        with on_behalf_of(Party(account, site)):
            workers.call("it", lambda: order.append(account))

    class Telling(Line):
        def join(self, *what):
            joined.release()
            return super().join(*what)

    workers._line = Telling()
    with ThreadPoolExecutor(8) as pool:
        jobs = [pool.submit(workers.call, "it", hanging)]
        assert hanging.begun.acquire(timeout=DEADLINE_SECONDS)
        for number, account in enumerate(["mallory"] * 6 + ["bob"]):
            jobs.append(pool.submit(call, account, f"site {number}"))
            assert joined.acquire(timeout=DEADLINE_SECONDS)
        hanging.let_go.set()
        for job in jobs:
            job.result(DEADLINE_SECONDS)
    assert order[:2] == ["mallory", "bob"]


@pytest.mark.parametrize("seed", range(3))
def test_places_are_neither_lost_nor_doubled_whatever_hangs_and_gives_up(seed):
    chance = random.Random(seed)
    workers = Workers(0.02, 3)
    pauses = [[chance.choice((0, 0, 0.001, 0.03)) for _ in range(25)] for _ in range(12)]
    at_work, most, lock = [0], [0], threading.Lock()

    def work(pause):
        with lock:
            at_work[0] += 1
            most[0] = max(most[0], at_work[0])
        time.sleep(pause)
        with lock:
            at_work[0] -= 1
        return pause

    def call(some):
        for pause in some:
            with on_behalf_of(Party(f"user{pause}")):
                try:
                    assert workers.call("it", lambda pause=pause: work(pause)) == pause
                except Unavailable:
                    continue

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(call, pauses))
    for thread in threading.enumerate():
        if thread.name == "ask it":
            thread.join(DEADLINE_SECONDS)
    assert most[0] <= 3
    assert workers.hanging == 0
    workers._seconds = DEADLINE_SECONDS
    barrier = threading.Barrier(3)  # all three places are there
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(lambda _: workers.call("it", lambda: barrier.wait(DEADLINE_SECONDS)), range(3)))
