"""The door as the settings describe it: backends, their chain, and the gate before them.

Wiring for the server and for the command line, whose accounts are in `roster`. Decides nothing about a login. Any
thread.
"""

from pathlib import Path

from chatsrv.auth.backend import AuthBackend
from chatsrv.auth.backends.htpasswd import HashedBackend
from chatsrv.auth.backends.memory import MemoryBackend
from chatsrv.auth.backends.program import CommandBackend
from chatsrv.auth.backends.yaml import YamlBackend
from chatsrv.auth.chain import Chain
from chatsrv.auth.gate import Gate
from chatsrv.auth.hashing import Hasher
from chatsrv.auth.knownplaces import KnownPlaces
from chatsrv.model.accounts import Role
from chatsrv.model.errors import PluginError
from chatsrv.settings import (
    Auth,
    CommandAuth,
    HashedAuth,
    MemoryAuth,
    PluginAuth,
    Roles,
    Settings,
    SqliteHistory,
    YamlAuth,
    wrong_option,
)
from chatsrv.settings.plugins import AUTH_GROUP, make

PLACES_SUFFIX = "-known-places"
"""What the file of known places is called after the history that it lies beside."""


def gate_of(settings: Settings, places: KnownPlaces | None = None) -> Gate:
    """Return the gate with everything behind it. Without `places` it remembers nothing over a restart.

    Raises:
        AccountsError: the accounts of a backend cannot be read.
    """
    hasher = Hasher.of(settings.login)
    return Gate(
        chain_of(settings, hasher),
        roles=roles_of(settings.roles),
        hasher=hasher,
        policy=settings.login,
        passwords=settings.passwords,
        words=(settings.server.name,),
        places=places,
    )


def places_of(settings: Settings) -> KnownPlaces:
    """Return what remembers from where accounts have logged in: in a file beside the history, if that is one."""
    history, days = settings.history, settings.login.known_days
    if isinstance(history, SqliteHistory) and days:
        return KnownPlaces(history.path.with_name(history.path.name + PLACES_SUFFIX), keep_days=days)
    return KnownPlaces(keep_days=days)


def chain_of(settings: Settings, hasher: Hasher | None = None) -> Chain:
    """Return the auth backends that `settings` name, in their order.

    Raises:
        AccountsError: the accounts of one cannot be read.
    """
    return Chain(
        (label, backend_of(auth, hasher)) for label, auth in zip(labels_of(settings), settings.auth, strict=True)
    )


def backend_of(auth: Auth, hasher: Hasher | None = None, *, create: bool = False) -> AuthBackend:
    """Return one auth backend. `create` lets a missing file of accounts stand for an empty one.

    Raises:
        AccountsError: its accounts cannot be read, or its program is not there.
        SettingsError: it is a plug-in that fails, or does not take these options.
    """
    match auth:
        case MemoryAuth(users=users):
            return MemoryBackend({name: secret.get_secret_value() for name, secret in users.items()}, hasher=hasher)
        case YamlAuth(path=path):
            return YamlBackend(path, hasher=hasher, create=create)
        case HashedAuth(path=path):
            return HashedBackend(path, hasher=hasher, create=create)
        case CommandAuth():
            return CommandBackend(
                auth.command,
                processes=auth.processes,
                keep_running=auth.keep_running,
                answer_seconds=auth.answer_seconds,
            )
        case PluginAuth():
            try:
                return make(
                    AUTH_GROUP,
                    auth.backend,
                    auth.options,
                    AuthBackend,  # type: ignore[type-abstract]  # it is only asked about, never made
                    directory=auth.file.parent,
                )
            except PluginError as error:
                raise wrong_option(auth, error.option, str(error)) from error


def labels_of(settings: Settings) -> tuple[str, ...]:
    """Return what each backend is called in the log and on the command line, such as "yaml users.yaml"."""
    labels: list[str] = []
    for auth in settings.auth:
        label = f"{auth.backend} {_what_stands_behind(auth)}".rstrip()
        twin = sum(other == label or other.startswith(f"{label} #") for other in labels)
        labels.append(f"{label} #{twin + 1}" if twin else label)
    return tuple(labels)


def _what_stands_behind(auth: Auth) -> str:
    match auth:
        case YamlAuth(path=path) | HashedAuth(path=path):
            return path.name
        case CommandAuth(command=command):
            return Path(command[0]).name
    return ""


def roles_of(roles: Roles) -> dict[str, Role]:
    """Return the roles of the settings by user name."""
    return {
        **dict.fromkeys(roles.moderator, Role.MODERATOR),
        **dict.fromkeys(roles.admin, Role.ADMIN),
    }
