"""Bookmarks of those who stay, and what a newcomer is told once all is recorded."""

import queue

from chatsrv.app.sessions import PlainSession
from chatsrv.chat.hub import Hub
from chatsrv.model.entries import Bookmark
from chatsrv.net.delivery import keeper
from chatsrv.roomlog.memory import MemoryStore
from tests.peer import DEADLINE_SECONDS, Peer, running_chat
from tests.roomlog.late import LateStore


def test_bookmarks_of_those_who_stay_are_kept_soon_after_something_was_said(monkeypatch) -> None:
    monkeypatch.setattr(keeper, "KEEP_SECONDS", 0.01)
    kept: queue.Queue[tuple[str, int]] = queue.Queue()

    class Watched(MemoryStore):
        def keep_bookmark(self, account: str, room: str, bookmark: Bookmark) -> None:
            super().keep_bookmark(account, room, bookmark)
            kept.put((account, bookmark.position.offset))

    hub = Hub(Watched())
    with running_chat(PlainSession, hub) as server, Peer(server) as alice, Peer(server) as bob:
        alice.log_in("alice")
        bob.log_in("bob")
        alice.type("hello")
        assert bob.line() == "<alice> hello"
        end = hub.lobby.log.end.offset
        waiting = {("alice", end), ("bob", end)}
        while waiting:
            waiting.discard(kept.get(timeout=DEADLINE_SECONDS))


def test_a_newcomer_is_not_told_later_who_came_before_him() -> None:
    store = LateStore()
    with running_chat(PlainSession, Hub(store)) as server, Peer(server) as bob, Peer(server) as alice:
        bob.log_in("bob")
        alice.log_in("alice")  # while neither of them has been recorded
        log = store.open("lobby")
        log.show()
        bob.type("hello")
        assert bob.line() == "* alice joined"
        while log.end.offset < 3:  # his words are on their way
            log.show()
        assert alice.line() == "<bob> hello"
