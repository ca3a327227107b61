"""The storm against small servers that let everybody in, that have no time for the newcomers, and that hang up.

Real sockets on the loopback interface, and the storm's own process; no hashing, which only takes time.
"""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from chatsrv import Account, AuthBackend, ChatServer, LoginContext, PlainSession, Unavailable

from .clients import Client, Crowd
from .counting import Count
from .plan import Plan
from .runs import run
from .scenarios import all_scenarios, quick
from .storm import Answers, blow

SESSIONS, NEWCOMERS = 5, 6
DEADLINE_SECONDS = 20.0


class Door(AuthBackend):
    """Lets the first ones in; whether it has time for others is settable."""

    may_block = False

    def __init__(self, lets_in: int) -> None:
        self._lets_in = lets_in

    def authenticate(self, username: str, password: str, context: LoginContext) -> Account:
        if int(username[1:]) >= self._lets_in:
            raise Unavailable("no time")
        return Account(username)


@contextmanager
def serving(lets_in: int) -> Iterator[int]:
    with ChatServer(("127.0.0.1", 0), PlainSession, auth=Door(lets_in)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join(DEADLINE_SECONDS)


@pytest.mark.parametrize("lets_in", [SESSIONS, SESSIONS + 2, SESSIONS + NEWCOMERS])
def test_each_newcomer_counts_as_in_or_told_to_wait_and_the_others_miss_nothing(lets_in: int) -> None:
    with serving(lets_in) as port:
        result = run(
            Plan(
                kind="storm",
                port=port,
                sessions=SESSIONS,
                authors=1,
                rate=5.0,
                sampled_every=1,
                storm=NEWCOMERS,
                settle_seconds=0.0,
                warmup_seconds=0.0,
                seconds=0.3,
                limit_seconds=DEADLINE_SECONDS,
            )
        )
    got_in = lets_in - SESSIONS
    assert (result.got_in, result.told_to_wait, result.neither) == (got_in, NEWCOMERS - got_in, 0)
    assert result.count == Count(received=result.count.received)
    assert result.quiet_p99_ms > 0


def test_who_is_hung_up_without_a_word_got_neither() -> None:
    listener = socket.create_server(("127.0.0.1", 0))

    def hang_up() -> None:
        for _ in range(NEWCOMERS):
            listener.accept()[0].close()

    thread = threading.Thread(target=hang_up)
    thread.start()
    crowd = Crowd(listener.getsockname()[1], [Client(number) for number in range(NEWCOMERS)])
    answers = blow(crowd, time.monotonic() + DEADLINE_SECONDS)
    crowd.close()
    thread.join(DEADLINE_SECONDS)
    listener.close()
    assert answers == Answers(neither=NEWCOMERS, seconds=answers.seconds)


def test_who_is_not_answered_until_the_deadline_got_neither() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        crowd = Crowd(listener.getsockname()[1], [Client(0)])
        assert blow(crowd, time.monotonic() + 0.2).neither == 1
        crowd.close()


def test_quick_storm_is_of_a_hundred_and_keeps_those_who_talk() -> None:
    [scenario] = [scenario for scenario in all_scenarios() if scenario.name == "storm"]
    [variant] = quick(scenario).variants
    assert (variant.plan.sessions, variant.plan.storm) == (50, 100)
