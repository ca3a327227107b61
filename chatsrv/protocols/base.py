"""The contract of a wire format: what a peer sends becomes commands, and what it is to see becomes bytes.

    Reader      bytes into commands      one for each session, on its thread
    Writer      replies into bytes       for one peer, of whom it knows what the wire format needs to know
    Renderer    entries into bytes       shared by all peers who are shown them alike, so that each is rendered once

No sockets, no threads, no rooms. A `Reader` has state. All others are values: they never change, so any thread may ask
them. `chatsrv.testing.protocol.ProtocolContract` proves an implementation.
"""

from abc import ABC, abstractmethod
from copy import copy
from datetime import datetime, tzinfo
from typing import ClassVar, Self

from chatsrv.model.commands import Command
from chatsrv.model.entries import Entry
from chatsrv.model.login import LoginOutcome
from chatsrv.model.reasons import Reason
from chatsrv.model.refusals import Refusal
from chatsrv.model.replies import Reply
from chatsrv.model.style import Style


class Reader(ABC):
    """One peer's bytes on their way to becoming commands.

    It starts in the login, where it yields one `LoginStep` after the other: `Credentials`, and a `Response` to each
    `Challenge`. A step is the last of the commands that a call returns; what the peer sent after it stays in the
    reader until `decided` tells what came of it. Once the peer is admitted, and has said all else that the format wants
    to hear before, the reader yields `Enter`, and after it what the session is to obey. Until then it yields nothing
    but steps, answers, complaints and `Quit`.
    """

    writer: "Writer | None" = None
    """The outward half for this peer, where the protocol's own turned out not to be the right one.

    It may change until `Enter`, and not after.
    """

    @abstractmethod
    def opening(self) -> bytes:
        """Return what the peer is to see first: a prompt, a negotiation, or nothing."""

    @abstractmethod
    def receive(self, data: bytes) -> list[Command]:
        """Return the commands that `data` completes, in the order they were sent.

        Whole and byte by byte give the same commands. Memory stays bounded by the line limit, whatever comes.

        Raises:
            ProtocolError: the peer cannot be understood any more, and is to be hung up.
        """

    @abstractmethod
    def decided(self, outcome: LoginOutcome) -> list[Command]:
        """Learn what came of the last step; return what follows from that, and from what had come after the step.

        A refusal is told only of an attempt that is not the last one: see `Protocol.login_attempts`. By then the peer
        has been told of it.

        Raises:
            ProtocolError: as `receive`.
        """

    def end(self) -> list[Command]:
        """Learn that the peer sends no more; return what it had begun and did not complete, if that is to be done.

        Called once at most, and not while a step is decided; nothing comes after it.

        Raises:
            ProtocolError: as `receive`.
        """
        return []

    def take_overhead_bytes(self) -> int:
        """Return what reading cost beside the bytes since this was asked last, in bytes of text that cost as much.

        For formats of which a few bytes can make a lot of work. It does not grow less if the input comes in pieces,
        each of which costs `chatsrv.sharing.flood.PIECE_BYTES` as well.
        """
        return 0

    def quits(self, data: bytes) -> int:  # noqa: ARG002 - for formats that know such a command
        """Return how many commands to leave stand at the end of `data`, which is received later; 2 is as good as more.

        A guess from the outside, for a peer that has sent much and wants to go.
        """
        return 0


class Renderer(ABC):
    """How entries are shown. Pure: the same entry always gives the same bytes, from any thread."""

    omits_own: ClassVar[bool] = True
    """Whether a session is spared the entries that it wrote itself."""

    @property
    def marked(self) -> "Renderer":
        """The same wire format for rooms that the reader is in and does not speak in; this one where that is no matter.

        Always the same object.
        """
        return self

    def styled(self, style: Style, zone: tzinfo | None) -> "Renderer":  # noqa: ARG002 - for formats that have a choice
        """Return the same wire format in a style, with times in `zone`; this one where it leaves no choice.

        Always the same object for the same style and time zone, as readers share what is rendered. It spares a session
        its own entries if this one does.
        """
        return self

    @abstractmethod
    def render(self, entry: Entry) -> bytes:
        """Return `entry` as every reader of this wire format sees it; empty when they do not see it at all.

        It is never asked for the kinds that nobody is shown, whatever the wire format (`chatsrv.model.entries.UNSEEN`).
        """

    def past(self, entry: Entry, now: datetime, here: str) -> bytes:  # noqa: ARG002 - for formats that tell them apart
        """Return `entry` as it is shown of before; see `Past` about `now` and `here`.

        To be overridden where a live entry tells neither its time nor its room.
        """
        return self.render(entry)


class Writer(ABC):
    """What one peer is told, as bytes: replies by itself, entries by its `renderer`, which it shares with others.

    It knows of its peer what the wire format needs, such as a nick. Any thread may ask it, so it never changes: when
    more is known of the peer, another one takes its place.
    """

    def __init__(self, renderer: Renderer) -> None:
        self.renderer = renderer

    def showing_by(self, renderer: Renderer) -> Self:
        """Return the same writer with another renderer."""
        if renderer is self.renderer:
            return self
        other = copy(self)
        other.renderer = renderer
        return other

    @abstractmethod
    def write(self, reply: Reply) -> bytes:
        """Return `reply` as the peer reads it; empty if the wire format has no word for it."""

    @abstractmethod
    def ending(self, reason: Reason) -> bytes:
        """Return the last bytes of a session that ends for a `reason`; empty if there is nothing to say.

        The peer may have been told nothing before, not even the opening.
        """

    def turning_away(self, why: Refusal) -> bytes:
        """Return all that a peer is told for whom there is no session.

        To be overridden where such a peer expects more than a reply.
        """
        return self.write(why)


class Protocol(ABC):
    """A wire format. `name` is what it is called, as by a listener's `protocol:` setting."""

    name: ClassVar[str]
    writer: ClassVar[Writer]
    """Writes to a peer of whom nothing is known yet."""
    login_attempts: ClassVar[int] = 1
    """Logins that a peer may try on one connection; when the last one is refused, it is hung up."""

    @abstractmethod
    def reader(self, line_bytes: int) -> Reader:
        """Return a new reader that accepts lines of up to `line_bytes` bytes, the line ending not counted."""
