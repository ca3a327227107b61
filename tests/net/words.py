"""A wire format whose login is whatever its peer makes of it: one word and its arguments a line.

    LOGIN NAME PASSWORD     CODE TEXT     ENTER     SAY TEXT     GRUMBLE     QUIT

Each session's thread has a reader of its own.
"""

from collections.abc import Sequence

from chatsrv import ChatSession
from chatsrv.model.commands import Answer, Command, Complaint, Credentials, Enter, LoginStep, Quit, Response, Say
from chatsrv.model.login import LoginOutcome
from chatsrv.protocols.base import Protocol, Reader
from chatsrv.protocols.plain import PlainRenderer, PlainWriter


class WordsReader(Reader):
    """Takes one word a line, and answers each decision with what it is."""

    def __init__(self) -> None:
        self._rest = b""
        self._is_deciding = False

    def opening(self) -> bytes:
        return b""

    def receive(self, data: bytes) -> list[Command]:
        self._rest += data
        found: list[Command] = []
        while not self._is_deciding and b"\n" in self._rest:
            line, _, self._rest = self._rest.partition(b"\n")
            found.append(self._command(line.decode().split()))
            self._is_deciding = isinstance(found[-1], LoginStep)
        return found

    def decided(self, outcome: LoginOutcome) -> list[Command]:
        self._is_deciding = False
        return [Answer(f"{type(outcome).__name__}\n".encode()), *self.receive(b"")]

    @staticmethod
    def _command(words: Sequence[str]) -> Command:
        match words:
            case ["LOGIN", name, password]:
                return Credentials(name, password)
            case ["CODE", text]:
                return Response(text)
            case ["ENTER"]:
                return Enter()
            case ["SAY", text]:
                return Say(text)
            case ["QUIT"]:
                return Quit()
        return Complaint("What?")


class WordsProtocol(Protocol):
    name = "words"
    writer = PlainWriter(PlainRenderer())
    login_attempts = 3

    def reader(self, line_bytes: int) -> WordsReader:
        return WordsReader()


class WordsSession(ChatSession):
    """Speaks in words."""

    protocol = WordsProtocol()
