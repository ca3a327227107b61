"""What is kept in memory for those who read slowly, in all rooms together: bounded, and whose readers give way first.

    batches     a tail keeps them for its readers who are behind; they are shared
    buffers     the rest of a `send`; it may be a batch, and several connections may have the same one
    replies     an outbox of somebody whose socket takes no more; what is held back while somebody catches up

Knows neither sockets nor rooms. Belongs to the delivery thread.
"""

from chatsrv.net.delivery.connection import Connection
from chatsrv.net.delivery.tail import Tail


class Unsent:
    """Counts what is kept; it may be `most_bytes`."""

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self.tail_bytes = 0
        self.own_bytes = 0
        self._tails: dict[Tail[Connection], int] = {}
        self._own: dict[Connection, tuple[int, int]] = {}  # which buffer each has, and its replies
        self._buffers: dict[int, tuple[int, int]] = {}  # by identity: how many have it, and its size

    @property
    def is_over(self) -> bool:
        """Whether too much is kept."""
        return self.tail_bytes + self.own_bytes > self.most_bytes

    @property
    def has_room_again(self) -> bool:
        """Whether so much less is kept that it need not be looked after at once again."""
        return self.tail_bytes + self.own_bytes <= self.most_bytes * 3 // 4

    @property
    def is_nothing(self) -> bool:
        """Whether nothing is kept at all."""
        return not (self._tails or self._own or self._buffers or self.tail_bytes or self.own_bytes)

    # ------------------------------------------------------------------ what tails keep

    def keep(self, tail: Tail[Connection], size_bytes: int) -> None:
        """Count what a tail keeps now."""
        self.tail_bytes += size_bytes - self._tails.get(tail, 0)
        if size_bytes:
            self._tails[tail] = size_bytes
        else:
            self._tails.pop(tail, None)

    def biggest_tail(self) -> Tail[Connection] | None:
        """Return the tail that keeps most, unless connections have more for themselves than all tails keep."""
        if not self._tails or self.own_bytes > self.tail_bytes:
            return None
        return max(self._tails, key=self._tails.__getitem__)

    def tails(self) -> list[Tail[Connection]]:
        """Return those that keep something."""
        return list(self._tails)

    # ------------------------------------------------------------------ what connections have for themselves

    def note(self, connection: Connection) -> None:
        """Count what waits for a connection alone now."""
        self.forget(connection)
        buffer, replies = connection.unsent()
        if not buffer and not replies:
            return
        if buffer:
            owners, size = self._buffers.get(id(buffer), (0, len(buffer)))  # which lives as long as it is left over
            self._buffers[id(buffer)] = owners + 1, size
            if not owners:
                self.own_bytes += size
        self._own[connection] = id(buffer) if buffer else 0, replies
        self.own_bytes += replies

    def note_again(self, connection: Connection) -> None:
        """Count what waits for a connection alone now, if something did before."""
        if connection in self._own:
            self.note(connection)

    def forget(self, connection: Connection) -> None:
        """Count nothing for a connection."""
        buffer, replies = self._own.pop(connection, (0, 0))
        self.own_bytes -= replies
        if buffer:
            owners, size = self._buffers.pop(buffer)
            if owners > 1:
                self._buffers[buffer] = owners - 1, size
            else:
                self.own_bytes -= size

    def slowest(self) -> Connection | None:
        """Return who has taken nothing for the longest time of those for whom something waits."""
        return min(self._own, key=lambda it: (not it.is_stalled, it.progress_at), default=None)
