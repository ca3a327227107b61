"""Commands that tell what was decided: to whom, about what, and page by page."""

import pytest

from chatsrv.chat.auditing import PAGE_LINES
from chatsrv.model.accounts import Account
from chatsrv.model.changes import Change, What
from chatsrv.model.entries import REGISTER, Entry, Kind, Position
from tests.chat.people import Chat
from tests.peer import with_any_time

NOTHING_MORE = "There is nothing more to show."


def audited(lines: list[str]) -> list[str]:
    return [with_any_time(line).removeprefix("[14:03] ") for line in lines]


def test_bans_and_mutes_are_listed_with_those_of_the_server_for_moderators(chat: Chat) -> None:
    alice, mod, root = chat.log_in("alice"), chat.log_in("Mod"), chat.log_in("root")
    alice.types("/create dev")
    mod.types("/join dev")
    root.types("/mute carol everywhere")
    alice.types("/mute bob 10m caps")
    alice.types("/ban carol")
    (banned, muted, end) = alice.types("/bans")
    assert banned.startswith("carol: banned from dev for good, by alice on 20")
    assert muted.startswith("bob: muted in dev until 20")
    assert muted.endswith(": caps")
    assert end == "(end; that is all)"
    (*same, server, _) = mod.types("/bans")
    assert same == [banned, muted]
    assert server.startswith("carol: muted on the whole server for good, by root on 20")


def test_many_bans_are_listed_page_by_page(chat: Chat) -> None:
    mod = chat.log_in("Mod")
    for number in range(PAGE_LINES + 1):
        mod.types(f"/ban 198.51.100.{number}")
    first = mod.types("/bans")
    assert len(first) == PAGE_LINES + 1
    assert first[-1] == "(/more goes on)"
    last, end = mod.types("/more")
    assert last.startswith(f"198.51.100.{PAGE_LINES}/32: banned from lobby for good")
    assert end == "(end; that is all)"


def test_the_pages_of_bans_go_through_all_lists_and_each_is_of_its_moment(chat: Chat) -> None:
    alice, mod = chat.log_in("alice"), chat.log_in("Mod")
    alice.types("/create dev")
    mod.types("/join dev")
    for number in range(PAGE_LINES - 1):
        mod.types(f"/ban 198.51.100.{number}")
    mod.types("/mute bob")
    mod.types("/mute carol")
    chat.log_in("root").types("/ban 203.0.113.1 everywhere")
    assert mod.types("/bans")[-2].startswith("bob: muted in dev")
    mod.types("/unmute bob")
    mod.types("/unban 198.51.100.0")
    *further, end = mod.types("/more")
    assert [line.partition(",")[0].partition(" for")[0] for line in further] == [
        "carol: muted in dev",
        "203.0.113.1/32: banned from the whole server",
    ]
    assert end == "(end; that is all)"


def test_who_may_not_see_the_bans_any_more_is_shown_no_further_page(chat: Chat) -> None:
    mod = chat.log_in("Mod")
    for number in range(PAGE_LINES + 1):
        mod.types(f"/ban 198.51.100.{number}")
    mod.types("/bans")
    mod.account = Account("Mod")
    (told,) = mod.types("/more")
    assert told.startswith("You have no right to ban people")


def test_damaged_times_of_decisions_are_left_out_and_end_no_session(chat: Chat) -> None:
    alice, bob = chat.log_in("alice"), chat.log_in("bob")
    alice.types("/create dev")
    decided = [Change(What.TOPIC, "dev", text="tea"), Change(What.MUTE, "dev", "bob", 9e12)]
    for offset, change in enumerate((*decided, Change(What.BAN, "dev", "carol", -9e12)), 10):
        chat.hub.room("dev").facts.apply(Entry(offset, 9e12, REGISTER, Kind.CHANGE, "root", 0, ""), change)
    assert alice.types("/topic") == ["Topic of dev: tea"]
    assert alice.types("/bans") == [
        "carol: banned from dev for good, by root",
        "bob: muted in dev for good, by root",
        "(end; that is all)",
    ]
    bob.types("/join dev")
    assert bob.says("hello") == "You are muted in dev. That was not said."
    assert chat.log_in("carol").types("/join dev") == ["You are banned from dev."]


def test_an_audit_is_of_all_of_a_room_or_of_a_person(chat: Chat) -> None:
    alice, mod = chat.log_in("alice"), chat.log_in("Mod")
    alice.types("/create dev")
    alice.types("/mute bob 1h caps")
    mod.types("/kick alice")
    assert audited(mod.types("/audit")) == [
        "Mod kicked alice out of lobby",
        "alice muted bob in dev for 1 hour: caps",
        "alice created the room dev",
        "(end; that is all)",
    ]
    assert audited(mod.types("/audit #Dev")) == [
        "alice muted bob in dev for 1 hour: caps",
        "alice created the room dev",
        "(end; that is all)",
    ]
    assert audited(mod.types("/audit Bob"))[:-1] == ["alice muted bob in dev for 1 hour: caps"]


