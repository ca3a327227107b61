"""A disk that fails amid what people say: each line is recorded and seen, or its author is told that it was not.

Real failures of SQLite, at random or where a test wants them: before anything is written, or when all of it is.
"""

import contextlib
import itertools
import random
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from chatsrv.app.sessions import PlainSession
from chatsrv.auth.backends.memory import MemoryBackend
from chatsrv.auth.gate import Gate
from chatsrv.bots import Bot, Bots
from chatsrv.chat.hub import Hub
from chatsrv.model.changes import Change
from chatsrv.model.commands import Say
from chatsrv.model.entries import Entry, Kind, Position
from chatsrv.model.errors import NotRecorded
from chatsrv.model.limits import Limits
from chatsrv.model.refusals import Unrecorded
from chatsrv.net.listening.server import ChatServer
from chatsrv.roomlog.base import RoomLog
from chatsrv.roomlog.sqlite import recorder
from chatsrv.roomlog.sqlite.durable import DurableRoomLog
from chatsrv.roomlog.sqlite.mark import Mark
from chatsrv.roomlog.sqlite.readers import Kept
from chatsrv.roomlog.sqlite.recorder import Recorder
from chatsrv.roomlog.sqlite.store import SqliteStore
from chatsrv.wording.refusals import QUOTED_CHARACTERS, explain
from tests.net.dying import dying
from tests.net.folk import ROLES, Person
from tests.peer import DEADLINE_SECONDS, NOTHING, PASSWORDS, running

PIECES = 12
ID = re.compile(r"(alice|carol)-\d+-")
Batch = list[tuple[DurableRoomLog, list[Entry]]]

ONE = re.compile(r'Your line "(.*)" was not recorded, and nobody has seen it: .* Try again later\.')
SEVERAL = re.compile(
    r'Your (\d+) lines from "(.*)" to "(.*)" were not recorded, and nobody has seen them: .* Try again later\.'
)


