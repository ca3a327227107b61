"""Where one session is: what it finds where it comes in, in which order it is shown that, and what others do to it."""

import contextlib
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from chatsrv.chat.attendance import Device
from chatsrv.chat.bookmarks import BookmarkSource
from chatsrv.chat.entrances import Entrance
from chatsrv.chat.membership import Membership
from chatsrv.chat.room import Room
from chatsrv.model.changes import Change, What
from chatsrv.model.entries import Bookmark
from chatsrv.model.errors import NotRecorded, Refused
from chatsrv.model.reasons import Reason
from chatsrv.model.refusals import HistoryUnreadable, Unrecorded
from chatsrv.model.replies import Notice, Reply, Welcome
from chatsrv.model.reports import Entered, EnteredElsewhere, Whereabouts
from chatsrv.model.roomrules import RoomRules
from chatsrv.roomlog.base import RoomLog
from chatsrv.wording.refusals import explain
from tests.chat.people import Chat, Person

HELLO = Notice("Hello.")
NOT_NOW = "What was before cannot be read at the moment."


@pytest.fixture
def alice(chat: Chat) -> Person:
    """Return alice, who is in the lobby, and in dev, where she speaks."""
    alice = chat.log_in("alice")
    alice.types("/create dev")
    return alice


@pytest.fixture
def dev(chat: Chat, alice: Person) -> Room:
    return chat.hub.room("dev")


def shown(person: Person, begin: int = 0) -> list[tuple[object, ...]]:
    """Return what a display was asked for, each without its offset."""
    return [call[:2] + call[3:] if call[0] == "subscribe" else call for call in person.display.calls[begin:]]


def unreadable(log: RoomLog, opened: Callable[..., Bookmark | None]) -> Callable[..., Bookmark | None]:
    """Return what takes the place of `Bookmarks.open` where those of a log cannot be read."""

    def fail(account: str, of: RoomLog, source: BookmarkSource, own: Bookmark | None = None) -> Bookmark | None:
        bookmark = opened(account, of, source, own)
        if of is log:
            raise Refused(NOT_NOW)
        return bookmark

    return fail


# ------------------------------------------------------------------ at the login


def test_the_welcome_comes_before_anything_is_shown_of_the_rooms(chat: Chat, alice: Person) -> None:
    alice.leaves()
    again = chat.log_in("alice")
    assert shown(again) == [
        ("turn to", "lobby"),
        ("tell", Welcome("alice")),
        ("tell", Whereabouts("lobby", ("dev",))),
        ("subscribe", "lobby", "held"),
        ("subscribe", "dev", "marked", "held"),
    ]
    assert again.room is chat.hub.lobby
    assert list(again.rooms) == ["lobby", "dev"]


def test_who_is_in_no_room_is_welcomed_and_told_how_to_enter_one(chat: Chat) -> None:
    chat.log_in("bob").types("/part")
    assert chat.log_in("bob").welcome == [
        "Welcome, bob! Type /help for commands.",
        "You are in no room: /rooms lists them, /join ROOM enters one.",
    ]


def test_who_is_in_the_lobby_alone_is_not_told_where_they_speak(chat: Chat) -> None:
    assert chat.log_in("bob").welcome == ["Welcome, bob! Nobody else is here. Type /help for commands."]


