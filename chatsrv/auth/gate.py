"""The gate: the one way to a backend, with all policy that surrounds the question who somebody is.

    penalties     who has guessed too often is refused unseen     chain     which backend answers
    workers       no backend is waited for too long               hashing   every refusal costs a hash
    rates         how often an account may log in                 turns     hashes are fair by account and site
    knownplaces   from where an account has logged in

Never sees sockets, and decides nothing about the chat. Sessions call `admit` from their threads; a call may block, and
no lock is held meanwhile. The texts of the errors it raises are for the log: they hold names, never passwords.
"""

import contextlib
import inspect
import logging
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from chatsrv.auth.backend import AuthBackend, EditableBackend, LoginContext, OneMoreStep
from chatsrv.auth.chain import Answer, AnswerCount, Chain
from chatsrv.auth.hashing import Hasher, counted_work, shared_hasher
from chatsrv.auth.knownplaces import KnownPlaces
from chatsrv.auth.line import Party
from chatsrv.auth.penalties import Penalties, PenaltyCount
from chatsrv.auth.rates import LoginRate, Rate
from chatsrv.auth.record import shown
from chatsrv.auth.turns import on_behalf_of
from chatsrv.auth.workers import Workers
from chatsrv.model.accounts import Account, Role
from chatsrv.model.errors import AccountsError, AuthError, Denied, Refused, Unavailable, UnknownUser
from chatsrv.model.loginpolicy import LoginPolicy
from chatsrv.model.refusals import (
    AccountsUnreadable,
    NoSuchAccount,
    PasswordChangesFail,
    PasswordsFixed,
    PasswordUnfit,
    TooManyPasswords,
)
from chatsrv.model.strength import PasswordPolicy, check_new_password
from chatsrv.text.names import prepare_name, prepare_new_password, prepare_password

_logger = logging.getLogger(__name__)

_NOBODYS_PASSWORD = "as good as any, for a hash takes the same time for all"

_NO_MORE_REHASHING = "weak hashes are not replaced any more until the server starts again"


@dataclass(frozen=True, slots=True)
class GateCount:
    """What has happened at a gate since the start, and how many calls of backends hang now."""

    answers: tuple[AnswerCount, ...]
    penalties: PenaltyCount
    hanging: int


