"""Behaviour of chatsrv.bots: members like any other, who hear everything in order, and whose end is theirs alone."""

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatsrv import ChatServer, Hub, Limits, MemoryBackend, PlainSession, Reason
from chatsrv.bots import Bot, Bots, stay
from chatsrv.model.accounts import Role
from chatsrv.model.entries import Entry, Kind
from chatsrv.model.errors import Refused
from chatsrv.model.refusals import InNoRoom, LineTooLong, NoRight, NotInRoom
from chatsrv.model.rights import Right
from chatsrv.roomlog.base import LogStore
from chatsrv.roomlog.memory import MemoryStore
from chatsrv.roomlog.sqlite.store import SqliteStore
from tests.bots.crew import Scribe
from tests.journal import Journal, kept_journal
from tests.peer import DEADLINE_SECONDS, PASSWORDS, Peer, running, running_chat
from tests.refusing import refused


@pytest.fixture
def journal() -> Iterator[Journal]:
    with kept_journal() as kept:
        yield kept


@contextlib.contextmanager
def chat_with(store: LogStore) -> Iterator[ChatServer]:
    """Run a chat whose logs are in `store`."""
    server = ChatServer(("127.0.0.1", 0), PlainSession, auth=MemoryBackend(PASSWORDS), hub=Hub(store))
    with running(server):
        yield server


class Echo(Bot):
    """Says again what others say."""

    name = "echo"

    def said(self, entry: Entry) -> None:
        self.say(entry.text)


class Fragile(Bot):
    """Fails at its second entry."""

    name = "fragile"

    def said(self, entry: Entry) -> None:
        if entry.text == "break":
            raise ZeroDivisionError("all is lost")


def test_it_joins_talks_and_leaves_as_anybody() -> None:
    with running_chat() as server, Peer(server) as alice:
        alice.log_in("alice")
        with Bots(server) as bots:
            echo = Echo()
            bots.add(echo)
            assert alice.line() == "* echo joined"
            alice.type("hello")
            assert alice.line() == "<echo> hello"
            alice.type("/who")
            assert alice.line() == "Here now: alice, echo."
            echo.act("bows")
            assert alice.line() == "* echo bows"
            echo.stop()
            assert alice.line() == "* echo left"


def test_an_orderly_stop_ends_all_of_them() -> None:
    scribes = [Scribe("one"), Scribe("two")]
    with running_chat() as server, Peer(server) as alice:
        alice.log_in("alice")
        with Bots(server) as bots:
            for scribe in scribes:
                bots.add(scribe)
            assert [alice.line(), alice.line()] == ["* one joined", "* two joined"]
        assert {alice.line(), alice.line()} == {f"* {name} left (server shutting down)" for name in ("one", "two")}
    assert [scribe.reason for scribe in scribes] == [Reason.SHUTDOWN] * 2


def test_it_hears_others_and_is_told_all_that_happens() -> None:
    with running_chat() as server, Bots(server) as bots:
        server.hub.lobby.log.append(Kind.SAY, "alice", 1, ("before",))
        scribe = Scribe()
        bots.add(scribe)
        with Peer(server) as alice:
            alice.log_in("alice")
            alice.type("hello")
            scribe.wait_for("hello")
        scribe.say("noted")
        scribe.wait_for("noted")
    told = [(entry.kind, entry.author, entry.text) for entry in scribe.entries if entry.kind is not Kind.LEAVE]
    assert told == [(Kind.JOIN, "alice", ""), (Kind.SAY, "alice", "hello"), (Kind.SAY, "scribe", "noted")]
    assert [scribe.is_own(entry) for entry in scribe.entries if entry.kind is Kind.SAY] == [False, True]
    assert scribe.heard == ["hello"]


def test_what_it_says_is_made_safe_and_each_line_is_one() -> None:
    with running_chat() as server, Bots(server) as bots, Peer(server) as alice:
        scribe = Scribe()
        bots.add(scribe)
        alice.log_in("alice")
        scribe.say("one\r\n\x1b[31mtwo\x1b[0m\n \n\u2800\u2061\nthree\n")
        assert [alice.line() for _ in range(3)] == ["<scribe> one", "<scribe> two", "<scribe> three"]


def test_a_line_that_is_too_long_is_refused_with_all_the_others() -> None:
    with running_chat(line_bytes=64) as server, Bots(server) as bots, Peer(server) as alice:
        scribe = Scribe()
        bots.add(scribe)
        alice.log_in("alice")
        with refused(LineTooLong(64)):
            scribe.say("short\n" + "\N{SNOWMAN}" * 22)
        scribe.say("\N{SNOWMAN}" * 21)
        assert alice.line() == "<scribe> " + "\N{SNOWMAN}" * 21


