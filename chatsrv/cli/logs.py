"""The log of a server that runs: lines on standard error, written by a thread of their own.

Knows nothing of what is logged. Any thread may log, and none of them waits for whoever reads the log.
"""

import logging
import threading
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TextIO

LOG_FORMAT = "%(asctime)s %(levelname)s %(message)s"

WAITING_CHARACTERS = 1 << 20
"""How much of the log may wait for its reader: some ten thousand lines."""

CLOSE_SECONDS = 1.0
"""How long the end waits for a reader to take what is left. A service manager takes it within a millisecond."""


class QueuedLog(logging.Handler):
    """Writes each record as a line to `stream`, on a thread of its own; many lines go out with one write.

    A pipe that nobody reads, or a terminal that is held with Ctrl-S, takes nothing for as long as that lasts. A thread
    that wrote to it would wait, and so would everybody whom this thread serves. Of what is logged meanwhile, up to
    `most` characters are kept. Further records are left out, and a line says how many.
    """

    def __init__(self, stream: TextIO, most: int = WAITING_CHARACTERS) -> None:
        super().__init__()
        self.setFormatter(logging.Formatter(LOG_FORMAT))
        self._stream = stream
        self._most = most
        self._lines: SimpleQueue[str | None] = SimpleQueue()  # None ends the thread
        # Guarded by the handler's own lock, which `handle` takes around `emit`.
        self._waiting = 0
        self._left_out = 0
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Put the record's line where the thread finds it."""
        try:
            line = f"{self.format(record)}\n"
        except Exception:  # a message that does not fit its arguments: as every handler of the library does
            self.handleError(record)
            return
        line = self._note() + line
        if self._waiting + len(line) > self._most:
            self._left_out += 1
        else:
            self._left_out = 0
            self._waiting += len(line)
            self._lines.put(line)

    def close(self) -> None:
        """Wait for what was logged to be written, `CLOSE_SECONDS` at most, and log no more."""
        self._lines.put(None)
        self._thread.join(CLOSE_SECONDS)
        super().close()

    def _run(self) -> None:
        is_ending = False
        while not is_ending:
            lines = [self._lines.get()]
            with suppress(Empty):
                while True:
                    lines.append(self._lines.get_nowait())
            is_ending = None in lines
            text = "".join(filter(None, lines))
            is_written = self._write(text)
            self.acquire()
            self._waiting -= len(text)
            if not is_written:
                self._left_out += text.count("\n")
            note = ""
            if is_written and not self._waiting:  # the next line may be long in coming
                note, self._left_out = self._note(), 0
            self.release()
            self._write(note)

    def _write(self, text: str) -> bool:
        try:
            self._stream.write(text)
        except (OSError, ValueError):  # the disk is full, or the stream closed: what is logged later may find it mended
            return False
        return True

    def _note(self) -> str:
        """Return the line that tells how many records were left out since the last one, if any were."""
        if not self._left_out:
            return ""
        text = "%d further lines of the log were left out, as nobody read it for a while"
        record = logging.LogRecord(__name__, logging.WARNING, __file__, 0, text, (self._left_out,), None)
        return f"{self.format(record)}\n"
