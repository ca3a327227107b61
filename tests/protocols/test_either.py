"""One listener for nc and for telnet programs: who speaks telnet is answered in telnet, everybody else in plain."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatsrv.model.commands import Answer, Command, Credentials, Say
from chatsrv.model.login import Admitted
from chatsrv.protocols.either import EitherProtocol, EitherReader
from chatsrv.protocols.plain import PlainProtocol
from chatsrv.protocols.telnet import TelnetProtocol, TelnetReader
from chatsrv.testing.protocol import ProtocolContract

IAC, DONT, DO, WONT, WILL, AYT, IP = (bytes([code]) for code in (255, 254, 253, 252, 251, 246, 244))
ECHO, SUPPRESS_GO_AHEAD, TIMING_MARK, TERMINAL_TYPE, SPEED, WINDOW_SIZE, VARIABLES = (
    bytes([code]) for code in (1, 3, 6, 24, 32, 31, 39)
)

PUTTY = (
    *(IAC + WILL + option for option in (WINDOW_SIZE, SPEED, TERMINAL_TYPE, VARIABLES)),
    *(IAC + DO + ECHO, IAC + WILL + SUPPRESS_GO_AHEAD, IAC + DO + SUPPRESS_GO_AHEAD),
)
"""What PuTTY sends in Telnet mode before anything else."""


class TestEither(ProtocolContract):
    protocol = EitherProtocol()

    @given(st.binary())
    def test_any_bytes(self, data: bytes) -> None:
        self.check(data)

    @given(
        st.lists(
            st.sampled_from(
                [b"\xff", b"\xf4", b"\xf6", b"\xfd\x06", b"\xff\xfb\x1f", b"a", b"\r", b"\n", b"\0", b"x\x7f"]
            ),
            max_size=40,
        ).map(b"".join)
    )
    def test_telnet_that_begins_anywhere(self, data: bytes) -> None:
        self.check(data)


def commands_of(reader: EitherReader | TelnetReader, sent: bytes) -> list[Command]:
    found = reader.receive(sent)
    return found + reader.decided(Admitted("alice")) if isinstance(found[-1], Credentials) else found


def test_putty_in_telnet_mode_is_answered_as_on_a_telnet_listener() -> None:
    sent = b"".join(PUTTY) + b"alice\r\nwonderland\r\n" + IAC + DO + ECHO + b"hi\r\n" + IAC + AYT
    either, telnet = EitherProtocol().reader(64), TelnetProtocol().reader(64)
    assert commands_of(either, sent) == commands_of(telnet, sent)
    assert either.writer is TelnetProtocol.writer
    assert Answer(IAC + WILL + ECHO + b"Password: ") in commands_of(EitherProtocol().reader(64), sent)


def test_a_peer_that_says_nothing_in_telnet_gets_the_plain_protocol_byte_for_byte() -> None:
    sent = b"alice\r\nwonderland\r\nhi\r\n/password\nold\nnew\nnew\n" + "größer\x7f\n".encode()
    either, plain = EitherProtocol().reader(64), PlainProtocol().reader(64)
    assert either.opening() == plain.opening()
    found, expected = either.receive(sent), plain.receive(sent)
    assert [*found, *either.decided(Admitted("alice"))] == [*expected, *plain.decided(Admitted("alice"))]
    assert not any(isinstance(command, Answer) and IAC in command.data for command in found)
    assert either.writer is None


def test_a_password_may_begin_with_what_would_be_telnet() -> None:
    either, plain = EitherProtocol().reader(64), PlainProtocol().reader(64)
    sent = b"alice\n\xff\xfe\n"
    assert either.receive(sent) == plain.receive(sent)
    assert either.writer is None


def test_ctrl_c_of_a_telnet_program_is_obeyed_though_it_said_nothing_in_telnet_before() -> None:
    reader = EitherProtocol().reader(64)
    commands_of(reader, b"alice\r\nwonderland\r\n")
    assert reader.receive(b"half a li" + IAC) == []
    assert reader.receive(IP + IAC + DO + TIMING_MARK) == [Answer(IAC + WILL + TIMING_MARK)]
    assert reader.receive(b"whole\r\n") == [Say("whole")]
    assert reader.receive(b"/password\r\n") == [Answer(IAC + WILL + ECHO + b"Old password: ")]


@pytest.mark.parametrize("text", [b"\xff\xfe", b"\xffber", b"\xff\xff", b"\xfb\xff\xfd"])
def test_text_that_is_no_utf_8_stays_text(text: bytes) -> None:
    either, plain = EitherProtocol().reader(64), PlainProtocol().reader(64)
    for reader in (either, plain):
        commands_of(reader, b"alice\nwonderland\n")  # type: ignore[arg-type]
    sent = b"x" + text + b"\n" + text + b"y\n" + text
    assert either.receive(sent) + either.end() == plain.receive(sent) + plain.end()


@pytest.mark.parametrize(
    ("sent", "quits"),
    [
        (b"", 0),
        (b"/quit", 0),
        (b"/quit\n", 1),
        (b"hello\n/QUIT \r\n", 1),
        (b"hello\n/quit\n/quit\n", 2),
        (b"/quit\r\0/quit\r", 2),
        (b"/quit\n" * 9, 2),
        (b"/quit\nhello\n", 0),
        (b"say /quit\n", 0),
        (b"/quit\nno\n/quit\n", 1),
        (b"x" * 500 + b"\n/quit\n\n/quit\n", 2),
    ],
)
def test_a_wish_to_leave_is_seen_at_the_end_of_what_was_sent(sent: bytes, quits: int) -> None:
    assert EitherProtocol().reader(64).quits(sent) == quits


def test_a_line_that_a_telnet_program_has_not_finished_is_not_said() -> None:
    reader = EitherProtocol().reader(64)
    commands_of(reader, PUTTY[0] + b"alice\r\nwonderland\r\n")
    reader.receive(b"never mi")
    assert reader.end() == []
