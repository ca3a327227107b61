"""Commands that keep order: what holds afterwards, what everybody sees, and what the one concerned is told."""

from ipaddress import ip_network
from typing import NamedTuple

import pytest

from chatsrv.chat import auditing, rooming
from chatsrv.chat.deeds import DEEDS
from chatsrv.chat.moderation import network_typed
from chatsrv.model.changes import Change, What
from chatsrv.model.commands import Create, Kick, Part
from chatsrv.model.errors import Refused
from chatsrv.model.reasons import Reason
from chatsrv.model.refusals import Banned, NoNetwork
from tests.chat.people import Chat, Person
from tests.refusing import refused

UNTIL = r" until 20\d\d-\d\d-\d\d \d\d:\d\d UTC"


@pytest.fixture
def alice(chat: Chat) -> Person:
    """Return the owner of the room dev, in which she is."""
    alice = chat.log_in("alice")
    alice.types("/create dev")
    return alice


@pytest.fixture
def bob(chat: Chat, alice: Person) -> Person:
    """Return a member, in the lobby and in dev, where he speaks."""
    bob = chat.log_in("bob")
    bob.types("/join dev")
    alice.told()
    return bob


# ---------------------------------------------------------------------------- kicking


def test_who_is_kicked_is_out_with_all_devices_and_may_come_back(chat: Chat, alice: Person, bob: Person) -> None:
    phone = chat.log_in("bob")
    assert alice.types("/kick Bob too  loud") == ["You kicked bob out of dev."]
    assert bob.told() == phone.told() == ["alice kicked you out of dev: too  loud"]
    assert list(bob.rooms) == list(phone.rooms) == ["lobby"]
    assert not chat.hub.room("dev").is_in("bob")
    assert chat.seen("dev")[-1] == "*** alice kicked bob: too  loud"
    assert list(chat.log_in("bob").rooms) == ["lobby"]
    bob.types("/join dev")
    assert bob.room.name == "dev"


def test_without_a_reason_none_is_told(chat: Chat, alice: Person, bob: Person) -> None:
    alice.types("/kick bob")
    assert bob.told() == ["alice kicked you out of dev."]
    assert chat.seen("dev")[-1] == "*** alice kicked bob"


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("/kick bob lobby", "to kick somebody out of lobby"),
        ("/kick bob #Lobby too loud", "to kick somebody out of lobby"),
        ("/ban bob lobby", "to ban somebody from lobby"),
        ("/ban bob 2h #lobby", "to ban somebody from lobby"),
        ("/mute bob lobby", "to mute somebody in lobby"),
        ("/mute bob lobby 10m", "to mute somebody in lobby"),
        ("/ban bob lobby 2h", "to ban somebody from lobby"),
    ],
)
def test_another_room_is_not_taken_for_the_reason(
    chat: Chat, alice: Person, bob: Person, typed: str, told: str
) -> None:
    assert alice.types(typed) == [
        f"lobby is a room, and would be the reason here: {told}, /join lobby first. If it is the reason, add a word."
    ]
    assert chat.hub.room("dev").is_in("bob")
    assert not chat.hub.room("dev").facts.bans


@pytest.mark.parametrize(
    ("typed", "command"),
    [
        ("/ban bob spam 2h", "/ban NAME 2h"),
        ("/mute bob please be quiet for 1d12h", "/mute NAME 1d12h"),
        ("/mute bob dev 10m", "/mute NAME 10m"),
        ("/mute bob everywhere spam 10M", "/mute NAME 10M"),
    ],
)
def test_a_duration_at_the_end_of_a_reason_does_not_make_it_hold_for_good(
    chat: Chat, alice: Person, bob: Person, typed: str, command: str
) -> None:
    duration = command.split()[-1]
    asker = chat.log_in("root") if "everywhere" in typed else alice
    assert asker.types(typed)[-1] == (
        f"{duration} would be part of the reason here, and this would hold for good. The duration comes right after "
        f"the name: {command}. If it is part of the reason, add a word."
    )
    for facts in (chat.hub.room("dev").facts, chat.hub.register.server):
        assert not facts.bans
        assert not facts.mutes


