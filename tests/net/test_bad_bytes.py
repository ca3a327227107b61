"""Bytes that make no sense, or harm: whoever sends them is answered or hung up, and nobody else notices."""

import socket
import ssl
import tracemalloc

import pytest

from tests.journal import Journal
from tests.peer import PASSWORDS, Peer, two_chatters

MIB = 1 << 20
FLAT_BYTES = 2 * MIB
"""More than a session, its buffers and some log lines take; far less than what is sent to it."""

NOT_UNDERSTOOD = b"What you send cannot be understood. Goodbye!\n"
TOO_LONG = "That line was too long and was not taken: a line may have up to 4096 bytes."


def tls_hello() -> bytes:
    """Return the first bytes of a TLS client."""
    sent = ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), sent, server_hostname="chat.example.org")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return sent.read()


def credentials(name: str) -> bytes:
    return f"{name}\n{PASSWORDS[name]}\n".encode()


def test_a_login_line_that_never_ends_is_hung_up_and_takes_no_memory(journal: Journal) -> None:
    # however slow this machine: the peer is not cut while it sends
    with two_chatters(linger_seconds=60.0) as (server, _, _), Peer(server) as stranger:
        tracemalloc.start()
        try:
            chunk = b"x" * MIB
            tracemalloc.reset_peak()
            before, _ = tracemalloc.get_traced_memory()
            for _ in range(50):
                stranger.send(chunk)
            stranger.socket.shutdown(socket.SHUT_WR)
            assert stranger.rest() == b"Username: " + NOT_UNDERSTOOD
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak - before < FLAT_BYTES
    assert journal.having("session 3: ") == [
        "session 3: unreadable input from 127.0.0.1: a line of more than 4096 bytes before the login",
        "session 3: ended: bad protocol (not logged in, from 127.0.0.1)",
    ]


def test_a_line_that_never_ends_takes_no_memory_and_the_session_goes_on() -> None:
    with two_chatters() as (server, alice, bob), Peer(server) as carol:
        carol.log_in("carol")
        assert alice.line() == bob.line() == "* carol joined"
        tracemalloc.start()
        try:
            chunk = b"x" * MIB
            tracemalloc.reset_peak()
            before, _ = tracemalloc.get_traced_memory()
            for _ in range(50):
                carol.send(chunk)
            carol.type("\nnow I am well")
            assert alice.line() == bob.line() == "<carol> now I am well"
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak - before < FLAT_BYTES
        assert carol.line() == TOO_LONG
        carol.type("/quit")
        assert carol.line() == "Goodbye!"
        assert alice.line() == bob.line() == "* carol left"


@pytest.mark.parametrize(
    ("sent", "logged"),
    [
        (tls_hello(), "a TLS handshake on a port without TLS"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "an HTTP request on a port that does not speak HTTP"),
        (
            b"POST / HTTP/1.1\r\nContent-Type: text/plain\r\n\r\n" + credentials("carol") + b"hello\n",
            "an HTTP request on a port that does not speak HTTP",
        ),
        (b"x" * MIB + b"\n", "a line of more than 4096 bytes before the login"),
    ],
    ids=["TLS", "HTTP", "HTTP with a login in it", "a name of 1 MiB"],
)
def test_what_is_no_login_is_hung_up_with_a_sentence(sent: bytes, logged: str, journal: Journal) -> None:
    with two_chatters() as (server, _, _), Peer(server) as stranger:
        stranger.send(sent)
        assert stranger.rest() == b"Username: " + NOT_UNDERSTOOD
    assert journal.having("session 3: ") == [
        f"session 3: unreadable input from 127.0.0.1: {logged}",
        "session 3: ended: bad protocol (not logged in, from 127.0.0.1)",
    ]


def test_a_password_of_a_megabyte_is_hung_up_with_a_sentence(journal: Journal) -> None:
    with two_chatters() as (server, _, _), Peer(server) as stranger:
        stranger.send(b"carol\n" + b"x" * MIB + b"\n")
        assert stranger.rest() == b"Username: Password: " + NOT_UNDERSTOOD
    assert len(journal.having("session 3: unreadable input")) == 1


