"""News: how people read that somebody came or went, why, and which other words could be taken for that.

Tables and pure functions; any thread may use them. Rendering is the hot path, so it takes the words from the tables.
"""

import re
from collections.abc import Mapping
from functools import cache

from chatsrv.model.reasons import Reason
from chatsrv.text.characters import IGNORABLE, choice
from chatsrv.text.lookalike import skeleton

JOINED, LEFT, CAME_AND_WENT, CAME_BACK = "joined", "left", "came and went", "left and came back"
"""The words after a name; `LEFT` where there is nothing to add."""

_WHY: Mapping[Reason, str] = {
    Reason.LOST: "connection lost",
    Reason.TIMED_OUT: "connection timed out",
    Reason.TOO_SLOW: "reading too slowly",
    Reason.IDLE: "idle for too long",
    Reason.FLOODING: "sending too fast",
    Reason.BAD_PROTOCOL: "unreadable input",
    Reason.ERROR: "server error",
    Reason.SHUTDOWN: "server shutting down",
    Reason.ACCOUNT_CLOSED: "account closed",
    Reason.PASSWORD_CHANGED: "password changed",
    Reason.BANNED: "banned",
    Reason.OUTNUMBERED: "too many sessions",
}
"""Why somebody left who did not do so on their own account. Logins that fail are ended before anybody is told."""

LEFT_FOR: Mapping[str, str] = {reason.name: f"{LEFT} ({why})" for reason, why in _WHY.items()}
"""The words after the name of somebody who left, by the text of a `LEAVE`; `LEFT` of any other text."""


def _pattern(words: str) -> str:
    """Return what looks like `words`, with any white space or none between them."""
    return r"\s*".join(re.escape(skeleton(word)) for word in words.split())


@cache
def _news() -> tuple[re.Pattern[str], re.Pattern[str]]:
    """Return what is news, and what has some, by what it looks like, where an m has the skeleton of rn.

    An action must not say it, lest `* bob left (connection lost)`, or `* bob and ann left`, be bob's own words. Made
    when it is first asked for, since the table of what looks alike takes 10 MiB, which no command line needs.
    """
    news = rf"(?:{'|'.join(map(_pattern, (JOINED, LEFT, CAME_AND_WENT)))})\b"
    return re.compile(rf"\W*{news}"), re.compile(rf"\b{news}")


_GOES_ON_WITH_NAMES = re.compile(r"[^\w,&+]*(?:[,&+]|and\b)")

# Nothing may hide in or after those words: neither signs, nor what nobody sees, of which some count as letters.
_NO_LETTERS = re.compile(f"[^\\w\\s]|[_{choice(IGNORABLE)}]")


def looks_like_news(text: str) -> bool:
    """Tell whether what somebody does could be taken for news, if it stood after their name as news does.

    >>> looks_like_news("left (connection lost)"), looks_like_news("and Ann J0INED"), looks_like_news("waves")
    (True, True, False)
    """
    # As it is written, and in small letters: an I looks like an l, and is an i.
    return any(map(_looks_like_news, {text, text.casefold()}))


def _looks_like_news(text: str) -> bool:
    is_news, has_news = _news()
    looks = skeleton(skeleton(text).casefold())  # twice, as an M is no m
    if any(is_news.match(_NO_LETTERS.sub(stand_in, looks)) for stand_in in ("", " ")):
        return True
    return bool(_GOES_ON_WITH_NAMES.match(looks) and has_news.search(_NO_LETTERS.sub("", looks)))
