"""How often one account may decide something that is kept for good."""

import pytest

from chatsrv.model.roomrules import RoomRules
from tests.chat.people import Chat

TOO_MUCH = "That is too much at once, since it is all kept for good. Try again in a minute."


@pytest.fixture
def chat() -> Chat:
    return Chat(RoomRules(changes_per_minute=5))


def test_a_member_who_decides_again_and_again_is_told_to_wait_on_all_devices(chat: Chat) -> None:
    alice, phone = chat.log_in("alice"), chat.log_in("alice")
    alice.types("/create dev")  # and enters it
    for number in range(8):
        assert alice.types(f"/topic {number}") == ["The topic of dev is set."]
    recorded = chat.recorded()
    phone.types("/join dev")
    for typed in ("/topic 8", "/create ops", "/part dev", "/ignore bob"):
        assert alice.types(typed) == phone.types(typed) == [TOO_MUCH]
    assert chat.recorded() == recorded
    assert list(alice.rooms) == ["lobby", "dev"]


def test_who_may_not_join_for_now_does_not_get_in_either(chat: Chat) -> None:
    alice, bob = chat.log_in("alice"), chat.log_in("bob")
    alice.types("/create dev")
    for _ in range(5):
        bob.types("/ignore alice")
        bob.types("/unignore alice")
    assert bob.types("/join dev") == [TOO_MUCH]
    assert list(bob.rooms) == ["lobby"]


def test_one_members_haste_is_not_anothers_and_no_moderators(chat: Chat) -> None:
    alice, mod = chat.log_in("alice"), chat.log_in("Mod")
    alice.types("/create dev")
    mod.types("/join dev")
    for number in range(20):
        assert mod.types(f"/topic {number}") == ["The topic of dev is set."]
    assert alice.types("/topic Tea") == ["The topic of dev is set."]


def test_without_a_limit_nobody_waits() -> None:
    alice = Chat(RoomRules(changes_per_minute=0)).log_in("alice")
    alice.types("/create dev")
    for number in range(100):
        assert alice.types(f"/topic {number}") == ["The topic of dev is set."]
