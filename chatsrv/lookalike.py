"""Which names look alike to people, by the skeletons of UTS 39 (Unicode Security Mechanisms, section 4).

Knows nothing of accounts, rooms or files, and is never asked at a login: only when a name is new. Pure functions; any
thread may call them. The table of look-alikes is loaded with the first question, which costs some 30 ms.
"""

import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from ipaddress import ip_network

from chatsrv.errors import AccountsError
from chatsrv.loginpolicy import RESERVED_NAMES
from chatsrv.names import RESERVED_ROOMS, prepare_name

_DIRECTION_MARK = "\u200e"

_WORDS = ("everywhere", "private")
"""Words of commands and of lines of the chat, which no account is called, whatever the settings reserve."""


def check_new_name(name: str, existing_names: Iterable[str], reserved_names: Iterable[str] = RESERVED_NAMES) -> None:
    r"""Make sure that an account of that name could not be taken for another one, or for the server.

    `existing_names` are as their owners wrote them: that is how everybody sees them. One that is `name` itself, in any
    case of letters, is no look-alike; adding an account twice is the backend's to refuse.

    >>> check_new_name("p\u0430ul", ["alice", "Paul"])  # with a Cyrillic letter
    Traceback (most recent call last):
    chatsrv.errors.AccountsError: 'p\u0430ul' looks like 'Paul', which is taken; accepted is a name that does not

    Raises:
        AccountsError: the name looks like an existing or a reserved one, is that of a network, or cannot be a name.
    """
    try:
        prepared = prepare_name(name)
    except ValueError as error:
        raise AccountsError(f"{name[:80]!a} cannot be a name; {error}") from None
    if _is_network(prepared):
        raise AccountsError(f"{name!a} is an address or a network to /ban; accepted is another name")
    shapes = _shapes(name, prepared)
    for word in (*_WORDS, *reserved_names):
        # Somebody who speaks of himself in capitals: an l would pass for the I of ADMIN.
        if shapes & _shapes(word, word.lower(), word.upper(), word.capitalize()):
            what = "is" if prepared == word.lower() else f"looks like {word!a}, which is"
            raise AccountsError(f"{name!a} {what} reserved for the server; accepted is another name")
    for other in existing_names:
        other_prepared = prepare_name(other)
        if other_prepared != prepared and shapes & _shapes(other, other_prepared):
            raise AccountsError(f"{name!a} looks like {other!a}, which is taken; accepted is a name that does not")


def check_new_room(name: str) -> None:
    """Make sure that a line of a room of that prepared name could not be taken for a private one, or the server's.

    It is asked for rooms that people make: what the settings declare is an administrator's own choice.

    Raises:
        ValueError: it could; the text says what is accepted.
    """
    if skeleton(name).startswith(skeleton("private")):
        raise ValueError(f"{name} begins like the mark of a private message; accepted is another name")
    if not any(map(str.isalpha, name)):
        raise ValueError(f"{name} could be taken for a time or an address; accepted is a name with a letter")
    if any(_shapes(name) & _shapes_of_room(word, word.upper()) for word in RESERVED_NAMES):
        raise ValueError(f"{name} could be taken for the server's own; accepted is another name")


def similar_room(name: str, existing_names: Iterable[str]) -> str | None:
    r"""Return the first room, or reserved word, that a room of that `name` could be taken for; `None` if there is none.

    All names are prepared ones. The room of that very name is not looked for.

    >>> similar_room("l\u043ebby", ["dev", "lobby"])  # with a Cyrillic letter
    'lobby'
    """
    shapes = _shapes(name)
    return next(
        (other for other in (*RESERVED_ROOMS, *existing_names) if other != name and shapes & _shapes_of_room(other)),
        None,
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


def _shapes(*spellings: str) -> frozenset[str]:
    # Once more after folding the case: an M is its own skeleton, and an m has that of rn.
    return frozenset(skeleton(skeleton(spelling).casefold()) for spelling in spellings)


# Whoever asks again and again for a room that he is refused would have a thousand names looked at each time.
_shapes_of_room = lru_cache(10_000)(_shapes)


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
    return {letter: "".join(table.get(part, part) for part in looks) for letter, looks in table.items()}
