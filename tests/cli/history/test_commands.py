"""The command line about the history. Real files, real processes and a real terminal where one is needed."""

import contextlib
import json
import re
import sqlite3
import stat
import subprocess
from pathlib import Path

import pytest

from chatsrv.model.entries import Bookmark, Kind
from chatsrv.roomlog.sqlite.store import SqliteStore
from tests.cli.histories import done, house_with_two_rooms, refused, say, texts
from tests.house import DEADLINE_SECONDS, House, on_terminal


@pytest.fixture
def house(tmp_path: Path) -> House:
    return house_with_two_rooms(tmp_path)


@pytest.mark.parametrize(
    "arguments", [["stats"], ["backup", "copy.db"], ["export"], ["search", "x"], ["erase", "--account", "bob", "--yes"]]
)
def test_a_history_in_memory_has_no_file_to_look_into(house: House, arguments: list[str]) -> None:
    house.use("{backend: yaml, path: users.yaml}", "history: {store: memory}")
    assert refused(house, *arguments).startswith(f"chatsrv: {house.settings}: history.store is memory, so that there")


@pytest.mark.parametrize(
    "arguments", [["stats"], ["backup", "copy.db"], ["export"], ["search", "x"], ["erase", "--account", "bob", "--yes"]]
)
def test_a_history_that_is_not_there_is_told_and_not_made(house: House, arguments: list[str]) -> None:
    file = house.settings.parent / "chat.db"
    file.unlink()
    assert f"chatsrv: {file}: there is no history" in refused(house, *arguments)
    assert not file.exists()


# ---------------------------------------------------------------------------- export


def test_export_is_json_of_all_rooms_oldest_first(house: House) -> None:
    out, err = done(house, "export")
    assert err == ""
    told = [json.loads(line) for line in out.splitlines()]
    assert told[1] == {
        "offset": 2,
        "at": "2026-08-01T11:57:00.000000Z",
        "room": "lobby",
        "kind": "say",
        "author": "bob",
        "text": "We deploy on Friday",
    }
    assert [entry["text"] for entry in told] == ["", "We deploy on Friday", "deploy the cake", "hi bob", "LOST"]


def test_export_as_text_is_what_a_chatter_would_have_read(house: House) -> None:
    out, _ = done(house, "export", "--format", "text", "--room", "lobby")
    assert out.splitlines() == [
        "2026-08-01T11:56:00Z lobby * bob joined",
        "2026-08-01T11:57:00Z lobby <bob> We deploy on Friday",
        "2026-08-01T11:59:00Z lobby <alice> hi bob",
        "2026-08-01T12:00:00Z lobby * bob left (connection lost)",
    ]


def test_export_is_from_one_time_on_and_before_another(house: House) -> None:
    since, until = "2026-08-01T11:57:00Z", "2026-08-01T13:59:00+02:00"
    assert texts(house, "--since", since, "--until", until) == ["We deploy on Friday", "deploy the cake"]
    assert texts(house, "--since", "2026-08-02") == []
    assert texts(house, "--until", "2026-08-01") == []


def test_export_of_a_time_that_is_none_is_a_wrong_command_line(house: House) -> None:
    told = refused(house, "export", "--since", "yesterday", exit_code=2)
    assert "'yesterday' is no time; accepted are 2026-08-01T12:30:00Z (RFC 3339)" in told
    assert "nothing lies between" in refused(house, "export", "--since", "2h", "--until", "3h", exit_code=2)


@pytest.mark.parametrize("room", ["#lobby", "LOBBY", "#Lobby"])
def test_a_room_is_known_however_it_is_written(house: House, room: str) -> None:
    assert done(house, "export", "--room", room) == done(house, "export", "--room", "lobby")
    assert done(house, "search", "hi", "--room", room) == done(house, "search", "hi", "--room", "lobby")


@pytest.mark.parametrize("command", [["export"], ["search", "x"]])
def test_a_room_that_is_not_there_is_told(house: House, command: list[str]) -> None:
    assert "there is no room 'attic'" in refused(house, *command, "--room", "attic")


