"""Lines of text behind a login: the wire format of any line server, and what the chat's own formats are built on.

Knows no rooms, no chat commands, no sockets. A line's text is handed over as it came, but for its encoding: who shows
it to somebody else cleans it (`chatsrv.protocols.text.clean`).
Threads: as `chatsrv.protocols.base` says; a `Reader` is its session's alone.
"""

import re
from enum import Enum
from typing import ClassVar

from chatsrv.commands import Answer, Command, Complaint, Credentials, Line
from chatsrv.entries import Entry
from chatsrv.errors import ProtocolError
from chatsrv.protocols.base import Protocol, Reader, Renderer
from chatsrv.protocols.text import clean
from chatsrv.replies import Goodbye, LoginRefused, Notice, Reply, Text, Welcome

HELD_BYTES = 65536
"""Bytes kept behind the credentials until the login is decided: one `recv` of a session, which then waits."""

# The bodies of a browser's request must never be taken for a login that a web page made for its reader.
_HTTP_REQUEST = re.compile(rb"[A-Z]+ \S+ HTTP/\d")
_TLS_HANDSHAKE = b"\x16"  # RFC 8446 §5.1: the first byte of a record that carries a handshake


class _Stage(Enum):
    USERNAME = "waits for the name"
    PASSWORD = "waits for the password"
    DECISION = "waits for `accept`"
    OPEN = "takes lines"


