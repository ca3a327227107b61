"""How lines are shown on real sockets changes amid everything: no line is lost, doubled or out of order for that."""

import contextlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from chatsrv.app.sessions import TelnetSession
from chatsrv.chat.hub import Hub
from chatsrv.net.listening.server import ChatServer
from chatsrv.roomlog.sqlite.store import SqliteStore
from tests.net.folk import Person, Village, village
from tests.net.test_rooms import in_dev
from tests.peer import PASSWORDS, Peer, running, with_any_time

SMALL = {"send_buffer_bytes": 4096, "stall_seconds": 3600.0, "tail_bytes": 1 << 30}
FORM = re.compile(r"(\[(?:\d{4}-\d\d-\d\d )?\d\d:\d\d\] )?(\[\w+\] )?<alice> (\d+) x*")


@pytest.fixture
def place() -> Iterator[Village]:
    with village() as found:
        yield found


def shown(person: Person, *lines: str) -> list[str]:
    """Do what `Person.does` does, but leave the times where they are, as if it were 14:03."""
    person.send("".join(f"{line}\n" for line in (*lines, "/join nowhere")).encode())
    seen = []
    while not (line := person.line()).startswith("There is no room nowhere. "):
        seen.append(with_any_time(line))
    return seen


def numbered(begin: int, end: int) -> list[str]:
    return [f"{number} {'x' * 300}" for number in range(begin, end)]


# ------------------------------------------------------------------ what is shown


def test_lines_look_as_they_always_did_until_somebody_chooses_otherwise(place: Village) -> None:
    alice, bob = in_dev(place, "alice", "bob")
    talk = ("one", "/me waves", "/topic Tea", "/join lobby", "two", "/join dev", "/msg bob three")
    before = ["<alice> one", "* alice waves", "*** alice changed the topic to: Tea", "[private] <alice> three"]
    alice.does(*talk)
    seen = shown(bob)
    assert [line for line in seen if "lobby" not in line] == before
    bob.does("/set times on", "/set rooms always", "/set times off", "/set rooms others")
    alice.does("/topic -", *talk)
    assert [line for line in shown(bob) if "lobby" not in line][1:] == before


def test_from_the_answer_on_lines_are_shown_as_they_were_asked_for(place: Village) -> None:
    alice, bob = in_dev(place, "alice", "bob")
    talk = ("one", "/join lobby", "two", "/join dev", "/msg bob three")
    for chosen, expected in (
        ("/set times on", ["[14:03] <alice> one", "[14:03] [lobby] <alice> two", "[14:03] [private] <alice> three"]),
        ("/set rooms always", ["[14:03] [dev] <alice> one", "[14:03] [lobby] <alice> two"]),
        ("/set times off", ["[dev] <alice> one", "[lobby] <alice> two", "[private] <alice> three"]),
        ("/set rooms others", ["<alice> one", "[lobby] <alice> two", "[private] <alice> three"]),
    ):
        (answer,) = bob.does(chosen)
        assert answer.startswith("From now on")
        alice.does(*talk)
        seen = shown(bob)
        assert set(expected) <= set(seen)
        assert len(seen) == 3


def test_times_are_those_of_the_servers_time_zone() -> None:
    zone = timezone(timedelta(hours=5, minutes=30))
    with village(time_zone=zone) as place:
        alice, bob = in_dev(place, "alice", "bob")
        bob.does("/set times on")
        before = datetime.now(zone)
        alice.does("hello")
        line = bob.line()
        told = {f"[{moment:%H:%M}] <alice> hello" for moment in (before, datetime.now(zone))}
        assert line in told
        assert line[1:6] != f"{datetime.now(UTC):%H:%M}"


def test_all_devices_follow_also_those_that_come_later_and_others_do_not(place: Village) -> None:
    alice, bob, phone = in_dev(place, "alice", "bob", "bob")
    phone.does("/set times on", "/join lobby", "/set rooms always")
    alice.does("hello")
    tablet = place.log_in("bob")
    tablet.sees()
    alice.does("again")
    assert shown(bob) == shown(phone) == ["[14:03] [dev] <alice> hello", "[14:03] [dev] <alice> again"]
    assert shown(tablet) == ["[14:03] [dev] <alice> again"]
    bob.does("my own")
    assert shown(alice) == ["<bob> my own"]


def test_whoever_turns_to_another_room_keeps_the_style(place: Village) -> None:
    alice, bob = in_dev(place, "alice", "bob")
    bob.does("/set times on", "/join lobby")
    alice.does("one")
    assert shown(bob, "/join dev") == ["[14:03] [dev] <alice> one", "You speak in dev now."]
    alice.does("two")
    assert shown(bob, "/part") == ["[14:03] <alice> two", "You left dev. You speak in lobby now."]
    assert shown(bob, "/join dev")[:2] == ["You are in dev now.", "Here now: alice."]
    alice.does("three")
    assert shown(bob) == ["[14:03] <alice> three"]


def test_the_history_and_what_was_missed_name_every_room_too(place: Village) -> None:
    alice, bob = in_dev(place, "alice", "bob")
    bob.does("/set rooms always")
    alice.does("one")
    assert shown(bob, "/history 1")[2:3] == ["[14:03] [dev] <alice> one"]
    bob.quits()
    alice.sees_up_to("[lobby] * bob left", "* bob left")
    alice.does("two", "/join lobby", "three")
    bob = place.log_in("bob")
    assert [line for line in shown(bob) if "<alice>" in line] == [
        "[14:03] [lobby] <alice> three",
        "[14:03] [dev] <alice> two",
    ]