class Disk:
    """The recorder's disk, which fails where the test says so: `fails(texts, is_written)`.

    It is asked three times for each transaction with entries, of what they say: before it, and when it `is_written`,
    both before the commit and after that, as if it were not known to have succeeded.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.fails: Callable[[list[str], bool], bool] = lambda _texts, _is_written: False
        write, write_kept, note = Recorder._write, recorder.write_kept, Mark.note
        texts: list[str] = []

        def ask(is_written: bool) -> None:
            if texts and self.fails(texts, is_written):
                raise sqlite3.OperationalError("database or disk is full")

        def write_or_fail(its: Recorder, batch: Batch, kept: Kept) -> None:
            texts[:] = [entry.text for _, entries in batch for entry in entries]
            ask(False)
            write(its, batch, kept)

        def write_kept_or_fail(connection: sqlite3.Connection, kept: Kept) -> None:
            write_kept(connection, kept)
            ask(True)

        def note_or_fail(its: Mark, count: int) -> None:
            ask(True)
            note(its, count)

        monkeypatch.setattr(Mark, "note", note_or_fail)
        monkeypatch.setattr(Recorder, "_write", write_or_fail)
        monkeypatch.setattr(recorder, "write_kept", write_kept_or_fail)

    def mend(self) -> None:
        self.fails = lambda _texts, _is_written: False


@pytest.fixture
def disk(monkeypatch) -> Disk:
    return Disk(monkeypatch)


@contextlib.contextmanager
def chat(path: Path, retry_seconds: float = 0.001) -> Iterator[ChatServer]:
    limits = Limits(messages_per_second=0, connections_per_address=0)
    gate = Gate(MemoryBackend(PASSWORDS), roles=ROLES)
    with contextlib.closing(SqliteStore(path, lock_seconds=0.01, retry_seconds=retry_seconds)) as store:
        hub = Hub(store, catching_up=NOTHING)
        with running(ChatServer(("127.0.0.1", 0), PlainSession, auth=gate, hub=hub, limits=limits)) as server:
            yield server


def numbered(count: int) -> list[str]:
    return [f"line {number}" for number in range(count)]


# ------------------------------------------------------------------ which, and how many


def test_of_lines_sent_at_once_those_are_named_that_were_not_recorded(tmp_path: Path, disk: Disk, monkeypatch) -> None:
    monkeypatch.setattr(recorder, "BATCH_ENTRIES", 10)
    lines = numbered(30)
    with chat(tmp_path / "chat.db") as server, Person(server, "bob") as bob, Person(server, "alice") as alice:
        alice.does("before")  # so that her joining is recorded
        bob.sees()
        disk.fails = lambda texts, is_written: "line 10" in texts and is_written
        assert alice.does(*lines) == [explain(Unrecorded(tuple(map(Say, lines[10:]))))]
        assert bob.sees() == [f"<alice> {line}" for line in lines[:10]]


def test_lines_of_further_portions_are_named_too(tmp_path: Path, disk: Disk, monkeypatch) -> None:
    monkeypatch.setattr("chatsrv.net.sessions.chatsession.APPEND_ENTRIES", 7)
    with chat(tmp_path / "chat.db", retry_seconds=3600) as server, Person(server, "alice") as alice:
        alice.sees()
        disk.fails = lambda texts, _is_written: "line 7" in texts
        lines = numbered(30)
        assert alice.does(*lines) == [explain(Unrecorded(tuple(map(Say, lines[7:]))))]


def test_whatever_is_not_recorded_is_named_as_it_was_typed(tmp_path: Path, disk: Disk) -> None:
    long = "x" * (QUOTED_CHARACTERS + 1)
    typed = ["/me waves", "/msg bob hello", "/topic Tea and cake", "/ban dave spam", "/join dev", "/create den", long]
    with chat(tmp_path / "chat.db", retry_seconds=3600) as server, Person(server, "alice") as alice:
        alice.does("/create dev", "/part dev")
        disk.fails = lambda _texts, _is_written: True
        told = alice.does(*typed)
        assert [ONE.fullmatch(line)[1] for line in told] == [*typed[:-1], f"{long[:-1]}..."]


def test_a_room_that_is_made_and_cannot_be_entered_is_said_to_be_there(tmp_path: Path, disk: Disk) -> None:
    with chat(tmp_path / "chat.db", retry_seconds=3600) as server, Person(server, "alice") as alice:
        alice.sees()
        disk.fails = lambda texts, _is_written: any('"join"' in text for text in texts)
        made, entering = alice.does("/create den")
        assert made.startswith("den is your room: ")
        assert ONE.fullmatch(entering)[1] == "/join den"


def test_somebody_who_is_kicked_goes_though_their_leaving_cannot_be_recorded(tmp_path: Path, disk: Disk) -> None:
    with (
        chat(tmp_path / "chat.db", retry_seconds=3600) as server,
        Person(server, "alice") as alice,
        Person(server, "bob") as bob,
    ):
        alice.does("/create dev")
        bob.does("/join dev")
        alice.sees_up_to("* bob joined")  # their coming is recorded, which their answer does not wait for
        disk.fails = lambda texts, _is_written: any('"part"' in text for text in texts)
        again, kicked = alice.does("/kick bob")
        assert again.startswith("bob is in dev again from their next login on, as ")
        assert kicked == "You kicked bob out of dev."
        assert bob.sees()[-1] == "alice kicked you out of dev."


class Talker(Bot):
    name = "talker"


def test_a_bot_learns_which_of_its_lines_were_not_recorded(tmp_path: Path, disk: Disk, monkeypatch) -> None:
    monkeypatch.setattr("chatsrv.bots.stay.APPEND_ENTRIES", 7)
    lines = numbered(30)
    with chat(tmp_path / "chat.db", retry_seconds=3600) as server, Bots(server) as bots:
        bot = Talker()
        bots.add(bot)
        disk.fails = lambda texts, _is_written: "line 7" in texts
        with pytest.raises(NotRecorded) as caught:
            bot.say("\n".join(lines))
    assert caught.value.texts == tuple(lines[7:])
    assert "line" not in str(caught.value)


# ------------------------------------------------------------------ exactly


class Author:
    """Somebody who types lines of all kinds, each with an id that no other has."""

    def __init__(self, name: str, seed: int) -> None:
        self.name = name
        self.typed: list[str] = []
        self.told: list[str] = []
        self._rng = random.Random(f"{seed} {name}")
        self._numbers = itertools.count()

    def type(self, server: ChatServer) -> None:
        """Send pieces of one line or many."""
        with Person(server, self.name) as person:
            for _ in range(PIECES):
                piece = [line for _ in range(self._rng.choice((1, 3, 20))) for line in self._some()]
                self.typed += piece
                self.told += person.does(*piece)

    def _some(self) -> list[str]:
        turn = [self._rng.choice(("/join dev", "/join lobby"))]
        form = self._rng.choice(("{}", "{}", "{}", "/me {}", "/msg bob {}", "/topic {}", None))
        many = self._rng.choice((1, 1, 5))
        return [form.format(f"{self.name}-{next(self._numbers)}-") for _ in range(many)] if form else turn


def named(told: Iterable[str], typed: list[str]) -> list[str]:
    """Return the lines, of those that somebody typed, that were named as not recorded."""

    def place(quoted: str) -> int:
        return next(number for number, line in enumerate(typed) if line.startswith(quoted.removesuffix("...")))

    found: list[str] = []
    for line in told:
        if one := ONE.fullmatch(line):
            found.append(typed[place(one[1])])
        elif several := SEVERAL.fullmatch(line):
            begin, end = place(several[2]), place(several[3])
            assert end - begin + 1 == int(several[1])
            found += typed[begin : end + 1]
    return found


def ids_of(lines: Iterable[str]) -> list[str]:
    return sorted(found[0] for line in lines if (found := ID.search(line)))


def texts_in(log: RoomLog, *kinds: Kind) -> list[str]:
    entries = log.read(Position(log.epoch, 0), 1_000_000)
    return [entry.text for entry in entries if entry.kind in kinds]


def play(path: Path, disk: Disk, seed: int) -> None:
    rng = random.Random(seed)
    authors = [Author(name, seed) for name in ("alice", "carol")]
    with chat(path) as server, Person(server, "alice") as owner, Person(server, "bob") as bob:
        owner.does("/create dev")
        bob.does("/join dev")
        disk.fails = lambda _texts, _is_written: rng.random() < 0.2
        with ThreadPoolExecutor() as pool:
            for each in [pool.submit(author.type, server) for author in authors]:
                each.result(2 * DEADLINE_SECONDS)
        disk.mend()
        while owner.does("Is all well?"):
            pass
        seen = bob.sees()
        hub = server.hub
        said = [text for name in ("lobby", "dev") for text in texts_in(hub.room(name).log, Kind.SAY, Kind.ACTION)]
        heard = texts_in(hub.private_log("bob"), Kind.PRIVATE)
        topics = [Change.decode(entry.text).text for entry in hub.register.audit(None, None, 1_000_000)]
    recorded = ids_of([*said, *heard, *topics])
    lost = ids_of(line for author in authors for line in named(author.told, author.typed))
    assert lost
    assert sorted(recorded + lost) == ids_of(line for author in authors for line in author.typed)
    assert ids_of(line for line in seen if " the topic " not in line) == ids_of([*said, *heard])


@pytest.mark.parametrize("seed", range(3))
def test_each_line_is_recorded_and_seen_or_named_where_the_disk_fails_at_random(tmp_path, disk: Disk, seed) -> None:
    play(tmp_path / "chat.db", disk, seed)


@pytest.mark.stress
@pytest.mark.parametrize("seed", range(100, 130))
def test_each_line_is_recorded_and_seen_or_named_however_the_disk_fails(tmp_path, disk: Disk, seed) -> None:
    play(tmp_path / "chat.db", disk, seed)


# ------------------------------------------------------------------ a real disk


@pytest.mark.skipif(not shutil.which("prlimit"), reason="without prlimit no file can be kept from growing")
def test_each_line_is_recorded_and_seen_or_named_where_files_cannot_grow(tmp_path: Path) -> None:
    path, typed, told = tmp_path / "chat.db", list[str](), list[str]()
    with (
        dying(path, most_file_bytes=400_000) as server,
        Person(server, "bob") as bob,
        Person(server, "alice") as alice,
    ):
        bob.sees()
        while len(told) < 5:
            piece = [f"{len(typed) + number} {'x' * 1000}" for number in range(30)]
            typed += piece
            told += alice.does(*piece)
        seen = [line.removeprefix("<alice> ") for line in bob.sees() if line.startswith("<alice> ")]
    with contextlib.closing(SqliteStore(path)) as store:
        assert texts_in(store.open("lobby"), Kind.SAY) == seen
    assert seen
    assert sorted(seen + named(told, typed)) == sorted(typed)
