"""Behaviour of chatsrv.text.durations."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatsrv.text.durations import MOST_SECONDS, parse, said


@pytest.mark.parametrize(
    ("typed", "seconds"),
    [
        ("30s", 30),
        ("10m", 600),
        ("2h", 7200),
        ("3D", 259_200),
        ("1w", 604_800),
        ("1d12h", 129_600),
        ("520w", 314_496_000),
    ],
)
def test_what_is_typed_is_a_number_of_seconds(typed: str, seconds: int) -> None:
    assert parse(typed) == seconds


@pytest.mark.parametrize(
    "typed",
    ["", "10", "10x", "m", "0m", "0d0h", "1.5h", "-1h", "1m ", "522w", "9" * 60_000 + "d", "1h" * 9, "\u0661h", "1 h"],
)
def test_what_is_no_duration_is_refused_with_what_is_accepted(typed: str) -> None:
    with pytest.raises(ValueError, match="accepted is a duration such as 30s, 10m, 2h, 3d, 1w or 1d12h, up to 10 year"):
        parse(typed)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0 seconds"),
        (1, "1 second"),
        (59.7, "1 minute"),
        (7200, "2 hours"),
        (3601, "1 hour 1 second"),
        (90_061, "1 day 1 hour"),
        (14 * 86_400, "2 weeks"),
    ],
)
def test_a_duration_is_said_in_two_words_at_most(seconds: float, words: str) -> None:
    assert said(seconds) == words


@given(st.text(max_size=30))
def test_whatever_is_typed_is_within_the_bounds_or_refused(typed: str) -> None:
    with contextlib.suppress(ValueError):
        assert 0 < parse(typed) <= MOST_SECONDS
