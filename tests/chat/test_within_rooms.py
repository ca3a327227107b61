"""Commands within rooms: their topics, their guests, and how fast people speak there."""

import pytest

from chatsrv.chat.hub import Hub
from chatsrv.model.changes import Change, What
from chatsrv.model.errors import NotRecorded
from chatsrv.model.roomrules import DeclaredRoom, RoomRules
from chatsrv.roomlog.memory import MemoryStore
from tests.chat.people import Chat

INVITED = "alice invites you to dev: /join dev enters it."

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


def test_a_topic_may_be_asked_for_and_set_as_irc_does(chat: Chat) -> None:
    alice, bob = chat.log_in("alice"), chat.log_in("bob")
    alice.types("/create dev")
    alice.types("/create ops")
    assert alice.types("/topic #Dev tea & biscuits") == ["The topic of dev is set."]
    assert alice.types("/topic #dev")[0] == "Topic of dev: tea & biscuits"
    assert alice.types("/topic #dev -") == ["dev has no topic any more."]
    assert alice.types("/topic #1 rule: be kind") == ["The topic of ops is set."]
    assert chat.hub.room("ops").facts.topic.text == "#1 rule: be kind"
    assert bob.types("/topic #dev mine") == ["You are not in dev."]
    assert bob.types("/topic #lobby")[0] == "lobby has no topic."


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


def test_in_a_slow_room_a_topic_an_invitation_and_a_reason_each_count_as_a_line(chat: Chat) -> None:
    alice, bob = chat.log_in("alice"), chat.log_in("bob")
    alice.types("/create dev")
    bob.types("/join dev")
    chat.log_in("carol").types("/join dev")
    alice.types("/slow 3600")
    slowed = "Slow mode is on in dev: one line in 1 hour from each"
    assert bob.types("/topic one") == ["The topic of dev is set."]
    for number in range(5):
        assert bob.types(f"/topic {number}") == [f"{slowed}, and a topic counts as one."]
    assert bob.types("/topic -") == [f"{slowed}, and a topic counts as one."]
    assert bob.types("/invite mina") == [f"{slowed}, and an invitation counts as one."]
    assert bob.says("hello") == f"{slowed}. That was not said."
    assert chat.hub.room("dev").facts.topic.text == "one"
    assert alice.says("hello") == ""  # the owner, who may hurry no more than others
    for command in ("kick", "ban", "mute"):
        assert alice.types(f"/{command} carol loud") == [
            f"{slowed}, and a reason counts as one. Without a reason it can be done."
        ]
    assert alice.types("/kick carol") == ["You kicked carol out of dev."]
    mod = chat.log_in("Mod")
    mod.types("/join dev")
    assert mod.types("/topic two") == ["The topic of dev is set."]
    assert mod.types("/topic three") == ["The topic of dev is set."]


def test_an_invitation_that_is_told_again_counts_as_a_line_too(chat: Chat) -> None:
    alice, _ = chat.log_in("alice"), chat.log_in("bob")
    alice.types("/create dev")
    alice.types("/invite bob")
    alice.types("/slow 3600")
    alice.says("hello")
    assert alice.types("/invite bob") == [
        "Slow mode is on in dev: one line in 1 hour from each, and an invitation counts as one."
    ]
    assert chat.private("bob") == [INVITED]


# ---------------------------------------------------------------------------- guests


def test_whoever_is_in_a_room_lets_guests_in(chat: Chat) -> None:
    alice, bob = chat.log_in("alice"), chat.log_in("bob")
    alice.types("/create dev invite-only")
    assert alice.types("/invite BOB") == ["bob is invited to dev."]
    assert chat.private("bob") == [INVITED]
    assert bob.heard == ["@bob"]
    bob.types("/join dev")
    assert bob.room.name == "dev"
    assert bob.types("/invite carol") == [
        "carol is invited to dev. carol is not here now, and reads it at the next login."
    ]
    assert chat.private("carol") == ["bob invites you to dev: /join dev enters it."]
    assert chat.seen("dev")[1:] == ["*** alice invited bob", "*** bob invited carol"]
    chat.log_in("carol").types("/join dev")
    assert chat.log_in("alice").types("/who dev") == ["In dev now: alice, bob, carol."]


def test_a_second_invitation_is_told_and_not_recorded_again(chat: Chat) -> None:
    alice, _ = chat.log_in("alice"), chat.log_in("bob")
    alice.types("/create dev")
    alice.types("/invite bob")
    alice.types("/invite bob")
    assert chat.private("bob") == [INVITED] * 2
    assert [change.what for _, change in chat.recorded()] == [What.CREATE, What.INVITE]


