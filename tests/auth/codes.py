"""A backend that asks for a code behind the password, for tests of a second factor.

Any thread may use it.
"""

from collections.abc import Callable, Mapping
from functools import partial

from chatsrv.auth.backend import AuthBackend, LoginContext, OneMoreStep
from chatsrv.auth.backends.memory import MemoryBackend
from chatsrv.auth.hashing import Hasher
from chatsrv.model.accounts import Account
from chatsrv.model.errors import Denied
from chatsrv.model.login import Challenge

CODE = "123456"
"""The one right code of everybody, again and again."""


class CodeBackend(AuthBackend):
    """Has the accounts of a `MemoryBackend`; `waits` is called before a code is looked at."""

    def __init__(
        self,
        users: Mapping[str, object],
        *,
        hasher: Hasher | None = None,
        challenge: Challenge = Challenge("Code: "),  # noqa: B008 - a value
        waits: Callable[[], object] = lambda: None,
    ) -> None:
        self._accounts = MemoryBackend(users, hasher=hasher)
        self._challenge = challenge
        self._waits = waits
        self.codes: list[str] = []
        """Those that were looked at."""

    def authenticate(self, username: str, password: str, context: LoginContext) -> OneMoreStep:
        """See `AuthBackend.authenticate`."""
        account = self._accounts.authenticate(username, password, context)
        assert isinstance(account, Account)
        return OneMoreStep(self._challenge, partial(self._check, account))

    def lookup(self, username: str) -> Account:
        """See `AuthBackend.lookup`."""
        return self._accounts.lookup(username)

    def _check(self, account: Account, code: str) -> Account:
        self._waits()
        self.codes.append(code)
        if code != CODE:
            raise Denied(f"the code for account {account.name!r} is wrong")
        return account
