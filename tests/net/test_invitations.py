"""Invitations over real sockets: read at once by who is here, and once by who is away; not if they hold no more."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatsrv.chat.hub import Hub
from chatsrv.roomlog.sqlite.store import SqliteStore
from tests.net.folk import Person, Village, village
from tests.net.test_private import in_private


@pytest.fixture
def place() -> Iterator[Village]:
    with village() as found:
        yield found


def invites(author: str, room: str) -> str:
    return f"{author} invites you to {room}: /join {room} enters it."


def mistress_of(place: Village, *rooms: str) -> Person:
    """Log alice in, who has made rooms for guests."""
    (alice,) = place.log_in_all("alice")
    for room in rooms:
        alice.does(f"/create {room} invite-only")
    return alice


def told_in_private(person: Person) -> list[str]:
    """Return what somebody is told at the login of private messages and invitations."""
    seen = person.sees()
    begins = [number for number, line in enumerate(seen) if line.startswith("While you were away, in private")]
    return seen[begins[0] :] if begins else []


def test_who_is_here_reads_it_on_all_devices(place: Village) -> None:
    alice = mistress_of(place, "dev")
    bob, phone = place.log_in_all("bob", "bob")
    alice.sees()
    assert alice.does("/invite bob") == ["bob is invited to dev."]
    assert bob.sees() == phone.sees() == [invites("alice", "dev")]
    assert bob.does("/join dev")[0] == "You are in dev now."


def test_who_is_away_reads_all_of_them_in_order_at_the_next_login_and_never_again(place: Village) -> None:
    alice = mistress_of(place, "dev", "ops")
    assert alice.does("/invite bob dev", "/msg bob do come", "/invite bob ops") == [
        "bob is invited to dev. bob is not here now, and reads it at the next login.",
        "bob is not here now, and reads it at the next login.",
        "bob is invited to ops. bob is not here now, and reads it at the next login.",
    ]
    bob = place.log_in("bob")
    expected = in_private(invites("alice", "dev"), "[private] <alice> do come", invites("alice", "ops"))
    assert told_in_private(bob) == expected
    bob.quits()
    alice.sees_up_to("[lobby] * bob left")
    bob = place.log_in("bob")
    assert told_in_private(bob) == []
    assert bob.does("/join dev")[0] == "You are in dev now."
    assert bob.does("/private")[1:4] == expected[1:4]


def test_of_two_devices_that_come_both_are_told_or_one_of_them_and_the_next_login_is_not(place: Village) -> None:
    alice = mistress_of(place, "dev")
    alice.does("/invite bob")
    bob = place.log_in("bob")
    assert told_in_private(bob) == in_private(invites("alice", "dev"))
    phone = place.log_in("bob")
    phone.sees()
    for device in (phone, bob):
        device.quits()
    alice.sees_up_to("[lobby] * bob left")
    assert told_in_private(place.log_in("bob")) == []


def test_an_invitation_that_holds_no_more_is_not_told(place: Village) -> None:
    alice = mistress_of(place, "dev", "ops")
    alice.does("/invite bob dev", "/invite bob ops", "/ban bob", "/unban bob")  # of ops
    bob = place.log_in("bob")
    assert told_in_private(bob) == in_private(invites("alice", "dev"))


def test_where_none_of_them_holds_any_more_nothing_is_told(place: Village) -> None:
    alice = mistress_of(place, "dev")
    alice.does("/invite bob", "/ban bob")
    assert told_in_private(place.log_in("bob")) == []


def test_who_is_ignored_invites_nobody_who_is_away(place: Village) -> None:
    alice = mistress_of(place, "dev")
    bob = place.log_in("bob")
    bob.does("/ignore alice")
    bob.quits()
    alice.sees_up_to("[lobby] * bob left")
    alice.does("/invite bob")
    bob = place.log_in("bob")
    assert told_in_private(bob) == []
    assert bob.does("/join dev")[0] == "You are in dev now."


def test_who_is_ignored_after_inviting_is_not_looked_back_on(place: Village) -> None:
    alice = mistress_of(place, "dev")
    (bob,) = place.log_in_all("bob")
    alice.does("/invite bob")
    assert invites("alice", "dev") in bob.does("/private")[1:]
    bob.does("/ignore alice")
    assert not [line for line in bob.does("/private") if "alice" in line]


def test_an_invitation_outlives_a_restart_of_the_server(tmp_path: Path) -> None:
    with contextlib.closing(SqliteStore(tmp_path / "chat.db")) as store, village(Hub(store)) as place:
        mistress_of(place, "dev").does("/invite bob")
    for expected in (in_private(invites("alice", "dev")), []):
        with contextlib.closing(SqliteStore(tmp_path / "chat.db")) as store, village(Hub(store)) as place:
            bob = place.log_in("bob")
            assert told_in_private(bob) == expected
            bob.quits()
