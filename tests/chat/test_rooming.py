"""Commands about rooms: making them, going in and out, and looking at them."""

import pytest

from chatsrv.chat.hub import Hub
from chatsrv.chat.membership import Membership
from chatsrv.chat.room import Room
from chatsrv.chat.rooming import PAGE_ROOMS, WHO_NAMES
from chatsrv.model.entries import Kind
from chatsrv.model.replies import Reply
from chatsrv.model.roomrules import RoomRules
from chatsrv.roomlog.memory import MemoryStore
from tests.chat.people import Chat, Person

IN_NO_ROOM = "You are in no room: /rooms lists them, /join ROOM enters one."


# ---------------------------------------------------------------------------- making rooms


def test_who_makes_a_room_owns_it_and_speaks_there(chat: Chat) -> None:
    alice = chat.log_in("alice")
    assert alice.types("/create #Dev") == [
        "dev is your room: there you can /kick, /ban, /mute and set the /topic.",
        "You are in dev now.",
        "Nobody else is here.",
    ]
    assert alice.room.name == "dev"
    assert list(alice.rooms) == ["lobby", "dev"]
    assert chat.hub.room("dev").facts.owner == "alice"
    assert chat.seen("dev") == ["*** alice created the room dev"]


def test_a_room_can_be_for_guests_and_off_the_record(chat: Chat) -> None:
    alice, bob = chat.log_in("alice"), chat.log_in("bob")
    alice.types("/create dev unlogged invite-only")
    assert chat.seen("dev") == ["*** alice created the room dev (invite-only, unlogged)"]
    assert bob.types("/join dev") == ["dev is by invitation only: somebody who is in it can /invite you."]
    assert "dev" not in bob.rooms


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("dev", "There is a room dev already: /join dev enters it."),
        ("l0bby", "l0bby looks too much like lobby: another name will do."),
        ("lòbby", "lòbby looks too much like lobby: another name will do."),
        ("ᴅev", "ᴅev looks too much like dev: another name will do."),
        ("pr1vate", "No room can have that name: pr1vate begins like the mark of a private message;"),
        ("àdmin", "No room can have that name: àdmin could be taken for the server's own;"),
        ("@bob", "No room can have that name: a room's name has 1 to 32 bytes of letters,"),
        ("private", "No room can have that name: that name is reserved."),
        (
            "Privates",
            "No room can have that name: privates begins like the mark of a private message;",
        ),
    ],
)
def test_a_name_that_is_taken_or_could_be_taken_for_another_is_refused(chat: Chat, name: str, told: str) -> None:
    chat.log_in("bob").types("/create dev")
    alice = chat.log_in("alice")
    (line,) = alice.types(f"/create {name}")
    assert line.startswith(told)
    assert list(alice.rooms) == ["lobby"]


def test_there_are_only_so_many_rooms_and_those_of_the_settings_do_not_count() -> None:
    alice = Chat(RoomRules(most=2)).log_in("alice")
    for name in ("one", "two"):
        alice.types(f"/create {name}")
    assert alice.types("/create three") == ["The server has as many rooms as it may have, so no more can be made."]


def test_one_member_cannot_take_all_rooms() -> None:
    chat = Chat(RoomRules(most_of_one=2))
    bob, mod = chat.log_in("bob"), chat.log_in("Mod")
    for name in ("first", "second"):
        assert bob.types(f"/create {name}")[0].startswith(f"{name} is your room")
    assert bob.types("/create third") == ["You own 2 rooms already, as many as one may."]
    assert chat.log_in("carol").types("/create third")[0].startswith("third is your room")
    for name in ("garden", "attic", "kitchen"):
        assert mod.types(f"/create {name}")[0].startswith(f"{name} is your room")


@pytest.mark.parametrize(
    ("role", "names"), [("member", ["alice", "Mod", "root"]), ("moderator", ["Mod", "root"]), ("nobody", [])]
)
def test_the_settings_say_from_which_role_up_people_make_rooms(role: str, names: list[str]) -> None:
    chat = Chat(RoomRules(create=role))
    made = []
    for name in ("alice", "Mod", "root"):
        person = chat.log_in(name)
        told = person.types(f"/create of-{name}")
        if person.room.name == f"of-{name.lower()}":
            made.append(name)
        else:
            assert told == [f"You have no right to create rooms: your role is {person.account.role}."]
        assert any(line.startswith("/create") for line in person.types("/help")) is (name in names)
    assert made == names


