"""The plain protocol for people who type it into a telnet program: no password on the screen, and keys that edit.

Knows telnet's own bytes (RFC 854, 855, 857, 860) and nothing of what the lines mean; that is `plain`'s and `lines`'s.
Threads: as `chatsrv.protocols.base` says; a `Reader` is its session's alone, the `Renderer` everybody's.

Every option is refused but two: the server says that it will echo while the password is typed, and then echoes
nothing (RFC 857), and a timing mark is returned (RFC 860). An option is refused once and an acknowledgement is never
answered, so that no two programs can keep each other busy (RFC 1143 §3).
"""

import re
from enum import Enum, IntEnum
from typing import ClassVar

from chatsrv.model.commands import Answer, Command
from chatsrv.model.entries import Entry
from chatsrv.model.reasons import Reason
from chatsrv.model.replies import Reply
from chatsrv.protocols.base import Protocol, Writer
from chatsrv.protocols.plain import PlainReader, PlainRenderer, PlainWriter
from chatsrv.wording.sessions import ALIVE


class Telnet(IntEnum):
    """Telnet's commands, RFC 854, as far as one is obeyed. Any other is swallowed."""

    SE = 240
    BRK = 243
    IP = 244
    AYT = 246
    EC = 247
    EL = 248
    SB = 250
    WILL = 251
    WONT = 252
    DO = 253
    DONT = 254
    IAC = 255


ECHO = 1  # RFC 857
TIMING_MARK = 6  # RFC 860

WILL_ECHO = bytes([Telnet.IAC, Telnet.WILL, ECHO])
WONT_ECHO = bytes([Telnet.IAC, Telnet.WONT, ECHO])
WILL_TIMING_MARK = bytes([Telnet.IAC, Telnet.WILL, TIMING_MARK])

RUN_BYTES = 32
"""What one run of the same key or command costs beside its bytes, however long it is: taking it out of the input takes
about as long as reading so much text."""

_NUL, _BACKSPACE, _CARRIAGE_RETURN, _KILL, _DELETE = 0x00, 0x08, 0x0D, 0x15, 0x7F
_SPECIAL = bytes([_NUL, _BACKSPACE, _CARRIAGE_RETURN, _KILL, _DELETE, Telnet.IAC])
# What may come again and again, taken in one go: who sends 64 KiB of it costs little more than who sends as much text.
_SIMPLE_RUN = (
    rb"(?P<text>(?:[^" + re.escape(_SPECIAL) + rb"]++|\r\n)++)"
    rb"|(?P<ends>(?:\r(?:\0|(?!\n)))+)"
    rb"|(?P<erase>[\x08\x7f]+)"
    rb"|(?P<kill>\x15+)"
    rb"|(?P<nuls>\0+)"
    rb"|(?P<data>(?:\xff\xff)+)"
    rb"|(?P<marks>(?:\xff\xfd\x06)+)"
    rb"|(?P<options>(?:\xff(?:[\xfb\xfd].|\xfe\x01))+)"
    rb"|(?P<erase_command>(?:\xff\xf7)+)"
    rb"|(?P<kill_command>(?:\xff[\xf3\xf4\xf8])+)"  # an interrupt ends what is being done here: typing a line
    rb"|(?P<presence>(?:\xff\xf6)+)"
    # Commands that are not obeyed, answers that end an option, and subnegotiations. RFC 855 allows nothing within these
    # but their end; where another command comes, the end was lost, and the peer is heard again.
    rb"|(?P<nothing>(?:\xff(?:[^\xf3\xf4\xf6-\xf8\xfa-\xff]|\xfc.|\xfe[^\x01]"
    rb"|\xfa(?:[^\xff]|\xff\xff)*+(?:\xff\xf0|(?=\xff[^\xff\xf0]))))+)"
)
_CHARACTER = rb"(?:[ -~]|[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2})"
# Text that is taken back at once, and text between NULs: only where it cannot make the line too long meanwhile.
_EDITED_RUN = (
    rb"(?P<undone>(?:" + _CHARACTER + rb"(?:" + _CHARACTER + rb"[\x08\x7f])?+[\x08\x7f])++)"
    rb"|(?P<killed>(?:[ -~]{0,16}+\x15)+)"
    rb"|(?P<sparse>(?:[ -~]\0+)+)|"
)
_EDITED_BYTES = 16
_simple_run = re.compile(_SIMPLE_RUN, re.DOTALL).match
_run = re.compile(_EDITED_RUN + _SIMPLE_RUN, re.DOTALL).match
_WITHIN_SUBNEGOTIATION = re.compile(rb"(?:[^\xff]|\xff\xff)*+")
_LAST_CHARACTER = re.compile(rb"(?:[\xc0-\xff][\x80-\xbf]{1,3}|.)\Z", re.DOTALL)  # RFC 3629 §3, or one stray byte


