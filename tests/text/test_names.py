"""Behaviour of chatsrv.text.names."""

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from precis_i18n import get_profile

from chatsrv.text import names
from chatsrv.text.names import (
    NAME_BYTES,
    PASSWORD_BYTES,
    account_key,
    prepare_name,
    prepare_new_password,
    prepare_password,
    prepare_room,
)


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


@pytest.mark.parametrize("raw", ["", "a\tb", "a\0", "\x85", "\u2028", "\ud800", "\ufe0f", "x" * (PASSWORD_BYTES + 1)])
def test_a_refused_password_is_not_told(raw):
    with pytest.raises(ValueError, match="a password has 1 to 1024 bytes") as caught:
        prepare_password(raw)
    assert raw == "" or raw not in str(caught.value)
    assert caught.value.__cause__ is None


TYPED = [
    "I \u2764\ufe0f tea",
    "\u2764 tea",
    "1\ufe0f\u20e3 two 3\u20e3",
    "\U0001f469\u200d\U0001f469\u200d\U0001f467",  # a family
    "\u2764\ufe0f\u200d\U0001f525 in the heart",
    "\U0001f44d\U0001f3fd",  # a skin tone
    "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f",  # Scotland
    "\U0001f1ea\U0001f1fa",
    "\U0001faea \U0001fac8",  # newer than Unicode 15
    "\U0001faff\U0001fc00\U0001fffd",  # in no version yet
    "tea \u00b7 time \u30fb now",  # for which RFC 8264 asks for certain neighbours
    "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",  # Persian, with a non-joiner
    "\u0640\u0640",  # tatweel, a key of every Arabic keyboard
    "\u0661\u06f1",
    "\u845b\U000e0100",  # a form of a Japanese name
    "\u1112\u1161\u11ab",
    "a\u00a0b",
    "\u2126",
    "  two  spaces  ",
]


@pytest.mark.parametrize("typed", TYPED, ids=ascii)
def test_what_people_type_can_be_set_and_is_the_same_at_the_login(typed):
    assert prepare_new_password(typed) == prepare_password(typed) == prepare_password(prepare_password(typed))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("\u2764\ufe0f", "\u2764"),
        ("\u2764\ufe0f\u200d\U0001f525", "\u2764\u200d\U0001f525"),
        ("1\ufe0f\u20e3", "1\u20e3"),
        ("\u845b\U000e0100", "\u845b"),
        ("a\u00a0b\u3000c", "a b c"),
        ("\u2126", "\u03a9"),
        ("\u1112\u1161\u11ab", "\ud55c"),
        ("a\ufe0f\u0301", "\u00e1"),
    ],
    ids=ascii,
)
def test_what_two_keyboards_write_for_one_and_the_same_is_one_password(one, other):
    assert prepare_password(one) == prepare_password(other)


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("tea\ttime", "U+0009, which is a control character"),
        ("tea\x85", "U+0085, which is a control character"),
        ("tea\u2028", "U+2028 LINE SEPARATOR, which ends a line"),
        ("tea\ud83d", "U+D83D, which is half of a character"),
        ("\u200btea", "U+200B ZERO WIDTH SPACE, which is invisible"),
        ("tea\ufeff", "U+FEFF ZERO WIDTH NO-BREAK SPACE, which is invisible"),
        ("te\u00ada", "U+00AD SOFT HYPHEN, which is invisible"),
        ("te\u202ea", "U+202E RIGHT-TO-LEFT OVERRIDE, which is invisible"),
        ("tea\u200d", "U+200D ZERO WIDTH JOINER, which is invisible where it stands"),
        ("\u200d\U0001f525", "U+200D ZERO WIDTH JOINER, which is invisible where it stands"),
        ("\U0001f469\u200d\u200d", "U+200D ZERO WIDTH JOINER, which is invisible where it stands"),
        ("tea \u200c\u0645", "U+200C ZERO WIDTH NON-JOINER, which is invisible where it stands"),
        ("tea\U000e0067", "U+E0067 TAG LATIN SMALL LETTER G, which is invisible"),
        ("tea\u3164", "U+3164 HANGUL FILLER, which is invisible"),
        ("tea\ufff9", "U+FFF9 INTERLINEAR ANNOTATION ANCHOR, which only formats what stands around it"),
        ("tea\uf8ff", "U+F8FF, which is for private use: it is something else on each machine"),
        ("tea\ufffe", "U+FFFE, which stands for no character"),
        ("tea\ufdd0", "U+FDD0, which stands for no character"),
        ("tea\U0003ffff", "U+3FFFF, which stands for no character"),
        ("tea\U000e1000", f"U+E1000, which is not in Unicode {unicodedata.unidata_version}, the version known here"),
    ],
    ids=ascii,
)
def test_a_character_that_a_new_password_must_not_have_is_named_with_the_reason(typed, told):
    with pytest.raises(ValueError, match="a password has 1 to 1024 bytes") as caught:
        prepare_new_password(typed)
    assert str(caught.value).partition("; this one has ")[2] == told
    assert "tea" not in str(caught.value)


def test_what_is_merely_not_accepted_in_new_passwords_is_still_compared():
    for typed in ("tea\u200b", "tea\u00ad", "tea\uf8ff", "tea\U000e1000"):
        assert prepare_password(typed) == typed


@settings(deadline=None)
@given(st.text(max_size=40))
def test_whatever_rfc_8265_accepts_is_accepted_and_prepared_as_it_says(raw):
    try:
        prepared = get_profile("OpaqueString").enforce(raw)
    except UnicodeError:
        return
    assert prepare_new_password(raw) == prepare_password(raw) == prepared


def test_spaces_and_selectors_are_all_that_unicode_has():
    every = [chr(code) for code in (*range(0x20000), *range(0xE0000, 0xE2000))]
    spaces = {letter for letter in every if unicodedata.category(letter) == "Zs"}
    assert {letter for letter in every if names._SPACES.match(letter)} == spaces - {" "}
    selectors = {letter for letter in every if "VARIATION SELECTOR" in unicodedata.name(letter, "")}
    assert {letter for letter in every if names._SELECTORS.match(letter)} == selectors


def test_no_pictograph_moves_or_composes_whatever_version_has_it():
    for letter in filter(names._PICTOGRAPHS.match, map(chr, range(0x1F000, 0x20000))):
        assert not unicodedata.combining(letter)
        assert unicodedata.normalize("NFC", f"a{letter}\u0301") == f"a{letter}\u0301"
        assert unicodedata.category(letter) in ("So", "Sk", "Sm", "No", "Nd", "Cn"), ascii(letter)


@settings(deadline=None)
@given(st.text(max_size=80))
def test_preparing_twice_changes_nothing_and_only_value_error_escapes(raw):
    for prepare in (prepare_name, prepare_room, prepare_password, prepare_new_password):
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
