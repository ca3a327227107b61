"""Lines of text behind a login: the wire format of any line server, and what the chat's own formats are built on.

Knows no rooms, no chat commands, no sockets. A line's text is handed over as it came, but for its encoding: who shows
it to somebody else cleans it (`chatsrv.text.cleaning.clean`).
Threads: as `chatsrv.protocols.base` says; a `Reader` is its session's alone.
"""

import re
from collections.abc import Callable, Iterator
from enum import Enum
from typing import ClassVar, NamedTuple

from chatsrv.model.commands import Answer, Command, Complaint, Credentials, Enter, Line, Response
from chatsrv.model.distinct import distinct
from chatsrv.model.entries import Entry
from chatsrv.model.errors import ProtocolError
from chatsrv.model.login import Admitted, Challenge, LoginOutcome
from chatsrv.model.reasons import Reason
from chatsrv.model.refusals import LineTooLong, Refusal
from chatsrv.model.replies import Reply, Text, Welcome
from chatsrv.protocols.base import Protocol, Reader, Renderer, Writer
from chatsrv.protocols.stray import check_first_bytes, check_first_line
from chatsrv.text.cleaning import clean
from chatsrv.wording.refusals import explain
from chatsrv.wording.replies import tell
from chatsrv.wording.sessions import FAREWELLS, PASSWORD, USERNAME, welcome

HELD_BYTES = 65536
"""Bytes kept after a step of the login until it is decided: one `recv` of a session, which then waits."""

_LINE_END = re.compile(rb"\r[\n\0]?|\n")
_SECOND_HALF = (b"\n", b"\0")
"""What belongs to a CR before it."""


@distinct
class Dialogue(NamedTuple):
    """Questions whose answers are the next lines, whatever these look like, and what comes of the answers."""

    prompts: tuple[bytes, ...]
    first_secret: int | None
    """The place of the prompt from which on what is typed is nobody's business; `None`: all may be seen."""
    make: Callable[..., Command]
    """Takes the answers, as they were typed."""
    regret: Callable[[Refusal | None], Refusal] | None = None
    """What a peer is refused that breaks off, by an empty line, or by what is given; without it that is an answer."""


class _Stage(Enum):
    LOGIN = "asks what the login wants to know"
    DECISION = "waits for `decided`"
    OPEN = "takes lines"


