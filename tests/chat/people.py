"""People for tests: askers and devices without sockets, in a chat that is otherwise the real one.

What somebody types is understood and obeyed as in a server, and what he is told are lines of the plain protocol. One
thread uses them.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta

from chatsrv.chat.deeds import DEEDS
from chatsrv.chat.hub import Declared, Hub, RoomRules
from chatsrv.chat.lookback import Lookback, View
from chatsrv.chat.room import Room, nowhere
from chatsrv.model.accounts import Account, Role
from chatsrv.model.changes import Change
from chatsrv.model.commands import Complaint, Invoke
from chatsrv.model.entries import Kind
from chatsrv.model.errors import Refused
from chatsrv.model.reasons import Reason
from chatsrv.model.replies import Notice, Reply
from chatsrv.model.rights import require
from chatsrv.model.style import Style
from chatsrv.model.verbs import RIGHT_FOR
from chatsrv.protocols.plain import PlainProtocol
from chatsrv.protocols.slash import asked
from chatsrv.roomlog.base import RoomLog
from chatsrv.text.names import account_key

ROLES = {"root": Role.ADMIN, "Mod": Role.MODERATOR, "mina": Role.MODERATOR}


class Chat:
    """A real hub with accounts: `root` is an admin, `Mod` and `mina` are moderators, whoever else comes is a member."""

    def __init__(self, rules: RoomRules | None = None) -> None:
        self.hub = Hub(declared=[Declared("staff", "Tea", is_invite_only=True)], rules=rules)
        self.accounts: dict[str, Account] = {}
        self._origins = 0
        for name in ("root", "Mod", "mina", "alice", "bob", "carol"):
            self.know(name)

    def know(self, name: str) -> Account:
        """Let there be an account of that name."""
        return self.accounts.setdefault(account_key(name), Account(name, ROLES.get(name, Role.MEMBER)))

    def log_in(self, name: str, address: str = "192.0.2.1") -> "Person":
        """Have somebody come, into all of his rooms."""
        self._origins += 1
        return Person(self, self.know(name), self._origins, address)

    def seen(self, room: str) -> list[str]:
        """Return what was to be seen in a room, from its beginning; who comes and goes of his own accord left out."""
        return _lines(self.hub.room(room).log)

    def private(self, name: str) -> list[str]:
        """Return what stands in somebody's own log."""
        key = account_key(name)
        return _lines(self.hub.private_log(key)) if self.hub.has_private_log(key) else []

    def recorded(self) -> list[tuple[str, Change]]:
        """Return who decided what, in order."""
        entries = self.hub.register.audit(None, None, 1000)[::-1]
        return [(entry.author, Change.decode(entry.text)) for entry in entries]


def _lines(log: RoomLog) -> list[str]:
    entries = log.read_back(log.end, 1000)[::-1]
    shown = [entry for entry in entries if entry.kind is not Kind.JOIN and entry.text != Reason.QUIT.name]
    return [PlainProtocol.renderer.render(entry).decode().removesuffix("\n") for entry in shown]


