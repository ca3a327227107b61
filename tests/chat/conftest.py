"""What the tests of deeds and of the register share."""

import pytest

from chatsrv.chat.register import Register
from chatsrv.model.entries import REGISTER
from chatsrv.roomlog.base import RoomLog
from chatsrv.roomlog.memory import MemoryStore
from tests.chat.people import Chat


@pytest.fixture
def chat() -> Chat:
    return Chat()


@pytest.fixture
def log() -> RoomLog:
    return MemoryStore().open(REGISTER)


@pytest.fixture
def register(log: RoomLog) -> Register:
    return Register(log)
