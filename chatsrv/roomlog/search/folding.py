"""Folding: which differences between two ways to write a word do not count when somebody looks for it.

    case              Été, ÉTÉ             ß and ss, and the two small sigmas of Greek, too
    accents           été, ete             points of Hebrew and vowels of Arabic, too
    strokes, hooks    ł, l    đ, d    ø, o    also æ as ae, œ as oe, ð as d, þ as th, and the i without a dot
    width and form    ｶﾞ, ガ               wide letters, ligatures and numbers in circles, too
    unseen things     soft hyphens, joiners, the stretching of Arabic
    forms of emoji    tones of skin, gender, whether in color

Vowels and tones of scripts such as Thai and Devanagari, and what makes が of か, are no accents: they stay. Pure
functions; any thread may call them.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from functools import cache

from chatsrv.roomlog.search.scripts import SKIN_TONES, TAGS, is_unspaced, signs
from chatsrv.text.characters import IGNORABLE, MARKS, choice

JOINER = "\u200d"

# Letters that Unicode does not name after those that they are typed as.
_OTHERS = {"æ": "ae", "œ": "oe", "ð": "d", "þ": "th", "\u0131": "i", "\u0237": "j"}

_NAME = re.compile("((?:LATIN|CYRILLIC) SMALL LETTER .+?) WITH .+")
_WITH_STROKES = (  # where letters of that name are
    *(range(0x0080, 0x0530), range(0x1C80, 0x1C90), range(0x1D00, 0x1DC0), range(0x1E00, 0x1F00)),
    *(range(0x2C60, 0x2C80), range(0xA640, 0xA800), range(0xAB30, 0xAB70), range(0x1DF00, 0x1E000)),
)
_is_astral = re.compile("[\U00010000-\U0010ffff]").search
_STRETCHING = "\u0640"


def fold(text: str) -> str:
    """Return `text` without what does not count. What is ASCII is only in lower case then.

    >>> fold("Łódź, Straße, Smørrebrød, ｶﾞ")
    'lodz, strasse, smorrebrod, ガ'
    """
    if text.isascii():
        return text.lower()
    folded = unicodedata.normalize("NFKD", text).casefold()  # in this order: what is decomposed may have a case
    decomposed = unicodedata.normalize("NFKD", folded)
    return unicodedata.normalize("NFC", _strip(last_plane_of(decomposed))(decomposed))


def last_plane_of(text: str) -> str:
    """Return the last character that may be in `text`: of the basic plane, or of all there are.

    Python looks a character of the basic plane up in a table, where it asks for each range of the others.
    """
    return "\U0010ffff" if _is_astral(text) else "\uffff"


@cache  # at the first text that is not ASCII: it takes some hundredths of a second
def _strip(last: str) -> Callable[[str], str]:
    """Return what takes accents, strokes and the unseen out of a text that is decomposed and has no case.

    It knows characters up to the `last` one, and is quicker the fewer these are.
    """
    tags = {chr(code) for code in range(ord(TAGS[0]), ord(TAGS[-1]) + 1)}
    dropped = {*filter(_is_accent, MARKS), *(IGNORABLE - tags - {JOINER}), *SKIN_TONES, _STRETCHING}
    gender = f"{JOINER}[\u2640\u2642]"
    lone = f"{JOINER}(?![{choice(signs())}])"
    drop = re.compile(f"[{choice(_up_to(last, dropped))}]+|{gender}|{lone}").sub
    letters = _letters()
    replace = re.compile(f"[{choice(_up_to(last, letters))}]").sub

    def strip(text: str) -> str:
        return replace(lambda found: letters[found[0]], drop("", text))

    return strip


def _up_to(last: str, characters: Iterable[str]) -> Iterator[str]:
    return (character for character in characters if character <= last)


def _is_accent(mark: str) -> bool:
    """Tell whether a mark is one that people leave out. It goes by the combining class; UAX 44 §5.7.4 lists them."""
    if unicodedata.category(mark) == "Me":
        return True  # a circle or a key around something
    place = unicodedata.combining(mark)
    if place == 7 or place >= 200:  # a nukta, which many do not type; above, below, or beside
        return not is_unspaced(mark)
    return place == 1 or 10 <= place <= 36  # laid over a letter; points and vowels of Hebrew, Arabic and Syriac


def _letters() -> dict[str, str]:
    """Return what letters with strokes, hooks, tails and the like are typed as."""
    letters = dict(_OTHERS)
    for letter in (chr(code) for codes in _WITH_STROKES for code in codes):
        named = _NAME.fullmatch(unicodedata.name(letter, ""))
        if named and not unicodedata.decomposition(letter):
            try:
                letters[letter] = unicodedata.lookup(named[1])
            except KeyError:  # there is no such letter without it
                continue
    for letter, plain in letters.items():
        while plain in letters:
            plain = letters[plain]
        letters[letter] = plain
    return letters
