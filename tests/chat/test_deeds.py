"""Rights are asked for by the type of a command, before anything is done, and all of it is the asker's alone."""

import pytest

from chatsrv.model.commands import Act, Command, Say, Who
from chatsrv.model.rights import Right
from chatsrv.model.verbs import RIGHT_FOR
from tests.peer import two_chatters


@pytest.mark.parametrize(("kind", "typed"), [(Say, "hello"), (Act, "/me waves"), (Who, "/who")])
def test_who_lacks_the_right_reads_which_and_nobody_else_sees_anything(
    monkeypatch: pytest.MonkeyPatch, kind: type[Command], typed: str
) -> None:
    with two_chatters() as (_, alice, _bob), monkeypatch.context() as stricter:
        stricter.setitem(RIGHT_FOR, kind, Right.HURRY)
        alice.type(typed)
        told = "You have no right to send faster than flood control allows: your role is member."
        assert alice.line() == told
