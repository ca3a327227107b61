"""The settings, each declared once: default, unit, range, help.

Knows neither files nor what the values are used for. Frozen values; any thread reads them. A key's unit is the end of
its name (`_bytes`, `_seconds`, `_entries`); `Accepts` says in words what its type cannot say.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationInfo
from pydantic_core import PydanticCustomError

from chatsrv.accepts import Accepts
from chatsrv.limits import Limits
from chatsrv.loginpolicy import LoginPolicy
from chatsrv.names import NAME_ACCEPTED, PASSWORD_ACCEPTED, prepare_name, prepare_password

ANY_IPV4, ANY_IPV6 = "0.0.0.0", "::"


def wrong(*found: tuple[tuple[str | int, ...], str]) -> PydanticCustomError:
    """Return an error about places beneath the value being checked: for each its steps, and what would be right."""
    return PydanticCustomError("found", "values that do not fit together", {"found": found})


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def _one_word(text: str) -> str:
    if not text or not text.isprintable() or any(map(str.isspace, text)):
        raise ValueError("not one word")
    return text


def _user_name(text: str) -> str:
    prepare_name(text)
    return text


def _password(secret: SecretStr) -> SecretStr:
    prepare_password(secret.get_secret_value())
    return secret


def _each_once(users: Mapping[str, SecretStr]) -> Mapping[str, SecretStr]:
    first: dict[str, str] = {}
    twice = [name for name in users if first.setdefault(prepare_name(name), name) != name]
    if twice:
        raise wrong(*(((name,), f"that is the same name as {first[prepare_name(name)]}") for name in twice))
    return MappingProxyType(users)


def _beside_the_file(value: object, info: ValidationInfo) -> object:
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError("not a path")
    return Path((info.context or {}).get("directory", ""), value)


Word = Annotated[str, AfterValidator(_one_word)]
UserName = Annotated[str, AfterValidator(_user_name), Accepts(f"text, in quotes if it looks a number; {NAME_ACCEPTED}")]
UserNames = Annotated[tuple[UserName, ...], Field(strict=False), Accepts("a list of user names")]
FilePath = Annotated[
    Path, BeforeValidator(_beside_the_file), Accepts("a path; a relative one starts from the settings file's directory")
]
Password = Annotated[
    SecretStr, AfterValidator(_password), Accepts(f"text, in quotes if it looks a number; {PASSWORD_ACCEPTED}")
]


class Server(_Section):
    """The server as a whole."""

    name: Annotated[Word, Accepts("text without spaces, such as the machine's full host name")] = Field(
        default="localhost", description="The name by which the server speaks of itself."
    )


class Listener(_Section):
    """One address on which the server waits for connections, and the protocol spoken there."""

    protocol: Literal["plain", "telnet"] = Field(
        description="`plain` is for nc and programs; `telnet` hides the password while it is typed, and edits lines."
    )
    host: Annotated[Word, Accepts("an address or host name of this machine")] = Field(
        default=ANY_IPV4,
        description="Address to listen on. `0.0.0.0` is every IPv4 address, `127.0.0.1` this machine alone.",
    )
    port: int = Field(ge=0, le=65535, description="TCP port; 0 takes any free one, which is printed at the start.")


def _distinct(listeners: tuple[Listener, ...]) -> tuple[Listener, ...]:
    if not listeners:
        raise ValueError("no listener")
    found = []
    for number, later in enumerate(listeners):
        for earlier_number, earlier in enumerate(listeners[:number]):
            if later.port == earlier.port != 0 and _overlap(earlier.host.lower(), later.host.lower()):
                text = f"listeners[{earlier_number}] has that port on {earlier.host}; accepted is another port or host"
                found.append(((number, "port"), text))
                break
    if found:
        raise wrong(*found)
    return listeners


def _overlap(one: str, other: str) -> bool:
    if one == other:
        return True
    return any(
        wildcard in (one, other) and (":" in one) == (":" in other) == is_ipv6
        for wildcard, is_ipv6 in ((ANY_IPV4, False), (ANY_IPV6, True))
    )


class MemoryAuth(_Section):
    """The accounts stand in the settings file itself: for trying out and for tests."""

    backend: Literal["memory"] = Field(description="Where the accounts are kept.")
    users: Annotated[
        Mapping[UserName, Password], AfterValidator(_each_once), Accepts("a mapping of user names to passwords")
    ] = Field(description="User names and their passwords.")


class YamlAuth(_Section):
    """The accounts stand in a YAML file: passwords or hashes, roles, networks."""

    backend: Literal["yaml"] = Field(description="Where the accounts are kept.")
    path: FilePath = Field(description="The file of accounts. It is read again whenever it has changed.")


class HashedAuth(_Section):
    """The accounts stand in a file in the format of Apache's htpasswd: names and hashes, nothing else."""

    backend: Literal["hashed"] = Field(description="Where the accounts are kept.")
    path: FilePath = Field(description="The htpasswd file. It is read again whenever it has changed.")


Auth = MemoryAuth | YamlAuth | HashedAuth


def _as_list(value: object) -> object:
    return value if isinstance(value, list | tuple) else [value]


def _at_least_one(backends: tuple[Auth, ...]) -> tuple[Auth, ...]:
    if not backends:
        raise ValueError("no backend")
    return backends


Backends = Annotated[
    tuple[Annotated[Auth, Field(discriminator="backend")], ...],
    Field(strict=False),
    BeforeValidator(_as_list),
    AfterValidator(_at_least_one),
]
"""One backend, or a list of them. In the file, one needs no list around it."""


class Roles(_Section):
    """Who may do more than talk. A role given here holds, whatever the file of accounts says."""

    admin: UserNames = Field(default=(), description="Accounts that may do everything.")
    moderator: UserNames = Field(default=(), description="Accounts that may keep order in rooms.")


def _one_role_each(roles: Roles) -> Roles:
    admins = {prepare_name(name) for name in roles.admin}
    twice = [number for number, name in enumerate(roles.moderator) if prepare_name(name) in admins]
    if twice:
        text = "the name is under roles.admin too; accepted is one role a name, and admin includes moderator"
        raise wrong(*((("moderator", number), text) for number in twice))
    return roles


class History(_Section):
    """What the server remembers of each room."""

    store: Annotated[Literal["memory"], Accepts("memory (the only store so far)")] = Field(
        default="memory", description="Where the room logs are kept. `memory` forgets them when the server stops."
    )
    keep_entries: int = Field(
        default=10_000, ge=1, le=10_000_000, description="Entries kept of each room; the oldest go first."
    )


class Logging(_Section):
    """What the server writes to standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least level that is written. From `warning` up, connections are not logged."
    )


class Settings(_Section):
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
    history: History = Field(default_factory=History, description="What the server remembers of each room.")
    limits: Limits = Field(
        default_factory=lambda: Limits.model_validate({}),
        description="What one peer may use; keeps one from spoiling it for all.",
    )
    logging: Logging = Field(default_factory=Logging, description="What the server writes to standard error.")
