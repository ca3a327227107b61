"""Admission: how a session's peer gets in, from the first prompt on, and how they change their password later.

    read       the wire format takes the peer's bytes apart, and answers what needs nobody's decision
    decide     the gate decides about each step of the login; the wire format learns what, and asks on
    enter      once the peer is admitted, and the wire format has all it wants

One attempt follows the other, as many as the wire format allows. Judges nothing: that is the gate's, with penalties,
rates and deadlines for backends. Knows no rooms. Runs on the session's own thread.
"""

import logging
from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Any, NamedTuple, Protocol

from chatsrv.auth.backend import LoginContext, OneMoreStep
from chatsrv.model.accounts import Account
from chatsrv.model.commands import (
    Answer,
    ChangePassword,
    Command,
    Complaint,
    Credentials,
    Enter,
    LoginStep,
    Quit,
)
from chatsrv.model.distinct import distinct
from chatsrv.model.errors import AuthError, Denied, Penalised, ProtocolError, Refused, TooOften, Unavailable
from chatsrv.model.login import Admitted, LoginOutcome
from chatsrv.model.reasons import Reason
from chatsrv.model.refusals import (
    LoginsFail,
    PasswordUnchanged,
    PasswordUncheckable,
    TooManyLogins,
    TooManyTries,
    WrongPassword,
)
from chatsrv.model.replies import LoginRefused, Notice, Reply
from chatsrv.model.reports import PasswordChanged
from chatsrv.model.requiring import require
from chatsrv.model.verbs import RIGHT_FOR
from chatsrv.net.delivery.connection import Connection
from chatsrv.net.listening.crowdlog import Event
from chatsrv.net.sessions.host import Host
from chatsrv.protocols.base import Reader
from chatsrv.sharing.flood import LOGIN_BYTES, price
from chatsrv.sharing.slots import Urgency, give_way

logger = logging.getLogger(__name__)


class Applicant(Protocol):
    """A session, as far as its admission is concerned."""

    account: Account | None
    connection: Connection
    client_address: Any
    is_at_gate: bool

    @property
    def server(self) -> Host:
        """The server that it runs in."""

    @property
    def context(self) -> LoginContext:
        """The circumstances of its login."""

    def reply(self, reply: Reply) -> None:
        """Tell the peer something."""

    def hang_up(self, reason: Reason) -> None:
        """End the session."""


@distinct
class Login(NamedTuple):
    """How a peer came in: as which account, with which password, and what is to be obeyed next.

    The commands came with a piece of `size` bytes.
    """

    account: Account
    password: str
    commands: Sequence[Command]
    size: int

    def __repr__(self) -> str:
        return f"Login({self.account!r}, ...)"


