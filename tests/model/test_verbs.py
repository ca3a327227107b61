"""The table of commands: what arguments become, and that everything in it holds together."""

from typing import NamedTuple, get_args

import pytest

from chatsrv.chat.deeds import DEEDS
from chatsrv.model.commands import (
    Act,
    Ban,
    CatchUp,
    ChangePassword,
    ChatCommand,
    Command,
    Create,
    Help,
    History,
    Mute,
    Part,
    PrivateMessage,
    Quit,
    Say,
    Search,
    Slow,
    Topic,
    Unban,
    Unmute,
    Who,
)
from chatsrv.model.errors import Misused, Refused
from chatsrv.model.refusals import NoDuration, NoSuchChoice, NoSuchOption, Refusal, SlowOutOfRange
from chatsrv.model.rights import OF_OWNERS, Right
from chatsrv.model.verbs import NAME_CHARACTERS, RIGHT_FOR, VERB_OF, VERBS, Verb, check_name
from tests.refusing import refused


class Kick(NamedTuple):
    name: str
    reason: str = "none"


KICK = Verb("kick", "NAME [REASON]", Kick)


@pytest.mark.parametrize(
    ("verb", "argument", "command"),
    [
        (VERB_OF["quit"], "now, please", Quit()),
        (VERB_OF["help"], "", Help()),
        (VERB_OF["help"], "/Ban bob", Help("ban")),
        (VERB_OF["me"], "  waves  twice ", Act("waves  twice")),
        (VERB_OF["search"], "milk  bread*", Search("milk  bread*")),
        (VERB_OF["history"], "", History()),
        (VERB_OF["history"], "7", History(7)),
        (VERB_OF["catchup"], "On", CatchUp(is_wanted=True)),
        (VERB_OF["who"], "", Who()),
        (VERB_OF["who"], "#dev", Who("#dev")),
        (VERB_OF["part"], "", Part()),
        (VERB_OF["create"], "dev", Create("dev")),
        (VERB_OF["create"], "dev Unlogged  invite-only", Create("dev", is_invite_only=True, is_logged=False)),
        (VERB_OF["topic"], "", Topic()),
        (VERB_OF["topic"], " - ", Topic("")),
        (VERB_OF["topic"], "- tea", Topic("- tea")),
        (VERB_OF["slow"], "Off", Slow(0)),
        (VERB_OF["slow"], "30", Slow(30)),
        (VERB_OF["msg"], "bob  hi   there", PrivateMessage("bob", "hi   there")),
        (VERB_OF["ban"], "bob", Ban("bob")),
        (VERB_OF["ban"], "bob too  loud, 3 times", Ban("bob", reason="too loud, 3 times")),
        (VERB_OF["ban"], "10.0.0.0/8 everywhere", Ban("10.0.0.0/8", is_everywhere=True)),
        (VERB_OF["ban"], "bob Everywhere 1d12h spam", Ban("bob", True, 129_600, "spam")),
        (VERB_OF["ban"], "bob 2h everywhere spam", Ban("bob", True, 7200, "spam")),
        (VERB_OF["ban"], "bob spam everywhere", Ban("bob", reason="spam everywhere")),
        (VERB_OF["ban"], "bob everywhere everywhere", Ban("bob", True, None, "everywhere")),
        (VERB_OF["mute"], "bob 10m", Mute("bob", seconds=600)),
        (VERB_OF["mute"], "bob for 10m loud", Mute("bob", seconds=600, reason="loud")),
        (VERB_OF["ban"], "bob everywhere For 2h", Ban("bob", True, 7200)),
        (VERB_OF["ban"], "bob for spam", Ban("bob", reason="for spam")),
        (VERB_OF["ban"], "bob 2h for 3 times", Ban("bob", seconds=7200, reason="for 3 times")),
        (VERB_OF["unban"], "bob", Unban("bob")),
        (VERB_OF["unmute"], "bob everywhere", Unmute("bob", is_everywhere=True)),
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
        (VERB_OF["create"], ""),
        (VERB_OF["create"], "dev secret"),
        (VERB_OF["slow"], "fast"),
        (VERB_OF["slow"], "1.5"),
        (VERB_OF["slow"], "\u0661"),
        (VERB_OF["msg"], "bob"),
        (VERB_OF["ban"], ""),
        (VERB_OF["unban"], "bob for good"),
        (VERB_OF["join"], "dev now"),
        (VERB_OF["part"], "dev now"),
        (VERB_OF["who"], "dev lobby"),
        (VERB_OF["invite"], "bob dev please"),
        (VERB_OF["ignore"], "bob carol"),
        (VERB_OF["unignore"], "bob  carol"),
        (VERB_OF["audit"], "bob carol"),
        (KICK, ""),
    ],
)
def test_arguments_that_are_missing_or_make_no_sense_are_refused(verb: Verb, argument: str) -> None:
    with pytest.raises(Misused):
        verb.command(argument)


@pytest.mark.parametrize(
    ("verb", "argument", "why"),
    [
        (VERB_OF["ban"], "bob 10x", NoDuration()),
        (VERB_OF["ban"], "bob 0m spam", NoDuration()),
        (VERB_OF["ban"], "bob for 3 days", NoDuration()),
        (VERB_OF["mute"], "bob 11y", NoDuration()),
        (VERB_OF["mute"], "bob everywhere " + "9" * 60_000 + "d", NoDuration()),
        (VERB_OF["slow"], "0", SlowOutOfRange(3600)),
        (VERB_OF["slow"], "9" * 60_000, SlowOutOfRange(3600)),
        (VERB_OF["set"], "colour red", NoSuchOption()),
        (VERB_OF["set"], "times maybe", NoSuchChoice("times")),
    ],
)
def test_what_would_be_accepted_is_told_where_usage_does_not_tell(verb: Verb, argument: str, why: Refusal) -> None:
    with refused(why):
        verb.command(argument)


@pytest.mark.parametrize(
    "verb", [verb for verb in VERBS if verb.kind is not ChangePassword], ids=lambda verb: verb.name
)
def test_whatever_is_typed_behind_a_name_is_understood_or_refused(verb: Verb) -> None:
    """But for a password, which nobody types in the open."""
    for argument in ("", "7", "on", "one two", "one two three  four"):
        try:
            assert isinstance(verb.command(argument), verb.kind)
        except Refused:
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
