"""The tables of docs/door.md are what the gate really does. No sockets; a clock of its own."""

from pathlib import Path

import pytest

from .guesses import ATTACKS, hours, office_table, table

PAGE = Path(__file__).resolve().parents[2] / "docs" / "door.md"


SHORT = [attack for attack in ATTACKS if not attack.own]


@pytest.mark.parametrize("attack", SHORT, ids=[attack.title for attack in SHORT])
def test_the_first_hour_of_each_attack_is_as_the_page_says(attack):
    [(asked, _)] = hours(attack, 1)
    assert f"| {attack.title} | {asked:,} |" in PAGE.read_text()


def test_the_table_of_the_page_about_an_office_is_what_the_gate_does():
    assert office_table() in PAGE.read_text()


@pytest.mark.stress
@pytest.mark.timeout(1800)
def test_the_table_of_the_page_about_guesses_is_what_the_gate_does():
    assert table() in PAGE.read_text()
