"""What is taken out of a text, and above all what is not."""

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatsrv.text.characters import BLANK, COMBINING, COMBINING_IN_A_ROW, IGNORABLE, MARKS_IN_A_ROW, STACKING, choice
from chatsrv.text.cleaning import clean, is_blank, is_clean, without_lead

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
        ("Z" + "\u0300\u200d" * 50, "Z" + "\u0300\u200d" * 4),
        # what nobody sees
        ("jo\u1160i\u00adn\u2061e\u3164d", "joined"),
        ("jo\u200dined \u200c\ufe0f", "joined "),
        ("\u200d\ufe0fhello", "hello"),
        ("é\u034f\u200d\u200d\u200cx", "é\u034f\u200dx"),
        ("ж" + "".join(map(chr, range(0xE0100, 0xE01F0))), "ж\U000e0100"),
        ("\u17b4\u17b5\u180e\ufff0\U0001d173\U000e0001\U000e0fff", ""),
        ("a" + "".join(chr(0xE0000 + ord(letter)) for letter in "hidden") + "b", "ab"),
        ("\U0001f3f4\U000e0067\U000e0062x", "\U0001f3f4x"),  # a flag without its end
        ("\U0001f3f4" + "\U000e0061" * 7 + "\U000e007f", "\U0001f3f4"),
        ("\u2800\ufe0f", "\u2800"),
        # what is piled up
        ("ก" + "\u0e47" * 50, "ก" + "\u0e47" * 8),
        ("ก" + "\u0e49" * 50, "ก" + "\u0e49" * 4),
        ("ש" + "\u05b8" * 50, "ש" + "\u05b8" * 4),
        ("ب" + "\u064e\u0651" * 50, "ب" + "\u064e\u0651" * 2),
        ("ཀ" + "\u0f72" * 50, "ཀ" + "\u0f72" * 4),
        ("か" + "\u3099" * 50, "か" + "\u3099" * 4),
        ("\U0001d157" + "\U0001d165" * 50, "\U0001d157" + "\U0001d165" * 4),
        ("\U0001d157" + "\U0001d16d\U0001d17b" * 50, "\U0001d157" + "\U0001d16d\U0001d17b" * 2),
        ("x" + "\u0489" * 50, "x" + "\u0489" * 8),
        ("x" + "\u0488\u0300" * 50, "x" + "\u0488\u0300" * 4),
        ("가" + "\u1161" * 50, "가" + "\u1161" * 8),
        ("क" + "\u0903" * 50, "क" + "\u0903" * 8),
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
        "Vie\u0323\u0302t Nam",
        "น้ำ ที่ ก็ ผู้ใหญ่",
        "ཧཱུྃ བསྒྲུབས ཀྵྨྲྱཱུྃ ༀམཎིཔདྨེ",
        "လျှို့ဝှက် ကျွန်ုပ် အမြွှာ",
        "ស្ត្រី ខ្ញុំ",
        "நீங்கள் ക്ഷ്യ বাংলা ਪੰਜਾਬੀ",
        "בְּרֵאשִׁ֖ית שָּׁ֣",
        "ٱلرَّحۡمَٰنِ ٱللَّهُ",
        "ᠮᠣᠩᠭᠣᠯ ᠰᠠᠶᠢ\u180bᠨ ᠬᠠ\u180eᠠ",
        "がぱ か\u3099は\u309a カ゛",
        "각 \u1100\u1161\u11a8",
        "葛\U000e0100 辻\ufe00",
        "привет, γειά, 你好, こんにちは, 안녕",
        "שָׁלוֹם مَرْحَبًا",
        "می\u200cخواهم",  # noqa: RUF001 - Persian, not Latin
        "क्\u200dष नमस्ते",
        "👩\u200d👩\u200d👧\u200d👦 ❤\ufe0f 1\ufe0f\u20e3 #\ufe0f\u20e3 👍🏽 ©\ufe0f ☺\ufe0e",
        "🏳\ufe0f\u200d🌈 ❤\ufe0f\u200d🔥 👩🏽\u200d❤\ufe0f\u200d💋\u200d👨🏻 🏴\u200d☠\ufe0f 🇺🇦🇩🇪",
        *(
            "\U0001f3f4" + "".join(chr(0xE0000 + ord(letter)) for letter in region) + "\U000e007f"
            for region in ("gbeng", "gbsct", "gbwls", "usca")
        ),
        "no\u00a0break",
        "[31m is only text",
    ],
)
def test_what_stays(text: str) -> None:
    assert clean(text) == text