def test_nobody_makes_a_room_anew_to_read_what_was_said_there_once(chat: Chat) -> None:
    store = MemoryStore()  # in which there is a room that the settings named at an earlier start
    store.open("board").append(Kind.SAY, "root", 1, ("The accounts are in the safe.",))
    chat.hub = Hub(store)
    alice = chat.log_in("alice")
    assert alice.types("/create board") == [
        "There was a room board once, which only an administrator can open again: another name will do."
    ]


# ---------------------------------------------------------------------------- going in and out


def test_who_joins_speaks_there_with_all_devices_and_again_at_each_login(chat: Chat) -> None:
    chat.log_in("alice").types("/create dev")
    bob, phone = chat.log_in("bob"), chat.log_in("bob")
    bob.types("/join dev")
    assert bob.room.name == "dev"
    assert phone.room.name == "lobby"
    assert phone.told() == ["You are in dev, too: you entered it on another device."]
    assert list(phone.rooms) == ["lobby", "dev"]
    bob.leaves()
    phone.leaves()
    assert list(chat.log_in("bob").rooms) == ["lobby", "dev"]


def test_joining_a_room_that_one_is_in_turns_to_it(chat: Chat) -> None:
    alice = chat.log_in("alice")
    alice.types("/create dev")
    assert alice.types("/join #Lobby") == ["You speak in lobby now."]
    assert alice.room.name == "lobby"
    assert alice.types("/join dev") == ["You speak in dev now."]
    assert alice.room.name == "dev"


def test_a_room_that_is_not_there_is_told_with_the_nearest_and_how_to_make_it(chat: Chat) -> None:
    chat.log_in("alice").types("/create dev")
    bob = chat.log_in("bob")
    assert bob.types("/join #Dve") == ["There is no room dve. Did you mean dev? /create dve makes it."]
    assert bob.types("/join 2026") == ["There is no room 2026. /rooms lists them all."]
    (line,) = bob.types("/join a]b")
    assert line.startswith("There is no such room: a room's name has")
    nobody = Chat(RoomRules(create="nobody")).log_in("bob")
    assert nobody.types("/join loby") == ["There is no room loby. Did you mean lobby?"]


def test_who_parts_is_gone_with_all_devices_until_he_joins_again(chat: Chat) -> None:
    chat.log_in("alice").types("/create dev")
    bob, phone = chat.log_in("bob"), chat.log_in("bob")
    bob.types("/join dev")
    assert bob.types("/part") == ["You left dev. You speak in lobby now."]
    assert list(bob.rooms) == list(phone.rooms) == list(chat.log_in("bob").rooms) == ["lobby"]
    assert bob.types("/part dev") == ["You are not in dev."]


def test_who_was_banned_or_kicked_is_not_back_by_himself(chat: Chat) -> None:
    alice, bob, carol = (chat.log_in(name) for name in ("alice", "bob", "carol"))
    alice.types("/create dev invite-only")
    for guest in (bob, carol):
        alice.types(f"/invite {guest.account.name}")
        guest.types("/join dev")
    alice.types("/ban bob 1h")
    alice.types("/unban bob")
    carol.leaves()
    assert alice.types("/kick carol") == ["You kicked carol out of dev."]  # though she is not there
    assert alice.types("/kick carol") == ["carol is not in dev."]
    for name in ("bob", "carol"):
        again = chat.log_in(name)
        assert list(again.rooms) == ["lobby"]
        assert again.types("/join dev") == ["dev is by invitation only: somebody who is in it can /invite you."]


