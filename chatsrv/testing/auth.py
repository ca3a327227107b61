"""Contract tests for auth backends: subclass one in a test module of yours, and pytest collects it.

    class TestMine(AuthBackendContract):
        name, password = "alice", "wonderland"

        def make_backend(self):
            return MyBackend({"alice": "wonderland"})

Imports no test framework; plain asserts. The tests call a backend from threads of their own.
"""

from abc import ABC, abstractmethod
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network
from typing import Any

from chatsrv.auth.backend import AuthBackend, EditableBackend, LoginContext, OneMoreStep
from chatsrv.model.accounts import Account, Role
from chatsrv.model.errors import AccountsError, AuthError, Denied, UnknownUser
from chatsrv.model.login import Challenge
from chatsrv.text.names import prepare_name

CONTEXT = LoginContext("127.0.0.1", 40000, "test")

UNUSUAL = (
    "ünïcödé",
    "用户",
    "مستخدم",
    "𐐨𐐩",
    "nul\0nul",
    "\ud800",
    "x" * 1000,
    "a\nb",
    "' or 1=1 --",
    "../../etc/passwd",
    "*",
)
"""Names and passwords that no account has. A `Gate` keeps some of them away; a backend must survive all."""

_THREADS = 16


class AuthBackendContract(ABC):
    """What every `AuthBackend` promises.

    A subclass names one account that exists, prepared as the `Gate` would, and makes the backend. A test that got a
    backend closes it.
    """

    name: str = "alice"
    password: str = "wonderland"
    unknown: str = "nobody"

    @abstractmethod
    def make_backend(self) -> AuthBackend:
        """Return a new backend that knows `name` with `password` and does not know `unknown`."""

    def setup_method(self) -> None:
        """Make the backend that the next test uses. For test frameworks; pytest and nose call it by this name."""
        self._backend: AuthBackend | None = None

    def teardown_method(self) -> None:
        """Close what `setup_method` promised."""
        if self._backend is not None:
            self._backend.close()

    @property
    def backend(self) -> AuthBackend:
        """The backend of this test, made at first use."""
        if self._backend is None:
            self._backend = self.make_backend()
        return self._backend

    def respond(self, challenge: Challenge) -> str:
        """Return what the person answers to a challenge; to be overridden where the backend has one."""
        raise AssertionError(f"{challenge} is asked, and the test does not know the answer: override respond()")

    def test_the_right_password_opens_the_account(self) -> None:
        """It returns an `Account` of that name."""
        account = self._opened(self.name, self.password)
        assert prepare_name(account.name) == self.name

    def test_a_wrong_password_is_denied(self) -> None:
        """Neither a longer, a shorter, an empty nor an unusual one opens the account."""
        for wrong in (self.password + "x", self.password[:-1], self.password.swapcase(), "", *UNUSUAL):
            assert self._answer(self.name, wrong) is Denied, f"password {wrong!a} was not denied"

    def test_a_wrong_answer_to_a_challenge_is_denied(self) -> None:
        """Where more is asked than the password; an answer is told in no error either."""
        step = self.backend.authenticate(self.name, self.password, CONTEXT)
        if not isinstance(step, OneMoreStep):
            return
        right = self.respond(step.challenge)
        for wrong in (right + "x", right[:-1], "swordfish", *UNUSUAL):
            again = self.backend.authenticate(self.name, self.password, CONTEXT)
            assert isinstance(again, OneMoreStep)
            refusal: AuthError | None = None
            try:
                again.respond(wrong)
            except AuthError as error:
                refusal = error
            assert type(refusal) is Denied, f"{wrong!a} was not denied as an answer to {step.challenge}"
            assert "swordfish" not in str(refusal)

    def test_an_unknown_name_is_said_to_be_unknown(self) -> None:
        """Also an empty and an unusual one, so that a chain may ask the next backend."""
        for name in (self.unknown, "", *UNUSUAL):
            assert self._answer(name, self.password) is UnknownUser, f"name {name!a} was not unknown"

    def test_a_refusal_does_not_tell_the_password(self) -> None:
        """The texts of errors go to the log."""
        for name in (self.name, self.unknown):
            text = ""
            try:
                self.backend.authenticate(name, "swordfish", CONTEXT)
            except AuthError as error:
                text = str(error)
            assert "swordfish" not in text

    def test_many_threads_get_their_own_answers(self) -> None:
        """Right, wrong and unknown logins at once, each answered as if it were alone."""
        logins = [(self.name, self.password), (self.name, "wrong"), (self.unknown, self.password)] * 20
        assert self.backend  # made by one thread
        with ThreadPoolExecutor(_THREADS) as pool:
            answers = list(pool.map(lambda login: self._answer(*login), logins))
        assert answers == [Account, Denied, UnknownUser] * 20

    def _opened(self, name: str, password: str) -> Account:
        """Return what a name and a password open, and the right answers to what is asked besides."""
        found = self.backend.authenticate(name, password, CONTEXT)
        while isinstance(found, OneMoreStep):
            found = found.respond(self.respond(found.challenge))
        assert isinstance(found, Account)
        return found

    def _answer(self, name: str, password: str) -> type:
        try:
            return type(self._opened(name, password))
        except AuthError as error:
            return type(error)


