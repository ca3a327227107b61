"""Bots that installed packages bring: named in the settings, made with options, and there for people."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from chatsrv.app import build
from chatsrv.model.errors import SettingsError
from chatsrv.settings import load
from chatsrv.settings.plugins import BOTS_GROUP
from tests.house import House
from tests.packages import PLUGINS, install, install_source
from tests.peer import DEADLINE_SECONDS

CLOCK = PLUGINS / "chatsrv-clock"


@pytest.fixture
def house(site: Path) -> House:
    """Make a house, with the clock installed and not yet named."""
    install(CLOCK, site)
    return House(site.parent)


@pytest.fixture
def bring(site: Path) -> Callable[[str], None]:
    """Install a package that brings a bot `mine`, by the attribute `bot` of that source."""

    def install_bot(source: str) -> None:
        source = f"from pathlib import Path\nfrom chatsrv import Bot\n{source}\n"
        install_source(source, site, package="brought", group=BOTS_GROUP, name="mine", attribute="bot")

    return install_bot


def add(house: House, bots: str) -> Path:
    """Write settings that name those bots, in line 3; the history is in memory if they do not say where."""
    history = "" if "history:" in bots else "\nhistory: {store: memory}"
    house.use("{backend: yaml, path: users.yaml}", f"bots: {bots}{history}")
    return house.settings


def refusal(house: House, bots: str) -> str:
    """Return the one thing that is wrong with those bots, as `chatsrv check` and the start of a server tell it."""
    file = add(house, bots)
    done = house.run("check")
    assert done.exit_code == 1
    with pytest.raises(SettingsError) as caught:
        build(load(file), file)
    (problem,) = caught.value.problems
    assert done.stderr == f"chatsrv: {problem}\n"
    return str(problem).removeprefix(f"{file}:")


def test_a_bot_that_the_settings_name_is_there_for_people_and_leaves_with_the_server(house: House) -> None:
    file = add(house, "[{bot: clock, greeting: Hello}]")
    with build(load(file), file) as app:
        app.start()
        with socket.create_connection(app.addresses[0], DEADLINE_SECONDS) as peer, peer.makefile("rb") as lines:
            peer.sendall(b"bob\nbuilder\n")
            assert b"Here now: clock." in lines.readline()
            assert lines.readline() == b"<clock> Hello, bob! Say !time to hear the time.\n"
            app.close()
            assert lines.readline() == b"* clock left (server shutting down)\n"


def test_check_names_the_bots(house: House) -> None:
    add(house, "[{bot: clock}, {bot: clock, name: timer}]")
    done = house.run("check")
    assert done.exit_code == 0
    assert "bot: clock\nbot: timer\n" in done.stdout


@pytest.mark.parametrize(
    ("bots", "told"),
    [
        ("clock", "3: bots is clock; accepted is a list of {bot: ...}"),
        ("[clock]", "3: bots[0] is clock; accepted is a mapping with keys out of bot, room"),
        ("[{greeting: x}]", "3: bots[0].bot is missing; accepted is the name of an installed plug-in"),
        ("[{bot: clok}]", "3: bots[0].bot is clok; there is no plug-in of that name; installed are: clock"),
        ("[{bot: 5}]", "3: bots[0].bot is 5; accepted is the name of an installed plug-in"),
    ],
)
def test_what_is_no_bot_is_told_with_file_and_line(house: House, bots: str, told: str) -> None:
    file = add(house, bots)
    done = house.run("check")
    assert done.exit_code == 1
    assert done.stderr == f"chatsrv: {file}:{told}\n"


@pytest.mark.parametrize(
    ("bots", "told"),
    [
        (
            "\n- bot: clock\n  greting: x",
            "5: bots[0].greting; the plug-in 'clock' of chatsrv-clock 1.0 has no such option; did you mean greeting?",
        ),
        ("[{bot: clock, name: two words}]", "3: bots[0]; a bot cannot be called 'two words': a name has 1 to 64"),
        ("[{bot: clock}, {bot: clock, name: CLOCK}]", "3: bots[1]; there is a bot called 'CLOCK' already"),
    ],
)
def test_options_and_names_that_cannot_be_are_told_with_file_and_line(house: House, bots: str, told: str) -> None:
    assert refusal(house, bots).startswith(told)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("raise OSError('no library')", "cannot be imported: OSError: no library"),
        ("bot = dict", "made something of type dict, which is no Bot"),
        ("bot = Bot", "a bot cannot be called '': a name has"),
        ("def bot(): raise ValueError('it is too late')", "refuses its options: it is too late"),
    ],
)
def test_a_plug_in_that_cannot_be_used_keeps_the_server_from_starting(house: House, bring, source, told) -> None:
    bring(source)
    assert refusal(house, "[{bot: mine}]").startswith("3: bots[0]; ")
    assert told in refusal(house, "[{bot: mine}]")


def test_paths_among_the_options_start_from_the_settings_file(house: House, bring) -> None:
    bring(
        "class bot(Bot):\n    name = 'keeper'\n    def __init__(self, file: Path): self.file = file\n"
        "    def opened(self): self.say(self.file.read_text())"
    )
    (house.settings.parent / "greeting.txt").write_text("I am back.")
    file = add(house, "[{bot: mine, file: greeting.txt}]")
    with build(load(file), file) as app:
        app.start()
        with socket.create_connection(app.addresses[0], DEADLINE_SECONDS) as peer, peer.makefile("rb") as lines:
            peer.sendall(b"bob\nbuilder\n/history\n")
            assert any(b"<keeper> I am back." in line for line in lines)


def test_a_bot_that_is_banned_does_not_keep_the_server_from_starting(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    file = add(house, "[{bot: clock}]\nroles: {admin: [bob]}\nhistory: {store: sqlite, path: chat.db}")
    for told in (b"Here now: clock.", b"Nobody else is here."):
        with build(load(file), file) as app:
            app.start()
            with socket.create_connection(app.addresses[0], DEADLINE_SECONDS) as peer, peer.makefile("rb") as lines:
                peer.sendall(b"bob\nbuilder\n/ban clock everywhere spam\n/quit\n")
                assert told in lines.readline()
                lines.read()
    assert "the bot clock is not let in: You are banned here: spam." in caplog.text


def test_a_bot_may_be_in_a_room_that_the_settings_declare(house: House) -> None:
    file = add(house, "[{bot: clock, room: '#Dev'}]\nrooms: {declared: [{name: dev}]}")
    assert "bot: clock in dev\n" in house.run("check").stdout
    with build(load(file), file) as app:
        app.start()
        with socket.create_connection(app.addresses[0], DEADLINE_SECONDS) as peer, peer.makefile("rb") as lines:
            peer.sendall(b"alice\nwonderland\n/join dev\n")
            assert b"Welcome, alice! Nobody else is here." in lines.readline()
            assert lines.readline() == b"You are in dev now.\n"
            assert lines.readline() == b"Here now: clock.\n"


def test_a_bot_cannot_be_in_a_room_that_is_not_there(house: House) -> None:
    told = refusal(house, "[{bot: clock, room: kitchen}]")
    assert told == "3: bots[0].room; there is no room kitchen; accepted is one of lobby"
