"""Behaviour of chatsrv.sharing.flood, under a clock that the test sets."""

import gc
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatsrv.sharing.flood import ANSWER_BYTES, IDLE_BYTES, PIECE_BYTES, Bucket, Buckets, Meter, price


class Clock:
    """Stands still unless the test moves it."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_burst_goes_at_once_and_what_comes_behind_it_waits_for_its_turn(clock: Clock) -> None:
    bucket = Bucket(1.0, 5, clock)
    assert [bucket.take(1) for _ in range(5)] == [(1, 0.0)] * 5
    assert [bucket.take(1) for _ in range(3)] == [(1, 1.0), (1, 2.0), (1, 3.0)]


def test_of_many_lines_at_once_those_that_fit_go_and_the_others_wait(clock: Clock) -> None:
    bucket = Bucket(1.0, 5, clock)
    assert bucket.take(100) == (5, 0.0)
    assert bucket.take(95) == (1, 1.0)


def test_a_paste_is_through_at_the_rate_however_long_it_is(clock: Clock) -> None:
    bucket, start, said = Bucket(10.0, 20, clock), clock.now, 0
    while said < 200:
        lines, seconds = bucket.take(200 - said)
        clock.now += seconds
        said += lines
    assert clock.now - start == pytest.approx(18.0)


def test_at_a_high_rate_a_tenth_of_a_second_is_promised_at_a_time(clock: Clock) -> None:
    bucket = Bucket(1000.0, 5, clock)
    bucket.take(5)
    assert bucket.take(5000) == (100, pytest.approx(0.1))


def test_one_device_waits_behind_another_for_what_that_one_was_promised_alone(clock: Clock) -> None:
    bucket = Bucket(10.0, 20, clock)
    bucket.take(20)
    pasting = bucket.take(180)
    typing = bucket.take(1)
    assert (pasting, typing) == ((1, pytest.approx(0.1)), (1, pytest.approx(0.2)))


def test_time_lets_lines_out(clock: Clock) -> None:
    bucket = Bucket(2.0, 5, clock)
    bucket.take(5)
    clock.now += 1.5
    assert bucket.take(3) == (3, 0.0)
    assert bucket.take(1) == (1, 0.5)


def test_a_steady_sender_within_the_rate_never_waits(clock: Clock) -> None:
    bucket = Bucket(10.0, 1, clock)
    for _ in range(1000):
        assert bucket.take(1) == (1, 0.0)
        clock.now += 0.125


def test_quiet_time_saves_up_no_more_than_one_burst(clock: Clock) -> None:
    bucket = Bucket(1.0, 5, clock)
    clock.now += 1_000_000
    assert bucket.take(11) == (5, 0.0)


def test_a_fraction_of_a_line_is_no_line(clock: Clock) -> None:
    bucket = Bucket(1.0, 5, clock)
    bucket.take(5)
    clock.now += 0.5
    assert bucket.take(2) == (1, 0.5)


def test_what_is_charged_is_waited_for_beyond_the_burst(clock: Clock) -> None:
    bucket = Bucket(2.0, 5, clock)
    assert bucket.charge(5) == 0.0
    assert bucket.charge(3) == 1.5
    assert bucket.take(1) == (1, 2.0)


def test_what_cannot_wait_is_allowed_up_to_twice_the_burst(clock: Clock) -> None:
    bucket = Bucket(1.0, 2, clock)
    assert [bucket.allow() for _ in range(6)] == [True] * 4 + [False] * 2
    clock.now += 1.0
    assert bucket.allow()


def test_a_rate_of_zero_switches_flood_control_off(clock: Clock) -> None:
    bucket = Bucket(0.0, 1, clock)
    assert not bucket.is_on
    for _ in range(10):
        assert bucket.take(1_000_000) == (1_000_000, 0.0)
        assert bucket.charge(1_000_000) == 0.0
        assert bucket.allow()


def test_sessions_of_one_account_share_a_bucket_and_those_of_two_do_not(clock: Clock) -> None:
    buckets = Buckets(1.0, 5, clock)
    alice = buckets.of("alice")
    assert buckets.of("alice") is alice
    assert buckets.of("bob") is not alice


def test_who_connects_again_finds_the_bucket_as_full_as_it_was(clock: Clock) -> None:
    buckets = Buckets(1.0, 5, clock)
    bucket = buckets.of("alice")
    bucket.take(5)
    buckets.leave(bucket)
    del bucket
    gc.collect()
    clock.now += 4.0
    assert buckets.of("alice").take(10) == (4, 0.0)


def test_an_empty_bucket_that_nobody_holds_is_forgotten(clock: Clock) -> None:
    buckets = Buckets(1.0, 5, clock)
    for number in range(100):
        bucket = buckets.of(f"user{number}")
        bucket.take(2)
        buckets.leave(bucket)
        del bucket
        clock.now += 1.0
    assert buckets.kept <= 2


def test_a_bucket_that_never_runs_empty_keeps_no_other_one(clock: Clock) -> None:
    buckets = Buckets(1.0, 5, clock)
    busy = buckets.of("alice")
    for number in range(1000):
        clock.now += 1.0
        busy.charge(1)
        busy.charge(1)
        buckets.leave(busy)
        buckets.leave(buckets.of(f"user{number}"))
    assert buckets.kept <= 3


def test_many_sessions_of_one_account_get_no_more_in_all_than_one_would(clock: Clock) -> None:
    bucket, start = Buckets(1.0, 50, clock).of("alice"), threading.Barrier(8)

    def send(_: int) -> list[float]:
        start.wait()
        return [bucket.take(1)[1] for _ in range(100)]

    with ThreadPoolExecutor(8) as pool:
        waits = sorted(seconds for sent in pool.map(send, range(8)) for seconds in sent)
    assert waits == [0.0] * 50 + [float(number) for number in range(1, 751)]


LINE_BYTES = 4096


def test_a_line_costs_nothing_beside_itself_however_long_it_is() -> None:
    meter = Meter(LINE_BYTES)
    assert [meter.count(size, 1, 0) for size in (2, 80, LINE_BYTES + 2) * 100] == [0] * 300


def test_a_block_of_lines_costs_nothing_beside_them() -> None:
    assert Meter(LINE_BYTES).count(65536, 16, 0) == 0


def test_a_line_that_comes_key_by_key_costs_nothing_beside_itself() -> None:
    meter = Meter(LINE_BYTES)
    for _ in range(100):
        assert [meter.count(1, 0, 0) for _ in range(80)] == [0] * 80
        assert meter.count(2, 1, 0) == 0


def test_a_telnet_program_that_offers_its_options_pays_nothing() -> None:
    meter = Meter(LINE_BYTES)
    assert [meter.count(3, 0, 1) for _ in range(20)] == [0] * 20


def test_input_without_lines_costs_a_line_for_every_so_many_bytes() -> None:
    meter = Meter(LINE_BYTES)
    paid = sum(meter.count(IDLE_BYTES - PIECE_BYTES, 0, 0) for _ in range(1000))
    assert paid == 1000 - LINE_BYTES // IDLE_BYTES


def test_answers_cost_more_than_the_bytes_that_ask_for_them() -> None:
    meter = Meter(LINE_BYTES)
    paid = sum(meter.count(300, 0, 100) for _ in range(1000))
    assert paid > 1000 * 100 * ANSWER_BYTES // IDLE_BYTES


def test_tiny_pieces_cost_what_it_takes_to_read_them() -> None:
    meter = Meter(LINE_BYTES)
    paid = sum(meter.count(1, 0, 0) for _ in range(10_000))
    assert paid > 10_000 * PIECE_BYTES // IDLE_BYTES - 10


def test_a_command_does_not_pay_for_whatever_comes_beside_it() -> None:
    assert Meter(LINE_BYTES).count(65536, 1, 0) > 100


def test_lines_said_before_pay_for_nothing_that_comes_later() -> None:
    meter = Meter(LINE_BYTES)
    for _ in range(1000):
        meter.count(2, 1, 0)
    assert meter.count(65536, 0, 0) > 100


PIECES = st.lists(st.tuples(st.integers(0, 65536), st.integers(0, 40), st.integers(0, 40_000)), max_size=50)


@given(PIECES, st.sampled_from([64, 4096, 65536]))
def test_whatever_comes_is_paid_for_but_for_the_line_that_has_begun(
    pieces: list[tuple[int, int, int]], line_bytes: int
) -> None:
    meter = Meter(line_bytes)
    idle = sum(meter.count(*piece) for piece in pieces)
    lines = sum(lines for _, lines, _ in pieces)
    cost = sum(price(size, answers) for size, _, answers in pieces)
    assert cost < (lines + 1) * line_bytes + (idle + 1) * IDLE_BYTES
    assert idle * IDLE_BYTES <= cost
