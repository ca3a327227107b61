"""Delivery by itself: connections, logs and sockets, and neither sessions nor a server."""

import contextlib
import heapq
import itertools
import socket
import threading
from collections.abc import Iterator

import pytest

from chatsrv.chat.bookmarks import Bookmarks
from chatsrv.model.entries import Entry, Kind, Position
from chatsrv.model.limits import Limits
from chatsrv.model.reasons import Reason
from chatsrv.model.replies import Notice
from chatsrv.net.delivery.connection import Connection
from chatsrv.net.delivery.delivery import Delivery
from chatsrv.net.delivery.fanout import READ_ENTRIES
from chatsrv.net.wire import Wire
from chatsrv.protocols.base import Renderer
from chatsrv.protocols.plain import PlainProtocol
from chatsrv.roomlog.base import RoomLog
from chatsrv.roomlog.memory import MemoryStore
from tests.net.links import TextRenderer, TextWriter
from tests.peer import DEADLINE_SECONDS


class Ends:
    """Connections of one delivery, each with its peer's end. All that is asked before `start` is done in one go."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.delivery = Delivery(limits)
        self.start = self.delivery.start
        self._connections: list[Connection] = []
        self._sockets: list[socket.socket] = []

    def connect(
        self, send_buffer_bytes: int = 0, renderer: Renderer = PlainProtocol.writer.renderer
    ) -> tuple[Connection, socket.socket]:
        ours, peer = socket.socketpair()
        peer.settimeout(DEADLINE_SECONDS)
        if send_buffer_bytes:
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer_bytes)
        self._sockets += (ours, peer)
        self._connections.append(self.delivery.connect(Wire(ours), "127.0.0.1", TextWriter(renderer)))
        return self._connections[-1], peer

    def close(self) -> None:
        for peer in self._sockets[1::2]:
            peer.close()
        for connection in self._connections:
            connection.hang_up(Reason.LOST)
            connection.finish()
        for ours in self._sockets[::2]:
            ours.close()
        self.delivery.stop()


@pytest.fixture
def ends() -> Iterator[Ends]:
    with contextlib.closing(Ends()) as found:
        yield found


def log_with(*texts: str) -> RoomLog:
    log = MemoryStore().open("lobby")
    for text in texts:
        log.append(Kind.SAY, "alice", 0, (text,))
    return log


def test_who_comes_first_to_a_room_sees_what_was_said_just_after_his_place(ends) -> None:
    log = log_with("before", "after", "still after")
    connection, peer = ends.connect()
    ends.delivery.subscribe(connection, log, Position(log.epoch, 1))
    ends.start()
    with peer.makefile() as lines:
        assert [lines.readline(), lines.readline()] == ["<alice> after\n", "<alice> still after\n"]


def test_who_comes_together_with_one_that_vanishes_is_sent_everything(ends) -> None:
    log = log_with()
    first, _ = ends.connect()
    ends.delivery.subscribe(first, log, log.end)
    log.append(Kind.SAY, "alice", 0, ("before",))
    vanished, vanished_peer = ends.connect()
    ends.delivery.subscribe(vanished, log, log.end)
    vanished.post(b"lost\n")
    vanished_peer.close()
    connection, peer = ends.connect()
    ends.delivery.subscribe(connection, log, log.end)
    connection.post(b"welcome\n")
    first.hang_up(Reason.QUIT)  # so that nobody but those who come is left
    ends.start()
    with peer.makefile() as lines:
        assert lines.readline() == "welcome\n"
        log.append(Kind.SAY, "alice", 0, ("after",))
        assert lines.readline() == "<alice> after\n"


def test_a_reply_is_written_behind_all_that_was_asked_before_it(ends) -> None:
    """Who has read the answer to what he typed last may count on it that others were sent what he said before."""
    log, is_answered = log_with(), threading.Event()

    class Slow(TextRenderer):
        def render(self, entry: Entry) -> bytes:
            assert is_answered.wait(DEADLINE_SECONDS)
            return super().render(entry)

    author, author_peer = ends.connect()
    reader, reader_peer = ends.connect(renderer=Slow())
    author.post(b"first\n")
    ends.delivery.subscribe(reader, log, log.end)
    log.append(Kind.SAY, "alice", 0, ("said",))
    author.post(b"second\n")
    ends.start()
    assert author_peer.recv(100) == b"first\n"
    is_answered.set()
    assert reader_peer.recv(100) == b"said\n"
    assert author_peer.recv(100) == b"second\n"


def test_what_was_missed_is_written_before_what_is_live_while_another_thread_notifies(ends) -> None:
    log = log_with("missed", "missed, too")
    connection, peer = ends.connect()
    reply, is_put, may_ask = ends.delivery.reply, threading.Event(), threading.Event()

    def reply_later(asked: Connection, number: int) -> None:
        if threading.current_thread() is notifier:
            is_put.set()
            assert may_ask.wait(DEADLINE_SECONDS)
        reply(asked, number)

    ends.delivery.reply = reply_later
    notifier = threading.Thread(target=connection.notify, args=(Notice("Your role is now admin."),))
    notifier.start()
    assert is_put.wait(DEADLINE_SECONDS)
    ends.delivery.subscribe(connection, log, log.end, is_held=True)
    connection.post(b"missed\n")
    connection.post(b"missed, too\n")
    ends.delivery.go_live(connection, log)
    log.append(Kind.SAY, "alice", 0, ("live",))
    ends.start()
    with peer.makefile() as lines:
        seen = [lines.readline() for _ in range(4)]
    assert seen == ["Your role is now admin.\n", "missed\n", "missed, too\n", "<alice> live\n"]
    may_ask.set()
    notifier.join(DEADLINE_SECONDS)


def test_what_nobody_is_shown_is_in_no_wire_format_and_in_no_reckoning_of_what_was_taken(ends) -> None:
    class Everything(TextRenderer):
        def render(self, entry: Entry) -> bytes:
            return f"{entry.kind.name} {entry.text}\n".encode()

    log = log_with()
    connection, peer = ends.connect(renderer=Everything())
    receipts = connection.begin_receipts("bob", Bookmarks(MemoryStore()))
    receipts.open(log)
    receipts.begin(log, 0, 0, None)
    ends.delivery.subscribe(connection, log, log.end)
    for kind, text in ((Kind.QUIET_JOIN, ""), (Kind.SAY, "one"), (Kind.QUIET_LEAVE, "QUIT"), (Kind.SAY, "two")):
        log.append(kind, "alice", 0, (text,))
    ends.start()
    with peer.makefile() as lines:
        assert [lines.readline(), lines.readline()] == ["SAY one\n", "SAY two\n"]
    trail = connection.standing().trail
    assert trail.notes[-1].size_bytes == len("SAY one\nSAY two\n")
    assert trail.taken(1, receipts.steps_of) == {log: 2}


def test_a_slow_reader_of_two_rooms_loses_no_part_of_a_line(ends) -> None:
    store = MemoryStore()
    quiet, loud = store.open("quiet"), store.open("loud")
    connection, peer = ends.connect(send_buffer_bytes=4096)
    ends.delivery.subscribe(connection, quiet, quiet.end)
    ends.delivery.subscribe(connection, loud, loud.end)
    ends.start()
    said = [f"{number} {'x' * 30_000}" for number in range(30)]
    loud.append(Kind.SAY, "alice", 0, said)
    heard: dict[str, list[str]] = {"alice": [], "bob": []}
    with peer.makefile(encoding="utf-8") as lines:
        for number in range(60):
            author, _, text = lines.readline().rstrip("\n").removeprefix("<").partition("> ")
            heard[author].append(text)
            if number < 30:
                quiet.append(Kind.SAY, "bob", 0, (f"{number}",))
    assert heard == {"alice": said, "bob": [f"{number}" for number in range(30)]}


def test_stalling_again_and_again_takes_no_memory(ends, monkeypatch) -> None:
    set_at_all = []
    monkeypatch.setattr(heapq, "heappush", lambda heap, item: (set_at_all.append(item), heap.append(item), heap.sort()))
    log = log_with()
    connection, peer = ends.connect(send_buffer_bytes=4096)
    ends.delivery.subscribe(connection, log, log.end)
    ends.start()
    text = "x" * 60_000
    with peer.makefile() as lines:
        for _ in range(50):
            log.append(Kind.SAY, "alice", 0, (text,))
            assert lines.readline() == f"<alice> {text}\n"
    assert len(set_at_all) <= 4  # the login's, the stall's and two of the keeper's


def test_a_room_that_nobody_reads_any_more_is_left_alone(ends) -> None:
    log = log_with()
    ends.start()
    for _ in range(3):
        connection, peer = ends.connect()
        ends.delivery.subscribe(connection, log, log.end)
        connection.hang_up(Reason.QUIT)
        ends.delivery.subscribe(connection, log, log.end)
        assert peer.recv(100) == b"Goodbye!\n"
        log.append(Kind.SAY, "alice", 0, ["x"] * 30_000)
        assert len(log.read_back(log.end, 100_000)) <= 20_000  # kept for nobody, so trimmed


def test_no_line_of_a_room_comes_behind_the_goodbye(ends) -> None:
    log = log_with("said before he quit")
    other, _ = ends.connect()
    ends.delivery.subscribe(other, log, log.end)
    connection, peer = ends.connect()
    ends.delivery.subscribe(connection, log, Position(log.epoch, 0))
    connection.hang_up(Reason.QUIT)
    ends.start()
    with peer.makefile() as lines:
        assert lines.read() == "<alice> said before he quit\nGoodbye!\n"


def test_who_reads_on_does_not_fall_off_the_tail_in_a_single_turn() -> None:
    said = [f"{number} {'x' * 1000}" for number in range(READ_ENTRIES)]
    expected = b"".join(f"<alice> {text}\n".encode() for text in said)
    taken = bytearray()
    has_all = threading.Event()
    calls = itertools.count()

    def send(data: bytes, flags: int) -> int:
        part = data[: 100 if next(calls) % 10 == 0 else None]  # now and then a socket does not take everything at once
        taken.extend(part)
        if len(taken) >= len(expected):
            has_all.set()
        return len(part)

    with contextlib.closing(Ends(Limits(tail_bytes=262_144))) as ends:
        log = log_with()
        connection, _ = ends.connect()
        connection.send = send
        ends.delivery.subscribe(connection, log, log.end)
        log.append(Kind.SAY, "alice", 0, said)
        ends.start()
        assert has_all.wait(DEADLINE_SECONDS)
        assert taken == expected
        assert connection.reason is None
