"""The command line as somebody meets it who does not know it yet: help, and where `--config` may stand."""

from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from chatsrv.cli import main
from tests.house import House


def commands(group: click.Group, *before: str) -> Iterator[tuple[str, ...]]:
    """Yield the words that name each command, the groups among them."""
    for name, command in group.commands.items():
        yield (*before, name)
        if isinstance(command, click.Group):
            yield from commands(command, *before, name)


EVERY = list(commands(main))


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


# ---------------------------------------------------------------------------- help


@pytest.mark.parametrize("group", [(), ("user",), ("history",)])
def test_a_group_alone_shows_its_help_and_nothing_else(group: tuple[str, ...]) -> None:
    bare, asked = CliRunner().invoke(main, group), CliRunner().invoke(main, [*group, "--help"])
    assert (bare.exit_code, bare.stdout) == (2, "")
    assert (asked.exit_code, asked.stderr) == (0, "")
    assert bare.stderr == asked.stdout
    assert "chatsrv: " not in bare.stderr


@pytest.mark.parametrize("words", [(), *EVERY], ids=" ".join)
def test_no_help_text_is_cut_off_or_wider_than_a_terminal(words: tuple[str, ...]) -> None:
    told = CliRunner().invoke(main, [*words, "--help"], terminal_width=80).stdout
    assert "..." not in told.replace("[ARGS]...", "").replace("WORDS...", "")
    assert max(map(len, told.splitlines())) <= 80


@pytest.mark.parametrize("words", [words for words in EVERY if len(words) > 1 or words[0] in ("run", "check")])
def test_the_list_of_commands_has_the_whole_first_sentence_of_each(words: tuple[str, ...]) -> None:
    *group, name = words
    first = CliRunner().invoke(main, [*words, "--help"]).stdout.split("\n\n")[1]
    listed = CliRunner().invoke(main, [*group, "--help"]).stdout
    sentence = " ".join(first.split()).partition(". ")[0].rstrip(".")
    assert f" {name} {sentence}" in " ".join(listed.split())


def test_every_option_has_a_help_text() -> None:
    def walk(group: click.Group) -> Iterator[click.Parameter]:
        for command in group.commands.values():
            yield from command.params
            if isinstance(command, click.Group):
                yield from walk(command)

    assert not [option.name for option in walk(main) if isinstance(option, click.Option) and not option.help]


# ---------------------------------------------------------------------------- --config


@pytest.mark.parametrize(
    "line",
    ["--config FILE user list", "user --config FILE list", "user list --config FILE", "user list -c FILE"],
)
def test_the_settings_are_named_before_or_after_the_command(house: House, line: str) -> None:
    done = CliRunner().invoke(main, [word.replace("FILE", str(house.settings)) for word in line.split()])
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.startswith("alice\t")


@pytest.mark.parametrize("words", EVERY, ids=" ".join)
def test_every_command_takes_the_settings(words: tuple[str, ...]) -> None:
    assert "-c, --config FILE" in CliRunner().invoke(main, [*words, "--help"]).stdout


def test_of_several_settings_files_the_last_one_counts(house: House) -> None:
    done = house.run("check", "--config", str(house.settings.with_name("other.yaml")))
    assert done.exit_code == 1
    assert done.stderr.startswith(f"chatsrv: {house.settings.with_name('other.yaml')}: there is no such file")


def test_what_stands_after_the_command_outdoes_the_environment(house: House) -> None:
    done = CliRunner().invoke(main, ["check", "-c", str(house.settings)], env={"CHATSRV_CONFIG": "/nowhere.yaml"})
    assert done.exit_code == 0


def test_a_name_that_looks_like_an_option_stays_a_name(house: House) -> None:
    done = house.run("user", "disable", "--", "--config")
    assert done.exit_code == 1
    assert "'--config' cannot be a name" in done.stderr or "there is no account --config" in done.stderr
