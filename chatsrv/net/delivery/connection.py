"""A connection: one session's wire, what waits to be written to it, and which logs it is shown.

All states of a connection and of its subscriptions are here, with all that changes them; everybody else calls these
methods, and may look. Decides nothing about chat, and waits for no peer.

How far it is from its end; it only goes forward:

    OPEN        it is written what it is to have
    CLOSING     leftover and outbox, and nothing of any log: it was hung up
    SHUT        nothing any more: the stream has ended, or it was cut
    RELEASED    delivery has let go of it, and its thread may close the socket

Until it is SHUT it is *stalled* while the wire takes no more. Each of its subscriptions is

    expected    without a tail: the place that it begins at has yet to be reached
    held back   at a tail, and nothing of its log is written; what it missed on its way waits beside what the tail keeps
    live        at a tail, level or behind

    who may call                            what                                        what becomes of it
    --------------------------------------  ------------------------------------------  -------------------------------
    the session's thread, before the login  answer, write_by, go_to_gate, await_login
    the session's thread, at the login      begin_receipts                              what is written is noted
    the session's thread                    post, reply
    the session's thread, at its end        wait_until_unsubscribed, finish,            RELEASED, on their return
                                            end_receipts                                nothing is noted
    any thread                              notify, standing, unsent
    any thread; outbox's lock               hang_up, make_room                          has a reason; later CLOSING
    whoever has the session's lock          write_by, then Delivery.turn_to

    delivery, of its logs                   subscribe                                   expected
                                            Subscription.arrive                         held back, or live
                                            go_live, Subscription.hold_no_more          live
                                            Subscription.depart, unsubscribe            not there
                                            ignore, turn_to, movable                    lines are left out, or marked
    delivery, of what waits                 allow_replies, take_replies, next_of_logs   taken, to be written
                                            stall, keep_leftover                        stalled, behind in its tails
                                            progress, unstall, clear_leftover           not stalled
                                            watch, unwatch                              a check is due, or not
                                            forget_taken                                notes of what was taken are gone
                                            tell_standing
    delivery, of its end                    pass_login_deadline                         has a reason, or overdue
                                            close                                       CLOSING
                                            shut                                        SHUT
                                            promise_release, give_up                    waited for; nothing to wait for
                                            take_last_standing, release                 RELEASED
"""

import contextlib
import logging
import threading
import time
from collections.abc import Mapping
from enum import IntEnum
from typing import Any, Protocol

from chatsrv.chat.bookmarks import Bookmarks
from chatsrv.model.reasons import Reason
from chatsrv.model.replies import Reply
from chatsrv.net.delivery.outbox import Outbox
from chatsrv.net.delivery.tail import Batch, Recipient, Tail
from chatsrv.net.receipts.receipts import Receipts, Standing
from chatsrv.net.receipts.trail import Note, Sent, Steps
from chatsrv.net.wire import Wire, send_some
from chatsrv.protocols.base import Renderer, Writer
from chatsrv.roomlog.base import RoomLog

logger = logging.getLogger(__name__)


class Life(IntEnum):
    """How far a connection is from its end; see the module."""

    OPEN = 0
    CLOSING = 1
    SHUT = 2
    RELEASED = 3


class DeliveryRequests(Protocol):
    """Delivery, as a connection asks something of it. Any thread may; it is done on delivery's."""

    def reply(self, connection: "Connection", number: int) -> None:
        """Write what waits in the outbox up to a reply."""

    def hang_up(self, connection: "Connection") -> None:
        """Close a connection that has a reason to end."""

    def cut(self, connection: "Connection") -> None:
        """Write nothing any more, once what waits was tried, and have nothing read."""

    def standing(self, connection: "Connection") -> Standing | None:
        """Return how far its peer is; waits for that."""

    def finish(self, connection: "Connection") -> None:
        """Return when the connection is released."""


