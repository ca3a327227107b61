"""The repertoire: all commands that can be asked for by name, the chat's own and those of plug-ins.

Never hears of bytes, sockets or wire formats, nor of how a command is obeyed. A `Repertoire` never changes; any thread
may use it.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, ClassVar, Protocol

from chatsrv.model.accounts import Account
from chatsrv.model.commands import Invoke
from chatsrv.model.rights import OF_OWNERS, Right, may
from chatsrv.model.verbs import NAME_CHARACTERS, VERBS, Verb, check_name


class AddedCommand(Protocol):
    """A command of a plug-in. `CommandPlugin` is its contract; whoever only lists commands need not know who asks."""

    arguments: ClassVar[str]
    right: ClassVar[Right | None]

    @property
    def help(self) -> str:
        """See `CommandPlugin.help`."""

    def run(self, asker: Any, argument: str) -> None:
        """See `CommandPlugin.run`."""


class Repertoire:
    """The chat's own commands, and `plugins` by their names.

    Raises:
        ValueError: a plug-in's name is no name for a command, or is taken.
    """

    def __init__(self, plugins: Mapping[str, AddedCommand] | None = None) -> None:
        self._plugins = {name: plugins[name] for name in sorted(plugins)} if plugins else {}
        for name in self._plugins:
            check_name(name)
        added = (Verb(name, each.arguments, Invoke, each.right, help=each.help) for name, each in self._plugins.items())
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
        near = get_close_matches(name, [verb.name for verb in self.verbs_for(account)])
        # Whoever meant the one and believes us when we say the other would say aloud what was for one person alone.
        return "msg" if "msg" in near and near[0] == "me" else next(iter(near), "")

    def verb(self, name: str) -> Verb | None:
        """Return the command of that name, whoever may use it; `None` if there is none."""
        return self._verbs.get(name)

    def added(self, name: str) -> tuple[Verb, AddedCommand] | None:
        """Return the command that a plug-in brought under that name, and the plug-in; `None` if none did."""
        plugin = self._plugins.get(name)
        return (self._verbs[name], plugin) if plugin else None
