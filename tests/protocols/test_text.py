"""What is taken out of a text, and above all what is not."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatsrv.protocols.text import clean

FORBIDDEN = {
    chr(code) for code in range(0x110000) if unicodedata.category(chr(code)) in ("Cc", "Zl", "Zp", "Cs")
} | set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")


@pytest.mark.parametrize(
    ("text", "cleaned"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b[38;5;196mred", "red"),
        ("\x9b2Jgone", "gone"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b]8;;http://x/\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1bP1$r\x9cafter", "after"),
        ("\x1bcreset", "reset"),
        ("\x1b(Bcharset", "charset"),
        ("\x1b]never ends", "]never ends"),
        ("\x1b[12", "[12"),
        ("\x1b]one\x1b[1m two\x07", "]one two"),
        ("a\x00b\x07c\x7fd\x85e", "abcd e"),
        ("a\tb\rc\vd\u2028e\u2029f", "a b c d e f"),
        ("user\u202etxt.exe", "usertxt.exe"),
        ("\u2067a\u2069\u200f\u061c\ufeffb", "ab"),
        ("lone \ud800 half", "lone  half"),
        ("Z" + "\u0300" * 50 + "a", "Z" + "\u0300" * 4 + "a"),
        ("Z" + "\u0300\u200d" * 50, "Z" + "\u0300\u200d" * 2),
    ],
)
def test_what_is_taken_out(text: str, cleaned: str) -> None:
    assert clean(text) == cleaned


@pytest.mark.parametrize(
    "text",
    [
        "plain words",
        "übergroß, żółć, Ångström",
        "e\u0301 Việt Nam",
        "привет, γειά, 你好, こんにちは, 안녕",
        "שָׁלוֹם مَرْحَبًا",
        "می\u200cخواهم",  # noqa: RUF001 - Persian, not Latin
        "क्\u200dष नमस्ते",
        "👩\u200d👩\u200d👧\u200d👦 ❤\ufe0f 1\ufe0f\u20e3 👍🏽",
        "no\u00a0break",
        "[31m is only text",
    ],
)
def test_what_stays(text: str) -> None:
    assert clean(text) == text


@given(st.text())
def test_nothing_forbidden_survives(text: str) -> None:
    assert not FORBIDDEN.intersection(clean(text))


@given(st.text(st.sampled_from("ab\x1b[]0;m\x07\\\x9b\x9c\x90\u0300\u200d\u202e \t")))
def test_cleaning_twice_changes_nothing(text: str) -> None:
    assert clean(clean(text)) == clean(text)


def test_hostile_text_takes_no_more_than_linear_time() -> None:
    # Quadratic searching would take minutes on these, and run into the suite's own timeout.
    for piece in ("\x1b]", "\x1b[", "\x1b[1;", "\x1b[ ", "\x1b ", "\x1b", "\u0300", "\u0300a"):
        clean(piece * 500_000)
