"""Behaviour of chatsrv.chat.facts: who is banned, muted, expelled or slowed down by the changes so far."""

import sys
from collections import Counter

import pytest

from chatsrv.chat.facts import LEAST_RULINGS, Facts, Ruling, Topic
from chatsrv.chat.register import Register
from chatsrv.model.changes import Change, What
from chatsrv.model.entries import REGISTER, Entry, Kind, Position
from chatsrv.roomlog.base import RoomLog
from tests.chat.registered import dev

NOW = 1_000_000.0


def test_a_ban_holds_until_its_end_or_for_good(register: Register, log: RoomLog) -> None:
    facts = dev(register)
    register.record("Alice", 1, Change(What.BAN, "dev", "Bob", NOW, "spam"))
    (entry,) = log.read(Position(log.epoch, 1), 1)
    ruling = Ruling("Bob", "Alice", entry.at, NOW, "spam")
    assert facts.ban_of("bob", None, NOW - 0.1) == ruling
    assert facts.ban_of("bob", None, NOW) is None
    register.record("alice", 1, Change(What.BAN, "dev", "BOB"))
    assert facts.ban_of("bob", "192.0.2.1", NOW).until is None
    assert facts.ban_of("carol", "192.0.2.1", NOW) is None
    register.record("alice", 1, Change(What.UNBAN, "dev", "boB"))
    assert facts.ban_of("bob", None, NOW) is None


def test_a_ban_of_a_network_holds_for_who_comes_from_there(register: Register) -> None:
    facts = register.server
    register.record("alice", 1, Change(What.BAN, target="192.0.2.0/24", until=NOW))
    register.record("alice", 1, Change(What.BAN, target="2001:db8::/32"))
    for address in ("192.0.2.255", "::ffff:192.0.2.1"):
        assert facts.ban_of("bob", address, NOW - 1).target == "192.0.2.0/24"
        assert facts.ban_of("bob", address, NOW) is None
    assert facts.ban_of("bob", "2001:db8::1%eth0", NOW).target == "2001:db8::/32"
    for address in ("192.0.3.1", "::1", None):
        assert facts.ban_of("bob", address, NOW - 1) is None
    register.record("alice", 1, Change(What.UNBAN, target="2001:DB8::/32"))
    assert facts.ban_of("bob", "2001:db8::1", NOW) is None


def test_who_comes_in_is_not_held_against_each_network_that_was_ever_banned() -> None:
    calls: Counter[int] = Counter()
    for bans in (10, 1000):
        facts = Facts("")
        for number in range(bans):
            entry = Entry(number + 1, NOW - 10, REGISTER, Kind.CHANGE, "alice", 1, "")
            facts.apply(
                entry, Change(What.BAN, target=f"10.0.{number // 256}.{number % 256}/32", until=NOW - number % 2)
            )
        assert facts.ban_of("bob", "10.0.0.1", NOW - 0.5) is None  # that one is over
        assert facts.ban_of("bob", "10.0.0.2", NOW - 0.5).target == "10.0.0.2/32"
        assert facts.ban_of("carol", "192.0.2.1", NOW - 0.5) is None  # so that the address is known to its cache
        sys.setprofile(lambda _frame, event, _, bans=bans: calls.update([bans] if event == "call" else []))
        try:
            ban = facts.ban_of("bob", "192.0.2.1", NOW - 0.5)
        finally:
            sys.setprofile(None)
        assert ban is None
    assert calls[10] == calls[1000]


def test_of_two_networks_the_one_whose_ban_holds_counts(register: Register) -> None:
    register.record("alice", 1, Change(What.BAN, target="192.0.2.0/24", until=NOW))
    register.record("alice", 1, Change(What.BAN, target="192.0.0.0/16"))
    assert register.server.ban_of("bob", "192.0.2.1", NOW).target == "192.0.0.0/16"


