"""Running out of what the system gives: threads, memory, descriptors. Which errors say so, and what is kept back.

Knows nothing of what it was needed for. Functions may be called from any thread; a `Spare` belongs to one.
"""

import contextlib
import errno
import mmap
import os
import time
from collections.abc import Callable
from typing import TypeVar

OUT_OF_RESOURCES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

WAIT_SECONDS = 0.1
"""How long is waited until something is tried again that has to be done. Others give back what they have meanwhile."""

_NO_MEMORY = "no memory is left"
NO_THREAD, _NO_LOCK = "can't start new thread", "can't allocate lock"  # as CPython says it

RESERVE_BYTES = 8 * 1024 * 1024
"""What is kept back: the stacks of a hundred sessions' threads, or eight of the pieces in which Python takes memory."""

T = TypeVar("T")


def lack_of(error: BaseException) -> str:
    """Return what is missing, for the log, if an error says that the system gives no more; empty if it says else."""
    if isinstance(error, MemoryError):
        return _NO_MEMORY
    if isinstance(error, OSError) and error.errno in OUT_OF_RESOURCES:
        return (error.strerror or str(error)).lower()
    if isinstance(error, RuntimeError) and NO_THREAD in str(error):
        return "no thread can be started"
    if isinstance(error, RuntimeError) and _NO_LOCK in str(error):
        return _NO_MEMORY
    return ""


def insist(make: Callable[[], T]) -> T:
    """Return what `make` returns, as soon as there is memory for it: for what a session's end cannot leave out."""
    while True:
        try:
            return make()
        except (MemoryError, RuntimeError) as error:
            if not lack_of(error):
                raise
        time.sleep(WAIT_SECONDS)


class Reserve:
    """Memory kept back, of which nothing is used: given up when there is no more, so that what is under way can end.

    Any thread may call `give`, which takes one step; one thread calls `keep`.
    """

    def __init__(self, size_bytes: int = RESERVE_BYTES) -> None:
        self._size_bytes = size_bytes
        self._memory: mmap.mmap | None = None
        self.keep()

    def keep(self) -> bool:
        """Take the memory again; return whether it is there."""
        if self._memory is None:
            with contextlib.suppress(OSError, MemoryError):
                self._memory = mmap.mmap(-1, self._size_bytes)
        return self._memory is not None

    def give(self) -> None:
        """Give the memory up."""
        self._memory = None


class Spare:
    """A descriptor kept back for the moment when there is none: one connection may have its place."""

    def __init__(self) -> None:
        self._descriptor: int | None = None
        self.keep()

    def keep(self) -> bool:
        """Take the descriptor again; return whether there is one."""
        if self._descriptor is None:
            with contextlib.suppress(OSError):
                self._descriptor = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        return self._descriptor is not None

    def give(self) -> None:
        """Let go of the descriptor."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)
