"""One listener for both: the plain protocol, and telnet for a peer that says something in telnet's own bytes.

PuTTY does so before anything else, other telnet programs with Ctrl-C. Whoever does not gets the plain protocol byte for
byte. Knows nothing of what either of them means; that is `plain`'s and `telnet`'s.
Threads: as `chatsrv.protocols.base` says; a `Reader` is its session's alone.
"""

import re

from chatsrv.model.commands import Command
from chatsrv.protocols.plain import PlainProtocol, PlainReader
from chatsrv.protocols.telnet import Telnet, TelnetProtocol, TelnetReader

_IAC = bytes([Telnet.IAC])

# Behind the login, somebody may say the byte 255 who means `ÿ`, or a byte order mark. These are the commands that a key
# sends, RFC 854, and no text in UTF-8 or Latin-1.
_KEY = re.compile(rb"\xff[\xf1-\xf9]")


class EitherReader(TelnetReader):
    """Reads the plain protocol until the peer speaks telnet, and telnet from there on.

    A name that begins with IAC is telnet; behind the login, so is what a key of a telnet program sends.
    """

    unseen_newline = b""

    def __init__(self, line_bytes: int) -> None:
        super().__init__(line_bytes)
        self._is_telnet = False
        self._is_cut = False  # an IAC came last, and what it means is not known yet

    def conceal(self) -> bytes:
        """See `LinesReader.conceal`."""
        return super().conceal() if self._is_telnet else b""

    def reveal(self) -> bytes:
        """See `LinesReader.reveal`."""
        return super().reveal() if self._is_telnet else b""

    def end(self) -> list[Command]:
        """See `Reader.end`."""
        if self._is_cut:
            self._is_cut = False
            return [*PlainReader.receive(self, _IAC), *super().end()]
        return super().end()

    def receive(self, data: bytes) -> list[Command]:
        """Return what `data` completes; see `Reader.receive`."""
        if self._is_telnet:
            return super().receive(data)
        if self._is_cut and data:
            data, self._is_cut = _IAC + data, False
        if _IAC not in data:
            return PlainReader.receive(self, data)
        return self._look_for_key(data) if self.is_open else self._look_for_line(data)

    def _look_for_key(self, data: bytes) -> list[Command]:
        if key := _KEY.search(data):
            found = PlainReader.receive(self, data[: key.start()])
            return found + self._speak_telnet(data[key.start() :])
        self._is_cut = data.endswith(_IAC)
        return PlainReader.receive(self, data[:-1] if self._is_cut else data)

    def _look_for_line(self, data: bytes) -> list[Command]:
        found: list[Command] = []
        while not self.is_deciding and (place := data.find(_IAC)) >= 0:
            found += PlainReader.receive(self, data[:place])
            data = data[place:]
            if not self.is_deciding and not self._rest and self._is_first_line:
                self.writer = TelnetProtocol.writer
                return found + self._speak_telnet(data)
            if not self.is_deciding:
                found += PlainReader.receive(self, _IAC)
                data = data[1:]
        return found + PlainReader.receive(self, data)

    def _speak_telnet(self, data: bytes) -> list[Command]:
        self._is_telnet = True
        self.unseen_newline = TelnetReader.unseen_newline
        return super().receive(data)


class EitherProtocol(PlainProtocol):
    """The wire format of a plain listener."""

    def reader(self, line_bytes: int) -> EitherReader:
        """Return a new reader."""
        return EitherReader(line_bytes)
