"""Plug-ins: found by entry point, made with options, and told about in one line whatever they do."""

import socket
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from chatsrv.app import build
from chatsrv.app.door import gate_of
from chatsrv.auth.backend import AuthBackend, LoginContext
from chatsrv.cli import main
from chatsrv.model.accounts import Account, Role
from chatsrv.model.errors import PluginError
from chatsrv.settings import load
from chatsrv.settings.plugins import AUTH_GROUP, installed, make
from chatsrv.testing.auth import AuthBackendContract
from tests.packages import PLUGINS, install, install_source
from tests.peer import DEADLINE_SECONDS

CLUB = PLUGINS / "chatsrv-club"
PASSWORD = "open sesame"
HERE = LoginContext("127.0.0.1")


@pytest.fixture
def write(site: Path) -> Callable[[str], None]:
    """Install a plug-in `mine` with that source; `backend` is what the entry point names."""

    def write_module(source: str, *, package: str = "mine", value: str = "backend") -> None:
        source = f"from chatsrv import Account, AuthBackend\nfrom pathlib import Path\n{source}\n"
        install_source(source, site, package=package, group=AUTH_GROUP, name="mine", attribute=value)

    return write_module


class TestClub(AuthBackendContract):
    password = PASSWORD

    @pytest.fixture(autouse=True)
    def members(self, site: Path) -> None:
        install(CLUB, site)
        self.directory = site.parent
        (self.directory / "members.txt").write_text("Alice\nBob\n")

    def make_backend(self) -> AuthBackend:
        options = {"members": "members.txt", "password": PASSWORD}
        return make(AUTH_GROUP, "club", options, AuthBackend, directory=self.directory)


def test_what_is_installed_is_listed_and_not_loaded(site: Path) -> None:
    assert "club" not in installed(AUTH_GROUP)
    install(CLUB, site)
    assert "club" in installed(AUTH_GROUP)
    assert "chatsrv_club" not in sys.modules


def refusal(name: str = "mine", **options: object) -> PluginError:
    with pytest.raises(PluginError) as caught:
        make(AUTH_GROUP, name, options, AuthBackend, directory=Path("/house"))
    assert len(str(caught.value).splitlines()) == 1
    return caught.value


@pytest.mark.parametrize(
    ("options", "option", "told"),
    [
        ({"members": "m"}, "password", "the plug-in 'club' of chatsrv-club 1.0 needs this option"),
        ({"members": "m", "pasword": "x"}, "pasword", "has no such option; did you mean password?"),
        ({"members": "m", "hosts": "x"}, "hosts", "has no such option; accepted are members, password"),
        ({"members": "m", "password": "short"}, "", "refuses its options: a club needs a password of at least 8"),
        ({"members": "m", "password": 5}, "", "refuses its options: TypeError: object of type 'int' has no len()"),
    ],
)  # fmt: skip
def test_options_that_it_does_not_take_are_told_by_name(site, options, option, told) -> None:
    install(CLUB, site)
    error = refusal("club", **options)
    assert error.option == option
    assert told in str(error)
    assert "short" not in str(error)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("raise OSError('no library')", "the plug-in 'mine' of mine 1 cannot be imported: OSError: no library"),
        ("import sys; sys.exit('bye')", "cannot be imported: SystemExit: bye"),
        ("raise ValueError", "cannot be imported: ValueError"),
        ("def backend(:", "cannot be imported: SyntaxError: "),
        ("", "cannot be imported: AttributeError: "),
        ("backend = 5", "cannot be called: mine_module:backend is of type int"),
        ("def backend(): raise RuntimeError('two\\nlines')", "refuses its options: RuntimeError: two lines"),
        ("def backend(): raise SystemExit(3)", "refuses its options: SystemExit: 3"),
        ("def backend(): pass", "made something of type NoneType, which is no AuthBackend"),
        ("backend = dict", "made something of type dict, which is no AuthBackend"),
        ("class backend(AuthBackend): pass", "refuses its options: TypeError: Can't instantiate abstract class"),
    ],
)
def test_a_plug_in_that_fails_is_told_in_one_sentence(write, source, told) -> None:
    write(source)
    assert told in str(refusal())


def test_a_plug_in_that_is_not_there_is_told_with_those_that_are(site) -> None:
    install(CLUB, site)
    assert str(refusal("clubb")) == "there is no plug-in 'clubb'; installed are: club"


def test_two_plug_ins_of_one_name_are_told(write) -> None:
    write("backend = dict")
    write("backend = dict", package="yours")
    assert "several packages bring a plug-in 'mine'; accepted is one of them: mine 1, yours 1" in str(refusal())


KEEPS_OPTIONS = """
class backend(AuthBackend):
    def __init__(self, a: Path, b: "Path | None" = None, *, c: str = "c", **more):
        self.options = dict(a=a, b=b, c=c, **more)
    def authenticate(self, username, password, context):
        return Account(username)
"""


def test_paths_start_from_the_directory_and_other_options_stay_as_they_are(write) -> None:
    write(KEEPS_OPTIONS)
    options = {"a": "users", "b": "/etc/users", "c": "users", "d": ["x", {"y": 1}]}
    made = make(AUTH_GROUP, "mine", options, AuthBackend, directory=Path("/house"))
    assert made.options == {**options, "a": Path("/house/users"), "b": Path("/etc/users")}
    assert made.authenticate("alice", "x", HERE) == Account("alice")


