"""Where the history is if the settings do not say: real servers, and the commands that look for it."""

import os
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from chatsrv.app import build
from chatsrv.model.entries import Kind
from chatsrv.roomlog.sqlite.store import SqliteStore
from chatsrv.settings import Settings, load
from tests.cli.histories import say
from tests.cli.test_run import listening, login, read_until, running, settings
from tests.house import DEADLINE_SECONDS, House

LISTENER = "protocol: plain, host: 127.0.0.1, port: 0"

# Root may write everywhere, but for one that has given that up: PR_CAPBSET_DROP, CAP_DAC_OVERRIDE. Others had it never.
WITHOUT_OVERRIDING = """
import ctypes, os, sys
ctypes.CDLL(None).prctl(24, 1, 0, 0, 0)
os.execv(sys.executable, [sys.executable, "-m", "chatsrv", *sys.argv[1:]])
"""


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def talk(file: Path, *lines: str, wanted: str) -> None:
    """Run a server once, say `lines` as alice, and wait until she reads what is `wanted`."""
    with build(load(file), file) as app:
        app.start()
        with login(app.addresses[0], "alice", "wonderland") as alice:
            alice.sendall("".join(f"{line}\n" for line in lines).encode())
            read_until(alice, wanted.encode())


def test_leaving_the_history_out_loses_nothing_when_the_server_stops(tmp_path: Path) -> None:
    file = settings(tmp_path, LISTENER, more="")
    with running(file) as server:
        with login(listening(server), "alice", "wonderland") as alice:
            alice.sendall(b"the cake is ready\n/history\n")
            read_until(alice, b"] <alice> the cake is ready")
        server.terminate()
        _, log = server.communicate(timeout=DEADLINE_SECONDS)
    assert f" INFO The history is kept in {tmp_path / 'chatsrv.db'}\n" in log
    talk(file, "/history", wanted="] <alice> the cake is ready")


