"""What people read about commands."""

from chatsrv.model.replies import CommandList, Usage
from chatsrv.model.verbs import VERB_OF
from chatsrv.wording.commands import HELP, listed


def test_each_command_has_its_help_and_nothing_else_has() -> None:
    assert set(HELP) == set(VERB_OF)
    for help_ in HELP.values():
        assert help_[0].islower()
        assert not help_.endswith(".")


def test_a_plug_ins_command_has_its_own_help() -> None:
    assert listed(CommandList((Usage("roll", "[SIDES]", "throw a die"),), is_all=False)) == [
        "/roll [SIDES]  throw a die"
    ]


def test_a_long_command_moves_no_others_out_of_line() -> None:
    *_, short, slash = listed(CommandList((VERB_OF["ban"].usage, VERB_OF["who"].usage)))
    assert short == "/who [ROOM]  list who is here, or in another room"
    assert slash == "//TEXT       say a text that begins with a slash"
