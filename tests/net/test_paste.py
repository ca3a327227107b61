"""Who sends too fast is held back, and nothing of it is lost; who leaves meanwhile is gone at once."""

from collections.abc import Callable

import pytest

from chatsrv.model.reasons import Reason
from chatsrv.net.listening.server import ChatServer
from chatsrv.net.sessions import intake
from chatsrv.sharing.slots import AT_ONCE
from tests.journal import Journal
from tests.peer import PASSWORDS, Peer, running_chat, two_chatters
from tests.sharing.test_slots import wait_until

QUITTING = "You leave once the lines before that are said. To leave at once, type /quit again."

SLOW = {"messages_per_second": 0.001, "burst": 5}
"""Five lines, and the next one in a quarter of an hour."""

TOLD = "You are sending more than 0.001 lines a second: the rest follows at that rate, and nothing is lost."


def lines(number: int) -> bytes:
    return b"".join(b"%d\n" % line for line in range(number))


def held_back(carol: Peer, *others: Peer) -> None:
    """Log carol in, and have her send more than she may: five lines of it are said."""
    carol.log_in("carol")
    for peer in others:
        assert peer.line() == "* carol joined"
    carol.send(lines(200))
    assert carol.line() == TOLD
    for peer in others:
        assert [peer.line() for _ in range(5)] == [f"<carol> {number}" for number in range(5)]


def test_all_of_a_long_paste_is_said_in_order_and_its_author_is_told_once() -> None:
    with two_chatters(messages_per_second=250, burst=20) as (server, alice, bob), Peer(server) as carol:
        carol.log_in("carol")
        assert alice.line() == bob.line() == "* carol joined"
        carol.send(lines(250) + b"/quit\n")
        for peer in (alice, bob):
            assert [peer.line() for _ in range(250)] == [f"<carol> {number}" for number in range(250)]
            assert peer.line() == "* carol left"
        told = "You are sending more than 250 lines a second: the rest follows at that rate, and nothing is lost."
        seen = carol.rest().decode().splitlines()
        assert seen[0] == told
        assert set(seen[1:-1]) <= {QUITTING}
        assert seen[-1] == "Goodbye!"


def test_what_came_in_one_piece_with_the_password_is_held_back_as_well() -> None:
    with two_chatters(messages_per_second=1000, burst=5) as (server, alice, bob), Peer(server) as carol:
        carol.send(f"carol\n{PASSWORDS['carol']}\n".encode() + lines(100))
        for peer in (alice, bob):
            assert peer.line() == "* carol joined"
            assert [peer.line() for _ in range(100)] == [f"<carol> {number}" for number in range(100)]
        carol.reset()
        assert alice.line() == bob.line() == "* carol left (connection lost)"


def test_a_paste_that_ends_in_a_half_close_is_said_to_its_last_line_without_an_ending() -> None:
    with two_chatters(messages_per_second=1000, burst=5) as (server, alice, bob), Peer(server) as carol:
        carol.log_in("carol")
        assert alice.line() == bob.line() == "* carol joined"
        carol.send(lines(100) + b"the last")
        carol.socket.shutdown(1)
        for peer in (alice, bob):
            assert [peer.line() for _ in range(100)] == [f"<carol> {number}" for number in range(100)]
            assert peer.line() == "<carol> the last"
            assert peer.line() == "* carol left (connection lost)"


def closes(carol: Peer, _: ChatServer) -> None:
    carol.socket.close()


def resets(carol: Peer, _: ChatServer) -> None:
    carol.reset()


def quits(carol: Peer, _: ChatServer) -> None:
    carol.type("/quit")
    assert carol.line() == QUITTING
    carol.type("/quit")
    assert carol.rest() == b"Goodbye!\n"


def is_banned(carol: Peer, server: ChatServer) -> None:
    for session in server.sessions():
        if session.account and session.account.name == "carol":
            session.hang_up(Reason.BANNED)
    assert carol.rest() == b"You may not be here any more. Goodbye!\n"


@pytest.mark.parametrize(
    ("leaves", "why"),
    [
        *((closes, "(connection lost)"), (resets, "(connection lost)")),
        *((quits, ""), (is_banned, "(banned)")),
    ],
)
def test_who_leaves_amid_a_paste_is_gone_at_once(leaves: Callable[[Peer, ChatServer], None], why: str) -> None:
    with two_chatters(**SLOW) as (server, alice, bob), Peer(server) as carol:
        held_back(carol, alice, bob)
        leaves(carol, server)
        assert alice.line() == bob.line() == f"* carol left {why}".rstrip()


def test_the_server_stops_while_somebody_is_held_back(journal: Journal) -> None:
    with running_chat(**SLOW) as server, Peer(server) as alice, Peer(server) as carol:
        alice.log_in("alice")
        held_back(carol, alice)
        server.shutdown()
        server.server_close()
        assert carol.rest() == b"The server is shutting down. Goodbye!\n"
    assert not journal.having("did not end in time")


def test_who_closes_and_had_more_to_send_than_may_wait_is_gone_at_once() -> None:
    with two_chatters(**SLOW) as (server, alice, bob), Peer(server) as carol:
        held_back(carol, alice, bob)
        carol.send(b"x" * 90_000)
        carol.socket.close()
        assert alice.line() == bob.line() == "* carol left (connection lost)"


def test_who_keeps_more_waiting_than_may_wait_for_so_long_is_hung_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "AHEAD_SECONDS", 0.0)
    with two_chatters(**SLOW) as (server, alice, bob), Peer(server) as carol:
        held_back(carol, alice, bob)
        carol.send(lines(20_000))
        assert carol.rest() == b"You are sending too fast. Goodbye!\n"
        assert alice.line() == bob.line() == "* carol left (sending too fast)"


def test_who_is_held_back_keeps_no_slot() -> None:
    with running_chat(**SLOW) as server, Peer(server) as carol:
        held_back(carol)
        wait_until(lambda: server.delivery.slots.free == AT_ONCE)


def test_another_device_of_the_account_waits_for_its_turn_and_not_for_the_end_of_the_paste() -> None:
    with running_chat(messages_per_second=20, burst=5) as server, Peer(server) as bob:
        bob.log_in("bob")
        with Peer(server) as laptop, Peer(server) as phone:
            laptop.log_in("carol")
            assert bob.line() == "* carol joined"
            phone.log_in("carol")
            laptop.send(lines(5000))
            assert laptop.line().startswith("You are sending more than 20 lines a second")
            phone.type("from the phone")
            bob.read_until(b"<carol> from the phone\n")
            laptop.reset()
            phone.type("/quit")
            assert phone.rest().endswith(b"Goodbye!\n")  # it was told nothing of being too fast
