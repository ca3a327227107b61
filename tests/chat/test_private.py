"""Commands between two people: private messages, and seeing nothing of somebody."""

from collections.abc import Sequence

import pytest

from chatsrv.chat import private
from chatsrv.model.entries import Kind, Position
from chatsrv.model.errors import NotRecorded, Refused
from chatsrv.model.refusals import Unrecorded
from chatsrv.wording.refusals import explain
from tests.chat.people import Chat


def test_a_message_is_in_both_logs_and_heard_by_all_devices_of_both(chat: Chat) -> None:
    alice, bob, phone = chat.log_in("alice"), chat.log_in("bob"), chat.log_in("bob")
    tablet = chat.log_in("alice")
    assert alice.types("/msg BOB are  you there?") == []
    assert chat.private("bob") == ["[private] <alice> are  you there?"]
    assert chat.private("alice") == ["[private to bob] <alice> are  you there?"]
    assert bob.heard == phone.heard == ["@bob"]
    assert alice.heard == tablet.heard == ["@alice"]
    assert chat.seen("lobby") == []


def test_who_is_not_here_reads_it_later(chat: Chat) -> None:
    alice = chat.log_in("alice")
    assert alice.types("/msg bob hi") == ["bob is not here now, and reads it at the next login."]
    assert chat.private("bob") == ["[private] <alice> hi"]


def test_who_is_not_told_at_a_login_what_they_missed_finds_it_later(chat: Chat) -> None:
    alice, bob = chat.log_in("alice"), chat.log_in("bob")
    bob.types("/catchup off")
    bob.leaves()
    alice.types("/create dev")
    assert alice.types("/msg bob hi") == ["bob is not here now, and finds it by /private."]
    assert alice.types("/invite bob") == ["bob is invited to dev. bob is not here now, and finds it by /private."]


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("/msg zoe hi", "There is no account zoe."),
        ("/msg alice hi", "That would be a message to yourself."),
        ("/msg bob", "Usage: /msg NAME TEXT"),
    ],
)
def test_a_message_that_nobody_could_read_is_refused(chat: Chat, typed: str, told: str) -> None:
    assert chat.log_in("alice").types(typed) == [told]
    assert chat.private("alice") == []


def test_who_is_ignored_is_unheard_and_not_told_so(chat: Chat) -> None:
    alice, bob = chat.log_in("alice"), chat.log_in("bob")
    assert bob.types("/ignore Alice") == ["You see nothing of alice any more: /unignore alice ends that."]
    assert alice.types("/msg bob hi") == []
    assert chat.private("bob") == []
    assert chat.private("alice") == ["[private to bob] <alice> hi"]
    assert bob.types("/unignore ALICE") == ["You see ALICE again."]
    alice.types("/msg bob hi")
    assert chat.private("bob") == ["[private] <alice> hi"]


def test_ignoring_holds_for_all_devices_and_from_login_to_login(chat: Chat) -> None:
    bob, phone = chat.log_in("bob"), chat.log_in("bob")
    bob.types("/ignore alice")
    bob.types("/ignore carol")
    assert bob.ignored == phone.ignored == {"alice", "carol"}
    assert phone.types("/ignore") == ["You ignore alice, carol."]
    assert chat.log_in("bob").types("/ignore") == ["You ignore alice, carol."]
    bob.types("/unignore alice")
    assert bob.ignored == phone.ignored == {"carol"}
    assert chat.log_in("alice").types("/ignore") == ["You ignore nobody."]


def test_whom_one_cannot_ignore_is_told(monkeypatch: pytest.MonkeyPatch, chat: Chat) -> None:
    bob = chat.log_in("bob")
    assert bob.types("/ignore bob") == ["You cannot ignore yourself."]
    assert bob.types("/ignore zoe") == ["There is no account zoe."]
    assert bob.types("/unignore alice") == ["You do not ignore anybody of that name: /ignore lists them."]
    bob.types("/ignore alice")
    assert bob.types("/ignore alice") == ["You ignore alice already."]
    monkeypatch.setattr(private, "MOST_IGNORED", 1)
    assert bob.types("/ignore carol") == ["You ignore 1 people already, as many as one can: /unignore NAME makes room."]


def test_a_message_that_cannot_be_recorded_is_told_so(monkeypatch: pytest.MonkeyPatch, chat: Chat) -> None:
    def fail() -> None:
        raise Refused("The disk is full.")

    alice = chat.log_in("alice")
    monkeypatch.setattr(chat.hub.private_log("bob"), "wait_for_space", fail)
    assert alice.types("/msg bob hi") == ["The disk is full."]
    assert chat.private("bob") == chat.private("alice") == []


def test_no_answer_can_come_before_the_question_in_its_authors_log(chat: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    alice, bob = chat.log_in("alice"), chat.log_in("bob")
    log = chat.hub.private_log("bob")
    append = log.append

    def append_and_answer(kind: Kind, author: str, origin: int, texts: Sequence[str]) -> Position:
        position = append(kind, author, origin, texts)
        if author == "alice":
            bob.types("/msg alice I am")  # as fast as anybody can
        return position

    monkeypatch.setattr(log, "append", append_and_answer)
    alice.types("/msg bob are you there?")
    assert chat.private("alice") == ["[private to bob] <alice> are you there?", "[private] <bob> I am"]


def test_a_message_is_said_if_its_reader_has_it_whether_its_author_has_a_copy_or_not(chat: Chat, monkeypatch) -> None:
    def lose(position: Position) -> None:
        raise NotRecorded(first=position.offset)

    alice, _bob = chat.log_in("alice"), chat.log_in("bob")
    with monkeypatch.context() as failing:
        failing.setattr(chat.hub.private_log("alice"), "wait_until_recorded", lose)
        assert alice.types("/msg bob hi") == []
    monkeypatch.setattr(chat.hub.private_log("bob"), "wait_until_recorded", lose)
    assert alice.types("/msg bob hi") == [explain(Unrecorded())]
