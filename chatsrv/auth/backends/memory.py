"""Accounts that live in memory only: for trying out, embedding and tests.

Touches no file and never changes after construction. Any thread may call.
"""

from collections.abc import Mapping

from chatsrv.auth.backend import AuthBackend, LoginContext
from chatsrv.auth.hashing import Hasher, shared_hasher
from chatsrv.auth.record import Accounts, Record, find, look_up, open_account, read_record, shown
from chatsrv.model.accounts import Account
from chatsrv.model.errors import AccountsError, Problem


class MemoryBackend(AuthBackend):
    """Accounts out of a mapping: a name to a password, or to a mapping as in users.yaml.

    >>> backend = MemoryBackend({"alice": "wonderland", "bob": {"password": "builder", "role": "admin"}})
    >>> backend.authenticate("bob", "builder", LoginContext("127.0.0.1")).role
    <Role.ADMIN: 'admin'>

    Raises:
        AccountsError: something is wrong with the accounts; the text lists everything.
    """

    may_block = False

    def __init__(self, users: Mapping[str, object], *, hasher: Hasher | None = None) -> None:
        self._accounts = _read(users)
        self._hasher = hasher or shared_hasher()

    def authenticate(self, username: str, password: str, context: LoginContext) -> Account:
        """See `AuthBackend.authenticate`."""
        return open_account(self._accounts, username, password, self._hasher, context.as_sent)

    def lookup(self, username: str) -> Account:
        """See `AuthBackend.lookup`."""
        return look_up(self._accounts, username)

    def known(self, username: str) -> Account:
        """See `AuthBackend.known`."""
        return find(self._accounts, username).account


def _read(users: Mapping[str, object]) -> Accounts:
    if not isinstance(users, Mapping):
        raise AccountsError("users: accepted is a mapping of names to passwords")
    accounts: dict[str, Record] = {}
    problems: list[Problem] = []

    def report(key: str | None, what: str, value: str, accepted: str) -> None:  # noqa: ARG001
        problems.append(Problem("users", 0, what, value, accepted))

    for name, value in users.items():
        if read := read_record(name, value, report):
            key, record = read
            if key in accounts:
                first = shown(accounts[key].account.name)
                report(
                    None, "the name of an account", shown(name), f"it is the same as {first}; give each account once"
                )
            if record.flaw:
                what, _, accepted = record.flaw.partition("; ")
                report("password_hash", f"the password_hash of {shown(name)}", what, accepted)
            accounts[key] = record
    if problems:
        raise AccountsError("\n".join(map(str, problems)))
    return accounts
