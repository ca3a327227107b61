"""Bots that are kicked, banned, muted and ignored as anybody else is."""

import re
from collections.abc import Iterator

import pytest

from chatsrv import ChatServer, Hub, MemoryBackend, PlainSession, Reason
from chatsrv.auth.gate import Gate
from chatsrv.bots import Bots
from chatsrv.model.accounts import Role
from chatsrv.model.refusals import Banned, Muted, Utterance
from tests.bots.crew import Scribe
from tests.peer import NOTHING, PASSWORDS, Peer, running
from tests.refusing import refused


@pytest.fixture
def kept() -> Iterator[tuple[ChatServer, Bots, Peer]]:
    """Run a chat with bots, and with alice, who is an admin."""
    gate = Gate(MemoryBackend(PASSWORDS), roles={"alice": Role.ADMIN})
    server = ChatServer(("127.0.0.1", 0), PlainSession, auth=gate, hub=Hub(catching_up=NOTHING))
    with running(server), Bots(server) as bots, Peer(server) as alice:
        alice.log_in("alice")
        yield server, bots, alice


def test_one_that_is_kicked_leaves_by_that_and_may_come_again(kept: tuple[ChatServer, Bots, Peer]) -> None:
    server, bots, alice = kept
    scribe = Scribe("Clock")
    bots.add(scribe)
    assert alice.line() == "* Clock joined"
    alice.type("/kick clock too loud")
    assert alice.line() == "You kicked Clock out of lobby."
    assert scribe.wait_for_the_end() is Reason.BANNED
    with Bots(server) as others:
        others.add(Scribe("Clock"))
        assert alice.line() == "* Clock joined"
    alice.read_until(b"* Clock left (server shutting down)\n")
    alice.type("/history")
    assert re.sub(r"\[[\d:]+\] ", "", alice.read_until(b"that is all)\n").decode()).splitlines() == [
        "The last line of lobby:",
        "* alice joined, Clock came and went",
        "*** alice kicked Clock: too loud",
        "(end; that is all)",
    ]


@pytest.mark.parametrize("everywhere", ["", " everywhere"])
def test_one_that_is_banned_ends_and_does_not_come_in_until_that_is_lifted(
    kept: tuple[ChatServer, Bots, Peer], everywhere: str
) -> None:
    server, bots, alice = kept
    scribe = Scribe()
    bots.add(scribe)
    assert alice.line() == "* scribe joined"
    alice.type(f"/ban scribe{everywhere} spam")
    alice.read_until(b": spam.\n")
    assert scribe.wait_for_the_end() is Reason.BANNED
    with Bots(server) as others:
        with refused(Banned("" if everywhere else "lobby", None, "spam")):
            others.add(Scribe())
        alice.type(f"/unban scribe{everywhere}")
        alice.read_until(b"any more.\n")
        others.add(Scribe())
        alice.read_until(b"* scribe joined\n")


def test_one_that_is_muted_says_nothing_and_goes_on(kept: tuple[ChatServer, Bots, Peer]) -> None:
    _, bots, alice = kept
    scribe = Scribe()
    bots.add(scribe)
    alice.type("/mute scribe please")
    alice.read_until(b"scribe is muted in lobby for good: please.\n")
    with refused(Muted(Utterance.LINE, "lobby", None, "please")):
        scribe.say("hello")
    alice.type("/unmute scribe")
    alice.read_until(b"scribe is not muted in lobby any more.\n")
    scribe.say("hello")
    alice.read_until(b"<scribe> hello\n")


def test_one_that_is_ignored_is_not_seen_and_nobody_writes_to_it_alone(kept: tuple[ChatServer, Bots, Peer]) -> None:
    _, bots, alice = kept
    scribe = Scribe()
    bots.add(scribe)
    assert alice.line() == "* scribe joined"
    alice.type("/ignore scribe")
    assert alice.line() == "You see nothing of scribe any more: /unignore scribe ends that."
    scribe.say("hello")
    alice.type("/unignore scribe")
    assert alice.line() == "You see scribe again."
    alice.type("/msg scribe hello")
    assert alice.line() == "There is no account scribe."
