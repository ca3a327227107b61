"""The watch: what happens to an account happens to its open sessions, too.

Knows no files and no passwords: it asks the gate. A thread of its own, for a backend may take its time.
"""

import logging
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from chatsrv.auth.backend import LoginContext
from chatsrv.auth.gate import Gate
from chatsrv.model.accounts import Account
from chatsrv.model.errors import AuthError, Denied, UnknownUser
from chatsrv.model.reasons import Reason

logger = logging.getLogger(__name__)

WATCH_SECONDS = 1.5
"""Time between two looks. A change takes two, or three: whoever is not welcome any more is gone within five seconds."""

STOP_SECONDS = 4.0
"""How long stopping waits for the look that is under way."""


class WatchedSession(Protocol):
    """An open session, as far as the watch is concerned."""

    account: Account | None

    @property
    def context(self) -> LoginContext:
        """The circumstances of its login."""

    @property
    def is_at_gate(self) -> bool:
        """Whether it is being answered by the gate, so that its account, if any, may be another one in a moment."""

    def account_changed(self, account: Account) -> None:
        """Learn that its account has another role, or may come from other networks."""

    def hang_up(self, reason: Reason) -> None:
        """End."""


@dataclass(frozen=True, slots=True)
class _Finding:
    """What looks have found about a session: its account now, or how it ends; `None` if that cannot be told."""

    session: WatchedSession
    account: Account
    now: Account | Reason | None
    why: str  # for the log
    is_again: bool  # the look before has found the same


class Watch:
    """Looks after the sessions of all servers behind `gate`, whenever its accounts have changed."""

    def __init__(self, gate: Gate) -> None:
        self.gate = self._gate = gate
        self.has_started = False
        self._servers: set[Callable[[], Iterable[WatchedSession]]] = set()  # adding and discarding are atomic
        self._version: object = None  # that of the last look which every session was held against
        self._seen: object = None  # that of the last look
        self._is_settled = True  # whether that look saw what the one before had seen
        self._found: dict[int, _Finding] = {}  # what that look found, by the identity of the session
        self._is_over = threading.Event()
        self._thread: threading.Thread | None = None

    def add(self, sessions: Callable[[], Iterable[WatchedSession]]) -> None:
        """Look after whom `sessions` returns at each look, too."""
        self._servers.add(sessions)

    def remove(self, sessions: Callable[[], Iterable[WatchedSession]]) -> None:
        """Ask `sessions` no more; a look that is under way may still do."""
        self._servers.discard(sessions)

    def start(self) -> None:
        """Start looking, if the accounts can be watched at all."""
        self.has_started = True
        if self._gate.version is not None:
            self._thread = threading.Thread(target=self._run, name="account watch", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Stop looking, and wait until that is so; a backend that hangs is not waited for."""
        self._is_over.set()
        if self._thread:
            self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        while not self._is_over.wait(WATCH_SECONDS):
            try:
                self.look()
            except AuthError:
                continue  # nothing can be told now; the gate's backend has logged why
            except Exception:
                logger.exception("the accounts could not be looked after")

    def look(self) -> None:
        """Hold every session against its account, if an account may have changed since the last look.

        A change counts once two looks have seen the same accounts: a file may be in the middle of being written. While
        they change with each look, what counts is what two looks in a row have found about a session: somebody who
        changes their password again and again must keep nobody in.
        """
        version, was_settled = self._gate.version, self._is_settled
        self._is_settled, self._seen = version == self._seen, version
        if version == self._version or (was_settled and not self._is_settled):
            self._found = {}
            return
        is_done = True
        found: dict[int, _Finding] = {}
        for session in (session for sessions in self._servers.copy() for session in sessions()):
            if self._is_over.is_set():
                return
            if session.is_at_gate:
                is_done = False
            elif account := session.account:
                found[id(session)] = self._finding(session, account)
        self._found = found
        if self._gate.version != version:
            self._is_settled = False  # it has changed meanwhile, so these findings may be about half a file
        for finding in found.values():
            if self._is_settled or finding.is_again:
                is_done &= self._act(finding)
        if self._is_settled and is_done:
            self._version, self._found = version, {}

    def _finding(self, session: WatchedSession, account: Account) -> _Finding:
        now: Account | Reason | None
        why = ""
        try:
            now = self._gate.standing(account, session.context)
        except (UnknownUser, Denied) as error:
            now, why = Reason.ACCOUNT_CLOSED, str(error)
        except AuthError:
            now = None  # the session goes on: an outage ends nobody's talk
        before = self._found.get(id(session))
        is_again = before is not None and before.account is account and before.now == now
        return _Finding(session, account, now, why, is_again)

    def _act(self, finding: _Finding) -> bool:
        """Do what a finding asks for; tell whether it was about the account that the session still has."""
        session, account, now = finding.session, finding.account, finding.now
        if session.is_at_gate or session.account is not account:
            return False  # this session has just changed the password itself, which this look may not know
        if isinstance(now, Reason):
            logger.info("%s is not welcome any more: %s", account.name, finding.why)
            session.hang_up(now)
        elif now and now.credential != account.credential:
            session.hang_up(Reason.PASSWORD_CHANGED)
        elif now and now != account:
            try:
                session.account_changed(now)
            except Exception:  # the edge to somebody's session: it ends, and all others are looked after
                logger.exception("the session of %s cannot take a change of the account", account.name)
                session.hang_up(Reason.ERROR)
        return True
