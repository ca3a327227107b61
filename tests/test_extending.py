"""The examples of docs/extending.md, taken from the page and played: what stands there works.

Knows nothing of what the examples are about. Peers are real sockets.
"""

import contextlib
import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from chatsrv import ChatServer, Hub, LoginServer, MemoryBackend, PlainSession
from chatsrv.net.delivery.delivery import Delivery
from tests.auth.codes import CODE, CodeBackend
from tests.packages import PLUGINS
from tests.peer import PASSWORDS, Peer, running

PAGE = (Path(__file__).parent.parent / "docs" / "extending.md").read_text()


def blocks(kind: str, name: str) -> list[str]:
    """Return the blocks of the page that are marked so."""
    found = re.findall(rf"<!-- {kind}: {name} -->\n```\w+\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    assert found, f"docs/extending.md has no {kind} {name}"
    return found


def example(name: str) -> dict[str, Any]:
    """Return the names that an example defines."""
    names: dict[str, Any] = {"__name__": f"example_{name}"}
    for block in blocks("example", name):
        exec(compile(block, f"docs/extending.md, {name}", "exec"), names)
    return names


def play(name: str, peer: Peer) -> None:
    """Play a conversation of the page, up to the end of the stream."""
    (conversation,) = blocks("conversation", name)
    for line in conversation.splitlines():
        if line.startswith("> "):
            peer.type(line[2:])
        elif prompted := re.match(r"(?:Username|Password): ", line):
            peer.read_until(prompted[0].encode())
            peer.type(line[prompted.end() :])
        else:
            assert peer.line() == line
    assert peer.rest() == b""


STORE = example("store")
BACKEND = example("backend")
PROTOCOL = example("protocol")
SUBCLASS = example("subclass")
SHARING = example("sharing")
ROLL = example("roll")
CLOCK = example("clock")

# pytest collects the contract tests of the page from here.
TestSqliteBackend = BACKEND["TestSqliteBackend"]
TestJsonProtocol = PROTOCOL["TestJsonProtocol"]


def store() -> contextlib.AbstractContextManager[LoginServer]:
    accounts = MemoryBackend({**PASSWORDS, "alice": "wonderland"})
    return running(STORE["StoreServer"](("127.0.0.1", 0), STORE["StoreSession"], auth=accounts))


def test_the_line_server_answers_as_the_page_says() -> None:
    with store() as server, Peer(server) as peer:
        play("store", peer)


def test_the_line_server_keeps_the_accounts_apart() -> None:
    with store() as server, Peer(server) as alice, Peer(server) as bob:
        alice.try_login("alice", "wonderland")
        assert alice.line() == "Welcome, alice!"
        alice.type("set colour red")
        assert alice.line() == "OK"
        bob.log_in("bob")
        bob.type("get colour")
        assert bob.line() == "(nothing)"
        with Peer(server) as other:
            other.try_login("alice", "wonderland")
            assert other.line() == "Welcome, alice!"
            other.type("get colour")
            assert other.line() == "red"


def test_the_line_server_refuses_strangers() -> None:
    with store() as server, Peer(server) as stranger:
        stranger.try_login("alice", "looking-glass")
        assert stranger.rest() == b"Login failed.\n"


def test_the_line_server_is_about_thirty_lines() -> None:
    (source,) = blocks("example", "store")
    body = source.partition("if __name__")[0]
    assert len([line for line in body.splitlines() if line.strip()]) <= 30


def test_an_outage_of_the_backend_is_told_as_one(tmp_path) -> None:
    backend = BACKEND["SqliteBackend"](tmp_path / "no such directory" / "accounts.db")
    with running(LoginServer(("127.0.0.1", 0), STORE["StoreSession"], auth=backend)) as server, Peer(server) as peer:
        peer.try_login("alice", "wonderland")
        assert peer.rest() == b"Login is not possible at the moment.\n"


def test_bots_and_people_are_in_one_chat() -> None:
    people, bots = PROTOCOL["people_and_bots"]()
    with running(people), running(bots), Peer(people) as alice, Peer(bots) as bot:
        alice.try_login("alice", "wonderland")
        assert alice.line().startswith("Welcome, alice!")
        play("protocol", bot)
        assert [alice.line() for _ in range(3)] == ["* bot joined", "<bot> ready", "* bot left"]


def test_a_bot_is_asked_for_a_code_as_an_object_too() -> None:
    server = ChatServer(("127.0.0.1", 0), PROTOCOL["JsonSession"], auth=CodeBackend({"bot": "beep-boop"}))
    with running(server), Peer(server) as bot:
        bot.send(b"bot\nbeep-boop\n")
        assert json.loads(bot.line()) == {"challenge": "Code: "}
        bot.type(CODE)
        assert json.loads(bot.line())["reply"] == "Welcome"


def test_a_bot_reads_what_people_say() -> None:
    people, bots = PROTOCOL["people_and_bots"]()
    with running(people), running(bots), Peer(people) as alice, Peer(bots) as bot:
        bot.send(b"bot\nbeep-boop\n")
        assert json.loads(bot.line())["reply"] == "Welcome"
        alice.try_login("alice", "wonderland")
        assert json.loads(bot.line())["kind"] == "JOIN"
        alice.type("hello")
        said = {"room": "lobby", "offset": 3, "kind": "SAY", "author": "alice", "text": "hello"}
        assert json.loads(bot.line()) == said


def test_the_package_with_a_kind_of_listener_is_what_the_page_shows() -> None:
    assert (PLUGINS / "chatsrv-json" / "chatsrv_json.py").read_text() == blocks("example", "protocol")[0]


@pytest.fixture
def calm():
    server = SUBCLASS["DoorServer"](("127.0.0.1", 0), SUBCLASS["CalmSession"], auth=MemoryBackend(PASSWORDS))
    with running(server):
        yield server


def test_a_session_of_ones_own_speaks_and_obeys_its_way(calm) -> None:
    with Peer(calm) as alice, Peer(calm) as bob:
        alice.log_in("alice")
        assert alice.line() == "House rules: no shouting."
        bob.log_in("bob")
        assert alice.line() == "* bob joined"
        bob.type("HELLO")
        assert alice.line() == "<bob> hello"
        bob.type("/who")
        bob.line()
        assert bob.line() == "Here now: alice, bob."


def test_a_server_of_ones_own_turns_peers_away(calm) -> None:
    calm.is_open = False
    with Peer(calm) as alice:
        assert alice.rest() == b""
    assert calm.turnstile.inside == 0
    calm.is_open = True
    with Peer(calm) as alice:
        alice.log_in("alice")


def test_servers_that_share_a_delivery_are_one_chat() -> None:
    delivery = Delivery()
    delivery.start()
    plain, telnet = SHARING["both_protocols"](MemoryBackend(PASSWORDS), Hub(), delivery)
    with running(plain), running(telnet), Peer(plain) as alice, Peer(telnet) as bob:
        alice.log_in("alice")
        bob.send(f"bob\n{PASSWORDS['bob']}\n".encode())
        assert alice.line() == "* bob joined"
        bob.type("hello")
        assert alice.line() == "<bob> hello"
    delivery.stop()


@pytest.fixture
def dice(monkeypatch):
    """Run a chat in which every die shows 4."""
    monkeypatch.setitem(ROLL, "randint", lambda least, most: 4)
    accounts = MemoryBackend({**PASSWORDS, "alice": "wonderland"})
    hub = Hub(commands={"roll": ROLL["Roll"]()})
    with running(ChatServer(("127.0.0.1", 0), PlainSession, auth=accounts, hub=hub)) as server:
        yield server


def test_a_command_of_ones_own_answers_as_the_page_says(dice) -> None:
    with Peer(dice) as alice:
        play("roll", alice)


def test_a_command_of_ones_own_does_something_for_the_room_to_see(dice) -> None:
    with Peer(dice) as bob, Peer(dice) as carol:
        bob.log_in("bob")
        carol.log_in("carol")
        carol.type("/roll 20")
        assert [bob.line(), bob.line()] == ["* carol joined", "* carol throws 4 of 20"]


def test_the_package_with_a_command_is_what_the_page_shows() -> None:
    assert (PLUGINS / "chatsrv-dice" / "chatsrv_dice.py").read_text() == blocks("example", "roll")[0]


@pytest.fixture
def clock(monkeypatch):
    """Run a chat with a clock that has stopped."""

    class Stopped(datetime):
        @classmethod
        def now(cls, tz=None):
            return cls(2026, 5, 1, 14, 3)

    monkeypatch.setitem(CLOCK, "datetime", Stopped)
    accounts = MemoryBackend({**PASSWORDS, "alice": "wonderland"})
    with running(ChatServer(("127.0.0.1", 0), PlainSession, auth=accounts)) as server, CLOCK["Bots"](server) as bots:
        bots.add(CLOCK["Clock"]())
        yield server


def test_a_bot_answers_as_the_page_says(clock) -> None:
    with Peer(clock) as alice:
        play("clock", alice)


def test_the_bot_is_about_twenty_lines_and_the_package_is_what_the_page_shows() -> None:
    source = blocks("example", "clock")[0]
    assert (PLUGINS / "chatsrv-clock" / "chatsrv_clock.py").read_text() == source
    assert len([line for line in source.splitlines() if line.strip()]) <= 20


def test_every_python_block_of_the_page_is_an_example() -> None:
    assert PAGE.count("```python") == len(re.findall(r"<!-- example: \w+ -->\n```python\n", PAGE))
