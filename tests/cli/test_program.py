"""The command line: `chatsrv check`, `user`, and how commands end. Real processes, and a real terminal for prompts."""

import contextlib
import logging
import os
import socket
import stat
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

from chatsrv.app import listening
from chatsrv.cli import main
from chatsrv.roomlog.sqlite.store import SqliteStore
from tests.house import DEADLINE_SECONDS, USERS, House, on_terminal
from tests.peer import running_chat


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


# ---------------------------------------------------------------------------- check, and how commands end


def test_check_says_what_it_found(house: House) -> None:
    done = house.run("check")
    assert done.exit_code == 0
    assert done.stdout.splitlines() == [
        f"{house.settings} is in order",
        "listener: plain on 127.0.0.1:0",
        f"accounts: 2 in {house.users} (yaml)",
        f"history: {house.settings.with_suffix('.db')}, which the server makes (sqlite)",
    ]
    assert done.stderr == ""


def test_check_counts_the_accounts_in_the_settings(house: House) -> None:
    house.use("{backend: memory, users: {alice: wonderland}}")
    assert f"accounts: 1 in {house.settings} (memory)" in house.run("check").stdout


def test_check_tells_all_that_is_wrong_with_the_settings(house: House) -> None:
    house.use("{backend: yaml}", "limits: {burst: 0}")
    done = house.run("check")
    assert done.exit_code == 1
    assert done.stdout == ""
    first, second = done.stderr.splitlines()
    assert first.startswith(f"chatsrv: {house.settings}:2: auth.path is missing; accepted is a path")
    assert second.startswith(f"chatsrv: {house.settings}:3: limits.burst is 0; accepted is a whole number")


@pytest.mark.parametrize("content", ["alice: [", "alice:\n\tpassword: x\n", "alice: a\nalice: b\n", "alice: 12345\n"])
def test_check_tells_what_is_wrong_with_the_accounts(house: House, content: str) -> None:
    house.users.write_text(content)
    done = house.run("check")
    assert done.exit_code == 1
    assert done.stderr.startswith("chatsrv: ")
    assert str(house.users) in done.stderr


