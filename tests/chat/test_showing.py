"""Commands about how lines are shown: an account chooses, its devices follow, and it is kept."""

import pytest

from chatsrv.chat.hub import Hub
from chatsrv.chat.register import Register
from chatsrv.model.changes import Change, What
from chatsrv.model.entries import REGISTER, Kind, Position
from chatsrv.model.roomrules import RoomRules
from chatsrv.model.style import Style
from chatsrv.roomlog.base import RoomLog
from chatsrv.roomlog.memory import MemoryStore
from tests.chat.people import Chat

TIMES_OFF = "times is set to off: lines are shown without their times. /set times on changes that."
TIMES_ON = "times is set to on: each line begins with its time. /set times off changes that."
ROOMS_OTHERS = (
    "rooms is set to others: only lines of rooms that you do not speak in name their room. "
    "/set rooms always changes that."
)


def test_what_is_set_and_what_can_be_is_listed(chat: Chat) -> None:
    alice = chat.log_in("alice")
    assert alice.types("/set") == [TIMES_OFF, ROOMS_OTHERS]
    assert alice.types("/SET Times") == [TIMES_OFF]
    alice.types("/set times on")
    assert alice.types("/set") == [TIMES_ON, ROOMS_OTHERS]


def test_all_devices_of_an_account_follow_and_nobody_else(chat: Chat) -> None:
    alice, phone, bob = chat.log_in("alice"), chat.log_in("alice"), chat.log_in("bob")
    assert alice.types("/set Times ON") == ["From now on each line begins with its time."]
    assert phone.types("/set rooms always") == ["From now on each line names its room."]
    assert alice.style == phone.style == Style("on", "always")
    assert bob.style == Style()
    assert chat.recorded() == []  # it is nobody else's business


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("/set times", TIMES_OFF),
        ("/set times maybe", "times can be off or on."),
        ("/set times on, please", "times can be off or on."),
        ("/set times=on", "You can set times (off or on) and rooms (others or always)."),
        ("/set colour red", "You can set times (off or on) and rooms (others or always)."),
        ("/set times off", "times is set to off already: lines are shown without their times."),
    ],
)
def test_what_changes_nothing_is_not_recorded(chat: Chat, typed: str, told: str) -> None:
    alice = chat.log_in("alice")
    before = chat.hub.register
    assert alice.types(typed) == [told]
    assert before.style_of("alice") == Style()


def test_a_style_outlives_a_restart() -> None:
    store = MemoryStore()
    chat = Chat()
    chat.hub = Hub(store)
    alice = chat.log_in("alice")
    alice.types("/set times on")
    alice.types("/set rooms always")
    alice.types("/set times off")
    assert Hub(store).register.style_of("alice") == Style("off", "always")
    log = store.open(REGISTER)
    assert len(log.read(Position(log.epoch, 0), 100)) == 3


def test_nobody_fills_the_register_by_changing_it_again_and_again() -> None:
    chat = Chat(RoomRules(changes_per_minute=3))
    alice = chat.log_in("alice")
    told = [alice.types(f"/set times {value}")[0] for value in ("on", "off") * 10]
    assert len([line for line in told if line.startswith("From now on")]) < 10
    assert [line for line in told if line.startswith("That is too much at once")]


@pytest.mark.parametrize("text", ["", "times", "times maybe", "colours on", "times on off"])
def test_a_style_of_a_later_version_is_skipped(log: RoomLog, register: Register, text: str) -> None:
    register.record("alice", 1, Change(What.SET, text="times on"))
    log.append(Kind.CHANGE, "alice", 1, (Change(What.SET, text=text).encode(),))
    again = Register(log)
    assert again.style_of("alice") == Style("on")