def test_export_into_a_file_is_for_its_owner_alone_and_told(house: House, tmp_path: Path) -> None:
    file = tmp_path / "out.jsonl"
    out, err = done(house, "export", "--output", str(file))
    assert out == ""
    assert err == f"Exported 5 entries to {file} ({file.stat().st_size} bytes).\n"
    assert file.read_text() == done(house, "export")[0]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_export_that_fails_midway_leaves_what_was_there(house: House, tmp_path: Path) -> None:
    file = tmp_path / "out.jsonl"
    file.write_text("precious")
    with contextlib.closing(SqliteStore(tmp_path / "chat.db")) as store:
        say(store, ("lobby", Kind.SAY, "bob", "x" * 10_000))
    data = bytearray((tmp_path / "chat.db").read_bytes())
    page = next(at for at in range(0, len(data), 4096) if data[at + 4 : at + 4096] == b"x" * 4092)
    data[page : page + 4] = b"\xff" * 4  # where the text goes on
    (tmp_path / "chat.db").write_bytes(data)
    assert "chat.db is damaged" in refused(house, "export", "--output", str(file), "--force")
    assert file.read_text() == "precious"
    assert not list(tmp_path.glob(".*"))
    assert not list(tmp_path.glob("*.part"))


def test_export_to_a_reader_that_goes_away_ends_quietly(house: House, tmp_path: Path) -> None:
    with contextlib.closing(SqliteStore(tmp_path / "chat.db")) as store:
        log = store.open("lobby")
        log.wait_until_recorded(log.append(Kind.SAY, "bob", 1, ["x" * 100] * 5000))
    with subprocess.Popen(
        house.command("history", "export"), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout
        assert process.stderr
        assert process.stdout.readline().startswith(b'{"offset"')
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(DEADLINE_SECONDS) == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no disk that is always full")
@pytest.mark.parametrize("size", ["x", "x" * 4000])
@pytest.mark.parametrize("command", [["export"], ["search", "word"], ["stats"], ["stats", "--json"]])
def test_a_full_disk_behind_standard_output_is_told_in_one_line(
    house: House, tmp_path: Path, command: list[str], size: str
) -> None:
    with contextlib.closing(SqliteStore(tmp_path / "chat.db")) as store:
        say(store, *[("lobby", Kind.SAY, "bob", f"word {size}\N{WARNING SIGN}")] * 20)
    with Path("/dev/full").open("wb") as full:
        ended = subprocess.run(
            house.command("history", *command), stdout=full, stderr=subprocess.PIPE, text=True, timeout=DEADLINE_SECONDS
        )
    assert (ended.returncode, ended.stderr) == (
        1,
        "chatsrv: standard output cannot be written (No space left on device)\n",
    )


def test_a_limit_or_a_room_beyond_all_bounds_is_told_in_one_line(house: House) -> None:
    assert "is not in the range" in refused(house, "search", "x", "--limit", "9" * 23, exit_code=2)
    for command in (["export"], ["search", "x"]):
        assert "there is no room" in refused(house, *command, "--room", "\udcff")
    assert done(house, "search", "\udcff") == ("", "Nothing was found.\n")


def test_one_damaged_time_breaks_no_command_off(house: House, tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / "chat.db")) as connection, connection:
        connection.execute("UPDATE entry SET at = 2307638626634350343 WHERE text = 'hi bob'")
    assert "hi bob" in texts(house)
    assert "2307638626634." in done(house, "export", "--format", "text")[0]
    assert "<alice> hi bob" in done(house, "search", "hi")[0]
    assert "5, from 2026-08-01T11:56:00Z to 2026-08-01T12:00:00Z" in done(house, "stats")[0]


# ---------------------------------------------------------------------------- search


