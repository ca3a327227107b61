"""Changing the password: three lines that are nobody's business, and the way back to ordinary ones."""

import gc
import itertools
import re
import types

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatsrv.model.commands import Act, Answer, ChangePassword, Command, Complaint, Enter, Say, Who
from chatsrv.model.login import Admitted
from chatsrv.protocols.lines import LinesReader
from chatsrv.protocols.plain import PlainProtocol
from chatsrv.protocols.telnet import TelnetProtocol

LINE_BYTES = 64
UNCHANGED = "Nothing was changed."
TOO_LONG = "That line was too long and was not taken: a line may have up to 64 bytes."
OLD, NEW, AGAIN = Answer(b"Old password: "), Answer(b"New password: "), Answer(b"New password again: ")
REGRET, DIFFERENT = Complaint(UNCHANGED), Complaint(f"The new passwords differ. {UNCHANGED}")

IAC, DONT, DO, WONT, WILL = (bytes([code]) for code in (255, 254, 253, 252, 251))
ECHO = b"\x01"
HIDDEN_OLD = Answer(IAC + WILL + ECHO + b"Old password: ")
HIDDEN_NEW, HIDDEN_AGAIN = Answer(b"\r\nNew password: "), Answer(b"\r\nNew password again: ")
SHOWN = Answer(IAC + WONT + ECHO + b"\r\n")


def logged_in(protocol: PlainProtocol | TelnetProtocol) -> LinesReader:
    reader = protocol.reader(LINE_BYTES)
    reader.receive(b"alice\nwonderland\n")
    assert reader.decided(Admitted("alice")) == [Enter()]
    return reader


def plain() -> LinesReader:
    return logged_in(PlainProtocol())


def telnet() -> LinesReader:
    reader = logged_in(TelnetProtocol())
    assert reader.receive(IAC + DO + ECHO + IAC + DONT + ECHO) == []  # its answers to the login's
    return reader


def pieces(data: bytes, cuts: list[int]) -> list[bytes]:
    places = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(places)]


def typed(reader: LinesReader, sent: list[bytes]) -> list[Command]:
    return [command for piece in sent for command in reader.receive(piece)]


@pytest.mark.parametrize(
    ("sent", "commands"),
    [
        # changed
        (b"/password\nold\nnew\nnew\n", [OLD, NEW, AGAIN, ChangePassword("old", "new")]),
        (b"/PassWord please\r\nold\r\nnew\r\nnew\r\n", [OLD, NEW, AGAIN, ChangePassword("old", "new")]),
        # whatever an answer looks like, it is one, and it stays as it was typed
        (b"/password\n/quit\n//\n//\n", [OLD, NEW, AGAIN, ChangePassword("/quit", "//")]),
        (b"/password\n/password\n/me x\n/me x\n", [OLD, NEW, AGAIN, ChangePassword("/password", "/me x")]),
        (b"/password\n  \n a\tb\v \n a\tb\v \n", [OLD, NEW, AGAIN, ChangePassword("  ", " a\tb\v ")]),
        (
            b"/password\n\x1b[1m\n" + "größer\u202e\n".encode() * 2,
            [OLD, NEW, AGAIN, ChangePassword("\x1b[1m", "größer\u202e")],
        ),
        (
            b"/password\n\xff\n" + b"x" * 64 + b"\r\n" + b"x" * 64 + b"\n",
            [OLD, NEW, AGAIN, ChangePassword("\ufffd", "x" * 64)],
        ),
        # not changed
        (b"/password\nold\nnew\nNew\n", [OLD, NEW, AGAIN, DIFFERENT]),
        (b"/password\n\n", [OLD, REGRET]),
        (b"/password\nold\r\n\r\n", [OLD, NEW, REGRET]),
        (b"/password\nold\nnew\n\n", [OLD, NEW, AGAIN, REGRET]),
        (b"/password\n" + b"x" * 65 + b"\n", [OLD, Complaint(f"{TOO_LONG} {UNCHANGED}")]),
        (b"/password\nold\n" + b"x" * 65 + b"y\r\n", [OLD, NEW, Complaint(f"{TOO_LONG} {UNCHANGED}")]),
        (b"/password\nold\nnew\n" + b"x" * 1000, [OLD, NEW, AGAIN, Complaint(f"{TOO_LONG} {UNCHANGED}")]),
        # what stands around it is as ever
        (
            b"hi\n/password\nold\nnew\nnew\nthere\n/me waves\n",
            [Say("hi"), OLD, NEW, AGAIN, ChangePassword("old", "new"), Say("there"), Act("waves")],
        ),
        (b"/password\nold\n\nback\n/who\n", [OLD, NEW, REGRET, Say("back"), Who()]),
        (b"/password\n" + b"x" * 99 + b"\nback\n", [OLD, Complaint(f"{TOO_LONG} {UNCHANGED}"), Say("back")]),
        (b"x" * 65 + b"\n/password\nold\n", [Complaint(TOO_LONG), OLD, NEW]),
        (b"/password\n\n/password\na\nb\nb\n", [OLD, REGRET, OLD, NEW, AGAIN, ChangePassword("a", "b")]),
        (b"//password\nold\n", [Say("/password"), Say("old")]),
    ],
)
def test_what_is_typed(sent: bytes, commands: list[Command]) -> None:
    assert plain().receive(sent) == commands
    assert typed(plain(), [bytes([byte]) for byte in sent]) == commands


