"""A disk that fails: nobody sees what is not recorded, whoever speaks is told, and it goes on when the disk is well.

Real failures of SQLite on a real file: a limit on its pages, a connection that may only read, another program's lock,
a file that is taken away. Most tests are conversations over a real server.
"""

import contextlib
import logging
import queue
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from chatsrv.app.sessions import PlainSession
from chatsrv.auth.backends.memory import MemoryBackend
from chatsrv.chat.hub import Hub
from chatsrv.model.commands import Act, Say
from chatsrv.model.entries import PRESENCE, Bookmark, Kind, Position
from chatsrv.model.errors import Refused, StoreError
from chatsrv.model.limits import Limits
from chatsrv.model.refusals import HistoryUnreadable, Unrecorded
from chatsrv.net.listening.server import ChatServer
from chatsrv.roomlog.sqlite import durable, recorder
from chatsrv.roomlog.sqlite.durable import DurableRoomLog
from chatsrv.roomlog.sqlite.readers import Kept
from chatsrv.roomlog.sqlite.store import SqliteStore
from chatsrv.testing.roomlog import Following, await_offset, record, start
from chatsrv.wording.refusals import explain
from tests.peer import DEADLINE_SECONDS, NOTHING, PASSWORDS, Peer, running
from tests.refusing import refused
from tests.roomlog.keeping import ALL, asked


