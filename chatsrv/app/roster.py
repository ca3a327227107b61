"""The roster: the accounts of all backends that the settings name, as the command line lists and changes them.

Lets nobody in, which is the door's to do, and knows no file format. One thread uses a roster.
"""

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from chatsrv.app.door import backend_of, labels_of, roles_of
from chatsrv.auth.backend import AuthBackend, EditableBackend
from chatsrv.auth.backends.filebackend import FileBackend
from chatsrv.auth.backends.livefile import read_file
from chatsrv.auth.backends.transfer import Transfer, move, plan_transfer
from chatsrv.auth.backends.yamlhints import cut_passwords, cut_passwords_of_settings
from chatsrv.auth.hashing import Hasher
from chatsrv.model.accounts import Account, Role
from chatsrv.model.errors import AccountsError
from chatsrv.model.strength import check_new_password
from chatsrv.settings import Auth, MemoryAuth, Settings, YamlAuth
from chatsrv.text.lookalike import check_new_name
from chatsrv.text.names import prepare_name


@dataclass(frozen=True, slots=True)
class Listed:
    """An account with the role that it really has, and what its backend is called."""

    account: Account
    label: str
    is_disabled: bool = False


@dataclass(frozen=True, slots=True)
class Taken:
    """What an import has done, or would do: the names that are in the file now, those replaced last.

    `skipped` are the names that were there already and stay as they were, `losses` sentences about what the accounts
    have lost.
    """

    names: tuple[str, ...]
    replaced: int
    skipped: tuple[str, ...]
    losses: tuple[str, ...]


