"""Running out of what the system gives: threads, memory, descriptors. Which errors say so, and a descriptor kept back.

Knows nothing of what it was needed for. `lack_of` may be called from any thread; a `Spare` belongs to one.
"""

import contextlib
import errno
import os

OUT_OF_RESOURCES = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})

_NO_THREAD = "can't start new thread"


def lack_of(error: BaseException) -> str:
    """Return what is missing, for the log, if an error says that the system gives no more; empty if it says else."""
    if isinstance(error, MemoryError):
        return "no memory is left"
    if isinstance(error, OSError) and error.errno in OUT_OF_RESOURCES:
        return (error.strerror or str(error)).lower()
    if isinstance(error, RuntimeError) and _NO_THREAD in str(error):
        return "no thread can be started"
    return ""


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
