"""The lines protocol: the login, the lines, and what a peer that misbehaves gets."""

import pytest

from chatsrv.model.commands import Answer, Command, Complaint, Credentials, Enter, Line
from chatsrv.model.entries import Entry, Kind
from chatsrv.model.errors import ProtocolError
from chatsrv.model.login import Admitted
from chatsrv.model.reasons import Reason
from chatsrv.model.replies import LoginRefused, Notice, Present, Text, Welcome
from chatsrv.protocols.lines import HELD_BYTES, LinesProtocol, LinesReader
from chatsrv.protocols.telnet import TelnetProtocol

PASSWORD_PROMPT = Answer(b"Password: ")


def logged_in(line_bytes: int = 64) -> LinesReader:
    reader = LinesProtocol().reader(line_bytes)
    reader.receive(b"alice\nwonderland\n")
    assert reader.decided(Admitted("alice")) == [Enter()]
    return reader


def test_login_asks_for_name_and_password() -> None:
    reader = LinesProtocol().reader(64)
    assert reader.opening() == b"Username: "
    assert reader.receive(b"alice\n") == [PASSWORD_PROMPT]
    assert reader.receive(b"wonderland\n") == [Credentials("alice", "wonderland")]


@pytest.mark.parametrize(
    ("sent", "credentials"),
    [
        (b"alice\r\nwonderland\r\n", Credentials("alice", "wonderland")),
        (b"\n\n", Credentials("", "")),
        (b"  alice \n two words \n", Credentials("  alice ", " two words ")),
        ("zoë\nπ\n".encode(), Credentials("zoë", "π")),
        (b"al\xffice\n\xc3\n", Credentials("al\ufffdice", "\ufffd")),
        (b"a\rb\0c\r", Credentials("a", "b\0c")),
        (b"a\r\0b\r", Credentials("a", "b")),
        (b"\r\r", Credentials("", "")),
    ],
)
def test_credentials_are_handed_over_as_typed(sent: bytes, credentials: Credentials) -> None:
    assert LinesProtocol().reader(64).receive(sent) == [PASSWORD_PROMPT, credentials]


def test_lines_behind_the_credentials_wait_for_the_login_to_succeed() -> None:
    reader = LinesProtocol().reader(64)
    assert reader.receive(b"alice\nwonderland\nfirst\nsec") == [PASSWORD_PROMPT, Credentials("alice", "wonderland")]
    assert reader.receive(b"ond\nthi") == []
    assert reader.decided(Admitted("alice")) == [Enter(), Line("first"), Line("second")]
    assert reader.receive(b"rd\n") == [Line("third")]