def test_lines_behind_the_login_may_change_the_password() -> None:
    reader = PlainProtocol().reader(LINE_BYTES)
    reader.receive(b"alice\nwonderland\n/password\nwonderland\nnew\n")
    assert reader.decided(Admitted("alice")) == [Enter(), OLD, NEW, AGAIN]
    assert reader.receive(b"new\n") == [ChangePassword("wonderland", "new")]


@pytest.mark.parametrize(
    ("sent", "commands"),
    [
        (
            b"/password\r\nold\r\nnew\r\nnew\r\nhi\r\n",
            [HIDDEN_OLD, HIDDEN_NEW, HIDDEN_AGAIN, SHOWN, ChangePassword("old", "new"), Say("hi")],
        ),
        (b"/password\r\0old\rnew\rother\r", [HIDDEN_OLD, HIDDEN_NEW, HIDDEN_AGAIN, SHOWN, DIFFERENT]),
        (b"/password\r\n\r\nhi\r\n", [HIDDEN_OLD, SHOWN, REGRET, Say("hi")]),
        (b"/password\r\nold\r\n\x15\r\n", [HIDDEN_OLD, HIDDEN_NEW, SHOWN, REGRET]),
        (b"/password\r\n" + b"x" * 70 + b"\r\n", [HIDDEN_OLD, SHOWN, Complaint(f"{TOO_LONG} {UNCHANGED}")]),
        # the keys that edit, and telnet's own bytes
        (
            b"/passwort\x7fd\r\nole\x08d\r\n" + b"oops\x15new\r\n" + IAC + b"\xf1new\r\n",
            [HIDDEN_OLD, HIDDEN_NEW, HIDDEN_AGAIN, SHOWN, ChangePassword("old", "new")],
        ),
        (
            b"/password\r\n"
            + IAC
            + DO
            + ECHO
            + b"old\r\n"
            + IAC
            + b"\xf6new\r\noops"
            + IAC
            + b"\xf4new\r\n"
            + IAC
            + DONT
            + ECHO,
            [
                HIDDEN_OLD,
                HIDDEN_NEW,
                Answer(b"\r\n[Yes, I am here.]\r\n"),
                HIDDEN_AGAIN,
                SHOWN,
                ChangePassword("old", "new"),
            ],
        ),
    ],
)
def test_what_is_typed_into_a_telnet_program(sent: bytes, commands: list[Command]) -> None:
    assert telnet().receive(sent) == commands
    assert typed(telnet(), [bytes([byte]) for byte in sent]) == commands


