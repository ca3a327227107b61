"""What a chatter reads stands in `chatsrv.wording`: refusals are raised as codes, and the chat has no sentences."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import chatsrv

ROOT = Path(chatsrv.__file__).parent
REFUSING = {"Refused", "NotRecorded"}


def texts_refused(source: str) -> Iterator[tuple[int, str]]:
    """Yield line and text of every string with a space or a slash that is given to `Refused`, however deeply in it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in REFUSING:
            for part in ast.walk(node):
                if isinstance(part, ast.Constant) and isinstance(part.value, str) and {" ", "/"} & set(part.value):
                    yield part.lineno, part.value


def sentences(source: str) -> Iterator[tuple[int, str]]:
    """Yield line and text of every string, but docstrings, that a person could be told: a sentence, or a slash."""
    tree = ast.parse(source)
    notes = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str) or id(node) in notes:
            continue
        if "/" in node.value or re.match(r"\s*[A-Z].* ", node.value):
            yield node.lineno, node.value


def test_no_sentence_is_raised() -> None:
    assert {file.name: found for file in ROOT.rglob("*.py") if (found := list(texts_refused(file.read_text())))} == {}


@pytest.mark.parametrize("layer", ["chat", "roomlog"])
def test_a_layer_that_tells_nobody_anything_has_no_sentence_and_no_slash(layer: str) -> None:
    files = (ROOT / layer).glob("*.py")
    assert {file.name: found for file in files if (found := list(sentences(file.read_text())))} == {}


@pytest.mark.parametrize(
    "source", ['asker.reply(f"You left {room}.")', 'HINT = "type /join"', 'title = " The last {} of"']
)
def test_a_sentence_or_a_slash_is_found(source: str) -> None:
    assert list(sentences(source))


@pytest.mark.parametrize(
    "source", ['"""Text /for readers of code."""', 'logger.info("change %d is skipped")', 'join(" ")']
)
def test_notes_and_words_of_the_log_are_fine(source: str) -> None:
    assert not list(sentences(source))


@pytest.mark.parametrize(
    "source",
    [
        'raise Refused("You are muted.")',
        'raise Refused(f"There is no room {name}.") from None',
        'raise Refused("Nobody is here." if here else why)',
        'taken = Refused(NoSuchRoom("/join dev"))',
        'raise NotRecorded([f"/join {name}"])',
    ],
)
def test_a_sentence_or_a_slash_in_a_refusal_is_found(source: str) -> None:
    assert list(texts_refused(source))


@pytest.mark.parametrize("source", ["raise Refused(NotInRoom(room.name))", 'raise Refused(NothingSaid(""))'])
def test_codes_and_facts_are_fine(source: str) -> None:
    assert not list(texts_refused(source))
