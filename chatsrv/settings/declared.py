"""The settings, each declared once: default, unit, range, help.

Knows neither files nor what the values are used for. Frozen values; any thread reads them. A key's unit is the end of
its name (`_bytes`, `_seconds`, `_entries`); `Accepts` says in words what its type cannot say.
"""

from ipaddress import ip_address
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from chatsrv.model.accepts import Accepts
from chatsrv.model.limits import Limits
from chatsrv.model.loginpolicy import LoginPolicy
from chatsrv.model.strength import PasswordPolicy
from chatsrv.settings.backends import Backends
from chatsrv.settings.bots import BotPlugins
from chatsrv.settings.kinds import (
    MACHINES_ZONE,
    CommandNames,
    Default,
    FilePath,
    Section,
    TimeZone,
    UserNames,
    Word,
    wrong,
)
from chatsrv.settings.rooms import Rooms
from chatsrv.text.names import prepare_name

DEFAULT_PLACE = (
    "a file called as the settings file, with `.db` for `.yaml`: in the directory that `$STATE_DIRECTORY` names, which "
    "systemd sets, or else beside the settings file"
)

ANY_HOST, ANY_IPV4, ANY_IPV6 = "*", "0.0.0.0", "::"


class Server(Section):
    """The server as a whole."""

    name: Annotated[Word, Accepts("text without spaces, such as the machine's full host name")] = Field(
        default="localhost", description="The name by which the server speaks of itself."
    )
    time_zone: TimeZone = Field(
        default=MACHINES_ZONE,
        description="The time zone in which chatters are told times; `local` is this machine's.",
    )


class Listener(Section):
    """One address on which the server waits for connections, and the protocol spoken there."""

    protocol: Literal["plain", "telnet"] = Field(
        description="`plain` is for nc and programs; `telnet` hides the password while it is typed, and edits lines."
    )
    host: Annotated[
        Word, Accepts('an address or host name of this machine, or "*" (in quotes) for all of IPv4 and IPv6')
    ] = Field(
        default=ANY_IPV4,
        description='Address to listen on. `0.0.0.0` is every IPv4 address, `"::"` every IPv6 one, `"*"` every one of '
        "both; `127.0.0.1` is this machine alone.",
    )
    port: int = Field(ge=0, le=65535, description="TCP port; 0 takes any free one, which is printed at the start.")


def _distinct(listeners: tuple[Listener, ...]) -> tuple[Listener, ...]:
    if not listeners:
        raise ValueError("no listener")
    found = []
    for number, later in enumerate(listeners):
        for earlier_number, earlier in enumerate(listeners[:number]):
            if later.port == earlier.port != 0 and do_hosts_overlap(earlier.host, later.host):
                text = f"listeners[{earlier_number}] has that port on {earlier.host}; accepted is another port or host"
                found.append(((number, "port"), text))
                break
    if found:
        raise wrong(*found)
    return listeners


def do_hosts_overlap(one: str, other: str) -> bool:
    """Tell whether two hosts have an address in common, as far as it can be known without asking for names."""
    one, other = _canonical(one), _canonical(other)
    if one == other:
        return True
    wildcards = {ANY_HOST: {4, 6}, ANY_IPV4: {4}, ANY_IPV6: {6}}
    if one not in wildcards and other not in wildcards:
        return False
    return bool(wildcards.get(one, _family(one)) & wildcards.get(other, _family(other)))


def _canonical(host: str) -> str:
    try:
        address = ip_address(host)
    except ValueError:
        return host.lower()
    return str(getattr(address, "ipv4_mapped", None) or address)


def _family(host: str) -> set[int]:
    try:
        return {ip_address(host).version}
    except ValueError:  # a name, of which only the system knows
        return set()


class Roles(Section):
    """Who may do more than talk. A role given here holds, whatever the file of accounts says."""

    admin: UserNames = Field(default=(), description="Accounts that may do everything.")
    moderator: UserNames = Field(
        default=(),
        description="Accounts that keep order in all rooms: they kick, ban and mute. Flood control spares them.",
    )


def _one_role_each(roles: Roles) -> Roles:
    admins = {prepare_name(name) for name in roles.admin}
    twice = [number for number, name in enumerate(roles.moderator) if prepare_name(name) in admins]
    if twice:
        text = "the name is under roles.admin too; accepted is one role a name, and admin includes moderator"
        raise wrong(*((("moderator", number), text) for number in twice))
    return roles


_CatchUpEntries = Annotated[
    int, Field(ge=0, le=1_000_000, description="Lines that somebody who missed more is told at a login; 0: none.")
]
_NewcomerEntries = Annotated[
    int, Field(ge=0, le=1_000, description="Lines that somebody who was never here is told at the login; 0: none.")
]


class MemoryHistory(Section):
    """The server remembers until it stops, and writes nothing."""

    store: Literal["memory"] = Field(description="Where the room logs are kept.")
    keep_entries: int = Field(
        default=10_000,
        ge=1,
        le=10_000_000,
        description="Entries kept of each room, fewer where `limits.memory_bytes` is too little; the oldest go first.",
    )
    catch_up_entries: _CatchUpEntries = 1000
    newcomer_entries: _NewcomerEntries = 10


class SqliteHistory(Section):
    """Everything is recorded in a file before anybody sees it. [The history](history.md) tells how to live with it.

    So it is when the section is left out, or says nothing of the store.
    """

    store: Literal["sqlite"] = Field(default="sqlite", description="Where the room logs are kept.")
    path: Annotated[FilePath, Default(DEFAULT_PLACE)] = Field(
        description="The file. It is made, with its directory, if it is not there."
    )
    durability: Literal["process", "power"] = Field(
        default="process",
        description="What all that was seen survives: the end of the server, also by `kill -9`; or a loss of `power`, "
        "too, which makes each line wait for the disk.",
    )
    keep_days: float = Field(
        default=0, ge=0, le=36_500, description="Age from which entries are let go of; 0 keeps all."
    )
    keep_entries: int = Field(
        default=0, ge=0, le=1_000_000_000, description="Entries kept of each room; the oldest go first; 0 keeps all."
    )
    catch_up_entries: _CatchUpEntries = 1000
    newcomer_entries: _NewcomerEntries = 10


History = MemoryHistory | SqliteHistory


class Logging(Section):
    """What the server writes to standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least level that is written. From `warning` up, connections are not logged."
    )


class Settings(Section):
    """All settings of a server."""

    server: Server = Field(default_factory=Server, description="The server as a whole.")
    listeners: Annotated[
        tuple[Listener, ...],
        Field(strict=False),
        AfterValidator(_distinct),
        Accepts("a list of at least one {protocol: ..., host: ..., port: ...}"),
    ] = Field(description="Where the server waits for connections: a list, one item for each address.")
    auth: Backends = Field(
        description="Who may log in. `backend` chooses where the accounts are kept; the other keys are that backend's. "
        "May be a list of such: they are asked in order, until one knows the name."
    )
    roles: Annotated[Roles, AfterValidator(_one_role_each)] = Field(
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
    rooms: Rooms = Field(default_factory=Rooms, description="Where people talk, and who may add to it.")
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
