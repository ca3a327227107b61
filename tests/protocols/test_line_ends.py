"""CR, LF, CR LF and CR NUL all end a line, in every format that is made of lines and however the bytes arrive."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatsrv.model.commands import Answer, Command, Credentials, Enter, Line, Say
from chatsrv.model.login import Admitted
from chatsrv.protocols.base import Protocol
from chatsrv.protocols.either import EitherProtocol
from chatsrv.protocols.lines import LinesProtocol
from chatsrv.protocols.plain import PlainProtocol
from chatsrv.protocols.telnet import TelnetProtocol

ENDS = (b"\n", b"\r", b"\r\n", b"\r\0")

every_protocol = pytest.mark.parametrize(
    "protocol",
    [LinesProtocol(), PlainProtocol(), TelnetProtocol(), EitherProtocol()],
    ids=["lines", "plain", "telnet", "either"],
)


def played(protocol: Protocol, pieces: list[bytes]) -> list[Command]:
    """Return what a session whose login succeeds is asked for, but for prompts."""
    reader, found = protocol.reader(64), []
    for piece in pieces:
        found += reader.receive(piece)
        if found and isinstance(found[-1], Credentials):
            found += reader.decided(Admitted("alice"))
    return [command for command in found if not isinstance(command, Answer)]


@every_protocol
@given(
    st.lists(st.tuples(st.sampled_from([b"a", b"two words", "größer".encode()]), st.sampled_from(ENDS)), max_size=9),
    st.lists(st.integers(0, 120), max_size=9),
)
def test_each_line_is_one_whatever_ends_it_and_however_it_is_split(
    protocol: Protocol, lines: list[tuple[bytes, bytes]], cuts: list[int]
) -> None:
    sent = b"".join(text + end for text, end in lines)
    kind = Line if isinstance(protocol, LinesProtocol) and type(protocol) is LinesProtocol else Say
    for name_end, password_end in itertools.product(ENDS, ENDS):
        login = b"alice" + name_end + b"secret" + password_end
        expected = [Credentials("alice", "secret"), Enter(), *(kind(text.decode()) for text, _ in lines)]
        whole = login + sent
        places = sorted({0, *(cut for cut in cuts if cut < len(whole)), len(whole)})
        for pieces in (
            [whole],
            [bytes([byte]) for byte in whole],
            [whole[start:end] for start, end in itertools.pairwise(places)],
        ):
            assert played(protocol, pieces) == expected


@every_protocol
@given(st.lists(st.sampled_from([b"a", b"\r", b"\n", b"\0", b"\r\n", b"bc"]), max_size=30).map(b"".join))
def test_endings_in_any_mixture_are_the_same_whole_and_byte_by_byte(protocol: Protocol, sent: bytes) -> None:
    sent = b"alice\rsecret\r" + sent
    pieces = [piece for byte in sent for piece in (bytes([byte]), b"")]
    assert played(protocol, [sent]) == played(protocol, pieces)
