"""What is no longer in memory is fetched for delivery: exactly, and while everybody else is served."""

import logging
import random
import threading
from collections.abc import Callable

import pytest

from chatsrv.model.entries import Position
from chatsrv.model.errors import Hole, Refused
from chatsrv.model.reasons import Reason
from chatsrv.model.replies import Text
from chatsrv.net.delivery.delivery import Delivery
from tests.net.links import delivering, linked, say
from tests.peer import DEADLINE_SECONDS
from tests.roomlog.late import LateRoomLog, LateStore

TEXTS = [f"{number}" for number in range(50)]


def log_of(*texts: str, is_at_hand: Callable[[], bool] = lambda: False) -> LateRoomLog:
    """Return a log with entries of which nothing is in memory."""
    log = LateStore(is_at_hand=is_at_hand).open("lobby")
    say(log, *texts)
    log.show()
    return log


def start(log: LateRoomLog) -> Position:
    return Position(log.epoch, 0)


def await_asked(log: LateRoomLog) -> None:
    assert log.is_asked.wait(DEADLINE_SECONDS)


def settle(delivery: Delivery) -> None:
    """Return when delivery has done all that was asked of it before."""
    with linked(delivery):
        pass


def test_who_reads_from_a_store_that_does_not_answer_holds_up_nobody() -> None:
    away, here = log_of(*TEXTS), LateStore().open("dev")
    away.store_answers.clear()
    with delivering() as delivery, linked(delivery, 2) as [waiting, other]:
        delivery.subscribe(waiting.connection, away, start(away))
        await_asked(away)
        delivery.subscribe(other.connection, here, here.end)
        delivery.subscribe(waiting.connection, here, here.end)
        waiting.connection.reply(Text("reply"))
        assert waiting.read("reply") == "reply\n"
        say(here, "hello")
        here.show()
        assert other.read("hello") == waiting.read("hello") == "hello\n"
        away.store_answers.set()
        assert waiting.read(TEXTS[-1]).splitlines() == TEXTS


def test_what_is_said_while_older_lines_are_fetched_comes_after_them() -> None:
    log = log_of(*TEXTS)
    log.store_answers.clear()
    with delivering() as delivery, linked(delivery) as [link]:
        delivery.subscribe(link.connection, log, start(log))
        await_asked(log)
        for text in ("one", "two"):
            say(log, text)
            log.show()
        log.store_answers.set()
        assert link.read("two").splitlines() == [*TEXTS, "one", "two"]
        log.is_at_hand = lambda: True
        say(log, "three")
        log.show()
        assert link.read("three") == "three\n"


def test_who_is_overtaken_while_what_they_missed_is_fetched_gets_all_of_it_once() -> None:
    log = log_of(*TEXTS, is_at_hand=lambda: True)
    with delivering() as delivery, linked(delivery, 2) as [early, late]:
        delivery.subscribe(early.connection, log, log.end)
        settle(delivery)
        log.store_answers.clear()
        log.is_at_hand = lambda: False
        delivery.subscribe(late.connection, log, Position(log.epoch, 10))
        await_asked(log)
        log.is_at_hand = lambda: True
        say(log, "meanwhile")
        log.show()
        assert early.read("meanwhile") == "meanwhile\n"
        log.store_answers.set()
        say(log, "after")
        log.show()
        assert late.read("after").splitlines() == [*TEXTS[10:], "meanwhile", "after"]
        assert early.read("after") == "after\n"


def test_whoever_is_overtaken_may_wait_to_go_live() -> None:
    log = log_of(*TEXTS, is_at_hand=lambda: True)
    with delivering() as delivery, linked(delivery, 2) as [early, late]:
        delivery.subscribe(early.connection, log, log.end)
        settle(delivery)
        log.store_answers.clear()
        log.is_at_hand = lambda: False
        delivery.subscribe(late.connection, log, Position(log.epoch, 40), is_held=True)
        await_asked(log)
        late.connection.reply(Text("what was before"))
        delivery.go_live(late.connection, log)
        assert late.read("what was before") == "what was before\n"
        log.store_answers.set()
        assert late.read(TEXTS[-1]).splitlines() == TEXTS[40:]


