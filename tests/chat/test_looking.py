"""Commands that look something up: for whoever is there still, by turns, and never while a peer is waited for."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from chatsrv.chat.lookups import LOOKUPS_AT_ONCE
from chatsrv.model.entries import Kind, Position
from chatsrv.model.reasons import Reason
from chatsrv.model.replies import Comings, Past, Reply
from chatsrv.model.reports import Report
from chatsrv.roomlog.memory import MemoryRoomLog
from chatsrv.sharing.slots import Slots, Urgency, give_back
from tests.chat.people import Chat, Person
from tests.peer import DEADLINE_SECONDS

LOOKUPS = ["/history 100", "/private 100", "/search tea", "/more", "/audit"]


@pytest.fixture
def chat() -> Chat:
    chat = Chat()
    chat.hub.lobby.log.append(Kind.SAY, "alice", 1, ["tea"] * 200)
    chat.hub.private_log("mod").append(Kind.PRIVATE, "alice", 1, ["tea"] * 200)
    return chat


@pytest.fixture
def mod(chat: Chat) -> Person:
    mod = chat.log_in("Mod")
    mod.types("/topic tea")
    mod.types("/history 20")
    return mod


@pytest.mark.parametrize("line", LOOKUPS)
def test_for_who_is_hung_up_nothing_is_looked_up(mod: Person, line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("read", "read_back"):
        monkeypatch.setattr(MemoryRoomLog, name, None)
    mod.reason = Reason.BANNED
    assert mod.types(line) == []


@pytest.mark.parametrize("line", ["/history 100", "/private 100"])
def test_who_is_hung_up_amid_a_page_is_told_no_more_of_it(
    mod: Person, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[Reply] = []

    def reply(reply: Reply) -> None:
        told.append(reply)
        if isinstance(reply, Past):
            mod.reason = Reason.BANNED

    monkeypatch.setattr(mod, "reply", reply)
    mod.types(line)
    assert [type(each) for each in told if not isinstance(each, Report | Comings)] == [Past]
    assert isinstance(told[-1], Past)


def test_a_search_under_way_ends_with_the_session(chat: Chat, mod: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    log = chat.hub.lobby.log
    log.append(Kind.SAY, "alice", 1, ["milk"] * 5000)
    read_back, reads = log.read_back, []

    def counted(before: Position, limit: int) -> object:
        reads.append(limit)
        mod.reason = Reason.BANNED if len(reads) == 3 else None
        return read_back(before, limit)

    monkeypatch.setattr(log, "read_back", counted)
    mod.types("/search coffee")
    assert len(reads) == 3


@pytest.mark.parametrize("line", ["/who", "/rooms", "/bans", "/ignore", "/topic"])
def test_what_is_at_hand_waits_for_no_turn(chat: Chat, mod: Person, line: str) -> None:
    with chat.hub.lookups.turn("alice"), chat.hub.lookups.turn("bob"):
        assert mod.types(line)


def test_a_peer_who_reads_slowly_keeps_no_turn(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = [chat.log_in(name) for name in ("alice", "bob", "carol", "Mod", "mina")]
    assert len(slow) > LOOKUPS_AT_ONCE
    waiting, end = threading.Semaphore(0), threading.Event()

    def reply(_: Reply) -> None:
        waiting.release()
        assert end.wait(DEADLINE_SECONDS)

    for person in slow:
        monkeypatch.setattr(person, "reply", reply)
    with ThreadPoolExecutor(len(slow)) as pool:
        looking = [pool.submit(person.types, "/history 100") for person in slow]
        try:
            for _ in slow:
                assert waiting.acquire(timeout=DEADLINE_SECONDS)
            root = chat.log_in("root")
            root.told()
            assert len(root.types("/history 20")) == 23
        finally:
            end.set()
        for each in looking:
            each.result()


@pytest.mark.parametrize("line", LOOKUPS)
def test_whoever_looks_something_up_leaves_the_slot_to_others(
    mod: Person, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    slots = Slots(1)
    free: list[int] = []
    for name in ("read", "read_back"):
        read = getattr(MemoryRoomLog, name)
        monkeypatch.setattr(
            MemoryRoomLog, name, lambda *arguments, read=read: (free.append(slots.free), read(*arguments))[1]
        )
    slots.take(Urgency.TALK)
    try:
        mod.types(line)
        assert slots.free == 0
    finally:
        give_back()
    assert free
    assert set(free) == {1}
