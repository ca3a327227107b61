"""Servers: a listening socket, an accept loop, and a thread for each session.

`LoginServer` is for any protocol with logins, `ChatServer` for the chat. Both are `socketserver.ThreadingTCPServer`s
and are used like one; what would silently go wrong is refused with a sentence, at the latest when they begin to serve.
They know neither rooms' insides nor wire formats. `serve_forever` runs on the caller's thread; everything else may be
called from any.
"""

import contextlib
import logging
import socket
import sys
import threading
from datetime import tzinfo
from typing import Any

from chatsrv.auth.backend import AuthBackend
from chatsrv.auth.gate import Gate
from chatsrv.chat.hub import Hub
from chatsrv.model.errors import Refused
from chatsrv.model.limits import Limits
from chatsrv.model.reasons import Reason
from chatsrv.model.refusals import Refusal, ServerFull
from chatsrv.net.delivery.connection import Connection
from chatsrv.net.delivery.delivery import Delivery
from chatsrv.net.listening.acceptloop import AcceptLoop
from chatsrv.net.listening.arguments import check_address, check_sessions, expect, writer_of
from chatsrv.net.listening.crowdlog import CrowdLog, Event
from chatsrv.net.listening.sessionthreads import SessionThread, SessionThreads
from chatsrv.net.listening.turnstile import Turnstile
from chatsrv.net.overriding import check_server_attributes, check_server_class, extend
from chatsrv.net.scarcity import lack_of
from chatsrv.net.sessions.chatsession import ChatSession
from chatsrv.net.sessions.session import Session
from chatsrv.net.sessions.streams import TLS, UnusableSocket
from chatsrv.net.sessions.watch import Watch
from chatsrv.net.wire import Wire
from chatsrv.sharing.flood import Buckets
from chatsrv.sharing.slots import Urgency, give_back

logger = logging.getLogger(__name__)

STOP_SECONDS = 3.0
"""How long closing a server waits for its sessions' threads, beyond the time that their peers get to linger. With a
second for bots and one for the rest, `chatsrv run` ends within `linger_seconds` and five seconds.
"""


def alone_in_its_family(sock: socket.socket) -> None:
    """Have an IPv6 socket take no connections of IPv4, whatever the system's own habit is."""
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)


