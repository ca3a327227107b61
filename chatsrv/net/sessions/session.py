"""A session: one connection's thread, from the first prompt to the last line.

It reads its socket, turns bytes into commands by its protocol's reader, logs the peer in through the gate, and obeys.
It writes nothing to the socket but the login's prompts: what it has to say goes to delivery. Knows nothing of rooms;
`ChatSession` does. Everything here runs on the session's own thread, but for what the `Watch` calls.
"""

import itertools
import logging
from collections.abc import Callable, Sequence
from functools import partial
from socketserver import StreamRequestHandler
from typing import Any, ClassVar

from chatsrv.auth.backend import LoginContext
from chatsrv.model.accounts import Account
from chatsrv.model.commands import Answer, ChangePassword, Command, Complaint, Quit
from chatsrv.model.errors import ProtocolError
from chatsrv.model.reasons import Reason
from chatsrv.model.replies import Notice, Reply
from chatsrv.model.reports import Paced, RoleChanged
from chatsrv.model.rights import Right, may
from chatsrv.net.delivery.connection import Connection
from chatsrv.net.listening.crowdlog import Event
from chatsrv.net.overriding import NO_TIMEOUT, check_session_class, extend
from chatsrv.net.scarcity import lack_of
from chatsrv.net.sessions.admission import Admission, change_password
from chatsrv.net.sessions.host import Host
from chatsrv.net.sessions.intake import LEAST_READ_BYTES, MOST_READ_BYTES, Intake
from chatsrv.net.sessions.poller import Inlet
from chatsrv.net.sessions.silence import Silence
from chatsrv.net.sessions.streams import NO_INPUT, Outlet, Request, check_socket
from chatsrv.net.wire import Wire
from chatsrv.protocols.base import Protocol, Reader
from chatsrv.sharing.flood import Bucket, Meter
from chatsrv.sharing.slots import Urgency, give_way, step_aside

logger = logging.getLogger(__name__)

TOLD_SECONDS = 1.0
"""A line alone that waits no longer does so without a word: another device of the account may be the one to blame."""

_OWN_COMMANDS = (Complaint, ChangePassword)  # those that every session obeys


