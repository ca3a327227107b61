"""The fetcher: reads from logs what is no longer in memory, so that delivery never waits for a store.

One thread, which reads one thing after the other. Decides nothing, and knows neither connections nor feeds: what it has
read goes back to delivery as a request. Any thread may call it.
"""

import logging
import queue
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

from chatsrv.model.distinct import distinct
from chatsrv.model.entries import Entry, Position
from chatsrv.roomlog.base import RoomLog

END_SECONDS = 5.0
"""How long its end is waited for. A store that does not answer must not keep a server from stopping."""

logger = logging.getLogger(__name__)


@distinct
class _Wanted(NamedTuple):
    log: RoomLog
    after: Position
    limit: int
    then: Callable[..., None]
    about: Any


class Fetcher:
    """Reads for delivery. `request` has something done in one of delivery's next turns."""

    def __init__(self, request: Callable[..., None]) -> None:
        self._request = request
        self._wanted: queue.SimpleQueue[_Wanted | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="fetcher", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Stop the thread, once it has done what was asked of it, or soon if the store does not answer."""
        if self._thread.is_alive():
            self._wanted.put(None)
            self._thread.join(END_SECONDS)
            if self._thread.is_alive():
                logger.error("a log is still being read: its store does not answer")

    def fetch(self, log: RoomLog, after: Position, limit: int, then: Callable[..., None], about: Any) -> None:
        """Have delivery do `then` with `about`, and what `RoomLog.read` returns or raises."""
        self._wanted.put(_Wanted(log, after, limit, then, about))

    def _run(self) -> None:
        while wanted := self._wanted.get():
            self._request(wanted.then, wanted.about, _read(wanted))


def _read(wanted: _Wanted) -> list[Entry] | Exception:
    try:
        return wanted.log.read(wanted.after, wanted.limit)
    except Exception as error:
        return error