@pytest.mark.parametrize(
    ("about", "told"),
    [
        ("carol", ""),
        ("lobby", ""),
        ("#lobby", ""),
        ("198.51.100.7", ""),
        ("198.51.100.0/24", ""),
        ("zoe", " There is no account zoe."),
        ("#zoe", " There is no room zoe. /rooms lists them all."),
    ],
)
def test_an_audit_that_finds_nothing_says_whether_there_is_anybody_of_that_name(
    chat: Chat, about: str, told: str
) -> None:
    assert chat.log_in("Mod").types(f"/audit {about}") == [f"Nothing was decided about {about}.{told}"]


def test_an_audit_about_a_banned_address_finds_the_ban(chat: Chat) -> None:
    mod = chat.log_in("Mod")
    mod.types("/ban 198.51.100.77")
    mod.types("/ban 2001:DB8::1")
    assert audited(mod.types("/audit 198.51.100.77"))[:-1] == ["Mod banned 198.51.100.77/32 from lobby"]
    assert audited(mod.types("/audit ::ffff:198.51.100.77"))[:-1] == ["Mod banned 198.51.100.77/32 from lobby"]
    assert audited(mod.types("/audit 2001:db8:0::1"))[:-1] == ["Mod banned 2001:db8::1/128 from lobby"]


def test_an_owner_audits_the_own_room_alone(chat: Chat) -> None:
    alice, mod = chat.log_in("alice"), chat.log_in("Mod")
    alice.types("/create dev")
    mod.types("/ban bob")
    assert audited(alice.types("/audit")) == ["alice created the room dev", "(end; that is all)"]
    alice.types("/join lobby")
    assert audited(alice.types("/audit dev")) == ["alice created the room dev", "(end; that is all)"]
    (told,) = alice.types("/audit")
    assert told.startswith("You have no right to read what was decided")
    assert alice.types("/audit lobby") == ["You have no right to read what was decided: your role is member."]


def test_who_calls_a_room_after_somebody_is_not_shown_what_was_decided_about_him(chat: Chat) -> None:
    chat.know("dave")
    bob, mod, root = chat.log_in("bob"), chat.log_in("Mod"), chat.log_in("root")
    root.types("/mute dave everywhere private matter")
    (told,) = bob.types("/audit dave")
    assert told.startswith("You have no right to read what was decided")
    bob.types("/create dave")
    only_the_room = ["bob created the room dave", "(end; that is all)"]
    assert audited(bob.types("/audit dave")) == audited(bob.types("/audit")) == only_the_room
    assert audited(mod.types("/audit #dave")) == only_the_room
    assert len(mod.types("/audit dave")) == 3


def test_an_audit_costs_what_it_shows_whatever_else_was_decided(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    alice, mod, root = chat.log_in("alice"), chat.log_in("Mod"), chat.log_in("root")
    alice.types("/create dev")
    mod.types("/kick bob")
    for number in range(2000):
        chat.hub.register.record("root", 1, Change(What.BAN, "lobby", f"x{number}"))
    log, looked_at = chat.hub._store.open(REGISTER), 0
    read_back = log.read_back

    def counted(before: Position, limit: int) -> list[Entry]:
        nonlocal looked_at
        entries = read_back(before, limit)
        looked_at += len(entries)
        return entries

    monkeypatch.setattr(log, "read_back", counted)
    for person, line, entries in (
        (alice, "/audit", 1),
        (alice, "/audit dev", 1),
        (root, "/audit alice", 1),
        (root, "/audit x7", 1),
        (root, "/audit", PAGE_LINES),
        (root, "/more", PAGE_LINES),
        (root, "/audit root", PAGE_LINES),
        (root, "/audit nobody", 0),
    ):
        looked_at = 0
        assert len(audited(person.types(line))) == entries + 1
        assert looked_at <= entries + 1, line


def test_who_may_not_audit_any_more_is_shown_no_further_page(chat: Chat) -> None:
    mod = chat.log_in("Mod")
    for number in range(PAGE_LINES + 1):
        mod.types(f"/ban 198.51.100.{number}")
    for line in ("/audit", "/audit lobby", "/audit zoe"):
        mod.account = chat.know("Mod")
        mod.types(line)
        mod.account = Account("Mod")
        (told,) = mod.types("/more")
        assert told in ("You have no right to read what was decided: your role is member.", NOTHING_MORE)
    assert chat.hub.register.room("zoe") is None


def test_where_somebody_is_and_whom_he_ignores_is_not_audited(chat: Chat) -> None:
    alice, root = chat.log_in("alice"), chat.log_in("root")
    alice.types("/part")
    alice.types("/ignore bob")
    assert root.types("/audit") == ["Nothing was decided."]


def test_a_long_audit_is_shown_page_by_page_and_says_where_it_ends(chat: Chat) -> None:
    mod = chat.log_in("Mod")
    for number in range(3, PAGE_LINES + 5):
        mod.types(f"/topic {number}")
    *first, end = audited(mod.types("/audit"))
    assert first[0] == f"Mod changed the topic of lobby to: {PAGE_LINES + 4}"
    assert (len(first), end) == (PAGE_LINES, "(/more goes on)")
    mod.types("/topic later")  # the pages are of the moment that was asked for
    assert audited(mod.types("/more")) == [
        "Mod changed the topic of lobby to: 4",
        "Mod changed the topic of lobby to: 3",
        "(end; that is all)",
    ]
