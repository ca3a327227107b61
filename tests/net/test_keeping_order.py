"""Keeping order while sessions come and go, over real sockets; what was decided survives restarts, and ends in time."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from chatsrv.app.sessions import PlainSession
from chatsrv.chat.hub import Hub
from chatsrv.model.refusals import Ending
from chatsrv.model.replies import Notice, Reply
from chatsrv.model.reports import KickedYou
from chatsrv.model.roomrules import DeclaredRoom, RoomRules
from chatsrv.net.listening.server import ChatServer
from chatsrv.protocols.plain import PlainProtocol, PlainRenderer, PlainWriter
from chatsrv.roomlog.memory import MemoryStore
from chatsrv.roomlog.sqlite.store import SqliteStore
from tests.net.folk import Village, village
from tests.net.test_rooms import in_dev
from tests.peer import PASSWORDS, Peer, running
from tests.refusing import refused


@pytest.fixture
def place() -> Iterator[Village]:
    with village() as found:
        yield found


# ------------------------------------------------------------------ kick, ban, mute


class WordlessWriter(PlainWriter):
    """Fails when somebody is to be told that they were kicked."""

    def write(self, reply: Reply) -> bytes:
        if isinstance(reply, KickedYou):
            raise RuntimeError("no word for it")  # noqa: TRY004 - of its writer, whatever it is asked
        return super().write(reply)


class WordlessSession(PlainSession):
    protocol = PlainProtocol()
    protocol.writer = WordlessWriter(PlainRenderer())  # type: ignore[misc]  # of this one alone


def test_a_wire_format_that_cannot_tell_a_kick_ends_the_session_that_it_is_of_and_no_other(place: Village) -> None:
    hub = place.server.hub
    auth = place.server.gate
    with running(ChatServer(("127.0.0.1", 0), WordlessSession, auth=auth, hub=hub)) as other, Peer(other) as bob:
        alice, carol = place.log_in_all("alice", "carol")
        bob.log_in("bob")
        alice.sees_up_to("* bob joined")
        assert alice.does("/kick bob") == ["You kicked bob out of lobby."]
        assert bob.rest().decode() == "Something went wrong in the server. Please log in again.\n"
        assert "*** alice kicked bob" in carol.sees()
        assert alice.does("/who") == ["Here now: alice, carol."]


def test_who_is_kicked_is_out_on_all_devices_until_he_joins_again(place: Village) -> None:
    alice, bob, phone, carol = in_dev(place, "alice", "bob", "bob", "carol")
    phone.does("/join lobby")
    alice.does("/kick bob loud")
    alice.does("are we alone?")
    # What he was just typing is said nowhere else.
    assert bob.does("not there", "/join lobby", "here") == [
        "alice kicked you out of dev: loud",
        "You speak in no room now: /join lobby turns to one.",
        "You speak in lobby now.",
    ]
    assert phone.sees() == ["alice kicked you out of dev: loud", "<bob> here"]
    assert carol.sees() == ["*** alice kicked bob: loud", "<alice> are we alone?", "[lobby] <bob> here"]
    phone.quits()
    bob.quits()
    carol.sees_up_to("[lobby] * bob left")
    bob = place.log_in("bob")
    bob.sees()
    assert bob.does("/part dev") == ["You are not in dev."]
    assert bob.does("/join dev", "back")[0] == "You are in dev now."
    assert carol.sees() == ["[lobby] * bob joined", "* bob joined", "<bob> back"]


def test_coming_in_and_being_kicked_are_told_in_the_order_in_which_they_happened(place: Village) -> None:
    alice, bob = in_dev(place, "alice", "bob")
    dev, is_in = place.server.hub.room("dev"), True
    tells = {"You are in dev now.": True, "You speak in dev now.": True, "alice kicked you out of dev.": False}
    for _ in range(100):
        bob.type("/join dev")
        alice.does("/kick bob")
        for line in bob.sees():
            is_in = tells.get(line, is_in)
        assert dev.is_in("bob") == is_in


def test_who_is_banned_is_kept_out_wherever_he_comes_from_until_the_ban_is_lifted(place: Village) -> None:
    alice, bob = in_dev(place, "alice", "bob")
    assert alice.does("/ban bob spam") == ["bob is banned from dev for good: spam."]
    assert bob.sees() == bob.does("/join dev") == ["You are banned from dev: spam."]
    phone = place.log_in("bob")
    assert phone.sees() == []
    assert phone.does("/join dev") == ["You are banned from dev: spam."]
    alice.does("/unban bob")
    assert bob.sees() == ["You are not banned from dev any more."]
    assert bob.does("/join dev", "thanks")[0] == "You are in dev now."
    assert phone.sees()[-1] == "[dev] <bob> thanks"
    assert alice.sees()[-2:] == ["* bob joined", "<bob> thanks"]


def test_who_is_banned_from_the_server_is_gone_and_cannot_come_back(place: Village) -> None:
    alice, bob, phone = place.log_in_all("alice", "bob", "bob")
    assert alice.does("/ban bob everywhere spam", "/who") == [
        *("* bob left (banned)", "bob is banned from the whole server for good: spam."),
        "Here now: alice.",
    ]
    for device in (bob, phone):
        device.type("I say it all the same")
        assert device.rest().decode().splitlines()[0] == "You are banned here: spam."
        device.socket.close()
    with Peer(place.server) as bob_again:
        bob_again.try_login("bob", PASSWORDS["bob"])
        assert bob_again.rest() == b"You are banned here: spam.\nLogin failed.\n"
    alice.does("/unban bob everywhere")
    place.log_in("bob").sees()
    assert alice.sees() == ["* bob joined"]


def test_who_is_banned_from_the_server_is_put_into_no_room_by_another_device(place: Village) -> None:
    alice, _, phone = place.log_in_all("alice", "bob", "bob")
    alice.does("/create dev")
    alice.does("/ban bob everywhere")
    phone.type("he has yet to read why")
    for device in place.server.hub.attendance.devices("bob"):
        with refused(Ending()):
            device.enter(place.server.hub.room("dev"), Notice("You are in dev, too."))


def test_who_has_the_answer_to_a_decision_knows_that_others_have_been_sent_it(tmp_path: Path) -> None:
    with contextlib.closing(SqliteStore(tmp_path / "chat.db")) as store, village(Hub(store)) as place:
        alice, carol = place.log_in_all("alice", "carol")
        for number in range(100):
            alice.does(f"/topic {number}")
            assert carol.sees() == [f"*** alice changed the topic to: {number}"]


def test_a_banned_network_is_put_out_but_for_admins(place: Village) -> None:
    alice, bob, carol = in_dev(place, "alice", "bob", "carol")
    assert alice.does("/ban 127.0.0.0/8 flood", "/who") == [
        *("* bob left (banned)", "* carol left (banned)"),
        *("127.0.0.0/8 is banned from dev for good: flood.", "Here now: alice."),
    ]
    for person in (bob, carol):
        assert "You are banned from dev: flood." in person.sees()
        assert person.does("/join dev") == ["You are banned from dev: flood."]


def test_who_is_muted_reads_on_and_says_nothing_there(place: Village) -> None:
    alice, bob = in_dev(place, "alice", "bob")
    alice.does("/mute bob loud")
    refusal = "You are muted in dev: loud. That was not said."
    assert bob.does("psst", "/me waves") == ["*** alice muted bob: loud", refusal, refusal]
    assert bob.does("/topic psst") == ["You are muted in dev: loud."]
    bob.does("/join lobby", "hello")
    assert alice.does("/unmute bob") == ["[lobby] <bob> hello", "bob is not muted in dev any more."]
    bob.does("/join dev", "at last")
    assert alice.sees() == ["<bob> at last"]


def test_nobody_is_muted_out_of_it_by_coming_back(place: Village) -> None:
    alice, bob = in_dev(place, "alice", "bob")
    alice.does("/mute bob")
    bob.does("/part", "/join dev")
    assert bob.does("psst") == ["You are muted in dev. That was not said."]
    phone = place.log_in("bob")
    phone.does("/join dev")
    assert phone.does("psst") == ["You are muted in dev. That was not said."]
    assert alice.sees() == ["* bob left", "* bob joined"]


# ------------------------------------------------------------------ unlogged rooms


def test_what_is_said_in_an_unlogged_room_is_nowhere_on_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "chat.db"
    with contextlib.closing(SqliteStore(path)) as store, village(Hub(store)) as place:
        alice, bob = place.log_in_all("alice", "bob")
        alice.does("/create whisper unlogged")
        assert bob.does("/join whisper")[:2] == ["You are in whisper now.", "Nothing that is said here is recorded."]
        alice.does("the unrecorded word", "/me unrecordedly waves")
        assert bob.sees() == ["<alice> the unrecorded word", "* alice unrecordedly waves"]
        bob.does("/part")
        alice.does("while you were away, unrecorded")
        assert "<alice> while you were away, unrecorded" in bob.does("/join whisper")
    assert not any(b"unrecorded" in file.read_bytes() for file in tmp_path.iterdir())
    with contextlib.closing(SqliteStore(path)) as store, village(Hub(store)) as place:
        bob = place.log_in("bob")
        assert "You speak in lobby. You are also in: whisper." in bob.sees()
        assert bob.does("/join whisper", "/history 3")[-1] == "Nothing has been said in whisper yet."


def test_who_is_in_no_room_is_not_told_that_nobody_else_is_there(place: Village) -> None:
    bob = place.log_in("bob")
    bob.does("/part")
    bob.quits()
    with Peer(place.server) as again:
        again.try_login("bob", PASSWORDS["bob"])
        assert again.line().endswith("Welcome, bob! Type /help for commands.")
        assert again.line() == "You are in no room: /rooms lists them, /join ROOM enters one."


# ------------------------------------------------------------------ restarts, and time


class Clock:
    """The time of a chat, which the test moves."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@contextlib.contextmanager
