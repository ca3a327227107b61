"""Behaviour of chatsrv.sharing.slots: few threads run at once, urgent ones first, and no slot is lost."""

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from chatsrv.sharing.locks import LockOrderError, Rank, ranked_lock
from chatsrv.sharing.slots import LESS_URGENT_EVERY, Slots, Urgency, give_back, give_way, step_aside
from tests.peer import DEADLINE_SECONDS


class Line:
    """Threads that wait for a slot of `slots`, and write down in which order they get it."""

    def __init__(self, slots: Slots) -> None:
        self._slots = slots
        self.order: list[str] = []
        self._threads: list[threading.Thread] = []

    def join(self, name: str, urgency: Urgency) -> None:
        """Have one more thread wait, and return when it does."""
        waiting = self._slots.waiting
        thread = threading.Thread(target=self._run, args=(name, urgency))
        thread.start()
        self._threads.append(thread)
        wait_until(lambda: self._slots.waiting > waiting)

    def _run(self, name: str, urgency: Urgency) -> None:
        self._slots.take(urgency)
        self.order.append(name)
        give_back()

    def end(self) -> list[str]:
        """Wait for all threads; return the order in which they got a slot."""
        for thread in self._threads:
            thread.join(DEADLINE_SECONDS)
        assert not any(thread.is_alive() for thread in self._threads)
        return self.order


def wait_until(is_so: Callable[[], bool]) -> None:
    looked = threading.Event()
    for _ in range(int(DEADLINE_SECONDS * 1000)):
        if is_so():
            return
        looked.wait(0.001)
    raise AssertionError("it never came to that")


@contextmanager
def with_slot(slots: Slots, urgency: Urgency = Urgency.TALK) -> Iterator[None]:
    slots.take(urgency)
    try:
        yield
    finally:
        give_back()


def test_slots_go_to_the_most_urgent_thread_and_to_the_first_of_those_alike() -> None:
    slots = Slots(1)
    line = Line(slots)
    with with_slot(slots):
        for name, urgency in (
            *(("stranger", Urgency.STRANGERS), ("login", Urgency.LOGINS), ("deed", Urgency.DEEDS)),
            *(("talker 1", Urgency.TALK), ("talker 2", Urgency.TALK), ("deed 2", Urgency.DEEDS)),
        ):
            line.join(name, urgency)
    assert line.end() == ["talker 1", "talker 2", "deed", "deed 2", "login", "stranger"]


def test_the_least_urgent_get_a_slot_now_and_then_however_many_are_more_urgent() -> None:
    slots = Slots(1)
    line = Line(slots)
    rounds = LESS_URGENT_EVERY * len(Urgency)
    with with_slot(slots):
        line.join("stranger", Urgency.STRANGERS)
        for number in range(rounds):
            line.join(f"talker {number}", Urgency.TALK)
    assert line.end().index("stranger") < rounds


def test_a_thread_that_steps_aside_lets_others_run_and_runs_on_after_them() -> None:
    slots = Slots(1)
    line = Line(slots)
    has_run = threading.Event()

    def run() -> None:
        with with_slot(slots):
            line.order.append("other")
        has_run.set()

    with with_slot(slots):
        other = threading.Thread(target=run)
        other.start()
        wait_until(lambda: slots.is_crowded)
        assert line.order == []
        with step_aside():
            assert has_run.wait(DEADLINE_SECONDS)
        line.order.append("first")
    other.join(DEADLINE_SECONDS)
    assert line.order == ["other", "first"]
    assert slots.free == 1


def test_a_thread_that_takes_its_slot_at_once_waits_for_nobody_and_the_slot_is_paid_back() -> None:
    slots = Slots(1)
    holds, goes_on = threading.Event(), threading.Event()

    def hold_it() -> None:
        with with_slot(slots):
            holds.set()
            goes_on.wait(DEADLINE_SECONDS)

    other = threading.Thread(target=hold_it)
    with with_slot(slots):
        with step_aside(at_once=True):
            other.start()
            assert holds.wait(DEADLINE_SECONDS)
        assert slots.free == 0
    goes_on.set()
    other.join(DEADLINE_SECONDS)
    assert (slots.free, slots.beyond) == (1, 0)


def test_a_thread_gives_way_to_what_is_more_urgent_and_to_nothing_else() -> None:
    slots = Slots(1)
    line = Line(slots)
    with with_slot(slots):
        line.join("login", Urgency.LOGINS)
        line.join("deed", Urgency.DEEDS)
        give_way(Urgency.DEEDS)
        line.order.append("another deed")
        give_way(Urgency.LOGINS)
        line.order.append("another login")
    assert line.end() == ["another deed", "deed", "login", "another login"]


def test_a_thread_without_a_slot_neither_gives_one_nor_waits_for_one() -> None:
    slots = Slots(1)
    with step_aside():
        give_way(Urgency.STRANGERS)
    give_back()
    assert slots.free == 1


def test_a_slot_is_never_waited_for_under_a_lock() -> None:
    slots = Slots(1)
    message = "a slot was waited for under ROOM"
    with with_slot(slots), ranked_lock(Rank.ROOM), pytest.raises(LockOrderError, match=message), step_aside():
        pass
    with ranked_lock(Rank.ROOM), pytest.raises(LockOrderError):
        slots.take(Urgency.TALK)


def test_a_slot_is_lent_while_those_who_have_one_are_busy_and_taken_back_when_nobody_waits() -> None:
    crowds: list[None] = []
    slots = Slots(1, crowded=lambda: crowds.append(None))
    line = Line(slots)
    with with_slot(slots):
        line.join("one", Urgency.TALK)
        line.join("two", Urgency.DEEDS)
        assert len(crowds) == 2
        slots.lend()
        assert line.end() == ["one", "two"]
        assert slots.free == 0
    assert (slots.free, slots.beyond) == (1, 0)


@pytest.mark.parametrize("most", [1, 3])
@pytest.mark.parametrize("seed", range(4))
def test_never_more_threads_run_than_there_are_slots_and_all_of_them_finish(seed: int, most: int) -> None:
    slots = Slots(most)
    running: list[int] = []
    runs: list[None] = []
    too_many: list[int] = []

    def run(number: int) -> None:
        chance = random.Random(seed * 1000 + number)
        slots.take(chance.choice(list(Urgency)))
        for _ in range(30):
            running.append(number)
            if len(running) > most:
                too_many.append(len(running))
            runs.append(None)
            if chance.random() < 0.3:
                wait_a_moment.wait(chance.random() / 2000)  # as if something held the thread up
            running.remove(number)
            if chance.random() < 0.5:
                with step_aside():
                    if chance.random() < 0.3:
                        wait_a_moment.wait(chance.random() / 2000)
            else:
                give_way(chance.choice(list(Urgency)))
        give_back()

    wait_a_moment = threading.Event()
    threads = [threading.Thread(target=run, args=(number,)) for number in range(25)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_SECONDS)
    assert not any(thread.is_alive() for thread in threads)
    assert (too_many, len(runs)) == ([], 25 * 30)
    assert (slots.free, slots.beyond, slots.waiting) == (most, 0, 0)