def test_search_finds_all_words_newest_first_with_room_and_time(house: House) -> None:
    assert done(house, "search", "DEPLOY")[0].splitlines() == [
        "2026-08-01T11:58:00Z kitchen <alice> deploy the cake",
        "2026-08-01T11:57:00Z lobby <bob> We deploy on Friday",
    ]
    assert done(house, "search", "fri*", "dep*")[0].splitlines() == [
        "2026-08-01T11:57:00Z lobby <bob> We deploy on Friday"
    ]
    assert len(done(house, "search", "deploy", "--limit", "1")[0].splitlines()) == 1
    assert len(done(house, "search", "deploy", "--room", "kitchen")[0].splitlines()) == 1


@pytest.mark.parametrize("words", [["cake", "friday"], ["!!"]])
def test_search_that_finds_nothing_says_so(house: House, words: list[str]) -> None:
    assert done(house, "search", *words) == ("", "Nothing was found.\n")


# ---------------------------------------------------------------------------- erase


@pytest.mark.parametrize("name", ["bob", "BOB"])
def test_erase_asks_first_and_leaves_the_places_alone(house: House, name: str) -> None:
    out, err = done(house, "erase", "--account", name, stdin="y\n")
    assert out == ""
    assert "Erase 3 entries of bob, for good? [y/N]" in err
    assert "Erased 3 entries of bob; their places stay, empty. Backups and exports that were made before" in err
    assert done(house, "search", "friday")[0] == ""
    told = [json.loads(line) for line in done(house, "export", "--room", "lobby")[0].splitlines()]
    assert [(entry["offset"], entry["kind"], entry["author"], entry["text"]) for entry in told] == [
        (1, "erased", "", ""),
        (2, "erased", "", ""),
        (3, "say", "alice", "hi bob"),
        (4, "erased", "", ""),
    ]
    assert len(done(house, "export", "--format", "text")[0].splitlines()) == 2


@pytest.mark.parametrize("answer", ["n\n", "\n", ""])
def test_erase_does_nothing_unless_the_answer_is_yes(house: House, answer: str) -> None:
    before = done(house, "export")[0]
    refused(house, "erase", "--account", "bob", stdin=answer)
    assert done(house, "export")[0] == before


def test_erase_with_yes_does_not_ask(house: House) -> None:
    _, err = done(house, "erase", "--account", "alice", "--yes")
    assert err.startswith("Erased 2 entries of alice;")


def test_erase_of_somebody_who_said_nothing_is_told(house: House) -> None:
    told = refused(house, "erase", "--account", "mallory", "--yes")
    assert told == "chatsrv: there is nothing of mallory in the history\n"
    assert "Erase 0 entries of mallory" in refused(house, "erase", "--account", "mallory")


@pytest.mark.parametrize("name", ["", " ", "bob smith", "x" * 65, "\udcff"])
def test_erase_of_a_name_that_nobody_can_have_erases_nothing(house: House, tmp_path: Path, name: str) -> None:
    with contextlib.closing(SqliteStore(tmp_path / "chat.db")) as store:
        say(store, ("lobby", Kind.CHANGE, "", "{}"))
    done(house, "erase", "--account", "bob", "--yes")
    before = (tmp_path / "chat.db").read_bytes()
    told = refused(house, "erase", "--account", name, "--yes")
    assert "chatsrv: there is nothing of" in told
    assert "and nobody can be called so: a name has 1 to 64 bytes" in told
    assert (tmp_path / "chat.db").read_bytes() == before


def test_erase_takes_a_name_that_only_an_older_entry_has(house: House, tmp_path: Path) -> None:
    with contextlib.closing(SqliteStore(tmp_path / "chat.db")) as store:
        say(store, ("lobby", Kind.SAY, "bob smith", "hi"))
    assert done(house, "erase", "--account", "bob smith", "--yes")[1].startswith("Erased 1 entry of bob smith;")