@pytest.mark.parametrize("rounds", [1, 2, 5])
@pytest.mark.parametrize("answers", [IAC + DO + ECHO + IAC + DONT + ECHO, IAC + DONT + ECHO], ids=["echo", "no echo"])
def test_answers_to_the_echo_may_all_come_late(answers: bytes, rounds: int) -> None:
    reader = telnet()
    reader.receive(b"/password\r\n\r\n" * (rounds - 1) + b"/password\r\n")
    assert reader.receive(answers * (rounds - 1)) == []
    assert reader.receive(answers[:3]) == []  # to the WILL that is in force
    is_refused = answers[:3] == IAC + DONT + ECHO
    assert reader.receive(IAC + DONT + ECHO) == ([] if is_refused else [Answer(IAC + WONT + ECHO)])
    assert reader.receive(b"\r\n") == [SHOWN, REGRET]
    assert reader.receive(IAC + DO + ECHO) == [Answer(IAC + WONT + ECHO)]  # nothing is outstanding: a wish, refused


def held_text(reader: LinesReader) -> str:
    """Return all strings and bytes that `reader` holds on to, but for those of code."""
    code = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType)
    seen: dict[int, object] = {}
    waiting: list[object] = [reader]
    while waiting:
        fresh = {id(item): item for item in waiting if id(item) not in seen and not isinstance(item, code)}
        seen |= fresh
        waiting = gc.get_referents(*fresh.values())
    return "\n".join(repr(item) for item in seen.values() if isinstance(item, str | bytes))


@pytest.mark.parametrize("protocol", [PlainProtocol(), TelnetProtocol()], ids=["plain", "telnet"])
@pytest.mark.parametrize(
    "end",
    [b"White\nWhite\n", b"White\nblack\n", b"White\n\n", b"\n", b"Rabbit" * 11, b"Rabbit" * 11 + b"\n"],
)
def test_secrets_are_forgotten_with_the_dialogue(protocol: PlainProtocol | TelnetProtocol, end: bytes) -> None:
    reader = logged_in(protocol)
    reader.receive(b"/password\nRabbit\nRab")
    assert held_text(reader).count("Rab") == 2
    reader = logged_in(protocol)
    reader.receive(b"/password\nRabbit\n" + end)
    assert not re.search("Rabbit|White|black", held_text(reader))
    assert "wonderland" not in held_text(reader)


# What means something at a line's beginning or to a cleaner is among them.
SECRETS = st.text(st.sampled_from("ДЖЩ日€/ \t\x1b[\u202e"), min_size=1, max_size=15)


@pytest.mark.parametrize("protocol", [PlainProtocol(), TelnetProtocol()], ids=["plain", "telnet"])
@given(
    SECRETS, SECRETS, st.one_of(st.none(), SECRETS), st.sampled_from([b"\n", b"\r\n"]), st.lists(st.integers(0, 200))
)
def test_nothing_of_a_secret_is_shown(
    protocol: PlainProtocol | TelnetProtocol, old: str, new: str, other: str | None, end: bytes, cuts: list[int]
) -> None:
    again = new if other is None else other
    sent = end.join([b"before", b"/password", old.encode(), new.encode(), again.encode(), b"behind", b""])
    commands = typed(logged_in(protocol), pieces(sent, cuts))
    assert commands[0] == Say("before")
    assert commands[-1] == Say("behind")
    assert [each for each in commands if isinstance(each, ChangePassword)] == [ChangePassword(old, new)] * (
        again == new
    )
    for command in commands[1:-1]:
        if not isinstance(command, ChangePassword):
            assert command in (OLD, NEW, AGAIN, HIDDEN_OLD, HIDDEN_NEW, HIDDEN_AGAIN, SHOWN, DIFFERENT)
