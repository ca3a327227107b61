"""Which characters are written without spaces, and which are signs, held against other tables of Unicode."""

import re
import unicodedata
from itertools import pairwise

import pytest
from confusable_homoglyphs import categories

from chatsrv.roomlog.search.scripts import SKIN_TONES, is_unspaced, signs, unspaced
from chatsrv.text.characters import BLANK, MARKS

LAST = 0x10FFFF
EVERYBODY = [chr(code) for code in range(LAST + 1) if not 0xD800 <= code < 0xE000]
UNSPACED = {
    *("HAN", "HIRAGANA", "KATAKANA", "BOPOMOFO", "HANGUL", "THAI", "LAO", "KHMER", "MYANMAR", "YI", "TANGUT", "NUSHU"),
    *("TAI_LE", "NEW_TAI_LUE", "TAI_THAM", "TAI_VIET", "JAVANESE", "BALINESE", "KHITAN_SMALL_SCRIPT"),
}
SHARED = {"COMMON", "INHERITED"}


def test_scripts_without_spaces_are_those_of_another_library() -> None:
    for character in EVERYBODY:
        if (character.isalnum() or character in MARKS) and unicodedata.is_normalized("NFKD", character):
            script = categories.alias(character)
            if script not in {*SHARED, "UNKNOWN"}:
                assert is_unspaced(character) == (script in UNSPACED), f"{ord(character):X} {script}"


@pytest.mark.parametrize("last", [0xFFFF, 0x16FFF, LAST])
def test_a_class_of_letters_has_just_these_up_to_its_last_one(last: int) -> None:
    found = re.compile(f"[{unspaced(last)}]")
    edges = [it for it, after in pairwise(EVERYBODY) if is_unspaced(it) != is_unspaced(after) or ord(it) == last]
    for code in {ord(edge) + step for edge in edges for step in (0, 1)}:
        assert bool(found.match(chr(code))) == (is_unspaced(chr(code)) and code <= last)


def test_signs_are_the_symbols_that_are_seen_and_those_to_come() -> None:
    assert all(unicodedata.category(sign) in ("So", "Sm", "Sk", "Cn", "No", "Lo", "Nd") for sign in signs())
    assert not signs() & {*map(chr, range(0x80)), *BLANK, *SKIN_TONES, *"€£¥"}
    emoji = "☺❤⌚©®✈★→↔∞🀄🃏🆗🇩🌍😀🚀🤷🧑🩷"
    assert {*emoji, "\U0001faff", "\U0001fae9"} <= signs()  # two of these are newer than some Pythons
    assert {it for it in EVERYBODY if it >= "\x80" and unicodedata.category(it) == "So"} - {*BLANK, *"\U0001d159"} <= (
        signs() | {it for it in EVERYBODY if not unicodedata.is_normalized("NFKD", it)}
    )
