"""Behaviour of chatsrv.chat.register: what holds is what reading all changes from the beginning gives."""

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from chatsrv.chat.facts import Facts, Topic
from chatsrv.chat.register import About, Register
from chatsrv.model.changes import Change, What
from chatsrv.model.entries import REGISTER, Entry, Kind, Position
from chatsrv.model.errors import Hole, NotRecorded, Refused
from chatsrv.model.refusals import RoomExists
from chatsrv.roomlog.base import Appended, RoomLog
from chatsrv.roomlog.memory import MemoryRoomLog
from tests.chat.registered import dev
from tests.peer import DEADLINE_SECONDS
from tests.refusing import refused
from tests.roomlog.late import LateRoomLog, LateStore

NOW = 1_000_000.0
FACTS = (
    *("name", "is_invite_only", "is_logged", "owner", "topic", "invited", "bans", "mutes"),
    "slow_seconds",
)


def facts_of(facts: Facts) -> dict[str, object]:
    return {name: getattr(facts, name) for name in FACTS}


def told(entries: list[Entry]) -> list[tuple[str, What, str]]:
    return [(entry.author, (change := Change.decode(entry.text)).what, change.target) for entry in entries]


# ---------------------------------------------------------------------------- recording


def test_a_change_is_an_entry_of_the_register_and_holds(register: Register, log: RoomLog) -> None:
    change = Change(What.TOPIC, "dev", text="tea")
    facts = dev(register)
    register.record("Bob", 7, change)
    (entry,) = log.read(Position(log.epoch, 1), 2)
    assert entry[2:] == (REGISTER, Kind.CHANGE, "Bob", 7, change.encode())
    assert facts.topic == Topic("tea", "Bob", entry.at)


def test_what_cannot_be_recorded_does_not_hold() -> None:
    class Failing(LateRoomLog):
        def wait_until_recorded(self, appended: Appended) -> Position:
            raise Refused("not taken")

    register = Register(Failing(REGISTER, threading.Semaphore()))
    register.declare("lobby")
    with pytest.raises(Refused, match="not taken"):
        register.record("alice", 1, Change(What.BAN, "lobby", "bob"))
    assert register.room("lobby").bans == {}


