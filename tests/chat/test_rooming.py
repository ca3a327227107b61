"""Commands about rooms: making them, going in and out, looking at them, their topics and guests."""

from collections.abc import Callable

import pytest

from chatsrv.accounts import Role
from chatsrv.changes import Change, What
from chatsrv.chat.hub import Hub, RoomRules
from chatsrv.chat.room import Room
from chatsrv.chat.rooming import PAGE_ROOMS, WHO_NAMES
from chatsrv.entries import Kind
from chatsrv.roomlog.memory import MemoryStore
from tests.chat.people import Chat

IN_NO_ROOM = "You are in no room: /rooms lists them, /join ROOM enters one."


# ---------------------------------------------------------------------------- making rooms


def test_who_makes_a_room_owns_it_and_speaks_there(chat: Chat) -> None:
    alice = chat.log_in("alice")
    assert alice.types("/create #Dev") == ["dev is your room: there you can /kick, /ban, /mute and set the /topic."]
    assert alice.room.name == "dev"
    assert list(alice.rooms) == ["lobby", "dev"]
    assert chat.hub.room("dev").facts.owner == "alice"
    assert chat.seen("dev") == ["*** alice created the room dev"]


def test_a_room_can_be_for_guests_and_off_the_record(chat: Chat) -> None:
    alice, bob = chat.log_in("alice"), chat.log_in("bob")
    alice.types("/create dev unlogged invite-only")
    assert chat.seen("dev") == ["*** alice created the room dev (invite-only, unlogged)"]
    assert bob.types("/join dev") == ["dev is for those who are invited: somebody in it can do that, by /invite."]
    assert "dev" not in bob.rooms


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("dev", "There is a room dev already: /join dev enters it."),
        ("l0bby", "l0bby looks too much like lobby: another name will do."),
        ("@bob", "No room can be called so: a room's name has 1 to 32 bytes of letters,"),
        ("private", "No room can be called so: that name is reserved."),
        (
            "Privates",
            "No room can be called so: privates begins like the mark of a private message;",
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
    alice = Chat(RoomRules(most_rooms=2)).log_in("alice")
    for name in ("one", "two"):
        alice.types(f"/create {name}")
    assert alice.types("/create three") == ["There are as many rooms as there may be."]


def test_one_member_cannot_take_all_rooms() -> None:
    chat = Chat(RoomRules(most_of_one=2))
    bob, mod = chat.log_in("bob"), chat.log_in("Mod")
    for name in ("first", "second"):
        assert bob.types(f"/create {name}")[0].startswith(f"{name} is your room")
    assert bob.types("/create third") == ["You own as many rooms as one may: 2."]
    assert chat.log_in("carol").types("/create third")[0].startswith("third is your room")
    for name in ("garden", "attic", "kitchen"):
        assert mod.types(f"/create {name}")[0].startswith(f"{name} is your room")


@pytest.mark.parametrize(
    ("role", "names"), [(Role.MEMBER, ["alice", "Mod", "root"]), (Role.MODERATOR, ["Mod", "root"]), (None, [])]
)
def test_the_settings_say_from_which_role_up_people_make_rooms(role: Role | None, names: list[str]) -> None:
    chat = Chat(RoomRules(create_role=role))
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


# ---------------------------------------------------------------------------- going in and out


def test_who_joins_speaks_there_with_all_devices_and_again_at_each_login(chat: Chat) -> None:
    chat.log_in("alice").types("/create dev")
    bob, phone = chat.log_in("bob"), chat.log_in("bob")
    bob.types("/join dev")
    assert bob.room.name == "dev"
    assert phone.room.name == "lobby"
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
    nobody = Chat(RoomRules(create_role=None)).log_in("bob")
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
        assert again.types("/join dev") == ["dev is for those who are invited: somebody in it can do that, by /invite."]


def test_who_is_put_out_on_his_way_in_is_not_let_in_by_what_is_left_of_his_joining(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob, phone = chat.log_in("alice"), chat.log_in("bob"), chat.log_in("bob")
    alice.types("/create dev")
    go_into = bob.go_into

    def be_kicked_while_it_is_told(room: Room) -> Callable[[], None]:
        tell = go_into(room)

        def tell_slowly() -> None:
            alice.types("/kick bob")
            tell()

        return tell_slowly

    monkeypatch.setattr(bob, "go_into", be_kicked_while_it_is_told)
    bob.types("/join dev")
    assert list(bob.rooms) == list(phone.rooms) == list(chat.log_in("bob").rooms) == ["lobby"]
    assert not chat.hub.room("dev").is_in("bob")


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
    assert bob.types("/who staff") == ["staff is for those who are invited: somebody in it can do that, by /invite."]
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
        "staff (nobody, invite-only)",
    ]


def test_many_rooms_are_listed_page_by_page(chat: Chat) -> None:
    alice = chat.log_in("alice")
    for number in range(PAGE_ROOMS):
        alice.types(f"/create r{number:02}")
    first = alice.types("/rooms")
    assert first[0] == f"There are {PAGE_ROOMS + 2} rooms:"
    assert len(first) == PAGE_ROOMS + 2
    assert first[-1] == "(/more goes on)"
    rest = alice.types("/more")
    assert rest == ["r19 (1 person, you speak here)", "staff (nobody, invite-only)", "(end; that is all)"]
    assert len({line.split()[0] for line in first[1:-1] + rest[:-1]}) == PAGE_ROOMS + 2


# ---------------------------------------------------------------------------- topics


def test_whoever_is_in_a_room_that_people_made_sets_its_topic(chat: Chat) -> None:
    chat.log_in("alice").types("/create dev")
    bob = chat.log_in("bob")
    bob.types("/join dev")
    assert bob.types("/topic") == ["dev has no topic."]
    assert bob.types("/topic tea & biscuits") == ["The topic of dev is set."]
    topic, by = bob.types("/topic")
    assert topic == "Topic of dev: tea & biscuits"
    assert by.startswith("(bob set it on 20")
    assert bob.types("/topic tea & biscuits") == ["That is the topic of dev already."]
    assert bob.types("/topic -") == ["dev has no topic any more."]
    assert chat.seen("dev")[1:] == ["*** bob changed the topic to: tea & biscuits", "*** bob cleared the topic"]


def test_topics_of_the_rooms_of_the_settings_are_the_moderators(chat: Chat) -> None:
    bob, mod = chat.log_in("bob"), chat.log_in("Mod")
    assert bob.types("/topic mine") == [
        "You have no right to set this room's topic: your role is member, and lobby is not your room."
    ]
    assert mod.types("/topic ours") == ["The topic of lobby is set."]
    mod.types("/join staff")
    assert mod.types("/topic") == ["Topic of staff: Tea"]


def test_a_topic_is_bounded_and_nobody_who_is_muted_sets_one(chat: Chat) -> None:
    alice, bob = chat.log_in("alice"), chat.log_in("bob")
    alice.types("/create dev")
    assert alice.types("/topic " + "x" * 301) == ["A topic may have up to 300 characters; that had 301."]
    bob.types("/join dev")
    alice.types("/mute bob caps")
    assert bob.types("/topic HELLO") == ["You are muted in dev: caps."]
    assert bob.types("/invite carol") == ["You are muted in dev: caps."]
    assert chat.hub.room("dev").facts.topic.text == ""


# ---------------------------------------------------------------------------- guests


def test_whoever_is_in_a_room_lets_guests_in(chat: Chat) -> None:
    alice, bob = chat.log_in("alice"), chat.log_in("bob")
    alice.types("/create dev invite-only")
    assert alice.types("/invite BOB") == ["bob is invited to dev."]
    assert bob.told() == ["alice invites you to dev: /join dev enters it."]
    bob.types("/join dev")
    assert bob.room.name == "dev"
    assert bob.types("/invite carol") == ["carol is invited to dev. carol is not here now, and has to be told."]
    assert chat.seen("dev")[1:] == ["*** alice invited bob", "*** bob invited carol"]
    chat.log_in("carol").types("/join dev")
    assert chat.log_in("alice").types("/who dev") == ["In dev now: alice, bob, carol."]


def test_a_second_invitation_is_told_and_not_recorded_again(chat: Chat) -> None:
    alice, bob = chat.log_in("alice"), chat.log_in("bob")
    alice.types("/create dev")
    alice.types("/invite bob")
    alice.types("/invite bob")
    assert bob.told() == ["alice invites you to dev: /join dev enters it."] * 2
    assert [change.what for _, change in chat.recorded()] == [What.CREATE, What.INVITE]


def test_an_invitation_cannot_be_repeated_until_the_guest_has_no_screen_left(chat: Chat) -> None:
    alice, bob = chat.log_in("alice"), chat.log_in("bob")
    alice.types("/create dev")
    told = [alice.types("/invite bob") for _ in range(4)]
    assert told[:2] == [["bob is invited to dev."]] * 2
    assert told[2:] == [["You invited bob just now: once a minute will do."]] * 2
    assert bob.told() == ["alice invites you to dev: /join dev enters it."] * 2
    assert alice.types("/invite carol")[0].startswith("carol is invited to dev.")


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("/invite zoe", "There is no account zoe."),
        ("/invite alice", "alice is in dev already."),
        ("/invite bob", "bob is banned from dev."),
        ("/invite carol lobby", "carol is in lobby already."),
        ("/invite carol staff", "You are not in staff."),
    ],
)
def test_an_invitation_that_makes_no_sense_is_refused(chat: Chat, typed: str, told: str) -> None:
    alice, *_ = (chat.log_in(name) for name in ("alice", "bob", "carol"))
    alice.types("/create dev")
    alice.types("/ban bob")
    assert alice.types(typed) == [told]