def test_somebody_ignored_stays_unheard_in_every_style(place: Village) -> None:
    alice, bob, dave = in_dev(place, "alice", "bob", "dave")
    bob.does("/ignore alice", "/set times on", "/set rooms always")
    alice.does("unheard", "/topic unheard", "/kick dave unheard")
    dave.does("/join dev", "heard")
    assert shown(bob) == [
        "[14:03] [dev] *** alice changed the topic",
        "[14:03] [dev] *** alice kicked dave",
        "[14:03] [dev] * dave joined",
        "[14:03] [dev] <dave> heard",
    ]


def test_who_speaks_is_spared_the_own_lines_in_every_style(place: Village) -> None:
    alice, bob = in_dev(place, "alice", "bob")
    bob.does("/set times on", "/set rooms always")
    assert shown(bob, "my own", "/me waves") == []
    assert alice.sees() == ["<bob> my own", "* bob waves"]


def test_a_telnet_client_has_the_styles_too(place: Village) -> None:
    alice = place.log_in("alice")
    server = ChatServer(
        ("127.0.0.1", 0),
        TelnetSession,
        auth=place.server.gate,
        hub=place.server.hub,
        delivery=place.server.delivery,
        time_zone=UTC,
    )
    with running(server), Peer(server) as bob:
        bob.try_login("bob", PASSWORDS["bob"])
        bob.read_until(b"Type /help for commands.\r\n")
        bob.send(b"/set times on\r\n/set rooms always\r\n")
        bob.read_until(b"each line names its room.\r\n")
        alice.does("hello")
        assert re.fullmatch(rb"\[\d\d:\d\d\] \[lobby\] <alice> hello\r\n", bob.read_until(b"\n"))


# ------------------------------------------------------------------ amid a stream


def check_stream(lines: list[str], count: int) -> list[tuple[bool, str]]:
    """Make sure that everything alice said was shown once and in order; return the form of each line."""
    found = [match for line in lines if (match := FORM.fullmatch(line))]
    assert [int(match[3]) for match in found] == list(range(count))
    return [(bool(match[1]), match[2] or "") for match in found]


def test_who_reads_slowly_gets_every_line_once_whatever_is_chosen_meanwhile() -> None:
    with village(**SMALL) as place:
        (alice,) = in_dev(place, "alice")
        bob = place.log_in("bob", receive_buffer_bytes=2048)
        phone = place.log_in("bob")
        bob.does("/join dev")
        alice.sees()
        phone.sees()
        chosen = ("/set times on", "/set rooms always", "/set times off", "/set rooms others", "/set times on")
        for number, line in enumerate(chosen):
            alice.does(*numbered(100 * number, 100 * number + 100))
            phone.does(line)
        alice.does("the end")
        seen = []
        while not (line := bob.line()).endswith("<alice> the end"):
            seen.append(line)
        check_stream(seen, 500)
        bob.does("/who")
        alice.does("level")
        assert shown(bob) == ["[14:03] <alice> level"]


def test_who_reads_as_it_is_said_sees_each_change_at_one_place_in_the_stream(place: Village) -> None:
    alice, bob = in_dev(place, "alice", "bob")
    for number, line in enumerate(("/set times on", "/set rooms always", "/set times off", "/set rooms others")):
        alice.send("".join(f"{line}\n" for line in numbered(200 * number, 200 * number + 200)).encode())
        bob.type(line)
    alice.does("the end")
    seen = []
    while not (line := bob.line()).endswith("<alice> the end"):
        seen.append(line)
    forms = check_stream(seen, 800)
    changes = [form for number, form in enumerate(forms) if not number or form != forms[number - 1]]
    order = [(False, ""), (True, ""), (True, "[dev] "), (False, "[dev] "), (False, "")]
    places = [order.index(form, 0 if not number else 1) for number, form in enumerate(changes)]
    assert places == sorted(places)


def test_who_is_catching_up_gets_every_line_once_whatever_is_chosen_meanwhile() -> None:
    with village(**SMALL) as place:
        (alice,) = in_dev(place, "alice")
        phone = place.log_in("bob")
        phone.does("/join dev", "/join lobby")
        phone.quits()
        alice.sees_up_to("* bob left", "[lobby] * bob left")
        alice.does(*numbered(0, 400))
        bob = place.log_in("bob", receive_buffer_bytes=2048)  # and reads nothing yet
        phone = place.log_in("bob")
        alice.sees_up_to("* bob joined", "[lobby] * bob joined")
        phone.send(b"/set times on\n/set rooms always\n")
        alice.does(*numbered(400, 600))
        phone.send(b"/set rooms others\n")
        alice.does(*numbered(600, 700), "the end")
        seen = []
        while not (line := bob.line()).endswith("<alice> the end"):
            seen.append(line)
        forms = check_stream(seen, 700)
        assert all(mark == "[dev] " for _, mark in forms)
        assert all(has_time for has_time, _ in forms[:400])  # of before, whatever was chosen
        phone.sees()
        bob.sees()
        alice.does("level")
        assert shown(bob) == ["[14:03] [dev] <alice> level"]


def test_the_style_and_what_was_missed_outlive_a_restart(tmp_path: Path) -> None:
    for visit in range(2):
        with contextlib.closing(SqliteStore(tmp_path / "chat.db")) as store, village(Hub(store)) as place:
            (alice,) = place.log_in_all("alice")
            bob = place.log_in("bob")
            if not visit:
                bob.does("/set times on", "/set rooms always")
                bob.quits()
                alice.sees_up_to("* bob left")
                alice.does("missed")
            else:
                assert "[14:03] [lobby] <alice> missed" in shown(bob)
                alice.does("live")
                assert with_any_time(bob.line()) == "[14:03] [lobby] <alice> live"
