"""Peers that say nothing: `limits.idle_seconds`, in place of a timeout on the socket."""

from collections.abc import Callable

import pytest

from chatsrv.net.delivery.delivery import Delivery
from tests.journal import Journal
from tests.peer import Peer, running_chat


def test_whoever_sends_nothing_for_long_is_hung_up(journal: Journal) -> None:
    with running_chat(idle_seconds=0.05, linger_seconds=60.0) as server, Peer(server) as alice:
        alice.log_in("alice")
        assert alice.rest() == b"You have sent nothing for too long. Goodbye!\n"
        alice.socket.close()
        journal.wait_for("session 1: ended: idle")


def test_whoever_sends_something_in_time_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    looks: list[Callable[[], float | None]] = []
    monkeypatch.setattr("chatsrv.net.sessions.silence.monotonic", lambda: now[0])
    monkeypatch.setattr(Delivery, "look_later", lambda _, seconds, look: looks.append(look))
    with running_chat(idle_seconds=600.0) as server, Peer(server) as alice, Peer(server) as bob:
        alice.log_in("alice")
        bob.log_in("bob")
        assert alice.line() == "* bob joined"
        now[0] += 500.0
        alice.type("still here")
        assert bob.line() == "<alice> still here"
        now[0] += 100.0
        assert looks[0]() == 500.0
        assert looks[1]() is None
        assert bob.rest() == b"You have sent nothing for too long. Goodbye!\n"
        bob.socket.close()
        assert alice.line() == "* bob left (idle for too long)"


def test_without_that_limit_nobody_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Delivery, "look_later", lambda *_: pytest.fail("somebody is looked at"))
    with running_chat() as server, Peer(server) as alice:
        alice.log_in("alice")
