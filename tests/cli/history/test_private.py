"""The command line about what is not said in a room: private messages, and what was decided. Real files."""

import contextlib
import json
from pathlib import Path

import pytest

from chatsrv.model.changes import Change, What
from chatsrv.model.entries import Kind
from chatsrv.roomlog.sqlite.store import SqliteStore
from tests.cli.histories import AT, done, house_with, refused, say, texts
from tests.house import House


def change(actor: str, *fields, text: str = "", until: float | None = None) -> tuple[str, Kind, str, str]:
    return ("*register", Kind.CHANGE, actor, Change(*fields, text=text, until=until).encode())


@pytest.fixture
def house(tmp_path: Path) -> House:
    """Return a house with a history: a line in the lobby, a private message of bob's, and seven decisions."""
    return house_with(
        tmp_path,
        change("bob", What.CREATE, "dev", text="invite-only"),
        change("bob", What.JOIN, "dev"),
        change("Alice", What.BAN, "dev", "Mallory", text="spam", until=AT + 3600),
        ("lobby", Kind.SAY, "bob", "tea is ready"),
        ("@alice", Kind.PRIVATE, "bob", "your tea"),
        ("@bob", Kind.PRIVATE_SENT, "bob", "Alice your tea"),
        change("bob", What.IGNORE, "", "Alice"),
        change("bob", What.KICK, "dev", "carol"),
        change("alice", What.MUTE, "", "bob", text="too loud"),
        change("alice", What.BAN, "", "192.0.2.0/24"),
        change("alice", What.TOPIC, "dev", text="cake"),
    )


# ---------------------------------------------------------------------------- names that are given again


INHERITS = "has all that the history keeps under that name: rooms, invitations, bans, private messages"


@pytest.mark.parametrize("name", ["bob", "Carol", "mallory"])
def test_who_gets_the_name_of_somebody_before_is_told_of_what_comes_with_it(house: House, name: str) -> None:
    if name == "bob":
        removed = house.run("user", "remove", "--yes", name)
        assert f"warning: whoever is called bob next {INHERITS}" in removed.stderr
    added = house.run("user", "add", name, "--password-stdin", stdin="correct horse battery\n")
    assert added.exit_code == 0
    assert f"warning: there was a {name} before, and this one {INHERITS}" in added.stderr


def test_who_has_a_new_name_has_nothing_of_anybody(house: House) -> None:
    added = house.run("user", "add", "zoe", "--password-stdin", stdin="correct horse battery\n")
    assert (added.exit_code, added.stderr) == (0, "Added zoe.\n")
    assert house.run("user", "remove", "--yes", "zoe").stderr == "Removed zoe.\n"


# ---------------------------------------------------------------------------- audit


def test_audit_tells_who_decided_what_of_whom_until_when_and_why_oldest_first(house: House) -> None:
    out, err = done(house, "audit")
    assert err == ""
    assert out.splitlines() == [
        "2026-08-01T11:50:00Z dev bob create: invite-only",
        "2026-08-01T11:52:00Z dev Alice ban Mallory until 2026-08-01T13:00:00Z: spam",
        "2026-08-01T11:57:00Z dev bob kick carol",
        "2026-08-01T11:58:00Z server alice mute bob for good: too loud",
        "2026-08-01T11:59:00Z server alice ban 192.0.2.0/24 for good",
        "2026-08-01T12:00:00Z dev alice topic: cake",
    ]


def test_audit_for_programs_is_json(house: House) -> None:
    told = [json.loads(line) for line in done(house, "audit", "--json")[0].splitlines()]
    assert told[1] == {
        "offset": 3,
        "at": "2026-08-01T11:52:00.000000Z",
        "room": "dev",
        "actor": "Alice",
        "what": "ban",
        "target": "Mallory",
        "until": "2026-08-01T13:00:00Z",
        "text": "spam",
    }
    assert [entry["room"] for entry in told] == ["dev", "dev", "dev", None, None, "dev"]
    assert (told[0]["target"], told[0]["until"]) == (None, None)


def whats(house: House, *arguments: str) -> list[str]:
    return [json.loads(line)["what"] for line in done(house, "audit", "--json", *arguments)[0].splitlines()]


def test_audit_is_of_a_room_or_of_the_whole_server(house: House) -> None:
    assert whats(house, "--room", "#Dev") == whats(house, "--room", "dev") == ["create", "ban", "kick", "topic"]
    assert whats(house, "--room", "server") == ["mute", "ban"]


def test_audit_is_by_and_about_an_account_or_a_network(house: House) -> None:
    assert whats(house, "--account", "BOB") == ["create", "kick", "mute"]
    assert whats(house, "--account", "mallory") == ["ban"]
    assert whats(house, "--account", "192.0.2.7/24") == ["ban"]
    assert whats(house, "--account", "alice", "--room", "dev") == ["ban", "topic"]


def test_audit_is_from_one_time_on_and_before_another(house: House) -> None:
    assert whats(house, "--since", "2026-08-01T11:57:00Z", "--until", "2026-08-01T11:59:00Z") == ["kick", "mute"]
    assert "nothing lies between" in refused(house, "audit", "--since", "2h", "--until", "3h", exit_code=2)


