"""The telnet variant: negotiation, editing, line endings, and what telnet's own bytes may not do."""

import contextlib
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatsrv.model.commands import Act, Answer, Command, Credentials, Enter, Say
from chatsrv.model.entries import Entry, Kind
from chatsrv.model.errors import ProtocolError
from chatsrv.model.login import Admitted
from chatsrv.model.replies import CommandList, Past, Text, Welcome
from chatsrv.protocols.telnet import TelnetProtocol, TelnetReader

IAC, DONT, DO, WONT, WILL, SB, EL, EC, AYT, IP, NOP, SE = (
    bytes([code]) for code in (255, 254, 253, 252, 251, 250, 248, 247, 246, 244, 241, 240)
)
ECHO, SUPPRESS_GO_AHEAD, TIMING_MARK, WINDOW_SIZE = b"\x01", b"\x03", b"\x06", b"\x1f"

PASSWORD_PROMPT = Answer(IAC + WILL + ECHO + b"Password: ")
PASSWORD_END = Answer(IAC + WONT + ECHO + b"\r\n")
PRESENT = Answer(b"\r\n[Yes, I am here.]\r\n")


def logged_in(line_bytes: int = 64) -> TelnetReader:
    reader = TelnetProtocol().reader(line_bytes)
    reader.receive(b"alice\r\nwonderland\r\n")
    assert reader.decided(Admitted("alice")) == [Enter()]
    return reader


def test_password_is_typed_without_echo() -> None:
    reader = TelnetProtocol().reader(64)
    assert reader.opening() == b"Username: "
    assert reader.receive(b"alice\r\n") == [PASSWORD_PROMPT]
    assert reader.receive(IAC + DO + ECHO) == []
    assert reader.receive(b"wonderland\r\n") == [PASSWORD_END, Credentials("alice", "wonderland")]
    assert reader.decided(Admitted("alice")) == [Enter()]
    assert reader.receive(IAC + DONT + ECHO + b"hello\r\n") == [Say("hello")]


def test_answers_to_the_echo_that_come_late_are_no_requests() -> None:
    reader = TelnetProtocol().reader(64)
    reader.receive(b"alice\r\nwonderland\r\n" + IAC + DO + ECHO + IAC + DONT + ECHO)
    assert reader.decided(Admitted("alice")) == [Enter()]


def test_client_that_refuses_the_echo_is_not_argued_with() -> None:
    reader = TelnetProtocol().reader(64)
    assert reader.receive(b"alice\r\n" + IAC + DONT + ECHO) == [PASSWORD_PROMPT]
    assert reader.receive(b"wonderland\r\n")[-1] == Credentials("alice", "wonderland")
    reader.decided(Admitted("alice"))
    assert reader.receive(IAC + DO + ECHO) == [Answer(IAC + WONT + ECHO)]


def test_client_that_changes_its_mind_about_the_echo_is_obeyed() -> None:
    reader = TelnetProtocol().reader(64)
    reader.receive(b"alice\r\n" + IAC + DO + ECHO)
    assert reader.receive(IAC + DO + ECHO) == []
    assert reader.receive(IAC + DONT + ECHO) == [Answer(IAC + WONT + ECHO)]
    assert reader.receive(IAC + DONT + ECHO) == []


@pytest.mark.parametrize(
    ("keys", "credentials"),
    [
        (b"alicx\x7fe\r\nwonderlanx\x08d\r\n", Credentials("alice", "wonderland")),
        (b"bob\x15alice\r\0pass\x15word\r\0", Credentials("alice", "word")),
        (IAC + WILL + WINDOW_SIZE + b"al" + IAC + NOP + b"ice\npw\n", Credentials("alice", "pw")),
    ],
)
def test_login_can_be_edited(keys: bytes, credentials: Credentials) -> None:
    assert TelnetProtocol().reader(64).receive(keys)[-1] == credentials


def test_line_end_behind_the_password_belongs_to_it() -> None:
    reader = TelnetProtocol().reader(64)
    assert reader.receive(b"alice\r\npw\r") == [PASSWORD_PROMPT, PASSWORD_END, Credentials("alice", "pw")]
    assert reader.receive(b"\nx\x7fhello\r\n" + IAC + AYT) == []
    assert reader.decided(Admitted("alice")) == [Enter(), Say("hello"), PRESENT]


