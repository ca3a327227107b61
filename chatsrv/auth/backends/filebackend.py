"""What backends share whose accounts are in one file: logins against it as it is now, and changes to it.

Knows no format: a `Document` does. Any thread may call; hashes are made and verified with no lock held, and a change
excludes other editors, never logins.
"""

import hashlib
import logging
from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from chatsrv.auth.backend import EditableBackend, LoginContext
from chatsrv.auth.backends.atomic import change_file, settle
from chatsrv.auth.backends.livefile import NOBODY, Contents, LiveFile
from chatsrv.auth.hashing import Hasher, shared_hasher
from chatsrv.auth.record import Accounts, Record, find, look_up, open_account, shown
from chatsrv.model.accounts import Account, Role
from chatsrv.model.errors import AccountsError, Problem
from chatsrv.sharing.slots import step_aside
from chatsrv.text.names import prepare_name, prepare_new_password

_logger = logging.getLogger(__name__)

_NOBODY_LINE = NOBODY + b"\n"


class Document(Protocol):
    """The contents of a file of accounts. Frozen; the other methods return contents with one change in them.

    They may return several proposals: the first that means what it should is taken.
    """

    @property
    def accounts(self) -> Accounts:
        """The accounts in the order of the file."""

    def flaws(self, file: str, is_taken: Callable[[Record], bool]) -> Sequence[Problem]:
        """Return what is wrong with single accounts or lines of `file`, which holds up no others, in their order.

        `is_taken` tells whether a record with a flaw is taken all the same.
        """

    def with_records(self, records: Sequence[Record]) -> Iterable[bytes]:
        """Return the contents with `records` at the end."""

    def with_replaced(self, records: Sequence[Record]) -> Iterable[bytes]:
        """Return the contents with `records`, which have hashes, in the place of the accounts of the same names."""

    def with_hash(self, key: str, password_hash: str) -> Iterable[bytes]:
        """Return the contents with another secret for the account of the prepared name `key`."""

    def with_role(self, key: str, role: Role) -> Iterable[bytes]:
        """Return the contents with another role for the account of the prepared name `key`."""

    def with_disabled(self, key: str, is_disabled: bool) -> Iterable[bytes]:
        """Return the contents with the account of the prepared name `key` disabled, or enabled."""

    def without(self, key: str) -> Iterable[bytes]:
        """Return the contents without the account of the prepared name `key`."""


class _ChangedMeanwhile(Exception):
    """The account has another password by now than the one that was to be hashed anew."""