def test_an_invitation_cannot_be_repeated_until_the_guest_has_no_screen_left(chat: Chat) -> None:
    alice, _ = chat.log_in("alice"), chat.log_in("bob")
    alice.types("/create dev")
    told = [alice.types("/invite bob") for _ in range(4)]
    assert told[:2] == [["bob is invited to dev."]] * 2
    assert told[2:] == [["You invited bob just now: once a minute will do."]] * 2
    assert chat.private("bob") == [INVITED] * 2
    assert alice.types("/invite carol")[0].startswith("carol is invited to dev.")


def test_who_was_kicked_after_an_invitation_can_be_invited_again_at_once(chat: Chat) -> None:
    alice, bob = chat.log_in("alice"), chat.log_in("bob")
    alice.types("/create dev invite-only")
    for _ in range(4):
        assert alice.types("/invite bob") == ["bob is invited to dev."]
        bob.types("/join dev")
        alice.types("/kick bob")


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
    assert chat.private("bob") == []


def test_who_is_away_is_invited_once_and_may_be_sent_word(chat: Chat) -> None:
    alice = chat.log_in("alice")
    alice.types("/create dev")
    assert alice.types("/invite bob") == ["bob is invited to dev. bob is not here now, and reads it at the next login."]
    assert alice.types("/invite bob") == ["bob is invited to dev already. /msg bob TEXT leaves them a message."]
    assert chat.private("bob") == [INVITED]
    assert alice.types("/invite carol dev")[0].startswith("carol is invited to dev.")


def test_who_will_be_in_a_room_at_the_next_login_needs_no_invitation(chat: Chat) -> None:
    alice, bob = chat.log_in("alice"), chat.log_in("bob")
    alice.types("/create dev")
    bob.types("/join dev")
    bob.leaves()
    assert alice.types("/invite bob") == ["bob is in dev already."]
    assert alice.types("/invite carol lobby") == ["carol is in lobby already."]
    assert chat.private("bob") == chat.private("carol") == []


def test_an_invitation_that_cannot_be_passed_on_holds_and_its_author_is_told(
    chat: Chat, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, bob = chat.log_in("alice"), chat.log_in("bob")
    alice.types("/create dev invite-only")
    monkeypatch.setattr(chat.hub.private_log("bob"), "wait_for_space", refuse)
    assert alice.types("/invite bob") == [
        "bob is invited to dev. That could not be passed on to bob, so please tell them."
    ]
    bob.types("/join dev")
    assert bob.room.name == "dev"


def refuse() -> None:
    raise NotRecorded


def test_an_invitation_needs_no_answer_once_its_guest_is_in_or_was_put_out(chat: Chat) -> None:
    alice, register = chat.log_in("alice"), chat.hub.register
    alice.types("/create dev")
    alice.types("/create ops")
    for name in ("dev", "ops"):
        alice.types(f"/invite bob {name}")
    log = chat.hub.private_log("bob")
    dev, ops = log.read_back(log.end, 2)[::-1]
    assert not register.is_answered("bob", dev)
    alice.types("/ban bob")  # from ops
    assert register.is_answered("bob", ops)
    chat.log_in("bob").types("/join dev")
    assert register.is_answered("bob", dev)


def test_an_invitation_to_a_room_that_the_settings_no_longer_name_needs_no_answer(chat: Chat) -> None:
    store = MemoryStore()
    chat.hub = Hub(store, rules=RoomRules(declared=(DeclaredRoom(name="staff"),)))
    alice = chat.log_in("alice")
    alice.types("/join staff")
    alice.types("/invite bob")
    (entry,) = chat.hub.private_log("bob").read_back(chat.hub.private_log("bob").end, 1)
    assert not chat.hub.register.is_answered("bob", entry)
    assert Hub(store).register.is_answered("bob", entry)


@pytest.mark.parametrize("typed", ["/msg #dev hello", "/kick #dev", "/invite #dev", "/mute #dev 10m", "/ignore #dev"])
def test_a_room_where_a_person_is_asked_for_is_told_from_one(chat: Chat, typed: str) -> None:
    alice = chat.log_in("alice")
    alice.types("/create dev")
    assert alice.types(typed) == [
        "#dev looks like a room, and this takes a person's name. /join #dev turns to that room."
    ]


# ---------------------------------------------------------------------------- slowing down


def test_the_owner_slows_a_room_down_and_lets_it_go(chat: Chat) -> None:
    alice, bob = chat.log_in("alice"), chat.log_in("bob")
    alice.types("/create dev")
    bob.types("/join dev")
    assert alice.types("/slow off") == ["Slow mode is off in dev."]
    assert alice.types("/slow 30") == ["Slow mode is on in dev now: one line in 30 seconds from each."]
    assert alice.types("/slow 30") == ["Slow mode is on in dev already: one line in 30 seconds from each."]
    assert bob.says("one") == ""
    assert bob.says("two").startswith("Slow mode is on in dev")
    assert alice.types("/slow off") == ["Slow mode is off in dev now."]
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
    assert bob.says("two").startswith("Slow mode is on in dev")
