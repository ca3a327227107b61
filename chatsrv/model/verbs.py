"""The table of commands: for each its name, its arguments, the value it becomes, and the right needed.

What people type behind a slash, what `/help` lists, what docs/plain-protocol.md shows and which right is asked for are
all made from this table. Knows neither how a wire format marks a command nor what obeying one does: that is in
`chatsrv.chat.deeds`; nor what it is for: the words for that are in `chatsrv.wording.commands`. Values, to be shared
between threads freely.
"""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from chatsrv.model.accounts import Account
from chatsrv.model.changes import INVITE_ONLY, UNLOGGED
from chatsrv.model.commands import (
    PAGE_ENTRIES,
    Act,
    Audit,
    Ban,
    Bans,
    CatchUp,
    ChangePassword,
    Command,
    Create,
    Help,
    History,
    Ignore,
    Invite,
    Join,
    Kick,
    ListRooms,
    More,
    Mute,
    Part,
    PrivateHistory,
    PrivateMessage,
    Quit,
    Say,
    Search,
    Set,
    Slow,
    Topic,
    Unban,
    Unignore,
    Unmute,
    Who,
)
from chatsrv.model.distinct import distinct
from chatsrv.model.errors import Misused, Refused
from chatsrv.model.refusals import NoDuration, NoSuchChoice, NoSuchOption, SlowOutOfRange
from chatsrv.model.replies import Usage
from chatsrv.model.rights import OF_OWNERS, Right, may
from chatsrv.model.style import CHOICES
from chatsrv.text.durations import parse

NAME_CHARACTERS = 32
"""Characters that a command's name may have. Nobody mistypes one into more, so more is never guessed at."""

EVERYWHERE = "everywhere"
"""The word that makes a ban or a mute one of the whole server."""

MOST_SLOW_SECONDS = 3600
"""The slowest that a room can be made: a line an hour. For less there is `/mute`."""

_NAME = re.compile(f"[a-z][a-z0-9-]{{0,{NAME_CHARACTERS - 1}}}")


_NAMES = frozenset(("NAME", "ROOM", "ROOM|NAME"))
"""Arguments that are one word, where they come last, too: no name has a space."""

_FORMS = (("NAME|NETWORK", "NAME", Right.BAN_NETWORK), (f" [{EVERYWHERE}]", "", Right.GOVERN))
"""Arguments that need a further right, with what is left of them without it."""


@distinct
class Verb(NamedTuple):
    """A command as it is asked for by its name.

    `arguments` is a word for each, of which the last takes all the rest; one in square brackets may be left out.
    `kind` is the type of the command. Where its fields are not simply the arguments, `make` makes it, and raises
    `ValueError` for arguments that make no sense, or `Refused` to say what would. Without a `right`, everybody may.
    `help` is what a plug-in says of its own command; of the chat's it is empty.
    """

    name: str
    arguments: str
    kind: type[Any]
    right: Right | None = None
    make: Callable[..., Command] | None = None
    help: str = ""

    @property
    def usage(self) -> Usage:
        """What people are told of it."""
        return Usage(self.name, self.arguments, self.help)

    def usage_for(self, account: Account) -> Usage:
        """Return what somebody is told of it who uses it as `account`: no more than they may do with it.

        >>> VERB_OF["ban"].usage_for(Account("bob")).arguments
        'NAME [DURATION] [REASON]'
        """
        arguments = self.arguments
        for form, reduced, right in _FORMS:
            if not may(account, right):
                arguments = arguments.replace(form, reduced)
        return self.usage._replace(arguments=arguments)

    def command(self, argument: str) -> Command:
        """Return what is asked for with `argument`, which is all that stands behind the name.

        Raises:
            Misused: something is missing, is too much, or makes no sense.
            Refused: something makes no sense, and the text says what would.
        """
        arguments = self.split(argument)
        expected = self.arguments.split()
        if len(arguments) == len(expected) > 0 and expected[-1].strip("[]") in _NAMES and " " in arguments[-1]:
            raise Misused(f"{self.name} takes one {expected[-1]}")
        try:
            made: Command = (self.make or self.kind)(*arguments)
        except ValueError as error:
            raise Misused(f"{self.name} {self.arguments}: {error}") from error
        return made

    def split(self, argument: str) -> list[str]:
        """Return the arguments that stand in `argument`; what none was asked for is left out.

        >>> Verb("kick", "NAME [REASON]", Act).split("  bob  too  loud ")
        ['bob', 'too  loud']

        Raises:
            Misused: one is missing.
        """
        expected = self.arguments.split()
        found = argument.strip().split(maxsplit=len(expected) - 1) if expected else []
        if len(found) < sum(not word.startswith("[") for word in expected):
            raise Misused(f"{self.name} needs {self.arguments}")
        return found


def _help(typed: str = "") -> Command:
    return Help(typed.split(maxsplit=1)[0].lstrip("/").lower() if typed else "")