def test_what_others_tell_a_session_on_its_way_in_comes_after_the_welcome(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_its_way = Notice("You are not banned any more.")
    add = chat.hub.attendance.add
    monkeypatch.setattr(chat.hub.attendance, "add", lambda device: (add(device), device.tell(on_its_way)))
    bob = chat.log_in("bob")
    assert [call[1] for call in bob.display.calls if call[0] == "tell"] == [Welcome("bob"), on_its_way]
    assert bob.display.calls[-1] == ("tell", on_its_way)


def test_a_session_finds_in_each_room_who_is_there_and_what_it_missed_since(
    chat: Chat, alice: Person, dev: Room
) -> None:
    bob = chat.log_in("bob")
    bob.types("/join dev")
    bob.leaves()
    alice.says("one")
    alice.says("two")
    here, there = chat.log_in("bob").opening.entrances
    assert (here.room, there.room) == (chat.hub.lobby, dev)
    assert (there.others, there.more) == (("alice",), 0)
    assert there.absence
    assert there.absence.bookmark
    missed = [each.reply.text for each in there.absence.told(chat.hub.catching_up) if hasattr(each.reply, "text")]
    assert missed == ["one", "two"]
    assert there.position.offset == there.absence.last.offset


def test_what_was_missed_in_private_messages_is_found_last(chat: Chat, alice: Person) -> None:
    alice.types("/msg bob hi")
    bob = chat.log_in("bob")
    assert [entrance.room for entrance in bob.opening.entrances] == [chat.hub.lobby, None]
    *_, mail = bob.opening.entrances
    assert mail.absence
    assert mail.others == ()
    assert any(line.endswith("[private] <alice> hi") for line in bob.told())


def test_who_wants_nothing_of_before_reads_on_from_now(chat: Chat, alice: Person) -> None:
    bob = chat.log_in("bob")
    bob.types("/catchup off")
    bob.leaves()
    alice.types("/join lobby")
    alice.says("one")
    again = chat.log_in("bob")
    (entrance,) = again.opening.entrances
    assert entrance.absence is None
    assert shown(again)[-1] == ("subscribe", "lobby")
    assert again.told() == []


def test_whose_wish_cannot_be_read_is_told_so_and_finds_at_the_next_login_what_they_missed(
    chat: Chat, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob = chat.log_in("bob")
    bob.leaves()
    alice.types("/join lobby")
    alice.says("one")

    def fail(_: str) -> bool:
        raise Refused(NOT_NOW)

    with monkeypatch.context() as failing:
        failing.setattr(chat.hub.bookmarks, "is_caught_up", fail)
        again = chat.log_in("bob")
    assert [str(trouble) for trouble in again.opening.troubles] == [NOT_NOW]
    assert shown(again)[-1] == ("subscribe", "lobby", "frozen")
    again.leaves()
    assert any(line.endswith("<alice> one") for line in chat.log_in("bob").told())


def test_who_enters_a_room_whose_past_cannot_be_read_is_told_so(
    chat: Chat, alice: Person, dev: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob = chat.log_in("bob")

    def fail(*_: object) -> None:
        raise Refused(HistoryUnreadable())

    monkeypatch.setattr(chat.hub.bookmarks, "open", fail)
    assert bob.types("/join dev")[-1] == explain(HistoryUnreadable())


def test_a_room_whose_past_cannot_be_read_is_entered_and_what_was_missed_there_is_told_the_next_time(
    chat: Chat, alice: Person, dev: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob = chat.log_in("bob")
    bob.types("/join dev")
    bob.leaves()
    alice.says("one")
    with monkeypatch.context() as failing:
        failing.setattr(chat.hub.bookmarks, "open", unreadable(dev.log, chat.hub.bookmarks.open))
        again = chat.log_in("bob")
    assert [str(trouble) for trouble in again.opening.troubles] == [NOT_NOW]
    assert shown(again)[-2:] == [("subscribe", "lobby", "held"), ("subscribe", "dev", "marked", "frozen")]
    again.leaves()
    assert any(line.endswith("<alice> one") for line in chat.log_in("bob").told())


def test_a_room_that_cannot_be_entered_keeps_nobody_out_of_the_others(
    chat: Chat, alice: Person, dev: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice.leaves()

    def fail(*_: object) -> None:
        raise NotRecorded

    monkeypatch.setattr(chat.hub.lobby.log, "append", fail)
    again = chat.log_in("alice")
    assert again.room is dev
    assert [trouble.why for trouble in again.opening.troubles] == [Unrecorded()]
    assert not chat.hub.lobby.is_in("alice")


# ------------------------------------------------------------------ going into a room


def test_who_goes_into_a_room_is_told_so_before_anything_is_shown_of_it(chat: Chat, dev: Room) -> None:
    bob = chat.log_in("bob")
    begin = len(bob.display.calls)
    bob.types("/join dev")
    assert shown(bob, begin) == [
        ("turn to", "dev"),
        ("tell", Entered("dev")),
        ("subscribe", "dev", "held"),
    ]


def test_who_goes_into_a_room_finds_who_is_there_and_what_was_said_last(chat: Chat, alice: Person, dev: Room) -> None:
    alice.types("/topic tea")
    alice.says("one")
    bob = chat.log_in("bob")
    _, topic, _, *rest = bob.types("/join dev")
    assert topic == "Topic of dev: tea"
    assert rest[0] == "Here now: alice."
    assert rest[1].startswith("The last ")
    assert rest[-2].endswith("<alice> one")


def test_who_goes_into_a_room_whose_past_cannot_be_read_is_told_so(
    chat: Chat, dev: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob = chat.log_in("bob")
    monkeypatch.setattr(chat.hub.bookmarks, "open", unreadable(dev.log, chat.hub.bookmarks.open))
    assert bob.types("/join dev") == ["You are in dev now.", "Here now: alice.", NOT_NOW]
    assert shown(bob)[-1] == ("subscribe", "dev", "frozen")


def test_who_does_not_get_into_a_room_reads_nothing_of_it_and_keeps_no_bookmark(
    chat: Chat, dev: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise NotRecorded

    bob = chat.log_in("bob")
    monkeypatch.setattr(dev.log, "append", fail)
    assert bob.types("/join dev") == [explain(Unrecorded())]
    assert dev.log not in bob.display.places
    assert list(bob.rooms) == ["lobby"]
    assert not dev.is_in("bob")


def test_two_devices_that_join_at_once_are_both_in_once_and_speak_there(
    chat: Chat, dev: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob, phone = chat.log_in("bob"), chat.log_in("bob")
    go_into = bob.membership.go_into

    def be_slower(membership: Membership, room: Room, told: Reply) -> Entrance:
        monkeypatch.undo()
        phone.types("/join dev")
        assert membership is bob.membership
        return go_into(room, told)

    monkeypatch.setattr(Membership, "go_into", be_slower)
    told = bob.types("/join dev")
    assert told == [
        "You are in dev, too: you entered it on another device.",
        "You are in dev now.",
        "Here now: alice.",
    ]
    assert bob.room is phone.room is dev
    assert [person.display.logs.count(dev.log) for person in (bob, phone)] == [1, 1]


# ------------------------------------------------------------------ what others do to it


def test_a_device_follows_into_a_room_that_is_marked_and_not_held_back(chat: Chat, dev: Room) -> None:
    bob, phone = chat.log_in("bob"), chat.log_in("bob")
    begin = len(phone.display.calls)
    bob.types("/join dev")
    told = EnteredElsewhere("dev")
    assert shown(phone, begin) == [("tell", told), ("subscribe", "dev", "marked")]


def test_a_device_that_follows_into_a_room_and_is_lost_at_once_keeps_it_as_missed(
    chat: Chat, alice: Person, dev: Room
) -> None:
    bob = chat.log_in("bob")
    bob.types("/join dev")
    bob.types("/part dev")
    phone = chat.log_in("bob")
    bob.types("/join dev")
    assert shown(phone)[-1] == ("subscribe", "dev", "marked", "frozen")
    assert phone.display.places[dev.log].taken() is None


def test_a_device_that_follows_into_a_room_whose_past_cannot_be_read_is_told_so(
    chat: Chat, dev: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob, phone = chat.log_in("bob"), chat.log_in("bob")
    monkeypatch.setattr(chat.hub.bookmarks, "open", unreadable(dev.log, chat.hub.bookmarks.open))
    bob.types("/join dev")
    assert phone.told() == ["You are in dev, too: you entered it on another device.", NOT_NOW]


def test_before_it_opens_nobody_has_a_session_enter_a_room_and_at_its_opening_it_is_in(
    chat: Chat, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob = chat.log_in("bob")
    add = chat.hub.attendance.add

    def add_and_join(device: Device) -> None:
        add(device)
        monkeypatch.undo()
        bob.types("/join dev")
        assert not device.rooms

    monkeypatch.setattr(chat.hub.attendance, "add", add_and_join)
    phone = chat.log_in("bob")
    assert list(phone.rooms) == ["lobby", "dev"]
    assert phone.welcome == [
        "Welcome, bob! Here now: alice. Type /help for commands.",
        "You speak in lobby. You are also in: dev.",
    ]


def test_a_private_message_before_it_opens_is_shown_after_the_welcome(
    chat: Chat, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = chat.hub.attendance.add

    def add_and_write(device: Device) -> None:
        add(device)
        monkeypatch.undo()
        alice.types("/msg bob hi")

    alice.types("/msg bob before that")
    chat.hub.bookmarks.keep_caught_up("bob", is_wanted=False)
    monkeypatch.setattr(chat.hub.attendance, "add", add_and_write)
    bob = chat.log_in("bob")
    assert bob.display.calls[-1] == ("subscribe", "@bob", 1)  # after the one of before
    assert bob.display.calls.index(("tell", Welcome("bob", ("alice",)))) < len(bob.display.calls) - 2


def test_the_first_private_message_is_shown_from_the_beginning_of_its_log(chat: Chat, alice: Person) -> None:
    bob = chat.log_in("bob")
    alice.types("/msg bob hi")
    alice.types("/msg bob again")
    assert [call for call in bob.display.calls if call[:2] == ("subscribe", "@bob")] == [("subscribe", "@bob", 0)]


def test_nothing_of_a_room_is_shown_any_more_before_others_read_that_it_was_left(
    chat: Chat, alice: Person, dev: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    left: list[list[RoomLog]] = []
    leave = dev.leave
    monkeypatch.setattr(dev, "leave", lambda *how: (left.append(list(alice.display.logs)), leave(*how)))
    alice.types("/part dev")
    assert left == [[chat.hub.lobby.log]]


def test_a_session_that_ends_leaves_all_rooms_once_nothing_is_shown_and_enters_none(
    chat: Chat, alice: Person, dev: Room
) -> None:
    bob = chat.log_in("bob")
    bob.membership.leave_all(Reason.LOST)
    assert bob.display.calls[-1] == ("wait until over",)
    assert not bob.rooms
    assert not chat.hub.lobby.is_in("bob")
    with pytest.raises(Refused, match="ending"):
        bob.membership.enter(chat.hub.lobby, HELLO)
    begin = len(bob.display.calls)
    bob.membership.hear(chat.hub.private_log("bob"))
    bob.membership.restyle()
    assert shown(bob, begin) == []
    assert not bob.membership.leave(chat.hub.lobby, Reason.BANNED)
    assert shown(bob, begin) == [("wait until over",)]


def test_a_coming_that_is_told_later_is_looked_after_by_the_display() -> None:
    chat = Chat(RoomRules(presence_per_minute=4))
    chat.log_in("alice")
    visits = [chat.log_in("bob")]
    for _ in range(3):
        visits[-1].leaves()
        visits.append(chat.log_in("bob"))
    ((seconds, look),) = [look for visit in visits for look in visit.display.looks]
    assert seconds > 0
    assert look()  # for how long it is not told yet


def test_where_a_session_is_and_what_it_is_shown_agree_however_many_change_it_at_once(
    chat: Chat, alice: Person, dev: Room
) -> None:
    desk, phone = chat.log_in("bob"), chat.log_in("bob")
    desk.types("/join dev")
    devices = [desk.membership, phone.membership]
    change = Change(What.KICK, "dev", "bob")

    def kick() -> None:
        with dev.barring("bob"):
            for device in devices:
                device.leave(dev, None, HELLO)
            dev.expel("alice", alice.origin, "bob", change)

    def wander(seed: int) -> None:
        rng = random.Random(seed)
        for _ in range(200):
            device = rng.choice(devices)
            act = rng.choice(
                [
                    lambda device: device.enter(dev, HELLO),
                    lambda device: device.go_into(dev, HELLO),
                    lambda device: device.leave(dev, Reason.QUIT, rng.choice([None, HELLO])),
                    lambda device: device.turn_to(rng.choice([dev, chat.hub.lobby]), HELLO),
                    lambda _: kick(),
                ]
            )
            with contextlib.suppress(Refused):
                act(device)

    with ThreadPoolExecutor(4) as pool:
        for each in [pool.submit(wander, seed) for seed in range(4)]:
            each.result()
    for person in (desk, phone):
        assert sorted(log.room for log in person.display.logs) == sorted(person.rooms)
        assert person.membership.current in (None, *person.rooms.values())
        (*_, turned) = [call[1] for call in person.display.calls if call[0] == "turn to"]
        current = person.membership.current
        assert turned == (current.name if current else None)
    assert dev.is_in("bob") is any("dev" in person.rooms for person in (desk, phone))
