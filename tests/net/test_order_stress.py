"""Keeping order amid everything: people speak, are lost and come back, while others kick, ban and mute them at random.

Nothing is asserted about time. What was said, and what each was shown live, is held against the logs: nobody says or
reads a line in a room between the entry that put him out and his next coming, and nobody muted is heard. A failure
names its seed; how threads take turns is not the seed's.
"""

import contextlib
import random
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from chatsrv.app.sessions import PlainSession
from chatsrv.chat.hub import Hub
from chatsrv.model.changes import Change, What
from chatsrv.model.entries import Entry, Kind
from chatsrv.model.limits import Limits
from chatsrv.net.listening.server import ChatServer
from chatsrv.roomlog.memory import MemoryStore
from tests.net.crowd import LONG_SECONDS, dawdle, shown
from tests.net.folk import ROLES, Person
from tests.net.test_catching_up_stress import store_of
from tests.net.test_rooms_stress import serving, wander
from tests.net.wanderers import ROOMS, Logs, Wanderer, Writer
from tests.peer import open_gate, running


@contextlib.contextmanager
def running_chat_of_keepers(hub: Hub) -> Iterator[ChatServer]:
    """Run another server of the same chat, which hangs nobody up who reads slowly."""
    gate = open_gate(ROLES)
    limits = Limits(connections_per_address=0, messages_per_second=0, tail_bytes=1 << 30, memory_bytes=1 << 32)
    with running(ChatServer(("127.0.0.1", 0), PlainSession, auth=gate, hub=hub, limits=limits)) as server:
        yield server


class Keeper:
    """Somebody who puts people out and lets them in again, at random, until it is over; then lets all in."""

    def __init__(self, name: str, people: list[str], server, seed: str) -> None:
        self._person = Person(server, name)
        self._people = people
        self._rng = random.Random(f"{seed} {name}")
        self._person.does(*(f"/join {room}" for room in ROOMS))

    def keep_order(self, is_over: threading.Event) -> None:
        rng = self._rng
        while not is_over.is_set():
            dawdle(rng)
            name = rng.choice(self._people)
            deeds = ("kick", "kick", "ban", "unban", "unban", "mute", "unmute", "unmute")
            everywhere = "everywhere" if rng.random() < 0.1 else ""
            deed = rng.choice(deeds)
            self._person.does(
                f"/join {rng.choice(ROOMS)}",
                f"/{deed} {name}" if deed == "kick" else f"/{deed} {name} {everywhere}",
            )

    def let_all_in(self) -> None:
        """End all bans and mutes."""
        for name in self._people:
            self._person.does(f"/unban {name} everywhere", f"/unmute {name} everywhere")
            for room in ROOMS:
                self._person.does(f"/join {room}", f"/unban {name}", f"/unmute {name}")

    def leave(self) -> None:
        self._person.quits()


def play(seed: int, path: Path, *, people: int, blocks: int) -> None:
    rng = random.Random(seed)
    with (
        contextlib.closing(store_of(rng.choice(("memory", "sqlite")), path)) as store,
        serving(store, rng) as server,
        running_chat_of_keepers(server.hub) as patient,
        ThreadPoolExecutor(people + 4) as pool,
    ):
        names = [f"user{number}" for number in range(people)]
        crowd = [Wanderer(name, names, server, f"{seed}", speaks=True) for name in names]
        for person in crowd:
            person.come()
        keepers = [Keeper(name, names, patient, f"{seed}") for name in ("alice", "carol")]
        authors = [Writer(number, server) for number in range(2)]
        is_over = threading.Event()
        busy = [pool.submit(wander, person, is_over) for person in crowd]
        busy += [pool.submit(keeper.keep_order, is_over) for keeper in keepers]
        for writing in [pool.submit(author.write, f"{seed} {n}", blocks) for n, author in enumerate(authors)]:
            writing.result(LONG_SECONDS)
        is_over.set()
        for each in busy:
            each.result(LONG_SECONDS)
        keepers[0].let_all_in()
        for keeper in keepers:
            keeper.leave()
        authors[1].end(names)
        for person in crowd:
            person.see_the_end()
        logs = Logs(server.hub)
        for person in crowd:
            logs.check(person)
        decided = decisions(server.hub)
    for room in ROOMS:
        # Where entries are seen later than they are made, who comes back reads live what came shortly before him.
        check_room(room, logs.entries[room], decided, crowd if isinstance(store, MemoryStore) else [])


def decisions(hub: Hub) -> list[tuple[float, Change]]:
    """Return what was decided, oldest first, and when."""
    entries = hub.register.audit(None, None, 1_000_000)[::-1]
    return [(entry.at, Change.decode(entry.text)) for entry in entries]


def check_room(room: str, entries: list[Entry], decided: list[tuple[float, Change]], readers: list[Wanderer]) -> None:
    """Hold what was said in a room, and what `readers` were shown of it live, against who was in and who was muted."""
    out: dict[str, set[int]] = {person.name: set() for person in readers}  # the entries that each must not have read
    is_out: set[str] = set()
    muted: set[str] = set()
    for entry in entries:
        change = Change.decode(entry.text) if entry.kind is Kind.CHANGE else None
        if change and change.what in (What.KICK, What.BAN):
            is_out.add(change.target)
        elif change and change.what is What.MUTE:
            muted.add(change.target)
        elif change and change.what is What.UNMUTE:
            muted.discard(change.target)
        elif entry.kind is Kind.QUIET_JOIN:
            is_out.discard(entry.author)
        elif entry.kind is Kind.SAY:
            assert entry.author not in is_out, f"{entry.author} says in {room} where he is not: {entry}"
            if entry.author in muted:  # the entry of the end comes a little later than the end
                assert has_ended(decided, room, entry), f"{entry.author} is muted in {room} and heard: {entry}"
            for name in is_out & out.keys():
                out[name].add(entry.offset)
    line_of = {shown(entry): entry.offset for entry in entries if entry.kind is Kind.SAY}
    for person in readers:
        live = {line_of.get(line.text, 0) for visit in person.visits for line in visit.lines if line.is_live}
        assert not live & out[person.name], f"{person.name} reads in {room} where he is not"


def has_ended(decided: list[tuple[float, Change]], room: str, entry: Entry) -> bool:
    """Tell whether a mute of the author was ended before an entry."""
    about = [
        change.what
        for at, change in decided
        if at <= entry.at and change.room == room and change.target == entry.author
        and change.what in (What.MUTE, What.UNMUTE)
    ]  # fmt: skip
    return about[-1:] == [What.UNMUTE]


@pytest.mark.parametrize("seed", range(4))
def test_nobody_reads_or_speaks_where_he_was_put_out_and_nobody_muted_is_heard(seed, tmp_path: Path) -> None:
    play(seed, tmp_path, people=4, blocks=200)


@pytest.mark.stress
@pytest.mark.timeout(10 * LONG_SECONDS)
@pytest.mark.parametrize("seed", range(100, 140))
def test_nobody_of_a_crowd_reads_or_speaks_where_he_was_put_out(seed, tmp_path: Path) -> None:
    play(seed, tmp_path, people=6, blocks=500)
