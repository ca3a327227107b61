"""Behaviour of chatsrv.roomlog.search.folding."""

# ruff: noqa: RUF001 - letters that look like others are what this is about

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatsrv.roomlog.search.folding import fold


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Łódź", "lodz"),
        ("Đorđe, đường, phố", "dorde, duong, pho"),
        ("Smørrebrød, Ærø, Århus", "smorrebrod, aero, arhus"),
        ("cœur", "COEUR"),
        ("Þingvellir við Öxará", "thingvellir vid oxara"),
        ("ISPARTA ısparta İstanbul", "isparta isparta istanbul"),
        ("Straße GROẞ", "strasse gross"),
        ("ħobża, ŧ, ɓ, ƙ, ɨ", "hobza, t, b, k, i"),
        ("ɟ ʄ", "j ʄ"),  # named after the dotless j with a stroke; the other letter is named after none
        ("ΣΊΣΥΦΟΣ", "σισυφος"),
        ("ᾳ", "αι"),
        ("Ґанок, Ёлка, Қазақ", "ганок, елка, казак"),
        ("שָׁלוֹם", "שלום"),
        ("مُحَمَّد محـــمد", "محمد محمد"),
        ("Ｐｙｔｈｏｎ３ ｶﾞｷﾞ", "python3 ガギ"),
        ("㍻ ㌔ ㈱ ① ﬁ ½", "平成 キロ (株) 1 fi 1⁄2"),
        ("सड़क", "सडक"),
        ("co\u00adop mi\u200bd مي\u200cخ", "coop mid ميخ"),
        ("1\ufe0f\u20e3", "1"),
        ("👍🏽 ❤️ 🤷🏿\u200d♀️", "👍 ❤ 🤷"),
        ("\u1103\u1162", "대"),
        ("e\u0301", "é"),
    ],
)
def test_what_does_not_count_goes(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("か", "が"),
        ("は", "ぱ"),
        ("ひ", "ヒ"),
        ("มา", "ม้า"),
        ("ดุ", "ดู"),
        ("किल", "कल"),
        ("👩\u200d🚀", "👩🚀"),
        ("👩\u200d🚀", "👨\u200d🚀"),
        ("❤\u200d🔥", "❤"),
        ("東", "东"),
        ("๑", "1"),
        ("ł", "t"),
    ],
)
def test_what_makes_another_word_stays(one: str, other: str) -> None:
    assert fold(one) != fold(other)


@given(st.text(st.characters(max_codepoint=127)))
def test_of_ascii_only_the_case_goes(text: str) -> None:
    assert fold(text) == text.lower()


ODD = st.sampled_from(
    "aAłØßİıǆﬁΣς\u0301\u0338\u0345\u05b0\u064b\u0e49\u3099カかｶﾞ한\u1112\u1161\u11ab\u200d\u2640🏽👩🚀\ufe0f\u20e3"
)


@given(st.text(ODD | st.characters(), max_size=20))
def test_what_is_folded_stays_as_it_is(text: str) -> None:
    assert fold(fold(text)) == fold(text)