def test_what_is_recorded_is_not_refused_because_it_cannot_be_read_again(
    register: Register, log: RoomLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreadable(*_: object) -> list[Entry]:
        raise Refused("not readable")

    monkeypatch.setattr(log, "read", unreadable)
    register.record("alice", 1, Change(What.BAN, target="bob"))
    assert set(register.server.bans) == {"bob"}


def test_what_is_no_longer_in_memory_is_read_under_no_lock() -> None:
    with closing(LateStore(has_recorder=True, is_at_hand=lambda: False)) as store:
        log = store.open(REGISTER)
        register = Register(log)
        log.is_asked.clear()
        log.store_answers.clear()
        with ThreadPoolExecutor(2) as pool:
            bans = [pool.submit(register.record, "alice", 1, Change(What.BAN, target=name)) for name in ("bob", "eve")]
            assert log.is_asked.wait(DEADLINE_SECONDS)
            register.declare("lobby")  # under the lock
            assert register.server.bans == {}
            log.store_answers.set()
            for ban in bans:
                ban.result()
    assert set(register.server.bans) == {"bob", "eve"}


def test_it_is_waited_for_until_it_is_recorded() -> None:
    class Slow(LateRoomLog):
        def wait_until_recorded(self, appended: Appended) -> Position:
            assert register.server.bans == {}
            self.show()
            return super().wait_until_recorded(appended)

    register = Register(Slow(REGISTER, threading.Semaphore()))
    register.record("alice", 1, Change(What.BAN, target="bob"))
    assert set(register.server.bans) == {"bob"}


def test_of_two_who_make_a_room_at_once_the_order_tells_whose_it_is_wherever_that_is_made() -> None:
    log = LateStore(orders_later=True).open(REGISTER)
    register = Register(log)
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(register.record, "alice", 1, Change(What.CREATE, "dev"))
        log.await_appended()
        second = pool.submit(register.record, "bob", 2, Change(What.CREATE, "dev"))
        log.await_appended(2)
        assert register.room("dev") is None
        log.show()
        first.result()
        with refused(RoomExists("dev")):
            second.result()
    facts = register.room("dev")
    assert facts
    assert facts.owner == "alice"


def test_what_is_refused_where_the_order_is_made_does_not_hold() -> None:
    log = LateStore(orders_later=True).open(REGISTER)
    register = Register(log)
    with ThreadPoolExecutor(1) as pool:
        ban = pool.submit(register.record, "alice", 1, Change(What.BAN, target="bob"))
        log.await_appended()
        log.refuse()
        with pytest.raises(NotRecorded):
            ban.result()
    assert register.server.bans == {}


def test_a_new_register_reads_what_holds_from_the_log(register: Register, log: RoomLog) -> None:
    for actor, change in (
        ("Alice", Change(What.CREATE, "dev", text="invite-only unlogged")),
        ("Alice", Change(What.TOPIC, "dev", text="tea")),
        ("Alice", Change(What.INVITE, "dev", "Bob")),
        ("Alice", Change(What.BAN, "dev", "192.0.2.0/24", text="spam")),
        ("Alice", Change(What.MUTE, "lobby", "Carol", NOW, "too loud")),
        ("Alice", Change(What.BAN, "", "Mallory")),
        ("Alice", Change(What.SLOW, "dev", text="30")),
        ("Bob", Change(What.JOIN, "dev")),
        ("Bob", Change(What.PART, "lobby")),
        ("Bob", Change(What.IGNORE, target="Carol")),
    ):
        register.record(actor, 1, change)
    register.declare("lobby", topic="welcome")
    again = Register(log)
    again.declare("lobby", topic="welcome")
    assert [facts_of(facts) for facts in again.rooms()] == [facts_of(facts) for facts in register.rooms()]
    assert facts_of(again.server) == facts_of(register.server)
    for key in ("alice", "bob", "Bob"):
        assert again.joined(key) == register.joined(key)
        assert [again.is_joined(key, room, default=True) for room in ("dev", "lobby")] == [
            register.is_joined(key, room, default=True) for room in ("dev", "lobby")
        ]
        assert again.ignored_by(key) == register.ignored_by(key)
    assert again.joined("bob") == {"dev"}


def test_changes_apply_in_the_logs_order_whoever_applies_them(register: Register, log: RoomLog) -> None:
    facts = dev(register)
    with ThreadPoolExecutor(8) as pool:
        for number in range(200):
            change = Change(What.TOPIC, "dev", text=str(number))
            pool.submit(register.record, f"author{number}", number, change)
    last = log.read_back(log.end, 1)[0]
    assert log.end.offset == 201
    assert facts.topic[:2] == (Change.decode(last.text).text, last.author)


def test_what_another_register_recorded_in_the_same_log_is_applied_too(register: Register, log: RoomLog) -> None:
    Register(log).record("alice", 1, Change(What.BAN, target="bob"))
    register.record("alice", 1, Change(What.BAN, target="carol"))
    assert set(register.server.bans) == {"bob", "carol"}


def test_what_is_no_change_is_skipped_and_told(log: RoomLog, caplog: pytest.LogCaptureFixture) -> None:
    log.append(Kind.CHANGE, "alice", 1, ["nonsense", Change(What.SLOW, "dev", text="x").encode()])
    log.append(Kind.ERASED, "", 0, [""])
    log.append(Kind.CHANGE, "alice", 1, [Change(What.BAN, target="bob").encode()])
    register = Register(log)
    assert set(register.server.bans) == {"bob"}
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [
        "change 1 of the register is skipped",
        "change 2 of the register is skipped",
    ]
    assert told(register.audit(None, None, 10)) == [("alice", What.BAN, "bob"), ("alice", What.SLOW, "")]


def test_a_hole_is_read_over() -> None:
    class Rescued(MemoryRoomLog):
        """Lacks the second of its entries."""

        def read(self, after: Position, limit: int) -> list[Entry]:
            if after.offset == 1:
                raise Hole(2, 1)
            return super().read(after, min(limit, 1))

    log = Rescued(REGISTER, "epoch", 1000)
    for name in ("bob", "carol", "dave"):
        log.append(Kind.CHANGE, "alice", 1, [Change(What.BAN, target=name).encode()])
    assert set(Register(log).server.bans) == {"bob", "dave"}


# ---------------------------------------------------------------------------- rooms


def test_a_room_is_there_once_it_is_created_or_declared(register: Register) -> None:
    assert register.room("dev") is None
    register.record("alice", 1, Change(What.TOPIC, "dev", text="tea"))
    assert register.room("dev") is None
    assert list(register.rooms()) == []
    facts = dev(register)
    lobby = register.declare("lobby")
    assert register.rooms() == [facts, lobby]
    assert (register.room("lobby"), facts.owner, lobby.owner) == (lobby, "alice", "")


@pytest.mark.parametrize(
    ("text", "is_invite_only", "is_logged"),
    [("", False, True), ("invite-only", True, True), ("unlogged", False, False), ("unlogged invite-only", True, False)],
)
def test_a_room_is_made_as_it_was_asked_for(register: Register, text: str, is_invite_only, is_logged) -> None:
    register.record("alice", 1, Change(What.CREATE, "dev", text=text))
    facts = register.room("dev")
    assert (facts.is_invite_only, facts.is_logged) == (is_invite_only, is_logged)


def test_a_room_that_is_there_cannot_be_created(register: Register, log: RoomLog) -> None:
    register.declare("lobby")
    facts = dev(register)
    for room in ("lobby", "dev"):
        with refused(RoomExists(room)):
            register.record("bob", 2, Change(What.CREATE, room))
    assert facts.owner == "alice"
    assert log.end.offset == 1


def test_of_two_who_create_a_room_at_once_one_gets_it_and_the_other_is_told() -> None:
    class Overtaken(MemoryRoomLog):
        """Gets bob's change in before the one that is being appended."""

        def append(self, kind: Kind, author: str, origin: int, texts: Sequence[str]) -> Position:
            if author == "alice":
                super().append(Kind.CHANGE, "bob", 2, texts)
            return super().append(kind, author, origin, texts)

    log = Overtaken(REGISTER, "epoch", 1000)
    register = Register(log)
    with refused(RoomExists("dev")):
        register.record("alice", 1, Change(What.CREATE, "dev"))
    assert register.room("dev").owner == Register(log).room("dev").owner == "bob"


def test_a_declared_room_is_as_the_settings_say_and_nobodys(register: Register) -> None:
    facts = dev(register)
    assert register.declare("dev", topic="of the settings", is_invite_only=True, is_logged=False) is facts
    assert (facts.owner, facts.is_invite_only, facts.is_logged, facts.topic.text) == (
        "",
        True,
        False,
        "of the settings",
    )


def test_a_topic_that_somebody_set_or_took_away_stays_so_in_a_declared_room(register: Register, log: RoomLog) -> None:
    register.declare("lobby", topic="welcome")
    for topic in ("tea", ""):
        register.record("alice", 1, Change(What.TOPIC, "lobby", text=topic))
        assert Register(log).declare("lobby", topic="welcome").topic.text == topic


def test_what_held_of_a_room_that_the_settings_name_no_more_does_not_hold_of_a_new_one(log: RoomLog) -> None:
    register = Register(log)
    register.declare("dev")
    register.record("alice", 1, Change(What.BAN, "dev", "bob"))
    register = Register(log)
    register.record("bob", 2, Change(What.CREATE, "dev"))
    assert register.room("dev").bans == Register(log).room("dev").bans == {}


# ---------------------------------------------------------------------------- people


def test_the_last_join_or_part_of_each_room_counts(register: Register) -> None:
    for what, room in ((What.JOIN, "dev"), (What.JOIN, "tea"), (What.PART, "tea"), (What.PART, "lobby")):
        register.record("Alice", 1, Change(what, room))
    assert register.joined("alice") == {"dev"}
    assert not register.is_joined("alice", "tea", default=True)
    assert not register.is_joined("alice", "lobby", default=True)
    register.record("ALICE", 2, Change(What.JOIN, "lobby"))
    assert register.joined("alice") == {"dev", "lobby"}
    assert register.is_joined("alice", "lobby")
    assert register.joined("bob") == frozenset()
    assert [register.is_joined(key, "ops", default=True) for key in ("alice", "bob")] == [True, True]
    assert not register.is_joined("bob", "dev")


def test_each_ignores_for_himself(register: Register) -> None:
    for target in ("Bob", "Carol"):
        register.record("Alice", 1, Change(What.IGNORE, target=target))
    register.record("alice", 1, Change(What.UNIGNORE, target="CAROL"))
    assert register.ignored_by("alice") == {"bob"}
    assert register.ignored_by("bob") == frozenset()


# ---------------------------------------------------------------------------- audits


def test_an_audit_tells_moderation_newest_first(register: Register) -> None:
    dev(register)
    for what in What:
        if what is not What.CREATE:
            register.record("alice", 1, Change(what, "dev", "bob", text="1"))
    whats = [Change.decode(entry.text).what.name for entry in register.audit(None, None, 100)]
    assert whats == ["SLOW", "UNMUTE", "MUTE", "UNBAN", "BAN", "KICK", "INVITE", "TOPIC", "CREATE"]


def test_an_audit_is_about_all_a_room_or_an_account(register: Register) -> None:
    dev(register)
    register.record("Alice", 1, Change(What.KICK, "dev", "Bob"))
    register.record("Carol", 1, Change(What.BAN, "tea", "Alice"))
    register.record("Carol", 1, Change(What.BAN, "", "192.0.2.0/24"))
    everything = register.audit(None, None, 10)
    assert len(everything) == 4
    assert register.audit(About(room="dev"), None, 10) == everything[2:]
    assert register.audit(About(room=""), None, 10) == everything[:1]
    assert register.audit(About(account="alice"), None, 10) == everything[1:]
    assert register.audit(About(account="bob"), None, 10) == everything[2:3]
    assert register.audit(About("tea", "bob"), None, 10) == everything[1:3]
    assert register.audit(About(account="192.0.2.0/24"), None, 10) == everything[:1]
    assert register.audit(About(account="nobody"), None, 10) == register.audit(About(), None, 10) == []
    assert register.audit(About(room="alice"), None, 10) == register.audit(About(account="dev"), None, 10) == []
    assert register.audit(None, None, 0) == []


def test_an_audit_goes_on_before_its_last_entry(register: Register) -> None:
    for number in range(1200):
        what = What.KICK if number % 100 == 0 else What.JOIN
        register.record("alice", 1, Change(what, "dev", f"x{number}"))
    page = register.audit(About(room="dev"), None, 5)
    assert [target for _, _, target in told(page)] == ["x1100", "x1000", "x900", "x800", "x700"]
    rest = register.audit(About(room="dev"), page[-1].offset, 100)
    assert [target for _, _, target in told(rest)] == [f"x{number}" for number in range(600, -1, -100)]