class LinesReader(Reader):
    """Asks for a name and a password, then yields lines. A format built on it overrides `commands`.

    A line ends in CR, LF, CR LF or CR NUL. After a CR it is complete, and an LF or a NUL that follows is swallowed.
    """

    username_prompt: ClassVar[bytes] = USERNAME.encode()
    password_prompt: ClassVar[bytes] = PASSWORD.encode()
    unseen_newline: bytes = b""
    """What the peer gets in place of the line ending behind a secret, where it did not see its own."""

    def __init__(self, line_bytes: int) -> None:
        self._line_bytes = line_bytes
        self._stage = _Stage.LOGIN
        self._is_first_line = True
        self._dialogue: Dialogue | None = self._login_dialogue()
        self._answers: tuple[str, ...] = ()  # those that the dialogue has already, and no longer than it lasts
        self._rest = b""  # the line that has begun; while a step is decided, all that came after it
        self._is_skipping = False  # the line that has begun is too long, and is thrown away up to its end
        self._is_flooded = False  # more came after a step than is kept
        self._is_after_cr = False  # the last line ended in a CR, whose second half may follow
        self._overhead_bytes = 0  # see `take_overhead_bytes`

    @property
    def is_deciding(self) -> bool:
        """Whether a step of the login is out, and nothing is read until `decided`."""
        return self._stage is _Stage.DECISION

    @property
    def is_open(self) -> bool:
        """Whether the login is over, and lines are taken."""
        return self._stage is _Stage.OPEN

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

    def end(self) -> list[Command]:
        """Return what a last line asks for that has no ending; see `Reader.end`. Half a password is not one to try."""
        return self.receive(b"\n") if self._rest and self.is_open else []

    def decided(self, outcome: LoginOutcome) -> list[Command]:
        """Enter, or ask on, and take up what came after the step; see `Reader.decided`."""
        if self._is_flooded:
            raise ProtocolError(f"more than {HELD_BYTES} bytes came before the login was decided")
        held, self._rest = self._rest, b""
        first: Command
        match outcome:
            case Admitted():
                self._stage, first = _Stage.OPEN, Enter()
            case Challenge(prompt, is_hidden):
                shown = self.challenge_prompt(prompt)
                self._stage, self._dialogue = _Stage.LOGIN, Dialogue((shown,), 0 if is_hidden else None, Response)
                first = self._prompt(self._dialogue)
            case _:
                self._stage, self._dialogue = _Stage.LOGIN, self._login_dialogue()
                first = self._prompt(self._dialogue)
        return [first, *(self.receive(held) if held else [])]

    def take_overhead_bytes(self) -> int:
        """See `Reader.take_overhead_bytes`; what is done about lines that come to nothing is to be added to it."""
        overhead, self._overhead_bytes = self._overhead_bytes, 0
        return overhead

    def commands(self, lines: Iterator[str]) -> list[Command]:
        """Return what `lines` mean: they came in this order, are not too long, and have lost their line endings."""
        return [Line(line) for line in lines]

    def challenge_prompt(self, prompt: str) -> bytes:
        """Return what the peer gets for a challenge's `prompt`. To be overridden by formats that are not for people."""
        return clean(prompt).encode()

    def ask(self, dialogue: Dialogue, lines: Iterator[str]) -> list[Command]:
        """Start `dialogue`, whose answers are the next of `lines`; those that are missing are taken when they come.

        To be called by `commands`, which goes on with what is left of its lines.
        """
        self._dialogue = dialogue
        return [self._prompt(dialogue), *self._converse(lines)]

    def conceal(self) -> bytes:
        """Return what makes the peer show no longer what is typed; here that is its own business."""
        return b""

    def reveal(self) -> bytes:
        """Return what ends `conceal`."""
        return b""

    def _login_dialogue(self) -> Dialogue:
        return Dialogue((self.username_prompt, self.password_prompt), 1, Credentials)

    def _take(self, data: bytes) -> list[Command]:
        if data and (b"\r" in data or self._is_after_cr):
            data = self._with_plain_ends(data)
        if self._is_skipping:
            newline = data.find(b"\n")
            if newline < 0:
                return []
            data = data[newline + 1 :]
            self._is_skipping = False
        if b"\n" in data:
            data = self._rest + data
            end = data.rfind(b"\n") + 1
            self._rest = data[end:]
            found = self._block(data[:end])
        else:
            self._rest += data
            found = []
        if len(self._rest) > self._line_bytes:
            self._rest = b""
            self._is_skipping = True
            found += self._complain()
        return found

    def _with_plain_ends(self, data: bytes) -> bytes:
        """Return `data` with an LF at the end of each line, however it was ended."""
        data = self._behind_cr(data)
        self._is_after_cr = data.endswith(b"\r")
        return data.replace(b"\r\n", b"\n").replace(b"\r\0", b"\n").replace(b"\r", b"\n")

    def _behind_cr(self, data: bytes) -> bytes:
        """Return `data` without what belongs to a CR that came before it."""
        if self._is_after_cr and data:
            self._is_after_cr = False
            return data[1:] if data.startswith(_SECOND_HALF) else data
        return data

    def _block(self, block: bytes) -> list[Command]:
        """Return what the whole lines of `block` mean. One split for all: this is the hot path."""
        block = block[:-1]
        if not self._do_all_fit(block):
            return self._mixed(block.split(b"\n"))
        # No part of a character of more than one byte looks like a newline (RFC 3629 §3), so decoding all lines at
        # once gives what decoding each would, replacements included.
        return self._understand(iter(block.decode("utf-8", "replace").split("\n")))

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
                found += self._complain()
            else:
                found += self._understand(iter([line.decode("utf-8", "replace")]))
        return found

    def _understand(self, lines: Iterator[str]) -> list[Command]:
        return self.commands(lines) if self._dialogue is None else [*self._converse(lines), *self.commands(lines)]

    def _complain(self) -> list[Command]:
        """Return what a line gets that is too long, which ends a dialogue behind the login."""
        why: Refusal = LineTooLong(self._line_bytes)
        if self._dialogue is None:
            return [Complaint(explain(why))]
        return self._end(Complaint(explain(self._dialogue.regret(why) if self._dialogue.regret else why)))

    def _log_in(self, data: bytes) -> list[Command]:
        found: list[Command] = []
        rest = self._rest + self._behind_cr(data)
        if self._is_first_line:
            check_first_bytes(rest)
        while self._dialogue is not None:
            ending = _LINE_END.search(rest)
            line = rest[: ending.start()] if ending else rest
            if len(line) > self._line_bytes:
                # Nobody's name or password: a stranger who floods is not worth another line.
                raise ProtocolError(f"a line of more than {self._line_bytes} bytes before the login")
            if not ending:
                self._rest = rest
                return found
            if self._is_first_line:
                check_first_line(line)
                self._is_first_line = False
            rest = rest[ending.end() :]
            self._is_after_cr = not rest and ending[0] == b"\r"
            found += self._answer(self._dialogue, line.decode("utf-8", "replace"))
        self._stage = _Stage.DECISION
        self._rest = b""
        self._hold(rest)
        return found

    def _converse(self, lines: Iterator[str]) -> list[Command]:
        """Take answers from `lines`, and leave what is behind the dialogue's end."""
        found: list[Command] = []
        while self._dialogue is not None and (text := next(lines, None)) is not None:
            found += self._answer(self._dialogue, text)
        return found

    def _answer(self, dialogue: Dialogue, text: str) -> list[Command]:
        if dialogue.regret and not text:
            return self._end(Complaint(explain(dialogue.regret(None))))
        self._answers += (text,)
        if len(self._answers) < len(dialogue.prompts):
            return [self._prompt(dialogue)]
        return self._end(dialogue.make(*self._answers))

    def _prompt(self, dialogue: Dialogue) -> Answer:
        number, secret = len(self._answers), dialogue.first_secret
        prompt = dialogue.prompts[number]
        if number == secret:
            return Answer(self.conceal() + prompt)
        return Answer(self.unseen_newline + prompt if secret is not None and number > secret else prompt)

    def _end(self, outcome: Command) -> list[Command]:
        """End the dialogue, and forget the answers; show again what is typed, if the last question was for a secret."""
        has_secret = self._dialogue is not None and self._dialogue.first_secret is not None
        self._dialogue, self._answers = None, ()
        shown = self.reveal() + self.unseen_newline if has_secret else b""
        return [Answer(shown), outcome] if shown else [outcome]

    def _hold(self, data: bytes) -> None:
        if len(self._rest) + len(data) > HELD_BYTES:
            self._is_flooded = True
            self._rest = b""
        elif not self._is_flooded:
            self._rest += data


class LinesRenderer(Renderer):
    """Shows no entry: there are no rooms."""

    def render(self, entry: Entry) -> bytes:  # noqa: ARG002 - nothing of it is shown
        """Return nothing: a line server has no rooms."""
        return b""


class LinesWriter(Writer):
    """Writes a line for each reply that a line server has."""

    def write(self, reply: Reply) -> bytes:
        """Return `reply` as a line. A `Text` is the line server's own and goes out as it is."""
        match reply:
            case Text(text):
                return f"{text}\n".encode("utf-8", "replace")
            case Welcome():
                return line(welcome(reply))
            case _:
                return b"".join(map(line, tell(reply)))

    def ending(self, reason: Reason) -> bytes:
        """Return the farewell, as a line."""
        return line(FAREWELLS.get(reason, ""))


def line(text: str) -> bytes:
    """Return `text` as one line that is safe to show; no text, no line."""
    return f"{clean(text)}\n".encode() if text else b""


class LinesProtocol(Protocol):
    """The wire format of a line server with logins."""

    name: ClassVar[str] = "lines"
    writer: ClassVar[Writer] = LinesWriter(LinesRenderer())

    def reader(self, line_bytes: int) -> LinesReader:
        """Return a new reader."""
        return LinesReader(line_bytes)