def test_a_history_that_is_in_memory_is_told_at_the_start(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    file = settings(tmp_path, LISTENER, more="history: {store: memory}")
    with build(load(file), file) as app:
        app.start()
    assert "The history is kept in memory, until the server stops" in caplog.messages
    assert list(tmp_path.iterdir()) == [file]


def test_the_file_is_for_its_owner_alone_whatever_the_umask(tmp_path: Path) -> None:
    file = settings(tmp_path, LISTENER, more="")
    before = os.umask(0)
    try:
        with build(load(file), file):
            found = {each.name: stat.S_IMODE(each.stat().st_mode) for each in tmp_path.glob("chatsrv.db*")}
    finally:
        os.umask(before)
    assert "chatsrv.db" in found
    assert {mode & 0o077 for mode in found.values()} == {0}


def test_two_chats_of_one_directory_run_side_by_side(tmp_path: Path) -> None:
    team, family = (
        settings(tmp_path, LISTENER, more="").rename(tmp_path / name) for name in ("team.yaml", "family.yml")
    )
    with build(load(team), team), build(load(family), family):
        assert {each.name for each in tmp_path.glob("*.db")} == {"team.db", "family.db"}


def test_systemd_gives_the_history_its_directory_and_commands_find_it_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / "state"
    state.mkdir()
    house = House(tmp_path)
    file = settings(tmp_path, LISTENER, more="")
    monkeypatch.setenv("STATE_DIRECTORY", f"{state}:{tmp_path / 'other'}")
    talk(file, "hello", "/history", wanted="] <alice> hello")
    assert not (tmp_path / "chatsrv.db").exists()
    assert "<alice> hello" in house.run("history", "search", "hello").stdout
    assert f"history: {state / 'chatsrv.db'} (sqlite)\n" in house.run("check").stdout
    monkeypatch.delenv("STATE_DIRECTORY")
    done = house.run("history", "stats")
    assert done.exit_code == 1
    assert done.stderr == (
        f"chatsrv: {tmp_path / 'chatsrv.db'}: there is no history; {file} does not say where it is (history.path), so "
        "a server that gets STATE_DIRECTORY from systemd has it there: set that here, too, or write history.path\n"
    )


def test_a_history_beside_the_settings_that_systemd_leads_away_from_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    house = House(tmp_path)
    with closing(SqliteStore(tmp_path / "chatsrv.db")):
        assert house.run("check").stderr == ""
    state = tmp_path / "state"
    state.mkdir()
    monkeypatch.setenv("STATE_DIRECTORY", str(state))
    unused = f"{tmp_path / 'chatsrv.db'} is a history, too, and not the one that is used"
    assert house.run("check").stderr == f"chatsrv: warning: {unused}\n"
    with build(load(house.settings), house.settings) as app:
        app.start()
    assert f"{unused}: move it away, or name it as history.path" in caplog.messages


def test_what_is_restored_where_nothing_was_is_told_with_a_warning(house: House) -> None:
    backup = house.settings.with_name("backup.db")
    with closing(SqliteStore(backup)) as store:
        say(store, ("lobby", Kind.SAY, "bob", "hello"))
    done = house.run("history", "restore", str(backup))
    assert done.exit_code == 0
    assert "chatsrv: warning: nothing was there before; " in done.stderr
    again = house.run("history", "restore", str(backup))
    assert "warning" not in again.stderr
    assert "<bob> hello" in house.run("history", "search", "hello").stdout


def test_a_name_is_held_against_the_history_that_is_there_by_default(house: House) -> None:
    with closing(SqliteStore(house.settings.with_name("chatsrv.db"))) as store:
        say(store, ("@dave", Kind.PRIVATE, "alice", "hello"))
    done = house.run("user", "add", "dave", "--password-stdin", stdin="wenceslas\n")
    assert "warning: there was a dave before" in done.stderr


# ---------------------------------------------------------------------------- where it cannot be


def as_somebody_without_rights(house: House, command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", WITHOUT_OVERRIDING, "--config", str(house.settings), command],
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
@pytest.mark.parametrize("command", ["check", "run"])
def test_a_directory_that_may_not_be_written_to_is_told_with_what_to_set(house: House, command: str) -> None:
    directory = house.settings.parent
    directory.chmod(0o500)
    try:
        done = as_somebody_without_rights(house, command)
    finally:
        directory.chmod(0o700)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"chatsrv: {directory / 'chatsrv.db'}: the history cannot be kept there (")
    assert line.endswith("or give history.path in the settings another file, such as /var/lib/chatsrv/chatsrv.db")


@pytest.mark.parametrize(
    ("path", "why"), [("users.yaml/chat.db", "users.yaml is no directory)"), ("made", "Is a directory)")]
)
def test_check_finds_a_place_where_no_file_can_be_and_makes_nothing(house: House, path: str, why: str) -> None:
    (house.settings.parent / "made").mkdir()
    house.use("{backend: yaml, path: users.yaml}", f"history: {{path: {path}}}")
    done = house.run("check")
    assert done.exit_code == 1
    assert f"{house.settings.parent / path}: the history cannot be kept there (" in done.stderr
    assert why in done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_check_finds_a_history_that_is_somebody_elses(house: House) -> None:
    path = house.settings.with_name("chatsrv.db")
    path.touch(0o400)
    done = as_somebody_without_rights(house, "check")
    assert done.returncode == 1
    assert f"chatsrv: {path}: the history cannot be kept there (this user may not write to it)" in done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_check_finds_that_the_history_is_a_link_to_where_nothing_can_be_beside_it(house: House) -> None:
    closed = house.settings.parent / "closed"
    closed.mkdir()
    (closed / "chat.db").touch(0o600)
    house.settings.with_name("chatsrv.db").symlink_to(closed / "chat.db")
    closed.chmod(0o500)
    try:
        done = as_somebody_without_rights(house, "check")
    finally:
        closed.chmod(0o700)
    assert done.returncode == 1
    assert f"the history cannot be kept there (this user may not write to {closed})" in done.stderr


def test_check_makes_neither_the_history_nor_its_directory(house: House) -> None:
    house.use("{backend: yaml, path: users.yaml}", "history: {path: new/chat.db}")
    done = house.run("check")
    assert done.exit_code == 0
    assert f"history: {house.settings.parent / 'new/chat.db'}, which the server makes (sqlite)\n" in done.stdout
    assert not (house.settings.parent / "new").exists()


def test_check_tells_of_a_history_in_memory(house: House) -> None:
    house.use("{backend: yaml, path: users.yaml}", "history: {store: memory}")
    assert "history: in memory, until the server stops\n" in house.run("check").stdout


# ---------------------------------------------------------------------------- in Python


def test_settings_made_in_python_write_no_file_unless_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path))
    made = Settings.model_validate(
        {
            "listeners": [{"protocol": "plain", "host": "127.0.0.1", "port": 0}],
            "auth": {"backend": "memory", "users": {"alice": "wonderland"}},
        }
    )
    with build(made) as app:
        app.start()
    assert not list(tmp_path.iterdir())