def restarted(path: Path, clock: Clock) -> Iterator[Village]:
    with (
        contextlib.closing(SqliteStore(path)) as store,
        village(Hub(store, rules=RoomRules(declared=(DeclaredRoom(name="staff", topic="Tea"),)), clock=clock)) as place,
    ):
        yield place


def test_all_that_was_decided_survives_a_restart(tmp_path: Path) -> None:
    path, clock = tmp_path / "chat.db", Clock()
    with restarted(path, clock) as place:
        alice, bob, carol = place.log_in_all("alice", "bob", "carol")
        alice.does("/join staff", "/topic Biscuits")
        bob.does("/create Den invite-only", "/topic Ours", "/invite carol", "/ban dave rude")
        carol.does("/join den", "/ignore bob")
        user4 = place.log_in("user4")
        bob.does("/invite user4")
        user4.does("/join den")
        bob.does("/mute user4 1h", "/slow 60", "/part lobby")
        alice.does("/ban user1 everywhere 2h spam", "/mute user2 everywhere", "/join lobby", "/ban user3")
    with restarted(path, clock) as place:
        alice = place.log_in("alice")
        assert alice.sees()[0] == "You speak in lobby. You are also in: staff."
        assert "Topic of staff: Biscuits" in alice.does("/join staff", "/topic")
        bob = place.log_in("bob")
        assert bob.sees()[0] == "You speak in den."
        assert "Topic of den: Ours" in bob.does("/topic")
        rulings = bob.does("/bans")
        assert [line.split(",")[0] for line in rulings if ": " in line] == [
            "dave: banned from den for good",
            *[line.split(",")[0] for line in rulings if line.startswith("user4: muted in den until ")],
        ]
        carol = place.log_in("carol")
        assert carol.sees()[0] == "You speak in lobby. You are also in: den."
        bob.does("unheard")
        *recorded_late, told = carol.does("/join den")
        assert told == "You speak in den now."
        assert not [line for line in recorded_late if "unheard" in line]
        user4 = place.log_in("user4")
        user4.does("/join den")
        assert user4.does("psst") == ["You are muted in den until 2027-01-15 09:00 UTC. That was not said."]
        shown = bob.does("too soon")  # and perhaps that user4 came, who is shown once that is recorded
        assert any(line.startswith("Slow mode is on in den: one line in 1 minute") for line in shown)
        user2 = place.log_in("user2")
        assert user2.does("psst")[-1] == "You are muted on this server. That was not said."
        assert user2.does("/join den") == [
            "den is by invitation only: somebody who is in it can /invite you.",
        ]
        user3 = place.log_in("user3")
        assert user3.sees()[-1] == "You are banned from lobby."
        with Peer(place.server) as user1:
            user1.try_login("user1", PASSWORDS["user1"])
            assert user1.rest() == b"You are banned here until 2027-01-15 10:00 UTC: spam.\nLogin failed.\n"


