"""The server's log as a test sees it: what was written about whom, and a way to wait for it.

Knows nothing of sockets. Any thread may log; the test's thread reads.
"""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.peer import DEADLINE_SECONDS


class Journal(logging.Handler):
    """Every line that `chatsrv` logs at INFO and above."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self._written = threading.Condition()
        self._lines: list[str] = []  # guarded by the condition

    def emit(self, record: logging.LogRecord) -> None:
        """Take a line up; an exception is its last lines."""
        line = self.format(record)
        with self._written:
            self._lines.append(line)
            self._written.notify_all()

    def wait_for(self, *parts: str) -> str:
        """Return the first line that holds all of `parts`, as soon as there is one."""
        with self._written:
            assert self._written.wait_for(lambda: self.having(*parts), DEADLINE_SECONDS), f"{parts}: {self._lines}"
            return self.having(*parts)[0]

    def take(self) -> list[str]:
        """Return the lines so far, and forget them."""
        with self._written:
            lines, self._lines = self._lines, []
            return lines

    def having(self, *parts: str) -> list[str]:
        """Return the lines so far that hold all of `parts`."""
        return [line for line in self._lines if all(part in line for part in parts)]


@contextmanager
def kept_journal() -> Iterator[Journal]:
    """Keep a journal for a while."""
    logger = logging.getLogger("chatsrv")
    level = logger.level
    journal = Journal()
    logger.addHandler(journal)
    logger.setLevel(logging.INFO)
    try:
        yield journal
    finally:
        logger.setLevel(level)
        logger.removeHandler(journal)