def test_one_that_fails_ends_alone_with_a_line_in_the_log(journal: Journal) -> None:
    scribe = Scribe()
    with running_chat() as server, Peer(server) as alice, Bots(server) as bots:
        bots.add(scribe)
        bots.add(Fragile())
        alice.log_in("alice")
        alice.type("break")
        assert alice.line() == "* fragile left (server error)"
        alice.type("go on")
        scribe.wait_for("go on")
        assert server.hub.lobby.present(10) == (("alice", "scribe"), 0)
    (line,) = journal.having("bot fragile")
    assert line.startswith("bot fragile failed and leaves lobby\n")
    assert line.endswith("ZeroDivisionError: all is lost")
    assert scribe.reason is Reason.SHUTDOWN


def test_what_made_it_fail_is_what_it_hears_next_time() -> None:
    with running_chat() as server, Bots(server) as bots, Peer(server) as alice:
        fragile = Fragile()
        bots.add(fragile)
        alice.log_in("alice")
        alice.type("fine")
        alice.type("break")
        assert alice.line() == "* fragile left (server error)"
        scribe = Scribe(place=fragile.place)
        bots.add(scribe)
        scribe.wait_for("break")
    assert scribe.heard == ["break"]


def test_one_that_fails_while_it_begins_or_ends_leaves_nothing_behind(journal: Journal) -> None:
    class Unborn(Bot):
        name = "unborn"

        def opened(self) -> None:
            raise ZeroDivisionError

        def closed(self, reason: Reason) -> None:
            raise ZeroDivisionError

    with running_chat() as server, Bots(server) as bots:
        bots.add(Unborn())
        journal.wait_for("bot unborn failed at its end")
        assert server.hub.lobby.present(10) == ((), 0)
    assert len(journal.having("bot unborn failed and leaves lobby")) == 1


