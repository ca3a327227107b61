"""Refusals and statements have their sentences: each code has one, made of its own facts, and each is used."""

import ast
import itertools
import re
import string
from collections.abc import Iterator
from dataclasses import fields
from datetime import UTC, datetime
from enum import Enum
from inspect import signature
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

import pytest

import chatsrv
from chatsrv.model import refusals, reports
from chatsrv.model.accounts import Network
from chatsrv.model.commands import Act, Command, Say
from chatsrv.model.errors import NotRecorded, Refused
from chatsrv.model.refusals import Refusal
from chatsrv.model.reports import Report
from chatsrv.model.rights import Right
from chatsrv.model.statements import Statement
from chatsrv.wording import refusals as refusing
from chatsrv.wording import reports as reporting
from chatsrv.wording.refusals import RIGHTS, explain
from chatsrv.wording.replies import tell

ROOT = Path(chatsrv.__file__).parent
CODES = [
    kind
    for module in (refusals, reports)
    for kind in vars(module).values()
    if isinstance(kind, type) and issubclass(kind, Statement) and kind.__module__ == module.__name__
    and kind not in (Refusal, Report)
]  # fmt: skip
TABLES = {**refusing._SENTENCES, **reporting._SENTENCES}
EACH = pytest.mark.parametrize("kind", CODES, ids=lambda kind: kind.code)


def state(statement: Any) -> str:
    """Return the sentence of a statement."""
    (sentence,) = tell(statement)
    return sentence


def samples(kind: Any, name: str = "") -> list[Any]:
    """Return values that a fact of this type may have; a text says which fact it is of."""
    if kind is Command:
        return [Say("a line"), Act("waves")]
    if kind == Network:
        return [ip_network("192.0.2.0/24"), ip_network("2001:db8::/32")]
    if kind is reports.Absent:
        return [reports.Absent("bob", is_told) for is_told in (False, True)]
    if kind is Refusal:
        return [refusals.NothingMore(), refusals.NothingFound()]
    if get_origin(kind) is tuple:
        (item, _) = get_args(kind)
        some = samples(item, name)
        return [(), tuple(some), *((each,) for each in some)]
    if get_args(kind):
        assert get_origin(kind) is Union or type(kind) is type(int | str)
        return [value for each in get_args(kind) for value in samples(each, name)]
    if isinstance(kind, type) and issubclass(kind, Enum):
        return list(kind)
    some = {str: [f"<{name}>", ""], int: [0, 1, 30], float: [0.0, 61.0], bool: [False, True], type(None): [None]}
    return {**some, datetime: [datetime(2026, 11, 25, 14, 3, tzinfo=UTC), datetime(2026, 11, 25)]}[kind]


def instances(kind: type[Statement]) -> Iterator[Statement]:
    """Yield statements of that code with all facts that it may have; an option is one that there is."""
    types = get_type_hints(kind)
    facts = [
        {"option": ["times"], "value": ["on"]}.get(field.name) or samples(types[field.name], field.name)
        for field in fields(kind)
    ]
    yield from itertools.starmap(kind, itertools.product(*facts))


@EACH
def test_each_code_has_its_sentences(kind: type[Statement]) -> None:
    for statement in instances(kind):
        sentence = state(statement)
        if kind is not refusals.PluginRefusal:
            assert sentence.endswith((".", "?", ":", ")", "<reason>")), sentence
            assert not re.search(r"None|[{}]|[a-z]+\.[A-Z_]+", sentence), sentence


@EACH
def test_the_facts_of_a_sentence_are_those_of_its_code_and_each_makes_a_difference(kind: type[Statement]) -> None:
    sentence, names = TABLES[kind], {field.name for field in fields(kind)}
    if isinstance(sentence, str):
        assert {name for _, name, _, _ in string.Formatter().parse(sentence) if name is not None} == names
    else:
        (parameter,) = signature(sentence).parameters.values()
        assert get_type_hints(sentence)[parameter.name] is kind
        told = {statement: state(statement) for statement in instances(kind)}
        for name in names - {"option", "value"}:
            assert any(
                told[one] != told[other] and {**vars(one), name: None} == {**vars(other), name: None}
                for one, other in itertools.combinations(told, 2)
            ), f"{name} makes no difference"


def test_there_is_no_sentence_without_a_code() -> None:
    assert set(TABLES) == set(CODES)
    assert len({kind.code for kind in CODES}) == len(CODES)


def test_each_code_is_used() -> None:
    called = {
        node.func.id
        for file in ROOT.rglob("*.py")
        if not {"wording", "testing"}.intersection(file.relative_to(ROOT).parts)
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    }
    assert {kind.__name__ for kind in CODES} <= called


@pytest.mark.parametrize("right", Right)
def test_each_right_has_words(right: Right) -> None:
    assert RIGHTS[right]


def test_a_plug_in_refuses_in_its_own_words() -> None:
    refused = Refused("The dice {are} out.")
    assert refused.why == refusals.PluginRefusal("The dice {are} out.")
    assert refused.why.code == "plugin"
    assert explain(refused.why) == str(refused) == "The dice {are} out."


def test_a_refusal_is_logged_as_its_code_and_facts_without_what_anybody_said() -> None:
    assert str(Refused(refusals.NotInRoom("dev"))) == "not in room (room=dev, is_no_more=False)"
    assert str(NotRecorded(["secret"], lost=[Say("secret")])) == "unrecorded"


@pytest.mark.parametrize(
    ("refusal", "sentence"),
    [
        (
            refusals.NoSuchRoom("dve", "dev", may_create=True),
            "There is no room dve. Did you mean dev? /create dve makes it.",
        ),
        (refusals.NoSuchRoom("dve"), "There is no room dve. /rooms lists them all."),
        (refusals.Banned("dev", datetime(2026, 11, 25, 14, 3)), "You are banned from dev until 2026-11-25 14:03."),
        (
            refusals.Banned("", datetime(2026, 11, 25, 14, 3, tzinfo=UTC), "spam"),
            "You are banned here until 2026-11-25 14:03 UTC: spam.",
        ),
        (
            refusals.Muted(refusals.Utterance.REASON, "", None, "spam"),
            "You are muted on this server: spam. Without a reason it can be done.",
        ),
        (
            refusals.Slowed(refusals.Utterance.LINE, "dev", 30, 3),
            "Slow mode is on in dev: one line in 30 seconds from each. Those 3 lines were not said.",
        ),
        (
            refusals.Slowed(refusals.Utterance.TOPIC, "dev", 30),
            "Slow mode is on in dev: one line in 30 seconds from each, and a topic counts as one.",
        ),
        (refusals.SameSlowMode("dev", 0), "Slow mode is off in dev."),
        (
            refusals.NothingDecided("zoe", refusals.NoSuchAccount("zoe")),
            "Nothing was decided about zoe. There is no account zoe.",
        ),
        (
            refusals.PasswordUnchanged(refusals.WrongPassword()),
            "That is not your password. Nothing was changed.",
        ),
        (
            refusals.Unrecorded((Say("one"), Act("waves"), Say("x" * 41))),
            f'Your 3 lines from "one" to "{"x" * 40}..." were not recorded, and nobody has seen them: '
            "the server cannot record them at the moment. Try again later.",
        ),
    ],
)
def test_a_sentence_says_what_happened_and_what_to_do(refusal: Refusal, sentence: str) -> None:
    assert explain(refusal) == sentence
