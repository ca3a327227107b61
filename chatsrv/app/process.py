"""The process that a server runs in: its descriptors, stacks, memory, and the signals that stop it.

Knows nothing of servers. For the program alone: an embedded server leaves its process as it is. Main thread only.
"""

import ctypes
import logging
import resource
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

logger = logging.getLogger(__name__)

THREAD_STACK_BYTES = 256 * 1024
"""Measured: deep enough for every session, and ten thousand of them reserve 2.5 GiB of addresses instead of 80."""

FILES_BESIDE_CONNECTIONS = 64
"""Descriptors for listeners, files, the log and what libraries open, beside one for each connection."""

M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8
"""glibc's numbers of these settings, from malloc.h."""

ARENAS = 4
"""Arenas that threads allocate from. glibc makes eight for each core."""

LARGE_BLOCK_BYTES = 1_000_000
"""Far above whatever a session needs at once, far below a password hash."""

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_KILLING_SIGNALS = frozenset({signal.SIGINT, signal.SIGTERM})
"""Those of which a second one kills. A terminal that is closed may send SIGHUP twice."""


def tune_process(connections: int) -> None:
    """Make room in this process for so many connections: descriptors, and small stacks for the threads to come."""
    threading.stack_size(THREAD_STACK_BYTES)
    _tune_allocator()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    except (ValueError, OSError) as error:  # macOS: the hard limit may be more than the kernel grants
        logger.debug("The limit of open files stays at %d: %s", soft, error)
    if soft != resource.RLIM_INFINITY and soft < connections + FILES_BESIDE_CONNECTIONS:
        logger.warning(
            "The system allows %d open files, too few for limits.connections %d; raise it (ulimit -n %d) or lower that",
            soft,
            connections,
            connections + FILES_BESIDE_CONNECTIONS,
        )


def _tune_allocator() -> None:
    """Have the C library map every large block by itself, as glibc does until the first one was freed.

    Password hashes are 19 MiB each and are made on many threads, of which glibc would keep a freed one apiece. And have
    all threads share a few arenas: one thread at a time runs Python, and of each arena some pages are never empty.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # glibc's alone
    if mallopt:
        mallopt(M_MMAP_THRESHOLD, LARGE_BLOCK_BYTES)
        mallopt(M_ARENA_MAX, ARENAS)


def give_memory_back() -> None:
    """Have the C library give the system back the pages that are free. Takes some milliseconds."""
    malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc's alone
    if malloc_trim:
        malloc_trim(0)


@contextmanager
def ring_on_stop_signals(ringer: socket.socket) -> Iterator[Callable[[], None]]:
    """Have stop signals write their number to `ringer`; after a call of the `with`'s value, the next one kills.

    A wake-up descriptor and not a handler that sets an event: a handler may run while this very thread holds the
    event's lock.
    """
    heeded = [number for number in STOP_SIGNALS if number is signal.SIGTERM or not _is_ignored(number)]
    previous = {number: signal.signal(number, lambda *_: None) for number in heeded}
    descriptor = signal.set_wakeup_fd(ringer.fileno(), warn_on_full_buffer=False)

    def hand_back(handlers: Mapping[signal.Signals, Any]) -> None:
        signal.set_wakeup_fd(descriptor)
        for number, handler in handlers.items():
            signal.signal(number, handler)

    try:
        yield lambda: hand_back(dict.fromkeys(_KILLING_SIGNALS.intersection(heeded), signal.SIG_DFL))
    finally:
        hand_back(previous)


def _is_ignored(number: signal.Signals) -> bool:
    return signal.getsignal(number) is signal.SIG_IGN
