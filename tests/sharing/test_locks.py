"""Behaviour of chatsrv.sharing.locks: in tests a lock taken out of order raises; elsewhere it is a plain lock."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from chatsrv.sharing.locks import LockOrderError, OrderedLock, Rank, enforce_order, ranked_lock
from tests.peer import DEADLINE_SECONDS


@pytest.fixture
def unenforced() -> Iterator[None]:
    enforce_order(False)
    yield
    enforce_order()


def test_locks_are_plain_unless_their_order_is_enforced(unenforced: None) -> None:
    assert type(ranked_lock(Rank.HUB)) is type(threading.Lock())


def test_every_test_runs_under_locks_that_check_their_order() -> None:
    assert isinstance(ranked_lock(Rank.HUB), OrderedLock)


def test_locks_can_be_taken_in_ascending_order_and_again_afterwards() -> None:
    locks = [ranked_lock(rank) for rank in sorted(Rank)]
    for _ in range(2):
        for lock in locks:
            assert lock.acquire()
        assert all(lock.locked() for lock in locks)
        for lock in locks:
            lock.release()
        assert not any(lock.locked() for lock in locks)


@pytest.mark.parametrize(("first", "second"), [(Rank.ROOM, Rank.HUB), (Rank.ROOM, Rank.ROOM)])
def test_a_lock_of_the_same_or_a_lower_rank_is_refused(first: Rank, second: Rank) -> None:
    lower = ranked_lock(second)
    with ranked_lock(first), pytest.raises(LockOrderError, match=f"{second.name} was taken under {first.name}"):
        lower.acquire()
    assert not lower.locked()
    with lower:  # there is nothing in its way any more
        assert lower.locked()


def test_taking_a_lock_twice_is_refused_instead_of_waiting_for_ever() -> None:
    lock = ranked_lock(Rank.HUB)
    with lock, pytest.raises(LockOrderError):
        lock.acquire()


def test_a_refused_lock_is_refused_whatever_was_released_or_tried_in_between() -> None:
    hub, room, log = ranked_lock(Rank.HUB), ranked_lock(Rank.ROOM), ranked_lock(Rank.ROOM_LOG)
    with log:
        assert room.acquire(blocking=False)
        with pytest.raises(LockOrderError):
            ranked_lock(Rank.ROOM_LOG).acquire()
        with pytest.raises(LockOrderError):
            hub.acquire()
        room.release()
        with pytest.raises(LockOrderError):
            hub.acquire()


def test_trying_without_waiting_may_go_out_of_order() -> None:
    hub = ranked_lock(Rank.HUB)
    with ranked_lock(Rank.ROOM):
        assert hub.acquire(blocking=False)
        assert not hub.acquire(blocking=False)
        hub.release()


def test_what_one_thread_holds_is_nothing_to_another() -> None:
    with ranked_lock(Rank.OUTBOX), ThreadPoolExecutor(1) as pool:
        assert pool.submit(ranked_lock(Rank.HUB).acquire).result(DEADLINE_SECONDS)


def test_a_condition_can_stand_on_an_ordered_lock() -> None:
    lock = ranked_lock(Rank.FEED)
    condition = threading.Condition(lock)  # type: ignore[arg-type]  # as the engine's do
    is_ready: list[bool] = []

    def wait() -> int:
        with condition:
            assert condition.wait_for(lambda: is_ready, DEADLINE_SECONDS)
        with ranked_lock(Rank.HUB):  # nothing is held any more
            return 1

    with ThreadPoolExecutor(4) as pool:
        waiting = [pool.submit(wait) for _ in range(4)]
        with condition:
            is_ready.append(True)
            condition.notify_all()
        assert sum(waiter.result() for waiter in waiting) == 4
