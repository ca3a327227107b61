"""A place for a file of room logs, the steps of its upkeep, and what waits for them."""

import queue
from collections.abc import Callable
from pathlib import Path

import pytest

from chatsrv.roomlog.sqlite.durable import DurableRoomLog
from tests.peer import DEADLINE_SECONDS
from tests.roomlog.keeping import Steps


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chat.db"


@pytest.fixture
def steps(monkeypatch) -> Steps:
    return Steps(monkeypatch)


@pytest.fixture
def has_kept(monkeypatch) -> Callable[[DurableRoomLog, int], None]:
    """Return what waits until a log keeps what is behind an offset alone, in the file too."""
    found: queue.SimpleQueue[tuple[DurableRoomLog, int]] = queue.SimpleQueue()
    let_go = DurableRoomLog.let_go

    def let_go_and_tell(log: DurableRoomLog, last: int) -> bool:
        if is_more := let_go(log, last):
            return is_more
        found.put((log, log.kept_after))  # so it was deleted before
        return False

    def wait(log: DurableRoomLog, kept_after: int) -> None:
        while found.get(timeout=DEADLINE_SECONDS) != (log, kept_after):
            pass

    monkeypatch.setattr(DurableRoomLog, "let_go", let_go_and_tell)
    return wait
