"""The hub: all rooms of a chat.

Never hears of bytes, sockets or wire formats. Every method may be called from any thread.
"""

from collections.abc import Mapping

from chatsrv.chat.bookmarks import Bookmarks
from chatsrv.chat.commandplugin import CommandPlugin
from chatsrv.chat.missed import CatchingUp
from chatsrv.chat.repertoire import Repertoire
from chatsrv.chat.room import QUIET_ABOVE, Room
from chatsrv.locks import Rank, ranked_lock
from chatsrv.roomlog.base import LogStore
from chatsrv.roomlog.memory import MemoryStore

LOBBY = "lobby"


class Hub:
    """All rooms, and the one that everybody enters at login. Without a `store`, logs live as long as the hub.

    `catching_up` is how much of what was missed is told at a login; `quiet_above` the members up to which a room tells
    who comes and goes; `commands` are plug-ins by the names of their commands.

    Raises:
        ValueError: a plug-in's name is no name for a command, or is taken.
    """

    def __init__(
        self,
        store: LogStore | None = None,
        lobby: str = LOBBY,
        *,
        catching_up: CatchingUp | None = None,
        quiet_above: int = QUIET_ABOVE,
        commands: Mapping[str, CommandPlugin] | None = None,
    ) -> None:
        self.repertoire = Repertoire(commands)
        self._store = store or MemoryStore()
        self.catching_up = catching_up or CatchingUp()
        self.bookmarks = Bookmarks(self._store)
        self._quiet_above = quiet_above
        self._lock = ranked_lock(Rank.HUB)
        self._rooms: dict[str, Room] = {}  # guarded by the lock
        self.lobby = self.room(lobby)

    def room(self, name: str) -> Room:
        """Return the room called `name`; it is opened if it is not open yet."""
        with self._lock:
            if name not in self._rooms:
                self._rooms[name] = Room(name, self._store.open(name), self._quiet_above)
            return self._rooms[name]
