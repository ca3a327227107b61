"""Several backends as one: asked in order, until one knows the name.

    UnknownUser               the next one is asked
    Denied, Unavailable       the end: a weaker backend must not answer for one that refused or is away
    any other exception       is logged, and counts as Unavailable: somebody else's code must not end a session, not
                              even by a SystemExit

Judges no names, networks or passwords. Sessions call from many threads at once; no lock is held while a backend is
asked.
"""

import logging
import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import TypeVar

from chatsrv.auth.backend import AuthBackend, LoginContext, OneMoreStep
from chatsrv.auth.workers import Workers
from chatsrv.model.accounts import Account, Network, Role
from chatsrv.model.errors import AuthError, Denied, Unavailable, UnknownUser
from chatsrv.model.login import Challenge
from chatsrv.text.names import prepare_name

_logger = logging.getLogger(__name__)

TELL_SECONDS = 60.0
"""A backend that fails on logins has one traceback in the log for so long: anybody may try again and again."""

T = TypeVar("T")


class Outcome(StrEnum):
    """How a backend answered."""

    ADMITTED = "admitted"
    CHALLENGED = "challenged"
    UNKNOWN = "unknown"
    DENIED = "denied"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Answer:
    """What one backend said about one step of a login; `text` is for the log, and empty where it did not say no."""

    label: str
    outcome: Outcome
    text: str = ""


@dataclass(frozen=True, slots=True)
class AnswerCount:
    """How often a backend has answered so."""

    label: str
    outcome: Outcome
    times: int


class Chain(AuthBackend):
    """Backends with their labels, such as "yaml users.yaml", which stand before all that they say.

    An empty label adds nothing; the counters then show the name of the backend's class.

    Raises:
        ValueError: there is no backend, or two have the same label.
    """

    def __init__(self, links: Iterable[tuple[str, AuthBackend]]) -> None:
        self._links = tuple(links)
        labels = {label for label, _ in self._links}
        if not self._links or len(labels) < len(self._links):
            raise ValueError("a chain needs at least one backend, and each a label of its own")
        self.may_block = any(backend.may_block for _, backend in self._links)
        self._lock = threading.Lock()
        self._counter: Counter[tuple[str, Outcome]] = Counter()  # guarded by the lock
        self._vouched: dict[str, AuthBackend] = {}  # who answered for a prepared name last; one item is set at once
        self._versions: dict[str, object] = {}  # the last that each backend could tell; one item is set at once
        self._failing: set[tuple[str, str]] = set()  # what is logged already; one item is added or taken out at once
        self._told_at: dict[str, float] = {}  # when a failed login was logged last; one item is set at once

    @property
    def links(self) -> tuple[tuple[str, AuthBackend], ...]:
        """The backends and their labels, in the order in which they are asked."""
        return self._links

    def authenticate(self, username: str, password: str, context: LoginContext) -> Account | OneMoreStep:
        """See `AuthBackend.authenticate`."""
        return self.ask(username, password, context)

    def ask(
        self,
        username: str,
        password: str,
        context: LoginContext,
        *,
        workers: Workers | None = None,
        heard: Callable[[Answer], None] = lambda _: None,
    ) -> Account | OneMoreStep:
        """Authenticate; backends that may block are called by `workers`, and `heard` is told each answer.

        A challenge is that of the first backend that knows the name, and so is what comes of it.

        Raises:
            UnknownUser: no backend knows the name.
            Denied: the first that knows it refuses.
            Unavailable: one that had to be asked cannot tell.
        """
        unknown: list[UnknownUser] = []
        for label, backend in self._links:

            def authenticate(backend: AuthBackend = backend) -> Account | OneMoreStep:
                return backend.authenticate(username, password, context)

            try:
                return self._answer(label, backend, username, authenticate, workers, heard)
            except UnknownUser as error:
                unknown.append(error)
        if len(unknown) == 1:
            raise unknown[0]
        raise UnknownUser("; ".join(map(str, unknown)))

    def _answer(
        self,
        label: str,
        backend: AuthBackend,
        username: str,
        question: Callable[[], Account | OneMoreStep],
        workers: Workers | None,
        heard: Callable[[Answer], None],
    ) -> Account | OneMoreStep:
        """Return what one backend answers to a question, and count it. Only an `AuthError` with its label escapes."""
        name = label or type(backend).__name__
        refusal: AuthError
        try:
            found = _called(label, backend, workers, question)
            found = _usable_step(found) if isinstance(found, OneMoreStep) else _usable(found)
        except AuthError as error:
            refusal = error
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # the edge to somebody else's code: it refuses this login, and no more
            now = time.monotonic()
            if now - self._told_at.get(name, -math.inf) >= TELL_SECONDS:
                self._told_at[name] = now
                _logger.exception("auth backend %s failed on a login as %r", name, username)
            refusal = _labelled(label, Unavailable(f"the auth backend failed: {type(error).__name__}"))
            refusal.__cause__ = error
        else:
            if isinstance(found, OneMoreStep):
                self._count(Answer(name, Outcome.CHALLENGED), heard)
                respond = found.respond

                def go_on(typed: str) -> Account | OneMoreStep:
                    return self._answer(label, backend, username, lambda: respond(typed), workers, heard)

                return OneMoreStep(found.challenge, go_on)
            self._count(Answer(name, Outcome.ADMITTED), heard)
            self._vouched[username] = backend
            return found
        self._count(Answer(name, _outcome(refusal), str(refusal)), heard)
        try:
            raise refusal
        finally:
            del refusal  # it holds this frame, which would hold it

    def count(self) -> tuple[AnswerCount, ...]:
        """Return how often each backend answered how since the start, in the order of the backends."""
        with self._lock:
            counter = self._counter.copy()
        labels = [label or type(backend).__name__ for label, backend in self._links]
        return tuple(AnswerCount(label, outcome, counter[label, outcome]) for label in labels for outcome in Outcome)

    def vouching(self, username: str) -> AuthBackend:
        """Return the backend that last let somebody of that prepared name in.

        Raises:
            UnknownUser: none did since the start.
        """
        try:
            return self._vouched[username]
        except KeyError:
            raise UnknownUser(f"nobody has logged in as {username!r} yet") from None

    def name_of(self, backend: AuthBackend) -> str:
        """Return what log lines call one of the backends: its label, or else its class."""
        return next((label for label, link in self._links if link is backend), "") or type(backend).__name__

    @property
    def version(self) -> object:
        """See `AuthBackend.version`. `None` when none of the backends can be watched."""
        versions = tuple(self._version_of(label, backend) for label, backend in self._links)
        return None if all(version is None for version in versions) else versions

    def _version_of(self, label: str, backend: AuthBackend) -> object:
        """Return the version of one backend; the one before if it cannot be told: the others are to be watched."""
        try:
            self._versions[label] = self._told(label, backend, "version", lambda: backend.version)
        except AuthError:
            return self._versions.get(label, "not told yet")
        return self._versions[label]

    def lookup(self, username: str, workers: Workers | None = None) -> Account:
        """See `AuthBackend.lookup`. Whichever backend let the account in is asked; without such a one, all in order."""
        return self._asked(username, lambda backend: backend.lookup(username), workers)

    def known(self, username: str, workers: Workers | None = None) -> Account:
        """See `AuthBackend.known`. Else as `lookup`."""
        return self._asked(username, lambda backend: backend.known(username), workers)

    def _asked(self, username: str, look: Callable[[AuthBackend], Account], workers: Workers | None) -> Account:
        vouching = self._vouched.get(username)
        for label, backend in self._links:
            if vouching not in (None, backend):
                continue
            try:
                return self._told(label, backend, "lookup", partial(_looked_up, label, backend, look, workers))
            except UnknownUser:
                continue
        raise UnknownUser(f"no backend knows {username!r}")

    def _told(self, label: str, backend: AuthBackend, what: str, ask: Callable[[], T]) -> T:
        """Return what a backend tells. It is asked again and again: what fails is logged once, until it works again."""
        try:
            told = ask()
        except (AuthError, KeyboardInterrupt):
            raise
        except BaseException as error:  # the edge to somebody else's code
            if (label, what) not in self._failing:
                self._failing.add((label, what))
                _logger.exception("auth backend %s failed on a %s", label or type(backend).__name__, what)
            raise _labelled(label, Unavailable(f"the {what} failed: {type(error).__name__}")) from error
        self._failing.discard((label, what))
        return told

    def rehash(self, username: str, password: str) -> bool:
        """See `AuthBackend.rehash`."""
        return self.vouching(username).rehash(username, password)

    def close(self) -> None:
        """Close all backends, whatever one of them raises."""
        for label, backend in self._links:
            try:
                backend.close()
            except KeyboardInterrupt:
                raise
            except BaseException:  # the edge to somebody else's code
                _logger.exception("auth backend %s failed while it was closed", label or type(backend).__name__)

    def _count(self, answer: Answer, heard: Callable[[Answer], None]) -> None:
        with self._lock:
            self._counter[answer.label, answer.outcome] += 1
        heard(answer)


