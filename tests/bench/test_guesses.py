"""The table of docs/door.md is what the gate really does. No sockets; a clock of its own."""

from pathlib import Path

import pytest

from chatsrv.loginpolicy import LoginPolicy

from .guesses import ATTACKS, hours, table

PAGE = Path(__file__).resolve().parents[2] / "docs" / "door.md"


@pytest.mark.parametrize("attack", ATTACKS, ids=[attack.title for attack in ATTACKS])
def test_the_first_hour_of_each_attack_is_as_the_page_says(attack):
    [(asked, _)] = hours(attack, LoginPolicy(), 1)
    assert f"| {attack.title} | {asked:,} |" in PAGE.read_text()


@pytest.mark.stress
@pytest.mark.timeout(600)
def test_the_table_of_the_page_is_what_the_gate_does():
    assert table() in PAGE.read_text()
