"""People for tests: sessions without sockets, in a chat that is otherwise the real one.

What somebody types is understood and obeyed as in a server, and what they are told are lines of the plain protocol.
Each has a real membership; in place of what moves bytes there is a `RecordingDisplay`. One thread uses them.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, timedelta

from chatsrv.chat.asker import Asker
from chatsrv.chat.bookmarks import BookmarkSource
from chatsrv.chat.deeds import DEEDS
from chatsrv.chat.entrances import Entrance
from chatsrv.chat.hub import Hub
from chatsrv.chat.lookback import View
from chatsrv.chat.membership import Membership
from chatsrv.model.accounts import Account, Role
from chatsrv.model.changes import Change
from chatsrv.model.commands import Complaint, Invoke
from chatsrv.model.entries import PRIVATE_MARK, Bookmark, Entry, Kind, Position
from chatsrv.model.errors import Refused
from chatsrv.model.reasons import Reason
from chatsrv.model.refusals import NoSuchAccount
from chatsrv.model.replies import Reply
from chatsrv.model.requiring import require
from chatsrv.model.roomrules import DeclaredRoom, RoomRules
from chatsrv.model.style import Style
from chatsrv.model.verbs import RIGHT_FOR
from chatsrv.protocols.plain import PlainProtocol
from chatsrv.protocols.slash import asked
from chatsrv.roomlog.base import RoomLog
from chatsrv.text.names import account_key
from chatsrv.wording.refusals import explain

ROLES = {"root": Role.ADMIN, "Mod": Role.MODERATOR, "mina": Role.MODERATOR}


class Chat:
    """A real hub with accounts: `root` is an admin, `Mod` and `mina` are moderators, whoever else comes is a member."""

    def __init__(self, rules: RoomRules | None = None) -> None:
        staff = DeclaredRoom(name="staff", topic="Tea", invite_only=True)
        self.hub = Hub(rules=(rules or RoomRules()).model_copy(update={"declared": (staff,)}))
        self.accounts: dict[str, Account] = {}
        self._origins = 0
        for name in ("root", "Mod", "mina", "alice", "bob", "carol"):
            self.know(name)

    def know(self, name: str) -> Account:
        """Let there be an account of that name."""
        return self.accounts.setdefault(account_key(name), Account(name, ROLES.get(name, Role.MEMBER)))

    def log_in(self, name: str, address: str = "192.0.2.1") -> "Person":
        """Have somebody come, into all of their rooms."""
        self._origins += 1
        return Person(self, self.know(name), self._origins, address)

    def seen(self, room: str) -> list[str]:
        """Return what was to be seen in a room, from its beginning; who comes and goes of their own accord left out."""
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
    return [PlainProtocol.writer.renderer.render(entry).decode().removesuffix("\n") for entry in shown]


class Place(BookmarkSource):
    """How far a peer has read a log that takes everything as soon as it can be seen."""

    def __init__(self, log: RoomLog, origin: int) -> None:
        self.log = log
        self.has_begun = self.is_frozen = False
        self._origin = origin
        self._end: Position | None = None

    def leave(self) -> None:
        """Read no further."""
        self._end = self.log.end

    def taken(self) -> Bookmark | None:
        return Bookmark(self._end or self.log.end, self._origin) if self.has_begun and not self.is_frozen else None


class RecordingDisplay:
    """A `Display` that records what it was told, in `calls`, and keeps real bookmarks."""

    def __init__(self, person: "Person", hub: Hub, origin: int, address: str) -> None:
        self.calls: list[tuple[object, ...]] = []
        self.ignored: frozenset[str] = frozenset()
        self.style = Style()
        self.shows_own = False
        self.looks: list[tuple[float, Callable[[], float | None]]] = []
        self.logs: list[RoomLog] = []
        """What is subscribed to."""
        self.places: dict[RoomLog, Place] = {}
        self._person = person
        self._hub = hub
        self._origin = origin
        self._address = address

    @property
    def account(self) -> Account:
        return self._person.account

    @property
    def origin(self) -> int:
        return self._origin

    @property
    def address(self) -> str:
        return self._address

    @property
    def is_ending(self) -> bool:
        return self._person.is_gone

    def open(self, log: RoomLog) -> Bookmark | None:
        place = self.places[log] = Place(log, self.origin)
        return self._hub.bookmarks.open(self.account.key, log, place)

    def keep_first(self, log: RoomLog) -> None:
        self._hub.bookmarks.begin(self.account.key, log, self.origin)

    def give_up(self, log: RoomLog) -> None:
        self._hub.bookmarks.close(self.account.key, log.room, self.places.pop(log))

    def subscribe(
        self, log: RoomLog, after: Position, *, is_marked: bool = False, is_held: bool = False, is_frozen: bool = False
    ) -> None:
        flags = {"marked": is_marked, "held": is_held, "frozen": is_frozen}
        assert log not in self.logs
        self.calls.append(("subscribe", log.room, after.offset, *(flag for flag in flags if flags[flag])))
        self.logs.append(log)
        self.places[log].has_begun = not is_held
        self.places[log].is_frozen = is_frozen

    def go_live(self, log: RoomLog) -> None:
        """Show what was held back, as all that was missed is told."""
        if log in self.logs:
            self.places[log].has_begun = True

    def unsubscribe(self, log: RoomLog) -> None:
        self.calls.append(("unsubscribe", log.room))
        self.logs.remove(log)
        self.places[log].leave()

    def turn_to(self, log: RoomLog | None) -> None:
        self.calls.append(("turn to", log.room if log else None))

    def ignore(self, accounts: frozenset[str]) -> None:
        self.ignored = accounts

    def restyle(self, style: Style) -> None:
        self.style = style

    def tell(self, reply: Reply) -> None:
        self.calls.append(("tell", reply))
        self._person.reply(reply)

    def hang_up(self, reason: Reason) -> None:
        self._person.hang_up(reason)

    def wait_until_over(self) -> None:
        self.calls.append(("wait until over",))

    def look_later(self, seconds: float, look: Callable[[], float | None]) -> None:
        self.looks.append((seconds, look))

    def end(self) -> None:
        """Keep how far everything was read, as the session ends."""
        for log, place in self.places.items():
            if taken := place.taken():
                self._hub.bookmarks.keep(self.account.key, log.room, taken)
            self._hub.bookmarks.close(self.account.key, log.room, place)


class Person(Asker):
    """One session of somebody, who is in all of their rooms."""

    def __init__(self, chat: Chat, account: Account, origin: int, address: str) -> None:
        self.account = account
        self.reason: Reason | None = None
        self.later_seconds = 0.0  # by how much their clock is ahead
        self._chat = chat
        self._told: list[bytes] = []
        self.display = RecordingDisplay(self, chat.hub, origin, address)
        self.membership = Membership(chat.hub, self.display, UTC)
        chat.hub.attendance.add(self.membership)
        self.opening = self.membership.open()
        self.welcome = self.told()
        self.catch_up(self.opening.entrances)

    # ------------------------------------------------------------------ for tests

    def types(self, line: str) -> list[str]:
        """Return the lines that they are told for a command."""
        command = asked(line)
        try:
            if isinstance(command, Complaint):
                return [command.text]
            assert not isinstance(command, Invoke), f"{line}: there is no such command"
            if right := RIGHT_FOR.get(type(command)):
                require(self.account, right)
            DEEDS[type(command)](self, command)
        except Refused as refused:
            self.reply(refused.why)
        return self.told()

    def told(self) -> list[str]:
        """Return the lines that they were told since the last time."""
        told, self._told = self._told, []
        return b"".join(told).decode().splitlines()

    def says(self, text: str) -> str:
        """Say something in the current room; return why not, empty if it was said."""
        try:
            self.room.speak(Kind.SAY, self.account.name, self.origin, [text], may_hurry=False)
        except Refused as refused:
            return explain(refused.why)
        return ""

    def says_refused(self) -> str:
        """Return what they are told who speak in no room."""
        try:
            return f"speaks in {self.room.name}"
        except Refused as refused:
            return explain(refused.why)

    def leaves(self) -> None:
        """Log out."""
        self.membership.leave_all(Reason.QUIT)
        self.hub.attendance.remove(self.membership)
        self.display.end()

    @property
    def heard(self) -> list[str]:
        """The private logs that are shown to them."""
        return [log.room for log in self.display.logs if log.room.startswith(PRIVATE_MARK)]

    @property
    def ignored(self) -> frozenset[str]:
        """Whom they are shown nothing of."""
        return self.display.ignored

    @property
    def style(self) -> Style:
        """How they are shown lines."""
        return self.display.style

    # ------------------------------------------------------------------ as an asker

    @property
    def id(self) -> int:
        return self.origin

    @property
    def view(self) -> View:
        view = super().view
        return view._replace(now=view.now + timedelta(seconds=self.later_seconds))

    @property
    def is_gone(self) -> bool:
        return self.reason is not None

    def account_named(self, typed: str) -> Account:
        account = self._chat.accounts.get(account_key(typed))
        if account is None:
            raise Refused(NoSuchAccount(typed))
        return account

    def reply(self, reply: Reply) -> None:
        self._told.append(PlainProtocol.writer.write(reply))

    def catch_up(self, entrances: Sequence[Entrance]) -> None:
        renderer, (now, here, _) = PlainProtocol.writer.renderer, self.view
        missed = [entrance for entrance in entrances if entrance.absence]
        for entrance in missed:
            assert entrance.absence
            for line, _ in entrance.absence.told(self.hub.catching_up):
                if isinstance(line, Entry):
                    self._told.append(renderer.past(line, now, here))
                else:
                    self.reply(line)
        for entrance in missed:
            self.display.go_live(entrance.log)

    def hang_up(self, reason: Reason = Reason.QUIT) -> None:
        self.reason = reason
