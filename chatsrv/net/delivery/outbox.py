"""An outbox: the replies for one session, on their way from its thread to delivery.

Knows neither sockets nor wire formats. Any thread may put something in; the session's own waits for space; delivery
takes it out.
"""

import threading

from chatsrv.model.reasons import Reason
from chatsrv.net.receipts.trail import Steps
from chatsrv.sharing.locks import Rank, ranked_lock
from chatsrv.sharing.slots import step_aside

OUTBOX_BYTES = 65536
"""Replies that may wait for one peer. A peer that asks faster than it reads has to wait then, not the server."""


class Outbox:
    """Replies for one session, on their way from its thread to delivery. Bounded: its author waits."""

    __slots__ = ("_lock", "_parts", "_size_bytes", "_space", "_taken", "closed_for")

    def __init__(self) -> None:
        self._lock = ranked_lock(Rank.OUTBOX)
        # Guarded by the lock. `_space` exists while the author waits for some.
        self._parts: list[tuple[bytes, Steps | None]] = []
        self._size_bytes = 0
        self._taken = 0  # replies, ever
        self._space: threading.Condition | None = None
        self.closed_for: Reason | None = None

    def put(self, data: bytes, steps: Steps | None = None) -> int:
        """Add a reply, dropped when nobody will read it any more; return its number, counted from 1.

        `steps` tell how it moves its reader's place. It waits until it is taken, which nobody does unasked.
        """
        with self._lock:
            if not self.closed_for:
                self._parts.append((data, steps))
                self._size_bytes += len(data)
            return self._taken + len(self._parts)

    def steps(self) -> list[Steps]:
        """Return the steps of the replies that wait."""
        with self._lock:
            return [steps for _, steps in self._parts if steps]

    @property
    def size_bytes(self) -> int:
        """The size of the replies that wait."""
        return self._size_bytes

    def wait_for_space(self) -> None:
        """Wait until the outbox has space again, or is closed."""
        if self._size_bytes <= OUTBOX_BYTES:
            return
        with step_aside(), self._lock:
            self._space = threading.Condition(self._lock)  # type: ignore[arg-type]  # an OrderedLock will do
            while self._size_bytes > OUTBOX_BYTES and not self.closed_for:
                self._space.wait()
            self._space = None

    def take(self, last: int | None = None) -> tuple[bytes, list[tuple[int, Steps]]]:
        """Return the replies that wait, up to number `last`, and forget them; `None` is all of them.

        Beside them is what they move their reader by: see `Replied.pages`.
        """
        with self._lock:
            count = len(self._parts) if last is None else max(0, last - self._taken)
            taken, size_bytes, pages = self._parts[:count], 0, []
            for data, steps in taken:
                if steps:
                    pages.append((size_bytes, steps))
                size_bytes += len(data)
            del self._parts[:count]
            self._taken += len(taken)
            self._size_bytes -= size_bytes
            if self._space:
                self._space.notify_all()
            return b"".join([data for data, _ in taken]), pages

    def close(self, reason: Reason) -> bool:
        """Take no more replies, and let nobody wait; return `False` if it was closed already."""
        with self._lock:
            if self.closed_for:
                return False
            self.closed_for = reason
            if self._space:
                self._space.notify_all()
            return True

    def end(self, ending: bytes) -> None:
        """Add the last bytes, which are written after all replies. It is closed already."""
        with self._lock:
            assert self.closed_for
            self._parts.append((ending, None))
            self._size_bytes += len(ending)