class Person:
    """One session of somebody, as commands see him (`Asker`) and as the rest of the chat does (`Device`)."""

    def __init__(self, chat: Chat, account: Account, origin: int, address: str) -> None:
        self.account = account
        self.id = self.origin = origin
        self.address = address
        self.hub = chat.hub
        self.lookback = Lookback()
        self.rooms: Mapping[str, Room] = {}
        self.current: Room | None = None
        self.reason: Reason | None = None
        self.later_seconds = 0.0  # by how much his clock is ahead
        self.heard: list[str] = []
        self.ignored: frozenset[str] = frozenset()
        self.style = Style()
        self._spoken_in: list[Room] = []
        self._chat = chat
        self._told: list[Reply] = []
        self.hub.attendance.add(self)
        for room in self.hub.rooms_of(account):
            self.enter(room)
            if self.current is None:
                self._turn(room)

    # ------------------------------------------------------------------ for tests

    def types(self, line: str) -> list[str]:
        """Return the lines that he is told for a command."""
        command = asked(line)
        try:
            if isinstance(command, Complaint):
                raise Refused(command.text)
            assert not isinstance(command, Invoke), f"{line}: there is no such command"
            if right := RIGHT_FOR.get(type(command)):
                require(self.account, right)
            DEEDS[type(command)](self, command)
        except Refused as refusal:
            self.reply(Notice(str(refusal)))
        return self.told()

    def told(self) -> list[str]:
        """Return the lines that he was told since the last time."""
        told, self._told = self._told, []
        return b"".join(map(PlainProtocol.renderer.reply, told)).decode().splitlines()

    def says(self, text: str) -> str:
        """Say something in the current room; return why not, empty if it was said."""
        try:
            self.room.speak(Kind.SAY, self.account.name, self.origin, [text], may_hurry=False)
        except Refused as refusal:
            return str(refusal)
        return ""

    def says_refused(self) -> str:
        """Return what he is told who speaks in no room."""
        try:
            return f"speaks in {self.room.name}"
        except Refused as refusal:
            return str(refusal)

    def leaves(self) -> None:
        """Log out."""
        self.hub.attendance.remove(self)
        for room in self.rooms.values():
            room.leave(self.account.name, self.origin, Reason.QUIT)
        self.rooms, self.current, self._spoken_in = {}, None, []

    # ------------------------------------------------------------------ as an asker

    @property
    def key(self) -> str:
        return self.account.key

    @property
    def room(self) -> Room:
        if self.current is None:
            raise Refused(nowhere(self.rooms))
        return self.current

    @property
    def view(self) -> View:
        now = datetime.now(UTC) + timedelta(seconds=self.later_seconds)
        return View(now, self.current.name if self.current else "", self.ignored)

    @property
    def logs(self) -> list[RoomLog]:
        private = [self.hub.private_log(self.key)] if self.hub.has_private_log(self.key) else []
        return [*(room.log for room in self.rooms.values()), *private]

    @property
    def is_gone(self) -> bool:
        return self.reason is not None

    def turn_to(self, room: Room, told: Reply) -> bool:
        if room.name not in self.rooms:
            return False
        self._turn(room)
        self.tell(told)
        return True

    def _turn(self, room: Room) -> None:
        self.current = room
        self._spoken_in = [*(other for other in self._spoken_in if other is not room), room]

    def go_into(self, room: Room) -> Callable[[], None]:
        self.enter(room)
        self._turn(room)
        return lambda: None

    def account_named(self, typed: str) -> Account:
        account = self._chat.accounts.get(account_key(typed))
        if account is None:
            raise Refused(f"There is no account {typed}.")
        return account

    def reply(self, reply: Reply) -> None:
        self._told.append(reply)

    def say(self, text: str) -> None:
        raise NotImplementedError

    def act(self, text: str) -> None:
        raise NotImplementedError

    # ------------------------------------------------------------------ as a device

    def enter(self, room: Room, told: Reply | None = None) -> bool:
        if room.name in self.rooms:
            return False
        room.enter(self.account, self.origin, self.address)
        self.rooms = {**self.rooms, room.name: room}
        if told:
            self.tell(told)
        return True

    def leave(self, room: Room, reason: Reason | None, told: Reply | None = None) -> bool:
        if room.name not in self.rooms:
            return False
        self.rooms = {name: other for name, other in self.rooms.items() if other is not room}
        if reason:
            room.leave(self.account.name, self.origin, reason)
        self._spoken_in = [other for other in self._spoken_in if other is not room]
        has_spoken_here = self.current is room
        if has_spoken_here:
            is_own_wish = reason is Reason.QUIT and told is None
            self.current = self._spoken_in[-1] if is_own_wish and self._spoken_in else None
        if told:
            self.tell(told)
            if has_spoken_here and reason is Reason.QUIT:
                self.tell(Notice(nowhere(self.rooms)))
        return True

    def hear(self, log: RoomLog) -> None:
        if log.room not in self.heard:
            self.heard.append(log.room)

    def ignore(self) -> None:
        self.ignored = self.hub.register.ignored_by(self.key)

    def restyle(self) -> None:
        self.style = self.hub.register.style_of(self.key)

    def tell(self, reply: Reply) -> None:
        self._told.append(reply)

    def hang_up(self, reason: Reason = Reason.QUIT) -> None:
        self.reason = reason
        self.leaves()
