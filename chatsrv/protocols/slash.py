"""Slash commands: what a line that begins with `/` asks for, and how commands are written for people who type them.

Knows names and arguments from the table `chatsrv.model.verbs`, and nothing of what is done. Pure functions; any thread.
"""

from chatsrv.model.commands import ChangePassword, Command, Complaint, Invoke, Say
from chatsrv.model.errors import Misused, Refused
from chatsrv.model.replies import UnknownCommand, Usage
from chatsrv.model.verbs import NAME_CHARACTERS, VERB_OF
from chatsrv.protocols.lines import Dialogue
from chatsrv.text.characters import BLANK
from chatsrv.wording.elsewhere import advice_on

_WIDEST = 32
"""Characters that a command may take in a list before its help is moved out of line with the others'."""

_UNCHANGED = "Nothing was changed."


def _change_password(old: str, new: str, again: str) -> Command:
    return ChangePassword(old, new) if new == again else Complaint(f"The new passwords differ. {_UNCHANGED}")


# Commands whose arguments nobody may see are asked for them, line by line.
_DIALOGUES = {
    "password": Dialogue(
        (b"Old password: ", b"New password: ", b"New password again: "), 0, _change_password, _UNCHANGED
    ),
}


def asked(text: str) -> Command | Dialogue:
    """Return what a clean line asks for that begins with a slash; two of them say one."""
    if text.startswith("//"):
        return Say(text[1:])
    typed, _, argument = text[1:].partition(" ")
    argument = argument.strip(BLANK)
    name = typed.lower()
    if name in _DIALOGUES:
        return _DIALOGUES[name]
    verb = VERB_OF.get(name)
    if verb is None:
        return Invoke(name, argument)
    try:
        return verb.command(argument)
    except Misused:
        return Complaint(misused(verb.usage))
    except Refused as refusal:
        return Complaint(str(refusal))


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


def listed(commands: tuple[Usage, ...]) -> list[str]:
    """Return a line for each of `commands`, and one for how to say a slash."""
    rows = [*((_written(usage), usage.help) for usage in commands), ("//TEXT", "say a text that begins with a slash")]
    width = max(length for written, _ in rows if (length := len(written)) <= _WIDEST)
    return [f"{written:<{width}}  {help_}" for written, help_ in rows]


def _written(usage: Usage) -> str:
    return f"/{usage.name} {usage.arguments}".rstrip()