def test_a_duration_within_a_reason_or_after_one_that_has_an_end_is_part_of_it(
    chat: Chat, alice: Person, bob: Person
) -> None:
    alice.types("/mute bob 1h we agreed on 1h")
    assert chat.seen("dev")[-1].endswith(": we agreed on 1h")
    alice.types("/mute bob was away 2h today")
    assert chat.seen("dev")[-1].endswith(": was away 2h today")


@pytest.mark.parametrize("reason", ["dev", "lobby noise", "staff", "#7", "spam"])
def test_what_names_no_other_room_that_one_may_know_of_is_a_reason(
    chat: Chat, alice: Person, bob: Person, reason: str
) -> None:
    assert alice.types(f"/kick bob {reason}") == ["You kicked bob out of dev."]
    assert chat.seen("dev")[-1] == f"*** alice kicked bob: {reason}"


def test_whoever_names_the_room_may_give_another_one_as_the_reason(chat: Chat, alice: Person, bob: Person) -> None:
    DEEDS[Kick](alice, Kick("bob", "lobby", "dev"))
    assert chat.seen("dev")[-1] == "*** alice kicked bob: lobby"


def test_who_is_kicked_out_of_the_lobby_is_there_again_at_the_next_login(chat: Chat, bob: Person) -> None:
    mod = chat.log_in("Mod")
    mod.types("/kick bob")
    assert list(bob.rooms) == ["dev"]
    assert list(chat.log_in("bob").rooms) == ["lobby", "dev"]


def test_who_is_kicked_out_of_a_room_for_guests_needs_another_invitation(chat: Chat) -> None:
    mod, bob = chat.log_in("Mod"), chat.log_in("bob")
    mod.types("/join staff")
    mod.types("/invite bob")
    bob.types("/join staff")
    mod.types("/kick bob")
    bob.told()
    assert bob.types("/join staff") == ["staff is by invitation only: somebody who is in it can /invite you."]


