"""Behaviour of chatsrv.model.changes: a change comes out of an entry's text as it went in."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatsrv.model.changes import MODERATION, Change, What, network_of
from chatsrv.text.names import NAME_BYTES, account_key, prepare_name

WORDS = st.text(st.characters(exclude_categories=["Cs"]))
CHANGES = st.builds(
    Change,
    st.sampled_from(What),
    room=WORDS,
    target=WORDS,
    until=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    text=WORDS,
)


@given(CHANGES)
def test_a_change_is_decoded_as_it_was_encoded(change: Change) -> None:
    decoded = Change.decode(change.encode())
    assert decoded == change
    assert type(decoded) is Change
    assert type(decoded.what) is What


@given(CHANGES)
def test_a_change_is_one_line_that_a_file_can_hold(change: Change) -> None:
    assert "\n" not in change.encode()
    assert change.encode().encode()


def test_what_is_empty_is_left_out() -> None:
    assert Change(What.UNMUTE, target="bob").encode() == '{"what":"unmute","target":"bob"}'
    assert Change(What.BAN, "dev", "bob", 0.0).encode() == '{"what":"ban","room":"dev","target":"bob","until":0.0}'


def test_whole_seconds_are_a_time_too() -> None:
    assert Change.decode('{"what":"ban","until":7}') == Change(What.BAN, until=7)


@pytest.mark.parametrize(
    "text",
    [
        *("", "ban", "null", "[]", '"ban"', "{}", '{"what":"ban"', '{"what":"ban"} ', '{"what":"ban"}{}'),
        *('{"what":"abolish"}', '{"what":null}', '{"what":["ban"]}', '{"what":{}}', '{"room":"dev"}'),
        *('{"what":"ban","room":1}', '{"what":"ban","target":null}', '{"what":"ban","text":["x"]}'),
        *('{"what":"ban","until":"7"}', '{"what":"ban","until":true}', '{"what":"ban","until":NaN}'),
        *('{"what":"ban","until":Infinity}', '{"what":"ban","until":1e999}', '{"what":"ban","until":-1e999}'),
        *('{"what":"ban","colour":"red"}', '{"what":"ban","x":' + "[" * 100_000),
    ],
    ids=lambda text: text[:40],
)
def test_what_is_no_change_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever it says
        Change.decode(text)


@given(st.recursive(st.none() | st.booleans() | st.floats() | st.text(), lambda inner: st.lists(inner)))
def test_only_value_errors_come_of_other_values(value: object) -> None:
    for field in ("what", "room", "target", "until", "text"):
        try:
            Change.decode(json.dumps({"what": "ban", field: value}))
        except ValueError:
            continue


def test_whom_somebody_does_not_want_to_hear_and_how_they_read_is_nobody_elses_business() -> None:
    assert {What.JOIN, What.PART, What.IGNORE, What.UNIGNORE, What.SET} == set(What) - MODERATION


@given(st.text("aAzZ09\N{KELVIN SIGN}ſéÉ-@", max_size=NAME_BYTES + 1))
def test_the_key_of_a_name_is_its_prepared_form_or_else_itself(name: str) -> None:
    try:
        prepared = prepare_name(name)
    except ValueError:
        prepared = name
    assert account_key(name) == prepared


def test_a_target_is_a_network_only_in_cidr_notation() -> None:
    assert str(network_of("192.0.2.77/24")) == "192.0.2.0/24"
    assert str(network_of("2001:DB8::/32")) == "2001:db8::/32"
    for name in ("bob", "192.0.2.1", "12", "a/b", "192.0.2.0/33", "/", ""):
        assert network_of(name) is None
