"""The threads that sessions run on: starting them while the system gives some, and waiting for their end.

Knows nothing of what a session does. `start` belongs to the accept loop, `begin` and `end` to a session's thread;
`join` may be called from any other.
"""

import threading
import time
from socketserver import ThreadingTCPServer
from typing import Any

from chatsrv.net.listening import acceptloop
from chatsrv.net.scarcity import NO_THREAD, Reserve


class SessionThread(threading.Thread):
    """The thread of one session. Its `run` is there for the reason of `LoginServer.finish_request`."""

    def __init__(self, server: ThreadingTCPServer, request: Any, client_address: Any) -> None:
        super().__init__(name="session", daemon=server.daemon_threads)
        self._session = server, request, client_address

    def run(self) -> None:
        """Run the session."""
        server, request, client_address = self._session
        try:  # noqa: SIM105 - `suppress` would take stack for as long as the session lasts
            server.process_request_thread(request, client_address)
        except MemoryError:  # not even for the log: a traceback of each would be no help
            pass


class SessionThreads:
    """Those of one server."""

    def __init__(self) -> None:
        self._threads: set[threading.Thread] = set()  # adding and discarding are atomic
        self._others: set[threading.Event] = set()  # each set when a session ends that runs on somebody else's thread
        self._none_until = 0.0

    def __contains__(self, thread: threading.Thread) -> bool:
        return thread in self._threads

    def start(self, thread: SessionThread, reserve: Reserve) -> None:
        """Start a session's thread.

        Each attempt that fails loses a little memory for ever (CPython 3.11), so there is one a second.

        Raises:
            RuntimeError: the system gives no more threads.
            MemoryError: what is left of the memory is for those who are here.
        """
        self._threads.add(thread)
        try:
            if time.monotonic() < self._none_until:
                raise RuntimeError(NO_THREAD)
            if not reserve.keep():
                raise MemoryError
            try:
                thread.start()
            except (RuntimeError, MemoryError):
                self._none_until = time.monotonic() + acceptloop.PAUSE_SECONDS
                reserve.give()
                raise
        except Exception:
            self._threads.discard(thread)
            raise

    def begin(self) -> threading.Event | None:
        """Note that a session begins on this thread; return what `end` is to be told."""
        if threading.current_thread() in self._threads:
            return None
        is_over = threading.Event()  # the thread is somebody else's, of a pool for example, and lives on
        self._others.add(is_over)
        return is_over

    def end(self, is_over: threading.Event | None) -> None:
        """Note that a session has ended on this thread."""
        if is_over:
            is_over.set()
            self._others.discard(is_over)
        self._threads.discard(threading.current_thread())
        self._none_until = 0.0

    def join(self, seconds: float) -> int:
        """Wait until all sessions have ended, for so long at most; return how many have not."""
        deadline = time.monotonic() + seconds
        for thread in self._threads.copy():
            thread.join(max(0.0, deadline - time.monotonic()))
        for is_over in self._others.copy():
            is_over.wait(max(0.0, deadline - time.monotonic()))
        return len(self._threads) + len(self._others)
