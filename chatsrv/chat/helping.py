"""Commands about commands: deeds (`chatsrv.chat.deeds`) that list them, and that have a plug-in obey its own.

Never hears of bytes, sockets or wire formats. Everything here runs on the asker's thread, with no lock held.
"""

import logging

from chatsrv.chat.asker import Asker
from chatsrv.chat.authority import may_create, owns
from chatsrv.model.commands import Create, Help, Invoke
from chatsrv.model.errors import Misused, Refused
from chatsrv.model.refusals import NoRight
from chatsrv.model.replies import CommandList, UnknownCommand
from chatsrv.model.reports import CommandFailed
from chatsrv.model.requiring import require
from chatsrv.sharing.slots import step_aside

logger = logging.getLogger(__name__)


def list_commands(asker: Asker, command: Help) -> None:
    """Tell which commands the asker may use, or how one of them is used and what it is for.

    Raises:
        Refused: the asker may not use that one.
    """
    repertoire = asker.hub.repertoire
    is_owner = any(owns(asker, room) for room in asker.rooms.values())
    verbs = repertoire.verbs_for(asker.account, is_owner=is_owner)
    usable = {verb.name: verb for verb in verbs if verb.kind is not Create or may_create(asker)}
    if not command.name:
        asker.reply(CommandList(tuple(verb.usage_for(asker.account) for verb in usable.values())))
    elif verb := usable.get(command.name):
        asker.reply(CommandList((verb.usage_for(asker.account),), is_all=False))
    elif (verb := repertoire.verb(command.name)) and verb.right:
        raise Refused(NoRight(verb.right, asker.account.role))
    else:
        asker.reply(UnknownCommand(command.name, repertoire.nearest(command.name, asker.account)))


def invoke(asker: Asker, command: Invoke) -> None:
    """Have a plug-in obey a command that it brought. Whatever it raises, the asker is told, and the session goes on.

    Raises:
        Refused: the asker may not, or the plug-in says no.
    """
    repertoire = asker.hub.repertoire
    name, argument = command
    added = repertoire.added(name)
    if added is None:
        asker.reply(UnknownCommand(name, repertoire.nearest(name, asker.account)))
        return
    verb, plugin = added
    if verb.right:
        require(asker.account, verb.right)
    try:
        verb.split(argument)
        with step_aside():
            plugin.run(asker, argument.strip() if verb.arguments else "")
    except Misused:
        asker.reply(verb.usage)
    except Refused:
        raise
    except (Exception, SystemExit):  # a stranger's code: its failures are nobody else's
        logger.exception("session %d: the plug-in for the command %s failed", asker.id, name)
        asker.reply(CommandFailed())
