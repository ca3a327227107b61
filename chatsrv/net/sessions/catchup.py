"""Catching up: what was missed is told to one session at its login, and then it goes live without a gap.

From the beginning delivery keeps what comes for the session, and holds it back until all that came before is told. So
nobody has to run after a room in which much is said. Runs on the session's own thread, which waits for a slow peer.
"""

from array import array
from collections.abc import Iterator, Sequence
from itertools import chain

from chatsrv.chat.entrances import Entrance
from chatsrv.chat.missed import Absence, Told
from chatsrv.model.entries import Entry
from chatsrv.model.history import CatchingUp
from chatsrv.net.delivery.connection import Connection
from chatsrv.net.delivery.delivery import Delivery
from chatsrv.net.receipts.receipts import Receipts
from chatsrv.net.receipts.trail import Steps
from chatsrv.protocols.base import Writer
from chatsrv.sharing.slots import Urgency, give_way

PAGE_BYTES = 8192
"""What is handed to delivery at once: a send for many lines, and little of the outbox."""

READY_BYTES = 65536
"""What is made ready before the thread gives way to others: all of it, as a rule. A thread that waited in the middle
would keep the entries that it has counted until then, and a thousand that come back together a hundred MiB of them.
"""


def catch_up(
    delivery: Delivery, connection: Connection, receipts: Receipts, entrances: Sequence[Entrance], limits: CatchingUp
) -> None:
    """Tell what was missed, log after log, then go live in all of them. All are subscribed to and held back already.

    Of a room that the session is put out of meanwhile, nothing more is told.
    """
    returns = [(entrance.absence, entrance.position) for entrance in entrances if entrance.absence]
    for absence, live in returns:
        told = absence.told(limits)
        give_way(Urgency.LOGINS)
        if connection.reason:  # while it waited, behind a crowd
            return
        first = next(told, None)
        if not receipts.begin(absence.log, first.offset if first else live.offset, live.offset, absence.bookmark):
            continue
        rest = chain([first], told) if first else iter(())
        pages, is_over = _some_pages(connection.writer, absence, rest)
        while receipts.may_read(absence.log):
            for page, steps in pages:
                if not receipts.may_read(absence.log):
                    break
                connection.post(page, steps)
                if connection.reason:
                    return
            if is_over:
                break
            give_way(Urgency.LOGINS)
            pages, is_over = _some_pages(connection.writer, absence, rest)
        if absence.is_cut_short:
            receipts.freeze(absence.log)
    for absence, _ in returns:
        delivery.go_live(connection, absence.log)


def _some_pages(writer: Writer, absence: Absence, rest: Iterator[Told]) -> tuple[list[tuple[bytes, Steps]], bool]:
    """Return the next pages of what is told, each with its steps, and whether that is all."""
    pages: list[tuple[bytes, Steps]] = []
    size_bytes = 0
    while size_bytes < READY_BYTES:
        page, steps = _next_page(writer, absence, rest)
        if steps is None:
            return pages, True
        pages.append((page, steps))
        size_bytes += len(page)
    return pages, False


def _next_page(writer: Writer, absence: Absence, rest: Iterator[Told]) -> tuple[bytes, Steps | None]:
    """Return the next page of what is told, and its steps; `None` at the end."""
    now, here, _ = absence.view
    page, ends, offsets = bytearray(), array("I"), array("q")
    for reply, offset in rest:
        page += writer.renderer.past(reply, now, here) if isinstance(reply, Entry) else writer.write(reply)
        ends.append(len(page))
        offsets.append(offset)
        if len(page) >= PAGE_BYTES:
            break
    return bytes(page), Steps(absence.log, ends, offsets) if ends else None