def _looked_up(
    label: str, backend: AuthBackend, look: Callable[[AuthBackend], Account], workers: Workers | None
) -> Account:
    return _usable(_called(label, backend, workers, partial(look, backend)))


def _usable(account: object) -> Account:
    """Return what somebody else's code called an account, if it is one through and through.

    Raises:
        TypeError: it is none, or its role or a network is none.
        ValueError: its name would break the lines that it stands in.
    """
    if not isinstance(account, Account):
        raise TypeError("the auth backend returned no Account")
    if not isinstance(account.role, Role) or not all(isinstance(network, Network) for network in account.networks):
        raise TypeError("the auth backend returned an Account whose role is no Role, or a network no network")
    prepare_name(account.name)
    return account


def _usable_step(step: OneMoreStep) -> OneMoreStep:
    """Return what somebody else's code called one more step, if it is one through and through.

    Raises:
        TypeError: it is none.
    """
    challenge = step.challenge
    if not isinstance(challenge, Challenge) or not isinstance(challenge.prompt, str) or not callable(step.respond):
        raise TypeError("the auth backend returned a OneMoreStep without a Challenge, or with nothing to be called")
    return step


def _called(label: str, backend: AuthBackend, workers: Workers | None, function: Callable[[], T]) -> T:
    try:
        if workers and backend.may_block:
            return workers.call(label or type(backend).__name__, function)
        return function()
    except AuthError as error:
        labelled = _labelled(label, error)
        if labelled is error:
            raise
        raise labelled from error


def _labelled(label: str, error: AuthError) -> AuthError:
    """Return the error with the label before its text, and the text fit for a line of the log."""
    said = str(error)
    text = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in said)
    if label and not text.startswith(label):
        text = f"{label}: {text}"
    if text == said:
        return error
    return next((kind for kind in _KINDS if isinstance(error, kind)), AuthError)(text)


_KINDS: tuple[type[AuthError], ...] = (UnknownUser, Denied, Unavailable)


def _outcome(error: AuthError) -> Outcome:
    if isinstance(error, UnknownUser):
        return Outcome.UNKNOWN
    return Outcome.UNAVAILABLE if isinstance(error, Unavailable) else Outcome.DENIED