class Gate:
    """Asks `backend`, which may be a `Chain`, about logins, and adds what no backend should have to think of.

    `roles` gives accounts a role over their backend's head, under their names in any spelling. `hasher` pays for the
    logins of unknown names, so that they cost what a wrong password costs; give it the one that the backend uses. Its
    bounds are its own: `Hasher.of(policy)`. `passwords` is the floor for new passwords; `words` are what none may be,
    besides the account's name. `places` remembers from where each account has logged in; the gate closes it. `clock`
    gives seconds, for the penalties and rates.

    Raises:
        TypeError: `backend` is no backend.
        ValueError: a key of `roles` cannot be a name, or a value is no role.
    """

    def __init__(
        self,
        backend: AuthBackend,
        *,
        roles: Mapping[str, Role] | None = None,
        hasher: Hasher | None = None,
        policy: LoginPolicy | None = None,
        passwords: PasswordPolicy | None = None,
        words: Iterable[str] = (),
        places: KnownPlaces | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        _check_backend(backend)
        self._passwords = passwords or PasswordPolicy()
        self._words = tuple(words)
        self._policy = policy or LoginPolicy()
        self._chain = backend if isinstance(backend, Chain) else Chain([("", backend)])
        self._roles = {prepare_name(name): _role(role) for name, role in (roles or {}).items()}
        self._hasher = hasher or shared_hasher()
        self._places = places or KnownPlaces(keep_days=self._policy.known_days)
        self._penalties = Penalties(self._policy, self._places, clock=clock)
        self._logins = LoginRate(self._policy, clock)
        self._changes = Rate(self._policy.password_changes_per_hour, 3600.0, clock)
        self._workers = Workers(self._policy.backend_seconds, self._policy.backend_calls)
        self._may_rehash = self._policy.rehash or self._policy.legacy_hashes == "rehash"

    def admit(
        self,
        username: str,
        password: str,
        context: LoginContext,
        *,
        heard: Callable[[Answer], None] = lambda _: None,
        is_login: bool = True,
    ) -> Account | OneMoreStep:
        """Return the account that `username` and `password`, as somebody typed them, open from where they come.

        Where the backend wants to know more than that, return what is to be asked; `OneMoreStep.respond` takes what
        somebody typed then, and returns and raises what this does. A wrong answer is a wrong login; one that is never
        given counts for nothing.

        `heard` is told what each backend answers. Without `is_login` the password is only verified: the account does
        not log in, so that does not count for how often it may.

        Raises:
            UnknownUser: there is no such account.
            Penalised: too many wrong logins came from there; this one was not looked at.
            Denied: the password is wrong, or the account may not come from this address.
            TooOften: the account has logged in too often just now.
            Unavailable: it cannot be told at the moment.
        """
        # Lengths are checked in here before anything else is done, so a name of a megabyte costs nothing.
        name = secret = ""
        refusal: AuthError | None = None
        try:
            name = prepare_name(username)
        except ValueError as error:
            refusal = UnknownUser(f"{shown(username[:64])} cannot be a name; {error}")
        try:
            secret = prepare_password(password)
        except ValueError as error:
            refusal = refusal or Denied(f"what was typed as the password for {name!r} cannot be one; {error}")
        tried = f"{username[:64]}\0{password[:64]}" if refusal else password
        if secret != password:
            context = replace(context, as_sent=password)
        return self._decide(_Login(name, password, context, heard, is_login), None, secret, tried, refusal)

    def _decide(
        self, login: "_Login", step: OneMoreStep | None, secret: str, tried: str | None, refusal: AuthError | None
    ) -> Account | OneMoreStep:
        """Have a backend decide about a step of a login, the first one if it is `None`, unless there is a `refusal`.

        `secret` is what was typed, prepared; `tried` too, as it was, where the same again is no further guess.
        """
        # A method alone for all of it: whatever is deepest here is memory that a session's thread keeps.
        context, address = login.context, login.context.address
        try:
            with self._penalties.attempt(address, login.name, tried) as party, on_behalf_of(party):
                if refusal:
                    raise refusal
                if step is None and login.is_login:
                    login = replace(login, counted=self._logins.expect(login.name, login.password, address))
                # Every refusal costs one hash of today's strength, whether the name is unknown, the password kept in
                # clear, or the address wrong: its time tells neither which names exist, nor that a password was right.
                # Where the password has two forms it costs two. A stored hash of another kind costs its own time on
                # top, and a dearer one more: that shows, until it is renewed.
                with counted_work() as work:
                    try:
                        if step:
                            found = step.respond(secret)
                        else:
                            found = self._chain.ask(
                                login.name, secret, context, workers=self._workers, heard=login.heard
                            )
                        if account := found if isinstance(found, Account) else self._find(login.name):
                            self._check_address(account, context)
                    except Unavailable:
                        raise
                    except AuthError:
                        for _ in range(work.hashes, 2 if context.as_sent else 1):
                            self._hasher.hash(_NOBODYS_PASSWORD)
                        raise
                if isinstance(found, OneMoreStep):
                    raise _Undecided(found)
                account = self._with_role(found)
                if login.is_login and login.counted != account.key:
                    self._logins.count(login.name, login.password, address, account.key)
                return account
        except _Undecided as undecided:
            return OneMoreStep(undecided.step.challenge, partial(self._respond, login, undecided.step))

    def _respond(self, login: "_Login", step: OneMoreStep, typed: str) -> Account | OneMoreStep:
        """Go on with a login, with what somebody typed in answer to a challenge."""
        response = ""
        refusal: AuthError | None = None
        try:
            response = prepare_password(typed)
        except ValueError as error:
            refusal = Denied(f"what was typed at the challenge for {login.name!r} cannot be an answer; {error}")
        return self._decide(login, step, response, None, refusal)

    def _find(self, name: str) -> Account | None:
        """Return the account that one more step is asked of: being asked tells that the password was right.

        `None`: it cannot be told; then its networks are looked at after the last step, as ever.
        """
        with contextlib.suppress(AuthError):
            return self._chain.lookup(name, self._workers)
        return None

    def rehash(self, account: Account, password: str) -> None:
        """Replace the stored hash of `account` if it is not like those made today. A failure is logged, not raised.

        To be called after a login with that password, once the peer has the answer: it takes as long as a login. The
        new hash is of what the old one was made of: another program that reads the file knows no other.
        """
        if not self._may_rehash:
            return
        key = prepare_name(account.name)
        forms = dict.fromkeys((prepare_password(password), password))
        try:
            with on_behalf_of(Party(key, is_known=True)):
                is_replaced = any(self._chain.rehash(key, form) for form in forms)
            if is_replaced:
                _logger.info(
                    "the hash of the password of %r was weaker than new ones, or of another kind; it is replaced",
                    account.name,
                )
        except AuthError as error:
            _logger.debug("the hash of the password of %r was not replaced: %s", account.name, error)
        except AccountsError as error:
            self._may_rehash = False
            _logger.warning("%s: that of %r could not be: %s", _NO_MORE_REHASHING, account.name, error)
        except KeyboardInterrupt:
            raise
        except BaseException:  # the edge to somebody else's code
            self._may_rehash = False
            name = self._chain.name_of(self._chain.vouching(key))
            _logger.exception("%s: auth backend %s failed on that of %r", _NO_MORE_REHASHING, name, account.name)

    def change_password(self, account: Account, old: str, new: str, context: LoginContext) -> Account:
        """Give `account` another password, if `old` is its present one; return the account as it is then.

        Where that cannot be told, it is returned as it was.

        Raises:
            Refused: the new password cannot be one, or passwords cannot be changed here, or not so often.
            AuthError: as `admit`, about `old`.
        """
        try:
            backend = self._chain.vouching(prepare_name(account.name))
        except UnknownUser:
            backend = self._chain
        if not isinstance(backend, EditableBackend):
            raise Refused(PasswordsFixed())
        try:
            prepared = prepare_new_password(new)
            check_new_password(prepared, self._passwords, (account.name, *self._words))
            self._hasher.check_new(prepared)
        except ValueError as error:
            raise Refused(PasswordUnfit(str(error))) from None
        self._check_changes(self._changes.wait_seconds(account.key))
        self.admit(account.name, old, context, is_login=False)  # all else that is asked, the session was let in with
        self._check_changes(self._changes.take(account.key))
        try:
            with on_behalf_of(Party(account.key, is_known=True)):
                backend.set_password(account.name, new)
        except (KeyboardInterrupt, Unavailable):
            raise
        except (AccountsError, AuthError) as error:
            _logger.error("the password of %r was not changed: %s", account.name, error)
            raise Refused(PasswordChangesFail()) from error
        except BaseException as error:  # the edge to somebody else's code
            name = self._chain.name_of(backend)
            _logger.exception("auth backend %s failed on a new password for %r", name, account.name)
            raise Refused(PasswordChangesFail()) from error
        try:
            return self.standing(account, context)
        except AuthError as error:  # the password is another one all the same, and whoever changed it is told so
            _logger.debug("the password of %r was changed, and its account cannot be told: %s", account.name, error)
            return account

    def _check_changes(self, seconds: float) -> None:
        if seconds:
            most = self._policy.password_changes_per_hour
            raise Refused(TooManyPasswords(most, seconds))

    @property
    def version(self) -> object:
        """See `AuthBackend.version`."""
        return self._chain.version

    def standing(self, account: Account, context: LoginContext) -> Account:
        """Return what has become of an account that came in from somewhere, with its role of today.

        Its name stays as it was: the chat knows it by that one, however it is spelled by now.

        Raises:
            UnknownUser: it was removed.
            Denied: it may not be used any more, or not from there.
            Unavailable: it cannot be told at the moment.
        """
        now = self._with_role(self._chain.lookup(prepare_name(account.name), self._workers))
        self._check_address(now, context)
        return replace(now, name=account.name)

    def account_named(self, typed: str) -> Account:
        """Return the account that somebody in the chat calls so, disabled or not, with its role of today.

        Raises:
            Refused: there is none, or it cannot be told.
        """
        try:
            return self._with_role(self._chain.known(prepare_name(typed), self._workers))
        except (UnknownUser, Denied, ValueError):
            raise Refused(NoSuchAccount(typed)) from None
        except AuthError:
            raise Refused(AccountsUnreadable()) from None

    def count(self) -> GateCount:
        """Return the figures of this moment."""
        return GateCount(self._chain.count(), self._penalties.count(), self._workers.hanging)

    def close(self) -> None:
        """Close the backends. Called once, when no login is waited for any more."""
        self._chain.close()
        self._places.close()

    def _with_role(self, account: Account) -> Account:
        role = self._roles.get(prepare_name(account.name))
        return account if role is None else replace(account, role=role)

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


@dataclass(frozen=True, slots=True)
class _Login:
    """A login that may take several steps: as whom, from where, and what was typed at first."""

    name: str
    password: str = field(repr=False)
    context: LoginContext
    heard: Callable[[Answer], None]
    is_login: bool
    counted: str = ""
    """The account for which it is counted already; empty if it is not."""


class _Undecided(Exception):
    """A step of a login was right, and there is one more."""

    def __init__(self, step: OneMoreStep) -> None:
        super().__init__()
        self.step = step


def _role(role: str) -> Role:
    try:
        return Role(role)
    except ValueError:
        raise ValueError(f"{role!r} is no role; accepted is one of {', '.join(Role)}") from None


def _check_backend(backend: object) -> None:
    """Look at what somebody gave as a backend.

    Raises:
        TypeError: it is none; the text says what would be.
    """
    if isinstance(backend, type) and issubclass(backend, AuthBackend | Gate):
        raise TypeError(f"auth={backend.__name__} is a class; give one of its instances: auth={backend.__name__}(...)")
    if isinstance(backend, AuthBackend):
        if inspect.iscoroutinefunction(backend.authenticate):
            raise TypeError(f"{type(backend).__qualname__}.authenticate() is called on a thread: define it by `def`")
        with contextlib.suppress(ValueError):  # it has no signature to be looked at
            try:
                inspect.signature(backend.authenticate).bind("name", "password", None)
            except TypeError:
                where = f"{type(backend).__qualname__}.authenticate()"
                raise TypeError(f"{where} is called as authenticate(username, password, context)") from None
        return
    kind = type(backend).__name__
    if isinstance(backend, Mapping):  # whose passwords are in no message
        raise TypeError(f"auth is a {kind}; for accounts in memory give auth=MemoryBackend({{name: password, ...}})")
    if isinstance(backend, list | tuple | set):
        raise TypeError(f"auth is a {kind}; for several backends give auth=Chain([(label, backend), ...])")
    raise TypeError(
        f"auth is a {kind}, and has to be an AuthBackend: subclass that, with authenticate(username, password, context)"
    )