class Subscription:
    """One connection as a reader of one room's log. Delivery's alone; the states are in the module's list.

    `renderer` is the wire format that it is to have, which may be another one than its tail's until it is moved.
    """

    __slots__ = ("_missed", "connection", "is_held", "log", "renderer", "tail")

    def __init__(self, connection: "Connection", log: RoomLog, renderer: Renderer, *, is_held: bool) -> None:
        self.connection = connection
        self.log = log
        self.renderer = renderer
        self.tail: Tail[Connection] | None = None
        self.is_held = is_held  # it is held back, or will be when it arrives
        self._missed: tuple[tuple[Sent, bytes], ...] = ()

    @property
    def is_over(self) -> bool:
        """Whether the connection does not read the log any more, or reads it anew."""
        return self.connection.is_closing or self.connection.subscriptions.get(self.log) is not self

    @property
    def missed_bytes(self) -> int:
        """The size of what it missed on its way here, until that waits to be written."""
        return sum([len(data) for _, data in self._missed])

    def arrive(self, tail: Tail["Connection"]) -> None:
        """Be a reader of a tail, where it has been added."""
        self.tail = tail

    def miss(self, batch: Batch) -> None:
        """Note what comes before all that the tail keeps for it."""
        self._missed = (*self._missed, (batch.sent, batch.data_for(self.connection)))

    def hold_no_more(self) -> bool:
        """Hold nothing back from now on, or from its arrival on; return whether it is here already, and was held."""
        was_held, self.is_held = self.is_held, False
        return was_held and self.tail is not None

    def take_missed(self) -> tuple[tuple[Sent, bytes], ...]:
        """Return and forget what it missed on its way."""
        missed, self._missed = self._missed, ()
        return missed

    def depart(self) -> None:
        """Be a reader of its tail no more, from where it has been removed."""
        self.tail = None

    def fall_behind(self) -> None:
        """Be behind, at all that was rendered so far, if it is level."""
        if self.tail:
            self.tail.fall_behind(self.connection)

    def next_batches(self) -> bytes:
        """Return what is to be written of it next; empty: nothing, and if it is live, it is level now."""
        tail = self.tail
        if tail and not self.is_held and self.connection in tail.behind:
            if data := tail.resume(self.connection):
                return data
            tail.draw_level(self.connection)
        return b""