@pytest.mark.parametrize(
    "sent",
    [
        b"x" * 4096 + b"\nsecret\n",
        b"carol\n" + b"x" * 4096 + b"\n",
        b"carol\n\x00\n",
        b"\x1b[2J\x1b[31mcarol\r\n\xff\xfe\n",
        "\u202eloraC\n\u202e\n".encode(),
        b"\n" * 10_000,
        b"\x00" * 2000 + b"\n" * 2,
    ],
    ids=["long name", "long password", "NUL as password", "escapes", "bidi", "empty lines", "NULs"],
)
def test_what_can_be_no_name_or_password_is_refused_as_any_other(sent: bytes, journal: Journal) -> None:
    with two_chatters() as (server, _, _), Peer(server) as stranger:
        stranger.send(sent)
        assert stranger.rest() == b"Username: Password: Login failed.\n"
    refused, ended = journal.having("session 3: ")
    assert refused.startswith("session 3: login from 127.0.0.1 refused: ")
    assert refused.isprintable()
    assert len(refused) < 500
    assert ended == "session 3: ended: login failed (not logged in, from 127.0.0.1)"


@pytest.mark.parametrize(
    ("typed", "seen"),
    [
        (b"nul\x00byte", "nulbyte"),
        (b"no \xff\xfe UTF-8 \xc3", "no \ufffd\ufffd UTF-8 \ufffd"),
        (b"overlong \xc0\x80, surrogate \xed\xa0\x80", "overlong \ufffd\ufffd, surrogate \ufffd\ufffd\ufffd"),
        (b"\x1b[2J\x1b]0;title\x07\x1b[31mred\x1b[0m\x07", "red"),
        ("\x9b31mred, and \x9d0;title\x9cdone".encode(), "red, and done"),
        ("\u202eevil\u202c \u2066isolated\u2069".encode(), "evil isolated"),
        (b"two\x0blines\x85\x0ctwo", "two lines\ufffd two"),
        ("separator\u2028here\u2029there".encode(), "separator here there"),
    ],
    ids=["NUL", "invalid", "overlong", "escapes", "C1", "bidi", "breaks", "separators"],
)
def test_what_would_harm_a_terminal_never_reaches_another(typed: bytes, seen: str) -> None:
    with two_chatters() as (server, alice, bob), Peer(server) as carol:
        carol.log_in("carol")
        assert alice.line() == bob.line() == "* carol joined"
        carol.send(typed + b"\n/me " + typed + b"\n/" + typed + b"\n/quit\n")
        for peer in (alice, bob):
            expected = f"<carol> {seen}\n* carol {seen}\n* carol left\n".encode()
            assert peer.read_until(b"left\n") == expected
        to_carol = carol.rest().decode()
        assert to_carol.endswith("Goodbye!\n")
        assert to_carol.replace("\n", "").isprintable()


@pytest.mark.parametrize("long_bytes", [4097, 70_000, MIB])
def test_an_overlong_line_is_refused_with_its_limit_and_the_session_goes_on(long_bytes: int) -> None:
    with two_chatters() as (server, alice, bob), Peer(server) as carol:
        carol.log_in("carol")
        assert alice.line() == bob.line() == "* carol joined"
        longest = "y" * 4096
        carol.send(b"before\n" + b"x" * long_bytes + b"\r\n" + longest.encode() + b"\r\nbehind\n")
        assert carol.line() == TOO_LONG
        for peer in (alice, bob):
            assert [peer.line() for _ in range(3)] == ["<carol> before", f"<carol> {longest}", "<carol> behind"]
        carol.type("/quit")
        assert carol.rest() == b"Goodbye!\n"
        assert alice.line() == bob.line() == "* carol left"


def test_empty_lines_are_nothing() -> None:
    with two_chatters(messages_per_second=1.0, burst=5) as (server, alice, bob), Peer(server) as carol:
        carol.log_in("carol")
        assert alice.line() == bob.line() == "* carol joined"
        carol.send(b"\n\r\n \n\t\n\x00\n\x1b[0m\n" * 30 + b"at last\n/quit\n")
        assert [peer.line() for peer in (alice, bob)] == ["<carol> at last"] * 2
        assert carol.rest() == b"Goodbye!\n"
        assert alice.line() == bob.line() == "* carol left"


def test_a_block_of_tiny_lines_reaches_everybody_once_and_in_order() -> None:
    lines = [f"{number:x}" for number in range(13_000)]
    block = "".join(f"{line}\n" for line in lines).encode()
    assert len(block) < 65_536
    block += b"a\n" * ((65_536 - len(block)) // 2)
    expected = "".join(f"<carol> {line}\n" for line in block.decode().split()).encode() + b"* carol left\n"
    with two_chatters() as (server, alice, bob), Peer(server) as carol:
        carol.log_in("carol")
        assert alice.line() == bob.line() == "* carol joined"
        carol.send(block + b"/quit\n")
        assert alice.read_until(b"left\n") == expected
        assert bob.read_until(b"left\n") == expected
        assert carol.rest() == b"Goodbye!\n"