class LinesReader(Reader):
    """Asks for a name and a password, then yields lines. A format built on it overrides `commands`."""

    username_prompt: ClassVar[bytes] = b"Username: "
    password_prompt: ClassVar[bytes] = b"Password: "
    password_end: ClassVar[bytes] = b""
    """What the peer gets once its password has come."""

    def __init__(self, line_bytes: int) -> None:
        self._line_bytes = line_bytes
        self._stage = _Stage.USERNAME
        self._username = ""
        self._rest = b""  # the line that has begun; while the login is decided, all that came behind it
        self._is_skipping = False  # the line that has begun is too long, and is thrown away up to its end
        self._is_flooded = False  # more came behind the credentials than is kept

    @property
    def is_at_password(self) -> bool:
        """Whether the next line is the password."""
        return self._stage is _Stage.PASSWORD

    @property
    def is_deciding(self) -> bool:
        """Whether the credentials are out, and nothing is read until `accept`."""
        return self._stage is _Stage.DECISION

    def opening(self) -> bytes:
        """Return the first prompt."""
        return self.username_prompt

    def receive(self, data: bytes) -> list[Command]:
        """Return what `data` completes; see `Reader.receive`."""
        if self._stage is _Stage.OPEN:
            return self._take(data)
        if self._stage is _Stage.DECISION:
            self._hold(data)
            return []
        return self._log_in(data)

    def accept(self, name: str) -> list[Command]:  # noqa: ARG002 - for formats that tell the peer its name
        """Take up what came behind the credentials; see `Reader.accept`."""
        if self._is_flooded:
            raise ProtocolError(f"more than {HELD_BYTES} bytes came before the login was decided")
        held, self._rest = self._rest, b""
        self._stage = _Stage.OPEN
        return self.receive(held) if held else []

    def commands(self, lines: list[str]) -> list[Command]:
        """Return what `lines` mean: they came in this order, are not too long, and have lost their line endings."""
        return [Line(line) for line in lines]

    def _take(self, data: bytes) -> list[Command]:
        if self._is_skipping:
            newline = data.find(b"\n")
            if newline < 0:
                return []
            data = data[newline + 1 :]
            self._is_skipping = False
        if self._rest:
            data = self._rest + data
        end = data.rfind(b"\n") + 1
        self._rest = data[end:]
        found = self._block(data[:end]) if end else []
        if self._is_too_long(self._rest):
            self._rest = b""
            self._is_skipping = True
            found.append(self._complaint())
        return found

    def _block(self, block: bytes) -> list[Command]:
        """Return what the whole lines of `block` mean. One split for all: this is the hot path."""
        if b"\r" in block:
            block = block.replace(b"\r\n", b"\n")
        block = block[:-1]
        if not self._do_all_fit(block):
            return self._mixed(block.split(b"\n"))
        # No part of a character of more than one byte looks like a newline (RFC 3629 §3), so decoding all lines at
        # once gives what decoding each would, replacements included.
        return self.commands(block.decode("utf-8", "replace").split("\n"))

    def _do_all_fit(self, block: bytes) -> bool:
        """Tell whether no line of `block` is too long, in as few steps as whole lines fit into the longest one."""
        start, line_bytes = 0, self._line_bytes
        while len(block) - start > line_bytes:
            start = block.rfind(b"\n", start, start + line_bytes + 1) + 1
            if not start:
                return False
        return True

    def _mixed(self, lines: list[bytes]) -> list[Command]:
        """Return what `lines` mean, some of which are too long."""
        found: list[Command] = []
        for line in lines:
            if len(line) > self._line_bytes:
                found.append(self._complaint())
            else:
                found += self.commands([line.decode("utf-8", "replace")])
        return found

    def _complaint(self) -> Complaint:
        return Complaint(f"That line was too long and was not taken: a line may have up to {self._line_bytes} bytes.")

    def _is_too_long(self, begun: bytes) -> bool:
        """Tell whether a line that begins like this is too long, however it ends; a CR may belong to its ending."""
        excess = len(begun) - self._line_bytes
        return excess > 1 or (excess == 1 and not begun.endswith(b"\r"))

    def _log_in(self, data: bytes) -> list[Command]:
        found: list[Command] = []
        rest = self._rest + data
        if self._stage is _Stage.USERNAME and rest.startswith(_TLS_HANDSHAKE):
            raise ProtocolError("a TLS handshake on a port without TLS")
        while self._stage is not _Stage.DECISION:
            line, newline, behind = rest.partition(b"\n")
            if newline:
                line = line.removesuffix(b"\r")
            if self._is_too_long(line) or (newline and len(line) > self._line_bytes):
                # Nobody's name or password: a stranger who floods is not worth another line.
                raise ProtocolError(f"a line of more than {self._line_bytes} bytes before the login")
            if not newline:
                self._rest = rest
                return found
            rest = behind
            found += self._credential(line)
        self._rest = b""
        self._hold(rest)
        return found

    def _credential(self, line: bytes) -> list[Command]:
        text = line.decode("utf-8", "replace")
        if self._stage is _Stage.USERNAME:
            if _HTTP_REQUEST.match(line):
                raise ProtocolError("an HTTP request on a port that does not speak HTTP")
            self._username = text
            self._stage = _Stage.PASSWORD
            return [Answer(self.password_prompt)]
        self._stage = _Stage.DECISION
        credentials = Credentials(self._username, text)
        self._username = ""
        return [Answer(self.password_end), credentials] if self.password_end else [credentials]

    def _hold(self, data: bytes) -> None:
        if len(self._rest) + len(data) > HELD_BYTES:
            self._is_flooded = True
            self._rest = b""
        elif not self._is_flooded:
            self._rest += data


class LinesRenderer(Renderer):
    """Writes a line for each reply that a line server has. There are no rooms, so no entry is shown."""

    def render(self, entry: Entry) -> bytes:  # noqa: ARG002 - nothing of it is shown
        """Return nothing: a line server has no rooms."""
        return b""

    def reply(self, reply: Reply) -> bytes:
        """Return `reply` as a line. A `Text` is the line server's own and goes out as it is."""
        match reply:
            case Text(text):
                return f"{text}\n".encode("utf-8", "replace")
            case Welcome(name):
                return line(f"Welcome, {name}!")
            case LoginRefused(text) | Notice(text) | Goodbye(text):
                return line(text)
            case _:
                return b""


def line(text: str) -> bytes:
    """Return `text` as one line that is safe to show; no text, no line."""
    return f"{clean(text)}\n".encode() if text else b""


class LinesProtocol(Protocol):
    """The wire format of a line server with logins."""

    name: ClassVar[str] = "lines"
    renderer: ClassVar[Renderer] = LinesRenderer()

    def reader(self, line_bytes: int) -> LinesReader:
        """Return a new reader."""
        return LinesReader(line_bytes)
