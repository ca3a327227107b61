"""A storm: clients that all connect and log in at once, while others talk; and what the server answers each of them.

The storm blows in a process of its own: see `helper`. It begins when it gets a line, prints the answers as JSON, and
ends when its standard input does. Its sessions stay until then, and are read now and then. One thread on either side.
"""

import json
import select
import sys
import time
from dataclasses import asdict, dataclass, replace

from bench.clients import Client, Crowd, LoadError, ToldToWait
from bench.helper import Helper, prepare, told
from bench.load import Traffic
from bench.machine import highest_kib_of, resident_kib_of
from bench.plan import Plan, Result

SWEEP_SECONDS = 0.1


@dataclass(frozen=True)
class Answers:
    """How many of a storm got what, and how long it took until the last of them had it."""

    got_in: int = 0
    told_to_wait: int = 0
    neither: int = 0  # hung up without that sentence, or left without any answer
    seconds: float = 0.0


def blow(crowd: Crowd, deadline: float) -> Answers:
    """Let everybody connect at once; return when each of them has an answer, or at the deadline."""
    start = swept_at = answered_at = time.monotonic()
    for client in crowd.clients:
        crowd.open(client, crowd.prompt)
    got_in = told_to_wait = hung_up = 0
    while got_in + told_to_wait + hung_up < len(crowd.clients) and (now := time.monotonic()) < deadline:
        for fd, _event in crowd.prompt.poll(SWEEP_SECONDS, 256):
            client = crowd.by_fd[fd]
            try:
                if not client.log_in():
                    continue
                got_in += 1
                crowd.prompt.unregister(fd)
                crowd.lazy.register(fd, select.EPOLLIN)
            except ToldToWait:
                told_to_wait += 1
                client.close()
            except LoadError:
                hung_up += 1
                client.close()
            answered_at = time.monotonic()
        if now - swept_at >= SWEEP_SECONDS:
            sweep(crowd)
            swept_at = now
    return Answers(got_in, told_to_wait, len(crowd.clients) - got_in - told_to_wait, answered_at - start)


def sweep(crowd: Crowd) -> None:
    """Throw away what the server has told those who got in."""
    for fd, _event in crowd.lazy.poll(0, len(crowd.clients)):
        crowd.receive(crowd.by_fd[fd])


def storm(text: str) -> int:
    """Entry of the storm's process, with the plan as JSON; the exit code."""
    plan = prepare(text)
    numbers = range(plan.sessions, plan.sessions + plan.storm)
    crowd = Crowd(plan.port, [Client(number, password=plan.password) for number in numbers])
    told()
    answers = blow(crowd, time.monotonic() + plan.limit_seconds / 2)
    print(json.dumps(asdict(answers)), flush=True)
    while not select.select([sys.stdin], [], [], SWEEP_SECONDS)[0]:
        sweep(crowd)
    crowd.close()
    return 0


def measure_storm(plan: Plan, crowd: Crowd, before_kib: int) -> Result:
    """Measure those who are in, first quietly, then while the storm blows.

    `before_kib` is the server's memory before anybody logged in.
    """
    with Helper("storm", plan) as helper:
        traffic = Traffic(plan, crowd)
        traffic.warm_up()
        quiet = traffic.measure_part()
        helper.tell("go")
        after = traffic.measure(helper.has_answered, helper_pid=helper.pid)
        answers = Answers(**json.loads(helper.answer()))
        peak_kib = max(highest_kib_of(plan.pid), resident_kib_of(plan.pid)) if plan.pid else 0
    return replace(
        after,
        quiet_p99_ms=quiet.p99_ms,
        others_cpu=max(quiet.others_cpu, after.others_cpu),
        growth_kib=peak_kib - before_kib,
        got_in=answers.got_in,
        told_to_wait=answers.told_to_wait,
        neither=answers.neither,
        answered_seconds=answers.seconds,
    )
