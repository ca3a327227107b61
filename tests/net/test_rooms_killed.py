"""A server is killed amid joins, parts, bans and private messages: what anybody was told holds in the next one."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.net.folk import Person
from tests.net.test_catching_up_killed import killed
from tests.peer import DEADLINE_SECONDS


class Owner:
    """Somebody who makes a room, and decides things there until the server dies. `held` is what he was told of."""

    def __init__(self, name: str, server, friend: str) -> None:
        self.held: list[str] = []
        self.room = f"room-of-{name}"
        self.friend = friend
        self._person = Person(server, name)
        self._person.does(f"/create {self.room}")

    def decide(self, has_begun: threading.Barrier) -> None:
        """Decide one thing after the other, each once the one before was answered."""
        has_begun.wait(DEADLINE_SECONDS)
        with self._person:
            for number in range(100_000):
                deed = ("ban", "unban")[number % 2]
                topic = f"topic {number}"
                for typed, answer in (
                    (f"/{deed} {self.friend}", f"{self.friend} is "),
                    (f"/topic {topic}", "The topic of "),
                    ("/part", "You left "),
                    (f"/join {self.room}", "You are in "),
                ):
                    try:
                        self._person.type(typed)
                        while not self._person.line().startswith(answer):
                            pass
                    except (AssertionError, ConnectionError):
                        return  # killed
                    self.held.append(typed)


def holds(owner: Owner, name: str, server) -> None:
    """Hold what somebody was told to be so against what is so: that, or the one deed that was under way."""
    with Person(server, name) as person:
        person.sees()
        person.does(f"/join {owner.room}")
        heading = f"Topic of {owner.room}: "  # others may come and go meanwhile
        (topic,) = (line.removeprefix(heading) for line in person.does("/topic") if line.startswith(heading))
        bans = person.does("/bans")
    told = [typed for typed in owner.held if typed.startswith("/topic ")]
    assert topic in (told[-1].removeprefix("/topic "), f"topic {len(told)}")
    decided = [typed for typed in owner.held if typed.startswith(("/ban", "/unban"))]
    is_banned = any(line.startswith(f"{owner.friend}: banned from ") for line in bans)
    is_under_way = owner.held[-1].startswith("/join")  # then the next ban, or its end, may have come through
    assert is_banned == decided[-1].startswith("/ban") or is_under_way


def test_what_was_decided_and_told_holds_when_the_server_is_killed(tmp_path: Path) -> None:
    path = tmp_path / "chat.db"
    names = ("alice", "bob", "carol")
    with ThreadPoolExecutor(len(names)) as pool:
        with killed(path) as server, Person(server, "dave") as dave:
            dave.sees()
            owners = [Owner(name, server, "dave") for name in names]
            has_begun = threading.Barrier(len(names) + 1)
            busy = [pool.submit(owner.decide, has_begun) for owner in owners]
            has_begun.wait(DEADLINE_SECONDS)
            dave.sees_up_to(*(f"You are not banned from {owner.room} any more." for owner in owners))
            server.kill()
        for each in busy:
            each.result(DEADLINE_SECONDS)
    assert all(owner.held for owner in owners)
    with killed(path) as server:
        for owner, name in zip(owners, names, strict=True):
            holds(owner, name, server)


def private(lines: list[str]) -> list[str]:
    """Return the private ones of some lines."""
    return [line for line in lines if line.startswith("[private]")]


@pytest.mark.parametrize("reader_is_there", [True, False])
def test_a_private_message_that_anybody_saw_is_there_when_the_server_was_killed(
    tmp_path: Path, reader_is_there
) -> None:
    path = tmp_path / "chat.db"
    texts = [str(number) for number in range(50)]
    with killed(path) as server, Person(server, "bob") as bob, Person(server, "alice") as alice:
        if not reader_is_there:
            bob.quits()
        alice.does(*(f"/msg bob {text}" for text in texts))
        if reader_is_there:
            # and no more than these: when alice's joining is shown is the lobby's affair, which may still be held back
            assert private(bob.sees()) == [f"[private] <alice> {text}" for text in texts]
        server.kill()
    with killed(path) as server, Person(server, "bob") as bob, Person(server, "alice") as alice:
        alice.does("/msg bob after")
        expected = [f"[private] <alice> {text}" for text in (*texts, "after")]
        seen = private(bob.sees())
        assert seen == expected[-len(seen) :]  # of what he had read, some seconds may be told twice
        assert reader_is_there or seen == expected
        assert bob.does("/search 49")[-2:] == ["[private] <alice> 49", "(end; that is all)"]


def test_memberships_that_were_told_are_those_of_the_next_server(tmp_path: Path) -> None:
    path = tmp_path / "chat.db"
    with killed(path) as server, Person(server, "alice") as alice, Person(server, "bob") as bob:
        alice.does("/create dev", "/create tea", "/part lobby")
        bob.does("/join dev", "/join tea", "/part dev", "/ignore carol")
        alice.sees()
        server.kill()
    with killed(path) as server, Person(server, "alice") as alice, Person(server, "bob") as bob:
        assert alice.sees()[0] == "You speak in dev. You are also in: tea."
        assert bob.sees()[0] == "You speak in lobby. You are also in: tea."
        assert bob.does("/ignore")[-1] == "You ignore carol."
        alice.does("all well?")
        bob.does("/join dev")
        alice.does("all well?")
        assert bob.sees()[-1] == "<alice> all well?"
