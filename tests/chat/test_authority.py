"""Who may do what to whom: by role everywhere, by owning a room within it, and never against the order of roles."""

import itertools
from contextlib import nullcontext

import pytest

from chatsrv.chat.authority import may_here, require_above
from chatsrv.model.accounts import Role
from chatsrv.model.changes import What
from chatsrv.model.errors import Refused
from chatsrv.model.rights import OF_OWNERS, RIGHTS, Right
from tests.chat.people import Chat

PEOPLE = ("root", "Mod", "mina", "alice", "bob")


@pytest.mark.parametrize("right", Right)
def test_a_right_comes_with_a_role_or_with_a_room_of_ones_own(chat: Chat, right: Right) -> None:
    alice, bob, mod = chat.log_in("alice"), chat.log_in("bob"), chat.log_in("Mod")
    alice.types("/create dev")
    bob.types("/create den")
    dev = chat.hub.room("dev")
    assert may_here(alice, right, dev) is (right in OF_OWNERS or right in RIGHTS[Role.MEMBER])
    assert may_here(bob, right, dev) is may_here(alice, right, chat.hub.lobby) is (right in RIGHTS[Role.MEMBER])
    assert may_here(mod, right, dev) is (right in RIGHTS[Role.MODERATOR])


@pytest.mark.parametrize("what", [What.KICK, What.BAN, What.MUTE])
def test_nobody_acts_on_himself_or_on_a_higher_role_and_nobody_keeps_an_admin_out_or_silent(what: What) -> None:
    chat = Chat()
    rank = {Role.MEMBER: 0, Role.MODERATOR: 1, Role.ADMIN: 2}
    for actor, target in itertools.product(map(chat.log_in, PEOPLE), map(chat.know, PEOPLE)):
        is_refused = target.key == actor.key or rank[actor.account.role] < rank[target.role]
        is_refused = is_refused or (target.role is Role.ADMIN and what is not What.KICK)
        with pytest.raises(Refused) if is_refused else nullcontext():
            require_above(actor, target, what)


MEMBERS = "your role is member, and lobby is not your room."


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("/kick alice", f"You have no right to kick people: {MEMBERS}"),
        ("/ban alice", f"You have no right to ban people: {MEMBERS}"),
        ("/unban alice", f"You have no right to ban people: {MEMBERS}"),
        ("/mute alice 10m", f"You have no right to mute people: {MEMBERS}"),
        ("/unmute alice", f"You have no right to mute people: {MEMBERS}"),
        ("/bans", f"You have no right to ban people: {MEMBERS}"),
        ("/slow 5", f"You have no right to slow a room down: {MEMBERS}"),
        ("/audit", f"You have no right to read what was decided: {MEMBERS}"),
        ("/audit lobby", "You have no right to read what was decided: your role is member."),
        ("/audit alice", "You have no right to read what was decided: your role is member."),
        ("/ban alice everywhere", "You have no right to ban people: your role is member."),
        ("/mute alice everywhere", "You have no right to mute people: your role is member."),
    ],
)
def test_a_member_reads_which_right_is_missing_and_nothing_happens(chat: Chat, typed: str, told: str) -> None:
    alice, bob = chat.log_in("alice"), chat.log_in("bob")
    bob.types("/create den")  # owning another room gives him nothing here
    bob.types("/join lobby")
    before = chat.recorded()
    assert bob.types(typed) == [told]
    assert chat.recorded() == before
    assert alice.told() == []
    assert alice.says("still here") == ""


@pytest.mark.parametrize("typed", ["/ban bob everywhere", "/mute bob everywhere 2h", "/unban bob everywhere"])
def test_only_admins_act_on_the_whole_server(chat: Chat, typed: str) -> None:
    assert chat.log_in("Mod").types(typed) == ["You have no right to act on the whole server: your role is moderator."]
    assert not chat.recorded()


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("/kick Mod", "You cannot kick Mod, whose role is moderator: yours is member."),
        ("/ban root", "You cannot ban root, whose role is admin: yours is member."),
        ("/mute alice", "You cannot mute yourself."),
        ("/ban 192.0.2.0/24", "You have no right to ban networks: your role is member."),
        ("/kick zoe", "There is no account zoe."),
        ("/kick carol", "carol is not in dev."),
    ],
)
def test_an_owner_acts_on_members_in_the_room_alone(chat: Chat, typed: str, told: str) -> None:
    alice, mod, _ = chat.log_in("alice"), chat.log_in("Mod"), chat.log_in("carol")
    alice.types("/create dev")
    mod.types("/join dev")
    before = chat.recorded()
    assert alice.types(typed) == [told]
    assert chat.recorded() == before
    assert mod.room.name == "dev"


def test_an_owner_lifts_what_he_decided_himself_and_nothing_else(chat: Chat) -> None:
    alice, mod = chat.log_in("alice"), chat.log_in("Mod")
    alice.types("/create dev")
    mod.types("/join dev")
    mod.types("/ban bob")
    mod.types("/mute alice shouting")
    mod.types("/mute carol")
    assert alice.types("/unban bob") == ["Mod decided that, and only a moderator can lift it."]
    assert alice.types("/unmute carol") == ["Mod decided that, and only a moderator can lift it."]
    assert alice.types("/unmute alice") == ["You cannot lift that yourself: somebody else has to."]
    assert alice.says("hello").startswith("You are muted in dev: shouting.")
    chat.know("dave")
    alice.types("/mute dave")
    assert alice.types("/unmute dave") == ["dave is not muted in dev any more."]
    mina = chat.log_in("mina")
    mina.types("/join dev")
    assert mina.room.name == "dev"


def test_an_owner_puts_nothing_shorter_in_the_place_of_what_a_moderator_decided(chat: Chat) -> None:
    alice, mod = chat.log_in("alice"), chat.log_in("Mod")
    alice.types("/create dev")
    mod.types("/join dev")
    mod.types("/ban bob")
    mod.types("/mute carol 1d")
    recorded = chat.recorded()
    assert alice.types("/ban bob 1s") == ["Mod decided that, and only a moderator can lift it."]
    assert alice.types("/mute carol 1s") == ["Mod decided that, and only a moderator can lift it."]
    assert chat.recorded() == recorded
    assert mod.types("/mute carol 2d")[0].startswith("carol is muted in dev until ")


def test_who_is_muted_tells_no_reasons_and_makes_no_rooms_since_all_read_them(chat: Chat) -> None:
    alice, root, bob = chat.log_in("alice"), chat.log_in("root"), chat.log_in("bob")
    alice.types("/create dev")
    bob.types("/join dev")
    root.types("/mute alice everywhere")
    alice.told()
    for typed in ("/kick bob AND SO", "/ban bob I SPEAK", "/mute bob LOUDLY"):
        assert alice.types(typed) == ["You are muted on this server. Without a reason it can be done."]
    assert alice.types("/create listen-to-me") == ["You are muted on this server."]
    assert alice.types("/kick bob") == ["You kicked bob out of dev."]
