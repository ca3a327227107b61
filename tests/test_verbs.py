"""The table of commands: what arguments become, and that everything in it holds together."""

from typing import NamedTuple, get_args

import pytest

from chatsrv.chat.deeds import DEEDS
from chatsrv.commands import Act, CatchUp, ChangePassword, ChatCommand, Command, History, Quit, Say, Search
from chatsrv.errors import Misused
from chatsrv.rights import OF_OWNERS, Right
from chatsrv.verbs import NAME_CHARACTERS, RIGHT_FOR, VERB_OF, VERBS, Verb, check_name


class Kick(NamedTuple):
    name: str
    reason: str = "none"


KICK = Verb("kick", "NAME [REASON]", "send somebody out", Kick)


@pytest.mark.parametrize(
    ("verb", "argument", "command"),
    [
        (VERB_OF["quit"], "now, please", Quit()),
        (VERB_OF["me"], "  waves  twice ", Act("waves  twice")),
        (VERB_OF["search"], "milk  bread*", Search("milk  bread*")),
        (VERB_OF["history"], "", History()),
        (VERB_OF["history"], "7", History(7)),
        (VERB_OF["catchup"], "On", CatchUp(is_wanted=True)),
        (KICK, " bob", Kick("bob")),
        (KICK, "bob  too   loud ", Kick("bob", "too   loud")),
    ],
)
def test_arguments_become_a_command(verb: Verb, argument: str, command: Command) -> None:
    assert verb.command(argument) == command
    assert type(verb.command(argument)) is type(command) is verb.kind


@pytest.mark.parametrize(
    ("verb", "argument"),
    [
        (VERB_OF["me"], ""),
        (VERB_OF["me"], "   "),
        (VERB_OF["history"], "all"),
        (VERB_OF["history"], "0"),
        (VERB_OF["history"], "5 lines"),
        (VERB_OF["history"], "9" * 60_000),
        (VERB_OF["catchup"], "maybe"),
        (KICK, ""),
    ],
)
def test_arguments_that_are_missing_or_make_no_sense_are_refused(verb: Verb, argument: str) -> None:
    with pytest.raises(Misused):
        verb.command(argument)


@pytest.mark.parametrize(
    "verb", [verb for verb in VERBS if verb.kind is not ChangePassword], ids=lambda verb: verb.name
)
def test_whatever_is_typed_behind_a_name_is_understood_or_refused(verb: Verb) -> None:
    """But for a password, which nobody types in the open."""
    for argument in ("", "7", "on", "one two", "one two three  four"):
        try:
            assert isinstance(verb.command(argument), verb.kind)
        except Misused:
            assert verb.arguments


def test_each_name_stands_for_one_command() -> None:
    assert len(VERB_OF) == len(VERBS)


def test_every_command_of_the_chat_is_done_by_somebody() -> None:
    spoken = {Say, Act}
    flat = {kind for each in get_args(ChatCommand) for kind in (get_args(each) or (each,))}
    assert set(DEEDS) == flat - spoken
    assert {verb.kind for verb in VERBS} <= flat | {ChangePassword}


def test_what_needs_a_right_by_name_needs_it_whoever_asks() -> None:
    assert RIGHT_FOR[Say] == RIGHT_FOR[Act] == Right.SPEAK
    assert all(RIGHT_FOR.get(verb.kind) == verb.right for verb in VERBS if verb.right not in OF_OWNERS)
    assert not OF_OWNERS & set(RIGHT_FOR.values())


@pytest.mark.parametrize("name", ["roll", "coin-toss", "d20", "x" * NAME_CHARACTERS])
def test_a_plug_in_may_call_its_command_so(name: str) -> None:
    check_name(name)


@pytest.mark.parametrize("name", ["", "Roll", "20d", "two words", "/roll", "würfel", "x" * (NAME_CHARACTERS + 1)])
def test_what_nobody_could_type_is_no_name_for_a_command(name: str) -> None:
    with pytest.raises(ValueError, match="accepted are up to 32 lower-case letters, digits and hyphens"):
        check_name(name)


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_no_plug_in_takes_the_name_of_a_command_of_the_chat(verb: Verb) -> None:
    with pytest.raises(ValueError, match=f"the chat has a command {verb.name} of its own"):
        check_name(verb.name)