class Admission:
    """The dialogue that `session` has with its peer before the peer is in, of so many `attempts` at the most.

    `take_in` is called with the account that enters, while the session is at the gate; it returns whether it may.
    """

    def __init__(self, session: Applicant, reader: Reader, attempts: int, take_in: Callable[[Account], bool]) -> None:
        self._session = session
        self._connection = session.connection
        self._reader = reader
        self._attempts = attempts  # those that are left
        self._take_in = take_in
        self._spent_bytes = 0  # what the peer has cost
        self._password = ""  # of this attempt
        self._next_step: OneMoreStep | None = None  # what the gate wants to know still, of this attempt
        self._account: Account | None = None  # as which the peer may enter
        self._is_fresh = False  # whether the account is what the gate has said a moment ago

    def log_in(self, receive: Callable[[], bytes]) -> Login | None:
        """Hold the dialogue until the peer is in; return `None` if the session ends before that.

        `receive` returns what the peer sends next; empty at the end of the input.

        Raises:
            ProtocolError: the peer cannot be understood, or costs more than a login can.
        """
        connection, reader = self._connection, self._reader
        if not connection.reason:
            connection.answer(reader.opening())
        data = b"\n"
        while data and not connection.reason:
            data = receive()
            if connection.reason:
                break
            commands = reader.receive(data) if data else reader.end()
            if reader.writer:
                connection.write_by(reader.writer)
            try:
                login = self._advance(commands, len(data))
            finally:
                self._leave_gate()
            if login:
                return login
            connection.await_login()
        return None

    def _advance(self, commands: Sequence[Command], size: int) -> Login | None:
        """Take the login as far as a piece of input of `size` bytes goes; return how the peer came in, if they did."""
        cost = size + self._reader.take_overhead_bytes()
        while True:
            count = next((at for at, each in enumerate(commands) if not isinstance(each, _STRANGERS)), len(commands))
            if count or cost:
                self._spend(commands[:count], cost)
                self._obey(commands[:count])
            if count == len(commands) or self._connection.reason:
                return None
            step = commands[count]
            if isinstance(step, Enter):
                return self._enter(commands[count + 1 :], size + self._reader.take_overhead_bytes())
            if not isinstance(step, LoginStep):
                raise ProtocolError(f"{type(step).__name__} before the login")
            outcome = self._decide(step)
            if not isinstance(outcome, Admitted):
                self._connection.await_login()
            if outcome is None or self._connection.reason:
                return None
            commands = self._reader.decided(outcome)
            cost = 0 if isinstance(outcome, Admitted) else self._reader.take_overhead_bytes()

    def _spend(self, commands: Sequence[Command], size: int) -> None:
        """Count what a piece of input of `size` bytes costs, the reader's overhead counted, that led to `commands`."""
        self._spent_bytes += price(size, sum([type(command) is Answer for command in commands]))
        if self._spent_bytes > LOGIN_BYTES:
            raise ProtocolError(f"more than {LOGIN_BYTES} bytes before the login, answers counted")

    def _obey(self, commands: Sequence[Command]) -> None:
        """Obey what strangers may ask for."""
        for kind, run in groupby(commands, type):
            if kind is Answer:
                self._connection.answer(b"".join([each.data for each in run if isinstance(each, Answer)]))
            elif kind is Complaint:
                for each in run:
                    if isinstance(each, Complaint) and each.text:
                        self._tell(Notice(each.text))
            else:
                self._session.hang_up(Reason.QUIT)
                return

    def _tell(self, reply: Reply) -> None:
        """Tell the peer something at once, in its order among the answers of the dialogue."""
        self._connection.answer(self._connection.writer.write(reply))

    # ------------------------------------------------------------------ at the gate

    def _go_to_gate(self) -> None:
        self._connection.go_to_gate()
        self._session.is_at_gate = True
        self._session.server.turnstile.begin_login(self._connection.wire.key)
        give_way(Urgency.LOGINS)

    def _leave_gate(self) -> None:
        self._is_fresh = False
        if self._session.is_at_gate:
            self._session.is_at_gate = False
            self._session.server.turnstile.end_login(self._connection.wire.key)

    def _decide(self, step: LoginStep) -> LoginOutcome | None:
        """Have the gate decide about a step; return what came of it, `None` if that ends the session."""
        self._go_to_gate()
        next_step, self._next_step, self._account = self._next_step, None, None
        try:  # from no method of its own: whatever is deepest at the gate is memory that a session's thread keeps
            if isinstance(step, Credentials):
                self._password = step.password
                found = self._session.server.gate.admit(step.username, step.password, self._session.context)
            elif next_step:
                found = next_step.respond(step.text)
            else:
                raise ProtocolError("a response to no challenge")
        except AuthError as error:
            return self._refuse(error)
        if isinstance(found, OneMoreStep):
            self._next_step = found
            return found.challenge
        self._account, self._is_fresh = found, True
        return Admitted(found.name)

    def _refuse(self, error: AuthError) -> LoginOutcome | None:
        self._log(error)
        refusal = _described(error)
        self._attempts -= 1
        if self._attempts > 0:
            self._tell(refusal)
            return refusal
        self._session.reply(refusal)
        self._session.hang_up(Reason.LOGIN_FAILED)
        return None

    def _log(self, error: AuthError) -> None:
        crowd_log, number, address = (
            self._session.server.crowd_log,
            self._connection.id,
            self._session.client_address[0],
        )
        if isinstance(error, Penalised):
            crowd_log.write(Event.PENALISED, address, "session %d: %s", number, error, who=error.who)
        elif isinstance(error, TooOften):  # the gate has logged it already, and not every one
            logger.debug("session %d: %s", number, error)
        else:
            text = "session %d: login from %s refused: %s"
            crowd_log.write(Event.REFUSED, address, text, number, address, error)

    def _enter(self, commands: Sequence[Command], size: int) -> Login | None:
        """Let the peer in; what is to be obeyed next came with a piece of `size` bytes."""
        if self._account is None:
            raise ProtocolError("nobody has logged in who could enter")
        if not self._is_fresh:
            self._go_to_gate()
            if not self._look_again(self._account):
                return None
        if not self._take_in(self._account):
            return None
        return Login(self._account, self._password, commands, size)

    def _look_again(self, account: Account) -> bool:
        """Look at an account that was admitted some time before, as the watch does with those of open sessions."""
        try:
            now = self._session.server.gate.standing(account, self._session.context)
            if now.credential != account.credential:
                raise Denied(f"the password of account {account.name!r} was changed since")
        except Unavailable:
            return True  # an outage keeps nobody out who was let in
        except AuthError as error:
            self._attempts = 0  # the wire format takes it for decided
            self._refuse(error)
            return False
        self._account = now
        return True


_STRANGERS = Answer | Complaint | Quit
"""What may be obeyed without a login."""


def _described(error: AuthError) -> LoginRefused:
    """Return what the peer reads: of a refusal that anybody may be told about, and else the one sentence."""
    if isinstance(error, TooOften):
        return LoginRefused(TooManyLogins(error.seconds))
    return LoginRefused(LoginsFail()) if isinstance(error, Unavailable) else LoginRefused()


def change_password(session: Applicant, account: Account, change: ChangePassword) -> None:
    """Have the gate change the password of the session's account, and tell the peer what came of it."""
    number = session.connection.id
    session.is_at_gate = True
    try:
        require(account, RIGHT_FOR[ChangePassword])
        session.account = session.server.gate.change_password(account, change.old, change.new, session.context)
    except Refused as refused:
        session.reply(PasswordUnchanged(refused.why))
    except Penalised as error:
        logger.warning("session %d: password not changed: %s", number, error)
        session.reply(PasswordUnchanged(TooManyTries()))
    except Unavailable as error:
        logger.warning("session %d: password not changed: %s", number, error)
        session.reply(PasswordUnchanged(PasswordUncheckable()))
    except AuthError as error:
        logger.warning("session %d: password not changed: %s", number, error)
        session.reply(PasswordUnchanged(WrongPassword()))
    else:
        logger.info("session %d: %s changed the password", number, account.name)
        session.reply(PasswordChanged())
    finally:
        session.is_at_gate = False
