"""A place for a file of room logs, and the steps of its upkeep."""

from pathlib import Path

import pytest

from tests.roomlog.keeping import Steps


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chat.db"


@pytest.fixture
def steps(monkeypatch) -> Steps:
    return Steps(monkeypatch)
