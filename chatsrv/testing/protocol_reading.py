"""The contract test of a wire format's inward half: a peer's bytes on their way to becoming commands.

Imports no test framework; plain asserts. What is random here is seeded, so that each run does the same. No threads.
"""

import gc
import sys
import types
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from random import Random
from typing import ClassVar

from chatsrv.model.commands import Act, Answer, Command, Complaint, Credentials, Enter, LoginStep, Quit, Response, Say
from chatsrv.model.errors import ProtocolError
from chatsrv.model.login import Admitted, Challenge, LoginOutcome
from chatsrv.model.replies import LoginRefused
from chatsrv.protocols.base import Protocol, Reader
from chatsrv.testing.protocol_samples import HOSTILE, LINE_BYTES, NOISE

RECEIVE_BYTES = 65536
"""The most that a session hands to `Reader.receive` at once."""

RETAINED_BYTES = 4 * (LINE_BYTES + RECEIVE_BYTES)
"""What a reader may keep of its peer's bytes: a line and one receive, four bytes a character once decoded."""

FLOOD_BYTES = 4 * 1024 * 1024

_BEFORE_THE_LOGIN = LoginStep | Answer | Complaint | Quit
_BIDIRECTIONAL = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


class ReadingContract:
    """What every `Reader` promises. A subclass names the protocol, and what a peer sends to log in and to talk."""

    protocol: ClassVar[Protocol]

    login: ClassVar[bytes] = b"alice\nwonderland\n"
    """What a peer sends to log in; not one byte of it more than the credentials need."""

    credentials: ClassVar[Credentials] = Credentials("alice", "wonderland")

    response: ClassVar[bytes] = b"123456\n"
    """What a peer sends to answer `123456` to a challenge; empty for a format that has no way to ask one."""

    talk: ClassVar[tuple[bytes, ...]] = (b"hello\n", "größer\n".encode(), b"/who\r\n", b"\n", b"/nonsense\n", b"last\n")
    """What a peer may send afterwards, piece by piece; together they yield a command at least."""

    def line(self, text: str) -> bytes:
        """Return what a peer sends to say `text`, which may be hostile."""
        return text.encode() + b"\n"

    def test_the_login_yields_the_credentials(self) -> None:
        """Once, as the last command, and not before they are complete."""
        commands = self._reader().receive(self.login)
        assert commands[-1] == self.credentials
        assert not any(isinstance(command, LoginStep) for command in commands[:-1])
        assert not any(isinstance(command, LoginStep) for command in self._reader().receive(self.login[:-1]))

    def test_nobody_enters_before_they_are_admitted(self) -> None:
        """And everybody once, before anything else that needs a login."""
        for sent in (*NOISE, *self.talk, self.login):
            with suppress(ProtocolError):
                assert all(isinstance(each, _BEFORE_THE_LOGIN) for each in self._reader().receive(sent))
        entered = self._play([self.login, *self.talk]).commands
        at = entered.index(Enter())
        assert entered.count(Enter()) == 1
        assert all(isinstance(each, _BEFORE_THE_LOGIN) for each in entered[:at])

    def test_a_challenge_is_answered_by_a_response(self) -> None:
        """Hidden or not, whether the answer is there already or comes later; then the login goes on as without it."""
        if not self.response:
            return
        sent = b"".join(self.talk)
        for challenge in (Challenge("Code: "), Challenge("Favourite colour: ", is_hidden=False)):
            for behind in (0, len(self.response) // 2, len(self.response), len(self.response) + len(sent)):
                reader, further = self._reader(), self.response + sent
                assert reader.receive(self.login + further[:behind])[-1] == self.credentials
                commands = reader.decided(challenge)
                assert any(isinstance(each, Answer) and challenge.prompt.encode() in each.data for each in commands)
                commands += reader.receive(further[behind:])
                assert commands[-1] == Response("123456"), "the response is not the last command, or does not come"
                assert not any(isinstance(each, LoginStep) for each in commands[:-1])
                _, accepted = self._log_in()
                assert reader.decided(Admitted(self.credentials.username)) == accepted + self._talk()

    def test_after_a_refusal_the_peer_may_try_again(self) -> None:
        """Where the format allows for more than one attempt."""
        for _ in range(1, self.protocol.login_attempts):
            reader = self._reader()
            reader.receive(self.login)
            reader.decided(LoginRefused())
            assert reader.receive(self.login)[-1:] == [self.credentials]

    def test_an_opening_is_always_the_same(self) -> None:
        """Whoever asks for it, and how often: it is for a peer that nothing is known of."""
        assert isinstance(self._reader().opening(), bytes)
        assert self._reader().opening() == self._reader().opening()

    def test_nothing_received_is_nothing_asked(self) -> None:
        """Before the login and after it."""
        assert self._reader().receive(b"") == []
        reader, _ = self._log_in()
        assert reader.receive(b"") == []

    def test_what_comes_behind_the_credentials_waits_for_the_decision(self) -> None:
        """Also what comes in a later piece; then it is read as if it had come after."""
        _, accepted = self._log_in()
        expected = accepted + self._talk()
        assert expected, "`talk` yields no command"
        sent = b"".join(self.talk)
        for first in (sent, b"", sent[: len(sent) // 2]):
            reader = self._reader()
            commands = reader.receive(self.login + first)
            assert commands[-1] == self.credentials, "something after the credentials was read before `decided`"
            assert reader.receive(sent[len(first) :]) == []
            assert reader.decided(Admitted(self.credentials.username)) == expected

    def test_whole_and_in_pieces_give_the_same_commands(self) -> None:
        """Byte by byte, in random pieces, and in one."""
        self.check(b"".join(self.talk))

    def test_only_protocol_errors_escape(self) -> None:
        """Whatever comes, before the login and after it, in whatever pieces."""
        random = Random(61116)
        alphabet = sorted({*b"".join(self.talk), *b"\0\n\r\x08\x1b\x7f\xff /:"})
        for data in (
            *NOISE,
            *(random.randbytes(random.randrange(1000)) for _ in range(20)),
            *(bytes(random.choices(alphabet, k=random.randrange(1000))) for _ in range(20)),
        ):
            self.check(data)

    def test_two_readers_share_nothing(self) -> None:
        """Two peers whose bytes come in turns read as each alone."""
        sent = self.login + b"".join(self.talk)
        one, other = _Peer(self._reader()), _Peer(self._reader())
        for byte in sent:
            one.send(bytes([byte]))
            other.send(bytes([byte]))
        assert one.commands == other.commands == self._play([sent]).commands

    def test_an_endless_line_is_not_kept(self) -> None:
        """Neither before the login, nor while it is decided, nor after it. Counts what `retained_bytes` can see."""
        deciding = self._reader()
        deciding.receive(self.login)
        for reader in (self._reader(), deciding, self._log_in()[0]):
            before = retained_bytes(reader)
            for _ in range(FLOOD_BYTES // RECEIVE_BYTES):
                try:
                    reader.receive(b"x" * RECEIVE_BYTES)
                except ProtocolError:
                    break
            grown = retained_bytes(reader) - before
            assert grown <= RETAINED_BYTES, f"the reader keeps {grown} bytes of an endless line"

    def test_what_is_said_is_safe_on_any_terminal(self) -> None:
        """The reader cleans, the renderer trusts: what is once an entry is shown by other formats too."""
        for hostile in HOSTILE:
            for command in self._play([self.login, self.line(f"a{hostile}b")]).commands:
                if isinstance(command, Say | Act):
                    assert is_safe(command.text), f"{hostile!a} was taken as {command.text!a}"
                    assert command.text.encode()

    # ------------------------------------------------------------------ to be called

    def check(self, data: bytes) -> None:
        """Assert that `data` reads the same in any pieces, or is unreadable in any, wherever in a login it is sent.

        For fuzzers: raises `AssertionError`, or whatever escaped the reader.
        """
        random = Random(len(data))
        for sent, challenges in ((data, 0), (self.login + data, 0), (self.login + data, 1)):
            whole = self._play([sent], challenges)
            whole.end()
            assert whole.commands.count(Enter()) <= 1
            cuts = sorted(random.choices(range(len(sent) + 1), k=5))
            for pieces in (
                [bytes([byte]) for byte in sent],
                [sent[start:end] for start, end in zip([0, *cuts], [*cuts, len(sent)], strict=True)],
            ):
                played = self._play(pieces, challenges)
                played.end()
                assert played.is_unreadable == whole.is_unreadable, "whether it can be read depends on the pieces"
                # An error takes along what came in one piece with it; the session ends anyway.
                assert whole.is_unreadable or played.commands == whole.commands, "what is read depends on the pieces"

    # ------------------------------------------------------------------ private

    def _reader(self) -> Reader:
        return self.protocol.reader(LINE_BYTES)

    def _log_in(self) -> tuple[Reader, list[Command]]:
        reader = self._reader()
        reader.receive(self.login)
        return reader, reader.decided(Admitted(self.credentials.username))

    def _talk(self) -> list[Command]:
        reader, _ = self._log_in()
        return reader.receive(b"".join(self.talk))

    def _play(self, pieces: Iterable[bytes], challenges: int = 0) -> "_Peer":
        peer = _Peer(self._reader(), challenges if self.response else 0)
        for piece in pieces:
            peer.send(piece)
        return peer


class _Peer:
    """A peer whose every login succeeds, after so many challenges, and what came of it."""

    def __init__(self, reader: Reader, challenges: int = 0) -> None:
        self.reader = reader
        self.challenges = challenges
        self.name = ""
        self.commands: list[Command] = []
        self.is_unreadable = False

    def send(self, data: bytes) -> None:
        self._take(lambda: self.reader.receive(data))

    def end(self) -> None:
        self._take(self.reader.end)

    def _take(self, read: Callable[[], list[Command]]) -> None:
        if self.is_unreadable:
            return
        try:
            commands = read()
            self.commands += commands
            while commands and isinstance(step := commands[-1], LoginStep):
                commands = self.reader.decided(self._outcome(step))
                self.commands += commands
        except ProtocolError:
            self.is_unreadable = True

    def _outcome(self, step: LoginStep) -> LoginOutcome:
        if isinstance(step, Credentials):
            self.name = step.username
        if self.challenges:
            self.challenges -= 1
            return Challenge("Code: ")
        return Admitted(self.name)


def is_safe(text: str) -> bool:
    """Tell whether `text` is one line that cannot move, restyle or reorder what a terminal shows."""
    return not any(
        unicodedata.category(character) in ("Cc", "Zl", "Zp", "Cs") or character in _BIDIRECTIONAL for character in text
    )


def retained_bytes(reader: Reader) -> int:
    """Return the size of everything that `reader` holds on to, as far as `sys.getsizeof` can tell.

    Code, classes and modules do not count, nor does what an extension type hides.
    """
    seen: dict[int, object] = {}
    waiting: Sequence[object] = [reader]
    while waiting:
        fresh = {id(item): item for item in waiting if id(item) not in seen and not isinstance(item, _SHARED)}
        seen |= fresh
        waiting = gc.get_referents(*fresh.values())
    return sum(map(sys.getsizeof, seen.values()))


_SHARED = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.CodeType, Protocol)
