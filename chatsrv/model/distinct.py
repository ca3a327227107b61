"""`distinct`: named tuples that are equal only to values of their own class.

A named tuple is equal to every tuple with the same fields, so that `Say("x") == Act("x")`. Pure; any thread may call.
"""

from typing import Any, TypeVar

_Value = TypeVar("_Value", bound=tuple[Any, ...])


def distinct(kind: type[_Value]) -> type[_Value]:
    """Make values of a class of named tuples equal to those of the same class alone; a decorator.

    They are made, hashed and ordered as before, at the same cost.

    >>> from typing import NamedTuple
    >>> Cat, Dog = (distinct(NamedTuple(name, [("name", str)])) for name in ("Cat", "Dog"))
    >>> Cat("Rex") == Cat("Rex"), Cat("Rex") == Dog("Rex"), Cat("Rex") == ("Rex",), Cat("Rex") in [Dog("Rex")]
    (True, False, False, False)
    """

    def is_equal(self: _Value, other: object) -> bool:
        return type(other) is kind and tuple.__eq__(self, other)

    def is_other(self: _Value, other: object) -> bool:
        return type(other) is not kind or tuple.__ne__(self, other)

    kind.__eq__ = is_equal  # type: ignore[method-assign, assignment]  # what mypy knows of classes that are written out
    kind.__ne__ = is_other  # type: ignore[method-assign, assignment]
    return kind
