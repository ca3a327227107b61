"""The gate: the one way to a backend, with all policy that surrounds the question who somebody is.

Never sees sockets, and decides nothing about the chat. Sessions call `admit` from their threads; a call may block, and
no lock is held meanwhile. The texts of the errors it raises are for the log: they hold names, never passwords.
"""

import logging
from collections.abc import Mapping
from dataclasses import replace

from chatsrv.accounts import Account, Role
from chatsrv.auth.backend import AuthBackend, EditableBackend, LoginContext
from chatsrv.auth.hashing import Hasher, shared_hasher
from chatsrv.auth.record import shown
from chatsrv.errors import AccountsError, AuthError, Denied, Refused, Unavailable, UnknownUser
from chatsrv.names import prepare_name, prepare_password

_logger = logging.getLogger(__name__)


class Gate:
    """Asks `backend` about logins, and adds what no backend should have to think of.

    `roles` gives accounts a role over their backend's head, under their names in any spelling. `hasher` pays for the
    logins of unknown names, so that they cost what a wrong password costs; give it the one that the backend uses.

    Raises:
        ValueError: a key of `roles` cannot be a name.
    """

    def __init__(
        self, backend: AuthBackend, *, roles: Mapping[str, Role] | None = None, hasher: Hasher | None = None
    ) -> None:
        self._backend = backend
        self._roles = {prepare_name(name): role for name, role in (roles or {}).items()}
        self._hasher = hasher or shared_hasher()

    def admit(self, username: str, password: str, context: LoginContext) -> Account:
        """Return the account that `username` and `password`, as somebody typed them, open from where he comes.

        Raises:
            UnknownUser: there is no such account.
            Denied: the password is wrong, or the account may not come from this address.
            Unavailable: it cannot be told at the moment.
        """
        # Lengths are checked in here before anything else is done, so a name of a megabyte costs nothing.
        try:
            name = prepare_name(username)
        except ValueError as error:
            raise UnknownUser(f"{shown(username[:64])} cannot be a name; {error}") from None
        try:
            secret = prepare_password(password)
        except ValueError as error:
            raise Denied(f"what was typed as the password for {name!r} cannot be one; {error}") from None
        account = self._ask(name, secret, context)
        self._check_address(account, context)
        return self._with_role(account)

    def _with_role(self, account: Account) -> Account:
        role = self._roles.get(prepare_name(account.name))
        return account if role is None else replace(account, role=role)

    def change_password(self, account: Account, old: str, new: str, context: LoginContext) -> Account:
        """Give `account` another password, if `old` is its present one; return the account as it is then.

        Raises:
            Refused: the new password cannot be one, or passwords cannot be changed here.
            AuthError: as `admit`, about `old`.
        """
        if not isinstance(self._backend, EditableBackend):
            raise Refused("Passwords cannot be changed from here.")
        try:
            prepare_password(new)
        except ValueError as error:
            raise Refused(f"The new one cannot be a password; {error}.") from None
        self.admit(account.name, old, context)
        try:
            self._backend.set_password(account.name, new)
        except AccountsError as error:
            _logger.error("the password of %r was not changed: %s", account.name, error)
            raise Refused("Passwords cannot be changed at the moment.") from error
        return self.standing(account, context)

    @property
    def version(self) -> object:
        """See `AuthBackend.version`."""
        return self._backend.version

    def standing(self, account: Account, context: LoginContext) -> Account:
        """Return what has become of an account that came in from somewhere, with its role of today.

        Raises:
            UnknownUser: it was removed.
            Denied: it may not be used any more, or not from there.
            Unavailable: it cannot be told at the moment.
        """
        now = self._with_role(self._backend.lookup(prepare_name(account.name)))
        self._check_address(now, context)
        return now

    def close(self) -> None:
        """Close the backend. Called once, when no login is under way any more."""
        self._backend.close()

    def _ask(self, name: str, password: str, context: LoginContext) -> Account:
        done = self._hasher.done_by_this_thread
        try:
            account = self._backend.authenticate(name, password, context)
            if not isinstance(account, Account):
                raise TypeError(f"{type(self._backend).__name__}.authenticate returned no Account")
            prepare_name(account.name)  # a name that breaks the lines it stands in must not get further
        except (UnknownUser, Denied):
            # Every refusal costs one hash, whether the name is unknown or the password kept in clear or weakly hashed:
            # the time it takes tells nobody which names exist.
            if self._hasher.done_by_this_thread == done:
                self._hasher.hash(password)
            raise
        except AuthError:
            raise
        except Exception as error:  # the edge to somebody else's code: a broken backend refuses this login, no more
            _logger.exception("auth backend %s failed on a login as %r", type(self._backend).__name__, name)
            raise Unavailable(f"the auth backend failed: {type(error).__name__}") from error
        return account

    @staticmethod
    def _check_address(account: Account, context: LoginContext) -> None:
        try:
            may_come = account.may_come_from(context.address)
        except ValueError:
            may_come = False  # no IP address: it is in no network
        if not may_come:
            networks = ", ".join(
                str(network.network_address if network.num_addresses == 1 else network) for network in account.networks
            )
            raise Denied(f"account {account.name!r} may log in only from {networks}, not from {context.address}")
