"""The sentences for what one session is told: one for each code of `chatsrv.model.statements`.

A new code gets its sentence in the table at the end: a text with its facts in braces, or a function where the facts
decide on the words. Knows nothing of how a line is marked or ends. Pure functions; any thread may call them.
"""

from collections.abc import Callable, Mapping
from typing import Any

from chatsrv.model import statements
from chatsrv.model.refusals import InNoRoom, Refusal
from chatsrv.model.statements import Statement
from chatsrv.wording.refusals import explain


def state(statement: Statement) -> str:
    """Return the sentence that a chatter reads who is told, or refused, that.

    >>> state(statements.LeftRoom("dev", "lobby"))
    'You left dev. You speak in lobby now.'
    """
    if isinstance(statement, Refusal):
        return explain(statement)
    sentence = _SENTENCES[type(statement)]
    return sentence.format_map(vars(statement)) if isinstance(sentence, str) else sentence(statement)


# ---------------------------------------------------------------------------- rooms


def _left_room(it: statements.LeftRoom) -> str:
    then = f"You speak in {it.current} now." if it.current else explain(InNoRoom(it.further))
    return f"You left {it.room}. {then}"


# ---------------------------------------------------------------------------- all of them

_SENTENCES: Mapping[type[Statement], str | Callable[[Any], str]] = {
    statements.LeftRoom: _left_room,
}
