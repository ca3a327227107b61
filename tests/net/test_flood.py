"""Behaviour of chatsrv.net.flood, under a clock that the test sets."""

import pytest

from chatsrv.net.flood import Bucket, Flow


class Clock:
    """Stands still unless the test moves it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_burst_is_welcome_the_next_line_warned_and_twice_the_burst_too_much(clock: Clock) -> None:
    bucket = Bucket(1.0, 5, clock)
    flows = [bucket.take(1) for _ in range(11)]
    assert flows == [(1, Flow.SMOOTH)] * 5 + [(1, Flow.WARNING)] + [(1, Flow.SMOOTH)] * 4 + [(0, Flow.FLOODING)]


def test_of_many_lines_at_once_those_up_to_the_brim_are_allowed_and_the_peer_is_warned_first(clock: Clock) -> None:
    bucket = Bucket(1.0, 5, clock)
    assert bucket.take(4) == (4, Flow.SMOOTH)
    assert bucket.take(100) == (6, Flow.WARNING)
    assert bucket.take(1) == (0, Flow.FLOODING)


def test_many_lines_at_once_within_twice_the_burst_are_warned(clock: Clock) -> None:
    assert Bucket(1.0, 5, clock).take(10) == (10, Flow.WARNING)


def test_time_lets_lines_out(clock: Clock) -> None:
    bucket = Bucket(2.0, 5, clock)
    bucket.take(5)
    clock.now += 1.5
    assert bucket.take(3) == (3, Flow.SMOOTH)
    assert bucket.take(1) == (1, Flow.WARNING)


def test_a_steady_sender_within_the_rate_is_never_warned(clock: Clock) -> None:
    bucket = Bucket(10.0, 1, clock)
    for _ in range(1000):
        assert bucket.take(1) == (1, Flow.SMOOTH)
        clock.now += 0.125


def test_a_steady_sender_over_the_rate_is_warned_and_then_flooding(clock: Clock) -> None:
    bucket = Bucket(8.0, 4, clock)
    flows = []
    while Flow.FLOODING not in flows:
        flows.append(bucket.take(1)[1])
        clock.now += 0.0625
    assert flows.count(Flow.WARNING) == 1
    assert flows[-1] is Flow.FLOODING


def test_one_who_heeds_the_warning_is_not_warned_again_before_the_bucket_was_empty(clock: Clock) -> None:
    bucket = Bucket(1.0, 5, clock)
    assert bucket.take(6) == (6, Flow.WARNING)
    clock.now += 4.0
    assert bucket.take(4) == (4, Flow.SMOOTH)  # at 6 again
    clock.now += 6.0
    assert bucket.take(6) == (6, Flow.WARNING)


def test_quiet_time_saves_up_no_more_than_one_burst(clock: Clock) -> None:
    bucket = Bucket(1.0, 5, clock)
    clock.now += 1_000_000
    assert bucket.take(11) == (10, Flow.WARNING)


def test_a_fraction_of_a_line_is_no_line(clock: Clock) -> None:
    bucket = Bucket(1.0, 5, clock)
    bucket.take(10)
    clock.now += 0.5
    assert bucket.take(1) == (0, Flow.FLOODING)
    clock.now += 0.5
    assert bucket.take(1) == (1, Flow.SMOOTH)


def test_a_rate_of_zero_switches_flood_control_off(clock: Clock) -> None:
    bucket = Bucket(0.0, 1, clock)
    for _ in range(10):
        assert bucket.take(1_000_000) == (1_000_000, Flow.SMOOTH)
