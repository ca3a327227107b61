"""Input that asks for nothing costs its sender, and nobody else."""

from chatsrv.auth.memory import MemoryBackend
from chatsrv.limits import Limits
from chatsrv.net.server import ChatServer
from chatsrv.sessions import TelnetSession
from tests.peer import PASSWORDS, Peer, running, two_chatters

NOISE = b"x\x7f" * 512  # typed and taken back, again and again
NOP = b"\xff\xf1" * 512


def test_a_stranger_who_sends_noise_is_hung_up_before_it_costs_much() -> None:
    limits = Limits(line_bytes=1024)
    backend = MemoryBackend(PASSWORDS)
    with running(ChatServer(("127.0.0.1", 0), TelnetSession, auth=backend, limits=limits)) as server:
        for noise in (NOISE, NOP):
            with Peer(server) as stranger:
                stranger.send(noise * 3)
                assert stranger.rest().endswith(b"What you send cannot be understood. Goodbye!\r\n")


def test_a_chatter_who_sends_noise_is_warned_and_hung_up() -> None:
    with two_chatters(messages_per_second=0.001, burst=5, line_bytes=1024) as (server, alice, bob):
        backend = MemoryBackend(PASSWORDS)
        limits = Limits(messages_per_second=0.001, burst=5, line_bytes=1024)
        chat = ChatServer(
            ("127.0.0.1", 0), TelnetSession, auth=backend, limits=limits, hub=server.hub, delivery=server.delivery
        )
        with running(chat), Peer(chat) as carol:
            carol.try_login("carol", PASSWORDS["carol"])
            carol.read_until(b"commands.\r\n")
            assert alice.line() == bob.line() == "* carol joined"
            for _ in range(40):
                carol.send(NOP)
            assert carol.line().startswith("You are sending too fast")
            assert carol.rest() == b"You are sending too fast. Goodbye!\r\n"
            assert alice.line() == bob.line() == "* carol left (sending too fast)"


def test_a_prompt_is_neither_counted_nor_left_out() -> None:
    with two_chatters(messages_per_second=0.001, burst=5) as (server, alice, bob), Peer(server) as carol:
        carol.log_in("carol")
        assert alice.line() == bob.line() == "* carol joined"
        carol.send(b"".join(b"%d\n" % number for number in range(20)) + b"/password\n")
        carol.read_until(b"Old password: ")
        assert "The last 10 lines were not taken." in carol.line()
        carol.send(b"\n")  # an empty line: he has thought better of it
        for peer in (alice, bob):
            assert [peer.line() for _ in range(10)] == [f"<carol> {number}" for number in range(10)]
            assert peer.line() == "* carol left (sending too fast)"  # even that line was one too many
