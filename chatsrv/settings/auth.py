"""The section `auth:`: the settings of each auth backend.

Makes no backend; of a plug-in it knows only whether it is installed. Frozen values; any thread reads them.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from chatsrv.model.section import Accepts, Section, wrong
from chatsrv.settings.kinds import FilePath, Password, UserName
from chatsrv.settings.plugins import AUTH_GROUP, installed
from chatsrv.text.hashforms import USE_PASSWORD_HASH, is_hash
from chatsrv.text.names import prepare_name


def _each_once_in_clear(users: Mapping[str, SecretStr]) -> Mapping[str, SecretStr]:
    first: dict[str, str] = {}
    found: list[tuple[tuple[str | int, ...], str]] = []
    for name, secret in users.items():
        if first.setdefault(prepare_name(name), name) != name:
            found.append(((name,), f"that is the same name as {first[prepare_name(name)]}"))
        if is_hash(secret.get_secret_value()):
            found.append(((name,), f"{USE_PASSWORD_HASH} in a users.yaml, or an htpasswd file"))
    if found:
        raise wrong(*found)
    return MappingProxyType(users)


class MemoryAuth(Section):
    """The accounts stand in the settings file itself: for trying out and for tests."""

    backend: Literal["memory"] = Field(description="Where the accounts are kept.")
    users: Annotated[
        Mapping[UserName, Password],
        AfterValidator(_each_once_in_clear),
        Accepts("a mapping of user names to passwords"),
    ] = Field(description="User names and their passwords.")


class YamlAuth(Section):
    """The accounts stand in a YAML file: passwords or hashes, roles, networks."""

    backend: Literal["yaml"] = Field(description="Where the accounts are kept.")
    path: FilePath = Field(description="The file of accounts. It is read again whenever it has changed.")


class HashedAuth(Section):
    """The accounts stand in a file in the format of Apache's htpasswd: names and hashes, nothing else."""

    backend: Literal["hashed"] = Field(description="Where the accounts are kept.")
    path: FilePath = Field(description="The htpasswd file. It is read again whenever it has changed.")


def _command(words: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
    if not words or not words[0] or any("\0" in word for word in words):
        raise ValueError("no command")
    program, *arguments = words
    if "/" in program:
        program = str(Path((info.context or {}).get("directory", ""), program).absolute())
    return (program, *arguments)


class CommandAuth(Section):
    """A program of yours says who may log in: [A program as auth backend](auth-programs.md)."""

    backend: Literal["command"] = Field(description="Where the accounts are kept.")
    command: Annotated[
        tuple[str, ...],
        Field(strict=False),
        AfterValidator(_command),
        Accepts("a list of texts: the program and its arguments; a path starts from the settings file's directory"),
    ] = Field(description="The program. It reads one line of JSON and writes one; no shell is involved.")
    processes: int = Field(default=4, ge=1, le=256, description="Processes at once, at most; further logins wait.")
    keep_running: bool = Field(
        default=False, description="Whether a process answers one login after the other, or each login starts one."
    )
    answer_seconds: float = Field(
        default=8.0,
        gt=0,
        le=3600,
        description="Time for one login, waiting for a free process included; then the process is killed. "
        "Less than `login.backend_seconds`.",
    )


class PluginAuth(Section):
    """The accounts are a plug-in's, which an installed package brings: [Extending](extending.md#a-plug-in) tells how.

    All other keys are the plug-in's options.
    """

    backend: Literal["the name of an installed plug-in"] = Field(description="Where the accounts are kept.")
    _options: Mapping[str, Any] = PrivateAttr(default_factory=dict)
    _file: Path = PrivateAttr(Path())

    @classmethod
    def of(cls, name: str, options: Mapping[str, Any], file: Path) -> "PluginAuth":
        """Return the settings of the plug-in `name` in `file`."""
        made = cls.model_construct(backend=name)  # type: ignore[arg-type]  # the literal stands for all the names
        made._options, made._file = MappingProxyType(dict(options)), file
        return made

    @property
    def options(self) -> Mapping[str, Any]:
        """What the plug-in is called with. May hold passwords."""
        return self._options

    @property
    def file(self) -> Path:
        """The settings file. Relative paths among the options start from its directory."""
        return self._file


Auth = MemoryAuth | YamlAuth | HashedAuth | CommandAuth | PluginAuth

_BUILT_IN = ("memory", "yaml", "hashed", "command")


def _plug_in(value: object, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Any:
    name = value.get("backend") if isinstance(value, Mapping) else None
    if isinstance(value, Mapping) and isinstance(name, str) and name not in _BUILT_IN and name in installed(AUTH_GROUP):
        options = {key: option for key, option in value.items() if key != "backend"}
        return PluginAuth.of(name, options, Path((info.context or {}).get("file", "")))
    return handler(value)


def _as_list(value: object) -> object:
    return value if isinstance(value, list | tuple) else [value]


def _at_least_one(backends: tuple[Auth, ...]) -> tuple[Auth, ...]:
    if not backends:
        raise ValueError("no backend")
    return backends


Backends = Annotated[
    tuple[Annotated[Auth, Field(discriminator="backend"), WrapValidator(_plug_in)], ...],
    Field(strict=False),
    BeforeValidator(_as_list),
    AfterValidator(_at_least_one),
]
"""One backend, or a list of them. In the file, one needs no list around it."""
