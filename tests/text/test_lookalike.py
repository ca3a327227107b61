"""Behaviour of chatsrv.text.lookalike."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatsrv.model.errors import AccountsError
from chatsrv.text.lookalike import check_new_name, check_new_room, similar_room, skeleton
from chatsrv.text.names import RoomNameError, prepare_room
from tests.work import calls_of


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("\U0001d52d\U0001d4b6\u1eff\U0001d561\U0001d552\u2113", "paypal"),  # examples of Unicode's own
        ("scope", "\u0455\u0441\u043e\u0440\u0435"),
        ("Michael", "Michae1"),
        ("\u211c\U0001d602\u15af\u028f", "Ruby"),
        ("rnax", "max"),
        ("ᴘᴀᴜʟ", "paul"),
        ("ᴍᴀx", "max"),
        ("\ufea1", "\u062d"),  # Arabic: listed between direction marks
        ("a\u200db", "ab"),
    ],
)
def test_what_looks_alike_has_one_skeleton(one, other):
    assert skeleton(one) == skeleton(other)


@pytest.mark.parametrize(("one", "other"), [("alice", "alicia"), ("ali", "all"), ("用户", "用戶"), ("a", "b")])
def test_what_does_not_look_alike_has_two(one, other):
    assert skeleton(one) != skeleton(other)


def test_whatever_the_library_lists_as_confusable_has_one_skeleton():
    from confusable_homoglyphs.confusables import confusables_data

    pairs = [(text, entry["c"]) for text, listed in confusables_data.items() for entry in listed]
    assert len(pairs) > 10_000
    apart = [pair for pair in pairs if skeleton(pair[0]) != skeleton(pair[1])]
    # What is one letter and a mark in Unicode is taken apart before it is looked up, as UTS 39 says.
    assert len(apart) < 100


@given(st.text())
def test_a_skeleton_is_its_own_skeleton(text):
    assert skeleton(skeleton(text)) == skeleton(text)


@pytest.mark.parametrize(
    ("new", "existing"),
    [
        ("AIice", "Alice"),  # a capital i
        ("al1ce", "alIce"),
        ("p\u0430ul", "Paul"),  # a Cyrillic a
        ("b0b", "bob"),
        ("B0B", "bob"),
        ("rnax", "Max"),
        ("\u0391lice", "alice"),  # a capital alpha
        ("p1per", "Piper"),
        ("ph1l1p", "philip"),
        ("piper", "p1per"),
        ("ᴘaul", "Paul"),
    ],
)
def test_a_look_alike_of_an_account_is_refused_and_the_account_named(new, existing):
    with pytest.raises(AccountsError, match=f"looks like '{existing}', which is taken; accepted is"):
        check_new_name(new, ["zora", existing])


@pytest.mark.parametrize("new", ["alice", "ALICE", "Alicia", "ali", "bil", "Zoë", "用户", "admin2", "administration"])
def test_other_names_are_fine_and_so_is_the_very_same(new):
    check_new_name(new, ["alice", "all", "bill", "zoe", "用戶"])


@pytest.mark.parametrize(
    "new",
    [
        *("admin", "Admin", "ADMIN", "ADMlN", "adm1n", "\u0430dm\u0456n", "\u0410dMin", "r00t", "R\u041e\u041eT"),
        *("àdmin", "ađmin", "ᴀdmin", "áđṃin"),
    ],
)
def test_reserved_names_and_their_look_alikes_are_refused(new):
    with pytest.raises(AccountsError, match="reserved for the server; accepted is another name"):
        check_new_name(new, [])


def test_the_reserved_names_can_be_chosen():
    check_new_name("admin", [], ["chat.example.org"])
    with pytest.raises(AccountsError, match=r"looks like 'chat\.example\.org', which is reserved"):
        check_new_name("ch\u0430t.example.org", [], ["chat.example.org"])


@pytest.mark.parametrize("new", ["10.0.0.1", "10.0.0.0/8", "10.0.0.1/8", "\uff11\uff10.0.0.1"])
def test_no_account_is_called_as_an_address_since_a_ban_of_it_would_be_one_of_the_network(new):
    with pytest.raises(AccountsError, match=r"is an address or a network to /ban; accepted is another name"):
        check_new_name(new, [], [])


@pytest.mark.parametrize("new", ["10.0.0", "10", "10.0.0.256", "10.0.0.1/33", "mr.10.0.0.1"])
def test_other_numbers_are_names(new):
    check_new_name(new, [])


@pytest.mark.parametrize("new", ["everywhere", "Private", "pr\u0456vate"])
def test_no_account_is_called_as_a_word_of_the_chat_whatever_names_are_reserved(new):
    with pytest.raises(AccountsError, match="reserved for the server"):
        check_new_name(new, [], [])


@pytest.mark.parametrize("new", ["", "a b", "x" * 1000, "\ud800"])
def test_what_cannot_be_a_name_is_told(new):
    with pytest.raises(AccountsError, match="cannot be a name; a name has 1 to 64 bytes"):
        check_new_name(new, [])


def test_the_error_shows_what_is_not_plain():
    with pytest.raises(AccountsError) as caught:
        check_new_name("p\u0430ul", ["paul"])
    assert "'p\\u0430ul' looks like 'paul'" in str(caught.value)


@pytest.mark.parametrize(
    "new",
    [
        "private.",
        "privates",
        "private-to-bob",
        "priv\u0430te-to-bob",
        "14.03",
        "2026-11-25",
        "7",
        "admin",
        "Adm1n",
        "r00t",
        *("pr1vate", "ᴘrivate", "prìvate-2", "ƥrivate", "pri-vate", "prlvate", "PR1VATE"),
        *("àdmin", "admin1", "1admin", "adm1n-2", "ad.min", "ᴀᴅᴍɪɴ", "admin-", "r\u0336oot", "0wner"),
        *("server2", "serv\u0435r", "everywhere1", "admin_"),
        "x" + "\u0300" * 5,
        "က" + "\u103c" * 9,
    ],
)
def test_a_room_that_people_make_is_not_to_be_taken_for_a_mark_or_for_the_server(new: str) -> None:
    with pytest.raises(RoomNameError):
        check_new_room(prepare_room(new))


@pytest.mark.parametrize(
    "new", ["c3po", "pri", "my-private", "administration", "用户", "dev", "7up", "zoë", "café", "owners-club"]
)
def test_other_rooms_are_fine(new: str) -> None:
    check_new_room(prepare_room(new))


@pytest.mark.parametrize(
    ("new", "similar"),
    [
        ("l0bby", "lobby"),
        ("1obby", "lobby"),
        ("d\u0435v", "dev"),  # a Cyrillic e
        ("priv\u0430te", "private"),
        ("lobby", None),  # the very same
        ("lobby2", None),
        ("hall", None),
        ("v1s1tors", "visitors"),
        ("ma1l", "mail"),
        ("mall", None),
        ("fire11", "firell"),
        ("ᴅev", "dev"),
        ("lòbby", None),
    ],
)
def test_a_room_is_not_to_be_taken_for_another_or_for_a_word_of_the_chat(new: str, similar: str | None) -> None:
    assert similar_room(new, ["dev", "lobby", "visitors", "mail", "firell"]) == similar


@pytest.mark.parametrize(
    ("new", "similar"),
    [
        ("lòbby", "lobby"),
        ("l0bbý", "lobby"),
        ("l\u0336obby", "lobby"),
        ("lođge", "lodge"),
        ("cafe", "café"),
        ("mã", None),  # Vietnamese: another word than mà, which is there
        ("कि", None),  # so in Hindi, where the marks are vowels
        ("мой", None),
        ("dev", None),
    ],
)
def test_a_room_that_people_make_is_not_to_differ_from_a_plain_one_in_accents_alone(new: str, similar: str) -> None:
    rooms = ["lobby", "lodge", "café", "mà", "की", "мои", "dev"]
    assert similar_room(new, rooms, with_accents=True) == similar


def test_a_name_of_nothing_but_ones_is_read_in_a_bounded_number_of_ways():
    assert similar_room("1" * 32, ["i" * 32]) == "i" * 32
    assert calls_of(lambda: check_new_room("1" * 31 + "a")) < 20_000


def test_a_room_that_is_refused_again_and_again_has_a_thousand_names_looked_at_once():
    rooms = [f"room-{number:03}" for number in range(1000)]
    assert similar_room("nothing-like-it", rooms) is None
    assert calls_of(lambda: similar_room("room-g99", rooms)) < 2 * len(rooms)  # looking at each: thirty for each
