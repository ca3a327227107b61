"""Behaviour of chatsrv.model.rights."""

from chatsrv.app.sessions import PlainSession
from chatsrv.auth.backends.memory import MemoryBackend
from chatsrv.model.accounts import Account, Role
from chatsrv.model.limits import Limits
from chatsrv.model.refusals import NoRight
from chatsrv.model.requiring import require
from chatsrv.model.rights import OF_OWNERS, RIGHTS, Right, includes, may
from chatsrv.net.listening.server import ChatServer
from tests.peer import Peer, running
from tests.refusing import refused


def test_every_role_has_its_rights_and_those_of_the_roles_below() -> None:
    assert set(RIGHTS) == set(Role)
    assert RIGHTS[Role.MEMBER] < RIGHTS[Role.MODERATOR] < RIGHTS[Role.ADMIN] == set(Right)


def test_a_role_includes_itself_and_those_below() -> None:
    ascending = (Role.MEMBER, Role.MODERATOR, Role.ADMIN)
    assert set(ascending) == set(Role)
    for place, role in enumerate(ascending):
        assert [includes(role, other) for other in ascending] == [True] * (place + 1) + [False] * (2 - place)


def test_an_owner_has_nothing_that_reaches_beyond_a_room() -> None:
    assert not OF_OWNERS & {Right.GOVERN, Right.HURRY, Right.BAN_NETWORK}
    assert RIGHTS[Role.MODERATOR] > OF_OWNERS
    assert not OF_OWNERS & RIGHTS[Role.MEMBER]


def test_a_missing_right_is_named_together_with_the_role() -> None:
    member = Account("bob")
    assert not may(member, Right.HURRY)
    with refused(NoRight(Right.HURRY, Role.MEMBER)):
        require(member, Right.HURRY)


def test_flood_control_spares_moderators_alone() -> None:
    users = {"alice": {"password": "a", "role": "moderator"}, "bob": "b"}
    limits = Limits(messages_per_second=0.001, burst=2)
    with (
        running(ChatServer(("127.0.0.1", 0), PlainSession, auth=MemoryBackend(users), limits=limits)) as server,
        Peer(server) as alice,
        Peer(server) as bob,
    ):
        alice.try_login("alice", "a")
        alice.read_until(b"commands.\n")
        bob.try_login("bob", "b")
        bob.read_until(b"commands.\n")
        assert alice.line() == "* bob joined"
        alice.send(b"again\n" * 100)
        assert [bob.line() for _ in range(100)] == ["<alice> again"] * 100
        bob.send(b"again\n" * 100)
        assert bob.line().startswith("You are sending more than 0.001 lines a second: ")
