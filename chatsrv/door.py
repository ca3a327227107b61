"""The door as the settings describe it: backends, their chain, and the gate in front of them.

Wiring for the server and for the command line; decides nothing about a login. Any thread.
"""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from itertools import chain
from pathlib import Path

from chatsrv.accounts import Account, Role
from chatsrv.auth.backend import AuthBackend, EditableBackend
from chatsrv.auth.chain import Chain
from chatsrv.auth.command import CommandBackend
from chatsrv.auth.filebackend import FileBackend
from chatsrv.auth.gate import Gate
from chatsrv.auth.hashfile import HashedBackend
from chatsrv.auth.hashing import Hasher
from chatsrv.auth.memory import MemoryBackend
from chatsrv.auth.transfer import move, plan_transfer
from chatsrv.auth.yamlfile import YamlBackend
from chatsrv.errors import AccountsError, PluginError
from chatsrv.lookalike import check_new_name
from chatsrv.names import prepare_name
from chatsrv.plugins import AUTH_GROUP, make
from chatsrv.settings import (
    Auth,
    CommandAuth,
    HashedAuth,
    MemoryAuth,
    PluginAuth,
    Roles,
    Settings,
    YamlAuth,
    wrong_option,
)
from chatsrv.strength import check_new_password


def gate_of(settings: Settings) -> Gate:
    """Return the gate with everything behind it.

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
    )


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


def editable_backend_of(
    settings: Settings, file: str | Path, choice: str = "", *, create: bool = False
) -> EditableBackend:
    """Return the backend whose accounts are to be edited; see `backend_of`.

    `choice` is a label, a kind such as "yaml", or a number from 1 in the order of the settings. It may be empty where
    the accounts of only one backend can be edited.

    Raises:
        AccountsError: they cannot be read, or not be changed; or it is not clear which backend is meant.
    """
    labels = labels_of(settings)
    chosen = [place for place in range(len(labels)) if not choice or _is_meant(settings, labels, place, choice)]
    if not chosen:
        raise AccountsError(f"{file}: there is no backend {choice} under auth; accepted is {_listed(labels)}")
    # A memory backend would change, and forget it at once.
    candidates = [place for place in chosen if not isinstance(settings.auth[place], MemoryAuth)]
    found: list[tuple[str, EditableBackend]] = []
    for place in candidates:
        backend = backend_of(settings.auth[place], create=create)
        if isinstance(backend, EditableBackend):
            found.append((labels[place], backend))
        else:
            backend.close()
    if len(found) == 1:
        return found[0][1]
    for _, each in found:
        each.close()
    if found:
        several = [label for label, _ in found]
        raise AccountsError(f"{file}: it is not clear which backend is meant; accepted is {_listed(several)}")
    kinds = " and ".join(dict.fromkeys(settings.auth[place].backend for place in chosen))
    raise AccountsError(
        f"{file}: the accounts of the {kinds} backend cannot be edited from here; "
        f"write them under auth.users in that file, or set auth.backend to yaml or hashed"
    )


def _is_meant(settings: Settings, labels: Sequence[str], place: int, choice: str) -> bool:
    return choice in (labels[place], settings.auth[place].backend, str(place + 1))


def _listed(labels: Sequence[str]) -> str:
    return ", ".join(f"{label!r}" for label in labels) + ", or its number in the order of the settings"


def accounts_by_backend(settings: Settings, *, create: bool = False) -> list[tuple[Auth, list[Account] | None]]:
    """Return for each backend its accounts with the roles they really have; `None` where it cannot list them.

    See `backend_of` about `create`.

    Raises:
        AccountsError: they cannot be read.
    """
    roles = {prepare_name(name): role for name, role in roles_of(settings.roles).items()}

    def as_it_is(account: Account) -> Account:
        return replace(account, role=roles.get(prepare_name(account.name), account.role))

    listed = [(auth, _listed_by(auth, create=create)) for auth in settings.auth]
    return [(auth, accounts and [as_it_is(account) for account in accounts]) for auth, accounts in listed]


def _listed_by(auth: Auth, *, create: bool) -> list[Account] | None:
    if isinstance(auth, MemoryAuth):
        return [Account(name) for name in auth.users]
    with closing(backend_of(auth, create=create)) as backend:
        return backend.list() if isinstance(backend, EditableBackend) else None


def accounts_of(settings: Settings, *, create: bool = False) -> list[Account] | None:
    """Return all accounts with the roles they really have; `None` if no backend can list its accounts.

    An account that stands in several backends is the one of the first. See `backend_of` about `create`.

    Raises:
        AccountsError: they cannot be read.
    """
    listed = [accounts for _, accounts in accounts_by_backend(settings, create=create) if accounts is not None]
    found: dict[str, Account] = {}
    for account in chain.from_iterable(listed):
        found.setdefault(prepare_name(account.name), account)
    return list(found.values()) if listed else None


def disabled_of(settings: Settings) -> frozenset[str]:
    """Return the prepared names of the accounts that are disabled where `accounts_of` found them.

    Raises:
        AccountsError: they cannot be read.
    """
    seen: set[str] = set()
    disabled: set[str] = set()
    for auth in settings.auth:
        if isinstance(auth, MemoryAuth):
            seen |= set(map(prepare_name, auth.users))
            continue
        with closing(backend_of(auth)) as backend:
            if isinstance(backend, EditableBackend):
                disabled |= backend.disabled() - seen
                seen |= {prepare_name(account.name) for account in backend.list()}
    return frozenset(disabled)


def import_accounts(
    settings: Settings, file: str | Path, source: Path, choice: str = "", *, from_anywhere: bool, is_rehearsal: bool
) -> tuple[list[str], tuple[str, ...]]:
    """Move all accounts of the users.yaml at `source` into a file of accounts; return their names, and what is lost.

    See `editable_backend_of` about `choice`, and `plan_transfer` about `from_anywhere`. A rehearsal changes nothing.

    Raises:
        AccountsError: an account cannot be moved, so none was; the text lists everything.
    """
    with closing(editable_backend_of(settings, file, choice, create=True)) as target:
        if not isinstance(target, FileBackend):
            raise AccountsError(f"{file}: accounts can be imported into a yaml or hashed backend only")
        transfer = plan_transfer(
            source,
            target,
            from_anywhere=from_anywhere,
            check_name=lambda name, existing: check_new_name(name, existing, ()),
            check_password=lambda password, name: check_new_password(
                password, settings.passwords, (name, settings.server.name)
            ),
        )
        if not is_rehearsal:
            move(transfer, target)
    return [record.account.name for record in transfer.records], transfer.losses


def check_new_account(settings: Settings, name: str) -> None:
    """Make sure that `name` is nobody's look-alike, nor the server's: to be asked before an account is added.

    Raises:
        AccountsError: it is one, or the accounts cannot be read.
    """
    existing = [account.name for account in accounts_of(settings, create=True) or ()]
    check_new_name(name, existing, (settings.server.name, *settings.login.reserved_names))


def roles_of(roles: Roles) -> dict[str, Role]:
    """Return the roles of the settings by user name."""
    return {
        **dict.fromkeys(roles.moderator, Role.MODERATOR),
        **dict.fromkeys(roles.admin, Role.ADMIN),
    }
