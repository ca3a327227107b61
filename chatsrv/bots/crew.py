"""The bots of a server, started one by one and ended together.

Knows nothing of what they do. One thread adds them and closes.
"""

import time
from types import TracebackType
from typing import Self

from chatsrv.bots.bot import Bot
from chatsrv.bots.stay import Stay
from chatsrv.model.reasons import Reason
from chatsrv.net.listening.server import ChatServer

STOP_SECONDS = 4.0
"""How long closing waits for bots that are busy."""


class Bots:
    """The bots in the chat of a server. A context manager within the server's: leaving it ends them.

    with ChatServer(...) as server, Bots(server) as bots:
        bots.add(Clock())
        server.serve_forever()
    """

    def __init__(self, server: ChatServer) -> None:
        self._server = server
        self._stays: dict[str, Stay] = {}  # by prepared name; adding and taking out are single steps

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def add(self, bot: Bot, room: str = "") -> None:
        """Let a bot into a room, or else into the lobby, and start it: it hears all that comes from now on.

        Raises:
            ValueError: its name cannot be one, or is that of a bot which is here already.
            Refused: the log cannot be read or recorded at the moment.
        """
        hub = self._server.hub
        stay = Stay(bot, hub.room(room) if room else hub.lobby, self._server, self._forget)
        if stay.key in self._stays:
            raise ValueError(f"there is a bot {bot.name!r} already")
        self._stays[stay.key] = stay
        try:
            stay.start()
        except BaseException:
            self._forget(stay)
            raise

    def close(self) -> None:
        """End all bots, and wait for them."""
        stays = list(self._stays.values())
        for stay in stays:
            stay.end(Reason.SHUTDOWN)
        deadline = time.monotonic() + STOP_SECONDS
        for stay in stays:
            stay.wait(max(0.0, deadline - time.monotonic()))

    def _forget(self, stay: Stay) -> None:
        del self._stays[stay.key]
