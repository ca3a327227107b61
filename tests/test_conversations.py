r"""Conversations that read like a transcript, each played through every protocol that people chat by.

`tests/conversations/*.talk` are played from top to bottom. Whoever says something stands first: a name, which is his
account's, or `name@device` when one account has several sessions. Then comes what happens:

    alice connects          a connection is made; the prompt has not been read yet
    alice logs in           connects, and answers both prompts with the right name and password
    alice> hello            alice types a line
    bob< <alice> hello      exactly this is the next line, or the next prompt, that bob sees
    bob< ...                bob sees lines that do not matter, up to the line that is written next for him
    bob< (the end)          bob's stream has ended, and there was nothing before that
    alice closes            alice's program ends without a word
    alice resets            alice's program crashes: the connection is reset
    alice half-closes       alice's program says that it will send no more, and reads on

`\xNN` stands for a byte and `\n` for the end of a line, in what is typed as in what is seen, so `alice> a\nb` are two
lines in one packet. A typed line that ends in a backslash has not ended yet. `[14:03] ` before what is seen is any
time. `#` begins a comment, and `limits: NAME=VALUE ...` are other limits than a patient server's.

In the end everybody who is still there quits, one after the other, and has seen nothing else. Nothing is played in
parallel, so a script has somebody see each line before it goes on to what must come after it.
"""

import contextlib
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatsrv.app.sessions import PlainSession, TelnetSession
from chatsrv.chat.hub import Hub
from chatsrv.net.listening.server import LoginServer
from chatsrv.net.sessions.chatsession import ChatSession
from tests.peer import PASSWORDS, Peer, running_chat, with_any_time

SCRIPTS = sorted((Path(__file__).parent / "conversations").glob("*.talk"))
DEEDS = ("connects", "logs in", "closes", "resets", "half-closes")
STEP = re.compile(rf"(?P<who>\w+(?:@\w+)?)(?:(?P<way>[<>])(?: (?P<text>.*))?| (?P<deed>{'|'.join(DEEDS)}))")
PROMPTS = ("Username:", "Password:")
THE_END = "(the end)"
ANYTHING = "..."

IAC = b"\xff"


class PlainEnd:
    """What somebody's program sends and shows, with nothing but lines."""

    line_end = b"\n"

    def __init__(self, server: LoginServer) -> None:
        self.peer = Peer(server)
        self.is_in = False

    def type(self, data: bytes) -> None:
        """Send `data`, its line endings as this program sends them."""
        self.peer.send(data.replace(b"\n", self.line_end))

    def byte(self) -> bytes:
        """Return the next byte that is shown, empty at the end of the stream."""
        return self.peer.socket.recv(1)

    def line(self) -> bytes:
        """Return the next line without its ending, or what there is of it at the end of the stream."""
        return self._up_to(b"\n").removesuffix(b"\n")

    def prompt(self) -> bytes:
        """Return what is shown up to a colon and a space."""
        return self._up_to(b": ")

    def _up_to(self, end: bytes) -> bytes:
        shown = b""
        while not shown.endswith(end) and (byte := self.byte()):
            shown += byte
        return shown


class TelnetEnd(PlainEnd):
    """What a telnet program sends and shows: its own line ending, and nothing of the negotiation."""

    line_end = b"\r\n"

    def type(self, data: bytes) -> None:
        super().type(data.replace(IAC, IAC + IAC))

    def byte(self) -> bytes:
        byte = super().byte()
        while byte == IAC:
            verb, option = super().byte(), super().byte()
            assert option == b"\x01", f"negotiates {verb + option!r}"
            byte = super().byte()
            if verb == b"\xfc":  # the echo ends, and with it the line on which the password was not shown
                assert byte + super().byte() == b"\r\n"
                byte = super().byte()
        if byte == b"\r":
            byte = super().byte()
            assert byte == b"\n", "a carriage return alone"
        return byte


PROTOCOLS: dict[str, tuple[type[ChatSession], type[PlainEnd]]] = {
    "plain": (PlainSession, PlainEnd),
    "telnet": (TelnetSession, TelnetEnd),
}