def test_check_finds_all_that_would_keep_the_server_from_starting(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "GREETING_SECONDS", 0.01)
    house.users.write_text("alice: [")
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        house.listen(
            f"{{protocol: plain, host: 127.0.0.1, port: {port}}}",
            "{protocol: plain, host: no.invalid, port: 0}",
            "{protocol: plain, host: 192.0.2.1, port: 0}",
            more="history: {store: sqlite, path: users.yaml/chat.db}",
        )
        done = house.run("check")
    assert done.exit_code == 1
    assert done.stdout == ""
    told = [line.removeprefix("chatsrv: ") for line in done.stderr.splitlines()]
    starts = (
        f"port {port} on 127.0.0.1 is in use; stop the program that holds it, or give listeners[0] another port",
        "there is no host no.invalid; give listeners[1] an address of this machine",
        "192.0.2.1 is no address of this machine; give listeners[2] another host",
        str(house.users),
        f"{house.users / 'chat.db'}: the history cannot be kept there ({house.users} is no directory)",
    )
    assert len(told) == len(starts)
    for line, start in zip(told, starts, strict=True):
        assert line.startswith(start)


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a busy machine take its time to greet."""
    monkeypatch.setattr(listening, "GREETING_SECONDS", DEADLINE_SECONDS)


@pytest.mark.usefixtures("patient")
def test_check_is_content_with_a_port_that_a_chat_server_has(house: House) -> None:
    with running_chat() as server:
        port = server.server_address[1]
        house.listen(f"{{protocol: plain, host: 127.0.0.1, port: {port}}}")
        done = house.run("check")
    assert done.exit_code == 0
    assert f"listener: plain on 127.0.0.1:{port} (where a chat server runs now)" in done.stdout.splitlines()


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("is_ours", [True, False])
def test_check_warns_of_a_chat_server_that_has_another_history(house: House, is_ours: bool) -> None:
    with contextlib.closing(SqliteStore(house.settings.with_name("chat.db"))), running_chat() as server:
        port = server.server_address[1]
        path = "chat.db" if is_ours else "other.db"
        house.listen(f"{{protocol: plain, host: 127.0.0.1, port: {port}}}", more=f"history: {{path: {path}}}")
        done = house.run("check")
    assert done.exit_code == 0
    assert ("the chat server that runs now does not use the history" in done.stderr) is not is_ours


def test_a_run_within_a_program_leaves_its_log_as_it_was(house: House) -> None:
    before = logging.getLogger().level
    with socket.create_server(("127.0.0.1", 0)) as holder:
        house.listen(
            f"{{protocol: plain, host: 127.0.0.1, port: {holder.getsockname()[1]}}}", more="logging: {level: info}"
        )
        assert house.run("run").exit_code == 1
    assert logging.getLogger().level == before


def test_check_lets_go_of_the_ports_that_it_tried_and_makes_no_file(house: House, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
    house.listen(
        f"{{protocol: plain, host: 127.0.0.1, port: {port}}}", more="history: {store: sqlite, path: var/chat.db}"
    )
    before = set(tmp_path.iterdir())
    assert [house.run("check").exit_code for _ in range(2)] == [0, 0]
    assert set(tmp_path.iterdir()) == before


def test_check_names_two_listeners_that_want_one_port(house: House) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
    house.listen(
        f"{{protocol: plain, host: 127.0.0.1, port: {port}}}", f"{{protocol: telnet, host: localhost, port: {port}}}"
    )
    told = f"chatsrv: port {port} on localhost is that of listeners[0] already; give listeners[1] another port in "
    assert house.run("check").stderr == f"{told}{house.settings}\n"


def test_check_warns_of_a_role_for_nobody(house: House) -> None:
    house.use("{backend: yaml, path: users.yaml}", "roles: {admin: [Alice], moderator: [mallory]}")
    done = house.run("check")
    assert done.exit_code == 0
    assert done.stderr == "chatsrv: warning: roles.moderator names mallory, but there is no such account\n"


def test_a_missing_settings_file_is_told_in_one_line(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["--config", str(tmp_path / "no.yaml"), "run"])
    assert done.exit_code == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"chatsrv: {tmp_path / 'no.yaml'}: there is no such file")


def test_the_settings_file_is_found_through_the_environment(house: House) -> None:
    done = CliRunner().invoke(main, ["check"], env={"CHATSRV_CONFIG": str(house.settings)})
    assert done.exit_code == 0


@pytest.mark.parametrize(
    "arguments",
    [["dance"], ["check", "--loud"], ["user", "add"], ["user", "add", "al", "--role", "king"], ["check", "now"]],
)
def test_a_wrong_command_line_exits_with_2_and_the_usage(house: House, arguments: list[str]) -> None:
    done = house.run(*arguments)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert done.stderr.startswith("Usage: chatsrv ")
    assert "\nchatsrv: " in done.stderr


def test_the_version_is_told() -> None:
    done = CliRunner().invoke(main, ["--version"])
    assert done.exit_code == 0
    assert done.stdout.startswith("chatsrv 0.")


def test_help_lists_the_commands() -> None:
    done = CliRunner().invoke(main, ["--help"])
    assert done.exit_code == 0
    assert all(f"\n  {command} " in done.stdout for command in ("run", "check", "user"))


def test_a_reader_that_goes_away_is_no_error(house: House) -> None:
    house.users.write_text("".join(f"user{number}: secret\n" for number in range(5000)))
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as out:
        done = subprocess.run(
            house.command("user", "list"), stdout=out, stderr=subprocess.PIPE, timeout=DEADLINE_SECONDS, check=False
        )
    assert done.stderr == b""
    assert done.returncode == 1


# ---------------------------------------------------------------------------- user


def listed(house: House) -> list[list[str]]:
    done = house.run("user", "list")
    assert done.exit_code == 0, done.stderr
    return [line.split("\t") for line in done.stdout.splitlines()]


def test_list_in_a_pipe_is_made_for_programs(house: House) -> None:
    assert listed(house) == [["alice", "admin", "127.0.0.0/8,::1/128"], ["bob", "member", "anywhere"]]


def test_list_shows_the_roles_that_hold(house: House) -> None:
    house.use("{backend: yaml, path: users.yaml}", "roles: {moderator: [BOB]}")
    assert [row[:2] for row in listed(house)] == [["alice", "admin"], ["bob", "moderator"]]


def test_list_on_a_terminal_has_a_heading_and_columns(house: House) -> None:
    with on_terminal(house, "user", "list") as terminal:
        assert terminal.end() == 0
    assert terminal.shown.splitlines() == [
        "NAME   ROLE    FROM",
        "alice  admin   127.0.0.0/8,::1/128",
        "bob    member  anywhere",
    ]


def test_add_asks_twice_and_shows_nothing_of_it(house: House) -> None:
    with on_terminal(house, "user", "add", "carol", "--role", "moderator", "--from", "10.0.0.0/8") as terminal:
        terminal.expect("Password: ")
        terminal.type("wenceslas\n")
        terminal.expect("Again: ")
        terminal.type("wenceslas\n")
        terminal.expect("Added carol.")
        assert terminal.end() == 0
    assert "wenceslas" not in terminal.shown
    assert listed(house)[2:] == [["carol", "moderator", "10.0.0.0/8"]]
    text = house.users.read_text()
    assert text.startswith(USERS)
    assert "wenceslas" not in text


def test_two_different_passwords_are_asked_for_again(house: House) -> None:
    with on_terminal(house, "user", "passwd", "bob") as terminal:
        for first, second in (("one word", "two words"), ("three words", "three words")):
            terminal.expect("Password: ")
            terminal.type(f"{first}\n")
            terminal.expect("Again: ")
            terminal.type(f"{second}\n")
        assert terminal.end() == 0
    assert "do not match" in terminal.shown
    assert "builder" not in house.users.read_text()


@pytest.mark.parametrize(("key", "exit_code", "told"), [("\x03", 130, ""), ("\x04", 1, "chatsrv: the input ended")])
def test_ctrl_c_and_ctrl_d_at_a_prompt_leave_quietly(house: House, key: str, exit_code: int, told: str) -> None:
    with on_terminal(house, "user", "add", "carol") as terminal:
        terminal.expect("Password: ")
        terminal.type(key)
        assert terminal.end() == exit_code
    assert told in terminal.shown
    assert "Traceback" not in terminal.shown
    assert house.users.read_text() == USERS


def test_a_password_comes_from_the_first_line_of_standard_input(house: House) -> None:
    done = house.run("user", "add", "carol", "--password-stdin", stdin="wenceslas \r\nmore\n")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "Added carol.\n")
    assert ["carol", "member", "anywhere"] in listed(house)


@pytest.mark.parametrize("stdin", ["", "\n", b"\xff\n", b"a\x00b\n"])
def test_a_password_that_is_none_is_refused(house: House, stdin: str | bytes) -> None:
    done = house.run("user", "add", "carol", "--password-stdin", stdin=stdin)
    assert done.exit_code == 1
    assert done.stderr.startswith("chatsrv: ")
    assert house.users.read_text() == USERS


def test_without_a_terminal_nobody_is_asked(house: House) -> None:
    done = house.run("user", "passwd", "bob")
    assert done.exit_code == 1
    assert done.stderr == "chatsrv: there is no terminal to ask for the password; use --password-stdin\n"


def test_what_is_there_already_is_not_added_and_no_password_is_asked_for(house: House) -> None:
    done = house.run("user", "add", "Alice")
    assert done.exit_code == 1
    assert (
        done.stderr == "chatsrv: there is an account Alice already; `chatsrv user passwd Alice` changes its password\n"
    )


@pytest.mark.parametrize("command", ["passwd", "remove"])
def test_who_is_not_there_is_told(house: House, command: str) -> None:
    done = house.run("user", command, "mallory")
    assert done.exit_code == 1
    assert done.stderr == "chatsrv: there is no account mallory; `chatsrv user list` shows all\n"


def test_a_name_that_cannot_be_is_refused(house: House) -> None:
    done = house.run("user", "add", "a b", "--password-stdin", stdin="x\n")
    assert done.exit_code == 1
    assert done.stderr.startswith("chatsrv: 'a b' cannot be a name; a name has")


def test_a_network_that_cannot_be_is_a_wrong_command_line(house: House) -> None:
    done = house.run("user", "add", "carol", "--from", "10.0.0.1/8")
    assert done.exit_code == 2
    assert "10.0.0.1/8 has host bits set; accepted are networks such as 192.168.0.0/16" in done.stderr


@pytest.mark.parametrize(("answer", "exit_code"), [("y\n", 0), ("n\n", 1), ("\n", 1), ("", 1)])
def test_remove_asks_first(house: House, answer: str, exit_code: int) -> None:
    done = house.run("user", "remove", "BOB", stdin=answer)
    assert done.exit_code == exit_code
    assert ("bob" in house.users.read_text()) == bool(exit_code)
    assert "Remove bob? [y/N]" in done.stderr


def test_remove_with_yes_does_not_ask_and_keeps_the_rest(house: House) -> None:
    done = house.run("user", "remove", "bob", "--yes")
    assert (done.exit_code, done.stdout, done.stderr) == (0, "", "Removed bob.\n")
    assert house.users.read_text().rstrip() == USERS.removesuffix("bob: builder\n").rstrip()


def test_accounts_in_the_settings_cannot_be_edited_and_it_is_told_what_to_do(house: House) -> None:
    house.use("{backend: memory, users: {alice: wonderland}}")
    for arguments in (["add", "bob"], ["passwd", "alice"], ["remove", "alice"]):
        done = house.run("user", *arguments)
        assert done.exit_code == 1
        assert "the memory backend cannot be edited from here; write them under auth.users" in done.stderr
    assert listed(house) == [["alice", "member", "anywhere"]]


def test_the_file_of_hashes_is_made_with_the_first_account(house: House) -> None:
    house.use("{backend: hashed, path: users.htpasswd}")
    done = house.run("user", "add", "carol", "--password-stdin", stdin="wenceslas\n")
    assert done.exit_code == 0, done.stderr
    file = house.settings.parent / "users.htpasswd"
    assert file.read_text().startswith("carol:$argon2id$")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert listed(house) == [["carol", "member", "anywhere"]]


@pytest.mark.parametrize("option", [["--role", "admin"], ["--from", "127.0.0.1"]])
def test_the_file_of_hashes_cannot_keep_roles_or_networks(house: House, option: list[str]) -> None:
    house.use("{backend: hashed, path: users.htpasswd}")
    done = house.run("user", "add", "carol", "--password-stdin", *option, stdin="wenceslas\n")
    assert done.exit_code == 1
    assert done.stderr.startswith("chatsrv: ")
    assert not (house.settings.parent / "users.htpasswd").exists()