@pytest.mark.parametrize("chunk_bytes", [1000, HELD_BYTES + 1])
def test_flood_behind_the_credentials_is_not_kept(chunk_bytes: int) -> None:
    reader = LinesProtocol().reader(64)
    reader.receive(b"alice\nwonderland\n")
    for _ in range(HELD_BYTES // chunk_bytes + 1):
        assert reader.receive(b"x" * chunk_bytes) == []
    with pytest.raises(ProtocolError, match="65536 bytes"):
        reader.decided(Admitted("alice"))


def test_one_receive_behind_the_credentials_is_kept_whole() -> None:
    reader = LinesProtocol().reader(64)
    reader.receive(b"alice\nwonderland\n")
    reader.receive(b"x\n" * (HELD_BYTES // 2))
    assert reader.decided(Admitted("alice")) == [Enter(), *[Line("x")] * (HELD_BYTES // 2)]


@pytest.mark.parametrize("sent", [b"x" * 65, b"x" * 65 + b"\n", b"x" * 65 + b"\r", b"alice\n" + b"x" * 65 + b"\n"])
def test_too_long_a_line_before_the_login_ends_the_session(sent: bytes) -> None:
    with pytest.raises(ProtocolError, match="more than 64 bytes before the login"):
        LinesProtocol().reader(64).receive(sent)


@pytest.mark.parametrize(
    ("sent", "problem"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "TLS handshake"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n", "HTTP request"),
        (b"POST /x HTTP/1.1\r\n\r\nalice\r\nwonderland\r\n", "HTTP request"),
        (b"SSH-2.0-PuTTY_Release_0.83\r\n", "SSH client"),
    ],
)
def test_other_protocols_are_told_by_name(sent: bytes, problem: str) -> None:
    with pytest.raises(ProtocolError, match=problem):
        LinesProtocol().reader(4096).receive(sent)


TOO_LONG = Complaint("That line was too long and was not taken: a line may have up to 64 bytes.")


@pytest.mark.parametrize(
    ("sent", "commands"),
    [
        (b"one\ntwo\r\n", [Line("one"), Line("two")]),
        (b"\n", [Line("")]),
        (b"one\r\rtwo\n\rthree\0\r", [Line("one"), Line(""), Line("two"), Line(""), Line("three\0")]),
        (b"\xff\xe2\x82\nok\n", [Line("\ufffd\ufffd"), Line("ok")]),
        (b"x" * 64 + b"\r\n", [Line("x" * 64)]),
        (b"x" * 65 + b"\nnext\n", [TOO_LONG, Line("next")]),
        (b"x" * 64 + b"\r\r\nnext\r", [Line("x" * 64), Line(""), Line("next")]),
        (b"x" * 65 + b"\rnext\r\0", [TOO_LONG, Line("next")]),
        (
            b"a\n" + b"x" * 1000 + b"\r\nb\n" + b"y" * 65 + b"\nc\n",
            [Line("a"), TOO_LONG, Line("b"), TOO_LONG, Line("c")],
        ),
        ("é".encode() * 33 + b"\n", [TOO_LONG]),
        (b"x" * 1000, [TOO_LONG]),
    ],
)
def test_lines(sent: bytes, commands: list[Command]) -> None:
    assert logged_in().receive(sent) == commands
    reader = logged_in()
    assert [command for byte in sent for command in reader.receive(bytes([byte]))] == commands


def test_endless_line_is_complained_of_once() -> None:
    reader = logged_in()
    commands = [command for _ in range(100) for command in reader.receive(b"x" * 1000)]
    assert commands == [TOO_LONG]
    assert reader.receive(b"\nback\n") == [Line("back")]


def test_replies_are_lines() -> None:
    render = LinesProtocol.writer.write
    assert render(Welcome("alice", ("bob",))) == b"Welcome, alice!\n"
    assert render(LoginRefused()) == b"Login failed.\n"
    assert render(Notice("Slow down.")) == b"Slow down.\n"
    assert render(Notice("two\nlines\x1b[2J")) == b"two lines\n"
    assert render(Text("a\tb")) == b"a\tb\n"
    assert render(Text("")) == b"\n"
    assert render(Present("lobby", ("alice",))) == b"Here now: alice.\n"


def test_the_end_is_a_line_too_unless_there_is_nothing_to_say() -> None:
    assert LinesProtocol.writer.ending(Reason.QUIT) == b"Goodbye!\n"
    assert TelnetProtocol.writer.ending(Reason.QUIT) == b"Goodbye!\r\n"
    assert LinesProtocol.writer.ending(Reason.TIMED_OUT) == b""


def test_entries_are_not_shown() -> None:
    assert LinesProtocol.writer.renderer.render(Entry(1, 0.0, "lobby", Kind.SAY, "bob", 2, "hi")) == b""


@pytest.mark.parametrize("sent", [b"SSH-key\n", b"alice\nSSH-2.0-secret\n"])
def test_a_name_or_a_password_may_look_like_ssh(sent: bytes) -> None:
    assert LinesProtocol().reader(64).receive(sent)


def test_the_second_half_of_the_ending_behind_the_password_is_no_line() -> None:
    reader = LinesProtocol().reader(64)
    reader.receive(b"alice\rsecret\r")
    assert reader.receive(b"\nhello\r") == []
    assert reader.decided(Admitted("alice")) == [Enter(), Line("hello")]
    assert reader.receive(b"\0\n") == [Line("")]


def test_a_last_line_without_an_ending_is_taken_at_the_end_of_the_input() -> None:
    reader = logged_in()
    assert reader.receive(b"first\nlast") == [Line("first")]
    assert reader.end() == [Line("last")]


@pytest.mark.parametrize("sent", [b"", b"whole\n", b"whole\r", b"x" * 65, b"x" * 1000])
def test_nothing_is_taken_at_the_end_of_the_input_where_no_line_has_begun(sent: bytes) -> None:
    reader = logged_in()
    reader.receive(sent)
    assert reader.end() == []


@pytest.mark.parametrize("sent", [b"ali", b"alice\nwonderl"])
def test_half_a_name_or_password_is_not_tried_at_the_end_of_the_input(sent: bytes) -> None:
    reader = LinesProtocol().reader(64)
    reader.receive(sent)
    assert reader.end() == []
