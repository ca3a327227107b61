"""Scripts: which characters are written without spaces between words, and which are signs on their own, like emoji.

Knows no texts and no words. Values and pure functions; any thread may use them.

Python's `unicodedata` has neither the script of a character nor its property Emoji, so ranges of blocks stand here,
which Unicode promises to keep. Tests hold them against the scripts that confusable-homoglyphs lists.
"""

import unicodedata
from functools import cache

from chatsrv.text.characters import HOLLOW

_UNSPACED_RANGES = (
    *((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1100, 0x11FF)),  # Thai, Lao; Myanmar; the letters of Hangul
    *((0x1780, 0x17FF), (0x1950, 0x19FF), (0x1A20, 0x1AAF), (0x1B00, 0x1B7F)),  # Khmer; scripts of the Tai; Balinese
    *((0x2E80, 0x2FDF), (0x3001, 0x31FF), (0x3400, 0x4DBF), (0x4E00, 0x9FFF)),  # Chinese, kana, bopomofo
    *((0xA000, 0xA4CF), (0xA960, 0xA9FF), (0xAA60, 0xAADF), (0xAC00, 0xD7FF)),  # Yi; Javanese, Myanmar, Tai; Hangul
    *((0xF900, 0xFAFF), (0x116D0, 0x116FF), (0x16FE0, 0x18DFF), (0x1AFF0, 0x1B2FF)),  # Myanmar; Tangut, Khitan; kana
    (0x20000, 0x3FFFD),  # whatever comes in these two planes is Chinese, also what this Python does not know yet
)
IDEOGRAPHS = "\U00020000-\U0003fffd"
"""Those planes. Whatever is there counts as a letter."""

FLAG_LETTERS = "\U0001f1e6-\U0001f1ff"
"""Two of these are one flag."""

TAGS = "\U000e0020-\U000e007f"
"""What makes of a black flag that of a region."""

SKIN_TONES = "".join(map(chr, range(0x1F3FB, 0x1F400)))

# Signs are in the first two planes, but not among the letters of Chinese, Hangul and Yi, nor those for private use.
_BLOCKS = (range(0x80, 0x3400), range(0x4DC0, 0x4E00), range(0xA000, 0xAC00), range(0xF900, 0x20000))
_PICTOGRAPHS = (range(0x1F000, 0x1FB00), range(0x1FC00, 0x1FFFE))  # kept for emoji to come (UTS 51 §1.4.5)


def is_unspaced(character: str) -> bool:
    """Tell whether a letter or mark is of a script without spaces.

    Hangul is one of them: Korean has spaces, but writes particles, and the parts of long names, onto the word before.
    """
    code = ord(character)
    return any(first <= code <= last for first, last in _UNSPACED_RANGES)


def unspaced(last: int) -> str:
    """Return what stands for a letter of such a script between the brackets of a regular expression.

    It knows those up to a code point, which is quicker where there are no others. There are signs in these blocks, too:
    it tells of a letter or mark only.
    """
    return "".join(f"{chr(begin)}-{chr(min(end, last))}" for begin, end in _UNSPACED_RANGES if begin <= last)


@cache  # at the first text that is not ASCII
def signs() -> frozenset[str]:
    """Return all signs: emoji, arrows, notes, stars.

    Neither currencies nor any of ASCII, which are written beside words and numbers without anybody's looking for them.
    """
    found = {chr(code) for codes in _BLOCKS for code in codes if unicodedata.category(chr(code)) in ("So", "Sm")}
    return frozenset((found | {chr(code) for codes in _PICTOGRAPHS for code in codes}) - {*SKIN_TONES, *HOLLOW})
