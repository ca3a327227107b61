"""Crowds that do each deed against a small server. Real sockets on the loopback, and the crowd's own process."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from chatsrv import ChatServer, Hub, Limits, MemoryBackend, PlainSession
from chatsrv.model.roomrules import DeclaredRoom, RoomRules

from .counting import Count
from .crowds import DEEDS
from .plan import Plan
from .runs import run

SESSIONS, CROWD = 4, 6
DEADLINE_SECONDS = 20.0


@contextmanager
def serving(connections: int) -> Iterator[int]:
    users = {f"u{number}": f"p{number}" for number in range(SESSIONS + CROWD)}
    limits = Limits(messages_per_second=0.0, connections=connections)
    hub = Hub(rules=RoomRules(declared=(DeclaredRoom(name="r0"),), quiet_above=1))
    with ChatServer(("127.0.0.1", 0), PlainSession, auth=MemoryBackend(users), hub=hub, limits=limits) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join(DEADLINE_SECONDS)


def planned(deed: str, port: int) -> Plan:
    return Plan(
        kind="crowd",
        deed=deed,
        port=port,
        sessions=SESSIONS,
        authors=1,
        rooms=1,
        rate=50.0,
        sampled_every=1,
        storm=CROWD,
        settle_seconds=0.1,
        warmup_seconds=0.1,
        seconds=0.2,
        limit_seconds=DEADLINE_SECONDS,
    )


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.crowds.LEAST_SECONDS", 0.2)


@pytest.mark.parametrize("deed", DEEDS)
def test_each_of_a_crowd_does_it_and_those_who_talk_miss_nothing(deed: str) -> None:
    with serving(1000) as port:
        result = run(planned(deed, port))
    assert (result.got_in, result.told_to_wait, result.neither) == (CROWD, 0, 0)
    assert result.count == Count(received=result.count.received)
    assert result.count.received > (SESSIONS - 1) * 15
    assert result.worst_ms >= result.p99_ms > 0


def test_those_who_are_turned_away_count_as_not_done() -> None:
    with serving(SESSIONS + CROWD - 2) as port:
        result = run(planned("connect", port))
    assert (result.got_in, result.neither) == (CROWD - 2, 2)