def test_erase_also_forgets_how_far_somebody_has_read_who_said_nothing(house: House, tmp_path: Path) -> None:
    with contextlib.closing(SqliteStore(tmp_path / "chat.db")) as store:
        store.keep_bookmark("carol", "lobby", Bookmark(store.open("lobby").end, 1))
    assert json.loads(done(house, "stats", "--json")[0])["bookmarks"] == 1
    refused(house, "erase", "--account", "carol", "--yes")
    assert json.loads(done(house, "stats", "--json")[0])["bookmarks"] == 0


def test_erase_reaches_what_a_running_server_has_in_memory(house: House, tmp_path: Path) -> None:
    with contextlib.closing(SqliteStore(tmp_path / "chat.db")) as store:
        log = store.open("lobby")
        log.wait_until_recorded(log.append(Kind.SAY, "bob", 1, ["just now"]))
        assert '"is_in_use": true' in done(house, "stats", "--json")[0]
        done(house, "erase", "--account", "bob", "--yes")
        assert {entry.author for entry in log.read_back(log.end, 10)} == {"", "alice"}


# ---------------------------------------------------------------------------- stats


def test_stats_tell_what_there_is(house: House) -> None:
    lines = dict(line.split(maxsplit=1) for line in done(house, "stats")[0].splitlines())
    assert lines["file"] == f"{(house.settings.parent / 'chat.db').resolve()} (no server uses it)"
    assert re.fullmatch(r"[\d.]+ KiB, [\d,]+ bytes an entry", lines["size"])
    assert lines["entries"] == "5, from 2026-08-01T11:56:00Z to 2026-08-01T12:00:00Z"
    assert lines["kept"] == "30 days"
    assert re.search(r"^room kitchen +1 entry, from 2026-08-01T11:58:00Z", done(house, "stats")[0], re.MULTILINE)


@pytest.mark.parametrize(
    ("kept", "told"),
    [
        ("keep_days: 1", "1 day"),
        ("keep_days: 1.5, keep_entries: 1", "1.5 days and at most the newest entry of each room"),
        ("keep_entries: 2000", "the newest 2,000 entries of each room"),
        ("keep_days: 0", "everything"),
    ],
)
def test_stats_tell_how_much_is_kept(house: House, kept: str, told: str) -> None:
    house.use("{backend: yaml, path: users.yaml}", f"history: {{store: sqlite, path: chat.db, {kept}}}")
    assert f"kept          {told}\n" in done(house, "stats")[0]


def test_stats_for_programs_are_json(house: House) -> None:
    told = json.loads(done(house, "stats", "--json")[0])
    assert (told["entries"], told["first_at"], told["keep_days"]) == (5, "2026-08-01T11:56:00Z", 30)
    assert told["bytes_per_entry"] == round(told["size_bytes"] / 5, 1)
    assert [(room["name"], room["entries"]) for room in told["rooms"]] == [("kitchen", 1), ("lobby", 4)]


def test_stats_of_a_history_without_an_entry(house: House, tmp_path: Path) -> None:
    (tmp_path / "chat.db").unlink()
    SqliteStore(tmp_path / "chat.db").close()
    assert "entries   0\n" in done(house, "stats")[0]
    assert json.loads(done(house, "stats", "--json")[0])["bytes_per_entry"] is None


# ---------------------------------------------------------------------------- rescue


@pytest.fixture
def damaged(house: House, tmp_path: Path) -> Path:
    """Return the history of the house, with garbage on the page that names its rooms."""
    file = tmp_path / "chat.db"
    with contextlib.closing(sqlite3.connect(file)) as connection:
        (page,) = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'room'").fetchone()
    with file.open("r+b") as broken:
        broken.seek((page - 1) * 4096)
        broken.write(b"\xff" * 4096)
    return file


