"""The hub: all rooms of a chat, who is connected to it, and what was decided about both.

Never hears of bytes, sockets or wire formats. Every method may be called from any thread.
"""

import time
from collections.abc import Callable, Mapping

from chatsrv.chat.attendance import Attendance
from chatsrv.chat.bookmarks import Bookmarks
from chatsrv.chat.facts import Facts, Ruling
from chatsrv.chat.lookups import Lookups
from chatsrv.chat.register import Register
from chatsrv.chat.repertoire import AddedCommand, Repertoire
from chatsrv.chat.room import Room
from chatsrv.model.accounts import Account, Role
from chatsrv.model.entries import PRIVATE_MARK, REGISTER
from chatsrv.model.errors import Refused
from chatsrv.model.history import CATCHING_UP, CatchingUp
from chatsrv.model.refusals import NoRoomName, NoSuchRoom
from chatsrv.model.roomrules import DeclaredRoom, RoomRules
from chatsrv.roomlog.base import LogStore, RoomLog
from chatsrv.roomlog.memory import MemoryStore
from chatsrv.sharing.flood import Buckets
from chatsrv.sharing.locks import Rank, ranked_lock
from chatsrv.text.lookalike import load_table
from chatsrv.text.names import RoomNameError, prepare_room
from chatsrv.text.nearest import nearest


class Hub:
    """All rooms, and the one that everybody enters at login. Without a `store`, logs live as long as the hub.

    `rules` name that room and those that are always there. `catching_up` is how much of what was missed is told at a
    login; `commands` are plug-ins by the names of their commands. `clock` gives seconds since the Unix epoch: by it,
    bans and mutes end.

    Raises:
        ValueError: a plug-in's name is no name for a command, or is taken.
        Refused: what was decided cannot be read.
    """

    def __init__(
        self,
        store: LogStore | None = None,
        *,
        rules: RoomRules | None = None,
        catching_up: CatchingUp = CATCHING_UP,
        commands: Mapping[str, AddedCommand] | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        load_table()  # now, not amid a crowd, and while there is a descriptor left
        self.clock = clock
        self.repertoire = Repertoire(commands)
        self.rules = rules or RoomRules()
        self.attendance = Attendance()
        self.lookups = Lookups()
        self.invitations = Buckets(1 / 60, 1)
        self.decisions = Buckets(self.rules.changes_per_minute / 60, max(1, self.rules.changes_per_minute))
        self.catching_up = catching_up
        self._store = store or MemoryStore()
        self.bookmarks = Bookmarks(self._store)
        self.register = Register(self._store.open(REGISTER))
        for room in (DeclaredRoom(name=self.rules.default), *self.rules.declared):
            self.register.declare(
                room.name, topic=room.topic, is_invite_only=room.invite_only, is_logged=not room.unlogged
            )
        self._lock = ranked_lock(Rank.HUB)
        self._rooms: dict[str, Room] = {}  # guarded by the lock
        self.lobby = self.room(self.rules.default)

    # ------------------------------------------------------------------ rooms

    def room(self, name: str) -> Room:
        """Return the room called `name`, which is prepared; it is opened if it is not open yet."""
        room = self._rooms.get(name)
        return room or self._opened(name)

    def _opened(self, name: str) -> Room:
        with self._lock:
            if name not in self._rooms:
                facts = self.register.room(name) or self.register.declare(name)
                log = self._store.open(name, is_recorded=facts.is_logged)
                self._rooms[name] = Room(
                    name, log, self.rules, facts=facts, server=self.register.server,
                    ignored_by=self.register.ignored_by, clock=self.clock,
                )  # fmt: skip
            return self._rooms[name]

    def rooms(self) -> list[Room]:
        """Return all rooms, in the order of their names."""
        return [self.room(facts.name) for facts in self.register.rooms()]

    def find(self, typed: str, is_shown: Callable[[Facts], bool] = lambda _: True) -> Room:
        """Return the room that somebody calls so, with or without a `#` before it.

        Raises:
            Refused: there is none; told with it is one that may be meant, of those that somebody `is_shown`.
        """
        try:
            name = prepare_room(typed)
        except RoomNameError as error:
            raise Refused(NoRoomName(error.flaw)) from None
        if self.register.room(name) is None:
            meant = nearest(name, [facts.name for facts in self.register.rooms() if is_shown(facts)])
            raise Refused(NoSuchRoom(name, meant))
        return self.room(name)

    def has_past(self, name: str) -> bool:
        """Tell whether something was recorded under that name, be there such a room now or not."""
        return self._store.has(name)

    def belongs(self, key: str, room: Room) -> bool:
        """Tell whether an account enters a room at a login: it joined it and did not part since, or it is the lobby."""
        return self.register.is_joined(key, room.name, default=room is self.lobby)

    def rooms_of(self, account: Account) -> list[Room]:
        """Return the rooms that an account enters at a login, the one first that it speaks in then."""
        key = account.key
        names = self.register.joined(key)
        first = [self.lobby] if self.belongs(key, self.lobby) else []
        others = [name for name in names if name != self.lobby.name and self.register.room(name)]
        if len(others) > 1:  # sorting takes 2 KiB of a thread's stack, which that keeps
            others.sort()
        return [*first, *map(self.room, others)]

    # ------------------------------------------------------------------ people

    def ban_of(self, account: Account, address: str | None) -> Ruling | None:
        """Return the ban that keeps an account, which comes from `address`, out of the chat; `None`: none does."""
        if account.role is Role.ADMIN:
            return None
        return self.register.server.ban_of(account.key, address, self.clock())

    # ------------------------------------------------------------------ private messages

    def has_private_log(self, key: str) -> bool:
        """Tell whether an account has been sent a private message, or has sent one."""
        return self._store.has(PRIVATE_MARK + key)

    def private_log(self, key: str) -> RoomLog:
        """Return the log of an account's private messages; it is made if there is none."""
        return self._store.open(PRIVATE_MARK + key)