def test_a_slash_is_the_first_whatever_nobody_sees_before_it() -> None:
    for lead in (*IGNORABLE, *BLANK, "\u0301", "\u2800\u0301\ufe0f", "\ufffd"):
        assert without_lead(clean(f"{lead}/msg")) == "/msg"
        assert without_lead(clean(f"{lead}{lead} {lead}/msg")) == "/msg"


@pytest.mark.parametrize("text", ["\u0301", "a", "\ufffd", "\u0600", "🏴", "_"])
def test_what_is_seen_is_not_blank(text: str) -> None:
    assert not is_blank(clean(text))


INVISIBLE = st.text(st.sampled_from(sorted(IGNORABLE | set(BLANK))))
ANY = st.text(
    st.one_of(
        st.characters(),
        st.sampled_from("a1é\x1b[]0;m\x07\\\x9b \t\U0001f3f4\u2764\u0e01\u0300\u0e47\u0f72\u1161\U0001d165"),
        st.sampled_from("\u00ad\u034f\u180e\u200c\u200d\u202e\u2061\ufe0f\U000e0061\U000e0067\U000e007f\U000e0100"),
    )
)


@given(INVISIBLE)
def test_what_nobody_sees_is_blank(text: str) -> None:
    assert is_blank(clean(text))


@given(ANY)
def test_what_nobody_sees_stands_only_where_it_changes_what_is_seen(text: str) -> None:
    cleaned = clean(text)
    for flag in re.findall("\U0001f3f4[\U000e0030-\U000e007a]{3,6}\U000e007f", cleaned):
        cleaned = cleaned.replace(flag, "é")
    for run in re.finditer(f"(?:^|.)[{choice(IGNORABLE)}]+", cleaned):
        assert re.fullmatch("[0-9#*]\ufe0f|[^\\s\\x00-\\x7f\u2800][^\u200c\u200d]?[\u200c\u200d]?", run[0]), ascii(
            run[0]
        )


@given(ANY)
def test_nothing_is_piled_up(text: str) -> None:
    for run in re.findall(f"[{choice(COMBINING)}]+", clean(text)):
        assert len(run) <= COMBINING_IN_A_ROW
        assert sum(mark in STACKING for mark in run) <= MARKS_IN_A_ROW


@given(st.lists(st.sampled_from(sorted(COMBINING)), max_size=20).map(lambda marks: "é" + "".join(marks) + "x"))
def test_of_a_pile_its_beginning_stays(text: str) -> None:
    cleaned = clean(text)
    kept = cleaned.removesuffix("x")
    assert kept == text[: len(kept)] or IGNORABLE.intersection(text)
    assert cleaned.endswith("x")


@given(ANY)
def test_what_is_known_to_be_clean_is(text: str) -> None:
    assert not is_clean(text) or clean(text) == text
    cleaned = clean(text)
    assert clean(cleaned) == cleaned


@given(st.text())
def test_nothing_forbidden_survives(text: str) -> None:
    assert not FORBIDDEN.intersection(clean(text))


@given(st.text(st.sampled_from("ab\x1b[]0;m\x07\\\x9b\x9c\x90\u0300\u200d\u202e \t")))
def test_cleaning_twice_changes_nothing(text: str) -> None:
    assert clean(clean(text)) == clean(text)


def test_hostile_text_takes_no_more_than_linear_time() -> None:
    # Quadratic searching would take minutes on these, and run into the suite's own timeout.
    for piece in (
        "\x1b]",
        "\x1b[",
        "\x1b[1;",
        "\x1b[ ",
        "\x1b ",
        "\x1b",
        "\u0300",
        "\u0300a",
        "é\u034f",
        "\ufe0f",
        "\U0001f3f4\U000e0061",
        "ก\u0e47\u0e49",
    ):
        clean(piece * 100_000)