def test_a_damaged_history_is_rescued_by_the_commands_that_are_told(house: House, damaged: Path) -> None:
    before = damaged.read_bytes()
    told = refused(house, "stats")
    command = told.split("chatsrv history rescue ")[1].split()
    out, err = done(house, "rescue", *command)
    assert out == ""
    new = damaged.with_name("chat.db.rescued")
    assert f"Rescued 5 entries, rooms: 2, bookmarks: 0, wishes: 0 into {new} (" in err
    assert "\nNot one place between them is empty.\nRooms whose names" in err
    assert "\nRooms whose names cannot be read are called rescued-1, rescued-2 now.\n" in err
    assert damaged.read_bytes() == before
    steps = [line for line in err.splitlines() if line.startswith("    mv ")]
    assert len(steps) == 3
    subprocess.run("\n".join(steps), shell=True, check=True)
    assert damaged.with_name("chat.db.damaged").read_bytes() == before
    assert texts(house, "--room", "rescued-1") == ["", "We deploy on Friday", "hi bob", "LOST"]
    with contextlib.closing(SqliteStore(damaged)) as store:
        assert store.open("rescued-2").end.offset == 1


def test_rescue_without_a_file_takes_the_one_of_the_settings(house: House, damaged: Path, tmp_path: Path) -> None:
    with contextlib.closing(sqlite3.connect(damaged)) as connection, connection:
        connection.execute("DELETE FROM entry WHERE text = 'We deploy on Friday'")
    _, err = done(house, "rescue", "--output", str(tmp_path / "new"))
    assert f"Rescued 4 entries, rooms: 2, bookmarks: 0, wishes: 0 into {tmp_path / 'new'} (" in err
    assert "\n1 place between them is empty; who reads over it is told.\n" in err
    assert "new is there already; --force replaces it" in refused(house, "rescue", "--output", str(tmp_path / "new"))


def test_rescue_needs_no_settings_where_the_file_is_named(house: House, damaged: Path) -> None:
    house.settings.unlink()
    assert "Rescued 5 entries" in done(house, "rescue", str(damaged))[1]


def test_a_damaged_history_that_is_not_there_is_told(house: House, tmp_path: Path) -> None:
    assert f"{tmp_path / 'no.db'}: there is no history" in refused(house, "rescue", str(tmp_path / "no.db"))


# ---------------------------------------------------------------------------- restore


def test_a_backup_is_restored_and_what_was_there_is_kept(house: House, tmp_path: Path) -> None:
    done(house, "backup", str(tmp_path / "copy"))
    done(house, "erase", "--account", "bob", "--yes")
    out, err = done(house, "restore", str(tmp_path / "copy"))
    assert out == ""
    assert f"Restored 5 entries from {tmp_path / 'copy'} to {tmp_path / 'chat.db'}.\n" in err
    assert f"What was there is kept: {tmp_path / 'chat.db'}.before-20" in err
    assert "We deploy on Friday" in texts(house)


def test_a_history_that_a_server_uses_is_not_replaced(house: House, tmp_path: Path) -> None:
    done(house, "backup", str(tmp_path / "copy"))
    with contextlib.closing(SqliteStore(tmp_path / "chat.db")):
        assert "is in use by a running server; stop it" in refused(house, "restore", str(tmp_path / "copy"))


# ---------------------------------------------------------------------------- on a terminal


@pytest.mark.parametrize(
    ("arguments", "label", "end"),
    [
        (["backup", "{}/copy"], "Copying", "Backed up 5 entries"),
        (["export", "--output", "{}/copy"], "Exporting", "Exported 5 entries"),
        (["erase", "--account", "bob", "--yes"], "Erasing", "Erased 3 entries"),
        (["rescue"], "Rescuing", "Rescued 5 entries"),
        (["restore", "{}/backup"], "Restoring", "Restored 5 entries"),
    ],
)
def test_a_terminal_shows_how_far_it_is(
    house: House, tmp_path: Path, arguments: list[str], label: str, end: str
) -> None:
    (tmp_path / "backup").write_bytes((tmp_path / "chat.db").read_bytes())
    with on_terminal(house, "history", *(argument.format(tmp_path) for argument in arguments)) as terminal:
        terminal.expect(label)
        terminal.expect("100%")
        terminal.expect(end)
        assert terminal.end() == 0
