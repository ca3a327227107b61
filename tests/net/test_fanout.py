"""Delivery at work: who is sent what, in which order, from which place on, and how connections end."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from chatsrv.model.entries import Entry, Position
from chatsrv.model.limits import Limits
from chatsrv.model.reasons import Reason
from chatsrv.model.replies import Text
from chatsrv.net.delivery.delivery import Delivery
from chatsrv.roomlog.memory import MemoryStore
from chatsrv.wording.sessions import FAREWELLS
from tests.net.links import MORE_THAN_A_SOCKET_TAKES, EchoRenderer, TextRenderer, TextWriter, delivering, linked, say
from tests.peer import DEADLINE_SECONDS
from tests.roomlog.late import LateStore

ERROR = FAREWELLS[Reason.ERROR]


class Poison(Exception):
    """What `PickyRenderer` raises."""


class SpeechlessWriter(TextWriter):
    """Fails at the end."""

    def ending(self, reason: Reason) -> bytes:
        raise ValueError(reason)


class PickyRenderer(TextRenderer):
    """Cannot render one text. `meanwhile` is called when it comes."""

    def __init__(self, meanwhile: Callable[[], object] = lambda: None) -> None:
        self._meanwhile = meanwhile

    def render(self, entry: Entry) -> bytes:
        if entry.text == "poison":
            self._meanwhile()
            raise Poison
        return super().render(entry)


def settle(delivery: Delivery) -> None:
    """Return when delivery has done all that was asked of it before."""
    with linked(delivery):
        pass


# ---------------------------------------------------------------------- from which place on


def test_a_place_that_is_not_visible_yet_is_waited_for() -> None:
    log = LateStore().open("lobby")
    with delivering() as delivery, linked(delivery) as [link]:
        arrival = say(log, "before", "arrival")
        delivery.subscribe(link.connection, log, arrival)
        settle(delivery)
        log.show(1)
        say(log, "after")
        log.show()
        assert link.read("after") == "after\n"


def test_who_arrives_at_a_place_not_visible_yet_gets_what_others_get_from_there_on() -> None:
    log = LateStore().open("lobby")
    with delivering() as delivery, linked(delivery, 3) as [early, late, later]:
        delivery.subscribe(early.connection, log, Position(log.epoch, 0))
        one = say(log, "one")
        delivery.subscribe(late.connection, log, one)
        two = say(log, "two", "three")
        delivery.subscribe(later.connection, log, two)
        settle(delivery)
        say(log, "four")
        for _ in range(4):
            log.show(1)
        assert early.read("four") == "one\ntwo\nthree\nfour\n"
        assert late.read("four") == "two\nthree\nfour\n"
        assert later.read("four") == "four\n"


def test_who_is_overtaken_on_the_way_in_by_the_first_of_a_room_is_sent_what_was_not_recorded_then() -> None:
    log = LateStore().open("lobby")
    with delivering() as delivery, linked(delivery, 2) as [overtaken, first]:
        one, two = say(log, "one"), say(log, "two")  # as they joined, neither of them visible
        delivery.subscribe(first.connection, log, two)
        delivery.subscribe(overtaken.connection, log, one)
        settle(delivery)
        log.show()
        say(log, "three")
        log.show()
        assert overtaken.read("three") == "two\nthree\n"
        assert first.read("three") == "three\n"


def test_who_subscribes_behind_what_was_delivered_gets_what_he_missed_first() -> None:
    log = MemoryStore().open("lobby")
    with delivering() as delivery, linked(delivery, 2) as [early, late]:
        delivery.subscribe(early.connection, log, log.end)
        say(log, "one", "two")
        say(log, "his own", origin=late.connection.origin)
        say(log, "three")
        early.read("three")
        late.connection.reply(Text("welcome"))
        delivery.subscribe(late.connection, log, Position(log.epoch, 1))
        settle(delivery)
        say(log, "four")
        assert late.read("four") == "welcome\ntwo\nthree\nfour\n"


def test_who_subscribes_behind_while_stalled_gets_all_in_order() -> None:
    log = MemoryStore().open("lobby")
    with delivering() as delivery, linked(delivery, 2) as [early, late]:
        delivery.subscribe(early.connection, log, log.end)
        say(log, "one", "two", "three")
        early.read("three")
        late.connection.post(b"x" * MORE_THAN_A_SOCKET_TAKES + b"\n")
        settle(delivery)
        late.connection.reply(Text("welcome"))
        delivery.subscribe(late.connection, log, Position(log.epoch, 1))
        settle(delivery)
        say(log, "four")
        early.read("four")
        late.connection.reply(Text("reply"))
        assert late.read("reply") == "x" * MORE_THAN_A_SOCKET_TAKES + "\nwelcome\ntwo\nthree\nreply\n"
        assert late.read("four") == "four\n"


def test_a_place_that_the_log_cannot_read_on_from_ends_the_session() -> None:
    log = MemoryStore().open("lobby")
    with delivering() as delivery, linked(delivery) as [link]:
        delivery.subscribe(link.connection, log, Position("another epoch", 0))
        assert link.rest() == ""
        assert link.connection.reason is Reason.TOO_SLOW


def test_who_hangs_up_before_he_arrives_leaves_nobody_following() -> None:
    log = LateStore().open("lobby")
    with delivering() as delivery, linked(delivery, 3) as [present, gone, expected]:
        gone.connection.hang_up(Reason.QUIT)
        delivery.subscribe(gone.connection, log, log.end)
        settle(delivery)
        assert log.followers == ()
        delivery.subscribe(present.connection, log, log.end)
        delivery.subscribe(expected.connection, log, say(log, "one"))
        present.connection.hang_up(Reason.QUIT)
        expected.connection.hang_up(Reason.QUIT)
        settle(delivery)
        log.show()
        settle(delivery)
        assert log.followers == ()
        assert [link.rest() for link in (present, gone, expected)] == ["Goodbye!\n"] * 3


# ---------------------------------------------------------------------- who is sent what


def test_each_wire_format_decides_whether_authors_hear_themselves() -> None:
    log = MemoryStore().open("lobby")
    with (
        delivering() as delivery,
        linked(delivery, 2) as [alice, bob],
        linked(delivery, 1, EchoRenderer()) as [carol],
    ):
        for link in (alice, bob, carol):
            delivery.subscribe(link.connection, log, log.end)
        for name, link in (("alice", alice), ("bob", bob), ("carol", carol)):
            say(log, name, origin=link.connection.origin)
        say(log, "end")
        assert alice.read("end") == "bob\ncarol\nend\n"
        assert bob.read("end") == "alice\ncarol\nend\n"
        assert carol.read("end") == "alice\nbob\ncarol\nend\n"


def test_one_who_does_not_read_is_spared_his_own_lines_too_and_loses_none_of_the_others() -> None:
    log = MemoryStore().open("lobby")
    with delivering() as delivery, linked(delivery, 2) as [slow, fast]:
        for link in (slow, fast):
            delivery.subscribe(link.connection, log, log.end)
        texts = [f"{number}:" + "x" * 997 for number in range(2000)]
        for start in range(0, 2000, 10):
            say(log, *texts[start : start + 5])
            say(log, *texts[start + 5 : start + 10], origin=slow.connection.origin)
        assert fast.read(texts[-1]).splitlines() == texts
        say(log, "end")
        others = [text for number, text in enumerate(texts) if number % 10 < 5]
        assert slow.read("end").splitlines() == [*others, "end"]


def test_one_who_falls_too_far_behind_is_hung_up_and_others_notice_nothing() -> None:
    log = MemoryStore().open("lobby")
    with delivering(Limits(tail_bytes=65_536, stall_seconds=3600)) as delivery, linked(delivery, 2) as [slow, fast]:
        for link in (slow, fast):
            delivery.subscribe(link.connection, log, log.end)
        texts = [f"{number}:" + "x" * 997 for number in range(2000)]
        for start in range(0, 2000, 10):
            say(log, *texts[start : start + 10])
            assert fast.read(texts[start + 9]).splitlines() == texts[start : start + 10]
        slow.finish()
        assert slow.connection.reason is Reason.TOO_SLOW
        heard = slow.rest()
        assert "".join(f"{text}\n" for text in texts).startswith(heard)
        assert len(heard) < MORE_THAN_A_SOCKET_TAKES


def test_one_who_vanished_is_lost_and_others_notice_nothing() -> None:
    log = MemoryStore().open("lobby")
    with delivering() as delivery, linked(delivery, 3) as [one, vanished, other]:
        for link in (one, vanished, other):
            delivery.subscribe(link.connection, log, log.end)
        settle(delivery)
        vanished.peer.close()
        say(log, "a")
        say(log, "b")
        assert one.read("b") == other.read("b") == "a\nb\n"
        vanished.finish()
        assert vanished.connection.reason is Reason.LOST


def test_many_authors_and_readers_at_once_all_see_the_order_of_the_log() -> None:
    log = MemoryStore().open("lobby")
    count, each = 8, 100

    with delivering() as delivery, linked(delivery, count) as links:
        for link in links:
            delivery.subscribe(link.connection, log, log.end)

        def write(number: int) -> None:
            connection = links[number].connection
            for turn in range(each):
                delivery.pace(log)
                say(log, f"{number}.{turn}" + "x" * 2000, origin=connection.origin)
                connection.reply(Text(f"reply {turn}"))

        with ThreadPoolExecutor(2 * count) as pool:
            writing = [pool.submit(write, number) for number in range(count)]
            reading = [pool.submit(link.read, "end") for link in links]
            for author in writing:
                author.result()
            say(log, "end")
            heard = [reader.result().splitlines() for reader in reading]
        entries = log.read(Position(log.epoch, 0), 1_000_000)
        assert len(entries) == count * each + 1
        for link, seen in zip(links, heard, strict=True):
            said = [text for text in seen if not text.startswith("reply ")]
            assert said == [entry.text for entry in entries if entry.origin != link.connection.origin]
            replies = [text for text in seen if text.startswith("reply ")]
            replies += link.read(f"reply {each - 1}").splitlines() if len(replies) < each else []
            assert replies == [f"reply {turn}" for turn in range(each)]


# ---------------------------------------------------------------------- what cannot be rendered


def test_a_line_that_cannot_be_rendered_ends_the_readers_of_that_wire_format_alone(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = MemoryStore().open("lobby")
    with (
        delivering() as delivery,
        linked(delivery, 2, PickyRenderer()) as picky,
        linked(delivery, 1) as [other],
    ):
        for link in (*picky, other):
            delivery.subscribe(link.connection, log, log.end)
        say(log, "one")
        assert [link.read("one") for link in picky] == ["one\n", "one\n"]
        say(log, "poison")
        assert [link.rest() for link in picky] == [f"{ERROR}\n"] * 2
        say(log, "two")
        assert other.read("two") == "one\npoison\ntwo\n"
        assert {link.connection.reason for link in picky} == {Reason.ERROR}
    [record] = caplog.records
    assert (record.levelno, record.name) == (logging.ERROR, "chatsrv.net.delivery.fanout")
    assert "lobby" in record.getMessage()


def test_nobody_is_sent_what_comes_behind_a_line_that_could_not_be_rendered() -> None:
    log = MemoryStore().open("lobby")
    renderer = PickyRenderer(lambda: say(log, "behind it"))
    with delivering() as delivery, linked(delivery, 1, renderer) as [link]:
        delivery.subscribe(link.connection, log, log.end)
        say(log, "poison")
        assert link.rest() == f"{ERROR}\n"


def test_a_missed_line_that_cannot_be_rendered_ends_the_session_instead_of_being_left_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    log = MemoryStore().open("lobby")
    with delivering() as delivery, linked(delivery) as [early], linked(delivery, 1, PickyRenderer()) as [late]:
        delivery.subscribe(early.connection, log, log.end)
        say(log, "one", "poison", "two")
        early.read("two")
        delivery.subscribe(late.connection, log, Position(log.epoch, 0))
        settle(delivery)
        say(log, "three")
        assert early.read("three") == "three\n"
        assert late.rest() == f"{ERROR}\n"
    assert "lobby" in caplog.text


# ---------------------------------------------------------------------- deadlines and ends


def test_a_connection_that_does_not_log_in_is_hung_up_in_time() -> None:
    with delivering(Limits(login_seconds=0.01)) as delivery, linked(delivery) as [link]:
        assert link.rest() == f"{FAREWELLS[Reason.LOGIN_TIMEOUT]}\n"
        assert link.connection.reason is Reason.LOGIN_TIMEOUT


def test_a_connection_that_logged_in_is_left_alone_when_its_time_to_log_in_is_over() -> None:
    delivery = Delivery(Limits(login_seconds=0.01))
    with linked(delivery) as [member], linked(delivery) as [stranger]:
        member.connection.go_to_gate()
        delivery.start()
        stranger.rest()  # whose time began later
        member.connection.reply(Text("still here"))
        assert member.read("still here")
    delivery.stop()


def test_a_peer_that_takes_nothing_any_more_is_hung_up_in_time() -> None:
    with delivering(Limits(stall_seconds=0.01)) as delivery, linked(delivery) as [link]:
        link.connection.go_to_gate()
        link.connection.post(b"x" * MORE_THAN_A_SOCKET_TAKES)
        link.finish()
        assert link.connection.reason is Reason.TOO_SLOW


def test_a_peer_that_does_not_read_the_last_lines_is_cut_off_in_time() -> None:
    with delivering(Limits(linger_seconds=0.01)) as delivery, linked(delivery) as [link]:
        link.connection.post(b"x" * MORE_THAN_A_SOCKET_TAKES)
        link.connection.hang_up(Reason.SHUTDOWN)
        link.finish()
        assert len(link.rest()) < MORE_THAN_A_SOCKET_TAKES
        assert link.connection.reason is Reason.SHUTDOWN


def test_a_peer_that_reads_late_but_in_time_gets_the_last_lines() -> None:
    with delivering(Limits(linger_seconds=60)) as delivery, linked(delivery) as [link]:
        link.connection.post(b"x" * MORE_THAN_A_SOCKET_TAKES + b"\n")
        link.connection.hang_up(Reason.SHUTDOWN)
        settle(delivery)
        assert link.rest() == "x" * MORE_THAN_A_SOCKET_TAKES + f"\n{FAREWELLS[Reason.SHUTDOWN]}\n"


def test_an_author_who_waits_for_a_peer_that_does_not_read_is_let_go_by_the_hang_up() -> None:
    with delivering() as delivery, linked(delivery) as [link]:
        link.connection.post(b"x" * MORE_THAN_A_SOCKET_TAKES)
        settle(delivery)
        author = threading.Thread(target=link.connection.post, args=(b"x" * MORE_THAN_A_SOCKET_TAKES,))
        author.start()
        link.connection.hang_up(Reason.TOO_SLOW)
        author.join(DEADLINE_SECONDS)
        assert not author.is_alive()


def test_origins_of_two_deliveries_differ() -> None:
    with delivering() as one, delivering() as other, linked(one, 3) as here, linked(other, 3) as there:
        assert len({link.connection.origin for link in (*here, *there)}) == 6


def test_a_delivery_that_never_started_can_be_stopped() -> None:
    Delivery().stop()


def test_a_wire_format_that_fails_at_the_end_ends_without_a_word_and_nobody_else_notices() -> None:
    log = MemoryStore().open("lobby")
    with delivering() as delivery, linked(delivery, 2) as [link, other]:
        for each in (link, other):
            delivery.subscribe(each.connection, log, log.end)
        link.connection.write_by(SpeechlessWriter(link.connection.renderer))
        link.connection.reply(Text("before"))
        link.connection.hang_up(Reason.QUIT)
        assert link.rest() == "before\n"
        say(log, "after")
        assert other.read("after") == "after\n"
