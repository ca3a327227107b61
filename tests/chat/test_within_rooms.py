"""Commands within rooms: their topics, their guests, and how fast people speak there."""

import pytest

from chatsrv.changes import Change, What
from tests.chat.people import Chat

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


def test_in_a_slow_room_a_topic_an_invitation_and_a_reason_each_count_as_a_line(chat: Chat) -> None:
    alice, bob = chat.log_in("alice"), chat.log_in("bob")
    alice.types("/create dev")
    bob.types("/join dev")
    chat.log_in("carol").types("/join dev")
    alice.types("/slow 3600")
    slowed = "dev is slowed down: one line in 1 hour"
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
    alice, bob = chat.log_in("alice"), chat.log_in("bob")
    alice.types("/create dev")
    alice.types("/invite bob")
    alice.types("/slow 3600")
    bob.told()
    alice.says("hello")
    assert alice.types("/invite bob") == ["dev is slowed down: one line in 1 hour, and an invitation counts as one."]
    assert bob.told() == []


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