class EditableBackendContract(AuthBackendContract):
    """What every `EditableBackend` promises on top. Its `make_backend` returns one with the account `name` alone."""

    keeps_roles: bool = True
    """Whether the store can keep roles and networks; else adding such an account must be refused."""

    can_disable: bool = True
    """Whether the store can keep that an account is disabled; else disabling one must be refused."""

    @abstractmethod
    def make_backend(self) -> EditableBackend:
        """Return a new backend on a new store that knows `name` with `password` and nobody else."""

    @property
    def editable(self) -> EditableBackend:
        """The backend of this test."""
        backend: Any = self.backend
        assert isinstance(backend, EditableBackend)
        return backend

    def test_list_tells_all_accounts_in_order(self) -> None:
        """New ones stand at the end, under the names as they were given."""
        self.editable.add(Account("Zoë"), "sauerkraut")
        self.editable.add(Account("Bob"), "builder")
        assert [account.name for account in self.editable.list()][-2:] == ["Zoë", "Bob"]
        assert len(self.editable.list()) == 3

    def test_an_added_account_can_log_in_at_once(self) -> None:
        """Under its prepared name."""
        self.editable.add(Account("Bob"), "builder")
        assert self._opened("bob", "builder").name == "Bob"
        assert self._answer("bob", "wrong") is Denied
        assert self._answer(self.name, self.password) is Account

    def test_adding_a_name_twice_is_refused(self) -> None:
        """Also in other letters of the same meaning; the first account stays as it is."""
        for name in (self.name, self.name.upper()):
            assert _is_refused(lambda name=name: self.editable.add(Account(name), "other"))
        assert self._answer(self.name, self.password) is Account

    def test_adding_what_cannot_be_a_name_or_a_password_is_refused(self) -> None:
        """Such an account could never log in."""
        for name in ("", "a b", "a:b", "#a", "a\nb", "x" * 1000):
            assert _is_refused(lambda name=name: self.editable.add(Account(name), "builder")), repr(name)
        for password in ("", "a\nb", "x" * 2000):
            assert _is_refused(lambda password=password: self.editable.add(Account("bob"), password))
        assert len(self.editable.list()) == 1

    def test_role_and_networks_are_kept_or_refused(self) -> None:
        """Never dropped in silence."""
        account = Account("bob", Role.MODERATOR, (ip_network("10.0.0.0/8"), ip_network("::1")))
        if self.keeps_roles:
            self.editable.add(account, "builder")
            assert self.editable.list()[-1] == account
            assert self._opened("bob", "builder") == account
        else:
            assert _is_refused(lambda: self.editable.add(account, "builder"))
            assert len(self.editable.list()) == 1

    def test_set_password_replaces_the_old_one(self) -> None:
        """From the next login on; whatever the spelling of the name."""
        before = self.editable.list()
        self.editable.set_password(self.name.upper(), "looking-glass")
        assert self._answer(self.name, "looking-glass") is Account
        assert self._answer(self.name, self.password) is Denied
        assert self.editable.list() == before

    def test_set_role_is_obeyed_or_refused(self) -> None:
        """Never ignored; the rest of the account stays."""
        for role in (Role.ADMIN, Role.MEMBER, Role.MODERATOR):
            if self.keeps_roles:
                self.editable.set_role(self.name.upper(), role)
                assert [account.role for account in self.editable.list()] == [role]
                assert self._opened(self.name, self.password).role is role
            else:
                assert _is_refused(lambda role=role: self.editable.set_role(self.name, role))
        assert self._answer(self.name, self.password) is Account

    def test_nothing_opens_a_disabled_account_until_it_is_enabled(self) -> None:
        """It stays in the list, and a new password does not enable it."""
        if not self.can_disable:
            assert _is_refused(lambda: self.editable.set_disabled(self.name, True))
            assert self._answer(self.name, self.password) is Account
            return
        before = self.editable.list()
        for _ in range(2):
            self.editable.set_disabled(self.name.upper(), True)
        assert self.editable.disabled() == {self.name}
        assert self.editable.list() == before
        assert self._answer(self.name, self.password) is Denied
        assert self._answer(self.name, self.password + "x") is Denied
        self.editable.set_password(self.name, "looking-glass")
        assert self._answer(self.name, "looking-glass") is Denied
        for _ in range(2):
            self.editable.set_disabled(self.name, False)
        assert self.editable.disabled() == frozenset()
        assert self._answer(self.name, "looking-glass") is Account

    def test_a_removed_account_is_unknown(self) -> None:
        """And can be added again."""
        self.editable.remove(self.name.upper())
        assert self._answer(self.name, self.password) is UnknownUser
        assert self.editable.list() == []
        self.editable.add(Account(self.name), "new")
        assert self._answer(self.name, "new") is Account

    def test_changing_an_unknown_account_is_refused(self) -> None:
        """With an error, never in silence."""
        assert _is_refused(lambda: self.editable.set_password(self.unknown, "builder"))
        assert _is_refused(lambda: self.editable.remove(self.unknown))
        assert _is_refused(lambda: self.editable.set_role(self.unknown, Role.ADMIN))
        assert _is_refused(lambda: self.editable.set_disabled(self.unknown, True))

    def test_two_editors_lose_nothing(self) -> None:
        """Accounts added from many threads at once are all there."""
        names = [f"guest{number}" for number in range(20)]
        backend = self.editable
        with ThreadPoolExecutor(_THREADS) as pool:
            list(pool.map(lambda name: backend.add(Account(name), "builder"), names))
        assert sorted(account.name for account in self.editable.list()) == sorted([self.name, *names])


def _is_refused(change: Any) -> bool:
    try:
        change()
    except AccountsError:
        return True
    return False