def test_who_arrives_within_what_is_being_fetched_gets_the_rest_of_it_alone() -> None:
    log = log_of(*TEXTS)
    log.store_answers.clear()
    with delivering() as delivery, linked(delivery, 4) as links:
        places = (0, 30, 7, 30)
        delivery.subscribe(links[0].connection, log, start(log))
        await_asked(log)
        for link, place in zip(links[1:], places[1:], strict=True):
            delivery.subscribe(link.connection, log, Position(log.epoch, place))
        settle(delivery)
        log.store_answers.set()
        for link, place in zip(links, places, strict=True):
            assert link.read(TEXTS[-1]).splitlines() == TEXTS[place:]


def test_everybody_gets_what_comes_after_their_place_whatever_is_in_memory() -> None:
    chances = random.Random(7)
    log = LateStore(is_at_hand=lambda: chances.random() < 0.5).open("lobby")
    with delivering() as delivery, linked(delivery, 20) as links:
        places = []
        for number, link in enumerate(links):
            places.append(chances.randrange(10 * number + 1))
            delivery.subscribe(link.connection, log, Position(log.epoch, places[-1]))
            say(log, *[f"{number}.{line}" for line in range(10)])
            log.show(chances.randrange(20))
        say(log, "end")
        log.show()
        texts = [entry.text for entry in log.read(start(log), 1000)]
        for link, place in zip(links, places, strict=True):
            assert link.read("end").splitlines() == texts[place:]


def test_who_leaves_while_something_is_fetched_for_them_leaves_nobody_following() -> None:
    log = log_of(*TEXTS)
    log.store_answers.clear()
    with delivering() as delivery, linked(delivery, 3) as [first, overtaken, expected]:
        delivery.subscribe(first.connection, log, start(log))
        await_asked(log)
        delivery.subscribe(overtaken.connection, log, start(log))
        delivery.subscribe(expected.connection, log, Position(log.epoch, 20))
        for link in (first, overtaken, expected):
            link.connection.hang_up(Reason.QUIT)
            assert link.rest() == "Goodbye!\n"
        log.store_answers.set()
        again = threading.Event()
        delivery.call_later(0.0, again.set)
        assert again.wait(DEADLINE_SECONDS)
        say(log, "after")
        log.show()
        log.is_at_hand = lambda: True
        with linked(delivery) as [late]:
            delivery.subscribe(late.connection, log, log.end)
            say(log, "end")
            log.show()
            assert late.read("end") == "end\n"
            late.connection.hang_up(Reason.QUIT)
            late.finish()
    assert log.followers == ()


@pytest.mark.parametrize("failure", [Refused("It cannot be read."), OSError("a bug"), MemoryError()])
def test_who_cannot_be_sent_what_was_said_is_hung_up_and_others_are_not(
    failure: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    log, other_log = log_of(*TEXTS), LateStore().open("dev")
    log.failure = failure
    with delivering() as delivery, linked(delivery, 2) as [reader, other]:
        delivery.subscribe(other.connection, other_log, other_log.end)
        delivery.subscribe(reader.connection, log, start(log))
        reader.rest()
        assert reader.connection.reason is Reason.ERROR
        say(other_log, "hello")
        other_log.show()
        assert other.read("hello") == "hello\n"
        settle(delivery)
        assert log.followers == ()
    [record] = caplog.records
    assert (record.levelno, record.name) == (logging.ERROR, "chatsrv.net.delivery.fanout")
    assert "lobby" in record.getMessage()


def test_who_was_overtaken_by_what_is_gone_is_hung_up_alone() -> None:
    log = log_of(*TEXTS, is_at_hand=lambda: True)
    with delivering() as delivery, linked(delivery, 2) as [early, late]:
        delivery.subscribe(early.connection, log, log.end)
        settle(delivery)
        log.is_at_hand = lambda: False
        log.failure = Hole(20, 10)
        delivery.subscribe(late.connection, log, Position(log.epoch, 10))
        late.rest()
        assert late.connection.reason is Reason.TOO_SLOW
        log.is_at_hand = lambda: True
        say(log, "after")
        log.show()
        assert early.read("after") == "after\n"
