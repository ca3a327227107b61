"""Work that takes a core: a few at a time, in a line of bounded length, behind everybody who chats."""

import gc
import itertools
import os
import random
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from chatsrv.auth import turns
from chatsrv.auth.line import Party
from chatsrv.auth.turns import NICENESS, THREAD_NAME, Turns, on_behalf_of
from chatsrv.model.errors import Unavailable
from tests.peer import DEADLINE_SECONDS


class Held:
    """Work that begins when its turn comes, and goes on when it is let."""

    def __init__(self):
        self.begun = threading.Semaphore(0)
        self.go_on = threading.Event()
        self._lock = threading.Lock()
        self.at_work = self.most = 0

    def __call__(self):
        with self._lock:
            self.at_work += 1
            self.most = max(self.most, self.at_work)
        self.begun.release()
        assert self.go_on.wait(DEADLINE_SECONDS)
        with self._lock:
            self.at_work -= 1
        return "done"

    def await_begun(self):
        assert self.begun.acquire(timeout=DEADLINE_SECONDS)


def test_the_outcome_is_what_the_work_gives_or_raises():
    line = Turns(1, 0, DEADLINE_SECONDS)
    assert line.take(lambda: 42) == 42
    with pytest.raises(ZeroDivisionError):
        line.take(lambda: 1 // 0)
    with pytest.raises(SystemExit):  # raised where it was asked for, not in the thread
        line.take(sys.exit)
    assert line.take(lambda: "and on") == "and on"


def test_no_more_are_at_work_than_there_are_turns():
    line, held = Turns(2, 10, DEADLINE_SECONDS), Held()
    with ThreadPoolExecutor(8) as pool:
        jobs = [pool.submit(line.take, held) for _ in range(8)]
        held.await_begun()
        held.await_begun()
        held.go_on.set()
        assert [job.result(DEADLINE_SECONDS) for job in jobs] == ["done"] * 8
    assert held.most == 2


def test_the_line_has_an_end():
    line, held = Turns(1, 0, DEADLINE_SECONDS), Held()
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(line.take, held)
        held.await_begun()
        with pytest.raises(Unavailable, match="0 logins wait for a password hash already, which is the limit"):
            line.take(held)
        held.go_on.set()
        assert job.result(DEADLINE_SECONDS) == "done"
    assert line.take(held) == "done"


def test_whose_turn_does_not_come_in_time_is_told_so_and_gives_his_place_back():
    line, held = Turns(1, 1, 0.001), Held()
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(line.take, held)
        held.await_begun()
        for _ in range(2):
            with pytest.raises(Unavailable, match=r"waited 0[.]001 seconds"):
                line.take(held)
        held.go_on.set()
        assert job.result(DEADLINE_SECONDS) == "done"
    assert held.most == 1


def test_whose_turn_would_come_too_late_is_told_so_at_once(monkeypatch):
    clock = itertools.count(0, 4)  # every piece of work takes four seconds
    monkeypatch.setattr(turns.time, "monotonic", lambda: next(clock))
    line, held = Turns(1, 1000, 7.0), Held()
    line.take(lambda: None)  # the first one does not count: it may load libraries
    line.take(lambda: None)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(line.take, held)
        held.await_begun()
        second = pool.submit(line.take, held)
        while line.in_line < 2:
            time.sleep(0)
        with pytest.raises(Unavailable, match=r"1 logins wait .* after 8 seconds, and 7 is the limit"):
            line.take(held)
        held.go_on.set()
        assert first.result(DEADLINE_SECONDS) == second.result(DEADLINE_SECONDS) == "done"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere niceness is the whole process's")
def test_who_chats_goes_first():
    line = Turns(1, 0, DEADLINE_SECONDS)
    here = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    there = line.take(lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id()))
    assert there == max(here, NICENESS)


def test_without_a_thread_nothing_can_be_hashed_and_nothing_is_lost(monkeypatch):
    def refuse(_self):
        raise RuntimeError("can't start new thread")

    line = Turns(1, 0, DEADLINE_SECONDS)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(Unavailable, match="can't start new thread"):
            line.take(lambda: 1)
    assert line.take(lambda: 1) == 1


def test_the_threads_end_with_their_line():
    line = Turns(2, 10, DEADLINE_SECONDS)
    thread = line.take(threading.current_thread)
    assert (thread.name, thread.daemon) == (THREAD_NAME, True)
    del line
    gc.collect()
    thread.join(DEADLINE_SECONDS)
    assert not thread.is_alive()


def in_the_line(line, many):
    """Wait until so many are in the line, or at work."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while line.in_line != many:
        assert time.monotonic() < deadline
        time.sleep(0)


def test_turns_go_round_by_those_on_whose_behalf_they_are_taken():
    line, held = Turns(1, 100, DEADLINE_SECONDS), Held()
    order = []

    def take(account, site):
        with on_behalf_of(Party(account, site)):
            line.take(lambda: order.append(account))

    with ThreadPoolExecutor(10) as pool:
        jobs = [pool.submit(line.take, held)]
        held.await_begun()
        for number, account in enumerate(["mallory"] * 6 + ["bob"]):
            jobs.append(pool.submit(take, account, f"site {number}"))
            in_the_line(line, number + 2)
        held.go_on.set()
        for job in jobs:
            job.result(DEADLINE_SECONDS)
    assert order[:2] == ["mallory", "bob"]


def test_when_too_many_wait_the_one_with_most_before_it_gives_way():
    line, held = Turns(1, 3, DEADLINE_SECONDS), Held()

    def take(account):
        with on_behalf_of(Party(account)):
            return line.take(lambda: account)

    with ThreadPoolExecutor(5) as pool:
        first = pool.submit(line.take, held)
        held.await_begun()
        jobs = []
        for number in range(3):
            jobs.append(pool.submit(take, "mallory"))
            in_the_line(line, number + 2)
        bob = pool.submit(take, "bob")
        with pytest.raises(Unavailable, match="3 logins wait for a password hash already, which is the limit"):
            jobs[2].result(DEADLINE_SECONDS)
        with pytest.raises(Unavailable, match="which is the limit"):  # nobody else gives way for one more of her own
            take("mallory")
        held.go_on.set()
        assert [job.result(DEADLINE_SECONDS) for job in (first, bob, *jobs[:2])] == ["done", "bob", *["mallory"] * 2]


@pytest.mark.parametrize("seed", range(5))
def test_everybody_gets_an_answer_whatever_the_order(seed):
    chance = random.Random(seed)
    line = Turns(3, 8, DEADLINE_SECONDS)
    plans = [
        [(f"a{chance.randrange(5)}", f"s{chance.randrange(5)}", chance.random()) for _ in range(30)] for _ in range(16)
    ]
    start = threading.Barrier(len(plans))

    def come(plan):
        start.wait(DEADLINE_SECONDS)
        answers = []
        for account, site, pause in plan:
            with on_behalf_of(Party(account, site, pause < 0.5)):
                try:
                    answers.append(line.take(lambda pause=pause: time.sleep(pause / 1000) or "done"))
                except Unavailable:
                    answers.append("refused")
        return answers

    with ThreadPoolExecutor(len(plans)) as pool:
        answers = [answer for some in pool.map(come, plans) for answer in some]
    assert len(answers) == 480
    assert answers.count("done") >= 30
    assert line.in_line == 0
