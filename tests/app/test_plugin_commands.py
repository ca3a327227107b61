"""Commands that installed packages bring: named in the settings, found, made, and used by people."""

import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from chatsrv.app import build
from chatsrv.model.errors import SettingsError
from chatsrv.settings import load
from chatsrv.settings.plugins import COMMANDS_GROUP
from tests.house import House
from tests.packages import PLUGINS, install, install_source
from tests.peer import DEADLINE_SECONDS

DICE = PLUGINS / "chatsrv-dice"
LISTED = "accepted is a list of commands that installed plug-ins bring"


@pytest.fixture
def house(site: Path) -> House:
    """Make a house, with the dice installed and not yet named."""
    install(DICE, site)
    return House(site.parent)


@pytest.fixture
def bring(site: Path) -> Callable[[str, str], None]:
    """Install a package that brings a command under that name, by the attribute `command` of that source."""

    def install_command(name: str, source: str) -> None:
        source = f"from chatsrv import CommandPlugin\n{source}\n"
        package = f"package{len(list(site.iterdir()))}"
        install_source(source, site, package=package, group=COMMANDS_GROUP, name=name, attribute="command")

    return install_command


def add(house: House, commands: str) -> Path:
    """Write settings that name those commands, in line 3."""
    house.use("{backend: yaml, path: users.yaml}", f"commands: {commands}\nhistory: {{store: memory}}")
    return house.settings


def refusal(house: House, commands: str) -> str:
    """Return the one thing that is wrong with those commands, as the start of a server tells it."""
    file = add(house, commands)
    with pytest.raises(SettingsError) as caught:
        build(load(file), file)
    (problem,) = caught.value.problems
    return str(problem).removeprefix(f"{file}:")


def test_a_command_that_the_settings_name_is_there_for_people(house: House) -> None:
    file = add(house, "[roll]")
    with build(load(file), file) as app:
        app.start()
        with socket.create_connection(app.addresses[0], DEADLINE_SECONDS) as peer, peer.makefile("rb") as lines:
            peer.sendall(b"bob\nbuilder\n/roll 1\n/roll 2\n/quit\n")
            told = lines.read().decode()
    assert "\nUsage: /roll [SIDES]\nYou throw " in told


def test_a_command_that_is_installed_and_not_named_is_not_there(house: House) -> None:
    with build(load(house.settings), house.settings) as app:
        app.start()
        with socket.create_connection(app.addresses[0], DEADLINE_SECONDS) as peer, peer.makefile("rb") as lines:
            peer.sendall(b"bob\nbuilder\n/roll\n/quit\n")
            assert "There is no command /roll." in lines.read().decode()


def test_check_is_content_with_it(house: House) -> None:
    add(house, "[roll]")
    assert house.run("check").exit_code == 0


@pytest.mark.parametrize(
    ("commands", "told"),
    [
        ("roll", f"commands is roll; {LISTED}"),
        ("[5]", "commands[0] is 5; accepted is text"),
        ("[rol]", "commands[0] is rol; there is no plug-in of that name; installed are: roll"),
        ("[roll, roll]", "commands[1] is roll; the command is in the list already"),
        ("[roll, who]", "commands[1] is who; the chat has a command who of its own; accepted is another name"),
        ("[Roll]", "commands[0] is Roll; accepted are up to 32 lower-case letters, digits and hyphens"),
    ],
)
def test_a_name_that_cannot_be_is_told_by_check_with_file_and_line(house: House, commands: str, told: str) -> None:
    file = add(house, commands)
    done = house.run("check")
    assert done.exit_code == 1
    assert done.stderr == f"chatsrv: {file}:3: {told}\n"


def test_a_plug_in_that_takes_the_name_of_a_command_of_the_chat_is_refused(house: House, bring) -> None:
    bring("who", "class command(CommandPlugin):\n    help = 'x'\n    def run(self, asker, argument): pass")
    assert refusal(house, "[who]") == (
        "3: commands[0] is who; the chat has a command who of its own; accepted is another name"
    )


def test_two_plug_ins_of_one_name_are_refused(house: House, bring) -> None:
    bring("roll", "command = None")
    told = refusal(house, "[roll]")
    assert told.startswith(
        "3: commands[0]; several packages bring a plug-in 'roll'; accepted is one of them: chatsrv-dice"
    )


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("raise OSError('no library')", "cannot be imported: OSError: no library"),
        ("command = dict", "made something of type dict, which is no CommandPlugin"),
        ("def command(sides): pass", "needs this option: sides"),
        (
            "class command(CommandPlugin): help = 'x'",
            "refuses its options: TypeError: Can't instantiate abstract class",
        ),
        (
            "class command(CommandPlugin):\n    def run(self, asker, argument): pass",
            "refuses its options: TypeError: Can't instantiate abstract class",
        ),
    ],
)
def test_a_plug_in_that_cannot_be_used_keeps_the_server_from_starting(house: House, bring, source, told) -> None:
    bring("mine", source)
    assert refusal(house, "[roll, mine]").startswith("3: commands[1]; the plug-in 'mine' of package")
    assert told in refusal(house, "[mine]")


def test_what_is_wrong_is_told_without_a_line_where_the_settings_come_from_no_file(house: House, bring) -> None:
    bring("mine", "command = None")
    settings = load(add(house, "[mine]"))
    with pytest.raises(SettingsError, match=r"^the settings: commands\[0\]; the plug-in 'mine' of "):
        build(settings)
