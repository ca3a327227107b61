"""Accounts on their way from a users.yaml into another file: all of them, or none and a line for each obstacle.

Never changes the source. Decides nothing about which passwords and names are good enough: it asks. Any thread.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from chatsrv.auth.backends.filebackend import FileBackend
from chatsrv.auth.backends.livefile import read_file, why_unreadable
from chatsrv.auth.backends.yaml import YamlBackend
from chatsrv.auth.hashing import Hasher, shared_hasher
from chatsrv.auth.record import Record, shown
from chatsrv.model.accounts import Account, Role
from chatsrv.model.errors import AccountsError
from chatsrv.text.names import prepare_name


@dataclass(frozen=True, slots=True)
class Transfer:
    """What there is to move: records as the new file will have them, but for the hashes; and what the accounts lose.

    `replacing` are those for which the new file has an account already, and `skipped` the names of those that stay out
    because of that.
    """

    records: tuple[Record, ...]
    replacing: tuple[Record, ...]
    skipped: tuple[str, ...]
    losses: tuple[str, ...]


def plan_transfer(
    source: Path,
    target: FileBackend,
    *,
    from_anywhere: bool,
    weak_passwords: bool,
    is_replacing: bool,
    check_name: Callable[[str, list[str]], None],
    check_password: Callable[[str, str], None],
) -> Transfer:
    """Return what moving all accounts of the users.yaml at `source` into `target` comes to. Changes nothing.

    `check_name(name, existing_names)` raises `AccountsError`, and `check_password(password, name)` `ValueError`; what
    is hashed cannot be checked. `from_anywhere` accepts that networks get lost where the target cannot keep them, and
    `weak_passwords` those that `check_password` refuses. An account that `target` has already is skipped, or replaced
    with `is_replacing`.

    Raises:
        AccountsError: the source cannot be read, or an account of it cannot be moved; the text lists everything.
    """
    try:
        data, _ = read_file(source)
    except OSError as error:
        raise why_unreadable(source, error) from error
    existing = [account.name for account in target.list()]
    taken = set(map(prepare_name, existing))
    problems: list[str] = []
    losses: list[str] = []
    moved: list[Record] = []
    replacing: list[Record] = []
    skipped: list[str] = []
    for key, record in YamlBackend.read(data, str(source)).accounts.items():
        name = record.account.name
        if key in taken and not is_replacing:
            skipped.append(name)
            continue
        try:
            if key not in taken:
                check_name(name, existing)
        except AccountsError as error:
            problems.append(f"{shown(name)}: {error}")
        if record.flaw and not target.takes(record):
            problems.append(f"{shown(name)}: the password_hash is {record.flaw}; give it a new password there first")
        if record.password is not None:
            try:
                target.check_password(record.password)
            except ValueError as error:
                problems.append(f"{shown(name)}: {error}; change it there first")
            try:
                if not weak_passwords:
                    check_password(record.password, name)
            except ValueError as error:
                problems.append(f"{shown(name)}: {error}; accept that with --weak-passwords, or change it there first")
        if not target.keeps_roles:
            losses += _losses(record.account)
            if record.account.networks and not from_anywhere:
                problems.append(f"{shown(name)}: could log in from anywhere then; accept that with --from-anywhere")
            record = replace(record, account=Account(name))
        (replacing if key in taken else moved).append(record)
    if problems:
        raise AccountsError("\n".join(f"{source}: {problem}" for problem in problems))
    return Transfer(tuple(moved), tuple(replacing), tuple(skipped), tuple(losses))


def move(transfer: Transfer, target: FileBackend, hasher: Hasher | None = None) -> None:
    """Add and replace in `target` what was planned, clear passwords as hashes.

    Raises:
        AccountsError: the target has another set of accounts by now, or cannot be changed; then nothing was.
    """
    hasher = hasher or shared_hasher()
    new, replacing = ([_hash(one, hasher) for one in records] for records in (transfer.records, transfer.replacing))
    if new or replacing:
        target.add_records(new, replacing)


def _hash(record: Record, hasher: Hasher) -> Record:
    if record.password is None:
        return record
    return replace(record, password=None, password_hash=hasher.hash(record.password))


def _losses(account: Account) -> list[str]:
    found = []
    if account.role is not Role.MEMBER:
        found.append(f"{account.name}: the role {account.role} is not kept; give it in the settings under `roles:`")
    if account.networks:
        found.append(f"{account.name}: the networks {', '.join(map(str, account.networks))} are not kept")
    return found