def _last(kind: type[History | PrivateHistory]) -> Callable[..., Command]:
    def make(typed: str = str(PAGE_ENTRIES)) -> Command:
        entries = int(typed)
        if entries < 1:
            raise ValueError(typed)
        return kind(entries)

    return make


def _catch_up(answer: str) -> Command:
    return CatchUp(bool(("off", "on").index(answer.lower())))


def _set(*typed: str) -> Command:
    option, value = (*map(str.lower, typed), "", "")[:2]
    if option and option not in CHOICES:
        raise Refused(NoSuchOption())
    if value and value not in CHOICES[option]:
        raise Refused(NoSuchChoice(option))
    return Set(option, value)


def _create(room: str, *words: str) -> Command:
    kinds = " ".join(words).lower().split()
    if not {INVITE_ONLY, UNLOGGED}.issuperset(kinds):
        raise ValueError(kinds)
    return Create(room, is_invite_only=INVITE_ONLY in kinds, is_logged=UNLOGGED not in kinds)


def _topic(text: str | None = None) -> Command:
    return Topic("" if text == "-" else text)


def _slow(typed: str) -> Command:
    if typed.lower() == "off":
        return Slow(0)
    if not (typed.isascii() and typed.isdecimal()):
        raise ValueError(typed)
    if len(typed) > len(str(MOST_SLOW_SECONDS)) or not 0 < int(typed) <= MOST_SLOW_SECONDS:
        raise Refused(SlowOutOfRange(MOST_SLOW_SECONDS))
    return Slow(int(typed))


def _ruling(kind: type[Ban | Mute]) -> Callable[..., Command]:
    def make(target: str, *typed: str) -> Command:
        words = " ".join(typed).split()
        is_everywhere, seconds = False, None
        while words:
            if words[0].lower() == EVERYWHERE and not is_everywhere:
                is_everywhere = True
            elif words[0].lower() == "for" and seconds is None and _is_number("".join(words[1:2])):
                pass  # as one says it: for 2h
            elif _is_number(words[0]) and seconds is None:
                seconds = _seconds(words[0])
            else:
                break
            del words[0]
        return kind(target, is_everywhere, seconds, " ".join(words))

    return make


def _is_number(word: str) -> bool:
    return word.lstrip("+-")[:1].isdigit()


def _seconds(typed: str) -> int:
    try:
        return parse(typed)
    except ValueError:
        # Never taken for the beginning of a reason: what was to last a week would last for good.
        raise Refused(NoDuration()) from None


def _release(kind: type[Unban | Unmute]) -> Callable[..., Command]:
    def make(target: str, word: str = "") -> Command:
        if word.lower() not in ("", EVERYWHERE):
            raise ValueError(word)
        return kind(target, is_everywhere=bool(word))

    return make


_RULING = f"[{EVERYWHERE}] [DURATION] [REASON]"

VERBS = (
    Verb("help", "[COMMAND]", Help, make=_help),
    Verb("who", "[ROOM]", Who),
    Verb("me", "TEXT", Act, Right.SPEAK),
    Verb("msg", "NAME TEXT", PrivateMessage, Right.SPEAK),
    Verb("rooms", "", ListRooms),
    Verb("join", "ROOM", Join),
    Verb("part", "[ROOM]", Part),
    Verb("topic", "[TEXT]", Topic, make=_topic),
    Verb("invite", "NAME [ROOM]", Invite),
    Verb("create", "ROOM [invite-only] [unlogged]", Create, Right.CREATE_ROOM, _create),
    Verb("ignore", "[NAME]", Ignore),
    Verb("unignore", "NAME", Unignore),
    Verb("history", "[N]", History, make=_last(History)),
    Verb("private", "[N]", PrivateHistory, make=_last(PrivateHistory)),
    Verb("search", "WORDS", Search),
    Verb("more", "", More),
    Verb("catchup", "on|off", CatchUp, make=_catch_up),
    Verb("set", "[WHAT] [HOW]", Set, make=_set),
    Verb("kick", "NAME [REASON]", Kick, Right.KICK),
    Verb("ban", f"NAME|NETWORK {_RULING}", Ban, Right.BAN, _ruling(Ban)),
    Verb("unban", "NAME|NETWORK [everywhere]", Unban, Right.BAN, _release(Unban)),
    Verb("mute", f"NAME {_RULING}", Mute, Right.MUTE, _ruling(Mute)),
    Verb("unmute", "NAME [everywhere]", Unmute, Right.MUTE, _release(Unmute)),
    Verb("bans", "", Bans, Right.BAN),
    Verb("slow", "off|SECONDS", Slow, Right.SLOW, _slow),
    Verb("audit", "[ROOM|NAME]", Audit, Right.AUDIT),
    Verb("password", "", ChangePassword, Right.CHANGE_PASSWORD),
    Verb("quit", "", Quit),
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
