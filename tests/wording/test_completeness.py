"""Everything that a chatter is told has its sentence."""

from typing import get_args

import pytest

from chatsrv.model.changes import MODERATION, Change, What
from chatsrv.model.entries import Entry, Kind
from chatsrv.model.reasons import Reason
from chatsrv.model.replies import Audited, Past, Reply, Text
from chatsrv.model.statements import Statement
from chatsrv.testing.protocol_samples import REPLIES
from chatsrv.wording.decisions import decision
from chatsrv.wording.news import LEFT_FOR
from chatsrv.wording.replies import tell
from chatsrv.wording.sessions import FAREWELLS

SHOWN_AS_THEY_ARE = {Past, Audited, Text}
"""Entries, which each wire format shows in its own way, and lines of a server that is no chat."""

UNSEEN_LEAVING = {
    *{Reason.QUIT},  # there is nothing to add
    *{Reason.LOGIN_FAILED, Reason.LOGIN_TIMEOUT, Reason.LOGIN_CROWDED_OUT},  # they had not come
}
WITHOUT_FAREWELL = {
    *{Reason.LOST, Reason.TIMED_OUT, Reason.TOO_SLOW},  # nobody reads it
    *{Reason.LOGIN_FAILED},  # the refusal was it
}


@pytest.mark.parametrize("kind", get_args(Reply), ids=lambda kind: kind.__name__)
def test_each_reply_has_its_words(kind: type) -> None:
    told = [tell(reply) for reply in REPLIES if type(reply) is kind or (kind is Statement and isinstance(reply, kind))]
    assert told, "there is no sample of it"
    assert any(told) is (kind not in SHOWN_AS_THEY_ARE)
    assert all(type(line) is str and "{" not in line.replace("{}", "") for lines in told for line in lines)


@pytest.mark.parametrize("what", sorted(What))
def test_each_decision_that_others_are_told_of_has_its_words(what: What) -> None:
    text = "10" if what is What.SLOW else ""
    entry = Entry(1, 0.0, "dev", Kind.CHANGE, "ann", 1, Change(what, "dev", "bob", text=text).encode())
    for names_room in (False, True):
        assert bool(decision(entry, names_room=names_room)) is (what in MODERATION)


@pytest.mark.parametrize("reason", Reason)
def test_each_reason_is_told_to_the_room_and_to_whoever_leaves(reason: Reason) -> None:
    assert (reason.name in LEFT_FOR) is (reason not in UNSEEN_LEAVING)
    assert (reason in FAREWELLS) is (reason not in WITHOUT_FAREWELL)
