"""Behaviour of chatsrv.text.characters, held against other tables of Unicode."""

import re
import unicodedata

import pytest
from precis_i18n.unicode import UnicodeData

from chatsrv.text.characters import BLANK, COMBINING, HOLLOW, IGNORABLE, MARKS, STACKING, choice

PLANES = (*range(0x20000), *range(0xE0000, 0xE2000))
"""Where everything is that is invisible or combines."""


def test_what_is_ignorable_is_what_another_library_says() -> None:
    data = UnicodeData()
    assert {chr(code) for code in PLANES if data.default_ignorable(code)} == IGNORABLE


def test_what_is_ignorable_is_what_unicode_derives_it_from() -> None:
    # Default_Ignorable_Code_Point: Other_Default_Ignorable_Code_Point + Cf + Variation_Selector, less white space,
    # the signs of interlinear notes, those of hieroglyphs, and those that are set around numbers.
    formats = {chr(code) for code in PLANES if unicodedata.category(chr(code)) == "Cf"}
    seen = {sign for sign in formats - IGNORABLE if not re.search("ARABIC|SYRIAC|KAITHI", unicodedata.name(sign))}
    assert {ord(sign) for sign in seen} <= {*range(0xFFF9, 0xFFFC), *range(0x13430, 0x13440)}
    selectors = {chr(code) for code in PLANES if "VARIATION SELECTOR" in unicodedata.name(chr(code), "")}
    assert len(selectors) >= 256 + 3
    assert selectors <= IGNORABLE


def test_marks_are_all_there_are() -> None:
    assert {chr(code) for code in range(0x110000) if unicodedata.category(chr(code))[0] == "M"} == MARKS
    assert STACKING < MARKS < COMBINING


def test_jamo_combine_that_a_terminal_gives_no_width() -> None:
    names = ("HANGUL JUNGSEONG", "HANGUL JONGSEONG")
    assert {chr(code) for code in PLANES if unicodedata.name(chr(code), "").startswith(names)} - {"\u1160"} < COMBINING


@pytest.mark.parametrize("sign", sorted(HOLLOW))
def test_what_is_hollow_is_neither_white_space_nor_ignorable(sign: str) -> None:
    assert sign in BLANK
    assert sign not in IGNORABLE
    assert not sign.isspace()


@pytest.mark.parametrize("characters", ["a", "-", "]", "^a", "\\", "abc", "acegikm", "[]^-\\"])
def test_a_choice_finds_its_characters_and_no_others(characters: str) -> None:
    found = re.compile(f"[{choice(characters)}]")
    every = "".join(map(chr, range(0x80)))
    assert found.findall(every) == sorted(characters)
