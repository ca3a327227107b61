"""Behaviour of chatsrv.net.listening.crowdlog: the first lines in full, a crowd in one line, and a bound."""

import logging
from concurrent.futures import ThreadPoolExecutor

import pytest

from chatsrv.net.listening.crowdlog import FULL_LINES, INTERVAL_SECONDS, PEOPLE, SITES, CrowdLog, Event
from tests.journal import Journal

HERE, THERE = "192.0.2.1", "198.51.100.7"
COUNTED = "plain: more connections turned away are counted from here on, and summed up every 60 seconds"


class Crowd:
    """A crowd log with a clock of its own, and what it wrote."""

    def __init__(self, journal: Journal) -> None:
        self.now = 0.0
        self.due: list[float] = []
        self.log = CrowdLog(lambda: "plain", lambda seconds: self.due.append(self.now + seconds), lambda: self.now)
        self._journal = journal

    def turn_away(self, times: int, address: str = HERE) -> None:
        """Have somebody turned away so many times."""
        for _ in range(times):
            self.log.write(Event.TURNED_AWAY, address, "turned %s away", address)

    def go_on(self, seconds: float = INTERVAL_SECONDS) -> None:
        """Let time go by; the log is woken whenever it wanted to be."""
        end = self.now + seconds
        while due := sorted(at for at in self.due if at <= end):
            self.now = due[0]
            self.due.remove(self.now)
            self.log.flush()
        self.now = end

    def lines(self) -> list[str]:
        """Return the lines written since this was asked last."""
        return self._journal.take()


@pytest.fixture
def crowd(journal: Journal) -> Crowd:
    return Crowd(journal)


def test_a_few_lines_are_written_as_they_are(crowd: Crowd) -> None:
    crowd.turn_away(FULL_LINES)
    assert crowd.lines() == ["turned 192.0.2.1 away"] * FULL_LINES
    crowd.go_on()
    assert crowd.lines() == []
    assert not crowd.due


def test_a_crowd_is_one_line_an_interval_which_names_those_that_cause_most(crowd: Crowd) -> None:
    crowd.turn_away(FULL_LINES + 40_000)
    crowd.turn_away(500, THERE)
    crowd.turn_away(3, "203.0.113.1")
    assert crowd.lines() == ["turned 192.0.2.1 away"] * FULL_LINES + [COUNTED]
    crowd.go_on()
    summed = "plain: more connections turned away: 40503 in 60 seconds (40000 from 192.0.2.1, 500 from 198.51.100.7)"
    assert crowd.lines() == [summed]


def test_while_it_goes_on_nothing_is_written_but_that_line(crowd: Crowd) -> None:
    for minute in range(5):
        crowd.turn_away(1000)
        crowd.go_on()
        lines = crowd.lines()
        assert len(lines) == (FULL_LINES + 2 if minute == 0 else 1)
    assert lines == ["plain: more connections turned away: 1000 in 60 seconds (1000 from 192.0.2.1)"]


def test_what_comes_after_a_quiet_interval_is_written_in_full_again(crowd: Crowd) -> None:
    crowd.turn_away(1000)
    crowd.go_on()
    crowd.turn_away(2)
    crowd.go_on()
    assert crowd.lines()[-1] == "plain: more connections turned away: 2 in 60 seconds (2 from 192.0.2.1)"
    crowd.go_on()
    assert not crowd.due  # nothing wakes an idle server
    crowd.turn_away(1)
    assert crowd.lines() == ["turned 192.0.2.1 away"]


def test_a_crowd_that_is_gone_is_summed_up_though_nothing_more_happens(crowd: Crowd) -> None:
    crowd.turn_away(FULL_LINES + 5)
    crowd.lines()
    crowd.go_on(10 * INTERVAL_SECONDS)
    assert crowd.lines() == ["plain: more connections turned away: 5 in 60 seconds (5 from 192.0.2.1)"]


def test_what_was_counted_is_summed_up_at_the_stop(crowd: Crowd) -> None:
    crowd.turn_away(FULL_LINES + 5)
    crowd.lines()
    crowd.now += 7
    crowd.log.flush(is_last=True)
    assert crowd.lines() == ["plain: more connections turned away: 5 in 7 seconds (5 from 192.0.2.1)"]


