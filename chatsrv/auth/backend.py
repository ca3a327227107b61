"""The contract of an auth backend: names and passwords, nothing else.

A backend never hears of sockets, rooms or settings, and never judges policy: names, lengths, networks and penalties are
the `Gate`'s. Sessions call a backend from many threads at once. `chatsrv.testing.auth.AuthBackendContract` proves an
implementation.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field

from chatsrv.model.accounts import Account, Role
from chatsrv.model.errors import AccountsError, Unavailable
from chatsrv.model.login import Challenge


@dataclass(frozen=True, slots=True)
class LoginContext:
    """The circumstances of a login: the peer's address and port, the listener's name, and whether TLS protects it.

    `as_sent` is the password as the peer sent it, where preparing has changed it, and else empty: a hash that another
    program made may be of that.
    """

    address: str
    port: int = 0
    listener: str = ""
    is_encrypted: bool = False
    as_sent: str = field(default="", repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class OneMoreStep:
    """A login that is right so far and not decided yet: there is a `challenge`, and `respond` takes the answer to it.

    The answer comes as passwords do, prepared and bounded by the `Gate`. `respond` returns what `authenticate` does,
    and raises what it does: `Denied` for a wrong answer, never the same question again, for it is the gate that counts
    guesses. It is called once at most, on any thread, and may block.
    """

    challenge: Challenge
    respond: Callable[[str], "Account | OneMoreStep"] = field(repr=False)


class AuthBackend(ABC):
    """Says who somebody is. One method is a backend.

    `may_block` tells whether an answer may take long, or never come, because it is another program's or machine's. The
    `Gate` then waits for it no longer than its policy allows. Say `False` if all that is asked is in this process.
    """

    may_block: bool = True

    @abstractmethod
    def authenticate(self, username: str, password: str, context: LoginContext) -> Account | OneMoreStep:
        """Return the account that `username` and `password` open, or what else is to be asked, such as for a code.

        One more step says that the password is right: a wrong one is denied at once. Both come prepared and bounded by
        the `Gate`. May block; holds up nobody but this login.

        Raises:
            UnknownUser: there is no such account here; a chain asks the next backend.
            Denied: there is, and the answer is no; a chain stops.
            Unavailable: it cannot be told at the moment; a chain stops.
        """

    @property
    def version(self) -> object:
        """A value that is another one whenever an account may have changed; `None`: accounts cannot be watched here.

        One that was there before does not come back, though the accounts do: somebody may have logged in meanwhile.
        Must not wait for anybody, `may_block` or not: one thread asks all backends for it, every 1.5 seconds.
        """
        return None

    def lookup(self, username: str) -> Account:
        """Return the account of a prepared name as it is now, no password asked: open sessions are held against it.

        Raises:
            UnknownUser: there is no such account any more.
            Denied: it may not be used any more.
            Unavailable: it cannot be told, now or ever.
        """
        raise Unavailable(f"{type(self).__name__} cannot look up {username!r}")

    def known(self, username: str) -> Account:
        """Return the account of a prepared name, be it disabled or not: who keeps order may be ahead of its return.

        Raises:
            UnknownUser: there is no such account.
            Denied: it may not be used, and what it is cannot be told then.
            Unavailable: as `lookup`.
        """
        return self.lookup(username)

    def rehash(self, username: str, password: str) -> bool:  # noqa: ARG002 - most backends have nothing to do
        """Store a hash of today's strength for a prepared name, if the stored one is weaker and `password` opens it.

        Called after a login with just that password. Returns whether the hash was replaced; one that somebody else
        has changed in between never is. The account's `credential` stays the same: it is the same password.

        Raises:
            AccountsError: the store cannot be changed.
        """
        return False

    def close(self) -> None:
        """Let go of files and connections. Called once, when no login is waited for any more."""


class EditableBackend(AuthBackend):
    """A backend whose accounts the command line can change. Every change is all or nothing, and durable on return."""

    @abstractmethod
    def list(self) -> list[Account]:
        """Return all accounts, in the order of the store.

        Raises:
            AccountsError: the store cannot be read.
        """

    @abstractmethod
    def add(self, account: Account, password: str) -> None:
        """Add `account`; its store is created if it does not exist yet.

        Raises:
            AccountsError: there is one of that name already, or the store cannot keep what the account asks for.
        """

    @abstractmethod
    def set_password(self, name: str, password: str) -> None:
        """Give the account `name` another password.

        Raises:
            AccountsError: there is no such account, or the store cannot be changed.
        """

    def set_role(self, name: str, role: Role) -> None:  # noqa: ARG002
        """Give the account `name` another role.

        Raises:
            AccountsError: there is no such account, or the store cannot keep roles or be changed.
        """
        raise AccountsError(
            f"{type(self).__name__} cannot keep the role of {name!r}; give it under `roles:` in settings"
        )

    def set_disabled(self, name: str, is_disabled: bool) -> None:  # noqa: ARG002
        """Disable the account `name`, so that nothing opens it while all that belongs to it stays; or enable it again.

        Raises:
            AccountsError: there is no such account, or the store cannot keep that or be changed.
        """
        raise AccountsError(f"{type(self).__name__} cannot disable {name!r}; remove it, or give it another password")

    def disabled(self) -> frozenset[str]:
        """Return the prepared names of the disabled accounts, which `list` has among the others.

        Raises:
            AccountsError: the store cannot be read.
        """
        return frozenset()

    @abstractmethod
    def remove(self, name: str) -> None:
        """Remove the account `name`.

        Raises:
            AccountsError: there is no such account, or the store cannot be changed.
        """