@pytest.mark.parametrize(
    ("sent", "commands"),
    [
        # the four ways to end a line
        (b"one\r\ntwo\r\0three\nfour\rfive\r", [Say("one"), Say("two"), Say("three"), Say("four"), Say("five")]),
        (b"one\r" + IAC + NOP + b"\ntwo\n", [Say("one"), Say("two")]),
        (b"o\0ne\r\n", [Say("one")]),
        # keys
        ("naïve é日".encode() + b"\x7f\x7f!\n", [Say("naïve !")]),
        (b"\x7f\x08a\n", [Say("a")]),
        (b"\xa9\xa9\x7f\x7fa\n", [Say("a")]),
        (b"a\x80\x80\x80\x80\x80\x7f\n", [Say("a" + 4 * "\ufffd")]),
        (b"one\x15two\n", [Say("two")]),
        (b"one\nt\x7f\x7f\x7fwo\n", [Say("one"), Say("wo")]),
        (b"/mee\x7f waves\n", [Act("waves")]),
        (b"ox" + IAC + EC + b"ne\n", [Say("one")]),
        (b"one" + IAC + EL + b"two\n", [Say("two")]),
        (b"one" + IAC + IP + IAC + DO + TIMING_MARK + b"two\n", [Answer(IAC + WILL + TIMING_MARK), Say("two")]),
        # data
        (b"a" + IAC + IAC + b"b\n", [Say("a\ufffdb")]),
        (b"a" + IAC + b"xb\n", [Say("ab")]),
        # options
        (IAC + WILL + WINDOW_SIZE + b"a\n", [Answer(IAC + DONT + WINDOW_SIZE), Say("a")]),
        (b"a\n" + IAC + DO + SUPPRESS_GO_AHEAD, [Say("a"), Answer(IAC + WONT + SUPPRESS_GO_AHEAD)]),
        ((IAC + DO + WINDOW_SIZE) * 9, [Answer(IAC + WONT + WINDOW_SIZE)]),
        (IAC + WONT + WINDOW_SIZE + IAC + DONT + WINDOW_SIZE, []),
        (IAC + WILL + IAC + b"a\n", [Answer(IAC + DONT + IAC), Say("a")]),
        # subnegotiations
        (b"a" + IAC + SB + WINDOW_SIZE + b"\0\x50\0\x18" + IAC + SE + b"b\n", [Say("ab")]),
        (b"a" + IAC + SB + WINDOW_SIZE + IAC + IAC + b"\n" + IAC + SE + b"b\n", [Say("ab")]),
        (b"a" + IAC + SB + b"lost" + IAC + EL + b"b\n", [Say("b")]),
        (IAC + SB + b"never ends\n" * 100, []),
        # are you there? once a line
        (b"a" + (IAC + AYT) * 9 + b"b\n", [PRESENT, Say("ab")]),
        (IAC + AYT + b"\n" + IAC + AYT, [PRESENT, PRESENT]),
    ],
)
def test_what_is_sent(sent: bytes, commands: list[Command]) -> None:
    assert logged_in().receive(sent) == commands
    reader = logged_in()
    assert [command for byte in sent for command in reader.receive(bytes([byte]))] == commands


def test_line_limit_counts_what_is_left_after_editing() -> None:
    assert logged_in(64).receive(b"x" * 60 + (b"y\x7f" + IAC + NOP) * 100 + b"\n") == [Say("x" * 60)]


KEYS = st.sampled_from(
    [
        *(b"a", b"bc", b"xyz" * 6, "é".encode(), "日".encode(), "😀".encode(), b"\xa9", b"\xe2\x82", b"/", b" "),
        *(b"\x7f", b"\x08", b"\x15", b"\0", b"\r", b"\n", b"\r\n", b"\r\0", b"\x7f\x7f\x7f"),
        *(IAC, IAC + IAC, IAC + NOP, IAC + AYT, IAC + EC, IAC + EL, IAC + IP),
        *(IAC + SB, IAC + SE, IAC + SB + b"x" + IAC + SE),
        *(IAC + verb + option for verb in (DO, DONT, WILL, WONT) for option in (ECHO, TIMING_MARK, WINDOW_SIZE, IAC)),
        *(b"/password\r", b"/me waves\r\n"),
    ]
)


@given(st.lists(KEYS, max_size=60).map(b"".join), st.sampled_from([16, 24, 64, 4096]))
def test_runs_of_keys_are_what_each_key_is(sent: bytes, line_bytes: int) -> None:
    whole, single = logged_in(line_bytes), logged_in(line_bytes)
    assert whole.receive(sent) == [command for byte in sent for command in single.receive(bytes([byte]))]
    assert whole.receive(b"\n!\n") == single.receive(b"\n!\n")


@given(st.lists(KEYS, max_size=30).map(b"".join))
def test_runs_of_keys_in_a_login_are_what_each_key_is(sent: bytes) -> None:
    pieces = [[sent], [bytes([byte]) for byte in sent]]
    outcomes = []
    for sending in pieces:
        reader, found = TelnetProtocol().reader(64), []
        with contextlib.suppress(ProtocolError):
            for piece in sending:
                found += reader.receive(piece)
            if any(isinstance(command, Credentials) for command in found):
                found += reader.decided(Admitted("alice"))
            outcomes.append(found)
    assert len(outcomes) in (0, 2)
    assert outcomes[:1] == outcomes[1:]


def test_flood_of_options_gets_one_refusal_each() -> None:
    reader = logged_in()
    flood = b"".join(
        IAC + verb + bytes([option]) for option in range(256) for verb in (DO, WILL) if option not in (1, 6)
    )
    assert len(reader.receive(flood)) == 508
    assert reader.receive(flood * 5) == []


def test_endless_line_before_the_login_ends_the_session() -> None:
    reader = TelnetProtocol().reader(64)
    with pytest.raises(ProtocolError):
        reader.receive(b"\0".join([b"x" * 10] * 7))


def test_two_servers_that_face_each_other_fall_silent() -> None:
    one, other = logged_in(), logged_in()
    said = b"".join(IAC + verb + option for verb in (DO, DONT, WILL, WONT) for option in (ECHO, SUPPRESS_GO_AHEAD))
    for _ in range(10):
        said = b"".join(command.data for command in one.receive(said) if isinstance(command, Answer))
        one, other = other, one
    assert said == b""


def test_output_lines_end_in_crlf() -> None:
    writer = TelnetProtocol.writer
    assert writer.renderer.render(Entry(1, 0.0, "lobby", Kind.SAY, "bob", 2, "hi")) == b"<bob> hi\r\n"
    assert writer.write(Welcome("alice")) == b"Welcome, alice! Nobody else is here. Type /help for commands.\r\n"
    assert writer.write(CommandList(())) == b"//TEXT  say a text that begins with a slash\r\n"
    past = Past((Entry(1, 0.0, "lobby", Kind.SAY, "bob", 2, "hi"),), datetime.fromtimestamp(0, UTC))
    assert writer.write(past) == b"[00:00] <bob> hi\r\n"
    assert writer.write(Text("a\r\nb\n")) == b"a\r\nb\r\n\r\n"
