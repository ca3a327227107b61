"""The repertoire: all commands that can be asked for by name, the chat's own and those of plug-ins.

Never hears of bytes, sockets or wire formats. A `Repertoire` never changes; any thread may use it. The functions are
deeds (`chatsrv.chat.deeds`), and run on the asker's thread.
"""

import logging
from collections.abc import Mapping
from difflib import get_close_matches

from chatsrv.chat.asker import Asker
from chatsrv.chat.authority import may_create, owns
from chatsrv.chat.commandplugin import CommandPlugin
from chatsrv.model.accounts import Account
from chatsrv.model.commands import Create, Help, Invoke
from chatsrv.model.errors import Misused, Refused
from chatsrv.model.replies import CommandList, Notice, UnknownCommand
from chatsrv.model.rights import OF_OWNERS, may, require
from chatsrv.model.verbs import NAME_CHARACTERS, VERBS, Verb, check_name
from chatsrv.sharing.slots import step_aside

logger = logging.getLogger(__name__)


class Repertoire:
    """The chat's own commands, and `plugins` by their names.

    Raises:
        ValueError: a plug-in's name is no name for a command, or is taken.
    """

    def __init__(self, plugins: Mapping[str, CommandPlugin] | None = None) -> None:
        self._plugins = {name: plugins[name] for name in sorted(plugins)} if plugins else {}
        for name in self._plugins:
            check_name(name)
        added = (Verb(name, each.arguments, each.help, Invoke, each.right) for name, each in self._plugins.items())
        self._verbs = {verb.name: verb for verb in (*VERBS, *added)}

    def verbs_for(self, account: Account, *, is_owner: bool = False) -> tuple[Verb, ...]:
        """Return the commands that `account` may use, in the order in which they are listed.

        `is_owner` tells whether it may use those that owners have in their rooms, too.
        """
        return tuple(
            verb
            for verb in self._verbs.values()
            if verb.right is None or may(account, verb.right) or (is_owner and verb.right in OF_OWNERS)
        )

    def nearest(self, name: str, account: Account) -> str:
        """Return the command that `account` may have meant by `name`; empty if there is none like it."""
        if len(name) > NAME_CHARACTERS:  # comparing takes time with the square of the length
            return ""
        return next(iter(get_close_matches(name, [verb.name for verb in self.verbs_for(account)], n=1)), "")

    def added(self, name: str) -> tuple[Verb, CommandPlugin] | None:
        """Return the command that a plug-in brought under that name, and the plug-in; `None` if none did."""
        plugin = self._plugins.get(name)
        return (self._verbs[name], plugin) if plugin else None


def list_commands(asker: Asker, _: Help) -> None:
    """Tell which commands the asker may use."""
    is_owner = any(owns(asker, room) for room in asker.rooms.values())
    verbs = asker.hub.repertoire.verbs_for(asker.account, is_owner=is_owner)
    asker.reply(CommandList(tuple(verb.usage for verb in verbs if verb.kind is not Create or may_create(asker))))


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
        asker.reply(Notice("That command failed, through no fault of yours. The server's log tells why."))
