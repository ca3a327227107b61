"""Entries as lines: of JSON for programs, of text as a chatter would have read it. Nothing in them moves a terminal.

Entries from a rescued file may hold anything, so nothing is trusted. Pure functions. Main thread only.
"""

import json
import unicodedata

from chatsrv.app import PlainSession
from chatsrv.cli.history.times import utc
from chatsrv.model.entries import Entry

_RENDERER = PlainSession.protocol.writer.renderer
# Not printable, but harmless, as are the many spaces; Persian, the Indic scripts and emoji need them.
_JOINERS = "\u200c\u200d"


def visible(text: str) -> str:
    r"""Return `text` with all that a terminal would obey instead of showing it written as JSON does.

    >>> visible("\x1b[31mred")
    '\\u001b[31mred'
    """
    if text.isprintable():
        return text
    return "".join(character if _is_harmless(character) else json.dumps(character)[1:-1] for character in text)


def _is_harmless(character: str) -> bool:
    return character.isprintable() or character in _JOINERS or unicodedata.category(character) == "Zs"


def text_line(entry: Entry) -> str:
    """Return `entry` with time and room as one line of text; empty for one that nobody is shown."""
    encodable = entry._replace(author=visible(entry.author), text=visible(entry.text))
    shown = _RENDERER.render(encodable).decode().rstrip("\n")
    return f"{utc(entry.at)} {visible(entry.room)} {shown}\n" if shown else ""


def json_line(entry: Entry) -> str:
    """Return `entry` as one line of JSON, with nothing lost but the number of its session.

    Of an entry of kind `leave`, the text is the name of the `Reason`.
    """
    fields = {
        "offset": entry.offset,
        "at": utc(entry.at, digits="microseconds"),
        "room": entry.room,
        "kind": entry.kind.name.lower(),
        "author": entry.author,
        "text": entry.text,
    }
    return visible(json.dumps(fields, ensure_ascii=False)) + "\n"
