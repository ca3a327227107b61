"""Writing to sockets one by one: what is for one peer alone, what to do when it takes no more, and how it ends.

    leftover, then replies, then what the tails keep for it       until nothing waits, or the socket takes no more
    hang up, let the peer take the last lines, cut; release       when the session's thread is done with the socket, too

Decides nothing about rooms. Belongs to the delivery thread, as all of its state.
"""

import selectors
import socket
import threading
import time
from collections.abc import Callable

from chatsrv.model.limits import Limits
from chatsrv.model.reasons import Reason
from chatsrv.net.delivery.connection import Connection, Subscription
from chatsrv.net.delivery.deadlines import Deadlines
from chatsrv.net.delivery.unsent import Unsent
from chatsrv.net.wire import GONE, send_some

LOOK_SECONDS = 0.01
"""Time until the first look at whether a peer has acknowledged the last lines; nothing tells it but looks, which get
rarer. One round trip on the same continent.
"""

LONG_NOTES = 256
"""Notes of what was written to one connection, above which it is looked which of them were taken."""


class Writing:
    """All connections, and the writing to each.

    `leave` takes a subscription out of its feed. `turned` is told of a connection that is level, so that its
    subscriptions may be given the wire format that they are to have; `told` of one that is being told what it missed.
    """

    def __init__(
        self,
        limits: Limits,
        unsent: Unsent,
        leave: Callable[[Subscription], None],
        turned: Callable[[Connection], None],
        told: Callable[[Connection], None],
    ) -> None:
        self._limits = limits
        self._unsent = unsent
        self._leave = leave
        self._turned = turned
        self._told = told
        self.selector = selectors.DefaultSelector()
        self.deadlines = Deadlines()
        self.connections: dict[int, Connection] = {}

    # ------------------------------------------------------------------ deadlines

    # A check is due some time later, and asks then whether there still is a reason for it.

    def take_on(self, connection: Connection) -> None:
        """Take a new connection on; it has `login_seconds` to become a login."""
        self.connections[connection.id] = connection
        self._set_deadline(self._limits.login_seconds, Connection.pass_login_deadline, connection)

    def _set_deadline(self, seconds: float, check: Callable[[Connection], None], connection: Connection) -> None:
        self.deadlines.set(seconds, self._check, check, connection.id)

    def _check(self, check: Callable[[Connection], None], number: int) -> None:
        connection = self.connections.get(number)
        if connection is not None:
            check(connection)

    def _check_progress(self, connection: Connection) -> None:
        if not connection.is_stalled:
            connection.unwatch()
            return
        idle = time.monotonic() - connection.progress_at
        if idle >= self._limits.stall_seconds:
            connection.hang_up(Reason.TOO_SLOW)
        else:
            self._set_deadline(self._limits.stall_seconds - idle, self._check_progress, connection)

    # ------------------------------------------------------------------ one socket

    def reply(self, connection: Connection, number: int) -> None:
        """Write the replies up to a number, if the socket takes them."""
        connection.allow_replies(number)
        self.flush(connection)
        if connection.is_stalled:
            self._unsent.note(connection)

    def flush(self, connection: Connection) -> None:
        """Write what waits for a connection and is due, if its socket takes it."""
        if not connection.is_stalled and not connection.is_shut:
            self.catch_up(connection)

    def stall(self, connection: Connection, leftover: memoryview) -> None:
        """Wait until the socket takes more."""
        is_new = connection.stall(leftover)
        self._unsent.note(connection)
        if is_new:
            self.selector.register(connection.wire, selectors.EVENT_WRITE, connection)
            if connection.watch():
                self._set_deadline(self._limits.stall_seconds, self._check_progress, connection)

    def resume(self, connection: Connection) -> None:
        """Go on with a connection whose socket takes more again."""
        connection.progress()
        if connection.receipts and connection.receipts.notes > LONG_NOTES:
            connection.forget_taken()
        self.catch_up(connection)

    def catch_up(self, connection: Connection) -> None:
        """Write all that waits for a connection, in order, until nothing does or its socket takes no more."""
        while data := connection.leftover or self._take_replies(connection) or connection.next_of_logs():
            sent = send_some(connection.send, data)
            if sent == GONE:
                self.lose(connection, data)
                return
            if sent < len(data):
                self.stall(connection, memoryview(data)[sent:])
                return
            connection.clear_leftover()
        self._unstall(connection)
        if connection.is_closing:
            self._say_goodbye(connection)
        elif connection.is_turning:
            self._turned(connection)

    def _take_replies(self, connection: Connection) -> bytes:
        data, is_told = connection.take_replies()
        if is_told:
            self._told(connection)
        return data

    def _unstall(self, connection: Connection) -> None:
        self._unsent.note_again(connection)
        if connection.unstall():
            self.selector.unregister(connection.wire)

    # ------------------------------------------------------------------ the end of a connection

    def hang_up(self, connection: Connection) -> None:
        """Carry out `Connection.hang_up`."""
        if connection.is_closing:
            return
        self._close(connection)
        if connection.reason is None or connection.reason.is_abrupt:
            self.cut(connection)
        else:
            self.flush(connection)

    def lose(self, connection: Connection, leftover: bytes | memoryview) -> None:
        """End a connection whose wire failed, with what could not be written."""
        connection.keep_leftover(leftover)
        connection.hang_up(Reason.LOST)
        self.cut(connection)

    def cut(self, connection: Connection) -> None:
        """Let nothing be written any more, nor read: its thread wakes up and ends."""
        self._close(connection)
        self._unstall(connection)
        self._unsent.forget(connection)
        self._shut(connection, socket.SHUT_RDWR)

    def finish(self, connection: Connection, released: threading.Event) -> None:
        """Carry out `Connection.finish`: `released` is set when the socket is let go of."""
        connection.promise_release(released)
        if connection.is_shut:
            self._release(connection)

    def _close(self, connection: Connection) -> None:
        """Let nothing but leftover and outbox be written any more, and nothing at all at the end of the lingering."""
        if connection.close():
            self._set_deadline(self._limits.linger_seconds, self._end_linger, connection)
        for subscription in list(connection.subscriptions.values()):
            self._leave(subscription)
            connection.unsubscribe(subscription.log)

    def _say_goodbye(self, connection: Connection) -> None:
        """End the stream behind the last line. The peer's own end, or the linger deadline, ends the session then.

        Closing at once instead, with input unread, would make TCP throw the last lines away (RFC 1122 §4.2.2.13).
        """
        self._shut(connection, socket.SHUT_WR)

    def _end_linger(self, connection: Connection) -> None:
        connection.give_up()
        self.cut(connection)

    def _shut(self, connection: Connection, how: int) -> None:
        connection.shut(how)
        self._release(connection)

    def _release(self, connection: Connection, look_seconds: float = LOOK_SECONDS) -> None:
        """Let go of the socket, once its peer has acknowledged all that it ever will."""
        if connection.id not in self.connections or not connection.is_awaited:
            return
        if connection.may_be_acknowledged:
            self._set_deadline(look_seconds, lambda it: self._release(it, 2 * look_seconds), connection)
            return
        connection.take_last_standing()
        del self.connections[connection.id]
        connection.release()