class Session(StreamRequestHandler):
    """Logs one peer in and obeys its commands.

    To be overridden: `opened`, `obey`, `closed`, `ended`; to be called: `reply`, `hang_up`. Whoever overrides something
    else, or overrides what they have to extend, gets a `TypeError`. A subclass says in `protocol` which wire format it
    speaks, and in `keeps_slot` whether what it overrides waits for nothing but this package, which gives the thread's
    slot (`chatsrv.sharing.slots`) to others meanwhile.
    """

    protocol: ClassVar[Protocol]
    keeps_slot: ClassVar[bool] = False
    rbufsize = 0  # nothing reads through `rfile`, so it needs no buffer: 4 KiB less for each session
    disable_nagle_algorithm = True

    server: Host  # type: ignore[assignment]  # socketserver has a BaseServer here, which every host is
    wire: Wire
    connection: Connection  # socketserver calls the bare socket so; that is `request`
    account: Account | None = None
    is_at_gate = False
    urgency = Urgency.DEEDS
    """How soon its thread gets a slot when the peer, who is logged in, has sent something."""
    _inlet: Inlet
    _intake: Intake
    _bucket: Bucket
    _meter: Meter
    _silence: Silence | None = None
    _is_told = False  # that it is too fast

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        check_session_class(cls)

    # ------------------------------------------------------------------ to be overridden

    def opened(self) -> None:
        """Do what is to be done once the login succeeded; `self.account` is who it is."""

    def obey(self, commands: Sequence[Command]) -> None:
        """Obey commands of the peer: one or more of the same kind, in their order. The login does not come here."""

    @extend("takes the account over")
    def account_changed(self, account: Account) -> None:
        """Learn, on the watch's thread, that the account has other rights than at the login; it is `account` now."""
        is_promoted = self.account is not None and account.role != self.account.role
        self.account = account
        if is_promoted:
            self.connection.notify(RoleChanged(account.role))

    def closed(self, reason: Reason) -> None:
        """Clean up after a session that was open. Called once, after everything else; the peer may be gone."""

    def ended(self) -> None:
        """Do what has to wait until nothing is written any more. Called once, after `closed`, before the socket is."""

    # ------------------------------------------------------------------ to be called

    @extend("tells the peer what the session has to say")
    def reply(self, reply: Reply) -> None:
        """Tell the peer something. Waits while the peer leaves too many replies unread."""
        self.connection.reply(reply)

    @extend("ends the session")
    def hang_up(self, reason: Reason = Reason.QUIT) -> None:
        """End this session, with the reason's farewell."""
        self.connection.hang_up(reason)

    @property
    def context(self) -> LoginContext:
        """The circumstances of this session's login."""
        address, port = self.client_address[:2]
        return LoginContext(address, port, self.server.name, self.wire.is_encrypted)

    # ------------------------------------------------------------------ what socketserver calls

    @extend("takes the connection on")
    def setup(self) -> None:
        """Make the socket a wire, and hand its writing half to delivery."""
        if self.timeout is not None:
            raise TypeError(f"{type(self).__name__}.timeout: {NO_TIMEOUT}")
        check_socket(self.request)
        self.server.delivery.slots.take(Urgency.STRANGERS)
        super().setup()
        self.rfile.close()
        self.rfile = NO_INPUT
        wire = self.wire = self.server.wire_for(self.request)
        wire.prepare(self.server.limits)
        self._inlet = self.server.delivery.inlet(wire)
        self.connection = self.server.connect(self)
        self.request, self.wfile = Request(self.request), Outlet(self.connection)

    def handle(self) -> None:
        """Read and obey until the end of the input. Whatever goes wrong ends this session and no other."""
        try:
            self._open()
            reader = self.protocol.reader(self.server.limits.line_bytes)
            self._intake = Intake(self.connection, self._inlet, reader)
            self._log_in(reader)  # not from `_read`: what is deepest at the gate, a session's thread keeps as memory
            self._read(reader)
        except ProtocolError as error:
            text = "session %d: unreadable input from %s: %s"
            self._log(Event.UNREADABLE, text, self.connection.id, self.client_address[0], error)
            self.hang_up(Reason.BAD_PROTOCOL)
        except Exception as error:
            if lack := lack_of(error):
                text = "session %d: failed: %s"
                self.server.crowd_log.write(Event.SCARCE, self.client_address[0], text, self.connection.id, lack)
            else:
                self._log(Event.FAILED, "session %d: failed", self.connection.id, error=error)
            self.hang_up(Reason.ERROR)
        else:
            self.hang_up(Reason.LOST)  # unless there is a reason already

    @extend("lets go of the connection")
    def finish(self) -> None:
        """Leave, let the peer read the last lines, and let go of the socket once delivery has."""
        self.hang_up(Reason.ERROR)  # unless there is a reason already: without one, nothing would end the input
        reason = self.connection.reason or Reason.LOST
        give_way(Urgency.STRANGERS)
        try:
            if self.account:
                self._call(self.closed, reason)
        except Exception:
            logger.exception("session %d: failed at its end", self.connection.id)
        finally:
            self._read_to_the_end()
            with step_aside():
                self.connection.finish()
            self._end()
            if self.account:
                self.server.buckets.leave(self._bucket)
            if self._silence:
                self._silence.end()
            self.server.disconnect(self)
            self._inlet.close()
            super().finish()
        who = self.account.name if self.account else "not logged in"
        word = reason.name.lower().replace("_", " ")
        text = "session %d: ended: %s (%s, from %s)"
        self._log(Event.ENDED, text, self.connection.id, word, who, self.client_address[0])

    # ------------------------------------------------------------------ private

    def _call(self, method: Callable[..., None], *arguments: Any) -> None:
        """Call one of those methods that are to be overridden."""
        if self.keeps_slot:
            method(*arguments)
        else:
            with step_aside():
                method(*arguments)

    def _read_to_the_end(self) -> None:
        """Read and forget until the peer or the linger deadline ends the input, in the fewest pieces from a flooder."""
        size = LEAST_READ_BYTES
        while data := self._receive(size):
            size = min(4 * size, MOST_READ_BYTES) if len(data) == size else LEAST_READ_BYTES

    def _log(self, event: Event, text: str, *args: object, error: BaseException | None = None) -> None:
        """Write a line of the log; in a crowd's way, if it is about somebody who has not logged in."""
        if self.account:
            logger.log(event.level, text, *args, exc_info=error)
        else:
            self.server.crowd_log.write(event, self.client_address[0], text, *args, error=error)

    def _end(self) -> None:
        try:
            if self.account:
                self._call(self.ended)
        except Exception:
            logger.exception("session %d: failed at its very end", self.connection.id)

    def _open(self) -> None:
        """Do what comes before the first byte of the wire format; hang up if the connection fails meanwhile."""
        try:
            self._inlet.open(Urgency.STRANGERS)
        except TimeoutError:  # ETIMEDOUT: TCP gave up on the peer
            self.hang_up(Reason.TIMED_OUT)
        except OSError:
            self.hang_up(Reason.LOST)

    def _read(self, reader: Reader) -> None:
        data = b"\n"
        while data and not self.connection.reason:
            data = self._receive()
            if self.connection.reason:
                return  # hung up while it waited: who is banned says nothing more
            if self._silence:
                self._silence.break_off()
            commands = reader.receive(data) if data else reader.end()
            self._obey_allowed(commands, len(data) + reader.take_overhead_bytes())

    def _log_in(self, reader: Reader) -> None:
        """Have the peer log in, open the session, and obey what came after the login. Without one the session ends."""
        admission = Admission(self, reader, self.protocol.login_attempts, self._take_in)
        login = admission.log_in(self._receive)
        if login is None:
            self.hang_up(Reason.LOST)  # unless there is a reason already
            return
        address = self.client_address[0]
        logger.info("session %d: %s logged in from %s", self.connection.id, login.account.name, address)
        if idle_seconds := self.server.limits.idle_seconds:
            self._silence = Silence(self.connection, idle_seconds)
            self.server.delivery.look_later(idle_seconds, self._silence.look)
        connection = self.connection
        self._call(self.opened)
        if self.connection is not connection:
            self.connection = connection
            raise TypeError(f"{type(self).__name__} has put something else in place of self.connection: rename it")
        self.server.gate.rehash(login.account, login.password)
        self._obey_allowed(login.commands, login.size)

    def _take_in(self, account: Account) -> bool:
        """Become a session of `account`; return `False` if this one has to make room for another stranger already."""
        make_way = partial(self._make_way, account)
        if not self.server.turnstile.log_in(self.wire.key, account.key, make_way):
            self.connection.make_room()
            return False
        self.account = account
        self._bucket = self.server.buckets.of(account.name)
        self._meter = Meter(self.server.limits.line_bytes)
        return True

    def _receive(self, size: int = 0) -> bytes:
        """Return what the peer sent next, or up to `size` bytes of what comes from now on.

        Returns nothing at the end of the input, and after hanging up if the connection failed.
        """
        account = self.account
        urgency = Urgency.STRANGERS if self.connection.reason or not account else self.urgency
        try:
            if size:
                return self._inlet.receive(size, urgency)
            if self._is_told and not self._intake.has_more and self._bucket.is_empty:
                self._is_told = False  # that paste is over
            return self._intake.receive(urgency, is_stranger=not account, may_wait=self._is_paced)
        except TimeoutError:  # ETIMEDOUT: TCP gave up on the peer
            self.hang_up(Reason.TIMED_OUT)
        except OSError:
            self.hang_up(Reason.LOST)
        return b""

    @property
    def _is_paced(self) -> bool:
        """Whether flood control holds for the peer."""
        return self.account is not None and self._bucket.is_on and not may(self.account, Right.HURRY)

    def _obey_allowed(self, commands: Sequence[Command], size: int) -> None:
        """Obey `commands`, as fast as flood control lets them through, until the session ends.

        They came with a piece of `size` bytes, the reader's overhead counted.
        """
        is_paced = self._is_paced
        if is_paced:
            answers = sum([type(command) is Answer for command in commands])
            idle = self._meter.count(size, len(commands) - answers, answers)
            if idle and not self._wait(self._bucket.charge(idle), is_more=True):
                return
        for kind, run in itertools.groupby(commands, type):
            if kind is Answer:
                self.connection.post(b"".join([command.data for command in run]))  # type: ignore[union-attr]  # all are Answer
            elif is_paced and kind is not Quit:
                self._obey_paced(list(run))
            else:
                self._obey_now(list(run))
            if self.connection.reason:
                return

    def _obey_paced(self, commands: list[Command]) -> None:
        """Obey commands of one kind as fast as their account may send them; what must wait waits here."""
        while commands and not self.connection.reason:
            number, seconds = self._bucket.take(len(commands))
            if not self._wait(seconds, is_more=len(commands) > 1 or self._intake.has_more):
                return
            self._obey_now(commands[:number])
            commands = commands[number:]

    def _wait(self, seconds: float, *, is_more: bool) -> bool:
        """Wait for flood control; return `False` if the session ends meanwhile. Tell the peer why, once in a while."""
        if not seconds:
            return True
        if not self._is_told and (is_more or seconds >= TOLD_SECONDS):
            self._is_told = True
            self.reply(Paced(self.server.limits.messages_per_second))
        return self._intake.wait(seconds, self.urgency)

    def _obey_now(self, commands: list[Command]) -> None:
        if type(commands[0]) in _OWN_COMMANDS:
            for command in commands:
                self._obey_own(command)
        else:
            self._call(self.obey, commands)

    def _obey_own(self, command: Command) -> None:
        match command:
            case Complaint(text) if text:
                self.reply(Notice(text))
            case ChangePassword():
                assert self.account
                change_password(self, self.account, command)

    def _make_way(self, account: Account) -> None:
        """End this session, which is one too many of its account. On the thread of the newest one."""
        most, address = self.server.limits.connections_per_account, self.client_address[0]
        text = "session %d: %s has more than %d sessions; this one from %s was the oldest, and gives way"
        self.server.crowd_log.write(
            Event.OUTNUMBERED, address, text, self.connection.id, account.name, most, address, who=account.name
        )
        self.hang_up(Reason.OUTNUMBERED)
