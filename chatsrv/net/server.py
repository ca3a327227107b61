"""Servers: a listening socket, an accept loop, and a thread for each session.

`LoginServer` is for any protocol with logins, `ChatServer` for the chat. Both are `socketserver.ThreadingTCPServer`s
and are used like one. They know neither rooms' insides nor wire formats. `serve_forever` runs on the caller's thread;
everything else may be called from any.
"""

import contextlib
import logging
import selectors
import socket
import sys
import threading
import time
from datetime import tzinfo
from socketserver import ThreadingTCPServer
from typing import Any

from chatsrv.auth.backend import AuthBackend
from chatsrv.auth.gate import Gate
from chatsrv.chat.hub import Hub
from chatsrv.errors import Refused
from chatsrv.flood import Buckets
from chatsrv.limits import Limits
from chatsrv.net.chatsession import ChatSession
from chatsrv.net.connection import Connection
from chatsrv.net.crowdlog import CrowdLog, Event
from chatsrv.net.delivery import Delivery
from chatsrv.net.scarcity import NO_THREAD, Spare, lack_of
from chatsrv.net.session import Session
from chatsrv.net.turnstile import FULL, Turnstile
from chatsrv.net.watch import Watch
from chatsrv.reasons import Reason
from chatsrv.slots import Urgency, give_back

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 1.0
"""How long nothing is accepted after a connection could not be, and no thread is started after one could not be."""

STOP_SECONDS = 3.0
"""How long closing a server waits for its sessions' threads, beyond the time that their peers get to linger. With a
second for bots and one for the rest, `chatsrv run` ends within `linger_seconds` and five seconds.
"""


def alone_in_its_family(sock: socket.socket) -> None:
    """Have an IPv6 socket take no connections of IPv4, whatever the system's own habit is."""
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)


class _SessionThread(threading.Thread):
    """The thread of one session. Its `run` is there for the reason of `LoginServer.finish_request`."""

    def __init__(self, server: "LoginServer", request: Any, client_address: Any) -> None:
        super().__init__(name="session", daemon=True)
        self._session = server, request, client_address

    def run(self) -> None:
        server, request, client_address = self._session
        try:  # noqa: SIM105 - `suppress` would take stack for as long as the session lasts
            server.process_request_thread(request, client_address)
        except MemoryError:  # not even for the log: a traceback of each would be no help
            pass