def test_what_is_no_class_may_make_the_backend(write) -> None:
    write("from functools import partial\nfrom chatsrv import MemoryBackend\nbackend = partial(MemoryBackend)")
    users = {"users": {"alice": "wonderland"}}
    made = make(AUTH_GROUP, "mine", users, AuthBackend, directory=Path())
    assert made.authenticate("alice", "wonderland", HERE).name == "alice"


# ---------------------------------------------------------------------------- named in the settings


class InSettings:
    """A settings file with that `auth`."""

    def __init__(self, directory: Path) -> None:
        self.file = directory / "chatsrv.yaml"

    def write(self, auth: str) -> Path:
        self.file.write_text(
            f"listeners: [{{protocol: plain, host: 127.0.0.1, port: 0}}]\nauth:\n{auth}\nhistory: {{store: memory}}\n"
        )
        return self.file

    def refusal(self, auth: str) -> list[str]:
        """Return what `chatsrv check` says about it, without the directory."""
        done = CliRunner().invoke(main, ["--config", str(self.write(auth)), "check"])
        assert done.exit_code == 1, done.output
        assert done.stdout == ""
        return [line.removeprefix(f"chatsrv: {self.file}:") for line in done.stderr.splitlines()]


@pytest.fixture
def settings(site: Path) -> InSettings:
    return InSettings(site.parent)


def test_people_log_in_with_a_plug_in_that_the_settings_name(site: Path, settings: InSettings) -> None:
    install(CLUB, site)
    (site.parent / "members.txt").write_text("Alice\n")
    file = settings.write("  backend: club\n  members: members.txt\n  password: open sesame")
    with build(load(file), file) as app:
        app.start()
        for password, answer in ((PASSWORD, b"Welcome, Alice!"), ("wrong", b"Login failed.")):
            with socket.create_connection(app.addresses[0], DEADLINE_SECONDS) as peer:
                peer.sendall(f"alice\n{password}\n".encode())
                with peer.makefile("rb") as lines:
                    assert answer in lines.readline()


def test_check_is_content_with_a_plug_in_that_cannot_list(site: Path, settings: InSettings) -> None:
    install(CLUB, site)
    file = settings.write("  {backend: club, members: m, password: open sesame}")
    done = CliRunner().invoke(main, ["--config", str(file), "check"])
    assert done.exit_code == 0
    assert "accounts: unknown, as they cannot be listed (club)" in done.stdout


@pytest.mark.parametrize(
    ("auth", "told"),
    [
        ("  backend: club\n  members: m\n  pasword: hush-hush", "5: auth.pasword; the plug-in 'club' of chatsrv-club"),
        ("  backend: club\n  members: m", "2: auth.password; the plug-in 'club' of chatsrv-club 1.0 needs this option"),
        ("  members: m\n  backend: club\n  password: hush", "4: auth; the plug-in 'club' of chatsrv-club"),
        ("- {backend: memory, users: {}}\n- backend: club\n  hosts: h", "5: auth[1].hosts; the plug-in 'club' of"),
    ],
)  # fmt: skip
def test_a_wrong_option_is_told_with_file_and_line(site: Path, settings: InSettings, auth: str, told: str) -> None:
    install(CLUB, site)
    (line,) = settings.refusal(auth)
    assert line.startswith(told)
    assert "hush" not in line


def test_an_unknown_backend_is_told_with_those_that_are_installed(site: Path, settings: InSettings) -> None:
    install(CLUB, site)
    (line,) = settings.refusal("  {backend: clbu, members: m}")
    accepted = "memory, yaml, hashed, command or the name of an installed plug-in (club)"
    assert line == f"3: auth.backend is clbu; accepted is {accepted}"


def test_a_plug_in_that_breaks_at_import_keeps_the_server_from_starting(write, settings: InSettings) -> None:
    write("raise OSError('no library')")
    file = settings.write("  backend: mine")
    done = CliRunner().invoke(main, ["--config", str(file), "run"])
    assert done.exit_code == 1
    assert done.stderr == (
        f"chatsrv: {file}:3: auth; the plug-in 'mine' of mine 1 cannot be imported: OSError: no library\n"
    )


def test_a_plug_in_that_breaks_at_a_login_refuses_that_login_alone(write, settings: InSettings) -> None:
    write("""
class backend(AuthBackend):
    def authenticate(self, username, password, context):
        return Account(username) if username == "alice" else 1 / 0
""")
    file = settings.write("  backend: mine")
    with build(load(file), file) as app:
        app.start()
        for name, answer in (("bob", b"Login is not possible at the moment."), ("alice", b"Welcome, alice!")):
            with socket.create_connection(app.addresses[0], DEADLINE_SECONDS) as peer:
                peer.sendall(f"{name}\nx\n".encode())
                with peer.makefile("rb") as lines:
                    assert answer in lines.readline()


def test_a_program_is_named_in_the_settings_by_a_path_beside_them(settings: InSettings) -> None:
    program = settings.file.parent / "ask"
    program.write_text('#!/bin/sh\nread -r question\necho "{\\"result\\": \\"ok\\", \\"role\\": \\"admin\\"}"\n')
    program.chmod(0o755)
    file = settings.write("- {backend: command, command: [./ask], answer_seconds: 5}")
    with closing(gate_of(load(file))) as gate:
        assert gate.admit("Alice", "wonderland", HERE) == Account("alice", Role.ADMIN)
    program.unlink()
    (line,) = settings.refusal("- {backend: command, command: [./ask]}")
    assert "there is no program" in line
