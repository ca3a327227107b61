"""Words: what a search looks for, and what it looks at. Pure functions; every room log compares words by these."""

import re
import unicodedata
from collections.abc import Iterable
from typing import TypeAlias

VERSION = f"1 {unicodedata.unidata_version}"
"""Changes whenever the words of any text may change: they go by this Python's tables of Unicode."""

Sought: TypeAlias = tuple[str, bool]
"""A word that is looked for, and whether it stands for all that begin so."""

_WORD = re.compile(r"[^\W_]+")
_SOUGHT = re.compile(r"([^\W_]+)(\*?)")


def words_of(text: str) -> list[str]:
    """Return the words of `text` in the form in which they are compared: without case and accents.

    >>> words_of("Où est l'ÉTÉ?")
    ['ou', 'est', 'l', 'ete']
    """
    return _WORD.findall(_plain(text))


def sought_in(words: str) -> list[Sought]:
    """Return what `words` ask for: each word once, and whether it stands for all that begin so.

    >>> sought_in("Ete deplo* été")
    [('ete', False), ('deplo', True)]
    """
    return [(word, bool(star)) for word, star in dict.fromkeys(_SOUGHT.findall(_plain(words)))]


def is_found(sought: Iterable[Sought], text: str) -> bool:
    """Tell whether everything that is `sought` occurs in `text`."""
    words = f" {' '.join(words_of(text))} "  # no word has a space, and looking through one text is quicker than many
    return all(f" {word}{'' if is_start else ' '}" in words for word, is_start in sought)


def _plain(text: str) -> str:
    if text.isascii():
        return text.lower()
    folded = unicodedata.normalize("NFKD", text).casefold()  # in this order: what is decomposed may have a case
    decomposed = unicodedata.normalize("NFKD", folded)
    return "".join(character for character in decomposed if not unicodedata.combining(character))