class Connection(Recipient):
    """One session's wire, from its accepting to its closing. See the module for who may call what."""

    __slots__ = (
        *("_gives_up", "_life", "_released", "_requests", "_subscriptions"),
        *("address", "has_credentials", "id", "is_overdue", "is_stalled", "is_turning", "is_watched"),
        *("last_due", "leftover", "outbox", "progress_at", "receipts", "wire", "writer"),
    )

    def __init__(
        self, requests: DeliveryRequests, wire: Wire, address: str, writer: Writer, number: int, origin: int
    ) -> None:
        self._requests = requests
        self.wire = wire
        self.address = address
        self.writer = writer
        self.id = number
        self.origin = origin
        self.outbox = Outbox()
        self.has_credentials = False  # the gate decides, or has let the peer in: no deadline of the login ends it
        self.is_overdue = False  # that deadline has passed
        # Both are set by the session's thread before it subscribes to anything; from then on they are delivery's.
        self.receipts: Receipts | None = None
        self.note = _forget
        # --- delivery's alone ---
        self._life = Life.OPEN
        self.send = wire.send
        self.leftover: bytes | memoryview = b""  # to be written before anything else
        self._subscriptions: dict[RoomLog, Subscription] = {}
        self.ignored = frozenset()  # accounts whose words are not written to it
        self.last_due = 0  # number of the last reply before which all is done that was asked of delivery before it
        self.is_turning = False  # lines of some rooms are to be marked from now on, or no more, once it is level there
        self.is_stalled = False  # not everything could be written: waiting for the wire
        self.is_watched = False  # a check of its progress is due some time
        self.progress_at = 0.0  # when the peer last took something, while stalled
        self._gives_up = False  # nothing more is waited for
        self._released: threading.Event | None = None  # its thread waits for this

    # ------------------------------------------------------------------ to look at

    @property
    def renderer(self) -> Renderer:
        """How its peer is shown entries."""
        return self.writer.renderer

    @property
    def reason(self) -> Reason | None:
        """Why the session ends or ended; `None` while it goes on."""
        return self.outbox.closed_for

    @property
    def is_closing(self) -> bool:
        """Whether nothing of any log is written any more."""
        return self._life > Life.OPEN

    @property
    def is_shut(self) -> bool:
        """Whether nothing at all is written any more."""
        return self._life > Life.CLOSING

    @property
    def is_awaited(self) -> bool:
        """Whether its thread waits to be released from it."""
        return self._released is not None

    @property
    def subscriptions(self) -> Mapping[RoomLog, Subscription]:
        """Which logs it reads."""
        return self._subscriptions

    def unsent(self) -> tuple[Any, int]:
        """Return the buffer of which some is left over, and how many bytes wait beside it that are its own."""
        leftover = self.leftover
        missed_bytes = sum([subscription.missed_bytes for subscription in self._subscriptions.values()])
        return leftover.obj if isinstance(leftover, memoryview) else leftover, self.outbox.size_bytes + missed_bytes

    # ------------------------------------------------------------------ for the session's thread

    def answer(self, data: bytes) -> None:
        """Write an answer of the login's dialogue at once.

        Until the login, delivery has nothing to write here but a farewell, so a stranger's prompts need not queue
        after what is being sent to everybody. A peer who leaves even the prompts unread is gone.
        """
        if data and send_some(self.send, data) != len(data):
            self.hang_up(Reason.LOST)

    def go_to_gate(self) -> None:
        """Note that there are credentials: from here on it is the gate that takes its time."""
        self.has_credentials = True

    def await_login(self) -> None:
        """Have the deadline of the login hold again, after a step of it; if it has passed meanwhile, that is the end.

        Delivery notes that it has passed, and then looks at `has_credentials`; so one of the two threads sees it.
        """
        self.has_credentials = False
        if self.is_overdue:
            self.hang_up(Reason.LOGIN_TIMEOUT)

    def write_by(self, writer: Writer) -> None:
        """Have replies in another wire format from now on.

        Lines follow when delivery is asked to turn; before the login there are none, and later that is for whoever has
        the session's lock.
        """
        self.writer = writer

    def begin_receipts(self, account: str, bookmarks: Bookmarks) -> Receipts:
        """Note from now on what is written, for an account whose bookmarks are kept; before it subscribes to a log."""
        receipts = self.receipts = Receipts(account, self.origin, bookmarks, self.standing)
        self.note = receipts.note
        return receipts

    def post(self, data: bytes, steps: Steps | None = None) -> None:
        """Have `data` written after all that was posted before; wait while too much of it waits already.

        `steps` tell how it moves its reader's place.
        """
        if data:
            self._requests.reply(self, self.outbox.put(data, steps))
            self.outbox.wait_for_space()

    def reply(self, reply: Reply) -> None:
        """Have `reply` written in this session's wire format."""
        self.post(self.writer.write(reply))

    def wait_until_unsubscribed(self) -> None:
        """Wait, after `hang_up`, until delivery hands this connection nothing more of any log."""
        if not self.is_closing or self._subscriptions:
            self.standing()

    def finish(self) -> None:
        """Wait until it is released, so that the socket may be closed. The end of the session's thread."""
        self._requests.finish(self)

    def end_receipts(self) -> None:
        """Keep how far the peer has read, once it is released.

        What it has not read is for its next login, so the kernel must not send that any more. The receipts hold this
        connection, so it holds them no longer.
        """
        try:
            if self.receipts and not self.receipts.end():
                self.wire.reset_at_close()
        finally:
            self.receipts, self.note = None, _forget

    # ------------------------------------------------------------------ for any thread

    def notify(self, reply: Reply) -> None:
        """Have `reply` written without waiting for space; for other threads than the session's, and seldom."""
        try:
            data = self.writer.write(reply)
        except Exception:  # the edge to somebody's wire format: this session ends, and not that of whoever told it
            logger.exception("session %d: its wire format cannot tell %s", self.id, type(reply).__name__)
            self.hang_up(Reason.ERROR)
        else:
            self._requests.reply(self, self.outbox.put(data))

    def standing(self) -> Standing | None:
        """Return how far its peer is at this moment. Waits for delivery; `None` without receipts."""
        return self._requests.standing(self)

    def hang_up(self, reason: Reason) -> None:
        """End the session: the one way out. Only the first reason counts.

        The peer still gets what was posted, and the last bytes that its wire format has for the reason, if it takes
        them in time. The session's thread finds the end of its input then, and cleans up.
        """
        if self.outbox.close(reason):
            self._requests.hang_up(self)

    def make_room(self) -> None:
        """End a session that has not logged in, to make room for another: it has no time to linger."""
        self.hang_up(Reason.LOGIN_CROWDED_OUT)
        self._requests.cut(self)

    # ------------------------------------------------------------------ for delivery: its logs

    def subscribe(self, log: RoomLog, *, is_marked: bool, is_held: bool) -> Subscription | None:
        """Begin to read a log; return `None` if it reads that already, or nothing any more."""
        if self.is_closing or log in self._subscriptions:
            return None
        renderer = self.renderer.marked if is_marked else self.renderer
        subscription = self._subscriptions[log] = Subscription(self, log, renderer, is_held=is_held)
        return subscription

    def unsubscribe(self, log: RoomLog) -> Subscription | None:
        """Read a log no more; return the subscription, which has to leave its tail."""
        return self._subscriptions.pop(log, None)

    def go_live(self, subscription: Subscription) -> None:
        """Have what was missed of a log, which is no longer held back, wait until what was posted so far is written."""
        replies, _ = self.take_replies()  # before what is live, so that its reader's place is after them
        if self.receipts:
            self.receipts.go_live(subscription.log)
        parts = [self.leftover, replies]
        for sent, data in subscription.take_missed():
            self.note(sent)
            parts.append(data)
        if waiting := b"".join(parts):
            self.leftover = waiting

    def ignore(self, accounts: frozenset[str]) -> None:
        """Leave out, of what comes from now on, all words of some accounts."""
        self.ignored = accounts
        for subscription in self._subscriptions.values():
            if subscription.tail:
                subscription.tail.ignore(self)

    def turn_to(self, log: RoomLog | None) -> None:
        """Have lines of other logs than this one marked, in the wire format that it has now; see `movable`."""
        for subscription in self._subscriptions.values():
            subscription.renderer = self.renderer if subscription.log is log else self.renderer.marked

    def movable(self) -> list[Subscription]:
        """Return those that can be moved to the tail of their wire format, and note if others have yet to be level."""
        waiting = [
            subscription
            for subscription in self._subscriptions.values()
            if subscription.tail and subscription.tail.renderer is not subscription.renderer
        ]
        level = [subscription for subscription in waiting if subscription.tail and self in subscription.tail.level]
        self.is_turning = len(level) < len(waiting)
        return level

    # ------------------------------------------------------------------ for delivery: what waits

    def allow_replies(self, number: int) -> None:
        """Know that all is done that was asked of delivery before the reply with this number."""
        self.last_due = max(self.last_due, number)

    def take_replies(self) -> tuple[bytes, bool]:
        """Return the replies that are due, to be written next, and whether they move their reader's place."""
        # Before the connection closes, lines of a room may still come, so the farewell is not the last.
        last = None if self.is_closing else self.last_due
        if last == 0:
            return b"", False
        self.last_due = 0
        data, pages = self.outbox.take(last)
        if data and self.receipts:
            self.receipts.tell(len(data), pages)
        return data, bool(pages)

    def next_of_logs(self) -> bytes:
        """Return what is to be written next of its logs; empty: it is level in all that it is shown."""
        for subscription in self._subscriptions.values():
            if data := subscription.next_batches():
                return data
        return b""

    def keep_leftover(self, data: bytes | memoryview) -> None:
        """Keep what could not be written, before all that waits."""
        self.leftover = data

    def clear_leftover(self) -> None:
        """Know that all was written that was begun."""
        self.leftover = b""

    def stall(self, leftover: memoryview) -> bool:
        """Have a rest wait until the wire takes more; return whether it did not wait for that before."""
        self.leftover = leftover
        for subscription in self._subscriptions.values():
            subscription.fall_behind()  # stalled already, it may have drawn level in another room since
        if self.is_stalled:
            return False
        self.is_stalled = True
        self.progress_at = time.monotonic()
        return True

    def progress(self) -> None:
        """Know that the wire takes more again."""
        self.progress_at = time.monotonic()

    def unstall(self) -> bool:
        """Wait for the wire no more; return whether it did."""
        was_stalled, self.is_stalled = self.is_stalled, False
        return was_stalled

    def watch(self) -> bool:
        """Have a check of its progress due some time; return whether none is yet."""
        was_watched, self.is_watched = self.is_watched, True
        return not was_watched

    def unwatch(self) -> None:
        """Know that the check was made."""
        self.is_watched = False

    @property
    def unacknowledged_bytes(self) -> int:
        """How much of what was written the peer has not acknowledged, the leftover included."""
        return self.wire.unacknowledged() + len(self.leftover)

    def forget_taken(self) -> bool:
        """Forget the notes of what the peer has taken; return whether that is everything."""
        if not self.receipts:
            return True
        count = self.unacknowledged_bytes
        self.receipts.shorten(count)
        return not count

    def tell_standing(self) -> Standing | None:
        """Return how far the peer is, or was in the end; `None` without receipts."""
        receipts = self.receipts
        if not receipts:
            return None
        return receipts.last_standing or receipts.standing(self.unacknowledged_bytes, self.outbox.steps())

    # ------------------------------------------------------------------ for delivery: its end

    def pass_login_deadline(self) -> None:
        """Know that the time to log in is over; without credentials, that ends the session."""
        self.is_overdue = True  # before looking: see `await_login`
        if not self.has_credentials:
            self.hang_up(Reason.LOGIN_TIMEOUT)

    def close(self) -> bool:
        """Have nothing but leftover and outbox written any more; return `False` if it was so before.

        Whoever closes it sees to it that it reads no log any more.
        """
        if self.is_closing:
            return False
        self._life = Life.CLOSING
        if self.reason:
            try:
                self.outbox.end(self.writer.ending(self.reason))
            except Exception:  # the edge to somebody's wire format: this one ends without last bytes, and all go on
                logger.exception("session %d: its wire format cannot tell the end", self.id)
        return True

    def shut(self, how: int) -> None:
        """Have nothing at all written any more; see `Wire.end`."""
        self._life = max(self._life, Life.SHUT)
        with contextlib.suppress(OSError):  # the peer was faster
            self.wire.end(how)

    def promise_release(self, released: threading.Event) -> None:
        """Know that the session's thread waits, until `release` sets this."""
        self._released = released

    def give_up(self) -> None:
        """Wait no longer for anything to be acknowledged."""
        self._gives_up = True

    @property
    def may_be_acknowledged(self) -> bool:
        """Whether something that counts is unacknowledged, and may still be acknowledged."""
        wire = self.wire
        return bool(self.receipts) and not self._gives_up and wire.unacknowledged() > 0 and not wire.is_over()

    def take_last_standing(self) -> None:
        """Take down how far the peer is in the end, before it is released."""
        if self.receipts:
            self.receipts.take_last(self.unacknowledged_bytes)
        self.leftover = b""

    def release(self) -> None:
        """Let go of the wire: the session's thread may close the socket."""
        self._life = Life.RELEASED
        if self._released:
            self._released.set()


def _forget(_: Note) -> None:
    """Note nothing: nobody asks how far the peer of such a connection has read."""
