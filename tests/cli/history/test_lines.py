"""Times and lines of the commands about the history: what may be typed, and what entries look like."""

import json
import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatsrv.cli.history.lines import json_line, text_line, visible
from chatsrv.cli.history.times import moment, utc
from chatsrv.model.entries import Entry, Kind
from tests.cli.histories import AT, NOON

HOSTILE = "\x1b]0;x\x07\x1b[2J\r\n\x9b31m\u202egnp\u2028\x00\udc80"


def entry(kind: Kind = Kind.SAY, text: str = "hello", author: str = "bob", room: str = "lobby") -> Entry:
    return Entry(7, AT + 0.25, room, kind, author, 42, text)


# ---------------------------------------------------------------------------- times


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("2026-08-01T12:00:00Z", "2026-08-01T12:00:00"),
        ("2026-08-01t12:00:00z", "2026-08-01T12:00:00"),
        ("2026-08-01 12:00:00+02:00", "2026-08-01T10:00:00"),
        ("2026-07-31T23:30:00.5-01:00", "2026-08-01T00:30:00.500000"),
        ("2026-02-28", "2026-02-28T00:00:00"),
        ("90s", "2026-08-01T11:58:30"),
        ("15m", "2026-08-01T11:45:00"),
        ("2h", "2026-08-01T10:00:00"),
        ("3d", "2026-07-29T12:00:00"),
        ("4w", "2026-07-04T12:00:00"),
        ("0s", "2026-08-01T12:00:00"),
    ],
)
def test_a_moment_is_a_time_a_date_or_so_long_ago(typed: str, meant: str) -> None:
    assert moment(typed, NOON).isoformat() == f"{meant}+00:00"


@pytest.mark.parametrize(
    "typed",
    [
        *("", "h", "2", "-2h", "2y", "2 h", "1.5h", "yesterday", "999999999w", "٣d"),
        *("2026-02-30", "2026-8-1", "20260801", "2026-W31", "08/01/2026"),
        *("2026-08-01T12:00Z", "2026-08-01T12:00:00", "2026-08-01T25:00:00Z", "2026-08-01T12:00:00+2"),
        "0001-01-01T00:00:00+23:00",
    ],
)
def test_what_is_no_time_is_told_what_is_accepted(typed: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"{typed!r} is no time; accepted are 2026-08-01T12:30:00Z")):
        moment(typed, NOON)


@pytest.mark.parametrize("at", [2307638626634.35, -1e17, 1e300, float("inf")])
def test_a_time_that_no_calendar_has_is_shown_as_the_number_that_it_is(at: float) -> None:
    assert utc(at) == utc(at, digits="microseconds") == f"{at}"


@given(st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31)))
def test_a_time_that_was_shown_can_be_typed_again(at: datetime) -> None:
    at = at.replace(tzinfo=UTC)
    assert moment(utc(at.timestamp(), digits="microseconds"), NOON).timestamp() == at.timestamp()


# ---------------------------------------------------------------------------- lines


@pytest.mark.parametrize(
    ("shown", "line"),
    [
        (entry(), "<bob> hello"),
        (entry(Kind.ACTION, "waves"), "* bob waves"),
        (entry(Kind.ACTION, "left"), "<bob> /me left"),
        (entry(Kind.JOIN, ""), "* bob joined"),
        (entry(Kind.LEAVE, "LOST"), "* bob left (connection lost)"),
        (entry(Kind.LEAVE, "QUIT"), "* bob left"),
    ],
)
def test_text_is_what_a_chatter_would_have_read(shown: Entry, line: str) -> None:
    assert text_line(shown) == f"2026-08-01T12:00:00Z lobby {line}\n"


def test_text_of_an_erased_entry_is_none() -> None:
    assert text_line(entry(Kind.ERASED, "", "")) == ""


def test_json_tells_all_of_an_entry() -> None:
    assert json_line(entry(text='größer: "<\\>"')) == (
        '{"offset": 7, "at": "2026-08-01T12:00:00.250000Z", "room": "lobby", "kind": "say", '
        '"author": "bob", "text": "größer: \\"<\\\\>\\""}\n'
    )


@pytest.mark.parametrize("field", ["text", "author", "room"])
def test_nothing_in_a_line_moves_a_terminal(field: str) -> None:
    hostile = entry()._replace(**{field: HOSTILE})
    for line in (text_line(hostile), json_line(hostile)):
        assert line.removesuffix("\n").isprintable()
        assert line.encode()
    assert json.loads(json_line(hostile))[field] == HOSTILE


@given(st.text(), st.text())
def test_json_gives_every_text_back_in_one_line(text: str, author: str) -> None:
    line = json_line(entry(text=text, author=author))
    assert len(line.splitlines()) == 1
    told = json.loads(line)
    assert (told["text"], told["author"]) == (text, author)


def test_joiners_and_spaces_stay_as_they_are() -> None:
    harmless = "\N{WOMAN}\N{ZERO WIDTH JOINER}\N{ROCKET} quoi\N{NARROW NO-BREAK SPACE}?"
    assert visible(harmless) == harmless
