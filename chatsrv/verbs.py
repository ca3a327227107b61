"""The table of commands: for each its name, its arguments, what it is for, the value it becomes, and the right needed.

What people type behind a slash, what `/help` lists, what docs/plain-protocol.md shows and which right is asked for are
all made from this table. Knows neither how a wire format marks a command nor what obeying one does: that is in
`chatsrv.chat.deeds`. Values, to be shared between threads freely.
"""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from chatsrv.commands import (
    PAGE_ENTRIES,
    Act,
    CatchUp,
    ChangePassword,
    Command,
    Help,
    History,
    More,
    Quit,
    Say,
    Search,
    Who,
)
from chatsrv.errors import Misused
from chatsrv.replies import Usage
from chatsrv.rights import OF_OWNERS, Right

NAME_CHARACTERS = 32
"""Characters that a command's name may have. Nobody mistypes one into more, so more is never guessed at."""

_NAME = re.compile(f"[a-z][a-z0-9-]{{0,{NAME_CHARACTERS - 1}}}")


class Verb(NamedTuple):
    """A command as it is asked for by its name.

    `arguments` is a word for each, of which the last takes all the rest; one in square brackets may be left out.
    `kind` is the type of the command. Where its fields are not simply the arguments, `make` makes it, and raises
    `ValueError` for arguments that make no sense. Without a `right`, everybody may.
    """

    name: str
    arguments: str
    help: str
    kind: type[Any]
    right: Right | None = None
    make: Callable[..., Command] | None = None

    @property
    def usage(self) -> Usage:
        """What people are told of it."""
        return Usage(self.name, self.arguments, self.help)

    def command(self, argument: str) -> Command:
        """Return what is asked for with `argument`, which is all that stands behind the name.

        Raises:
            Misused: something is missing, or makes no sense.
        """
        arguments = self.split(argument)
        try:
            made: Command = (self.make or self.kind)(*arguments)
        except ValueError as error:
            raise Misused(f"{self.name} is for {self.help}: {error}") from error
        return made

    def split(self, argument: str) -> list[str]:
        """Return the arguments that stand in `argument`; what none was asked for is left out.

        >>> Verb("kick", "NAME [REASON]", "", Act).split("  bob  too  loud ")
        ['bob', 'too  loud']

        Raises:
            Misused: one is missing.
        """
        expected = self.arguments.split()
        found = argument.strip().split(maxsplit=len(expected) - 1) if expected else []
        if len(found) < sum(not word.startswith("[") for word in expected):
            raise Misused(f"{self.name} needs {self.arguments}")
        return found


def _history(typed: str = str(PAGE_ENTRIES)) -> Command:
    entries = int(typed)
    if entries < 1:
        raise ValueError(typed)
    return History(entries)


def _catch_up(answer: str) -> Command:
    return CatchUp(bool(("off", "on").index(answer.lower())))


VERBS = (
    Verb("help", "", "list the commands", Help),
    Verb("who", "", "list who is here", Who),
    Verb("me", "TEXT", "say what you do: /me waves", Act, Right.SPEAK),
    Verb("history", "[N]", f"show the last {PAGE_ENTRIES} lines, or the last N", History, make=_history),
    Verb("search", "WORDS", "show lines with all of these words: /search tea tim*", Search),
    Verb("more", "", "show what came before", More),
    Verb("catchup", "on|off", "be told at login what you missed, or not", CatchUp, make=_catch_up),
    Verb("password", "", "change your password", ChangePassword, Right.CHANGE_PASSWORD),
    Verb("quit", "", "leave the chat", Quit),
)
"""All commands that have a name, in the order in which they are listed."""

VERB_OF = {verb.name: verb for verb in VERBS}

RIGHT_FOR: dict[type, Right] = {
    Say: Right.SPEAK,
    **{verb.kind: verb.right for verb in VERBS if verb.right and verb.right not in OF_OWNERS},
}
"""The right that a command needs, by its type. What is not in here, everybody may, or it depends on the room.

That is so for the rights that owners have in their rooms: those are asked for where the command is obeyed, by
`chatsrv.chat.authority`.
"""


def check_name(name: str) -> None:
    """Make sure that a plug-in may call its command `name`.

    Raises:
        ValueError: it may not. The text says what would be accepted.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"accepted are up to {NAME_CHARACTERS} lower-case letters, digits and hyphens")
    if name in VERB_OF:
        raise ValueError(f"the chat has a command {name} of its own; accepted is another name")