def test_what_it_is_refused_does_not_end_it(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    with running_chat() as server, Bots(server) as bots, Peer(server) as alice:
        echo = Echo()
        bots.add(echo)
        alice.log_in("alice")

        def refuse(*_: object) -> None:
            raise Refused("You are muted.")

        with monkeypatch.context() as muted:
            muted.setattr(server.hub.lobby, "speak", refuse)
            server.hub.lobby.log.append(Kind.SAY, "bob", 1, ("hello",))
            journal.wait_for("bot echo was refused something in lobby: You are muted.")
        assert alice.line() == "<bob> hello"
        alice.type("and now?")
        assert alice.line() == "<echo> and now?"


def test_a_right_that_its_role_lacks_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with running_chat() as server, Bots(server) as bots:
        scribe = Scribe()
        bots.add(scribe)
        monkeypatch.setattr("chatsrv.model.rights.RIGHTS", {scribe.role: frozenset()})
        with refused(NoRight(Right.SPEAK, Role.MEMBER)):
            scribe.say("hello")


def test_one_that_is_busy_holds_up_nobody(monkeypatch: pytest.MonkeyPatch, journal: Journal) -> None:
    monkeypatch.setattr("chatsrv.bots.crew.STOP_SECONDS", 0.01)
    is_busy, may_go_on = threading.Event(), threading.Event()

    class Busy(Scribe):
        def said(self, entry: Entry) -> None:
            is_busy.set()
            assert may_go_on.wait(DEADLINE_SECONDS)
            with refused(NotInRoom("lobby")):
                self.say("too late")

    busy = Busy("busy")
    with running_chat() as server, Peer(server) as alice, Peer(server) as bob:
        alice.log_in("alice")
        bob.log_in("bob")
        assert alice.line() == "* bob joined"
        with Bots(server) as bots:
            bots.add(busy)
            assert alice.line() == "* busy joined"
            bob.type("think")
            assert is_busy.wait(DEADLINE_SECONDS)
            for number in range(1000):
                bob.type(f"{number}")
            assert [alice.line() for _ in range(1001)][-1] == "<bob> 999"
        assert alice.line() == "* busy left (server shutting down)"
        assert journal.having("bot busy does not end")
        may_go_on.set()
        assert busy.wait_for_the_end() is Reason.SHUTDOWN
        alice.type("/who")
        assert alice.line() == "Here now: alice, bob."
    assert busy.heard == []
    assert busy.place is not None
    assert busy.entries[-1].text == "think"


def test_names_are_those_of_accounts_and_each_bot_has_its_own() -> None:
    with running_chat() as server, Bots(server) as bots:
        bots.add(Scribe("Clock"))
        for name, told in (("clock", "there is a bot 'clock' already"), ("two words", "without spaces")):
            with pytest.raises(ValueError, match=told):
                bots.add(Scribe(name))
        assert server.hub.lobby.present(10) == (("Clock",), 0)


def test_before_it_is_added_it_can_say_nothing() -> None:
    with refused(InNoRoom()):
        Scribe().say("hello")
    Scribe().stop()


def test_it_may_be_in_another_room() -> None:
    with running_chat() as server, Bots(server) as bots:
        scribe = Scribe()
        bots.add(scribe, "kitchen")
        scribe.say("hello")
        assert server.hub.room("kitchen").log.read_back(server.hub.room("kitchen").log.end, 1)[0].text == "hello"
        assert server.hub.lobby.present(10) == ((), 0)


def test_one_that_cannot_start_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with running_chat() as server, Bots(server) as bots:
        with monkeypatch.context() as scarce:
            scarce.setattr(stay.threading.Thread, "start", refuse)
            with pytest.raises(RuntimeError, match="can't start"):
                bots.add(Scribe())
        assert server.hub.lobby.present(10) == ((), 0)
        bots.add(Scribe())


def test_one_goes_on_exactly_where_it_was() -> None:
    with running_chat() as server, Peer(server) as alice:
        alice.log_in("alice")
        first = Scribe()
        with Bots(server) as bots:
            bots.add(first)
            alice.type("one")
            first.wait_for("one")
        alice.type("two")
        second = Scribe(place=first.place)
        with Bots(server) as bots:
            bots.add(second)
            alice.type("three")
            second.wait_for("three")
    assert (first.heard, second.heard) == (["one"], ["two", "three"])
    offsets = [entry.offset for entry in first.entries + second.entries]
    assert offsets == list(range(offsets[0], offsets[0] + len(offsets)))


def test_a_store_keeps_its_place_over_a_restart_of_the_server(tmp_path: Path) -> None:
    heard: list[list[str]] = []
    for words in ("one two", "three four"):
        with contextlib.closing(SqliteStore(tmp_path / "chat.db")) as store, chat_with(store) as server:
            with Peer(server) as alice:
                alice.log_in("alice")
                alice.type(f"before {words}")
                alice.type("/quit")
                alice.rest()
            with Bots(server) as bots, Peer(server) as alice:
                alice.log_in("alice")
                scribe = Scribe(keeps_place=True)
                bots.add(scribe)
                alice.type(words)
                scribe.wait_for(words)
        heard.append(scribe.heard)
    assert heard == [["one two"], ["before three four", "three four"]]


def test_one_that_keeps_its_place_has_one_before_it_has_heard_anything() -> None:
    may_begin = threading.Event()

    class Late(Scribe):
        def opened(self) -> None:
            assert may_begin.wait(DEADLINE_SECONDS)

    store = MemoryStore()
    with chat_with(store) as server, Bots(server) as bots:
        log = server.hub.lobby.log
        log.append(Kind.SAY, "alice", 1, ("before",))
        bots.add(Late(keeps_place=True))
        bookmark = store.bookmark("scribe", log.room)
        may_begin.set()
    assert bookmark
    assert bookmark.position.offset == 1


def test_a_place_that_the_bot_has_itself_goes_before_the_one_that_is_kept() -> None:
    with running_chat() as server:
        server.hub.lobby.log.append(Kind.SAY, "alice", 1, ("one", "two"))
        place = server.hub.lobby.log.end
        with Bots(server) as bots:
            bots.add(Scribe(keeps_place=True))
        server.hub.lobby.log.append(Kind.SAY, "alice", 1, ("three",))
        with Bots(server) as bots:
            scribe = Scribe(place=place._replace(offset=1), keeps_place=True)
            bots.add(scribe)
            scribe.wait_for("three")
    assert scribe.heard == ["two", "three"]


def test_it_is_told_what_it_has_missed() -> None:
    with chat_with(MemoryStore(keep_entries=10)) as server:
        log = server.hub.lobby.log
        place = log.end
        log.append(Kind.SAY, "alice", 1, [f"{number}" for number in range(100)])
        with Bots(server) as bots:
            scribe = Scribe(place=place)
            bots.add(scribe)
            scribe.wait_for("99")
    (hole,) = scribe.holes
    assert hole.missing == 90
    assert scribe.heard == [f"{number}" for number in range(90, 100)]


def test_limits_of_people_do_not_make_it_wait() -> None:
    server = ChatServer(
        ("127.0.0.1", 0), PlainSession, auth=MemoryBackend(PASSWORDS), limits=Limits(messages_per_second=1, burst=1)
    )
    with running(server), Bots(server) as bots:
        scribe = Scribe()
        bots.add(scribe)
        scribe.say("\n".join(f"{number}" for number in range(1000)))
        scribe.wait_for("999")
    assert len([entry for entry in scribe.entries if entry.kind is Kind.SAY]) == 1000
