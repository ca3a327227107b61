"""A bot, to be subclassed.

Knows no sockets, no wire formats, and no thread but its own: what is to be overridden is called there, one call after
the other. What is to be called may be from any thread.
"""

from typing import Protocol

from chatsrv.model.accounts import Role
from chatsrv.model.entries import WORDS, Entry, Kind, Position
from chatsrv.model.errors import Hole, Refused
from chatsrv.model.reasons import Reason
from chatsrv.model.refusals import InNoRoom


class Where(Protocol):
    """What a bot asks of where it is: `chatsrv.bots.stay.Stay` answers."""

    def speak(self, kind: Kind, text: str) -> None:
        """See `Bot.say`."""

    def end(self, reason: Reason) -> None:
        """Have the bot leave. Does not wait for that."""


class Bot:
    """A member of a room that is a piece of Python. `Bots.add` starts it; once it has ended it may be added again.

    It may take its time: it holds up nobody, and reads later what was said meanwhile. What it raises ends it, with a
    line in the log, and the room is told; but a `Refused` that it lets through is logged, and it goes on.
    """

    name: str = ""
    """What everybody calls it. No account should have that name: to the others, both would be one member."""

    role: Role = Role.MEMBER

    place: Position | None = None
    """How far it has heard everything, the entry that it works on not counted. It starts there; `None` is from now on.

    Whoever keeps this and gives it to a new bot has that one go on exactly there.
    """

    keeps_place: bool = False
    """Whether the store of the logs keeps the place, and a bot that has none begins there.

    It is kept whenever a few hundred entries were heard, or all that there are, and at the end. So after a server that
    was killed some are heard again; what has to be exact even then is kept by the bot itself beside its own results.
    """

    stay: Where | None = None
    """Where it is now; `None` before it is added."""

    # ------------------------------------------------------------------ to be overridden

    def opened(self) -> None:
        """Begin: it is in the room now."""

    def happened(self, entry: Entry) -> None:
        """Take the next entry, whatever it is: its own ones too, and erased ones, which have neither author nor text.

        Unless it is overridden, `said` gets what others say and do.
        """
        if entry.kind in WORDS and not self.is_own(entry):
            self.said(entry)

    def said(self, entry: Entry) -> None:
        """Take what somebody else said, or did as with `/me`."""

    def missed(self, hole: Hole) -> None:
        """Learn that what came next is gone from the log; the next entry is the first behind that hole."""

    def closed(self, reason: Reason) -> None:
        """End: it has left the room. `place` is final."""

    # ------------------------------------------------------------------ to be called

    def say(self, text: str) -> None:
        """Say something, each line of it by itself.

        Raises:
            Refused: it may not, a line is too long, or it is not in a room.
            NotRecorded: the log cannot record these lines (`texts`); those before them are said.
        """
        self._speak(Kind.SAY, text)

    def act(self, text: str) -> None:
        """Do something, as with `/me`; otherwise as `say`."""
        self._speak(Kind.ACTION, text)

    def is_own(self, entry: Entry) -> bool:
        """Tell whether an entry is this bot's: of this run of it or of an earlier one."""
        return entry.author == self.name

    def stop(self) -> None:
        """Have it leave, behind the entry that it works on. Does not wait for that."""
        if self.stay:
            self.stay.end(Reason.QUIT)

    def _speak(self, kind: Kind, text: str) -> None:
        if self.stay is None:
            raise Refused(InNoRoom())
        self.stay.speak(kind, text)
