"""Styles: what can be chosen, and what is told whoever chooses something else."""

import pytest

from chatsrv.model.style import CHOICES, Style


def test_who_has_chosen_nothing_has_the_first_value_of_each_option() -> None:
    assert Style()._asdict() == {option: values[0] for option, values in CHOICES.items()}


@pytest.mark.parametrize(("option", "value"), [(name, value) for name, values in CHOICES.items() for value in values])
def test_each_value_can_be_had_and_leaves_the_other_options_as_they_are(option: str, value: str) -> None:
    style = Style("on", "always")
    assert style.having(option, value)._asdict() == {**style._asdict(), option: value}


@pytest.mark.parametrize(
    ("option", "value", "told"),
    [
        ("colour", "red", r"What can be set is times \(off or on\) and rooms \(others or always\)\."),
        ("", "", r"What can be set is times"),
        ("times", "maybe", r"times can be off or on\."),
        ("times", "always", r"times can be off or on\."),
        ("rooms", "", r"rooms can be others or always\."),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_would(option: str, value: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        Style().having(option, value)
