"""Our own wire formats prove themselves by the published contract, and the contract proves that it finds faults."""

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatsrv.model.commands import Answer, Command, Credentials, Enter, Quit, Say
from chatsrv.model.login import Admitted, Challenge, LoginOutcome
from chatsrv.model.replies import LoginRefused
from chatsrv.model.verbs import VERBS, Verb
from chatsrv.protocols.base import Reader
from chatsrv.protocols.lines import LinesProtocol
from chatsrv.protocols.plain import PlainProtocol, PlainReader
from chatsrv.protocols.telnet import TelnetProtocol
from chatsrv.testing.protocol import ProtocolContract
from chatsrv.testing.protocol_reading import is_safe, retained_bytes
from chatsrv.testing.protocol_samples import LINE_BYTES

# Bytes that mean something to one format or another come often; long runs bring lines across the limit.
PIECES = st.one_of(
    st.binary(max_size=20),
    st.sampled_from(
        [b"\n", b"\r\n", b"\r\0", b"\r", b" ", b"/", b"/me ", b"/quit\n", b"/password\n", b"\x7f", b"\x15", b"\x1b[2J"]
    ),
    st.sampled_from(
        [b"/history ", b"/history\n", b"-1", b"20", b"1e3", "\u0662\u0660".encode(), b"/search ", b"/more\n"]
    ),
    st.sampled_from([bytes([255, code]) for code in (240, 244, 246, 247, 248, 250, 255)]),
    st.sampled_from([bytes([255, verb, option]) for verb in (251, 252, 253, 254) for option in (1, 3, 6, 10, 255)]),
    st.sampled_from([b"x" * (LINE_BYTES - 1), "é".encode() * (LINE_BYTES // 2), b"\xc3", "\u202e".encode()]),
)
ANYTHING = st.lists(PIECES, max_size=12).map(b"".join)


class TestLines(ProtocolContract):
    protocol = LinesProtocol()

    @given(ANYTHING)
    def test_any_bytes(self, data: bytes) -> None:
        self.check(data)


class TestPlain(ProtocolContract):
    protocol = PlainProtocol()

    @given(ANYTHING)
    def test_any_bytes(self, data: bytes) -> None:
        self.check(data)

    @given(st.text())
    def test_any_text_is_safe_once_said(self, text: str) -> None:
        reader = self._reader()
        reader.receive(self.login)
        reader.decided(Admitted("alice"))
        for command in reader.receive(text.encode("utf-8", "replace") + b"\n"):
            assert not isinstance(command, Say) or is_safe(command.text)

    @pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
    @given(st.text())
    def test_any_text_is_safe_once_it_stands_behind_a_command(self, verb: Verb, text: str) -> None:
        reader = self._reader()
        reader.receive(self.login)
        reader.decided(Admitted("alice"))
        for command in reader.receive(f"/{verb.name} bob {text}".encode("utf-8", "replace") + b"\n"):
            if not isinstance(command, Answer):
                assert all(is_safe(field) for field in command if isinstance(field, str))


class TestTelnet(ProtocolContract):
    protocol = TelnetProtocol()
    login = b"alicx\x7fe\r\nwonderland\r"
    talk = (b"hello\r\n", b"b\xff\xf6ye\r\0", b"\xff\xfd\x01\xff\xfd\x01\xff\xfb\x1f", b"/who\n", b"xy\x7f\n")

    @given(ANYTHING)
    def test_any_bytes(self, data: bytes) -> None:
        self.check(data)


class SeveralAttempts(PlainProtocol):
    login_attempts = 3


class TestSeveralAttempts(ProtocolContract):
    protocol = SeveralAttempts()


class Faulty(PlainReader):
    """Right but for one fault, named by the test's parameter."""

    fault = ""

    def receive(self, data: bytes) -> list[Command]:
        match self.fault:
            case "raises":
                if b"\xff" in data:
                    raise ValueError(data)
            case "depends on the pieces":
                if data.endswith(b"o\n"):
                    return [*super().receive(data), Say("!")]
            case "keeps everything":
                self.kept = getattr(self, "kept", b"") + data
            case "forgets to wait":
                found = super().receive(data)
                has_step = any(isinstance(each, Credentials) for each in found)
                return found + self.decided(Admitted("alice")) if has_step else found
            case "lets anybody in":
                return [Enter(), *super().receive(data)] if b"\n" in data else super().receive(data)
        return super().receive(data)

    def decided(self, outcome: LoginOutcome) -> list[Command]:
        if self.fault == "asks nothing" and isinstance(outcome, Challenge):
            return super().decided(Admitted("alice"))
        if self.fault == "gives up" and isinstance(outcome, LoginRefused):
            return [Quit()]
        return super().decided(outcome)

    def commands(self, lines: Iterator[str]) -> list[Command]:
        return [Say(line) for line in lines] if self.fault == "shows everything" else super().commands(lines)


@pytest.mark.parametrize(
    ("fault", "test"),
    [
        ("raises", "test_only_protocol_errors_escape"),
        ("depends on the pieces", "test_whole_and_in_pieces_give_the_same_commands"),
        ("keeps everything", "test_an_endless_line_is_not_kept"),
        ("forgets to wait", "test_what_comes_behind_the_credentials_waits_for_the_decision"),
        ("lets anybody in", "test_nobody_enters_before_they_are_admitted"),
        ("asks nothing", "test_a_challenge_is_answered_by_a_response"),
        ("gives up", "test_after_a_refusal_the_peer_may_try_again"),
        ("shows everything", "test_what_is_said_is_safe_on_any_terminal"),
    ],
)
def test_contract_finds_the_fault(fault: str, test: str) -> None:
    class FaultyProtocol(PlainProtocol):
        login_attempts = 2

        def reader(self, line_bytes: int) -> PlainReader:
            reader = Faulty(line_bytes)
            reader.fault = fault
            return reader

    class Contract(ProtocolContract):
        protocol = FaultyProtocol()
        talk = (b"hello\n", b"ho\n")

    with pytest.raises((AssertionError, ValueError)):
        getattr(Contract(), test)()


def test_retained_bytes_sees_what_a_reader_keeps() -> None:
    reader: Reader = LinesProtocol().reader(LINE_BYTES)
    before = retained_bytes(reader)
    reader.receive(b"x" * LINE_BYTES)
    assert LINE_BYTES <= retained_bytes(reader) - before <= LINE_BYTES + 100