def test_kinds_of_lines_are_counted_apart(crowd: Crowd) -> None:
    crowd.turn_away(1000)
    crowd.lines()
    crowd.log.write(Event.ENDED, HERE, "ended")
    assert crowd.lines() == ["ended"]
    crowd.now += INTERVAL_SECONDS / 2
    for _ in range(FULL_LINES):
        crowd.log.write(Event.ENDED, HERE, "ended")
    crowd.go_on(INTERVAL_SECONDS / 2)
    assert crowd.lines()[-1].startswith("plain: more connections turned away: 970 in 60 seconds ")
    crowd.go_on(INTERVAL_SECONDS / 2)
    assert crowd.lines() == ["plain: more ends of sessions without a login: 1 in 60 seconds (1 from 192.0.2.1)"]


def test_one_customers_addresses_are_summed_up_as_one(crowd: Crowd) -> None:
    crowd.turn_away(FULL_LINES)
    for number in range(100):
        crowd.turn_away(1, f"2001:db8::{number:x}")
    crowd.lines()
    crowd.go_on()
    assert crowd.lines() == ["plain: more connections turned away: 100 in 60 seconds (100 from 2001:db8::/64)"]


def test_the_worst_is_named_among_more_addresses_than_are_counted(crowd: Crowd) -> None:
    crowd.turn_away(FULL_LINES)
    for number in range(20_000):
        crowd.turn_away(1, f"10.0.{number >> 8}.{number & 255}")
        if number % 4 == 0:
            crowd.turn_away(1, THERE)
    crowd.lines()
    crowd.go_on()
    (line,) = crowd.lines()
    before, _, after = line.partition("at least ")
    assert before == "plain: more connections turned away: 25000 in 60 seconds ("
    least, _, address = after.partition(" from ")
    assert address == f"{THERE})"
    assert 5000 - 25_000 // (SITES + 1) <= int(least) <= 5000


def test_where_nobody_is_the_worst_nobody_is_named(crowd: Crowd) -> None:
    for number in range(FULL_LINES + 20_000):
        crowd.turn_away(1, f"10.0.{number >> 8}.{number & 255}")
    crowd.lines()
    crowd.go_on()
    assert crowd.lines() == ["plain: more connections turned away: 20000 in 60 seconds (from many addresses)"]


def test_a_line_for_a_crowd_tells_who_was_in_it(crowd: Crowd) -> None:
    for name in ("'alice'", "'bob'", "'bob'", *(f"'user{number}'" for number in range(40))):
        for _ in range(Event.PENALISED.full_lines if name == "'alice'" else 1):
            crowd.log.write(Event.PENALISED, HERE, "refused %s", name, who=name)
    lines = crowd.lines()
    assert lines[: Event.PENALISED.full_lines] == ["refused 'alice'"] * Event.PENALISED.full_lines
    crowd.go_on()
    people = ", ".join(["'bob' 2 times", *(f"'user{number}'" for number in range(40))])
    assert crowd.lines() == [
        f"plain: more logins refused unseen: 42 in 60 seconds (42 from {HERE}; as {people})",
    ]


def test_of_more_names_than_are_counted_those_are_told_that_come_most(crowd: Crowd) -> None:
    def write(name: str) -> None:
        crowd.log.write(Event.PENALISED, HERE, "refused", who=name)

    for number in range(10_000):
        write(f"'user{number}'")
        if number % 4 == 0:
            write("'bob'")
    crowd.lines()
    crowd.go_on()
    [line] = crowd.lines()
    assert "; as 'bob' " in line
    assert line.endswith(", others)")
    assert len(line) < 40 * PEOPLE
    for number in range(20_000):
        write(f"'user{number}'")
    crowd.go_on()
    assert len(crowd.lines()[0]) < 40 * PEOPLE


def test_threads_that_write_at_once_are_all_counted(crowd: Crowd) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: crowd.turn_away(500), range(8)))
    lines = crowd.lines()
    assert len(lines) == FULL_LINES + 1
    assert COUNTED in lines
    crowd.go_on()
    assert crowd.lines() == ["plain: more connections turned away: 3970 in 60 seconds (3970 from 192.0.2.1)"]


def test_what_is_not_logged_is_not_counted(crowd: Crowd) -> None:
    logging.getLogger("chatsrv").setLevel(logging.ERROR)
    crowd.turn_away(1000)
    assert not crowd.due