class LoginServer(ThreadingTCPServer):
    """A threaded TCP server whose sessions log in.

    `server_address` is (host, port), port 0 for any that is free; an IPv6 host makes it an IPv6 server, and
    that alone: `::` is every IPv6 address and no other.
    `RequestHandlerClass` is a `Session`. `auth` is a backend, or a gate in front of one. Servers of one program may
    share a `delivery`, a `turnstile`, flood control's `buckets`, and the `watch` of their gate; a server makes its own
    otherwise, and stops it when it is closed.
    """

    allow_reuse_address = True
    daemon_threads = True  # closing waits for the sessions itself, with a deadline
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
        self.limits = limits or Limits()
        self.name = name
        self.gate = auth if isinstance(auth, Gate) else Gate(auth)
        self.turnstile = turnstile or Turnstile.of(self.limits)
        self.buckets = buckets or Buckets(self.limits.messages_per_second, self.limits.burst)
        if ":" in server_address[0]:
            self.address_family = socket.AF_INET6
        self._sessions: set[Session] = set()  # adding and discarding are atomic
        self._session_threads: set[threading.Thread] = set()  # likewise
        self._is_closing = False
        self._is_shutting_down = False
        self._is_exhausted = False
        self._no_threads_until = 0.0
        self._interruption: BaseException | None = None
        self._has_shut_down = threading.Event()
        self._has_shut_down.set()
        self.crowd_log = CrowdLog(lambda: self.label, self._flush_later)
        self._spare = Spare()
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._wake_reader.setblocking(False)
        self._wake_writer.setblocking(False)
        self._own_delivery: Delivery | None = None
        self.watch = watch or Watch(self.gate)
        self._owns_watch = watch is None
        self.watch.add(self.sessions)
        super().__init__(server_address, RequestHandlerClass, bind_and_activate)  # closes this server if it fails
        if delivery is None:
            delivery = self._own_delivery = Delivery(self.limits)
            delivery.start()
        self.delivery = delivery
        if self._owns_watch:
            self.watch.start()

    # ------------------------------------------------------------------ like socketserver, but waiting for events

    def server_bind(self) -> None:
        """Bind the listening socket; an IPv6 host is IPv6's alone."""
        alone_in_its_family(self.socket)
        super().server_bind()

    def serve_forever(self, poll_interval: float = 0.5) -> None:  # noqa: ARG002 - the base class's signature
        """Accept connections until `shutdown`. Sleeps until there is something to do; `poll_interval` is not needed."""
        self._has_shut_down.clear()
        try:
            with selectors.DefaultSelector() as selector, selectors.PollSelector() as pauses:
                if not self._is_shutting_down:  # else the sockets may be closed already
                    pauses.register(self._wake_reader, selectors.EVENT_READ)
                    selector.register(self._wake_reader, selectors.EVENT_READ)
                    selector.register(self, selectors.EVENT_READ)
                while not self._is_shutting_down:
                    try:
                        self._take_turn(selector, pauses)
                    except MemoryError:  # whoever it was for: the next ones are to be served
                        self._is_exhausted = True
        finally:
            self._is_shutting_down = False
            self._has_shut_down.set()

    def shutdown(self) -> None:
        """Make `serve_forever` return, and wait until it has. Sessions go on; `server_close` ends them.

        If it has not been called yet, it will return at once when it is.
        """
        self._is_shutting_down = True
        self._wake()
        self._has_shut_down.wait()

    def _flush_later(self, seconds: float) -> None:
        if not self._is_closing:  # then it is flushed in the end
            self.delivery.call_later(seconds, self._wake)  # which must not wait for the log, so it does no more

    def _wake(self) -> None:
        with contextlib.suppress(OSError):  # full or closed: awake anyhow
            self._wake_writer.send(b"\0")

    def _take_turn(self, selector: selectors.BaseSelector, pauses: selectors.BaseSelector) -> None:
        if self._is_exhausted:
            # Accept nothing for a while, or until a session ends: what cannot be accepted would wake us at once again.
            pauses.select(PAUSE_SECONDS)
            self._is_exhausted = False  # only now: until here, a session that ends has to wake us
            self._spare.keep()
        for key, _ in selector.select():
            if key.fileobj is self._wake_reader:
                self._wake_reader.recv(64)
            elif not self._is_shutting_down:
                self.delivery.slots.take(Urgency.LOGINS)
                try:
                    self._handle_request_noblock()
                finally:
                    give_back()
        self.crowd_log.flush()
        self.service_actions()

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
            self._say(request, FULL)
            self.shutdown_request(request)
            self.crowd_log.write(Event.SCARCE, address[0], "%s: turned %s away: %s", self.label, address[0], lack)
        if not self._spare.keep():
            self._is_exhausted = True

    def verify_request(self, request: Any, client_address: Any) -> bool:
        """Turn a connection away that is one too many, with a sentence."""
        try:
            self.turnstile.enter(client_address[0], request)
        except Refused as refusal:
            text = "%s: turned %s away: %s"
            self.crowd_log.write(Event.TURNED_AWAY, client_address[0], text, self.label, client_address[0], refusal)
            self._say(request, str(refusal))
            return False
        except MemoryError:
            self.handle_error(request, client_address)
            return False
        return True

    @staticmethod
    def _say(request: Any, sentence: str) -> None:
        """Tell something to a peer that is turned away, if it takes it at once."""
        with contextlib.suppress(OSError):
            request.send(f"{sentence}\n".encode(), socket.MSG_DONTWAIT)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Start a session's thread."""
        address = client_address[0]
        self.crowd_log.write(Event.CONNECTION, address, "New connection from %s", client_address[:2])
        thread = _SessionThread(self, request, client_address)
        self._session_threads.add(thread)
        try:
            self._start(thread)
        except Exception:
            self._session_threads.discard(thread)
            self.turnstile.leave(address, request)
            raise
        except BaseException as error:
            # Ctrl-C, while the thread runs already: the base class would close the socket under it. Raised again below.
            self._interruption = error

    def _start(self, thread: threading.Thread) -> None:
        """Start a session's thread.

        Each attempt that fails loses a little memory for ever (CPython 3.11), so there is one a second.

        Raises:
            RuntimeError: the system gives no more threads.
            MemoryError: what is left of the memory is for those who are here.
        """
        if time.monotonic() < self._no_threads_until:
            raise RuntimeError(NO_THREAD)
        if not self.delivery.reserve.keep():
            raise MemoryError
        try:
            thread.start()
        except (RuntimeError, MemoryError):
            self._no_threads_until = time.monotonic() + PAUSE_SECONDS
            self.delivery.reserve.give()
            raise

    def _handle_request_noblock(self) -> None:
        """Handle one request, as the base class does; then let through what interrupted it."""
        try:
            super()._handle_request_noblock()  # type: ignore[misc]  # not in the stubs
        except MemoryError:  # before there was a session whose end it could be
            self._is_exhausted = True
            self.handle_error(None, ("", 0))
        interruption, self._interruption = self._interruption, None
        if interruption:
            raise interruption

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Run a session, on its own thread."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            give_back()
            self.turnstile.leave(client_address[0], request)
            self._session_threads.discard(threading.current_thread())
            self._no_threads_until = 0.0
            if self._is_exhausted:
                self._wake()

    def finish_request(self, request: Any, client_address: Any) -> None:
        """Make a session, which is its whole life: as calling its class does, but within two pages of stack."""
        kind: Any = self.RequestHandlerClass
        if getattr(kind, "__new__", None) is object.__new__:
            object.__new__(kind).__init__(request, client_address, self)
        else:  # a function, or a class that is made in a way of its own
            super().finish_request(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log what no session caught; where the system gives no more, tell the peer to come back later."""
        error, text = sys.exception(), "%s: the connection from %s failed"
        if lack := error and lack_of(error):
            self.crowd_log.write(Event.SCARCE, client_address[0], f"{text}: %s", self.label, client_address[:2], lack)
            if request:
                self._say(request, FULL)
        else:
            self.crowd_log.write(Event.FAILED, client_address[0], text, self.label, client_address[:2], error=error)

    def server_close(self) -> None:
        """Stop listening, hang up every session with a goodbye, and wait until all of them have ended."""
        self._is_closing = True
        self.shutdown()  # an accept loop that sleeps on closed sockets would never wake up
        super().server_close()
        for session in self._sessions.copy():
            session.hang_up(Reason.SHUTDOWN)
        self.watch.remove(self.sessions)
        if self._owns_watch:
            self.watch.stop()
        deadline = time.monotonic() + self.limits.linger_seconds + STOP_SECONDS
        for thread in self._session_threads.copy():
            thread.join(max(0.0, deadline - time.monotonic()))
        if self._session_threads:
            logger.error("%s: %d sessions did not end in time", self.label, len(self._session_threads))
        self.crowd_log.flush(is_last=True)
        if self._own_delivery:
            self._own_delivery.stop()
        self._spare.give()
        self._wake_reader.close()
        self._wake_writer.close()

    # ------------------------------------------------------------------ for its sessions

    def connect(self, session: Session) -> Connection:
        """Take a session's socket on."""
        connection = self.delivery.connect(session.request, session.client_address[0], session.protocol.renderer)
        session.connection = connection
        self._sessions.add(session)
        self.turnstile.attach(session.request, connection.make_room)
        if self._is_closing:  # looked at after adding: whoever closed before that did not see us
            connection.hang_up(Reason.SHUTDOWN)
        return connection

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
