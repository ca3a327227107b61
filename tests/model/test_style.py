"""Styles: what can be chosen."""

import pytest

from chatsrv.model.style import CHOICES, Style


def test_who_has_chosen_nothing_has_the_first_value_of_each_option() -> None:
    assert Style()._asdict() == {option: values[0] for option, values in CHOICES.items()}


@pytest.mark.parametrize(("option", "value"), [(name, value) for name, values in CHOICES.items() for value in values])
def test_each_value_can_be_had_and_leaves_the_other_options_as_they_are(option: str, value: str) -> None:
    style = Style("on", "always")
    assert style.having(option, value)._asdict() == {**style._asdict(), option: value}


@pytest.mark.parametrize(
    ("option", "value"), [("colour", "red"), ("", ""), ("times", "maybe"), ("times", "always"), ("rooms", "")]
)
def test_no_style_has_what_makes_no_sense(option: str, value: str) -> None:
    with pytest.raises(ValueError, match=repr(value)):
        Style().having(option, value)
