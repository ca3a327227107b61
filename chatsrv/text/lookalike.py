"""Which names look alike to people, by the skeletons of UTS 39 (Unicode Security Mechanisms, section 4).

Knows nothing of accounts, rooms or files, and is never asked at a login: only when a name is new. Pure functions; any
thread may call them. The table of look-alikes is loaded with the first question, which costs some 30 ms.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cache, lru_cache
from ipaddress import ip_network
from itertools import filterfalse, product
from string import ascii_lowercase

from chatsrv.model.errors import AccountsError
from chatsrv.text.characters import is_piled
from chatsrv.text.names import RESERVED_NAMES, RESERVED_ROOMS, RoomFlaw, RoomNameError, prepare_name

_DIRECTION_MARK = "\u200e"

_MOST_ONES = 4
"""Ones in a name that are read as an l and as an i each; more of them are read as all the same."""

_BARE, _OF_ASCII = "bare ", "ascii "
"""What marks a shape without accents: any, and one of a name that has none. No name has a space."""

_WORDS = ("everywhere", "private")
"""Words of commands and of lines of the chat, which no account is called, whatever the settings reserve."""


def check_new_name(name: str, existing_names: Iterable[str], reserved_names: Iterable[str] = RESERVED_NAMES) -> None:
    r"""Make sure that an account of that name could not be taken for another one, or for the server.

    `existing_names` are as their owners wrote them: that is how everybody sees them. One that is `name` itself, in any
    case of letters, is no look-alike; adding an account twice is the backend's to refuse.

    >>> check_new_name("p\u0430ul", ["alice", "Paul"])  # with a Cyrillic letter
    Traceback (most recent call last):
    chatsrv.model.errors.AccountsError: 'p\u0430ul' looks like 'Paul', which is taken; accepted is a name that does not

    Raises:
        AccountsError: the name looks like an existing or a reserved one, is that of a network, or cannot be a name.
    """
    try:
        prepared = prepare_name(name)
    except ValueError as error:
        raise AccountsError(f"{name[:80]!a} cannot be a name; {error}") from None
    if _is_network(prepared):
        raise AccountsError(f"{name!a} is an address or a network to /ban; accepted is another name")
    if is_piled(prepared):
        raise AccountsError(f"{name!a} has marks piled on one letter; accepted is a name without")
    shapes = _shapes(*_readings(name), *_readings(prepared))
    for word in (*_WORDS, *reserved_names):
        # Somebody who writes I in capitals: an l would pass for the I of ADMIN.
        if _is_for(word, shapes):
            what = "is" if prepared == word.lower() else f"looks like {word!a}, which is"
            raise AccountsError(f"{name!a} {what} reserved for the server; accepted is another name")
    for other in existing_names:
        other_prepared = prepare_name(other)
        if other_prepared != prepared and shapes & _shapes(*_readings(other), *_readings(other_prepared)):
            raise AccountsError(f"{name!a} looks like {other!a}, which is taken; accepted is a name that does not")


def check_new_room(name: str) -> None:
    """Make sure that a line of a room of that prepared name could not be taken for a private one, or the server's.

    It is asked for rooms that people make: what the settings declare is an administrator's own choice.

    Raises:
        RoomNameError: it could.
    """
    shapes = _bare(_shapes(*_readings(name), _letters(name)))
    if any(shape.startswith(start) for shape in shapes for start in _bare(_shapes("private", "PRIVATE"))):
        raise RoomNameError(RoomFlaw.LIKE_PRIVATE)
    if not any(map(str.isalpha, name)):
        raise RoomNameError(RoomFlaw.LIKE_TIME)
    if is_piled(name):
        raise RoomNameError(RoomFlaw.PILED_MARKS)
    # Where anybody may make it, admin1 is as good as admin.
    shapes |= _shapes(*(reading for part in _without_numbers(name) for reading in _readings(part)))
    if any(_is_for(word, shapes) for word in (*RESERVED_NAMES, *RESERVED_ROOMS)):
        raise RoomNameError(RoomFlaw.LIKE_SERVER)


def similar_room(name: str, existing_names: Iterable[str], *, with_accents: bool = False) -> str | None:
    r"""Return the first room, or reserved word, that a room of that `name` could be taken for; `None` if there is none.

    All names are prepared ones. The room of that very name is not looked for. Names that differ in accents alone are
    not similar, but `with_accents`, and then only where one of them has none: that is the one that people type.

    >>> similar_room("l\u043ebby", ["dev", "lobby"])  # with a Cyrillic letter
    'lobby'
    """
    shapes = _shapes(*_readings(name))
    wanted = set(shapes)
    if with_accents:
        wanted |= {_OF_ASCII + shape for shape in _bare(shapes)}
        if name.isascii():
            wanted |= {_BARE + shape for shape in shapes}
    return next(
        (other for other in (*RESERVED_ROOMS, *existing_names) if other != name and wanted & _keys_of_room(other)), None
    )


def _is_network(prepared: str) -> bool:
    try:
        ip_network(prepared, strict=False)
    except ValueError:
        return False
    return True


def skeleton(text: str) -> str:
    r"""Return what `text` looks like: two texts that can be confused have the same skeleton (UTS 39, section 4).

    Not for display, and not to be kept: it may change with the version of Unicode.

    >>> skeleton("\u0440\u0430ul") == skeleton("paul")
    True
    """
    letters = [letter for letter in unicodedata.normalize("NFD", text) if unicodedata.category(letter) != "Cf"]
    table = _prototypes()
    return unicodedata.normalize("NFD", "".join(table.get(letter, letter) for letter in letters))


def load_table() -> None:
    """Load Unicode's list of what looks alike, which takes a tenth of a second and a descriptor, at a good moment."""
    _prototypes()


