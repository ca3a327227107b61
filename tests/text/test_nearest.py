"""Behaviour of chatsrv.text.nearest."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatsrv.text.nearest import COMPARED_NAMES, nearest


@pytest.mark.parametrize(
    "typed", ["kitchn", "kitchenn", "kkitchen", "kitchem", "litchen", "kitcehn", "iktchen", "kitchne", "kit", "kitche"]
)
def test_one_slip_or_the_beginning_is_enough_to_tell_what_was_meant(typed: str) -> None:
    assert nearest(typed, ["attic", "kitchen", "lobby"]) == "kitchen"


@pytest.mark.parametrize("typed", ["", "k", "kitshem", "nehctik", "cellar", "kitchen-sink"])
def test_what_is_not_near_is_not_guessed_at(typed: str) -> None:
    assert nearest(typed, ["attic", "kitchen", "lobby"]) == ""


@pytest.mark.parametrize(("typed", "name"), [("dve", "dev"), ("edv", "dev"), ("de", "dev"), ("dex", "dev")])
def test_short_names_are_found_too(typed: str, name: str) -> None:
    assert nearest(typed, ["lobby", name]) == name


def test_a_slip_is_nearer_than_a_beginning() -> None:
    assert nearest("devs", ["devs-of-old", "dev"]) == "dev"


@given(st.text("abc", min_size=3, max_size=8), st.data())
def test_every_single_slip_is_found(name: str, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(name) - 1))
    letter = data.draw(st.sampled_from("abcx"))
    before, here, behind = name[:place], name[place], name[place + 1 :]
    slips = [before + letter + here + behind, before + letter + behind, before + behind[:1] + here + behind[1:]]
    for typed in (*slips, before + behind):
        assert nearest(typed, [name]) == (name if len(typed) > 2 or name.startswith(typed) else "")


def test_no_number_of_names_that_begin_alike_makes_it_compare_them_all() -> None:
    names = [f"aaaaaaaa{number:04}" for number in range(10 * COMPARED_NAMES)]
    assert nearest(f"{names[0]}x", names) == names[0]
    assert nearest(f"{names[-1]}x", names) == ""
