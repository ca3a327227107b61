"""Sessions ready to use: each is a kind of session together with a wire format.

The only wiring that an embedded server needs. Knows no settings. Instances run on their own threads.
"""

from collections.abc import Sequence

from chatsrv.model.commands import Command, Line
from chatsrv.model.replies import Text, Welcome
from chatsrv.net.overriding import extend
from chatsrv.net.sessions.chatsession import ChatSession
from chatsrv.net.sessions.session import Session
from chatsrv.protocols.either import EitherProtocol
from chatsrv.protocols.lines import LinesProtocol
from chatsrv.protocols.telnet import TelnetProtocol


class PlainSession(ChatSession):
    """A chatter with `nc`, or any other client that sends and shows lines; or with a telnet program that says so."""

    protocol = EitherProtocol()


class TelnetSession(ChatSession):
    """A chatter with a telnet client, whose password is not shown while they type it."""

    protocol = TelnetProtocol()


class LineSession(Session):
    """A session of a line server that is not a chat. Override `received`; answer with `send_line`."""

    protocol = LinesProtocol()

    def opened(self) -> None:
        """Welcome the peer, whose account is `self.account`."""
        assert self.account
        self.reply(Welcome(self.account.name))

    def received(self, line: str) -> None:
        """Do what a line of the peer asks for."""

    @extend("sends the peer a line")
    def send_line(self, text: str) -> None:
        """Send a line to the peer. Waits while the peer leaves too many unread."""
        self.reply(Text(text))

    def obey(self, commands: Sequence[Command]) -> None:
        """Hand over one line after the other."""
        for command in commands:
            if self.connection.reason:
                return
            if isinstance(command, Line):
                self.received(command.text)
