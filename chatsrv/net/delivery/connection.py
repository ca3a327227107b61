"""A session's wire, and the replies that wait to be written to it.

A session's thread reads from the wire; delivery alone writes to it, but for the login's prompts; see
`docs/threads-and-locks.md`. Decides nothing. `answer` and `post` belong to the session's thread, `notify` and `hang_up`
may be called from any; what delivery alone may touch stands below a line of its own.
"""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from chatsrv.model.reasons import Reason
from chatsrv.model.replies import Goodbye, Reply
from chatsrv.net.receipts.trail import Note, Steps
from chatsrv.net.wire import Wire, send_some
from chatsrv.protocols.base import Renderer
from chatsrv.roomlog.base import RoomLog
from chatsrv.sharing.locks import Rank, ranked_lock
from chatsrv.sharing.slots import step_aside

if TYPE_CHECKING:
    from chatsrv.net.delivery.delivery import Delivery
    from chatsrv.net.delivery.subscription import Subscription
    from chatsrv.net.receipts.reading import Reading, Standing

OUTBOX_BYTES = 65536
"""Replies that may wait for one peer. Who asks faster than he reads the answers has to wait then, not the server."""


class Outbox:
    """Replies for one session, on their way from its thread to delivery. Bounded: its author waits."""

    __slots__ = ("_farewell", "_lock", "_parts", "_size_bytes", "_space", "_taken", "closed_for")

    def __init__(self) -> None:
        self._lock = ranked_lock(Rank.OUTBOX)
        # Guarded by the lock. `_space` exists while the author waits for some.
        self._parts: list[tuple[bytes, Steps | None]] = []
        self._farewell = b""
        self._size_bytes = 0
        self._taken = 0  # replies, ever
        self._space: threading.Condition | None = None
        self.closed_for: Reason | None = None

    def put(self, data: bytes, steps: Steps | None = None) -> int:
        """Add a reply, dropped when nobody will read it any more; return its number, counted from 1.

        `steps` tell how it moves its reader's place. It waits until it is taken, which nobody does by himself.
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
        """Return the replies that wait, up to number `last`, and forget them; `None` is all of them, and the farewell.

        Beside them is what they move their reader by: see `Replied.pages`.
        """
        with self._lock:
            if last is None and self._farewell:
                self._parts.append((self._farewell, None))
                self._size_bytes += len(self._farewell)
                self._farewell = b""
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

    def close(self, reason: Reason, farewell: bytes) -> bool:
        """Take no more replies behind `farewell`, and let nobody wait; return `False` if it was closed already."""
        with self._lock:
            if self.closed_for:
                return False
            self.closed_for = reason
            self._farewell = farewell
            if self._space:
                self._space.notify_all()
            return True


class Connection:
    """One session's wire, from its accepting to its closing."""

    __slots__ = (
        "_delivery",
        "address",
        "has_credentials",
        "id",
        "ignored",
        "is_closing",
        "is_overdue",
        "is_shut",
        "is_stalled",
        "is_turning",
        "is_watched",
        "last_due",
        "leftover",
        "note",
        "origin",
        "outbox",
        "progress_at",
        "reading",
        "released",
        "renderer",
        "send",
        "subscriptions",
        "wire",
    )

    def __init__(
        self, delivery: "Delivery", wire: Wire, address: str, renderer: Renderer, number: int, origin: int
    ) -> None:
        self._delivery = delivery
        self.wire = wire
        self.address = address
        self.renderer = renderer  # replaced in one step, under the session's lock; delivery is asked to turn then
        self.id = number
        self.origin = origin
        self.outbox = Outbox()
        self.has_credentials = False  # the gate decides, or has let the peer in: no deadline of the login ends it
        self.is_overdue = False  # that deadline has passed
        # Both are set by the session's thread before it subscribes to anything; from then on they are delivery's.
        self.reading: Reading | None = None
        self.note: Callable[[Note], None] = _forget
        # --- delivery's alone ---
        self.send = wire.send
        self.leftover: bytes | memoryview = b""  # to be written before anything else
        self.subscriptions: dict[RoomLog, Subscription] = {}
        self.ignored: frozenset[str] = frozenset()  # accounts whose words are not written to it
        self.last_due = 0  # number of the last reply before which all is done that was asked of delivery before it
        self.is_turning = False  # lines of some rooms are to be marked from now on, or no more, once it is level there
        self.is_stalled = False  # not everything could be written: waiting for the socket
        self.is_watched = False  # a check of its progress is due some time
        self.progress_at = 0.0  # when the peer last took something, while stalled
        self.is_closing = False  # nothing but leftover and outbox is written any more
        self.is_shut = False  # nothing at all is written any more
        self.released: threading.Event | None = None  # its thread waits for this, to be set when delivery is done

    @property
    def reason(self) -> Reason | None:
        """Why the session ends or ended; `None` while it goes on."""
        return self.outbox.closed_for

    def answer(self, data: bytes) -> None:
        """Write an answer of the login's dialogue at once, for the session's thread.

        Until the login, delivery has nothing to write here but a farewell, so a stranger's prompts need not queue
        behind what is being sent to everybody. A peer who leaves even his prompts unread is gone.
        """
        if data and send_some(self.send, data) != len(data):
            self.hang_up(Reason.LOST)

    def await_login(self) -> None:
        """Have the deadline of the login hold again, behind a step of it; if it has passed meanwhile, that is the end.

        Delivery notes that it has passed, and then looks at `has_credentials`; so one of the two threads sees it.
        """
        self.has_credentials = False
        if self.is_overdue:
            self.hang_up(Reason.LOGIN_TIMEOUT)

    def post(self, data: bytes, steps: Steps | None = None) -> None:
        """Have `data` written behind all that was posted before; wait while too much of it waits already.

        `steps` tell how it moves the place of the `reading`.
        """
        if data:
            self._delivery.reply(self, self.outbox.put(data, steps))
            self.outbox.wait_for_space()

    def reply(self, reply: Reply) -> None:
        """Have `reply` written in this session's wire format."""
        self.post(self.renderer.reply(reply))

    def notify(self, reply: Reply) -> None:
        """Have `reply` written without waiting for space; for other threads than the session's, and seldom."""
        self._delivery.reply(self, self.outbox.put(self.renderer.reply(reply)))

    def standing(self) -> "Standing | None":
        """Return how far the `reading` is at this moment, for any thread. Waits for delivery; `None` without one."""
        return self._delivery.standing(self)

    def wait_until_unsubscribed(self) -> None:
        """Wait, after `hang_up`, until delivery hands this connection nothing more of any log."""
        if not self.is_closing or self.subscriptions:
            self.standing()

    def hang_up(self, reason: Reason) -> None:
        """End the session: the one way out. Only the first reason counts.

        The peer still gets what was posted, and the reason's farewell, if it takes them in time. The session's thread
        finds the end of its input then, and cleans up.
        """
        farewell = self.renderer.reply(Goodbye(reason))
        if self.outbox.close(reason, farewell):
            self._delivery.hang_up(self)

    def make_room(self) -> None:
        """End a session that has not logged in, to make room for another: it has no time to linger. For any thread."""
        self.hang_up(Reason.LOGIN_CROWDED_OUT)
        self._delivery.cut(self)

    def forget_reading(self) -> None:
        """Hold the `reading` no more, once delivery has let go of the socket: it holds this connection, too."""
        self.reading = None
        self.note = _forget

    def finish(self) -> None:
        """Wait until delivery is done with the socket, so that it may be closed. The end of the session's thread."""
        self._delivery.finish(self)


def _forget(_: Note) -> None:
    """Note nothing: nobody asks how far the peer of such a connection has read."""
