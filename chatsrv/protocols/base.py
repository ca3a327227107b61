"""The contract of a wire format: a `Reader` turns bytes into commands, a `Renderer` turns values into bytes.

No sockets, no threads, no rooms. A `Reader` belongs to one session's thread. A `Protocol` and its `Renderer` have no
state and are shared by all threads. `chatsrv.testing.protocol.ProtocolContract` proves an implementation.
"""

from abc import ABC, abstractmethod
from datetime import datetime, tzinfo
from typing import ClassVar

from chatsrv.model.commands import Command
from chatsrv.model.entries import Entry
from chatsrv.model.login import LoginOutcome
from chatsrv.model.replies import Past, Reply
from chatsrv.model.style import Style


class Reader(ABC):
    """One peer's bytes on their way to becoming commands.

    It starts in the login, where it yields one `LoginStep` after the other: `Credentials`, and a `Response` to each
    `Challenge`. A step is the last of the commands that a call returns; what the peer sent behind it stays in the
    reader until `decided` tells what came of it. Once the peer is admitted, and has said all else that the format wants
    to hear before, the reader yields `Enter`, and behind it what the session is to obey. Until then it yields nothing
    but steps, answers, complaints and `Quit`.
    """

    renderer: "Renderer | None" = None
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
        """Learn what came of the last step; return what follows from that, and from what had come behind the step.

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
    """A wire format's outward half. Pure: the same value always gives the same bytes, from any thread."""

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

    @abstractmethod
    def reply(self, reply: Reply) -> bytes:
        """Return `reply` as its one session sees it."""

    def past(self, entry: Entry, now: datetime, here: str) -> bytes:
        """Return what `reply` does for a `Past` of this one entry. To be overridden where that is quicker.

        Whoever comes back is told hundreds of entries, of which each is to be known by its bytes.
        """
        return self.reply(Past((entry,), now, here))


class Protocol(ABC):
    """A wire format. `name` is what it is called, as by a listener's `protocol:` setting."""

    name: ClassVar[str]
    renderer: ClassVar[Renderer]
    login_attempts: ClassVar[int] = 1
    """Logins that a peer may try on one connection; when the last one is refused, it is hung up."""

    @abstractmethod
    def reader(self, line_bytes: int) -> Reader:
        """Return a new reader that accepts lines of up to `line_bytes` bytes, the line ending not counted."""
