"""Contract tests that a stranger's implementation can subclass to prove itself."""

from chatsrv.testing.roomlog import RoomLogContract

__all__ = ["RoomLogContract"]