def _shapes(*spellings: str) -> frozenset[str]:
    # Once more after folding the case: an M is its own skeleton, and an m has that of rn.
    return frozenset(skeleton(skeleton(spelling).casefold()) for spelling in spellings)


def _readings(name: str) -> Iterator[str]:
    """Yield what a name is read as: a 1 is an l by the list of Unicode, and an i to whoever expects one."""
    ones = [place for place, letter in enumerate(name) if letter == "1"]
    if len(ones) > _MOST_ONES:
        yield from (name, name.replace("1", "i"))
        return
    for read in product("1i", repeat=len(ones)):
        letters = list(name)
        for place, letter in zip(ones, read, strict=True):
            letters[place] = letter
        yield "".join(letters)


def _letters(name: str) -> str:
    return "".join(filter(str.isalnum, name))


def _without_numbers(name: str) -> tuple[str, ...]:
    """Return a name without what is no letter at its ends, or at one of them."""
    start = next(place for place, letter in enumerate(name) if letter.isalpha())
    end = len(name) - next(place for place, letter in enumerate(reversed(name)) if letter.isalpha())
    return tuple(map(_letters, (name[start:], name[:end], name[start:end])))


def _bare(shapes: frozenset[str]) -> frozenset[str]:
    """Return shapes without accents and strokes; vowels and points, which are marks in many scripts, stay."""
    return frozenset("".join(filterfalse(_is_accent, shape)) for shape in shapes)


def _is_accent(letter: str) -> bool:
    place = unicodedata.combining(letter)
    return place == 1 or place >= 200  # what is laid over a letter of any script, or stands above or below it


def _is_for(word: str, shapes: frozenset[str]) -> bool:
    """Tell whether one of `shapes` could be taken for a reserved word."""
    return bool(_bare(shapes) & _bare(_shapes_of_word(word)))


@lru_cache(1000)
def _shapes_of_word(word: str) -> frozenset[str]:
    return _shapes(word, word.lower(), word.upper(), word.capitalize())


# A chatter who asks again and again for a room that is refused would have a thousand names looked at each time.
@lru_cache(10_000)
def _keys_of_room(name: str) -> frozenset[str]:
    """Return what a name is found by: its shapes, and those without accents."""
    shapes = _shapes(*_readings(name))
    bare = _bare(shapes)
    found = {*shapes, *(_BARE + shape for shape in bare)}
    return frozenset(found | {_OF_ASCII + shape for shape in bare} if name.isascii() else found)


@cache
def _prototypes() -> Mapping[str, str]:
    """Return for every letter that can be confused the text that stands for all that look like it.

    The library's table tells for each text all that it is listed with, in no direction. A letter stands in Unicode's
    list once, so whatever has several partners, or several letters, is what others are reduced to. Of two letters
    that have only each other, the lower code point is taken: which one it is makes no difference.
    """
    from confusable_homoglyphs.confusables import (  # type: ignore[import-untyped]  # the library ships no types
        confusables_data,
    )

    partners: dict[str, list[str]] = {}
    for text, listed in confusables_data.items():
        texts = [entry["c"].replace(_DIRECTION_MARK, "") for entry in listed]
        partners.setdefault(text.replace(_DIRECTION_MARK, ""), []).extend(texts)
    table: dict[str, str] = {}
    for text, others in partners.items():
        if len(text) == 1 and len(others) == 1:
            [other] = others
            if len(other) > 1 or len(partners[other]) > 1 or other < text:
                table[text] = other
    table = {letter: "".join(table.get(part, part) for part in looks) for letter, looks in table.items()}
    # Unicode lists most small capitals as letters of their own. Whatever looks like one is read as the letter.
    letters: dict[str, str] = {}
    for letter in ascii_lowercase:
        with suppress(KeyError):  # there is none of x
            small = unicodedata.lookup(f"LATIN LETTER SMALL CAPITAL {letter}")
            letters[table.get(small, small)] = table.get(letter, letter)
    table = {letter: "".join(letters.get(part, part) for part in looks) for letter, looks in table.items()}
    return {**table, **{small: letter for small, letter in letters.items() if small != letter}}
