"""All settings: one field for each section of the file. Each key is declared once: default, unit, range, help.

A section is declared in the module of its name beside this one: `history:` in `history`, `auth:` in `auth`. Four are
declared in `chatsrv.model`, as an embedded server has them, too; each is the value that a constructor takes:

    limits:      `chatsrv.model.limits`        `ChatServer(limits=)`
    login:       `chatsrv.model.loginpolicy`   `Gate(policy=)`
    passwords:   `chatsrv.model.strength`      `Gate(passwords=)`
    rooms:       `chatsrv.model.roomrules`     `Hub(rules=)`

Knows neither files nor what the values are used for. Frozen values; any thread reads them. A key's unit is the end of
its name (`_bytes`, `_seconds`, `_entries`); `Accepts` says in words what its type cannot say.
"""

from pydantic import Field

from chatsrv.model.limits import Limits
from chatsrv.model.loginpolicy import LoginPolicy
from chatsrv.model.roomrules import RoomRules
from chatsrv.model.section import Section
from chatsrv.model.strength import PasswordPolicy
from chatsrv.settings.auth import Backends
from chatsrv.settings.bots import BotPlugins
from chatsrv.settings.commands import CommandNames
from chatsrv.settings.history import History, MemoryHistory
from chatsrv.settings.listeners import Listeners
from chatsrv.settings.logging import Logging
from chatsrv.settings.roles import OneRoleEach, Roles
from chatsrv.settings.server import Server


class Settings(Section):
    """All settings of a server."""

    server: Server = Field(default_factory=Server, description="The server as a whole.")
    listeners: Listeners = Field(
        description="Where the server waits for connections: a list, one item for each address."
    )
    auth: Backends = Field(
        description="Who may log in. `backend` chooses where the accounts are kept; the other keys are that backend's. "
        "May be a list of such: they are asked in order, until one knows the name."
    )
    roles: OneRoleEach = Field(
        Roles(), description="Who may do more than talk. A role given here holds, whatever the file of accounts says."
    )
    login: LoginPolicy = Field(
        default_factory=lambda: LoginPolicy.model_validate({}),
        description="How the door is guarded: against guessing, against crowds, and against backends that hang.",
    )
    passwords: PasswordPolicy = Field(
        default_factory=lambda: PasswordPolicy.model_validate({}), description="What new passwords must be like."
    )
    history: History = Field(  # from a file: see `chatsrv.settings.filling`
        default_factory=lambda: MemoryHistory(store="memory"),
        discriminator="store",
        description="What the server remembers of each room. `store` chooses where; the other keys are that store's.",
    )
    rooms: RoomRules = Field(
        default_factory=lambda: RoomRules.model_validate({}), description="Where people talk, and who may add to it."
    )
    commands: CommandNames = Field(
        default=(),
        description="Commands beside the chat's own. [Extending](extending.md#a-plug-in) tells how to add one.",
    )
    bots: BotPlugins = Field(
        default=(),
        description="Bots in rooms, which installed packages bring. [Extending](extending.md#a-plug-in) tells how "
        "to add one.",
    )
    limits: Limits = Field(
        default_factory=lambda: Limits.model_validate({}),
        description="What one peer may use; keeps one from spoiling it for all.",
    )
    logging: Logging = Field(default_factory=Logging, description="What the server writes to standard error.")