class LoginServer(AcceptLoop):
    """A threaded TCP server whose sessions log in.

    `server_address` is (host, port), port 0 for any that is free; an IPv6 host makes it an IPv6 server, and
    that alone: `::` is every IPv6 address and no other.
    `RequestHandlerClass` is a `Session`. `auth` is a backend, or a gate in front of one. Servers of one program may
    share a `delivery`, a `turnstile`, flood control's `buckets`, and the `watch` of their gate; a server makes its own
    otherwise, and stops it when it is closed.

    Raises:
        TypeError: an argument is of a wrong kind.
        ValueError: arguments do not fit each other.
        RuntimeError: `delivery` was stopped.
        OSError: the address cannot be had.
    """

    allow_reuse_address = True
    daemon_threads = True  # closing waits for the sessions itself, with a deadline, and the end of the process does not
    is_chat = False
    """Whether its sessions are those of a chat."""
    request_queue_size = 4096  # as much as Linux grants: see docs/decisions/0036-slots.md

    def __init__(
        self,
        server_address: tuple[str, int],
        RequestHandlerClass: type[Session],  # noqa: N803 - socketserver's name
        bind_and_activate: bool = True,
        *,
        auth: AuthBackend | Gate,
        limits: Limits | None = None,
        delivery: Delivery | None = None,
        turnstile: Turnstile | None = None,
        buckets: Buckets | None = None,
        watch: Watch | None = None,
        name: str = "",
    ) -> None:
        check_address(server_address, self.address_family)
        check_sessions(RequestHandlerClass, self)
        expect(limits, Limits, "limits", "Limits(connections=50)")
        expect(delivery, Delivery, "delivery", "Delivery()")
        expect(turnstile, Turnstile, "turnstile", "Turnstile.of(limits)")
        expect(buckets, Buckets, "buckets", "Buckets(messages_per_second, burst)")
        expect(watch, Watch, "watch", "Watch(gate)")
        if delivery:
            delivery.check_usable()
        self.limits = limits or Limits()
        self.name = name
        self._writer = writer_of(RequestHandlerClass)
        self.gate = auth if isinstance(auth, Gate) else Gate(auth)
        if watch and watch.gate is not self.gate:
            raise ValueError("watch= looks after another gate than auth=: give auth=gate and watch=Watch(gate)")
        self.turnstile = turnstile or Turnstile.of(self.limits)
        self.buckets = buckets or Buckets(self.limits.messages_per_second, self.limits.burst)
        if ":" in server_address[0]:
            self.address_family = socket.AF_INET6
        self._sessions: set[Session] = set()  # adding and discarding are atomic
        self._session_threads = SessionThreads()
        self._counted: dict[Any, str] = {}  # sockets that were counted in, with their addresses; each use is a step
        self._unmet: set[Any] = set()  # those that no session has taken on; likewise
        self.crowd_log = CrowdLog(lambda: self.label, self._flush_later)
        self._own_delivery: Delivery | None = None
        self.watch = watch or Watch(self.gate)
        self._owns_watch = watch is None
        self.watch.add(self.sessions)
        # Closes this server if it fails.
        super().__init__(tuple(server_address), RequestHandlerClass, bind_and_activate)
        if delivery is None:
            delivery = self._own_delivery = Delivery(self.limits)
            delivery.start()
        self.delivery = delivery
        delivery.users.add(self)
        if self._owns_watch:
            self.watch.start()

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        check_server_class(cls)

    def server_bind(self) -> None:
        """Bind the listening socket; an IPv6 host is IPv6's alone."""
        alone_in_its_family(self.socket)
        super().server_bind()

    def check_ready(self) -> None:
        """See `AcceptLoop.check_ready`.

        Raises:
            RuntimeError: its delivery does not run.
            TypeError: something was put in place of what it needs.
            ValueError: it is closed.
        """
        if self._is_shutting_down:
            return
        if self._is_closing:
            raise ValueError(f"{self.label} is closed; make another server")
        check_sessions(self.RequestHandlerClass, self)
        check_server_attributes(self, LoginServer)
        if hasattr(self.socket, "do_handshake"):
            raise UnusableSocket(TLS)
        self.delivery.check_running()
        if not self.watch.has_started:  # whoever shares it may prefer to have it look by hand
            logger.warning(
                "%s: the shared watch was not started; call its start() to have accounts looked after", self.label
            )

    def not_accepted(self, error: OSError) -> None:
        """Tell the log of a handshake that failed: a `get_request` with TLS would wait for each peer in turn."""
        if hasattr(error, "library"):  # an `ssl.SSLError`
            self.crowd_log.write(Event.FAILED, "", "%s: a connection failed: %s", self.label, TLS)

    def turn_ended(self) -> None:
        """Write what the log of strangers is to sum up."""
        self.crowd_log.flush()

    def accept(self) -> None:
        """Handle one request, ahead of sessions that only want to go on."""
        self.delivery.slots.take(Urgency.LOGINS)
        try:
            super().accept()
        finally:
            give_back()

    def _flush_later(self, seconds: float) -> None:
        if not self._is_closing:  # then it is flushed in the end
            self.delivery.call_later(seconds, self._wake)  # which must not wait for the log, so it does no more

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection."""
        try:
            return super().get_request()
        except OSError as error:
            if lack := lack_of(error):
                self._turn_away_unaccepted(lack)
            raise

    def _turn_away_unaccepted(self, lack: str) -> None:
        """Tell a peer that there is no descriptor for it, by the one that was kept; without that, accept nothing."""
        self._spare.give()
        try:
            request, address = super().get_request()
        except OSError:
            self._is_exhausted = True
            self.crowd_log.write(
                Event.SCARCE, "", "%s: no connection can be accepted at the moment: %s", self.label, lack
            )
        else:
            self._say(request, ServerFull())
            self.shutdown_request(request)
            self.crowd_log.write(Event.SCARCE, address[0], "%s: turned %s away: %s", self.label, address[0], lack)
        if not self._spare.keep():
            self._is_exhausted = True

    def count_in(self, request: Any, client_address: Any) -> bool:
        """Count a connection in; turn it away with a sentence if it is one too many."""
        address = client_address[0]
        try:
            self.turnstile.enter(address, request)
        except Refused as refused:
            text = "%s: turned %s away: %s"
            self.crowd_log.write(Event.TURNED_AWAY, address, text, self.label, address, refused.why)
            self._say(request, refused.why)
            return False
        except MemoryError:
            self.handle_error(request, client_address)
            return False
        self._counted[request] = address
        return True

    @extend("closes the connection and counts it out")
    def shutdown_request(self, request: Any) -> None:
        """Close a connection, and count it out."""
        try:
            super().shutdown_request(request)
        finally:
            if (address := self._counted.pop(request, None)) is not None:
                self.turnstile.leave(address, request)

    def _say(self, request: Any, why: Refusal) -> None:
        """Tell a peer that is turned away why, if it takes it at once."""
        if self._writer:
            with contextlib.suppress(OSError):
                request.send(self._writer.turning_away(why), socket.MSG_DONTWAIT)

    @extend("runs the session", "process_request_thread")
    def process_request(self, request: Any, client_address: Any) -> None:
        """Start a session's thread."""
        address = client_address[0]
        self.crowd_log.write(Event.CONNECTION, address, "New connection from %s", client_address[:2])
        try:
            self._session_threads.start(SessionThread(self, request, client_address), self.delivery.reserve)
        except Exception:  # the accept loop tells of it
            raise
        except BaseException as error:
            # Ctrl-C, while the thread runs already: the loop would close the socket under it. It raises this again.
            self._interruption = error

    @extend("runs the session")
    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Run a session, on its own thread."""
        is_over = self._session_threads.begin()
        self._unmet.add(request)
        try:
            super().process_request_thread(request, client_address)
        finally:
            give_back()
            self._unmet.discard(request)
            self._session_threads.end(is_over)
            if self._is_exhausted:
                self._wake()

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Make a session, which is its whole life: as calling its class does, but within two pages of stack."""
        kind: Any = self.RequestHandlerClass
        if getattr(kind, "__new__", None) is object.__new__:
            object.__new__(kind).__init__(request, client_address, self)
        else:  # a function, or a class that is made in a way of its own
            super().finish_request(request, client_address)
        if request in self._unmet:
            raise TypeError(f"{self.RequestHandlerClass!r} made no Session that ran: does it call super().__init__()?")

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log what no session caught; where the system gives no more, tell the peer to come back later."""
        error, text = sys.exception(), "%s: the connection from %s failed"
        if lack := error and lack_of(error):
            self.crowd_log.write(Event.SCARCE, client_address[0], f"{text}: %s", self.label, client_address[:2], lack)
            if request:
                self._say(request, ServerFull())
        elif isinstance(error, UnusableSocket):
            where = f"{text}: %s"
            self.crowd_log.write(Event.FAILED, client_address[0], where, self.label, client_address[:2], error)
        else:
            self.crowd_log.write(Event.FAILED, client_address[0], text, self.label, client_address[:2], error=error)

    @extend("hangs the sessions up")
    def server_close(self) -> None:
        """Stop listening, hang up every session with a goodbye, and wait until all of them have ended.

        Raises:
            RuntimeError: another server uses the delivery of this one, or this is a thread that would wait for itself.
                Nothing is closed then.
        """
        if threading.current_thread() in self._session_threads or self._serving == threading.get_ident():
            raise RuntimeError(
                "server_close() waits for the sessions and for serve_forever(), so it cannot be called there: call "
                "shutdown(), and server_close() after serve_forever()"
            )
        if self._own_delivery:
            self._own_delivery.check_unused(self)
        self._is_closing = True
        self._end_loop()  # an accept loop that sleeps on closed sockets would never wake up
        super().server_close()
        for session in self._sessions.copy():
            session.hang_up(Reason.SHUTDOWN)
        self.watch.remove(self.sessions)
        if self._owns_watch:
            self.watch.stop()
        if left := self._session_threads.join(self.limits.linger_seconds + STOP_SECONDS):
            logger.error("%s: %d sessions did not end in time", self.label, left)
        self.crowd_log.flush(is_last=True)
        if hasattr(self, "delivery"):  # else the address could not be had
            self.delivery.users.discard(self)
        if self._own_delivery:
            self._own_delivery.stop()
        self._spare.give()
        self._wake_reader.close()
        self._wake_writer.close()

    # ------------------------------------------------------------------ for its sessions

    def wire_for(self, request: Any) -> Wire:
        """Return what lies between a new session and its socket; to be overridden for a layer of its own there."""
        return Wire(request)

    @extend("takes the connection on")
    def connect(self, session: Session) -> Connection:
        """Take a session's wire on."""
        self._unmet.discard(session.request)
        if not isinstance(self.RequestHandlerClass, type):
            check_sessions(type(session), self)
        self._writer = self._writer or session.protocol.writer
        connection = self.delivery.connect(session.wire, session.client_address[0], session.protocol.writer)
        session.connection = connection
        self._sessions.add(session)
        self.turnstile.attach(session.request, connection.make_room)
        if self._is_closing:  # looked at after adding: whoever closed before that did not see us
            connection.hang_up(Reason.SHUTDOWN)
        return connection

    @extend("forgets the session")
    def disconnect(self, session: Session) -> None:
        """Forget a session's socket."""
        self._sessions.discard(session)

    def sessions(self) -> set[Session]:
        """Return the sessions that are open now."""
        return self._sessions.copy()

    @property
    def label(self) -> str:
        """What log lines call this server: its name, or else its address."""
        return self.name or "{}:{}".format(*self.server_address[:2])


class ChatServer(LoginServer):
    """A chat: a `LoginServer` whose sessions are `ChatSession`s. Servers that share a `hub` are one chat.

    Times are told in `time_zone`; `None` is the machine's.
    """

    is_chat = True

    def __init__(
        self,
        server_address: tuple[str, int],
        RequestHandlerClass: type[ChatSession],  # noqa: N803 - socketserver's name
        bind_and_activate: bool = True,
        *,
        auth: AuthBackend | Gate,
        hub: Hub | None = None,
        limits: Limits | None = None,
        delivery: Delivery | None = None,
        turnstile: Turnstile | None = None,
        buckets: Buckets | None = None,
        watch: Watch | None = None,
        name: str = "",
        time_zone: tzinfo | None = None,
    ) -> None:
        expect(hub, Hub, "hub", "Hub()")
        expect(time_zone, tzinfo, "time_zone", 'ZoneInfo("Europe/Berlin")')
        self.hub = hub or Hub()
        self.time_zone = time_zone
        super().__init__(
            server_address,
            RequestHandlerClass,
            bind_and_activate,
            auth=auth,
            limits=limits,
            delivery=delivery,
            turnstile=turnstile,
            buckets=buckets,
            watch=watch,
            name=name,
        )
