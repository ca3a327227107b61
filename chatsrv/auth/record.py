"""One account as a store keeps it: the account and what opens it, read from a name and a value.

Never touches files or the log; the same reading serves users.yaml, the settings and Python dictionaries. Values, and
pure functions apart from the hash that `opens` works on; any thread may call.
"""

import hashlib
import hmac
import secrets
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from ipaddress import ip_network
from typing import Self

from chatsrv.auth.hashing import Hasher, check_hash, is_legacy
from chatsrv.model.accounts import Account, Network, Role
from chatsrv.model.errors import Denied, Problem, UnknownUser
from chatsrv.text.hashforms import USE_PASSWORD_HASH, is_hash
from chatsrv.text.names import prepare_name, prepare_new_password

_PROCESS_KEY = secrets.token_bytes(32)

KEYS = ("password", "password_hash", "role", "from", "disabled")

Report = Callable[[str | None, str, str, str], None]
"""Takes one problem: the key within the account or `None` for the account itself, what is wrong, its value, and what is
accepted. The value is empty where it would show a password."""


@dataclass(frozen=True, slots=True)
class Record:
    """An account and its secret: either a prepared password or a hash. Nothing opens a disabled one.

    `flaw` is what `check_hash` says against the hash. Only a hasher that takes it all the same opens such an account.
    """

    account: Account
    password: str | None = field(default=None, repr=False)
    password_hash: str | None = field(default=None, repr=False)
    is_disabled: bool = False
    flaw: str = field(default="", compare=False)

    def with_new(self, password_hash: str) -> Self:
        """Return the record with another secret: a hash that is in order."""
        return replace(self, password=None, password_hash=password_hash, flaw="")

    def opens(self, password: str, hasher: Hasher, as_sent: str = "") -> bool:
        """Tell whether the prepared `password` opens the account, or what was sent opens its hash. May wait its turn.

        `as_sent` is empty where that is the same.

        Raises:
            Denied: nothing can, for its hash cannot be used.
        """
        if self.flaw and not hasher.takes(self.password_hash or ""):
            what, _, _ = self.flaw.partition("; ")
            raise Denied(f"account {self.account.name!r} needs a new password: the stored hash is {what}")
        if self.password_hash is not None:
            forms = (password, as_sent) if as_sent else (password,)
            return any(hasher.verify(form, self.password_hash) for form in forms)
        expected = self.password or ""
        return hmac.compare_digest(expected.encode(), password.encode("utf-8", "surrogatepass"))

    def vouched(self) -> Account:
        """Return the account together with a fingerprint of its secret, which means nothing outside of this process."""
        secret = (self.password_hash or self.password or "").encode()
        return replace(self.account, credential=hashlib.blake2b(secret, key=_PROCESS_KEY, digest_size=8).hexdigest())


Accounts = Mapping[str, Record]
"""Records under their prepared names, in the order of the store."""


def open_account(accounts: Accounts, username: str, password: str, hasher: Hasher, as_sent: str = "") -> Account:
    """Return the account that a prepared name and password open; see `Record.opens` about `as_sent`.

    Raises:
        UnknownUser: `accounts` has no such name.
        Denied: the password is wrong, or the account is disabled.
        Unavailable: too many wait for a hash already.
    """
    record = find(accounts, username)
    if not record.opens(password, hasher, as_sent):
        raise Denied(f"the password for account {record.account.name!r} is wrong")
    return _enable(record).vouched()


def find(accounts: Accounts, username: str) -> Record:
    """Return the record of a prepared name, be the account disabled or not.

    Raises:
        UnknownUser: `accounts` has no such name.
    """
    record = accounts.get(username)
    if record is None:
        raise UnknownUser(f"there is no account {shown(username)}")
    return record


def look_up(accounts: Accounts, username: str) -> Account:
    """Return the account of a prepared name.

    Raises:
        UnknownUser: `accounts` has no such name.
        Denied: the account is disabled.
    """
    return _enable(find(accounts, username)).vouched()


def describe_flaw(record: Record, file: str, line: int, *, remedy: str = "") -> Problem:
    """Return what is wrong with a record that has a flaw, where it stands, and what to do."""
    name = record.account.name
    what, _, accepted = record.flaw.partition("; ")
    remedy = f"give it a new password with `chatsrv user passwd {shlex.quote(name)}`" + remedy
    if is_legacy(record.password_hash or ""):
        remedy += ", or say `legacy_hashes: rehash` under `login:` in the settings"
    return Problem(
        file,
        line,
        f"the password_hash of {shown(name)}",
        what,
        f"nobody can log in with this account; {remedy}; {accepted}",
    )


def _enable(record: Record) -> Record:
    if record.is_disabled:
        raise Denied(f"account {record.account.name!r} is disabled")
    return record


@dataclass(frozen=True, slots=True)
class NotText:
    """A value that is no text, kept only as a word for its kind: `a number`, `a date`."""

    kind: str


def read_record(name: object, value: object, report: Report) -> tuple[str, Record] | None:
    """Return the prepared name and the record of one account, or report what is wrong with it.

    `value` is a password, or a mapping with `password` or `password_hash`, and `role`, `from` and `disabled`. A hash
    that cannot be used is a flaw of the record, and not reported: it keeps nobody else from logging in.
    """
    key = _name(name, report)
    record = _record(name if isinstance(name, str) else kind_of(name), value, report)
    return (key, record) if key is not None and record is not None else None


