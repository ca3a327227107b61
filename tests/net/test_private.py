"""Private messages over real sockets: on all devices of both, kept for who is away, told once, found by nobody else."""

import threading
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from chatsrv.chat.hub import Hub
from chatsrv.net.sessions import chatsession
from chatsrv.net.sessions.catchup import catch_up
from chatsrv.roomlog.memory import MemoryStore
from chatsrv.sharing.slots import step_aside
from tests.net.folk import Village, village
from tests.net.test_rooms import in_dev, missed
from tests.peer import DEADLINE_SECONDS
from tests.roomlog.late import LateStore


@pytest.fixture(params=["here", "elsewhere"])
def place(request: pytest.FixtureRequest) -> Iterator[Village]:
    """Run a chat where the order is made here, and one where it is made elsewhere."""
    store = MemoryStore() if request.param == "here" else LateStore(has_recorder=True, orders_later=True)
    with closing(store), village(Hub(store)) as found:
        yield found


def in_private(*lines: str) -> list[str]:
    return missed("in private messages", *lines)


def test_a_message_is_seen_on_all_devices_of_both_but_the_one_that_it_was_typed_on(place: Village) -> None:
    alice, tablet, bob, phone, carol = place.log_in_all("alice", "alice", "bob", "bob", "carol")
    for person in (alice, tablet, bob, phone, carol):
        person.sees()
    assert alice.does("/msg bob one") == []
    assert bob.does("/msg alice two") == ["[private] <alice> one"]
    assert alice.sees() == ["[private] <bob> two"]
    assert tablet.sees() == ["[private to bob] <alice> one", "[private] <bob> two"]
    assert phone.sees() == ["[private] <alice> one", "[private to alice] <bob> two"]
    assert carol.sees() == []


def test_private_lines_are_marked_alike_wherever_one_speaks(place: Village) -> None:
    alice, bob = in_dev(place, "alice", "bob")
    for turn in ("/join lobby", "/part lobby", "/part dev"):
        alice.does("/msg bob hello")
        assert bob.does(turn)[0] == "[private] <alice> hello"
    alice.does("/msg bob nowhere")
    assert bob.does("/msg alice nor you?") == ["[private] <alice> nowhere"]
    assert alice.sees()[-1] == "[private] <bob> nor you?"


def test_a_first_message_waits_for_nothing_that_is_told_of_a_room(place: Village, monkeypatch) -> None:
    is_held, may_go_on = threading.Event(), threading.Event()

    def hold_back_the_first(*arguments: Any) -> None:
        if not is_held.is_set():
            is_held.set()
            with step_aside():
                assert may_go_on.wait(DEADLINE_SECONDS)
        catch_up(*arguments)

    monkeypatch.setattr(chatsession, "catch_up", hold_back_the_first)
    bob = place.log_in("bob")
    assert is_held.wait(DEADLINE_SECONDS)
    alice = place.log_in("alice")
    alice.does("/msg bob hello", "hello, everybody")
    assert bob.line() == "[private] <alice> hello"
    may_go_on.set()
    assert bob.sees() == ["* alice joined", "<alice> hello, everybody"]


def test_who_is_away_is_told_at_the_next_login_and_never_again(place: Village) -> None:
    (alice,) = place.log_in_all("alice")
    for text in ("one", "two"):
        assert alice.does(f"/msg bob {text}") == ["bob is not here now, and reads it at the next login."]
    bob = place.log_in("bob")
    expected = in_private("[private] <alice> one", "[private] <alice> two")
    assert bob.sees()[-len(expected) :] == expected
    bob.quits()
    alice.sees_up_to("* bob left")
    bob = place.log_in("bob")
    assert bob.sees() == []
    alice.does("/msg bob three")
    assert bob.sees() == ["[private] <alice> three"]
    bob.quits()
    alice.sees_up_to("* bob left")
    alice.does("/msg bob four")
    assert place.log_in("bob").sees() == in_private("[private] <alice> four")


def test_what_one_wrote_oneself_is_told_on_another_device_only(place: Village) -> None:
    alice, bob = place.log_in_all("alice", "bob")
    bob.does("/msg alice mine")
    bob.quits()
    alice.sees_up_to("* bob left")
    bob = place.log_in("bob")
    assert bob.sees() == []
    phone = place.log_in("bob")
    phone.does("/msg alice from the phone")
    assert bob.sees() == ["[private to alice] <bob> from the phone"]


def test_a_second_device_is_told_nothing_that_the_first_one_has_read(place: Village) -> None:
    alice, bob = place.log_in_all("alice", "bob")
    alice.does("/msg bob one")
    assert bob.does("/who") == ["[private] <alice> one", "Here now: alice, bob."]
    phone = place.log_in("bob")
    assert phone.sees() == []


def test_nobody_else_finds_a_message_whatever_his_role(place: Village) -> None:
    alice, bob, carol, dave = place.log_in_all("alice", "bob", "carol", "dave")
    bob.does("/msg dave the secret", "unheard of")
    for person in (alice, carol):
        person.sees()
        assert person.does("/search secret") == ["Nothing was found."]
        assert not any("secret" in line for line in person.does("/history", "/audit", "/audit bob", "/who @dave"))
        assert person.does("/join @dave")[0].startswith("There is no such room")
        assert person.does("/join *register")[0].startswith("There is no such room")
    for person, line in ((bob, "[private to dave] <bob> the secret"), (dave, "[private] <bob> the secret")):
        assert person.does("/search secret")[-2:] == [line, "(end; that is all)"]


def test_who_is_ignored_writes_to_nobody_and_is_told_nothing_of_it(place: Village) -> None:
    alice, bob = place.log_in_all("alice", "bob")
    bob.does("/ignore alice")
    assert alice.does("/msg bob psst") == []
    bob.does("/unignore alice")
    assert bob.does("/search psst") == ["Nothing was found."]
    alice.does("/msg bob hello")
    assert bob.sees() == ["[private] <alice> hello"]


def test_who_is_muted_on_the_server_writes_to_nobody(place: Village) -> None:
    alice, bob = place.log_in_all("alice", "bob")
    alice.does("/mute bob everywhere 1h loud")
    assert bob.sees()[0].startswith("You are muted on this server until ")
    assert bob.does("/msg alice psst")[0].startswith("You are muted on this server until ")
    assert alice.sees() == []


def test_messages_to_a_slow_reader_all_arrive_beside_what_is_said() -> None:
    with village(send_buffer_bytes=4096) as place:
        (alice,) = place.log_in_all("alice")
        bob = place.log_in("bob", receive_buffer_bytes=2048)
        bob.sees()
        texts = [f"{number} {'x' * 500}" for number in range(200)]
        alice.does(*(f"{way}{text}" for text in texts for way in ("", "/msg bob ")), "end", "/msg bob end")
        seen = bob.sees_up_to("<alice> end", "[private] <alice> end")
        for mark in ("<alice> ", "[private] <alice> "):
            assert [line for line in seen if line.startswith(mark)] == [f"{mark}{text}" for text in (*texts, "end")]
