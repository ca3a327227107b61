"""Named tuples of the package are equal only within their class, so that no test takes one value for another."""

import importlib
from collections.abc import Iterator

import pytest

from chatsrv.model.commands import Act, Say
from chatsrv.model.entries import Position
from tests.test_layers import modules


def named_tuples() -> Iterator[type]:
    for _, name in modules():
        for value in vars(importlib.import_module(name)).values():
            if isinstance(value, type) and issubclass(value, tuple) and hasattr(value, "_fields"):
                yield value


def test_values_of_two_classes_differ_and_of_one_do_not() -> None:
    assert Say("hello") == Say("hello")
    assert Say("hello") != Act("hello")
    assert Say("hello") not in [Act("hello"), ("hello",)]
    assert [Say("a"), Say("b")] != [Say("a"), Act("b")]
    assert len({Say("hello"), Act("hello"), Say("hello")}) == 2


def test_values_are_ordered_as_tuples_are() -> None:
    assert Position("here", 1) < Position("here", 2)


@pytest.mark.parametrize(
    "kind", sorted(set(named_tuples()), key=repr), ids=lambda kind: f"{kind.__module__}.{kind.__name__}"
)
def test_every_class_of_named_tuples_is_distinct(kind: type) -> None:
    assert kind.__eq__ is not tuple.__eq__, f"{kind} lacks @distinct"
    assert kind.__ne__ is not tuple.__ne__