class Disk:
    """The recorder's disk. `break_with` sets what each of its connections is told from now on; `mend` undoes it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._statement = ""
        self._connections: list[sqlite3.Connection] = []
        self.attempts: queue.SimpleQueue[None] = queue.SimpleQueue()
        connected = recorder.Recorder._connect

        def connected_and_told(its: recorder.Recorder) -> sqlite3.Connection:
            connection = connected(its)
            self.attempts.put(None)
            if self._statement:
                connection.execute(self._statement)
            return connection

        monkeypatch.setattr(recorder.Recorder, "_connect", connected_and_told)

    def break_with(self, statement: str) -> None:
        self._statement = statement

    def mend(self) -> None:
        self._statement = ""

    def wait_for_attempts(self, count: int) -> None:
        """Wait until the recorder has begun to write so many times more."""
        while not self.attempts.empty():
            self.attempts.get()
        for _ in range(count):
            self.attempts.get(timeout=DEADLINE_SECONDS)


@pytest.fixture
def disk(monkeypatch) -> Disk:
    return Disk(monkeypatch)


@pytest.fixture
def store(tmp_path: Path, disk: Disk) -> Iterator[SqliteStore]:
    with contextlib.closing(SqliteStore(tmp_path / "chat.db", lock_seconds=0.01, retry_seconds=0.01)) as store:
        yield store


@contextlib.contextmanager
def chat(store: SqliteStore) -> Iterator[ChatServer]:
    limits = Limits(messages_per_second=0, connections_per_address=0)
    auth = MemoryBackend(PASSWORDS)
    hub = Hub(store, catching_up=NOTHING)
    with running(ChatServer(("127.0.0.1", 0), PlainSession, auth=auth, hub=hub, limits=limits)) as server:
        yield server


def kinds(log: DurableRoomLog) -> list[Kind]:
    return [entry.kind for entry in log.read(start(log), ALL)]


BREAKAGES = {
    # in the pages that there are, a line of four thousand characters finds no place; who comes and goes does
    "full": (False, "PRAGMA max_page_count = 1", "database or disk is full; make room on that disk"),
    "read-only": (True, "PRAGMA query_only = 1", "attempt to write a readonly database; let the server's user write"),
}


@pytest.mark.parametrize(("is_total", "statement", "told"), BREAKAGES.values(), ids=BREAKAGES)
def test_a_speaker_is_told_nobody_sees_the_line_and_the_chat_goes_on_later(
    store, disk, caplog, is_total, statement, told
) -> None:
    with chat(store) as server, Peer(server) as alice, Peer(server) as bob:
        alice.log_in("alice")
        bob.log_in("bob")
        assert alice.line() == "* bob joined"
        disk.break_with(statement)
        alice.type("x" * 4000)
        assert alice.line() == explain(Unrecorded((Say("x" * 4000),)))
        if is_total:
            alice.send(b"second\n/me waves\n")
            assert [alice.line(), alice.line()] == [
                explain(Unrecorded((said,))) for said in (Say("second"), Act("waves"))
            ]
            disk.wait_for_attempts(3)
        bob.type("/quit")
        assert bob.line() == "Goodbye!"
        assert bob.rest() == b""
        disk.mend()
        assert alice.line() == "* bob left"
        with Peer(server) as carol:
            carol.log_in("carol")
            assert alice.line() == "* carol joined"
            alice.type("third")
            assert carol.line() == "<alice> third"
        log = store.open("lobby")
        assert alice.line() == "* carol left (connection lost)"
        assert [entry.text for entry in log.read(start(log), ALL) if entry.kind is Kind.SAY] == ["third"]
    errors = [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR]
    assert len(errors) == 1
    assert told in errors[0]
    assert str(store.path) in errors[0]
    assert caplog.text.count("is being recorded again") == 1


def test_what_was_taken_back_leaves_its_position_and_nothing_else(store, disk) -> None:
    log = store.open("lobby")
    record(log, "before")
    disk.break_with("PRAGMA query_only = 1")
    positions = [
        log.append(Kind.JOIN, "bob", 2, [""]),
        log.append(Kind.SAY, "bob", 2, ["a", "b"]),
        log.append(Kind.LEAVE, "bob", 2, ["QUIT"]),
    ]
    with refused(Unrecorded()):
        log.wait_until_recorded(positions[1])
    with pytest.raises(Refused):
        log.append(Kind.ACTION, "alice", 1, ["waves"])
    with pytest.raises(Refused):
        log.wait_for_space()
    assert log.end.offset == 1
    assert kinds(log) == [Kind.SAY]
    assert log.read(positions[2], ALL) == []
    with Following(log, log.end) as following:
        assert following.follower.lag == 0
        disk.mend()
        joined, *gone, left = following.read(4)
    log.wait_until_recorded(positions[2])
    with refused(Unrecorded()):
        log.wait_until_recorded(positions[1])
    assert [(entry.offset, entry.kind, entry.author) for entry in (joined, left)] == [
        (2, Kind.JOIN, "bob"),
        (5, Kind.LEAVE, "bob"),
    ]
    assert [tuple(entry[3:]) for entry in gone] == [(Kind.ERASED, "", 0, "")] * 2
    path = store.path
    store.close()
    with contextlib.closing(SqliteStore(path)) as again:
        log = again.open("lobby")
        assert log.read(Position(log.epoch, 1), ALL) == [joined, *gone, left]


@pytest.mark.parametrize("kind", sorted(set(Kind) - PRESENCE - {Kind.ERASED}))
def test_all_but_coming_and_going_is_taken_back_and_refused(store, disk, kind: Kind) -> None:
    log = store.open("*register")
    record(log, "before", kind=kind)
    disk.break_with("PRAGMA query_only = 1")
    position = log.append(kind, "alice", 1, ["{}"])
    with refused(Unrecorded()):
        log.wait_until_recorded(position)
    with refused(Unrecorded()):
        log.append(kind, "alice", 1, ["{}"])
    disk.mend()
    await_offset(log, 2)
    assert kinds(log) == [kind, Kind.ERASED]
    assert record(log, "after", kind=kind)[0].offset == 3


@pytest.mark.parametrize("kind", sorted(PRESENCE))
def test_who_comes_and_goes_is_shown_when_the_disk_is_well(store, disk, kind: Kind) -> None:
    log = store.open("lobby")
    disk.break_with("PRAGMA query_only = 1")
    with pytest.raises(Refused):
        log.wait_until_recorded(log.append(Kind.SAY, "alice", 1, ["a"]))
    last = log.append(kind, "bob", 2, [""])
    disk.mend()
    log.wait_until_recorded(last)
    assert kinds(log) == [Kind.ERASED, kind]


def test_another_program_that_holds_the_file_locked_is_waited_for(store, caplog) -> None:
    log = store.open("lobby")
    record(log, "before")
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None); "
            "c.execute('BEGIN IMMEDIATE'); print('held', flush=True); sys.stdin.read()",
            store.path,
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with holder:
        assert holder.stdout
        assert holder.stdout.readline() == b"held\n"
        position = log.append(Kind.SAY, "alice", 1, ["a"])
        with pytest.raises(Refused):
            log.wait_until_recorded(position)
    assert "another program holds it locked" in caplog.text
    await_offset(log, position.offset)
    record(log, "after")


@pytest.mark.parametrize("is_replaced", [False, True])
def test_a_file_that_is_taken_away_is_noticed_and_may_be_put_back(store, disk, caplog, is_replaced) -> None:
    log = store.open("lobby")
    record(log, "before")
    away = store.path.with_name("away")
    store.path.rename(away)
    if is_replaced:
        store.path.touch()
    position = log.append(Kind.SAY, "alice", 1, ["a"])
    with pytest.raises(Refused):
        log.wait_until_recorded(position)
    assert ("was replaced by another file" if is_replaced else "is gone") in caplog.text
    away.rename(store.path)
    await_offset(log, position.offset)
    assert record(log, "after")[0].offset == 3


def test_nothing_is_read_from_a_file_that_was_put_in_place_of_ours(tmp_path: Path) -> None:
    path, other = tmp_path / "chat.db", tmp_path / "other.db"
    for place, text in ((path, "ours"), (other, "another one's")):
        with contextlib.closing(SqliteStore(place)) as store:
            record(store.open("lobby"), *[text] * 5000)
            store.keep_bookmark("alice", "lobby", Bookmark(start(store.open("lobby")), 7))
    with contextlib.closing(SqliteStore(path)) as store:
        log = store.open("lobby")
        other.rename(path)
        for read in (
            lambda: store.bookmark("alice", "lobby"),
            lambda: store.is_caught_up("alice"),
            lambda: log.read(start(log), 10),
            lambda: store.backup(tmp_path / "copy"),
        ):
            with pytest.raises((Refused, StoreError)) as caught:
                read()
            assert "was replaced by another file" in f"{caught.value}{caught.value.__cause__}"


def test_bookmarks_wait_until_the_disk_is_well(store, disk) -> None:
    log = store.open("lobby")
    record(log, "before")
    disk.break_with("PRAGMA query_only = 1")
    store.keep_bookmark("alice", "lobby", Bookmark(log.end, 7))
    store.keep_caught_up("alice", False)
    disk.wait_for_attempts(3)
    with pytest.raises(Refused):
        log.append(Kind.SAY, "alice", 1, ["a"])
    assert store.bookmark("alice", "lobby") == Bookmark(log.end, 7)
    assert not store.is_caught_up("alice")
    position = log.append(Kind.JOIN, "bob", 2, [""])
    disk.mend()
    log.wait_until_recorded(position)
    assert asked(store.path, 'SELECT account, "offset", origin FROM bookmark') == [("alice", 1, 7)]
    assert asked(store.path, "SELECT * FROM wish") == [("alice", 0)]


def test_only_so_many_may_join_while_nothing_can_be_recorded(store, disk, monkeypatch) -> None:
    monkeypatch.setattr(durable, "UNRECORDED_ENTRIES", 10)
    log = store.open("lobby")
    disk.break_with("PRAGMA query_only = 1")
    with pytest.raises(Refused):
        log.wait_until_recorded(log.append(Kind.SAY, "alice", 1, ["a"]))
    for _ in range(10):
        log.append(Kind.JOIN, "bob", 2, [""])
    for kind in (Kind.JOIN, Kind.QUIET_JOIN):
        with pytest.raises(Refused):
            log.append(kind, "bob", 2, [""])
    last = log.append(Kind.LEAVE, "bob", 2, ["LOST"])
    disk.mend()
    await_offset(log, last.offset)
    assert kinds(log) == [Kind.ERASED, *[Kind.JOIN] * 10, Kind.LEAVE]


def test_authors_wait_while_too_much_is_unrecorded(store, monkeypatch) -> None:
    monkeypatch.setattr(durable, "UNRECORDED_ENTRIES", 10)
    log = store.open("lobby")
    is_held = threading.Event()
    may_go_on = threading.Event()
    write = recorder.Recorder._write

    def hold(its: recorder.Recorder, batch: list, kept: Kept) -> None:
        is_held.set()
        assert may_go_on.wait(DEADLINE_SECONDS)
        write(its, batch, kept)

    monkeypatch.setattr(recorder.Recorder, "_write", hold)
    log.append(Kind.SAY, "alice", 1, ["x"] * 11)
    assert is_held.wait(DEADLINE_SECONDS)
    has_space = threading.Event()
    author = threading.Thread(target=lambda: (log.wait_for_space(), has_space.set()))
    author.start()
    assert not has_space.is_set()
    may_go_on.set()
    author.join(DEADLINE_SECONDS)
    assert has_space.is_set()
    assert log.recorded == 11


def test_closing_while_the_disk_fails_ends_and_is_told(store, disk, caplog) -> None:
    log = store.open("lobby")
    record(log, "before")
    disk.break_with("PRAGMA query_only = 1")
    with pytest.raises(Refused):
        log.wait_until_recorded(log.append(Kind.SAY, "alice", 1, ["a"]))
    store.close()
    assert "the last entries could not be recorded" in caplog.text
    with pytest.raises(Refused):
        log.append(Kind.SAY, "alice", 1, ["b"])


def test_old_entries_that_cannot_be_read_are_refused_and_new_ones_are_not(tmp_path: Path) -> None:
    path = tmp_path / "chat.db"
    with contextlib.closing(SqliteStore(path)) as store:
        record(store.open("lobby"), *map(str, range(5000)))
    with contextlib.closing(SqliteStore(path)) as store:
        log = store.open("lobby")
        path.rename(tmp_path / "away")
        for ask in (lambda: log.read(start(log), 10), lambda: log.read_back(log.end, 10)):
            with refused(HistoryUnreadable()):
                ask()
        (tmp_path / "away").rename(path)
        assert len(log.read(start(log), 10)) == 10
        record(log, "new")


def test_entries_that_cannot_be_deleted_are_deleted_later(tmp_path: Path, disk, caplog, monkeypatch) -> None:
    let_go: Callable[[DurableRoomLog, int], bool] = DurableRoomLog.let_go
    has_failed = threading.Event()

    def let_go_and_break(log: DurableRoomLog, last: int) -> bool:
        if not has_failed.is_set():
            has_failed.set()
            raise sqlite3.OperationalError("no luck")
        return let_go(log, last)

    monkeypatch.setattr(DurableRoomLog, "let_go", let_go_and_break)
    path = tmp_path / "chat.db"
    with contextlib.closing(SqliteStore(path, keep_entries=10)) as store:
        log = store.open("lobby")
        record(log, *map(str, range(50)))
        assert has_failed.wait(DEADLINE_SECONDS)
        record(log, "one more")
        record(log, "and another")
    assert "could not be deleted" in caplog.text
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT count(*) FROM entry").fetchone()[0] < 50
