"""Subclasses of sessions and servers: what works, and what is refused as soon as it is defined."""

import re
import socketserver

import pytest

from chatsrv import ChatServer, LineSession, LoginServer, PlainSession, Reason, Session
from chatsrv.protocols.plain import PlainProtocol
from tests.net.embedding import chat, defined, later, nothing
from tests.peer import Peer, running

REFUSED_IN_SESSIONS = [
    (PlainSession, {"handle": nothing}, "override obey"),
    (LineSession, {"handle": nothing}, "received(line)"),
    (Session, {"handle": lambda self: Session.handle(self)}, "override obey"),
    (PlainSession, {"timeout": 5}, "Limits(idle_seconds=...)"),
    (LineSession, {"timeout": 0.5}, "limits.idle_seconds"),
    (PlainSession, {"protocol": PlainProtocol}, "give one of its instances: PlainProtocol()"),
    (PlainSession, {"protocol": "plain"}, "has to be a Protocol"),
    *(
        (base, {name: nothing}, f"has to call super().{name}()")
        for base, names in {
            Session: ("setup", "finish", "account_changed", "reply", "hang_up"),
            PlainSession: ("opened", "closed", "ended", "setup", "finish"),
            LineSession: ("setup", "finish", "send_line"),
        }.items()
        for name in names
    ),
    *(
        (PlainSession, {name: nothing}, "call yours something else")
        for name in (
            "say",
            "act",
            "room",
            "rooms",
            "view",
            "id",
            "key",
            "address",
            "membership",
            "catch_up",
            "_read",
            "_log",
        )
    ),
    (LineSession, {"account": None}, "call yours something else"),
    (LineSession, {"connection": property(nothing)}, "call yours something else"),
    (PlainSession, {"obey": later}, "define it by `def`"),
    (LineSession, {"received": later}, "define it by `def`"),
    (LineSession, {"opened": later}, "define it by `def`"),
    (LineSession, {"received": lambda self: None}, "`received(self, line)`"),
    (LineSession, {"closed": lambda self: None}, "`closed(self, reason)`"),
    (LineSession, {"opened": "hello"}, "has to be a method"),
]


@pytest.mark.parametrize(("base", "members", "advice"), REFUSED_IN_SESSIONS)
def test_a_class_of_sessions_that_would_silently_go_wrong_is_refused(base, members, advice) -> None:
    with pytest.raises(TypeError, match=re.escape(advice)) as caught:
        defined(base, **members)
    assert f"My{base.__name__}.{next(iter(members))}" in str(caught.value)


def test_what_a_mix_in_brings_is_looked_at_as_well() -> None:
    mix_in = type("Echo", (), {"__module__": "somewhere", "handle": nothing})
    with pytest.raises(TypeError, match=r"Echo\.handle: .*override obey"):
        type("Mine", (mix_in, PlainSession), {"__module__": "somewhere"})


def test_a_subclass_of_a_subclass_is_looked_at_as_well() -> None:
    mine = defined(PlainSession)
    with pytest.raises(TypeError, match=r"leaves the rooms"):
        defined(mine, closed=nothing)


def test_what_is_there_to_be_overridden_may_be() -> None:
    class Mine(PlainSession):
        protocol = PlainProtocol()
        rbufsize = -1
        wbufsize = 4096
        disable_nagle_algorithm = False
        timeout = None
        keeps_slot = False
        catches_up = False
        own = 1

        def setup(self) -> None:
            super().setup()

        def opened(self) -> None:
            PlainSession.opened(self)

        def obey(self, commands) -> None:
            """Listen only."""

        def closed(self, reason: Reason) -> None:
            def last() -> None:
                super(Mine, self).closed(reason)

            last()

        def finish(self) -> None:
            super().finish()

        def reply(self, reply) -> None:
            super().reply(reply)

        def greet(self) -> None:
            """Have a method of its own."""

    class Chosen(PlainSession):
        @property
        def protocol(self):  # type: ignore[override]
            return PlainSession.protocol

    assert Mine.own
    with running(chat(Chosen)) as server, Peer(server) as alice:
        alice.log_in("alice")


REFUSED_IN_SERVERS = [
    *(
        ({name: nothing}, f"has to call super().{name}()")
        for name in ("serve_forever", "shutdown", "server_close", "shutdown_request", "process_request")
    ),
    ({"process_request_thread": nothing}, "runs the session"),
    ({"sessions": nothing}, "call yours something else"),
    ({"_wake": nothing}, "call yours something else"),
    ({"block_on_close": False}, "Limits(linger_seconds=...)"),
    ({"verify_request": later}, "define it by `def`"),
]


@pytest.mark.parametrize("base", [ChatServer, LoginServer])
@pytest.mark.parametrize(("members", "advice"), REFUSED_IN_SERVERS)
def test_a_class_of_servers_that_would_silently_go_wrong_is_refused(base, members, advice) -> None:
    with pytest.raises(TypeError, match=re.escape(advice)):
        defined(base, **members)


def test_a_server_that_forks_is_refused() -> None:
    with pytest.raises(TypeError, match="drop ForkingMixIn"):
        type("Mine", (socketserver.ForkingMixIn, ChatServer), {"__module__": "somewhere"})
