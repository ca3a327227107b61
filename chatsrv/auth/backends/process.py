"""One run of somebody else's program: a line in, a line out, before a deadline.

Knows nothing of logins, and never logs. One thread at a time asks a `Process`; `signal_end` may come from any other.
"""

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Sequence
from typing import IO

ANSWER_BYTES = 65536
"""Longest answer that is read; what anybody has to say about a login is a hundredth of it."""

_TOLD_BYTES = 4096  # of what it writes to standard error, the end is kept
_PIECES = 16  # of 64 KiB: the largest pipe that Linux grants; a program that never stops writing must not hold us up
_STATUS_SECONDS = 1.0  # time for a program that closed its output to end as well, so that its exit code can be told
_KILLED_SECONDS = 10.0  # a killed process is gone at once, unless the kernel itself is stuck


class ProgramFailed(Exception):
    """The program broke the protocol. The text says how, and is fit for the log."""


class Process:
    """A running program, in a process group of its own: what it starts is ended together with it.

    What it leaves running when it ends by itself goes on. It inherits no descriptor but its three standard ones, which
    are pipes to here.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(self, command: Sequence[str]) -> None:
        pipe = subprocess.PIPE
        # Unbuffered, and in a session of its own: Ctrl-C on the server's terminal is not for it.
        self._process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0, close_fds=True, start_new_session=True
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        self._stdin: IO[bytes] = self._process.stdin
        self._stdout: IO[bytes] = self._process.stdout
        self._stderr: IO[bytes] = self._process.stderr
        for stream in (self._stdin, self._stdout, self._stderr):
            os.set_blocking(stream.fileno(), False)
        self._told = bytearray()
        self._is_cut = False

    def why_unfit(self) -> str:
        """Return why this process must not be asked any more, after it was idle; empty if it may be."""
        try:
            said = os.read(self._stdout.fileno(), 4096)
        except BlockingIOError:
            return ""
        return "it wrote something without being asked" if said else f"it {self._ending(0)} while it was idle"

    def ask(self, line: bytes, until: float, *, is_last: bool) -> bytes:
        """Write `line`, and return the one line that comes back before `until` (of `time.monotonic`).

        The last question is followed by the end of the input; the program has to end as well then.

        Raises:
            ProgramFailed: it did anything else. The process is to be killed.
        """
        answer = bytearray()
        with selectors.PollSelector() as selector:
            selector.register(self._stdin, selectors.EVENT_WRITE)
            selector.register(self._stdout, selectors.EVENT_READ)
            selector.register(self._stderr, selectors.EVENT_READ)
            while True:
                seconds = until - time.monotonic()
                if seconds <= 0:
                    raise ProgramFailed(
                        "it answered, but did not end in time" if answer else "it gave no answer in time"
                    )
                for key, _ in selector.select(seconds):
                    if key.fileobj is self._stdin:
                        line = self._write(line)
                        if not line:
                            selector.unregister(self._stdin)
                            if is_last:
                                self._stdin.close()
                    elif key.fileobj is self._stderr:
                        if not self._listen():
                            selector.unregister(self._stderr)
                    elif piece := os.read(self._stdout.fileno(), ANSWER_BYTES):
                        answer += piece
                        if not is_last and b"\n" in answer:
                            return self._only_line(answer)
                        if len(answer) > ANSWER_BYTES:
                            raise ProgramFailed(f"its answer is longer than {ANSWER_BYTES} bytes")
                    else:
                        return self._last_words(answer, until, is_last=is_last)

    def told(self) -> str:
        """Return, and forget, the end of what it wrote to standard error: whole lines only.

        Half a line could be half a password, which nobody would recognise. Its other half is left out, too.
        """
        for _ in range(_PIECES):
            if not self._listen():
                break
        told, newline, rest = bytes(self._told).rpartition(b"\n")
        if self._is_cut:
            told = told.partition(b"\n")[2]
        self._told.clear()
        self._is_cut = bool(rest) or (self._is_cut and not newline)
        return told.decode(errors="replace").strip()

    def signal_end(self, number: signal.Signals) -> None:
        """Send a signal to it and to all that it has started."""
        if self._process.returncode is None:  # as long as nobody has waited for it, its number is nobody else's
            with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS: the latter if it has ended
                os.killpg(self._process.pid, number)

    def end(self, within_seconds: float) -> bool:
        """End it, with SIGTERM and then by force, and let go of it. Tell whether it has gone."""
        self.signal_end(signal.SIGTERM)
        if within_seconds <= 0 or not self._has_ended(within_seconds):
            self.signal_end(signal.SIGKILL)
        has_gone = self._has_ended(_KILLED_SECONDS)
        for stream in (self._stdin, self._stdout, self._stderr):
            stream.close()
        return has_gone

    def _has_ended(self, within_seconds: float) -> bool:
        try:
            self._process.wait(within_seconds)
        except subprocess.TimeoutExpired:
            return False
        return True

    def _write(self, line: bytes) -> bytes:
        """Return what is left of `line`."""
        try:
            return line[os.write(self._stdin.fileno(), line) :]
        except BlockingIOError:
            return line
        except BrokenPipeError:
            return b""  # it may know its answer without having read the question

    def _listen(self) -> bool:
        """Take a piece of what stands in standard error. Tell whether there was any."""
        if self._stderr.closed:
            return False
        try:
            piece = os.read(self._stderr.fileno(), 65536)
        except BlockingIOError:
            return False
        self._told += piece
        if len(self._told) > _TOLD_BYTES:
            del self._told[:-_TOLD_BYTES]
            self._is_cut = True
        return bool(piece)

    def _last_words(self, answer: bytearray, until: float, *, is_last: bool) -> bytes:
        """Return the answer of a program that has closed its output."""
        seconds = until - time.monotonic()
        if not answer or not is_last:
            raise ProgramFailed(f"it {self._ending(min(seconds, _STATUS_SECONDS))} without an answer")
        if not self._has_ended(max(0.0, seconds)):
            raise ProgramFailed("it answered, but did not end in time")
        if self._process.returncode:
            raise ProgramFailed(f"it answered, but {self._ending(0)}")
        return self._only_line(answer)

    def _ending(self, seconds: float) -> str:
        if not self._has_ended(max(0.0, seconds)):
            return "closed its output"
        status = self._process.returncode
        return f"was ended by signal {-status}" if status < 0 else f"ended with exit code {status}"

    @staticmethod
    def _only_line(answer: bytearray) -> bytes:
        line, _, more = bytes(answer).partition(b"\n")
        if more.strip():
            raise ProgramFailed("it answered twice")
        return line