class FileBackend(EditableBackend):
    """Accounts in the file at `path`, which is read again whenever it changes.

    With `create`, a missing file is no error: it has no accounts until `add` makes it.

    Raises:
        AccountsError: the file cannot be read, or something in it is wrong; the text lists everything.
    """

    may_block = False
    keeps_roles = True
    """Whether the format has room for roles and networks."""

    def __init__(self, path: str | Path, *, hasher: Hasher | None = None, create: bool = False) -> None:
        self._path = Path(path).absolute()
        self._hasher = hasher or shared_hasher()
        self._last: tuple[bytes, Document] | None = None  # digest and contents; replaced in one step
        if settle(self._path):
            _logger.warning("%s: a change that was interrupted while the file was written is finished", self._path)
        self._file = LiveFile(self._path, self._contents, may_be_missing=create)
        self._renewed: dict[str, str] = {}  # a hash that `rehash` made -> the first one of the same password

    @staticmethod
    @abstractmethod
    def read(data: bytes, file: str, before: Document | None = None) -> Document:
        """Return the document in `data`, the contents of `file`. What it shares with the one before is not read again.

        With one before it, whoever chats does so meanwhile: the rest is read with pauses.

        Raises:
            AccountsError: something is wrong in it; the text lists everything.
        """

    def authenticate(self, username: str, password: str, context: LoginContext) -> Account:
        """See `AuthBackend.authenticate`."""
        accounts = self._file.accounts()
        open_account(accounts, username, password, self._hasher, context.as_sent)
        return self._vouch_for(accounts[username])

    @property
    def version(self) -> object:
        """See `AuthBackend.version`. Looks whether the file has changed."""
        return self._file.version()

    def lookup(self, username: str) -> Account:
        """See `AuthBackend.lookup`. The watch asks so about every session, after it has had a look at `version`."""
        accounts = self._file.accounts(is_exact=False)
        look_up(accounts, username)
        return self._vouch_for(accounts[username])

    def known(self, username: str) -> Account:
        """See `AuthBackend.known`."""
        return find(self._file.accounts(), username).account

    def list(self) -> list[Account]:
        """See `EditableBackend.list`. A missing file has no accounts."""
        return [record.account for record in self._file.current().values()]

    def disabled(self) -> frozenset[str]:
        """See `EditableBackend.disabled`."""
        return frozenset(key for key, record in self._file.current().items() if record.is_disabled)

    def add(self, account: Account, password: str) -> None:
        """See `EditableBackend.add`. The file gets a hash of the password."""
        self._key(account.name)
        self.add_records([Record(account, password_hash=self._new_hash(password))])

    def add_records(self, records: Sequence[Record], replacing: Sequence[Record] = ()) -> None:
        """Add all of `records`, and put all of `replacing` in the place of what is there, or do nothing.

        All of them have hashes. An account that is replaced stays where it is in the file, with its comments and the
        spelling of its name.

        Raises:
            AccountsError: one of `records` is there already, or one of `replacing` is not; or the file cannot keep them
                or be changed.
        """

        def expected(accounts: dict[str, Record]) -> None:
            for record in records:
                key = self._key(record.account.name)
                if key in accounts:
                    old = shown(accounts[key].account.name)
                    raise AccountsError(f"{self._path}: there is an account {old} already")
                accounts[key] = record
            for record in replacing:
                key = self._key(record.account.name)
                name = self._find(accounts, key).account.name
                accounts[key] = replace(record, account=replace(record.account, name=name))

        def edited(document: Document) -> Iterable[bytes]:
            if not replacing:
                return document.with_records(records)
            replaced = document.with_replaced(replacing)
            if not records:
                return replaced
            return (after for before in replaced for after in self._document(before).with_records(records))

        self._change(expected, edited)

    def takes(self, record: Record) -> bool:
        """Tell whether passwords are held against the hash of a record here, whatever its flaw."""
        return self._hasher.takes(record.password_hash or "")

    def check_password(self, password: str) -> None:
        """Make sure that a new hash can be made of a prepared password.

        Raises:
            ValueError: it cannot.
        """
        self._hasher.check_new(password)

    def set_password(self, name: str, password: str) -> None:
        """See `EditableBackend.set_password`. The file gets a hash of it, whatever it had before."""
        key, password_hash = self._key(name), self._new_hash(password)

        def expected(accounts: dict[str, Record]) -> None:
            accounts[key] = self._find(accounts, key).with_new(password_hash)

        self._change(expected, lambda document: document.with_hash(key, password_hash))

    def set_role(self, name: str, role: Role) -> None:
        """See `EditableBackend.set_role`."""
        key = self._key(name)

        def expected(accounts: dict[str, Record]) -> None:
            record = self._find(accounts, key)
            accounts[key] = replace(record, account=replace(record.account, role=role))

        self._change(expected, lambda document: document.with_role(key, role))

    def set_disabled(self, name: str, is_disabled: bool) -> None:
        """See `EditableBackend.set_disabled`."""
        key = self._key(name)

        def expected(accounts: dict[str, Record]) -> None:
            accounts[key] = replace(self._find(accounts, key), is_disabled=is_disabled)

        self._change(expected, lambda document: document.with_disabled(key, is_disabled))

    def remove(self, name: str) -> None:
        """See `EditableBackend.remove`."""
        key = self._key(name)

        def expected(accounts: dict[str, Record]) -> None:
            self._find(accounts, key)
            del accounts[key]

        self._change(expected, lambda document: document.without(key))

    def rehash(self, username: str, password: str) -> bool:
        """See `AuthBackend.rehash`. A password that stands in the file in clear stays so."""
        record = self._file.accounts().get(username)
        old = record.password_hash if record else None
        if old is None or not self._hasher.takes(old) or not self._hasher.replaces(old):
            return False
        if not self._hasher.verify(password, old):
            return False
        try:
            new = self._hasher.hash(password)
        except ValueError:
            return False  # the old hash looks at more of it than a new one would

        def expected(accounts: dict[str, Record]) -> None:
            if username not in accounts or accounts[username].password_hash != old:
                raise _ChangedMeanwhile
            accounts[username] = accounts[username].with_new(new)

        self._renewed[new] = self._renewed.get(old, old)  # before anybody can read the new one
        try:
            self._change(expected, lambda document: document.with_hash(username, new))
        except _ChangedMeanwhile:
            return False
        return True

    def _vouch_for(self, record: Record) -> Account:
        first = self._renewed.get(record.password_hash or "")
        return (replace(record, password_hash=first) if first else record).vouched()

    def _key(self, name: str) -> str:
        try:
            return prepare_name(name)
        except ValueError as error:
            raise AccountsError(f"{shown(name)} cannot be a name; {error}") from None

    def _new_hash(self, password: str) -> str:
        try:
            return self._hasher.hash(prepare_new_password(password))
        except ValueError as error:
            raise AccountsError(f"this cannot be a password; {error}") from None

    def _find(self, accounts: Accounts, key: str) -> Record:
        if key not in accounts:
            raise AccountsError(f"{self._path}: there is no account {shown(key)}")
        return accounts[key]

    def _change(
        self, expected: Callable[[dict[str, Record]], None], edited: Callable[[Document], Iterable[bytes]]
    ) -> None:
        """Change the file to what `edited` proposes, if that means the old accounts after `expected` went over them."""

        def change(data: bytes) -> bytes:
            document = self._document(data.removesuffix(_NOBODY_LINE))
            accounts = dict(document.accounts)
            expected(accounts)
            for edit in edited(document):
                proposal = edit if accounts else _strip_accounts(edit)
                if self._means(proposal, accounts):
                    return proposal
            raise AccountsError(
                f"{self._path}: this change cannot be made without touching other lines; please make it by hand"
            )

        with step_aside():  # the disk takes its time, and so may another editor
            change_file(self._path, change)

    def _means(self, proposal: bytes, accounts: Accounts) -> bool:
        try:
            return list(self._document(proposal).accounts.items()) == list(accounts.items())
        except AccountsError:
            return False

    def _contents(self, data: bytes) -> Contents:
        document = self._document(data)
        return Contents(document.accounts, tuple(document.flaws(str(self._path), self.takes)))

    def _document(self, data: bytes) -> Document:
        """Return the document in `data`.

        The last one is kept: an edit begins with what a look has read before, and only what has changed is read again.
        """
        digest, last = hashlib.blake2b(data).digest(), self._last
        if last is None or last[0] != digest:
            last = self._last = (digest, self.read(data, str(self._path), last[1] if last else None))
        return last[1]


def _strip_accounts(contents: bytes) -> bytes:
    """Return contents without accounts as a running server believes them."""
    return contents + (b"" if not contents or contents.endswith(b"\n") else b"\n") + _NOBODY_LINE
