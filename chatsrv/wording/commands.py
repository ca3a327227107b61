"""What people read about commands: what each is for, how it is used, what there is in place of one that there is not.

Knows names and arguments from the table `chatsrv.model.verbs`. Tables and pure functions; any thread may use them.
"""

from collections.abc import Mapping

from chatsrv.model.commands import PAGE_ENTRIES, Act, Command, Say
from chatsrv.model.replies import CommandList, UnknownCommand, Usage
from chatsrv.model.verbs import NAME_CHARACTERS, VERBS
from chatsrv.wording.elsewhere import advice_on

HELP: Mapping[str, str] = {
    "help": "list the commands, or tell what one is for",
    "who": "list who is here, or in another room",
    "me": "say what you do: /me waves",
    "msg": "say something to one person alone",
    "rooms": "list the rooms",
    "join": "enter a room, or turn to one that you are in",
    "part": "leave this room, or another one",
    "topic": "show this room's topic, or set it; - clears it",
    "invite": "let somebody in, and tell them so",
    "create": "make a room of your own",
    "ignore": "see nothing of somebody; alone: list whom",
    "unignore": "see somebody again",
    "history": f"show the last {PAGE_ENTRIES} lines, or the last N",
    "private": "show the last private messages to you and of yours",
    "search": "show lines with all of these words: /search tea tim*",
    "more": "go on with what was shown last",
    "catchup": "be told at login what you missed, or not",
    "set": "choose how lines are shown: /set times on",
    "kick": "send somebody out of this room",
    "ban": "keep somebody out: /ban bob 2h spam",
    "unban": "let somebody in again",
    "mute": "let somebody say nothing: /mute bob 10m",
    "unmute": "let somebody speak again",
    "bans": "list who is banned and muted",
    "slow": "let each say a line every so many seconds",
    "audit": "show what was decided, newest first",
    "password": "change your password",
    "quit": "leave the chat",
}
"""What each of the chat's own commands is for, by its name, in a few words that complete "use it to"."""

_VERB_FOR = {verb.kind: verb for verb in VERBS}

_WIDEST = 32
"""Characters that a command may take in a list before its help is moved out of line with the others'."""

_SAYING_A_SLASH = ("//TEXT", "say a text that begins with a slash")


def misused(usage: Usage) -> str:
    """Return what somebody is told whose arguments made no sense."""
    return f"Usage: {_written(usage)}"


def unknown(reply: UnknownCommand) -> str:
    """Return what somebody is told whose command there is not: of one that other chats have, what to use here."""
    if advice := advice_on(reply.name):
        return advice
    what = f"command /{reply.name}" if len(reply.name) <= NAME_CHARACTERS else "such command"
    advice = f"Did you mean /{reply.nearest}?" if reply.nearest else "Type /help for commands."
    return f"There is no {what}. {advice}"


def listed(reply: CommandList) -> list[str]:
    """Return a line for each command, and a last one for how to say a slash."""
    rows = [(_written(usage), usage.help or HELP.get(usage.name, "")) for usage in reply.commands]
    if reply.is_all:
        rows.append(_SAYING_A_SLASH)
    width = max((length for written, _ in rows if (length := len(written)) <= _WIDEST), default=0)
    return [f"{written:<{width}}  {help_}" for written, help_ in rows]


def _written(usage: Usage) -> str:
    return f"/{usage.name} {usage.arguments}".rstrip()


def typed_as(command: Command) -> str:
    """Return a line that asks for a command, near enough to what was typed for its author to know it again.

    >>> typed_as(Act("waves")), typed_as(Say("hello"))
    ('/me waves', 'hello')
    """
    words = [value for value in command if isinstance(value, str) and value]
    if isinstance(command, Say):
        return command.text
    if isinstance(command, Act):
        return f"/me {command.text}"
    verb = _VERB_FOR.get(type(command))
    return " ".join(["/" + verb.name, *words] if verb else ["/" + words[0], *words[1:]])
