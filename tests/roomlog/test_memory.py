"""Behaviour of chatsrv.roomlog.memory, and that a log with a recorder can pass the contract of all logs."""

import itertools
import random
import time

import pytest

from chatsrv.model.entries import Kind, Position
from chatsrv.model.errors import Hole
from chatsrv.roomlog.base import LogStore, RoomLog
from chatsrv.roomlog.memory import MemoryStore
from chatsrv.testing.roomlog import RoomLogContract
from tests.roomlog.late import LateStore

ALL = 1_000_000


class TestContract(RoomLogContract):
    def make_store(self) -> LogStore:
        return MemoryStore(keep_entries=1000)

    def forget(self, log: RoomLog) -> bool:
        log.append(Kind.SAY, "alice", 1, ["x"] * 2000)
        return True


class TestContractOfALogWithARecorder(RoomLogContract):
    def make_store(self) -> LogStore:
        return LateStore(has_recorder=True)


class TestContractOfALogOfWhichLittleIsAtHand(RoomLogContract):
    def make_store(self) -> LogStore:
        chances = random.Random(1)
        return LateStore(has_recorder=True, is_at_hand=lambda: chances.random() < 0.3)


class TestContractOfALogWhoseOrderIsMadeElsewhere(RoomLogContract):
    def make_store(self) -> LogStore:
        return LateStore(has_recorder=True, orders_later=True)


def kept(log: RoomLog) -> list[int]:
    """Return the offsets of all entries that can be read."""
    return [entry.offset for entry in log.read_back(log.end, ALL)][::-1]


def test_between_one_and_two_times_the_number_to_keep_is_kept() -> None:
    log = MemoryStore(keep_entries=10).open("lobby")
    for last in range(1, 101):
        log.append(Kind.SAY, "alice", 1, ["x"])
        offsets = kept(log)
        assert offsets == list(range(last - len(offsets) + 1, last + 1))
        assert min(last, 10) <= len(offsets) < 20


def test_more_than_the_number_to_keep_in_one_call_is_trimmed_at_once() -> None:
    log = MemoryStore(keep_entries=10).open("lobby")
    log.append(Kind.SAY, "alice", 1, ["x"] * 1000)
    assert kept(log) == list(range(991, 1001))


def test_trimming_waits_for_the_slowest_follower_and_goes_on_when_it_has_read_or_is_closed() -> None:
    log = MemoryStore(keep_entries=10).open("lobby")
    slow = log.follow(log.end, lambda: None)
    slower = log.follow(log.end, lambda: None)
    log.append(Kind.SAY, "alice", 1, ["x"] * 100)
    slow.read(60)
    slower.read(30)
    log.append(Kind.SAY, "alice", 1, ["x"])
    assert kept(log) == list(range(31, 102))
    slower.read(50)
    log.append(Kind.SAY, "alice", 1, ["x"])
    assert kept(log) == list(range(61, 103))
    slow.close()
    log.append(Kind.SAY, "alice", 1, ["x"])
    assert kept(log) == list(range(81, 104))
    slower.close()
    log.append(Kind.SAY, "alice", 1, ["x"])
    assert kept(log) == list(range(95, 105))


def test_a_clock_that_is_set_back_does_not_set_entries_back(monkeypatch: pytest.MonkeyPatch) -> None:
    log = MemoryStore().open("lobby")
    clock = itertools.chain([1000.0, 400.0, 999.0], itertools.repeat(1001.0))
    monkeypatch.setattr(time, "time", lambda: next(clock))
    for _ in range(4):
        log.append(Kind.SAY, "alice", 1, ["x"])
    assert [entry.at for entry in log.read(Position(log.epoch, 0), ALL)] == [1000.0, 1000.0, 1000.0, 1001.0]


def test_each_store_begins_an_epoch_of_its_own() -> None:
    before, after = MemoryStore().open("lobby"), MemoryStore().open("lobby")
    position = before.append(Kind.SAY, "alice", 1, ["x"])
    after.append(Kind.SAY, "alice", 1, ["y"])
    with pytest.raises(Hole):
        after.read(position, ALL)