def test_who_leaves_by_himself_at_the_moment_of_a_kick_is_not_told_of_as_kicked(
    chat: Chat, alice: Person, bob: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = chat.hub.register.record

    def record_after_bob_has_left(actor: str, origin: int, change: Change) -> None:
        if change.what is What.KICK:
            bob.types("/part dev")
        record(actor, origin, change)

    monkeypatch.setattr(chat.hub.register, "record", record_after_bob_has_left)
    assert alice.types("/kick bob") == ["bob has just left dev."]
    assert chat.seen("dev") == ["*** alice created the room dev"]
    assert bob.told() == []


def test_who_is_banned_from_a_room_for_guests_is_told_that(chat: Chat, alice: Person) -> None:
    alice.types("/create den invite-only")
    alice.types("/invite bob")
    bob = chat.log_in("bob")
    bob.types("/join den")
    bob.told()
    alice.types("/ban bob spam")
    assert bob.told() == bob.types("/join den") == ["You are banned from den: spam."]
    alice.types("/unban bob")
    assert bob.told() == ["You are not banned from den any more. It is by invitation only."]


def test_a_reason_is_bounded(chat: Chat, alice: Person, bob: Person) -> None:
    for command in ("/kick bob ", "/ban bob ", "/mute bob 1h "):
        assert alice.types(command + "x" * 301) == ["A reason may have up to 300 characters; that had 301."]
    assert "dev" in bob.rooms


# ---------------------------------------------------------------------------- banning from a room


def test_who_is_banned_is_out_and_kept_out(chat: Chat, alice: Person, bob: Person) -> None:
    assert alice.types("/ban bob spam") == ["bob is banned from dev for good: spam."]
    assert bob.told() == ["You are banned from dev: spam."]
    assert bob.types("/join dev") == ["You are banned from dev: spam."]
    assert list(bob.rooms) == ["lobby"]
    assert chat.seen("dev")[-1] == "*** alice banned bob: spam"


def test_who_is_banned_reads_no_further_page_of_what_was_said_there(chat: Chat, alice: Person, bob: Person) -> None:
    for number in range(60):
        alice.says(f"tea {number}")
    for typed in ("/history 20", "/search tea"):
        assert bob.types(typed)[-1] == "(end; /more shows what came before)"
        alice.types("/ban bob")
        told = bob.types("/more")
        assert told[-1] in ("You are not in dev any more.", "Nothing was found.")
        assert not any("tea" in line for line in told)
        alice.types("/unban bob")
        bob.types("/join dev")


NAMING_A_ROOM = [kind for kind in DEEDS if "room" in kind._fields and kind not in (Part, Create)]
"""Commands about a room that may be another one than that in which one speaks; anybody may leave and make rooms."""


@pytest.mark.parametrize("kind", NAMING_A_ROOM)
@pytest.mark.parametrize("target", ["bob", "alice", "198.51.100.0/24"])
def test_no_command_about_a_room_is_obeyed_for_those_who_are_banned_from_it(
    kind: type[NamedTuple], target: str, chat: Chat, alice: Person
) -> None:
    root = chat.log_in("root")
    root.types("/join dev")
    banned = chat.log_in("alice" if target == "alice" else "bob", "198.51.100.7")
    root.types(f"/ban {target} spam")
    banned.told()
    values = {"name": "carol", "target": "carol", "entries": 3, "seconds": 10}
    command = kind(**{field: values[field] for field in kind._fields if field in values}, room="dev")
    with refused(Banned("dev", None, "spam")):
        DEEDS[kind](banned, command)
    assert banned.told() == []


def test_an_owner_who_is_banned_reads_no_audit_and_no_topic_of_the_room(chat: Chat, alice: Person) -> None:
    alice.types("/topic tea")
    mod = chat.log_in("Mod")
    mod.types("/join dev")
    mod.types("/ban alice spam")
    alice.told()
    assert alice.types("/audit dev") == alice.types("/audit #dev") == ["You are banned from dev: spam."]
    assert not [line for line in alice.types("/rooms") if line.startswith("dev")]
    assert "dev (1 person, you speak here): tea" in mod.types("/rooms")
    assert "Mod banned alice" in mod.types("/audit dev")[0]


@pytest.mark.parametrize("typed", ["/who", "/bans", "/audit"])
def test_who_is_banned_reads_no_further_page_of_who_is_there_and_what_was_decided(
    typed: str, chat: Chat, monkeypatch: pytest.MonkeyPatch, alice: Person
) -> None:
    monkeypatch.setattr(rooming, "WHO_NAMES", 1)
    monkeypatch.setattr(auditing, "PAGE_LINES", 1)
    mod = chat.log_in("Mod")
    mod.types("/join dev")
    for name in ("bob", "carol"):
        mod.types(f"/ban {name}")
    alice.told()
    assert alice.types(typed)[-1] == "(/more goes on)"
    mod.types("/ban alice spam")
    alice.told()
    assert alice.types("/more") == ["You are banned from dev: spam."]


def test_who_is_put_out_of_a_room_for_guests_is_told_no_more_of_who_is_there(
    monkeypatch: pytest.MonkeyPatch, chat: Chat, alice: Person, bob: Person
) -> None:
    monkeypatch.setattr(rooming, "WHO_NAMES", 1)
    alice.types("/create den invite-only")
    alice.types("/invite bob")
    bob.types("/join den")
    assert bob.types("/who") == ["Here now: alice and 1 more.", "(/more goes on)"]
    alice.types("/kick bob")
    (told,) = [line for line in bob.types("/more") if "kicked" not in line]
    assert told.startswith("den is by invitation only")


def test_a_ban_ends_by_itself(chat: Chat, alice: Person, bob: Person) -> None:
    (told,) = alice.types("/ban bob 2h spam")
    assert told.startswith("bob is banned from dev until 20")
    assert told.endswith(" UTC: spam.")
    assert chat.seen("dev")[-1] == "*** alice banned bob for 2 hours: spam"
    ruling = chat.hub.room("dev").facts.bans["bob"]
    assert ruling.until is not None
    assert chat.hub.room("dev").facts.ban_of("bob", None, ruling.until) is None
    alice.later_seconds = 7201
    assert alice.types("/unban bob") == ["Nobody of that name is banned from dev: /bans lists who is."]
    assert alice.types("/bans") == ["Nobody is banned or muted in dev."]


def test_somebody_who_is_not_there_can_be_banned(chat: Chat, alice: Person) -> None:
    assert alice.types("/ban carol") == ["carol is banned from dev for good."]
    assert chat.seen("dev")[-1] == "*** alice banned carol"
    assert chat.log_in("carol").types("/join dev") == ["You are banned from dev."]


def test_who_is_banned_no_more_is_told_and_may_come_back(chat: Chat, alice: Person, bob: Person) -> None:
    alice.types("/ban bob")
    bob.told()
    assert alice.types("/unban BOB") == ["bob is not banned from dev any more."]
    assert bob.told() == ["You are not banned from dev any more."]
    assert chat.seen("dev")[-1] == "*** alice lifted the ban of bob"
    bob.types("/join dev")
    assert bob.room.name == "dev"


def test_a_banned_network_is_out_and_kept_out_but_for_admins(chat: Chat, alice: Person) -> None:
    mod = chat.log_in("Mod", "198.51.100.1")
    inside = [chat.log_in(name, "192.0.2.77") for name in ("bob", "root")]
    other = chat.log_in("bob", "198.51.100.2")
    for person in (mod, *inside, other):
        person.types("/join dev")
        person.told()
    assert mod.types("/ban 192.0.2.0/25 spam") == ["192.0.2.0/25 is banned from dev for good: spam."]
    bob, root = inside
    assert bob.told() == ["You are banned from dev: spam."]
    assert list(bob.rooms) == ["lobby"]
    assert "dev" in root.rooms
    assert "dev" in other.rooms  # the same account, from elsewhere
    assert chat.seen("dev")[-2:] == ["*** Mod banned 192.0.2.0/25: spam", "* alice left (banned)"]
    assert chat.log_in("carol", "192.0.2.100").types("/join dev") == ["You are banned from dev: spam."]
    assert mod.types("/unban 192.0.2.0/25") == ["192.0.2.0/25 is not banned from dev any more."]
    bob.types("/join dev")
    assert "dev" in bob.rooms


def test_nobody_but_an_admin_bans_the_network_that_he_comes_from(chat: Chat) -> None:
    mod, root = chat.log_in("Mod", "192.0.2.9"), chat.log_in("root", "192.0.2.10")
    assert mod.types("/ban 192.0.2.9") == ["You are in 192.0.2.9/32 yourself."]
    assert root.types("/ban 192.0.2.0/24") == ["192.0.2.0/24 is banned from lobby for good."]
    assert list(mod.rooms) == []
    assert list(root.rooms) == ["lobby"]


@pytest.mark.parametrize(
    ("typed", "network"),
    [
        ("192.0.2.1", "192.0.2.1/32"),
        ("10.0.0.0/255.0.0.0", "10.0.0.0/8"),
        ("2001:DB8::/32", "2001:db8::/32"),
        ("::ffff:192.0.2.1", "192.0.2.1/32"),
        ("::ffff:10.0.0.0/104", "10.0.0.0/8"),
        ("bob", "None"),
        ("10", "None"),
        ("bob/8", "None"),
        ("", "None"),
    ],
)
def test_what_looks_like_an_address_is_a_network_and_no_account(typed: str, network: str) -> None:
    assert str(network_typed(typed)) == network


def test_an_address_within_a_network_is_taken_for_a_slip() -> None:
    with refused(NoNetwork("10.0.0.1/8", ip_network("10.0.0.0/8"))):
        network_typed("10.0.0.1/8")


# ---------------------------------------------------------------------------- banning from the server


def test_who_is_banned_everywhere_is_hung_up_with_all_devices(chat: Chat, bob: Person) -> None:
    root, phone = chat.log_in("root"), chat.log_in("bob")
    assert root.types("/ban bob everywhere spam") == ["bob is banned from the whole server for good: spam."]
    assert bob.reason is phone.reason is Reason.BANNED
    assert bob.told() == ["You are banned here: spam."]
    assert chat.hub.register.server.ban_of("bob", None, 0.0)
    assert chat.recorded()[-1] == ("root", Change(What.BAN, "", "bob", text="spam"))
    assert root.types("/unban bob everywhere") == ["bob is not banned from the whole server any more."]
    assert not chat.hub.register.server.ban_of("bob", None, 0.0)


def test_a_network_that_is_banned_everywhere_is_hung_up_but_for_admins(chat: Chat) -> None:
    root, mod = chat.log_in("root", "2001:db8::1"), chat.log_in("Mod", "2001:db8::2")
    bob, phone = chat.log_in("bob", "2001:db8::3"), chat.log_in("bob", "192.0.2.3")
    (told,) = root.types("/ban 2001:db8::/64 everywhere 1h")
    assert told.startswith("2001:db8::/64 is banned from the whole server until 20")
    assert [person.reason for person in (root, mod, bob, phone)] == [None, Reason.BANNED, Reason.BANNED, None]


# ---------------------------------------------------------------------------- muting


def test_who_is_muted_in_a_room_speaks_elsewhere(chat: Chat, alice: Person, bob: Person) -> None:
    (told,) = alice.types("/mute bob 10m caps")
    assert told.startswith("bob is muted in dev until 20")
    assert chat.seen("dev")[-1] == "*** alice muted bob for 10 minutes: caps"
    assert bob.says("HELLO").startswith("You are muted in dev until 20")
    bob.types("/join lobby")
    assert bob.says("hello") == ""
    assert alice.types("/unmute bob") == ["bob is not muted in dev any more."]
    assert chat.seen("dev")[-1] == "*** alice lifted the mute of bob"
    bob.types("/join dev")
    assert bob.says("hello") == ""


def test_who_is_muted_everywhere_is_told_and_speaks_nowhere(chat: Chat, alice: Person, bob: Person) -> None:
    root = chat.log_in("root")
    assert root.types("/mute bob everywhere") == ["bob is muted on the whole server for good."]
    assert bob.told() == ["You are muted on this server."]
    assert bob.says("hello") == "You are muted on this server. That was not said."
    assert bob.types("/msg alice hello") == ["You are muted on this server."]
    assert chat.private("alice") == []
    assert root.types("/unmute bob everywhere") == ["bob is not muted on the whole server any more."]
    assert bob.told() == ["You may speak on this server again."]
    assert bob.says("hello") == ""


def test_there_must_be_something_to_lift(alice: Person) -> None:
    assert alice.types("/unmute bob") == ["Nobody of that name is muted in dev: /bans lists who is."]
    assert alice.types("/unban bob") == ["Nobody of that name is banned from dev: /bans lists who is."]


def test_a_ban_outlives_the_account(chat: Chat, alice: Person) -> None:
    alice.types("/ban carol")
    del chat.accounts["carol"]
    assert alice.types("/unban carol") == ["carol is not banned from dev any more."]


# ---------------------------------------------------------------------------- when it cannot be recorded


def test_nothing_happens_that_cannot_be_recorded(
    monkeypatch: pytest.MonkeyPatch, chat: Chat, alice: Person, bob: Person
) -> None:
    def fail(*_: object) -> None:
        raise Refused("The disk is full.")

    before = chat.seen("dev")
    monkeypatch.setattr(chat.hub.register, "record", fail)
    for typed in ("/kick bob", "/ban bob", "/mute bob", "/topic tea", "/slow 5", "/invite carol", "/create x"):
        assert alice.types(typed) == ["The disk is full."]
    assert "dev" in bob.rooms
    assert bob.told() == []
    assert chat.seen("dev") == before