def test_who_is_ignored_invites_unheard(chat: Chat) -> None:
    alice, bob = chat.log_in("alice"), chat.log_in("bob")
    bob.types("/ignore alice")
    alice.types("/create dev")
    assert alice.types("/invite bob") == ["bob is invited to dev."]
    assert bob.told() == []


# ---------------------------------------------------------------------------- slowing down


def test_the_owner_slows_a_room_down_and_lets_it_go(chat: Chat) -> None:
    alice, bob = chat.log_in("alice"), chat.log_in("bob")
    alice.types("/create dev")
    bob.types("/join dev")
    assert alice.types("/slow off") == ["dev is not slowed down."]
    assert alice.types("/slow 30") == ["dev has one line in 30 seconds from each."]
    assert alice.types("/slow 30") == ["dev has one line in 30 seconds from each already."]
    assert bob.says("one") == ""
    assert bob.says("two").startswith("dev is slowed down")
    assert alice.types("/slow off") == ["dev is as fast as people are."]
    assert bob.says("two") == ""
    assert bob.types("/slow 30") == [
        "You have no right to slow a room down: your role is member, and dev is not your room."
    ]
    assert chat.recorded()[1:] == [("alice", Change(What.SLOW, "dev", text=seconds)) for seconds in ("30", "0")]


def test_who_leaves_a_slow_room_and_comes_back_still_has_to_wait(chat: Chat) -> None:
    alice, bob = chat.log_in("alice"), chat.log_in("bob")
    alice.types("/create dev")
    bob.types("/join dev")
    alice.types("/slow 30")
    assert bob.says("one") == ""
    bob.types("/part")
    bob.types("/join dev")
    assert bob.says("two").startswith("dev is slowed down")


def test_nobody_makes_a_room_anew_to_read_what_was_said_there_once(chat: Chat) -> None:
    store = MemoryStore()  # in which there is a room that the settings named at an earlier start
    store.open("board").append(Kind.SAY, "root", 1, ("The accounts are in the safe.",))
    chat.hub = Hub(store)
    alice = chat.log_in("alice")
    assert alice.types("/create board") == [
        "There was a room board once, which only an administrator can open again: another name will do."
    ]
