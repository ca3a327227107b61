"""A server is killed again and again, soon after its start: nobody is a newcomer twice, and nobody is told for ever."""

import contextlib
from pathlib import Path

from chatsrv.app.sessions import PlainSession
from chatsrv.chat.hub import Hub
from chatsrv.roomlog.sqlite.store import SqliteStore
from tests.net.dying import dying
from tests.net.folk import Person
from tests.net.test_rooms import missed
from tests.net.told import told
from tests.peer import Peer, running_chat


def said(*texts: str) -> list[str]:
    return [f"<alice> {text}" for text in texts]


def test_a_newcomer_is_told_all_that_was_said_since_when_the_server_is_killed_at_once(tmp_path: Path) -> None:
    texts = [str(number) for number in range(30)]
    with dying(tmp_path / "chat.db") as server, Peer(server) as bob, Person(server, "alice") as alice:
        alice.does("before")
        bob.log_in("bob")
        alice.does(*texts)
        server.kill()
    with dying(tmp_path / "chat.db") as server, Peer(server) as bob:
        bob.log_in("bob")
        assert told(bob).lines == said(*texts)


def test_who_has_just_entered_a_room_is_told_all_that_was_said_since_when_the_server_is_killed(tmp_path: Path) -> None:
    texts = [str(number) for number in range(30)]
    with dying(tmp_path / "chat.db") as server, Person(server, "bob") as bob, Person(server, "alice") as alice:
        alice.does("/create dev", "before")
        bob.does("/join dev")
        alice.does(*texts)
        server.kill()
    with dying(tmp_path / "chat.db") as server, Person(server, "bob") as bob:
        seen = bob.sees()
        in_lobby = ["While you were away: alice joined."]
        in_dev = missed("in dev", *(f"[dev] {line}" for line in said(*texts)))
        assert seen == ["You speak in lobby. You are also in: dev.", *in_lobby, *in_dev]


def test_a_server_that_is_killed_after_each_start_gets_on_with_what_it_tells(tmp_path: Path) -> None:
    path = tmp_path / "chat.db"
    with contextlib.closing(SqliteStore(path)) as store, running_chat(PlainSession, Hub(store)) as server:
        with Person(server, "bob") as bob:
            bob.quits()
        with Person(server, "alice") as alice:
            alice.does("first")
            alice.quits()
    away = said("first")
    for number in range(3):
        with dying(path, told_seconds=0.01) as server, Person(server, "alice") as alice, Peer(server) as bob:
            alice.does(str(number))
            bob.log_in("bob")
            assert told(bob).lines == [*away, *said(str(number))]
            server.wait_for_bookmark("bob", "lobby", 7 + 3 * number)  # then comes bob's joining
            server.kill()
        away = []
