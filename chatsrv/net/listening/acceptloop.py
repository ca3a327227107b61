"""The accept loop: that of `socketserver`, but it sleeps until there is something to do.

    serve_forever    sleeps on the listening socket and a socket pair, which `shutdown` and others write to
    a connection     get_request, verify_request, count_in, process_request;    whatever comes of it, shutdown_request

Knows neither sessions nor logins. `serve_forever` runs on the caller's thread; everything else may be called from any.
"""

import contextlib
import selectors
import signal
import socket
import threading
from collections.abc import Iterator
from socketserver import ThreadingTCPServer
from typing import Any

from chatsrv.net.overriding import extend
from chatsrv.net.scarcity import Spare

PAUSE_SECONDS = 1.0
"""How long nothing is accepted after a connection could not be, and no thread is started after one could not be."""


@contextlib.contextmanager
def _woken_by_signals(waker: socket.socket) -> Iterator[None]:
    """Have a byte written to `waker` for each signal, where this is the main thread, on which handlers run.

    Without it, one that comes in the moment before this thread falls asleep, or to another thread, is handled when the
    next connection comes: Ctrl-C does nothing until then.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.set_wakeup_fd(waker.fileno(), warn_on_full_buffer=False)
    try:
        if before != -1:  # somebody else is told of signals, and may wake us in their own way
            signal.set_wakeup_fd(before)
        yield
    finally:
        if before == -1:
            signal.set_wakeup_fd(-1)


class AcceptLoop(ThreadingTCPServer):
    """A threaded TCP server whose loop polls nothing; see the module."""

    def __init__(
        self,
        server_address: Any,
        RequestHandlerClass: Any,  # noqa: N803 - socketserver's name
        bind_and_activate: bool = True,
    ) -> None:
        self._is_closing = False
        self._is_shutting_down = False
        self._is_exhausted = False
        self._interruption: BaseException | None = None
        self._serving: int | None = None  # the thread that serves
        self._has_shut_down = threading.Event()
        self._has_shut_down.set()
        self._spare = Spare()
        self._wake_reader, self._wake_writer = socket.socketpair()
        self._wake_reader.setblocking(False)
        self._wake_writer.setblocking(False)
        super().__init__(server_address, RequestHandlerClass, bind_and_activate)  # closes this server if it fails

    @extend("accepts connections")
    def serve_forever(self, poll_interval: float = 0.5) -> None:  # noqa: ARG002 - the base class's signature
        """Accept connections until `shutdown`. Sleeps until there is something to do; `poll_interval` is not needed.

        Raises:
            RuntimeError: it runs already, or something that it needs does not.
            ValueError: the server is closed.
        """
        self.check_ready()
        if self._serving is not None:
            raise RuntimeError("this server runs already: serve_forever() was called twice")
        self._serving = threading.get_ident()
        self._has_shut_down.clear()
        try:
            with (
                _woken_by_signals(self._wake_writer),
                selectors.DefaultSelector() as selector,
                selectors.PollSelector() as pauses,
            ):
                if not self._is_ending:  # else the sockets may be closed already
                    pauses.register(self._wake_reader, selectors.EVENT_READ)
                    selector.register(self._wake_reader, selectors.EVENT_READ)
                    selector.register(self, selectors.EVENT_READ)
                while not self._is_ending:
                    try:
                        self._take_turn(selector, pauses)
                    except MemoryError:  # whoever it was for: the next ones are to be served
                        self._is_exhausted = True
        finally:
            self._is_shutting_down = False
            self._serving = None
            self._has_shut_down.set()

    @extend("handles a request")
    def handle_request(self) -> None:
        """Handle one request, or wait for `timeout` seconds in vain, as in `socketserver`.

        Raises:
            RuntimeError: something that it needs does not run.
            ValueError: the server is closed.
        """
        self.check_ready()
        super().handle_request()
        self.turn_ended()

    @extend("ends `serve_forever`")
    def shutdown(self) -> None:
        """Make `serve_forever` return, and wait until it has. Sessions go on; `server_close` ends them.

        If it has not been called yet, it will return at once when it is. On the thread that serves, as in a signal's
        handler, this returns first.
        """
        self._is_shutting_down = True
        self._end_loop()

    def _end_loop(self) -> None:
        self._wake()
        if self._serving != threading.get_ident():
            self._has_shut_down.wait()

    @property
    def _is_ending(self) -> bool:
        return self._is_shutting_down or self._is_closing

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
            elif not self._is_ending:
                self.accept()
        self.turn_ended()
        self.service_actions()

    def accept(self) -> None:
        """Handle one request that is there."""
        self._handle_request_noblock()

    def _handle_request_noblock(self) -> None:
        """Handle one request, as the base class does, but count it in; then let through what interrupted it."""
        try:
            self._handle()
        except MemoryError:  # before there was a session whose end it could be
            self._is_exhausted = True
            self.handle_error(None, ("", 0))  # type: ignore[arg-type]  # there was none yet
        interruption, self._interruption = self._interruption, None
        if interruption:
            raise interruption

    def _handle(self) -> None:
        try:
            request, client_address = self.get_request()
        except OSError as error:
            self.not_accepted(error)
            return
        try:
            if self.verify_request(request, client_address) and self.count_in(request, client_address):
                self.process_request(request, client_address)
                return
        except Exception:  # as in `socketserver`: one connection that fails is told of, and the loop goes on
            self.handle_error(request, client_address)
        except BaseException:
            self.shutdown_request(request)
            raise
        self.shutdown_request(request)

    # ------------------------------------------------------------------ for the server

    def check_ready(self) -> None:
        """Look, before the loop begins, at whether it can."""

    def count_in(self, request: Any, client_address: Any) -> bool:  # noqa: ARG002 - for whom it is overridden
        """Count a connection in that was verified; `shutdown_request` counts it out. Return whether it may stay."""
        return True

    def not_accepted(self, error: OSError) -> None:
        """Learn that there was no connection after all."""

    def turn_ended(self) -> None:
        """Do what is to be done on this thread now and then."""