def test_who_is_put_out_on_his_way_in_is_not_let_in_by_what_is_left_of_his_joining(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob, phone = chat.log_in("alice"), chat.log_in("bob"), chat.log_in("bob")
    alice.types("/create dev")
    enter = phone.membership.enter

    def enter_after_being_kicked(room: Room, told: Reply) -> bool:
        assert bob.room is room
        alice.types("/kick bob")
        return enter(room, told)

    monkeypatch.setattr(Membership, "enter", lambda _, room, told: enter_after_being_kicked(room, told))
    bob.types("/join dev")
    assert list(bob.rooms) == list(phone.rooms) == list(chat.log_in("bob").rooms) == ["lobby"]
    assert not chat.hub.room("dev").is_in("bob")


def in_three_rooms(chat: Chat) -> Person:
    """Return alice, who is in lobby, dev and ops, and has turned to each in this order."""
    alice = chat.log_in("alice")
    alice.types("/create dev")
    alice.types("/create ops")
    alice.told()
    return alice


def test_who_parts_speaks_again_where_they_spoke_before(chat: Chat) -> None:
    alice = in_three_rooms(chat)
    assert alice.types("/part") == ["You left ops. You speak in dev now."]
    assert alice.types("/part") == ["You left dev. You speak in lobby now."]
    assert alice.types("/part") == [f"You left lobby. {IN_NO_ROOM}"]


def test_the_room_spoken_in_before_is_the_one_turned_to_last_that_one_is_still_in(chat: Chat) -> None:
    alice = in_three_rooms(chat)
    alice.types("/join lobby")
    alice.types("/join dev")
    assert alice.types("/part lobby") == ["You left lobby. You speak in dev now."]
    assert alice.types("/part") == ["You left dev. You speak in ops now."]


def test_who_parts_and_spoke_nowhere_before_speaks_nowhere(chat: Chat) -> None:
    in_three_rooms(chat).leaves()
    alice = chat.log_in("alice")
    assert alice.room.name == "lobby"
    assert alice.types("/part") == ["You left lobby. You speak in no room now: /join dev turns to one."]
    assert alice.says_refused() == "You speak in no room now: /join dev turns to one."
    assert alice.types("/join ops") == ["You speak in ops now."]
    assert alice.types("/part") == ["You left ops. You speak in no room now: /join dev turns to one."]


def test_another_device_whose_room_is_left_speaks_nowhere_and_is_told_so(chat: Chat) -> None:
    desk = in_three_rooms(chat)
    phone = chat.log_in("alice")
    phone.types("/join ops")
    assert phone.types("/part") == ["You left ops. You speak in lobby now."]
    assert desk.told() == [
        "You are no longer in ops: you left it on another device.",
        "You speak in no room now: /join lobby turns to one.",
    ]
    phone.types("/part dev")
    assert desk.told() == ["You are no longer in dev: you left it on another device."]


def test_another_device_that_is_in_no_room_is_not_turned_to_the_one_that_is_joined(chat: Chat) -> None:
    desk, phone = chat.log_in("alice"), chat.log_in("alice")
    desk.types("/part")
    desk.types("/join lobby")
    assert phone.told()[-1] == "You are in lobby, too: you entered it on another device."
    assert phone.says_refused() == "You speak in no room now: /join lobby turns to one."


def test_who_is_put_out_speaks_nowhere_and_after_the_next_room_where_they_spoke_before(chat: Chat) -> None:
    root, bob = chat.log_in("root"), chat.log_in("bob")
    for name in ("dev", "ops"):
        root.types(f"/create {name}")
        bob.types(f"/join {name}")
    root.types("/kick bob")
    assert bob.says_refused() == "You speak in no room now: /join lobby turns to one."
    bob.types("/join lobby")
    assert bob.types("/part") == ["You left lobby. You speak in dev now."]


def test_the_lobby_can_be_left_for_good_and_joined_again(chat: Chat) -> None:
    alice = chat.log_in("alice")
    assert alice.types("/part lobby") == [f"You left lobby. {IN_NO_ROOM}"]
    again = chat.log_in("alice")
    assert not again.rooms
    again.types("/join lobby")
    assert list(alice.rooms) == list(chat.log_in("alice").rooms) == ["lobby"]


def test_who_is_banned_does_not_get_in_nor_is_he_let_in_later_for_having_tried(chat: Chat) -> None:
    alice, bob = chat.log_in("alice"), chat.log_in("bob")
    alice.types("/create dev")
    alice.types("/ban bob spam")
    assert bob.types("/join dev") == ["You are banned from dev: spam."]
    alice.types("/unban bob")
    assert list(chat.log_in("bob").rooms) == ["lobby"]


# ---------------------------------------------------------------------------- looking


def test_who_lists_the_own_room_or_another(chat: Chat) -> None:
    alice, _ = chat.log_in("alice"), chat.log_in("bob")
    assert alice.types("/who") == ["Here now: alice, bob."]
    alice.types("/create dev")
    assert alice.types("/who") == ["Here now: alice."]
    assert alice.types("/who #Lobby") == ["In lobby now: alice, bob."]
    assert alice.types("/who nowhere") == ["There is no room nowhere. /rooms lists them all."]


def test_who_is_in_a_room_for_guests_is_told_to_those_who_may_enter(chat: Chat) -> None:
    mod, bob = chat.log_in("Mod"), chat.log_in("bob")
    mod.types("/join staff")
    assert bob.types("/who staff") == ["staff is by invitation only: somebody who is in it can /invite you."]
    assert chat.log_in("mina").types("/who staff") == ["In staff now: Mod."]
    mod.types("/invite bob")
    bob.told()
    assert bob.types("/who staff") == ["In staff now: Mod."]


def test_a_crowd_is_listed_page_by_page(chat: Chat) -> None:
    alice = chat.log_in("alice")
    names = [f"user{number:03}" for number in range(2 * WHO_NAMES)]
    for name in names:
        chat.log_in(name)
    first, end = alice.types("/who")
    assert first == f"Here now: alice, {', '.join(names[: WHO_NAMES - 1])} and {WHO_NAMES + 1} more."
    assert end == "(/more goes on)"
    second, end = alice.types("/more")
    assert second == f"Here too: {', '.join(names[WHO_NAMES - 1 : 2 * WHO_NAMES - 1])} and 1 more."
    assert alice.types("/more") == [f"Here too: {names[-1]}."]
    assert alice.types("/more") == ["There is nothing more to show."]


def test_a_short_list_does_not_take_away_what_more_goes_on_with(chat: Chat) -> None:
    alice = chat.log_in("alice")
    for number in range(3):
        alice.says(f"line {number}")
    assert alice.types("/history 1")[-1] == "(end; /more shows what came before)"
    alice.types("/who")
    assert alice.types("/more")[1].endswith("<alice> line 1")


def test_rooms_are_listed_with_what_the_asker_may_know(chat: Chat) -> None:
    alice, mod = chat.log_in("alice"), chat.log_in("Mod")
    alice.types("/create dev unlogged")
    alice.types("/topic tea")
    assert mod.types("/rooms") == [
        "There are 3 rooms:",
        "dev (1 person, unlogged): tea",
        "lobby (2 people, you speak here)",
        "staff (nobody, invite-only): Tea",
        "(end; that is all)",
    ]
    assert alice.types("/rooms")[1:4] == [
        "dev (1 person, you speak here, unlogged): tea",
        "lobby (2 people, you are in it)",
        "(end; that is all)",
    ]


def test_rooms_that_one_may_not_enter_are_neither_listed_nor_suggested(chat: Chat) -> None:
    mod, alice, bob = chat.log_in("Mod"), chat.log_in("alice"), chat.log_in("bob")
    alice.types("/create dev")
    alice.types("/create guests invite-only")
    alice.types("/join dev")
    assert bob.types("/rooms") == [
        "There are 2 rooms:",
        "dev (1 person)",
        "lobby (3 people, you speak here)",
        "(end; that is all)",
    ]
    for typed in ("/join guest", "/who gests", "/part guests2", "/join staf"):
        assert "Did you mean" not in bob.types(typed)[0]
    assert bob.types("/create guests") == ["There is a room guests already: another name will do."]
    assert bob.types("/create guésts") == ["guésts looks too much like that of another room: another name will do."]
    alice.types("/ban bob")
    assert bob.types("/rooms")[:2] == ["There is 1 room:", "lobby (3 people, you speak here)"]
    alice.types("/join guests")
    alice.types("/invite bob")
    assert bob.types("/rooms")[1] == "guests (1 person, invite-only)"
    assert bob.types("/join guest")[0].startswith("There is no room guest. Did you mean guests?")
    assert mod.types("/rooms")[0] == "There are 4 rooms:"


def test_many_rooms_are_listed_page_by_page(chat: Chat) -> None:
    alice = chat.log_in("alice")
    for number in range(PAGE_ROOMS):
        alice.types(f"/create r{number:02}")
    first = alice.types("/rooms")
    assert first[0] == f"There are {PAGE_ROOMS + 1} rooms:"
    assert len(first) == PAGE_ROOMS + 2
    assert first[-1] == "(/more goes on)"
    rest = alice.types("/more")
    assert rest == ["r19 (1 person, you speak here)", "(end; that is all)"]
    assert len({line.split()[0] for line in first[1:-1] + rest[:-1]}) == PAGE_ROOMS + 1
