"""Behaviour of chatsrv.auth.workers: what hangs is given up, and never more than so much of it is kept."""

import logging
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar

import pytest

from chatsrv.auth.workers import Workers
from chatsrv.errors import Unavailable

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
from chatsrv.auth.workers import Workers
from chatsrv.errors import Unavailable
try:
    Workers(0.001, 1).call("it", threading.Event().wait)
except Unavailable:
    print("given up")
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=DEADLINE_SECONDS, check=True
    )
    assert done.stdout == "given up\n"
