"""One bot in one room: it comes, hears entry after entry on a thread of its own, speaks, and goes.

Knows no sockets. `_run` is that thread; the rest may be called from any.
"""

import logging
import secrets
import threading
from collections.abc import Callable, Mapping
from functools import partial

from chatsrv.bots.bot import Bot
from chatsrv.chat.bookmarks import BookmarkSource
from chatsrv.chat.cursor import Cursor
from chatsrv.chat.facts import until_and_why
from chatsrv.chat.room import Room
from chatsrv.model.accounts import Account
from chatsrv.model.entries import Bookmark, Entry, Kind, Position
from chatsrv.model.errors import Hole, NotRecorded, Refused
from chatsrv.model.reasons import Reason
from chatsrv.model.refusals import Banned, LineTooLong
from chatsrv.model.replies import Reply
from chatsrv.model.requiring import require
from chatsrv.model.rights import Right
from chatsrv.net.listening.server import ChatServer
from chatsrv.net.sessions.chatsession import APPEND_ENTRIES
from chatsrv.sharing.locks import Rank, ranked_lock
from chatsrv.text.cleaning import clean, is_blank
from chatsrv.text.names import prepare_name
from chatsrv.wording.refusals import explain

logger = logging.getLogger(__name__)


class Stay(BookmarkSource):
    """A bot's membership of one room of a server, from `start` on. `ended` is told when nothing of it is left.

    It is a `Device`, too, so that whoever keeps order can send it out, keep it out and silence it as anybody.

    Raises:
        ValueError: the bot's name cannot be one; the text says what can.
    """

    def __init__(self, bot: Bot, room: Room, server: ChatServer, ended: "Callable[[Stay], None]") -> None:
        self.bot = bot
        self.room = room
        self.key = prepare_name(bot.name)
        self.account = Account(bot.name, bot.role)
        self.origin = secrets.randbits(62)  # no other session's, on however many servers that share the log
        self.address = ""
        self._server = server
        self._ended = ended
        self._reason: Reason | None = None
        self._lock = ranked_lock(Rank.SESSION)
        # Guarded by the lock: whether it is in the room, and others may end that.
        self._is_in = False
        self._is_put_out = False  # with an entry that somebody else makes
        self._thread = threading.Thread(target=self._run, name=f"bot {bot.name}", daemon=True)

    def start(self) -> None:
        """Let the bot in, and return; all that comes from now on it will hear.

        Raises:
            Refused: it is banned, or its place cannot be read at the moment, or its coming not be recorded.
        """
        hub, log = self._server.hub, self.room.log
        kept: Bookmark | None = None
        try:
            if self.bot.keeps_place:
                kept = hub.bookmarks.open(self.key, log, self)
            with self._lock:
                hub.attendance.add(self)  # before looking: whoever bans it from now on waits until it is in
                if ban := hub.ban_of(self.account, None):
                    raise Refused(Banned("", *until_and_why(ban)))
                arrival = self.room.enter(self.account, self.origin, begin=self._begin)
                if arrival.told_in_seconds is not None:
                    look = partial(self.room.tell_of, self.key)
                    self._server.delivery.look_later(arrival.told_in_seconds, look)
                if self.bot.place is None:
                    self.bot.place = kept.position if kept else arrival.position
                self._cursor = Cursor(log, self.bot.place)
                self.bot.stay = self
                self._thread.start()
                self._is_in = True
        except BaseException:
            self._leave(Reason.ERROR)
            raise

    def end(self, reason: Reason) -> None:
        """Have the bot leave, behind the entry that it works on; the first reason counts. Does not wait."""
        self._reason = self._reason or reason
        self._cursor.close()

    def wait(self, seconds: float) -> None:
        """Wait until the bot has ended; if it does not in time, let it leave the room while it still runs."""
        self._thread.join(seconds)
        if self._thread.is_alive():
            logger.error("bot %s does not end: it has left %s, and still runs", self.bot.name, self.room.name)
            self.room.leave(self.bot.name, self.origin, self._reason or Reason.ERROR)

    def speak(self, kind: Kind, text: str) -> None:
        """See `Bot.say`."""
        require(self.account, Right.SPEAK)
        lines = [line for line in map(clean, text.splitlines()) if not is_blank(line)]
        most = self._server.limits.line_bytes
        if any(len(line.encode()) > most for line in lines):
            raise Refused(LineTooLong(most))
        for start in range(0, len(lines), APPEND_ENTRIES):
            self._server.delivery.pace(self.room.log)
            end = start + APPEND_ENTRIES
            try:
                self.room.speak(kind, self.bot.name, self.origin, lines[start:end])
            except NotRecorded as refused:
                raise NotRecorded((*refused.texts, *lines[end:])) from None

    def taken(self) -> Bookmark | None:
        """See `BookmarkSource.taken`."""
        return Bookmark(self.bot.place, self.origin) if self.bot.place else None

    # ------------------------------------------------------------------ for all: see `chatsrv.chat.attendance.Device`

    @property
    def rooms(self) -> Mapping[str, Room]:
        """See `Device.rooms`."""
        return {self.room.name: self.room} if self._is_in else {}

    def enter(self, room: Room, told: Reply) -> bool:  # noqa: ARG002 - it stays where it is
        """See `Device.enter`."""
        return False

    def leave(self, room: Room, reason: Reason | None, told: Reply | None = None) -> bool:
        """See `Device.leave`. It has nowhere else to be, so this ends it."""
        with self._lock:
            if room is not self.room or not self._is_in:
                return False
            self._is_in = False
            self._is_put_out = reason is None
        self.end(reason or Reason.BANNED)
        if told:
            self.tell(told)
        return True

    def hear(self, log: object) -> None:
        """See `Device.hear`: nobody writes to it."""

    def ignore(self) -> None:
        """See `Device.ignore`: it takes note of everybody."""

    def restyle(self) -> None:
        """See `Device.restyle`: it reads entries, not lines."""

    def tell(self, reply: Reply) -> None:
        """See `Device.tell`: what concerns it is for whoever looks after it."""
        logger.info("bot %s in %s is told: %s", self.bot.name, self.room.name, reply)

    def hang_up(self, reason: Reason) -> None:
        """See `Device.hang_up`."""
        self.leave(self.room, reason)

    # ------------------------------------------------------------------ the bot's thread

    def _run(self) -> None:
        reason = Reason.ERROR
        try:
            self._allow(self.bot.opened)
            self._hear()
            reason = self._reason or Reason.QUIT
        except Exception:  # the edge to somebody else's bot
            logger.exception("bot %s failed and leaves %s", self.bot.name, self.room.name)
        finally:
            self._leave(reason)
        try:
            self.bot.closed(reason)
        except Exception:  # here, too
            logger.exception("bot %s failed at its end", self.bot.name)
        finally:
            self._ended(self)

    def _hear(self) -> None:
        bot, epoch = self.bot, self.room.log.epoch
        while not self._cursor.is_closed:
            try:
                entries = self._cursor.read()
            except Hole as hole:
                self._allow(bot.missed, hole)
                bot.place = self._cursor.position
                continue
            for entry in entries:
                self._allow(bot.happened, entry)
                bot.place = Position(epoch, entry.offset)
                if self._cursor.is_closed:
                    break
            self._keep_place()

    def _allow(self, hook: Callable[..., None], *news: Entry | Hole) -> None:
        """Call one of the bot's own methods."""
        try:
            hook(*news)
        except Refused as refused:
            text = explain(refused.why)
            logger.warning("bot %s was refused something in %s: %s", self.bot.name, self.room.name, text)

    def _begin(self, _log: object) -> None:
        if self.bot.keeps_place:
            self._server.hub.bookmarks.begin(self.key, self.room.log, self.origin)

    def _keep_place(self) -> None:
        bookmark = self.taken()
        if self.bot.keeps_place and bookmark:
            self._server.hub.bookmarks.keep(self.key, self.room.name, bookmark)

    def _leave(self, reason: Reason) -> None:
        with self._lock:
            self._is_in = False
        self._server.hub.attendance.remove(self)
        if not self._is_put_out:
            self.room.leave(self.bot.name, self.origin, reason)
        if self.bot.keeps_place:
            self._keep_place()
            self._server.hub.bookmarks.close(self.key, self.room.name, self)
