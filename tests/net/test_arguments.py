"""What a server is made with: what cannot work is refused before anything is opened."""

import re
import socket
import socketserver
from collections.abc import Callable
from functools import partial

import pytest

from chatsrv import (
    Account,
    AuthBackend,
    ChatServer,
    ChatSession,
    Gate,
    Hub,
    Limits,
    LineSession,
    LoginServer,
    MemoryBackend,
    PlainSession,
    Session,
    TelnetSession,
)
from chatsrv.auth.chain import Chain
from chatsrv.net.delivery.delivery import Delivery
from chatsrv.net.sessions.watch import Watch
from tests.journal import Journal
from tests.net.embedding import ACCOUNTS, ANYWHERE, chat, defined
from tests.peer import Peer, running


class Plain(socketserver.StreamRequestHandler):
    """A handler of the standard library's."""


class Duck:
    """Looks like a backend."""

    def authenticate(self, username: str, password: str, context: object) -> Account:
        return Account(username)


class Late(AuthBackend):
    """Answers later."""

    async def authenticate(self, username, password, context):
        return Account(username)


class Short(AuthBackend):
    """Does not ask where a login comes from."""

    def authenticate(self, username, password):
        return Account(username)


REFUSED_ARGUMENTS: list[tuple[Callable[[], object], str]] = [
    (lambda: LoginServer(ANYWHERE, PlainSession, auth=ACCOUNTS), "use ChatServer"),
    (lambda: LoginServer(ANYWHERE, partial(TelnetSession), auth=ACCOUNTS), "use ChatServer"),
    (lambda: chat(ChatSession), "use PlainSession or TelnetSession, or give it a `protocol`"),
    (lambda: chat(LineSession), "use LoginServer"),
    (lambda: LoginServer(ANYWHERE, Session, auth=ACCOUNTS), "use LineSession, or give it a `protocol`"),
    (lambda: LoginServer(ANYWHERE, Plain, auth=ACCOUNTS), "give a subclass of LineSession"),
    (lambda: chat(object), "is no session"),
    (lambda: chat("PlainSession"), "give the class of the sessions"),
    (lambda: chat(PlainSession.__new__(PlainSession)), "give the class of the sessions"),
    (lambda: chat(auth={"alice": "secret"}), "auth=MemoryBackend({name: password, ...})"),
    (lambda: chat(auth=MemoryBackend), "auth=MemoryBackend(...)"),
    (lambda: chat(auth=Gate), "auth=Gate(...)"),
    (lambda: chat(auth=[ACCOUNTS, ACCOUNTS]), "Chain([(label, backend), ...])"),
    (lambda: chat(auth=lambda name, password: True), "has to be an AuthBackend"),
    (lambda: chat(auth=Duck()), "has to be an AuthBackend"),
    (lambda: chat(auth=None), "has to be an AuthBackend"),
    (lambda: chat(auth=Late()), "define it by `def`"),
    (lambda: chat(auth=Short()), "authenticate(username, password, context)"),
    (lambda: Gate({"alice": "secret"}), "MemoryBackend"),  # type: ignore[arg-type]
    (lambda: chat(hub=Hub), "hub=Hub()"),
    (lambda: chat(hub={}), "is no Hub"),
    (lambda: chat(limits=Limits), "limits=Limits(connections=50)"),
    (lambda: chat(limits={"connections": 5}), "is no Limits"),
    (lambda: chat(delivery=Delivery), "delivery=Delivery()"),
    (lambda: chat(turnstile=5), "is no Turnstile"),
    (lambda: chat(buckets=5), "is no Buckets"),
    (lambda: chat(watch=Watch), "watch=Watch(gate)"),
    (lambda: chat(time_zone="Europe/Berlin"), 'time_zone=ZoneInfo("Europe/Berlin")'),
    (lambda: ChatServer(61116, PlainSession, auth=ACCOUNTS), "(host, port)"),  # type: ignore[arg-type]
    (lambda: ChatServer("/tmp/chat.sock", PlainSession, auth=ACCOUNTS), "(host, port)"),  # type: ignore[arg-type]
    (lambda: ChatServer(("127.0.0.1", "61116"), PlainSession, auth=ACCOUNTS), "(host, port)"),  # type: ignore[arg-type]
    (
        lambda: chat(kind=defined(ChatServer, address_family=socket.AF_UNIX)),  # type: ignore[arg-type]
        "AF_INET or AF_INET6",
    ),
]


@pytest.mark.parametrize(("make", "advice"), REFUSED_ARGUMENTS)
def test_a_server_that_would_silently_go_wrong_is_not_made(make, advice) -> None:
    with pytest.raises(TypeError, match=re.escape(advice)) as caught:
        make()
    assert "secret" not in str(caught.value)


def test_a_watch_of_another_gate_is_refused() -> None:
    with pytest.raises(ValueError, match=r"give auth=gate and watch=Watch\(gate\)"):
        chat(watch=Watch(Gate(ACCOUNTS)))


def test_a_watch_that_nobody_started_is_warned_of(journal: Journal) -> None:
    gate = Gate(ACCOUNTS)
    with running(chat(auth=gate, watch=Watch(gate))):
        pass
    assert journal.having("the shared watch was not started")


def test_a_role_may_be_given_by_its_name_and_is_refused_if_there_is_none() -> None:
    assert Gate(ACCOUNTS, roles={"alice": "admin"}).account_named("alice").role.value == "admin"  # type: ignore[dict-item]
    with pytest.raises(ValueError, match="accepted is one of admin, moderator, member"):
        Gate(ACCOUNTS, roles={"alice": "boss"})  # type: ignore[dict-item]


def test_a_chain_of_backends_is_one() -> None:
    with running(chat(auth=Chain([("first", ACCOUNTS)]))) as server, Peer(server) as alice:
        alice.log_in("alice")


class Silent(PlainSession):
    """Forgets what makes it a session."""

    def __init__(self, *arguments: object) -> None:
        """Do nothing."""


@pytest.mark.parametrize(
    ("factory", "advice"),
    [
        (Silent, "super().__init__()"),
        (lambda *arguments: None, "super().__init__()"),
        (lambda *arguments: LineSession(*arguments), "is no session of a chat"),
        (lambda *arguments: ChatSession(*arguments), "speaks no wire format"),
    ],
)
def test_what_a_factory_makes_is_looked_at(journal: Journal, factory, advice: str) -> None:
    server = chat(factory)
    with running(server), Peer(server) as peer:
        assert peer.rest() == b""
    assert journal.having(advice)
    assert server.turnstile.inside == 0
