"""What one peer sends, until it is obeyed: how much of it is read, and how long it waits while its account is too fast.

    receive     the next piece for the wire format: of what was read ahead, or else of the socket
    wait        lets time pass, without a slot; reads ahead meanwhile, and ends when the session does

Up to `AHEAD_BYTES` are read ahead; then the socket is left full, and TCP holds the sender back. Reading ahead is how an
end of the stream and a wish to leave are heard of in time, and how it is known that more than so much waits.

Knows nothing of what the bytes mean, but for what their `Reader` says. Belongs to a session's thread.
"""

import time
from collections.abc import Callable

from chatsrv.model.reasons import Reason
from chatsrv.model.reports import Leaving
from chatsrv.net.delivery.connection import Connection
from chatsrv.net.sessions.poller import Inlet
from chatsrv.protocols.base import Reader
from chatsrv.sharing.slots import Urgency

LEAST_READ_BYTES = 256
"""What an idle session waits with, a chatter's line or three: `recv` sets that much memory aside before it waits."""

MOST_READ_BYTES = 65536
"""What a session reads at once while its peer keeps it full."""

PIECE_BYTES = 1024
"""What the wire format is handed at once of a peer that may have to wait: its commands wait in memory, and of the
shortest lines each takes a hundred times as much as its bytes.
"""

AHEAD_BYTES = 65536
"""What may wait for its turn for as long as it takes: a thousand lines of a paste."""

AHEAD_SECONDS = 60.0
"""How long more than that may wait."""

LOOK_SECONDS = 0.25
"""How often it is looked at what has come, by somebody who waits longer than that."""


class Intake:
    """The input of the session that has this `connection`."""

    __slots__ = (
        *("_ahead", "_clock", "_connection", "_full_since", "_has_ended", "_inlet", "_is_quitting", "_reader", "_size"),
    )

    def __init__(
        self, connection: Connection, inlet: Inlet, reader: Reader, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._connection = connection
        self._inlet = inlet
        self._reader = reader
        self._clock = clock
        self._size = LEAST_READ_BYTES
        self._ahead = bytearray()
        self._full_since: float | None = None  # since when more than `AHEAD_BYTES` wait
        self._has_ended = False  # the peer sends no more, though not all may be read yet
        self._is_quitting = False  # it was told that it leaves

    @property
    def has_more(self) -> bool:
        """Whether something waits that was read ahead."""
        return bool(self._ahead)

    def receive(self, urgency: Urgency, *, is_stranger: bool, may_wait: bool) -> bytes:
        """Return what the wire format gets next; empty at the end of the input.

        A stranger's is read in small pieces, so that little is read beyond what it may cost; of a peer that `may_wait`,
        much at once is handed over in small pieces.

        Raises:
            OSError: as `recv`.
        """
        if not self._ahead:
            size = self._size
            data = self._inlet.receive(size, urgency)
            if is_stranger:
                return data
            if len(data) == size:
                self._size = min(4 * size, MOST_READ_BYTES)
            elif len(data) < size // 8:
                self._size = max(size // 2, LEAST_READ_BYTES)
            if not may_wait or len(data) <= PIECE_BYTES:
                return data
            self._ahead += data
        piece = bytes(self._ahead[:PIECE_BYTES])
        del self._ahead[:PIECE_BYTES]
        return piece

    def wait(self, seconds: float, urgency: Urgency) -> bool:
        """Wait for so many seconds; return `False` as soon as the session ends, as it does if its peer is gone.

        It waits without a slot, and returns with one.
        """
        until = self._clock() + seconds
        while True:
            self._read_ahead()
            if self._connection.reason:
                return False
            left = until - self._clock()
            if left <= 0:
                return True
            if self._inlet.wait(min(left, LOOK_SECONDS), urgency, is_for_end=not self._has_ended) and self._is_full:
                self._end()  # behind what is not read yet

    @property
    def _is_full(self) -> bool:
        return len(self._ahead) > AHEAD_BYTES

    def _read_ahead(self) -> None:
        """Read what has come, up to a byte more than may wait, and see whether the peer has gone or wants to."""
        try:
            while not self._is_full and (data := self._inlet.read_now(AHEAD_BYTES + 1 - len(self._ahead))) is not None:
                if not data:
                    self._end()
                    break
                self._ahead += data
                self._look_for_quit()
            self._inlet.check()
        except TimeoutError:  # ETIMEDOUT: TCP gave up on the peer
            self._connection.hang_up(Reason.TIMED_OUT)
        except OSError:
            self._connection.hang_up(Reason.LOST)
        if not self._is_full:
            self._full_since = None
        elif self._full_since is None:
            self._full_since = self._clock()
        elif self._clock() - self._full_since >= AHEAD_SECONDS:
            self._connection.hang_up(Reason.FLOODING)

    def _end(self) -> None:
        """Tell the peer that its input has ended; if it has closed its socket, that is how TCP finds out."""
        if not self._has_ended:
            self._has_ended = True
            self._connection.reply(Leaving(has_ended=True))

    def _look_for_quit(self) -> None:
        quits = self._reader.quits(bytes(self._ahead[-LEAST_READ_BYTES:]))
        if quits > 1:
            self._connection.hang_up(Reason.QUIT)
        elif quits and not self._is_quitting:
            self._is_quitting = True
            self._connection.reply(Leaving(has_ended=False))
