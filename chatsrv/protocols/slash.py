"""Slash commands: what a line that begins with `/` asks for.

Knows names and arguments from the table `chatsrv.model.verbs`, and nothing of what is done. Pure functions; any thread.
"""

from chatsrv.model.commands import ChangePassword, Command, Complaint, Invoke, Say
from chatsrv.model.errors import Misused, Refused
from chatsrv.model.refusals import PasswordsDiffer, PasswordUnchanged
from chatsrv.model.verbs import VERB_OF
from chatsrv.protocols.lines import Dialogue
from chatsrv.text.characters import BLANK
from chatsrv.wording.commands import misused
from chatsrv.wording.refusals import explain
from chatsrv.wording.sessions import NEW_PASSWORD, NEW_PASSWORD_AGAIN, OLD_PASSWORD


def _change_password(old: str, new: str, again: str) -> Command:
    return ChangePassword(old, new) if new == again else Complaint(explain(PasswordUnchanged(PasswordsDiffer())))


_PASSWORD_PROMPTS = (OLD_PASSWORD.encode(), NEW_PASSWORD.encode(), NEW_PASSWORD_AGAIN.encode())

# Commands whose arguments nobody may see are asked for them, line by line.
_DIALOGUES = {
    "password": Dialogue(_PASSWORD_PROMPTS, 0, _change_password, PasswordUnchanged),
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
    except Refused as refused:
        return Complaint(explain(refused.why))
