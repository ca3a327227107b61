"""Behaviour of chatsrv.chat.lookups: so many at once, one for each account, and the accounts by turns."""

import threading

from chatsrv.chat.lookups import Lookups, Turn
from tests.peer import DEADLINE_SECONDS


class Line:
    """Turns by their names, whose first letter is the account."""

    def __init__(self, at_once: int) -> None:
        self._lookups = Lookups(at_once)
        self._turns: dict[str, Turn] = {}

    def join(self, *names: str) -> "Line":
        for name in names:
            self._turns[name] = self._lookups.turn(name[0])
        return self

    def end(self, name: str) -> "Line":
        with self._turns.pop(name):
            pass
        return self

    @property
    def at_work(self) -> list[str]:
        return sorted(name for name, turn in self._turns.items() if turn.news.is_set())


def test_so_many_work_at_once_and_the_others_in_the_order_in_which_they_came() -> None:
    line = Line(2).join("a", "b", "c", "d")
    assert line.at_work == ["a", "b"]
    assert line.end("b").at_work == ["a", "c"]
    assert line.end("a").at_work == ["c", "d"]
    assert line.end("c").end("d").join("e", "f", "g").at_work == ["e", "f"]


def test_an_account_has_one_turn_at_a_time_however_many_sessions_it_has() -> None:
    line = Line(3).join("a1", "a2", "a3")
    assert line.at_work == ["a1"]
    assert line.join("b").at_work == ["a1", "b"]
    assert line.end("a1").at_work == ["a2", "b"]
    assert line.end("b").at_work == ["a2"]
    assert line.end("a2").end("a3").join("c", "d", "e", "f").at_work == ["c", "d", "e"]


def test_the_accounts_take_turns_whatever_each_asks_for() -> None:
    line = Line(1).join("a1", "a2", "a3", "a4", "b1", "b2", "c1")
    order = []
    while at_work := line.at_work:
        (name,) = at_work
        order.append(name)
        line.end(name)
    assert order == ["a1", "a2", "b1", "c1", "a3", "b2", "a4"]


def test_whoever_waits_goes_on_when_the_turn_comes_also_behind_one_that_failed() -> None:
    lookups = Lookups(1)
    is_done = threading.Event()

    def look_up() -> None:
        with lookups.turn("b"):
            is_done.set()

    thread = threading.Thread(target=look_up)
    try:
        with lookups.turn("a"):
            thread.start()
            assert not is_done.is_set()
            raise ValueError("failed")
    except ValueError:
        pass
    assert is_done.wait(DEADLINE_SECONDS)
    thread.join()