def test_bans_and_mutes_end_on_their_own(tmp_path: Path) -> None:
    clock = Clock()
    with contextlib.closing(MemoryStore()) as store, village(Hub(store, clock=clock)) as place:
        alice, bob, dave = in_dev(place, "alice", "bob", "dave")
        alice.does("/mute bob 10m", "/ban dave 1h", "/ban user1 everywhere 2h", "/slow 60")
        dave.sees()
        clock.now += 599
        assert bob.does("psst")[-1] == "You are muted in dev until 2027-01-15 08:10 UTC. That was not said."
        clock.now += 1
        assert bob.does("one") == []
        assert bob.does("two") == ["Slow mode is on in dev: one line in 1 minute from each. That was not said."]
        clock.now += 60
        assert bob.does("three") == []
        assert dave.does("/join dev") == ["You are banned from dev until 2027-01-15 09:00 UTC."]
        clock.now += 3000
        assert dave.does("/join dev")[0] == "You are in dev now."
        assert alice.does("/bans")[-2].startswith("user1: banned from the whole server until ")
        clock.now += 3600
        place.log_in("user1").sees()
        assert "[lobby] * user1 joined" in alice.sees()


def test_until_when_something_holds_is_told_in_the_time_zone_of_the_other_times() -> None:
    hub = Hub(MemoryStore(), clock=Clock())
    with village(hub, time_zone=ZoneInfo("Asia/Kolkata")) as place:
        alice, bob, dave, carol = in_dev(place, "alice", "bob", "dave", "carol")
        until = "until 2027-01-15 14:30"
        assert alice.does("/mute bob 1h") == [f"bob is muted in dev {until}."]
        assert alice.does("/ban dave 1h") == [f"dave is banned from dev {until}."]
        assert alice.does("/mute carol everywhere 1h") == [f"carol is muted on the whole server {until}."]
        assert alice.does("/ban user1 everywhere 1h") == [f"user1 is banned from the whole server {until}."]
        assert len([line for line in alice.does("/bans") if until in line]) == 4
        assert bob.does("psst")[-1] == f"You are muted in dev {until}. That was not said."
        assert bob.does("/topic psst")[-1] == f"You are muted in dev {until}."
        assert dave.sees()[-1] == dave.does("/join dev")[-1] == f"You are banned from dev {until}."
        assert carol.sees()[-1] == f"You are muted on this server {until}."
        assert carol.does("psst")[-1] == f"You are muted on this server {until}. That was not said."
        with Peer(place.server) as user1:
            user1.try_login("user1", PASSWORDS["user1"])
            assert user1.rest().decode().splitlines()[0] == f"You are banned here {until}."
