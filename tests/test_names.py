"""Behaviour of chatsrv.names."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatsrv import names
from chatsrv.names import NAME_BYTES, PASSWORD_BYTES, account_key, prepare_name, prepare_password, prepare_room


@pytest.mark.parametrize(
    ("raw", "prepared"),
    [
        ("Alice", "alice"),
        ("\uff41\uff4cice", "alice"),
        ("a\N{COMBINING ACUTE ACCENT}", "á"),
        ("Straße", "straße"),
        ("用户", "用户"),
        ("alice@example.org", "alice@example.org"),
        ("a.b-c_d+e", "a.b-c_d+e"),
    ],
)
def test_equal_names_have_equal_forms(raw, prepared):
    assert prepare_name(raw) == prepared


@pytest.mark.parametrize(
    "raw",
    [
        "", "a b", " alice", "a\tb", "a\nb", "a\0b", "a\x1b[31m", "a<b", "b>", "a:b", "a,b", "#a",
        "\N{COMBINING ACUTE ACCENT}a",
        "\N{RIGHT-TO-LEFT OVERRIDE}a", "a\N{ZERO WIDTH SPACE}", "ﬁx", "😀", "\ud800", "\N{FULLWIDTH COLON}a", "\uff03a",
    ],
)  # fmt: skip
def test_a_name_that_would_spoil_its_line_is_refused_with_what_is_accepted(raw):
    with pytest.raises(ValueError, match="a name has 1 to 64 bytes"):
        prepare_name(raw)


def test_a_name_is_bounded_in_bytes():
    assert prepare_name("x" * NAME_BYTES)
    for raw in ("x" * (NAME_BYTES + 1), "ü" * (NAME_BYTES // 2 + 1)):
        with pytest.raises(ValueError, match="a name has"):
            prepare_name(raw)


def test_a_name_of_a_megabyte_is_refused_before_anything_is_done_with_it(monkeypatch):
    monkeypatch.setattr(names, "_enforce", None)  # calling it would be a TypeError
    with pytest.raises(ValueError, match="a name has"):
        prepare_name("x" * 1_000_000)
    with pytest.raises(ValueError, match="a password has"):
        prepare_password("x" * 1_000_000)


def test_a_password_keeps_case_and_width_and_composes_accents():
    assert prepare_password("\uff21 a\N{COMBINING ACUTE ACCENT} 😀") == "\uff21 á 😀"


@pytest.mark.parametrize("raw", ["", "a\tb", "a\0", "\N{ZERO WIDTH SPACE}", "x" * (PASSWORD_BYTES + 1)])
def test_a_refused_password_is_not_told(raw):
    with pytest.raises(ValueError, match="a password has 1 to 1024 bytes") as caught:
        prepare_password(raw)
    assert raw == "" or raw not in str(caught.value)
    assert caught.value.__cause__ is None


@settings(deadline=None)
@given(st.text(max_size=80))
def test_preparing_twice_changes_nothing_and_only_value_error_escapes(raw):
    for prepare in (prepare_name, prepare_room, prepare_password):
        try:
            prepared = prepare(raw)
        except ValueError:
            continue
        assert prepare(prepared) == prepared


@pytest.mark.parametrize(
    ("raw", "name"), [("dev", "dev"), ("#Dev", "dev"), ("Küche", "küche"), ("x" * 32, "x" * 32), ("c++", "c++")]
)
def test_a_room_has_one_name_however_it_is_typed(raw: str, name: str) -> None:
    assert prepare_room(raw) == prepare_room(name) == name


@pytest.mark.parametrize(
    "raw",
    [
        *["", "#", "##dev", "@bob", "#@bob", "*register", "-", "-x", "a b", "a]b", "[dev", "a:b", "\uff20bob"],
        *["x" * 33, "ü" * 17, "x" * 1_000_000],
    ],
)
def test_what_would_spoil_the_lines_of_a_room_is_no_name_for_it(raw: str) -> None:
    with pytest.raises(ValueError, match="a room's name has 1 to 32 bytes"):
        prepare_room(raw)


@pytest.mark.parametrize("raw", ["private", "#Server", "everywhere"])
def test_a_word_of_the_chat_itself_is_no_name_for_a_room(raw: str) -> None:
    with pytest.raises(ValueError, match=r"^that name is reserved$"):
        prepare_room(raw)


def test_nothing_too_long_for_a_name_is_remembered_as_one():
    kept = names._account_key.cache_info().currsize
    for number in range(100):
        typed = f"{number}" + "x" * NAME_BYTES
        assert account_key(typed) == typed
    assert names._account_key.cache_info().currsize == kept
