"""The standard streams of the process: all three are there, and what becomes of them ends no command.

Knows no command. Main thread only, before anything else is opened; what it puts in place, any thread may write to.
"""

import io
import os
import sys
from typing import IO, Any

_STREAMS = (("stdin", "r"), ("stdout", "w"), ("stderr", "w"))


def prepare_streams() -> None:
    """Open /dev/null where a standard stream is closed, and have messages on standard error never fail.

    A file that is opened later would get the number of the missing one, and whatever is printed would go into it.
    """
    for number, (name, mode) in enumerate(_STREAMS):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest number that is free: this one
        if getattr(sys, name) is None:  # as the interpreter leaves it then
            setattr(sys, name, os.fdopen(number, mode, closefd=False))
    if sys.stderr is sys.__stderr__ or sys.__stderr__ is None:
        told = _Unfailing(sys.stderr.fileno())
        sys.stderr = io.TextIOWrapper(told, sys.stderr.encoding, "backslashreplace", write_through=True)


def write_no_more(stream: IO[Any]) -> None:
    """Give what is still in the buffer of `stream`, which cannot be written, a place where it goes without an error."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


class _Unfailing(io.BufferedIOBase):
    """Writes what the descriptor takes, and lets go of the rest: there is nobody left who could be told."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def write(self, data: Any) -> int:
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError:  # the disk is full, the pipe's reader is gone, the terminal is closed
            pass
        return len(data)
