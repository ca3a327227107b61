"""Words: what a search looks for, and what it looks at. Pure functions; every room log compares words by these.

A text is a row of *units*: a word of a script that puts spaces between words, a letter with its marks of one that does
not, or a sign such as an emoji. What is typed without a space is looked for as units next to each other. So 東京 is
found in 東京に住んでいます, `python3` and 使う in `Python3を使う`, and so is all of that; but 東京 is not found in
京東, nor `thon3` in `Python3を使う`. Punctuation parts units, and so do spaces where no word is beside them.
"""

import re
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple, TypeAlias
from unicodedata import unidata_version

from chatsrv.model.distinct import distinct
from chatsrv.roomlog.search.folding import JOINER, fold, last_plane_of
from chatsrv.roomlog.search.scripts import FLAG_LETTERS, IDEOGRAPHS, TAGS, is_unspaced, signs, unspaced
from chatsrv.text.characters import MARKS, choice

VERSION = f"2 {unidata_version}"
"""Changes whenever the words of any text may change: they go by this Python's tables of Unicode."""

Sought: TypeAlias = tuple[str, bool]
"""A word that is looked for, its units parted by spaces, and whether it stands for all that begin so."""

_WORD = re.compile(r"[^\W_]+")
_SOUGHT = re.compile(r"([^\W_]+)(\*?)")


@distinct
class _Patterns(NamedTuple):
    """What finds the units of a text that is folded and not ASCII, and all that parts two of them."""

    units: re.Pattern[str]
    kinds: re.Pattern[str]
    """The same, with the kind of what is found as the group's name."""


@cache  # at the first text that is not ASCII
def _patterns(last: str) -> _Patterns:
    """Return what knows characters up to the `last` one, and is quicker the fewer these are."""
    marks = [mark for mark in MARKS if mark <= last]
    mark, mark_of_letter = choice(marks), choice(filter(is_unspaced, marks))
    sign = choice(sign for sign in signs() if sign <= last)
    spaceless = unspaced(ord(last))
    with_spaces = rf"[^\W_{spaceless}]"
    word = rf"{with_spaces}++(?:[{mark}]++{with_spaces}*+)*+"
    one_sign = rf"[{FLAG_LETTERS}]{{2}}|[{sign}][{TAGS}]*+[{mark}]*+(?:{JOINER}[{sign}][{mark}]*+)*+"
    # A space beside a word does not part: whether there is one between Python and を is a matter of taste.
    space = rf"(?<!\s)(?<!{with_spaces})\s++(?!{with_spaces})"
    part = rf"[^\w\s{mark_of_letter}{IDEOGRAPHS}]|_|{space}"
    letter = rf"[{spaceless}][{mark}]*+"
    return _Patterns(
        re.compile(f"{word}|{one_sign}|{part}|{letter}"),
        re.compile(f"(?P<word>{word})|(?P<sign>{one_sign})|(?P<part>{part})|(?P<letter>{letter})"),
    )


def _patterns_for(folded: str) -> _Patterns:
    return _patterns(last_plane_of(folded))


def words_of(text: str) -> list[str]:
    """Return the units of `text` in the form in which they are compared: see `chatsrv.roomlog.search.folding`.

    >>> words_of("Où est l'ÉTÉ?")
    ['ou', 'est', 'l', 'ete']
    >>> words_of("Python3を使う 🚀")
    ['python3', 'を', '使', 'う', '🚀']
    """
    if text.isascii():
        return _WORD.findall(text.lower())
    folded = fold(text)
    return [found[0] for found in _patterns_for(folded).kinds.finditer(folded) if found.lastgroup != "part"]


def terms_of(text: str) -> list[str]:
    """Return what an index has of `text`: its units, and of letters without spaces also each two that are neighbours.

    >>> terms_of("Python3を使う")
    ['python3', 'を', '使', 'を使', 'う', '使う']
    """
    if text.isascii():
        return _WORD.findall(text.lower())
    folded = fold(text)
    terms = []
    before = ""
    for found in _patterns_for(folded).kinds.finditer(folded):
        unit, kind = found[0], found.lastgroup
        if kind != "part":
            terms.append(unit)
        if kind != "letter":
            before = ""
            continue
        if before:
            terms.append(before + unit)
        before = unit
    return terms


def sought_in(words: str) -> list[Sought]:
    """Return what `words` ask for: each once, and whether it stands for all that begin so.

    Within a script without spaces everything is found that begins so, so a star means nothing behind it.

    >>> sought_in("Ete deplo* été 東京*")
    [('ete', False), ('deplo', True), ('東 京', False)]
    """
    if words.isascii():
        return [(word, bool(star)) for word, star in dict.fromkeys(_SOUGHT.findall(words.lower()))]
    folded = fold(words)
    found: dict[Sought, None] = {}
    units: list[str] = []
    kind, end = "", 0
    for match in _patterns_for(folded).kinds.finditer(folded):
        if units and (match.start() > end or match.lastgroup == "part"):
            found[" ".join(units), kind == "word" and folded[end] == "*"] = None
            units = []
        kind, end = match.lastgroup or "", match.end()
        if kind != "part":
            units.append(match[0])
    if units:
        found[" ".join(units), kind == "word" and folded[end : end + 1] == "*"] = None
    return list(found)


def terms_for(sought: Sought) -> list[Sought]:
    """Return what an index is asked for, to find all entries that may have what is `sought`: terms of `terms_of`.

    >>> terms_for(("python3 を 使 う", False))
    [('python3', False), ('を使', False), ('使う', False)]
    """
    word, is_start = sought
    if word.isascii():
        return [sought]
    units = word.split(" ")
    kinds = [match.lastgroup for match in map(_patterns_for(word).kinds.match, units) if match]
    is_letter = [kind == "letter" for kind in kinds]
    terms = []
    for place, unit in enumerate(units):
        if place and is_letter[place - 1] and is_letter[place]:
            terms.append((units[place - 1] + unit, False))
        elif not (is_letter[place] and is_letter[place + 1 : place + 2] == [True]):
            terms.append((unit, is_start and place == len(units) - 1))
    return terms


def is_found(sought: Iterable[Sought], text: str) -> bool:
    """Tell whether everything that is `sought` occurs in `text`."""
    if text.isascii():
        units = _WORD.findall(text.lower())
    else:
        folded = fold(text)
        units = _patterns_for(folded).units.findall(folded)
    row = f" {' '.join(units)} "  # no unit has a space, and looking through one text is quicker than many
    return all(f" {word}{'' if is_start else ' '}" in row for word, is_start in sought)
