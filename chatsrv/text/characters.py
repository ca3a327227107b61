"""What Unicode says of characters of which nothing is seen, and of those that combine with the one before.

Knows no texts, names or terminals: those who judge them do. Values and pure functions; any thread may use them.

Python's `unicodedata` has categories and combining classes, but not the property Default_Ignorable_Code_Point, so its
ranges stand here. Unicode promises to keep them: what it may still assign there, such as all of E0000 to E0FFF, is
reserved for the invisible already. A test holds them against the table that precis-i18n brings.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import cache
from itertools import chain

IGNORABLE_RANGES = (
    *((0x00AD, 0x00AD), (0x034F, 0x034F), (0x061C, 0x061C), (0x115F, 0x1160), (0x17B4, 0x17B5), (0x180B, 0x180F)),
    *((0x200B, 0x200F), (0x202A, 0x202E), (0x2060, 0x206F), (0x3164, 0x3164), (0xFE00, 0xFE0F), (0xFEFF, 0xFEFF)),
    *((0xFFA0, 0xFFA0), (0xFFF0, 0xFFF8), (0x1BCA0, 0x1BCA3), (0x1D173, 0x1D17A), (0xE0000, 0xE0FFF)),
)
"""Default_Ignorable_Code_Point, as in DerivedCoreProperties.txt of the Unicode Character Database, version 16.0."""

IGNORABLE = frozenset(chr(code) for first, last in IGNORABLE_RANGES for code in range(first, last + 1))
"""Characters of which nothing is to be seen, whatever the font: they change others, or nothing."""

HOLLOW = "\u2800\U0001d159\U00016fe4"
"""Signs that are blank in every font, though no property says so: Braille without a dot, a note without a head, and the
filler of Khitan."""

BLANK = HOLLOW + "".join(filter(str.isspace, map(chr, range(0x3001))))
"""Where nothing but these is left of a text, nothing is seen of it."""

JOINERS = "\u200c\u200d"
"""What joins letters or emoji, or keeps them apart."""

# Where marks are: in the first two planes, but not among the signs of Chinese and Hangul, nor those for private use;
# and the variation selectors of plane 14. A test looks at all the rest.
_BLOCKS = (range(0x0300, 0x3400), range(0xA000, 0xAC00), range(0xF900, 0x20000), range(0xE0100, 0xE01F0))
_NEAR_MARKS = "".join(map(chr, chain.from_iterable(_BLOCKS)))

MARKS = frozenset(mark for mark in re.findall(r"[^\w\s]", _NEAR_MARKS) if unicodedata.category(mark)[0] == "M")
"""Characters that are written above, below, around or inside the one before."""

STACKING = frozenset(filter(unicodedata.combining, MARKS))
"""Marks of a combining class, which are set one above or below the other: accents, points, signs of tone."""

# Vowels and final consonants of Hangul that are not in one character with the first: a terminal gives them no width.
_JAMO = frozenset(map(chr, (*range(0x1160, 0x1200), *range(0xD7B0, 0xD7FC))))

COMBINING = (MARKS | _JAMO | {*JOINERS, "\u180e"}) - {"\u1160"}
"""Whatever belongs to the character before, and takes no room of its own."""

MARKS_IN_A_ROW = 4
"""Stacking marks that may be on one letter: UTS 39 §5.4 calls more than four suspicious. They grow into other lines."""

COMBINING_IN_A_ROW = 8
"""Characters of any kind that may combine with the one before: Tibetan and Burmese words need up to seven."""


def choice(characters: Iterable[str]) -> str:
    r"""Return what stands for one of `characters` between the brackets of a regular expression.

    >>> choice("cab-")
    '\\-a-c'
    """
    spans: list[list[int]] = []
    for code in sorted(map(ord, characters)):
        if spans and spans[-1][1] == code - 1:
            spans[-1][1] = code
        else:
            spans.append([code, code])
    return "".join(_write(first) if first == last else f"{_write(first)}-{_write(last)}" for first, last in spans)


def _write(code: int) -> str:
    return re.escape(chr(code)) if code < 0x80 else chr(code)


def is_piled(text: str) -> bool:
    """Tell whether more combines with one character of `text` than may."""
    return _pile().search(text) is not None


@cache  # at the first question, not at each start of a command that asks none
def _pile() -> re.Pattern[str]:
    return re.compile(
        f"[{choice(COMBINING)}]{{{COMBINING_IN_A_ROW + 1}}}"
        f"|(?:[{choice(STACKING)}][{choice(COMBINING - STACKING)}]*+){{{MARKS_IN_A_ROW + 1}}}"
    )