def _name(name: object, report: Report) -> str | None:
    if not isinstance(name, str):
        report(None, "the name of an account", kind_of(name), "write it in quotes: '...'")
        return None
    try:
        return prepare_name(name)
    except ValueError as error:
        report(None, "the name of an account", shown(name), str(error))
        return None


def _record(name: str, value: object, report: Report) -> Record | None:
    if name.lower() in _WRAPPERS and isinstance(value, Sequence) and not isinstance(value, str):
        report(None, f"the accounts are a list under {shown(name)}", "", _NOT_NESTED)
        return None
    if not isinstance(value, Mapping):
        password = _password(name, None, value, report)
        return None if password is None else Record(Account(name), password=password)
    is_good = True
    if name.lower() in _WRAPPERS and value and not any(key in KEYS for key in value):
        report(None, f"the accounts are nested under {shown(name)}", "", _NOT_NESTED)
        return None

    def note(key: str | None, what: str, is_value: str, accepted: str) -> None:
        nonlocal is_good
        is_good = False
        report(key, what, is_value, accepted)

    for key in value:
        if key not in KEYS:
            is_lone = kind_of(value[key]) == kind_of(None)  # {wonderland}: a password that wants quotes
            what = f"a key of account {shown(name)}" + " without a value" * is_lone
            note(key if isinstance(key, str) else None, what, "unknown" if is_lone else shown(key), _ACCEPTED_KEYS)
    has = [key for key in ("password", "password_hash") if key in value]
    if len(has) != 1:
        wrong = "both password and password_hash" if has else "neither password nor password_hash"
        note(None, f"account {shown(name)} has {wrong}", "", "give it exactly one of them")
    password = _password(name, "password", value["password"], note) if "password" in value else None
    hashed, flaw = _hash(name, value["password_hash"], note) if "password_hash" in value else (None, "")
    role = _role(name, value["role"], note) if "role" in value else Role.MEMBER
    networks = tuple(_networks(name, value["from"], note)) if "from" in value else ()
    is_disabled = _flag(name, value["disabled"], note) if "disabled" in value else False
    return Record(Account(name, role, networks), password, hashed, is_disabled, flaw) if is_good else None


def _password(name: str, key: str | None, value: object, report: Report) -> str | None:
    if not isinstance(value, str):
        report(key, f"the password of {shown(name)}", kind_of(value), "write it in quotes: '...'")
        return None
    try:
        password = prepare_new_password(value)
        if is_hash(password):
            raise ValueError(USE_PASSWORD_HASH + (f", as in `{_HASH_EXAMPLE}`" if key is None else ""))
    except ValueError as error:
        report(key, f"the password of {shown(name)} cannot be one", "", str(error))
        return None
    return password


_HASH_EXAMPLE = "alice: {password_hash: '$argon2id$...'}"


def _hash(name: str, value: object, report: Report) -> tuple[str | None, str]:
    """Return a stored hash and its flaw."""
    if not isinstance(value, str):
        report("password_hash", f"the password_hash of {shown(name)}", kind_of(value), "write it in quotes: '...'")
        return None, ""
    try:
        check_hash(value)
    except ValueError as error:
        return value, str(error)
    return value, ""


def _role(name: str, value: object, report: Report) -> Role:
    if isinstance(value, str) and value in tuple(Role):
        return Role(value)
    what = shown(value) if isinstance(value, str) else kind_of(value)
    report("role", f"the role of {shown(name)}", what, f"accepted are {', '.join(Role)}")
    return Role.MEMBER


def _flag(name: str, value: object, report: Report) -> bool:
    if not isinstance(value, bool):
        report("disabled", f"the `disabled` of {shown(name)}", kind_of(value), "accepted are true and false")
    return value is True


def _networks(name: str, value: object, report: Report) -> Iterator[Network]:
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        what = "empty" if isinstance(value, Sequence) and not value else kind_of(value)
        accepted = (
            "accepted is a list of networks as in [127.0.0.0/8, ::1]; without `from`, logins may come from anywhere"
        )
        report("from", f"the `from` of {shown(name)}", what, accepted)
        return
    for item in value:
        try:
            if not isinstance(item, str):
                raise ValueError(f"{kind_of(item)} is not a network")  # noqa: TRY004 - reported like the rest
            yield ip_network(item)
        except ValueError as error:
            what = shown(item) if isinstance(item, str) else kind_of(item)
            accepted = "accepted is an address or a network as in 127.0.0.0/8 or ::1"
            if "host bits" in str(error):
                accepted += f"; this address lies in {ip_network(item, strict=False)}"
            report("from", f"a network of {shown(name)}", what, accepted)


def kind_of(value: object) -> str:
    """Return words for what `value` is, without showing it."""
    match value:
        case NotText():
            return value.kind
        case None:
            return "empty"
        case bool():
            return "a yes/no value"
        case int() | float():
            return "a number"
        case date():
            return "a date"
        case str():
            return "text"
        case Mapping():
            return "a mapping"
        case Sequence():
            return "a list"
    return "no text"


def shown(value: object) -> str:
    """Return `value` as an error or log line may show it: quoted, without control characters, never long."""
    text = value if isinstance(value, str) else kind_of(value)
    return ascii(text[:80]) if len(text) > 80 or not text.isprintable() else repr(text)


_WRAPPERS = ("users", "accounts", "logins", "passwords")
_NOT_NESTED = (
    "accepted is one line for each account, at the top of the file, as in `alice: 'wonderland'`; take that name out, "
    "and the spaces before those beneath it"
)

_ACCEPTED_KEYS = f"accepted are {', '.join(KEYS)}"