class Roster:
    """The accounts behind the door of `settings`, which messages call `file`. Closed at the end of a `with`.

    A backend is opened when it is first asked for, and once. With `create`, a missing file of accounts stands for an
    empty one. Whatever reads accounts raises `AccountsError` if that cannot be done.
    """

    def __init__(self, settings: Settings, file: str | Path, *, create: bool = False) -> None:
        self._settings = settings
        self._file = file
        self._create = create
        self._labels = labels_of(settings)
        self._roles = {prepare_name(name): role for name, role in roles_of(settings.roles).items()}
        self._hasher = Hasher.of(settings.login)
        self._opened: dict[int, AuthBackend] = {}
        self._closing = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.close()

    def by_backend(self) -> list[tuple[Auth, list[Listed] | None]]:
        """Return the accounts of each backend, in their order; `None` where it cannot list them."""
        return [(auth, self._listed(place)) for place, auth in enumerate(self._settings.auth)]

    def accounts(self) -> list[Listed] | None:
        """Return all accounts; `None` if no backend can list its own.

        Of those that stand in several backends, the first: that is the one which opens.
        """
        lists = [listed for _, listed in self.by_backend() if listed is not None]
        found: dict[str, Listed] = {}
        for one in (one for listed in lists for one in listed):
            found.setdefault(prepare_name(one.account.name), one)
        return list(found.values()) if lists else None

    def find(self, key: str) -> Listed | None:
        """Return the account of that prepared name which opens, if there is one and it can be listed."""
        return next((one for one in self.accounts() or () if prepare_name(one.account.name) == key), None)

    def is_last_admin(self, key: str) -> bool:
        """Tell whether the account of that prepared name is an admin, and no other that is enabled is one."""
        accounts = self.accounts() or ()
        admins = {prepare_name(one.account.name) for one in accounts if one.account.role is Role.ADMIN}
        disabled = {prepare_name(one.account.name) for one in accounts if one.is_disabled}
        return key in admins and not admins - disabled - {key}

    def labels_with(self, key: str) -> list[str]:
        """Return what the backends are called that have an account of that prepared name, the one that opens first."""
        return [
            listed.label
            for _, accounts in self.by_backend()
            for listed in accounts or ()
            if prepare_name(listed.account.name) == key
        ]

    def hints(self) -> list[str]:
        """Return what is valid in the files of accounts and in the settings, and probably not what somebody meant."""
        found: list[str] = []
        for auth in self._settings.auth:
            if isinstance(auth, YamlAuth):
                found += _hints_in(auth.path, cut_passwords)
            elif isinstance(auth, MemoryAuth):
                found += _hints_in(Path(self._file), cut_passwords_of_settings)
        return list(dict.fromkeys(found))

    def label_of(self, backend: AuthBackend) -> str:
        """Return what a backend of this roster is called."""
        return next(self._labels[place] for place, opened in self._opened.items() if opened is backend)

    def editable(self, choice: str = "") -> EditableBackend:
        """Return the backend whose accounts are to be edited.

        `choice` is a label, a kind such as "yaml", or a number from 1 in the order of the settings. It may be empty
        where the accounts of only one backend can be edited.

        Raises:
            AccountsError: they cannot be edited, or it is not clear which backend is meant.
        """
        chosen = [place for place in range(len(self._labels)) if not choice or self._is_meant(place, choice)]
        if not chosen:
            raise AccountsError(f"{self._file}: there is no backend {choice} under auth; {_accepted(self._labels)}")
        found = {
            self._labels[place]: backend
            for place in chosen
            # A memory backend would change, and forget it at once.
            if not isinstance(self._settings.auth[place], MemoryAuth)
            and isinstance(backend := self._backend(place), EditableBackend)
        }
        if not found:
            kinds = " and ".join(dict.fromkeys(self._settings.auth[place].backend for place in chosen))
            raise AccountsError(
                f"{self._file}: the accounts of the {kinds} backend cannot be edited from here; "
                "write them under auth.users in that file, or set auth.backend to yaml or hashed"
                + ("; or choose another backend with --backend" if len(chosen) < len(self._labels) else "")
            )
        if len(found) > 1:
            raise AccountsError(f"{self._file}: it is not clear which backend is meant; {_accepted(found)}")
        return next(iter(found.values()))

    def check_new_account(self, name: str) -> None:
        """Make sure that `name` is nobody's look-alike, nor the server's: to be asked before an account is added.

        Raises:
            AccountsError: it is one.
        """
        existing = [listed.account.name for listed in self.accounts() or ()]
        check_new_name(name, existing, (self._settings.server.name, *self._settings.login.reserved_names))

    def take_in(
        self,
        source: Path,
        choice: str = "",
        *,
        from_anywhere: bool,
        weak_passwords: bool,
        is_replacing: bool = False,
        may_lose_admin: bool = False,
        is_rehearsal: bool,
    ) -> Taken:
        """Move all accounts of the users.yaml at `source` into a file of accounts; return what was done.

        Among the losses is what YAML may have cut off a password. See `editable` about `choice`, and `plan_transfer`
        about the rest. A rehearsal changes nothing.

        Raises:
            AccountsError: an account cannot be moved, so none was; the text lists everything. Or no admin would be
                left, and that is not meant (`may_lose_admin`).
        """
        target = self.editable(choice)
        if not isinstance(target, FileBackend):
            raise AccountsError(f"{self._file}: accounts can be imported into a yaml or hashed backend only")
        transfer = plan_transfer(
            source,
            target,
            from_anywhere=from_anywhere,
            weak_passwords=weak_passwords,
            is_replacing=is_replacing,
            check_name=lambda name, existing: check_new_name(name, existing, ()),
            check_password=lambda password, name: check_new_password(
                password, self._settings.passwords, (name, self._settings.server.name)
            ),
        )
        if not may_lose_admin:
            self._check_admin_left(transfer, self.label_of(target))
        if not is_rehearsal:
            move(transfer, target, self._hasher)
        losses = (*_hints_in(source, cut_passwords), *transfer.losses)
        moved = tuple(record.account.name for record in (*transfer.records, *transfer.replacing))
        return Taken(moved, len(transfer.replacing), transfer.skipped, losses)

    def _check_admin_left(self, transfer: Transfer, label: str) -> None:
        try:
            accounts = self.accounts() or ()
        except AccountsError:
            return  # a broken file of another backend is not what was asked about
        replacing = {prepare_name(record.account.name): record for record in transfer.replacing}
        before, after = set[str](), set[str]()
        for one in accounts:
            key = prepare_name(one.account.name)
            if one.account.role is Role.ADMIN and not one.is_disabled:
                before.add(key)
            record = replacing.get(key) if one.label == label else None
            role = one.account.role if record is None else self._roles.get(key, record.account.role)
            if role is Role.ADMIN and not (one.is_disabled if record is None else record.is_disabled):
                after.add(key)
        for record in transfer.records:
            key = prepare_name(record.account.name)
            if self._roles.get(key, record.account.role) is Role.ADMIN and not record.is_disabled:
                after.add(key)
        if before and not after:
            raise AccountsError(
                f"no admin would be left: {', '.join(sorted(before))} would be replaced by an account that is none; "
                "make another account an admin first (`chatsrv user role NAME admin`), or say --last-admin"
            )

    def _backend(self, place: int) -> AuthBackend:
        if place not in self._opened:
            backend = backend_of(self._settings.auth[place], self._hasher, create=self._create)
            self._closing.callback(backend.close)
            self._opened[place] = backend
        return self._opened[place]

    def _listed(self, place: int) -> list[Listed] | None:
        auth, disabled = self._settings.auth[place], frozenset[str]()
        if isinstance(auth, MemoryAuth):
            accounts = [Account(name) for name in auth.users]
        elif isinstance(backend := self._backend(place), EditableBackend):
            accounts, disabled = backend.list(), backend.disabled()
        else:
            return None
        keys = [prepare_name(account.name) for account in accounts]
        return [
            Listed(replace(account, role=self._roles.get(key, account.role)), self._labels[place], key in disabled)
            for key, account in zip(keys, accounts, strict=True)
        ]

    def _is_meant(self, place: int, choice: str) -> bool:
        return choice in (self._labels[place], self._settings.auth[place].backend, str(place + 1))


def _hints_in(path: Path, read: Callable[[bytes, str], list[str]]) -> list[str]:
    try:
        data, _ = read_file(path)
    except OSError:
        return []  # reading it in earnest tells that
    return read(data, str(path))


def _accepted(labels: Iterable[str]) -> str:
    names = ", ".join(f"{label!r}" for label in labels)
    return f"accepted after --backend is {names}, or its number in the order of the settings"
