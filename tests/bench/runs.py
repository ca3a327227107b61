"""The generator's process: log the crowd in, then do what the kind of plan is called after, or log in without end.

Raises the limit on open files, and ends by itself at the plan's time limit. Prints one JSON object. Main thread only.
"""

import json
import sys
import time
from collections import deque
from dataclasses import asdict

from bench.clients import IN_FLIGHT, Client, Crowd, LoadError
from bench.comeback import measure_comeback
from bench.crowds import measure_crowd
from bench.joining import measure_joining
from bench.load import Traffic, quantile
from bench.machine import Meter, end_after, memory_kib_of, raise_open_files_limit, resident_kib_of
from bench.plan import Plan, Result
from bench.roomtalk import ManyRooms
from bench.storm import measure_storm

KINDS = ("fanout", "paced", "idle", "logins", "storm", "comeback", "rooms", "joining", "crowd")
LOGIN_ACCOUNTS = 2000


def generate(text: str) -> int:
    """Entry of the generator's process: run the plan given as JSON, print the result as JSON; the exit code."""
    plan = Plan.from_json(text)
    raise_open_files_limit()
    end_after(plan.limit_seconds)
    try:
        result = run(plan)
    except LoadError as error:
        print(error, file=sys.stderr)
        return 2
    print(json.dumps(asdict(result)))
    return 0


def run(plan: Plan) -> Result:
    """Do what the plan says, in this thread."""
    if plan.kind not in KINDS:
        raise ValueError(f"kind of run {plan.kind!r}: one of {', '.join(KINDS)}")
    if plan.kind == "logins":
        return _logins(plan)
    if plan.rooms and plan.sessions % plan.rooms and plan.kind == "rooms":
        raise ValueError(f"{plan.sessions} sessions in {plan.rooms} rooms: there must be as many in each")
    last_stopped = plan.authors + plan.stopped
    if plan.sessions // max(1, plan.rooms if plan.kind == "rooms" else 1) <= last_stopped:
        raise ValueError(f"{plan.sessions} sessions: some must be neither authors nor stopped")
    clients = [
        Client(
            number,
            stops_reading=plan.authors <= number < last_stopped,
            password=plan.password,
            rooms=plan.rooms_of(number),
        )
        for number in range(plan.sessions)
    ]
    kib_of = resident_kib_of if plan.kind == "storm" else memory_kib_of
    before_kib = kib_of(plan.pid) if plan.pid else 0
    crowd = Crowd(plan.port, clients)
    try:
        crowd.log_in(time.monotonic() + plan.limit_seconds / 2, plan.settle_seconds)
        if plan.kind == "idle":
            return _idle(plan, crowd, before_kib)
        if plan.kind == "storm":
            return measure_storm(plan, crowd, before_kib)
        if plan.kind == "comeback":
            return measure_comeback(plan, crowd)
        if plan.kind == "joining":
            return measure_joining(plan, crowd)
        if plan.kind == "crowd":
            return measure_crowd(plan, crowd)
        if plan.kind == "rooms":
            return ManyRooms(plan, crowd).measure()
        traffic = Traffic(plan, crowd)
        traffic.warm_up()
        return traffic.measure()
    finally:
        crowd.close()


def _idle(plan: Plan, crowd: Crowd, before_kib: int) -> Result:
    kib = (memory_kib_of(plan.pid) - before_kib) / plan.sessions
    meter, until = Meter(plan.pid), time.monotonic() + plan.seconds
    while (left := until - time.monotonic()) > 0:
        for fd, _event in crowd.lazy.poll(left):
            crowd.receive(crowd.by_fd[fd])
    usage = meter.read()
    return Result(session_kib=kib, server_cpu=usage.server, others_cpu=usage.others, hung_up=len(crowd.hung_up))


def _logins(plan: Plan) -> Result:
    """Log in and hang up, over and over, `IN_FLIGHT` connections at a time."""
    crowd = Crowd(plan.port, [Client(number) for number in range(LOGIN_ACCOUNTS)])
    free = deque(crowd.clients)
    times: list[float] = []
    meter = None
    try:
        for _ in range(IN_FLIGHT):
            crowd.open(free.popleft(), crowd.prompt)
        start = time.monotonic() + plan.warmup_seconds
        while (now := time.monotonic()) < start + plan.seconds:
            if meter is None and now >= start:
                meter = Meter(plan.pid)
                times.clear()
            for fd, _event in crowd.prompt.poll(0.1):
                client = crowd.by_fd[fd]
                if client.log_in():
                    times.append(time.monotonic() - client.began_at)
                    client.close()
                    free.append(client)
                    crowd.open(free.popleft(), crowd.prompt)
        assert meter is not None
        usage = meter.read()
    finally:
        crowd.close()
    times.sort()
    return Result(
        logins_per_second=len(times) / usage.seconds,
        p50_ms=quantile(times, 0.5) * 1000,
        p99_ms=quantile(times, 0.99) * 1000,
        server_cpu=usage.server,
        generator_cpu=usage.generator,
        others_cpu=usage.others,
    )
