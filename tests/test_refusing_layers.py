"""Refusals are raised as codes with facts: no layer but plug-ins gives `Refused` a sentence."""

import ast
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


@pytest.mark.parametrize("file", sorted(ROOT.rglob("*.py")), ids=lambda file: str(file.relative_to(ROOT)))
def test_no_sentence_is_raised(file: Path) -> None:
    assert list(texts_refused(file.read_text())) == []


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
