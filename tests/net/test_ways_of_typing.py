"""Programs that people type into, or that type for them: each is understood on whichever listener it finds."""

import socket

import pytest

from chatsrv.app.sessions import PlainSession, TelnetSession
from tests.peer import PASSWORDS, Peer, running_chat, two_chatters

PUTTY = bytes.fromhex("fffb1f fffb20 fffb18 fffb27 fffd01 fffb03 fffd03")
"""What PuTTY sends in Telnet mode before anything else."""

PASSWORD = PASSWORDS["carol"].encode()

every_listener = pytest.mark.parametrize("session", [PlainSession, TelnetSession], ids=["plain", "telnet"])


@every_listener
def test_putty_in_telnet_mode_logs_in_unseen_and_talks(session: type[PlainSession]) -> None:
    with running_chat(session) as server, Peer(server) as carol:
        carol.send(PUTTY + b"carol\r\n")
        assert carol.read_until(b"Password: ").endswith(b"\xff\xfb\x01Password: ")
        carol.send(b"\xff\xfd\x01" + PASSWORD + b"\r\n")
        told = b"\xff\xfc\x01\r\nWelcome, carol! Nobody else is here. Type /help for commands.\r\n"
        assert carol.read_until(b"commands.\r\n") == told
        carol.send(b"/whx\x7fo\r\0")
        assert carol.read_until(b"\n") == b"Here now: carol.\r\n"


def test_on_one_listener_telnet_and_plain_read_the_same_lines_each_with_its_ending() -> None:
    with running_chat() as server, Peer(server) as bob, Peer(server) as carol:
        bob.log_in("bob")
        carol.send(PUTTY + b"carol\r\n" + PASSWORD + b"\r\nhi\r\n")
        assert bob.read_until(b"hi\n") == b"* carol joined\n<carol> hi\n"
        carol.read_until(b"commands.\r\n")
        bob.type("hello")
        assert carol.read_until(b"\n") == b"<bob> hello\r\n"


def test_telnet_that_fails_to_log_in_reads_so() -> None:
    with running_chat() as server, Peer(server) as carol:
        carol.send(PUTTY + b"carol\r\nwrong\r\n")
        assert carol.rest().endswith(b"\xff\xfc\x01\r\nLogin failed.\r\n")


@every_listener
@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n", b"\r\0"], ids=["LF", "CR", "CR LF", "CR NUL"])
def test_each_key_that_ends_a_line_does(session: type[PlainSession], end: bytes) -> None:
    with running_chat(session) as server, Peer(server) as carol:
        carol.send(end.join((b"carol", PASSWORD, b"/who", b"/quit", b"")))
        assert carol.rest().replace(b"\r", b"").endswith(b"commands.\nHere now: carol.\nGoodbye!\n")


@pytest.mark.parametrize("sent", [b"the last", b"one\nthe last", b"the last\r", b"the last\n"])
def test_the_last_line_before_a_half_close_is_said_with_or_without_an_ending(sent: bytes) -> None:
    with two_chatters() as (server, alice, bob), Peer(server) as carol:
        carol.log_in("carol")
        carol.send(sent)
        carol.socket.shutdown(socket.SHUT_WR)
        for peer in (alice, bob):
            assert peer.line() == "* carol joined"
            for line in sent.decode().split("\n"):
                if line:
                    assert peer.line() == f"<carol> {line.rstrip()}"
            assert peer.line() == "* carol left (connection lost)"


@every_listener
def test_a_command_is_obeyed_that_ends_with_the_input(session: type[PlainSession]) -> None:
    with running_chat(session) as server, Peer(server) as carol:
        carol.send(b"carol\n" + PASSWORD + b"\n/who")
        carol.socket.shutdown(socket.SHUT_WR)
        assert carol.rest().replace(b"\r", b"").endswith(b"commands.\nHere now: carol.\n")


def test_what_somebody_had_begun_whose_connection_broke_is_not_said() -> None:
    with two_chatters() as (server, alice, bob), Peer(server) as carol:
        carol.log_in("carol")
        assert alice.line() == bob.line() == "* carol joined"
        carol.send(b"/who\nI never")
        carol.line()
        carol.reset()
        assert alice.line() == bob.line() == "* carol left (connection lost)"
