"""Behaviour of chatsrv.sharing.effort: what it counts, and when it is over."""

from chatsrv.sharing.effort import ENTRY_CHARACTERS, Effort


def test_an_effort_is_over_when_its_characters_are_spent() -> None:
    effort = Effort(characters=3 * ENTRY_CHARACTERS + 10)
    effort.spend(2, 9)
    effort.spend(1)
    assert not effort.is_over
    effort.spend(0, 1)
    assert effort.is_over


def test_its_time_begins_with_the_first_question_and_not_while_it_stands_in_line() -> None:
    now = 100.0
    effort = Effort(seconds=5, clock=lambda: now)
    now = 200.0
    assert not effort.is_over
    now = 204.9
    assert not effort.is_over
    now = 205.0
    assert effort.is_over


def test_an_effort_is_over_when_nobody_waits_any_more() -> None:
    is_wanted = True
    effort = Effort(lambda: is_wanted)
    assert not effort.is_over
    is_wanted = False
    assert effort.is_over