def test_a_mute_holds_until_its_end(register: Register) -> None:
    facts = dev(register)
    assert facts.mute_of("bob", NOW) is None
    register.record("alice", 1, Change(What.MUTE, "dev", "Bob", NOW, "too loud"))
    assert facts.mute_of("bob", NOW - 1).reason == "too loud"
    assert facts.mute_of("bob", NOW) is facts.mute_of("carol", NOW - 1) is None
    register.record("alice", 1, Change(What.UNMUTE, "dev", "bob"))
    assert facts.mute_of("bob", NOW - 1) is None


@pytest.mark.parametrize("damaged", [9e12, -9e12, 1e300])
def test_a_damaged_time_costs_that_time_alone(damaged: float) -> None:
    facts = Facts("dev")
    facts.apply(Entry(1, damaged, REGISTER, Kind.CHANGE, "alice", 1, ""), Change(What.TOPIC, "dev", text="tea"))
    facts.apply(Entry(2, damaged, REGISTER, Kind.CHANGE, "alice", 1, ""), Change(What.BAN, "dev", "bob", damaged))
    assert facts.topic == Topic("tea", "alice", None)
    assert facts.ban_of("bob", None, NOW) == Ruling("bob", "alice", None, None, "")


def test_the_rulings_are_those_in_force_oldest_first(register: Register) -> None:
    facts = dev(register)
    for target, until in (("bob", None), ("carol", NOW), ("dave", NOW + 1), ("bob", NOW + 2)):
        register.record("alice", 1, Change(What.BAN, "dev", target, until))
    register.record("alice", 1, Change(What.MUTE, "dev", "eve"))
    bans = list(facts.rulings(is_ban=True, now=NOW))
    assert [(ban.target, ban.until) for ban in bans] == [("dave", NOW + 1), ("bob", NOW + 2)]
    assert [mute.target for mute in facts.rulings(is_ban=False, now=NOW)] == ["eve"]


def test_the_rulings_go_on_behind_one_even_if_that_was_lifted(register: Register) -> None:
    facts = dev(register)
    for target in ("bob", "carol", "dave", "eve"):
        register.record("alice", 1, Change(What.BAN, "dev", target))

    def behind(ruling: Ruling) -> list[str]:
        return [ban.target for ban in facts.rulings(is_ban=True, now=NOW, after=ruling)]

    carol = facts.bans["carol"]
    assert behind(carol) == ["dave", "eve"]
    for lifted in ("bob", "carol"):
        register.record("alice", 1, Change(What.UNBAN, "dev", lifted))
        assert behind(carol) == ["dave", "eve"]


def test_rulings_of_one_moment_follow_one_another() -> None:
    facts = Facts("dev")
    for target in ("bob", "carol", "dave"):
        facts.apply(Entry(1, NOW, REGISTER, Kind.CHANGE, "alice", 1, ""), Change(What.MUTE, "dev", target))
    mutes = list(facts.rulings(is_ban=False, now=NOW))
    assert [list(facts.rulings(is_ban=False, now=NOW, after=each)) for each in mutes] == [mutes[1:], mutes[2:], []]


def test_rulings_that_are_over_are_forgotten_in_time() -> None:
    facts = Facts("dev")
    for number in range(10 * LEAST_RULINGS):
        ban = Change(What.BAN, "dev", f"x{number}", NOW + number + 0.5)
        facts.apply(Entry(1, NOW + number, REGISTER, Kind.CHANGE, "alice", 1, ""), ban)
    assert len(facts.bans) < 2 * LEAST_RULINGS
    assert f"x{number}" in facts.bans


def test_who_is_expelled_needs_a_new_invitation(register: Register) -> None:
    facts = dev(register)
    for what in (What.KICK, What.BAN):
        register.record("alice", 1, Change(What.INVITE, "dev", "Bob"))
        assert facts.invited == {"bob"}
        register.record("alice", 1, Change(what, "dev", "bob"))
        assert facts.invited == set()


def test_slow_is_so_many_seconds_or_off(register: Register) -> None:
    facts = dev(register)
    for seconds in (30, 0):
        register.record("alice", 1, Change(What.SLOW, "dev", text=str(seconds)))
        assert facts.slow_seconds == seconds
