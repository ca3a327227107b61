"""Behaviour of chatsrv.chat.hub: one room for each name."""

from concurrent.futures import ThreadPoolExecutor
from itertools import islice, product

from chatsrv.chat.hub import Hub
from chatsrv.model.accounts import Account
from chatsrv.model.refusals import NoSuchRoom
from chatsrv.model.roomrules import RoomRules
from chatsrv.roomlog.memory import MemoryStore
from tests.refusing import refused
from tests.work import calls_of

ALICE, BOB = Account("alice"), Account("bob")


def test_a_room_is_opened_once_whoever_asks_first() -> None:
    hub = Hub(MemoryStore())
    with ThreadPoolExecutor(8) as pool:
        rooms = list(pool.map(hub.room, ["kitchen"] * 64))
    assert all(room is rooms[0] for room in rooms)
    assert rooms[0].name == "kitchen"


def test_the_lobby_is_a_room_like_any_other() -> None:
    assert (hub := Hub(MemoryStore())).room("lobby") is hub.lobby
    assert (hub := Hub(MemoryStore(), rules=RoomRules(default="hall"))).room("hall") is hub.lobby


def test_who_is_in_one_room_is_not_in_another() -> None:
    hub = Hub(MemoryStore())
    hub.lobby.enter(ALICE, 1)
    assert hub.room("kitchen").enter(BOB, 2).others == ()
    assert hub.lobby.present(10) == (("alice",), 0)


def test_what_happens_in_a_room_is_in_the_log_that_the_store_keeps_for_it() -> None:
    store = MemoryStore()
    hub = Hub(store)
    position = hub.room("kitchen").enter(ALICE, 1).position
    assert store.open("kitchen").end == position
    assert store.open("lobby").end.offset == 0


def test_hubs_without_a_store_share_nothing() -> None:
    Hub().lobby.enter(ALICE, 1)
    assert Hub().lobby.enter(BOB, 1).others == ()


def test_a_thousand_rooms_of_the_same_letters_do_not_make_a_mistyped_one_dear() -> None:
    hub = Hub(MemoryStore())
    names = ["a" * 19 + "".join(letters) for letters in islice(product("ab", repeat=12), 1000)]
    for name in names:
        hub.register.declare(name)

    def mistype() -> None:
        with refused(NoSuchRoom("a" * 20 + "ab" * 5 + "x")):
            hub.find("a" * 20 + "ab" * 5 + "x")

    assert calls_of(mistype) < 4 * len(names)  # comparing letter by letter: thirty for each