@pytest.mark.parametrize("arguments", [["--room", "attic"], ["--account", "nobody"], ["--room", "no room"]])
def test_audit_that_finds_nothing_says_so(house: House, arguments: list[str]) -> None:
    assert done(house, "audit", *arguments) == ("", "Nothing was found.\n")


def test_audit_of_a_history_without_a_decision_says_so(tmp_path: Path) -> None:
    house = house_with(tmp_path, ("lobby", Kind.SAY, "bob", "hi"))
    assert done(house, "audit") == ("", "Nothing was found.\n")


def test_audit_leaves_out_what_is_no_decision_and_moves_no_terminal(house: House, tmp_path: Path) -> None:
    with contextlib.closing(SqliteStore(tmp_path / "chat.db")) as store:
        hostile = Change(What.BAN, "dev", "\x1b[2J", 1e300, "\u202e\r\n").encode()
        say(store, ("*register", Kind.CHANGE, "bob", "nonsense"), ("*register", Kind.CHANGE, "\x07", hostile))
    for arguments in (["audit"], ["audit", "--json"]):
        lines = done(house, *arguments)[0].split("\n")
        assert len(lines) == 8
        assert all(line.isprintable() for line in lines)


def test_what_was_decided_is_not_erased_with_who_decided_it(house: House) -> None:
    before = done(house, "audit")[0]
    _, err = done(house, "erase", "--account", "alice", "--yes")
    assert err.startswith("Erased 1 entry of alice;")
    assert done(house, "audit")[0] == before


# ---------------------------------------------------------------------------- private messages


def test_export_leaves_private_messages_out_unless_they_are_asked_for(house: House) -> None:
    assert texts(house) == ["tea is ready"]
    assert texts(house, "--private") == ["tea is ready", "your tea", "Alice your tea"]
    assert texts(house, "--room", "@Bob") == ["Alice your tea"]
    assert texts(house, "--room", "lobby", "--private") == ["tea is ready"]
    assert "there is no room '@carol'" in refused(house, "export", "--room", "@carol")


def test_export_into_a_file_tells_how_many_it_has(house: House, tmp_path: Path) -> None:
    _, err = done(house, "export", "--output", str(tmp_path / "out"))
    assert err.startswith("Exported 1 entry to")
    _, err = done(house, "export", "--private", "--format", "text", "--output", str(tmp_path / "private"))
    assert err.startswith("Exported 3 entries to")
    assert (tmp_path / "private").read_text().splitlines() == [
        "2026-08-01T11:53:00Z lobby <bob> tea is ready",
        "2026-08-01T11:54:00Z @alice [private] <bob> your tea",
        "2026-08-01T11:55:00Z @bob [private to Alice] <bob> your tea",
    ]


def test_search_leaves_private_messages_out_unless_they_are_asked_for(house: House) -> None:
    def found(*arguments: str) -> list[str]:
        return [line.split()[1] for line in done(house, "search", "tea", *arguments)[0].splitlines()]

    assert found() == ["lobby"]
    assert found("--private") == ["@bob", "@alice", "lobby"]
    assert found("--room", "@ALICE") == ["@alice"]


@pytest.mark.parametrize("command", [["export"], ["search", "spam"], ["export", "--private"]])
def test_the_register_is_for_audits_alone(house: House, command: list[str]) -> None:
    assert "`chatsrv history audit` shows it" in refused(house, *command, "--room", "*register")
    assert "spam" not in done(house, *command)[0]


def test_stats_count_private_messages_and_the_register_in_a_line_each(house: House) -> None:
    out, _ = done(house, "stats")
    assert out.splitlines()[-3:] == [
        "room lobby        1 entry, from 2026-08-01T11:53:00Z to 2026-08-01T11:53:00Z",
        "private messages  2 entries of 2 accounts, from 2026-08-01T11:54:00Z to 2026-08-01T11:55:00Z",
        "register          8 entries, from 2026-08-01T11:50:00Z to 2026-08-01T12:00:00Z",
    ]
    assert "alice" not in out
    told = json.loads(done(house, "stats", "--json")[0])
    assert told["entries"] == 11
    assert [room["name"] for room in told["rooms"]] == ["lobby"]
    assert told["private"] == {
        "logs": 2,
        "entries": 2,
        "first_at": "2026-08-01T11:54:00Z",
        "last_at": "2026-08-01T11:55:00Z",
    }
    assert (told["register"]["logs"], told["register"]["entries"]) == (1, 8)


def test_erase_counts_what_others_wrote_to_the_account_and_names_nobody_else(house: House) -> None:
    told = refused(house, "erase", "--account", "Alice", stdin="n\n")
    assert told.startswith("Erase 1 entry of Alice, for good?")
    told = refused(house, "erase", "--account", "bob", stdin="n\n")
    assert told.startswith("Erase 3 entries of bob, for good?")
    done(house, "erase", "--account", "bob", "--yes")
    assert texts(house, "--private") == ["", "", ""]


def test_audit_about_an_address_finds_the_ban_of_it(tmp_path: Path) -> None:
    house = house_with(tmp_path, change("alice", What.BAN, "", "192.0.2.77/32"), change("alice", What.BAN, "", "bob"))
    told = done(house, "audit", "--json", "--account", "192.0.2.77")[0].splitlines()
    assert [json.loads(line)["target"] for line in told] == ["192.0.2.77/32"]