class Stage:
    """Where a script is played: one server, and everybody's end of a connection to it."""

    def __init__(self, server: LoginServer, end: type[PlainEnd]) -> None:
        self._server = server
        self._end = end
        self._ends: dict[str, PlainEnd] = {}
        self._skipping: set[str] = set()  # those of whom a line is awaited, whatever comes before it

    def play(self, who: str, way: str | None, text: str, deed: str | None) -> None:
        """Play one step."""
        if deed in ("connects", "logs in"):
            self._connect(who, has_login=deed == "logs in")
        elif deed == "half-closes":
            self._ends[who].peer.socket.shutdown(socket.SHUT_WR)
        elif deed:
            peer = self._ends.pop(who).peer
            peer.reset() if deed == "resets" else peer.socket.close()
        elif way == ">":
            is_open = text.endswith("\\")
            self._ends[who].type(unescaped(text.removesuffix("\\") if is_open else text + r"\n"))
        else:
            self._see(who, text)

    def close(self) -> None:
        """Drop all connections."""
        for end in self._ends.values():
            end.peer.socket.close()

    def quit_all(self) -> None:
        """Have everybody quit who is still there. Nobody has seen anything else."""
        assert not self._skipping
        while self._ends:
            who, end = self._ends.popitem()
            assert end.is_in, f"{who} did not log in, and has not gone"
            end.type(b"/quit\n")
            assert end.line() == b"Goodbye!", who
            assert end.line() == b"", who
            end.peer.socket.close()
            account = account_of(who)
            if account not in map(account_of, self._ends):
                for other, its in self._ends.items():
                    assert its.line() == f"* {account} left".encode(), other

    def _connect(self, who: str, *, has_login: bool) -> None:
        assert who not in self._ends, f"{who} is connected already"
        end = self._ends[who] = self._end(self._server)
        if has_login:
            account = account_of(who)
            for prompt, answer in zip(PROMPTS, (account, PASSWORDS[account]), strict=True):
                assert end.prompt().decode() == f"{prompt} "
                end.type(f"{answer}\n".encode())

    def _see(self, who: str, text: str) -> None:
        end = self._ends[who]
        if text == ANYTHING:
            self._skipping.add(who)
        elif text == THE_END:
            assert end.byte() == b""
            self._ends.pop(who).peer.socket.close()
        elif text in PROMPTS:
            assert end.prompt().decode() == f"{text} "
        else:
            expected = unescaped(text)
            seen = with_any_time(end.line().decode()).encode()
            while who in self._skipping and seen and seen != expected:
                seen = with_any_time(end.line().decode()).encode()
            assert seen == expected
            self._skipping.discard(who)
            end.is_in = end.is_in or text.startswith("Welcome, ")


def account_of(who: str) -> str:
    """Return the account of somebody who may have several devices."""
    return who.partition("@")[0]


def unescaped(text: str) -> bytes:
    """Return the bytes that a script's text stands for."""
    data = text.encode().replace(rb"\n", b"\n")
    return re.sub(rb"\\x([0-9a-f]{2})", lambda match: bytes.fromhex(match[1].decode()), data)


def steps(script: Path) -> tuple[dict[str, float], list[tuple[int, re.Match[str]]]]:
    """Return a script's limits, and its steps with their line numbers."""
    limits: dict[str, float] = {}
    found = []
    for number, line in enumerate(script.read_text().splitlines(), 1):
        if line.startswith("limits:"):
            limits = {name: float(value) if "." in value else int(value) for name, value in settings(line)}
        elif line.strip() and not line.startswith("#"):
            step = STEP.fullmatch(line)
            assert step, f"{script.name}:{number} is no step: {line}"
            found.append((number, step))
    return limits, found


def settings(line: str) -> Iterator[tuple[str, str]]:
    """Yield names and values of `limits: NAME=VALUE ...`."""
    for setting in line.removeprefix("limits:").split():
        name, _, value = setting.partition("=")
        yield name, value


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_conversation(script: Path, protocol: str) -> None:
    session, end = PROTOCOLS[protocol]
    limits, found = steps(script)
    with running_chat(session, Hub(), **limits) as server, contextlib.closing(Stage(server, end)) as stage:
        for number, step in found:
            try:
                stage.play(step["who"], step["way"], step["text"] or "", step["deed"])
            except (AssertionError, OSError) as error:
                raise AssertionError(f"{script.name}:{number}: {step[0]}") from error
        stage.quit_all()


def test_there_are_conversations() -> None:
    assert SCRIPTS