class _State(Enum):
    """What the next byte is. RFC 854 calls bytes between commands data."""

    DATA = "data"
    COMMAND = "a command"
    OPTION = "the option of a WILL, WONT, DO or DONT"
    SUBNEGOTIATION = "part of a subnegotiation, RFC 855"
    SUBNEGOTIATION_COMMAND = "a command within a subnegotiation, or its end"


class TelnetReader(PlainReader):
    """Obeys and takes out telnet's own bytes and the keys that edit; what is left is the plain protocol."""

    unseen_newline = b"\r\n"

    def __init__(self, line_bytes: int) -> None:
        super().__init__(line_bytes)
        self._state = _State.DATA
        self._verb = 0
        self._has_spoken_telnet = False
        self._is_presence_told = False  # on this line
        self._is_echoing = False  # as far as the peer was told
        self._unconfirmed = 0  # announcements about ECHO to which the peer's answer is still to come
        self._refused = 0  # one bit for each option and direction

    def conceal(self) -> bytes:
        """Return the promise to echo what is typed, which is not kept."""
        self._unconfirmed += 1
        self._is_echoing = True
        return WILL_ECHO

    def reveal(self) -> bytes:
        """Return the end of that promise."""
        self._unconfirmed += self._is_echoing  # as in `_confirm_echo`: who refused it will not answer
        self._is_echoing = False
        return WONT_ECHO

    def end(self) -> list[Command]:
        """Return what a last line asks for that has no ending, unless it came key by key from somebody who is gone.

        A telnet program sends an ending with each line that its person has finished. Of other peers see `Reader.end`.
        """
        return [] if self._has_spoken_telnet else super().end()

    def receive(self, data: bytes) -> list[Command]:
        """Return what `data` completes; see `Reader.receive`."""
        if self.is_deciding:
            return super().receive(data)
        if self._state is _State.DATA and not self._is_after_cr:
            # Lines whole and unedited, as nearly all come: six searches at the speed of memory, then `plain`.
            plain = data.replace(b"\r\n", b"\n")
            if not any(byte in plain for byte in _SPECIAL):
                return self._type(plain)
        return self._take_apart(data)

    def _take_apart(self, data: bytes) -> list[Command]:
        found: list[Command] = []
        at = 0
        while at < len(data) and not self.is_deciding:
            self._overhead_bytes += RUN_BYTES
            if self._state is _State.SUBNEGOTIATION:
                at = _WITHIN_SUBNEGOTIATION.match(data, at).end() + 1  # type: ignore[union-attr]  # it matches anything
                if at <= len(data):
                    self._state = _State.SUBNEGOTIATION_COMMAND
            elif self._state is not _State.DATA:
                found += self._command(data[at])
                at += 1
            elif run := (_run if len(self._rest) + _EDITED_BYTES <= self._line_bytes else _simple_run)(data, at):
                if run.lastgroup == "ends" and not self.is_open:  # the next one may come after a step
                    found += self._end_lines(b"\r")
                    at += 1
                else:
                    self._has_spoken_telnet |= data[at] == Telnet.IAC
                    found += self._take_run(run.lastgroup or "", run[0])
                    at = run.end()
            else:
                self._has_spoken_telnet = True
                self._state = _State.COMMAND
                at += 1
        # A step is out: what comes after it stays as it is, telnet's bytes included.
        return found + super().receive(data[at:]) if at < len(data) else found

    def _take_run(self, kind: str, data: bytes) -> list[Command]:
        """Return what a run of bytes of one kind completes."""
        match kind:
            case "text":
                text = data.removeprefix(b"\n") if self._is_after_cr else data
                return self._type(text.replace(b"\r\n", b"\n"))
            case "ends":
                return self._end_lines(data)
            case "erase" | "kill" | "killed" | "nuls" | "undone":  # RFC 854: a NUL is nothing
                self._is_after_cr = False
                if kind == "erase":
                    self._erase_characters(len(data))
                elif kind.startswith("kill"):
                    self._erase_line()
            case "sparse":
                return self._type(data.replace(b"\0", b""))
            case "data":
                return self._type(data[::2])
            case "marks":
                return [Answer(WILL_TIMING_MARK)] * (len(data) // len(WILL_TIMING_MARK))
            case "options":
                pairs = zip(data[1::3], data[2::3], strict=True)
                return [answer for verb, option in pairs for answer in self._negotiate(verb, option)]
            case "erase_command":
                self._erase_characters(len(data) // 2)
            case "kill_command":
                self._erase_line()
            case "presence":
                return self._tell_presence()
        return []

    def _end_lines(self, ends: bytes) -> list[Command]:
        # RFC 854 wants an LF or a NUL behind each CR; some send neither, so the line ends there and they are swallowed.
        found = self._type(b"\n" * ends.count(b"\r"))
        self._is_after_cr = ends.endswith(b"\r")
        return found

    def _type(self, data: bytes) -> list[Command]:
        """Return what `data` completes, which is free of everything that is telnet's."""
        self._is_after_cr = False
        if b"\n" in data:
            self._is_presence_told = False
        return super().receive(data)

    def _command(self, byte: int) -> list[Command]:
        state, self._state = self._state, _State.DATA
        if state is _State.OPTION:
            return self._negotiate(self._verb, byte)
        if state is _State.SUBNEGOTIATION_COMMAND:
            if byte == Telnet.IAC:
                self._state = _State.SUBNEGOTIATION
                return []
            if byte == Telnet.SE:
                return []
            # RFC 855 allows nothing else here. The end was lost, so it ends now, and the peer is heard again.
        match byte:
            case Telnet.IAC:
                return self._type(b"\xff")
            case Telnet.WILL | Telnet.WONT | Telnet.DO | Telnet.DONT:
                self._verb = byte
                self._state = _State.OPTION
            case Telnet.SB:
                self._state = _State.SUBNEGOTIATION
            case Telnet.EC:
                self._erase_characters(1)
            case Telnet.EL | Telnet.IP | Telnet.BRK:  # an interrupt ends what is being done here: typing a line
                self._erase_line()
            case Telnet.AYT:
                return self._tell_presence()
        return []

    def _tell_presence(self) -> list[Command]:
        if self._is_presence_told:
            return []
        self._is_presence_told = True
        return [Answer(f"\r\n[{ALIVE}]\r\n".encode())]

    def _negotiate(self, verb: int, option: int) -> list[Command]:
        if option == ECHO and verb in (Telnet.DO, Telnet.DONT):
            return self._confirm_echo(is_wanted=verb == Telnet.DO)
        if option == TIMING_MARK and verb == Telnet.DO:
            # Not a mode but a question, so each is answered: clients drop all output until it is (RFC 860).
            return [Answer(WILL_TIMING_MARK)]
        if verb in (Telnet.WONT, Telnet.DONT):
            return []  # nothing was agreed on that could end
        return self._refuse(verb, option)

    def _confirm_echo(self, *, is_wanted: bool) -> list[Command]:
        if self._unconfirmed:
            # WILL and WONT take turns, so the number of those without an answer tells which one this is for.
            is_of_will = self._is_echoing == bool(self._unconfirmed % 2)
            self._unconfirmed -= 1
            if is_of_will and not is_wanted:
                if self._unconfirmed:
                    self._unconfirmed -= 1  # who refused it has nothing to change, and so will not answer the WONT
                else:
                    self._is_echoing = False
            return []
        if is_wanted:
            return [] if self._is_echoing else self._refuse(Telnet.DO, ECHO)
        if not self._is_echoing:
            return []
        self._is_echoing = False
        return [Answer(WONT_ECHO)]

    def _refuse(self, verb: int, option: int) -> list[Command]:
        bit = 1 << (2 * option + (verb == Telnet.DO))
        if self._refused & bit:
            return []
        self._refused |= bit
        return [Answer(bytes([Telnet.IAC, Telnet.WONT if verb == Telnet.DO else Telnet.DONT, option]))]

    def _erase_characters(self, count: int) -> None:
        if self._rest.isascii():
            self._rest = self._rest[: max(0, len(self._rest) - count)]
            return
        end = len(self._rest)
        for _ in range(count):
            if not (last := _LAST_CHARACTER.search(self._rest, max(0, end - 4), end)):
                break
            end = last.start()
        self._rest = self._rest[:end]

    def _erase_line(self) -> None:
        self._rest = b""


class TelnetRenderer(PlainRenderer):
    """Shows entries in the plain protocol's lines with the line ending of RFC 854's virtual terminal.

    UTF-8 has no byte 0xFF (RFC 3629 §3), so nothing that is written can be taken for a telnet command.
    """

    def render(self, entry: Entry) -> bytes:
        """Return the line that everybody else in the room sees."""
        return super().render(entry).replace(b"\n", b"\r\n")


class TelnetWriter(PlainWriter):
    """Writes the plain protocol's lines with that line ending, too."""

    def write(self, reply: Reply) -> bytes:
        """Return `reply` as the lines that its peer reads."""
        return super().write(reply).replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")

    def ending(self, reason: Reason) -> bytes:
        """Return the farewell, as a line."""
        return super().ending(reason).replace(b"\n", b"\r\n")


class TelnetProtocol(Protocol):
    """The wire format of telnet programs."""

    name: ClassVar[str] = "telnet"
    writer: ClassVar[Writer] = TelnetWriter(TelnetRenderer())

    def reader(self, line_bytes: int) -> TelnetReader:
        """Return a new reader."""
        return TelnetReader(line_bytes)
