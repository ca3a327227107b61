"""Joining: clients in the lobby that join one room, at once or at an even rate, where there are many and one talks.

They live in a process of their own: see `helper`. It gets three lines, and answers each when it is done:

    come              all log in, one after the other
    join RUN          all join the room; the messages there are those of that run
    end SAID          so many messages were said in all

One thread on either side.
"""

import json
import select
import sys
import time
from dataclasses import asdict, replace

from bench.clients import Client, Crowd
from bench.comeback import SWEEP_SECONDS, Comeback, Levels
from bench.counting import Count, Script
from bench.helper import Helper, prepare, told
from bench.load import Traffic
from bench.plan import Plan, Result
from bench.returning import Arriving


def join(text: str) -> int:
    """Entry of the process of those who join, with the plan as JSON; the exit code."""
    plan = prepare(text)
    deadline = time.monotonic() + plan.limit_seconds / 2
    crowd = Crowd(plan.port, [Client(number) for number in range(plan.sessions, plan.sessions + plan.storm)])
    told()
    crowd.log_in(deadline, plan.settle_seconds)
    crowd.share_out(lambda _client: True)
    print("in", flush=True)
    _join, run = told()
    clients = Comeback(crowd, Script(plan.authors, plan.text_bytes, run=int(run)), 0, Arriving)
    line = f"/join {plan.rooms_of(0)[-1]}\n".encode()
    levels = clients.begin(lambda client: client.send(line), deadline, plan.storm_rate)
    print(json.dumps(asdict(levels)), flush=True)
    while not select.select([sys.stdin], [], [], 0)[0]:
        clients.read(SWEEP_SECONDS)
    _end, said = told()
    print(json.dumps(asdict(clients.finish(int(said), plan.quiet_seconds))), flush=True)
    crowd.close()
    return 0


def measure_joining(plan: Plan, crowd: Crowd) -> Result:
    """Measure those who are in the room, first quietly, then while the others join; count what all of them are told."""
    with Helper("joining", plan) as helper:
        helper.ask("come")
        traffic = Traffic(plan, crowd)
        traffic.warm_up()
        quiet = traffic.measure_part()
        helper.tell(f"join {traffic.script.run}")
        after = traffic.measure(helper.has_answered, helper_pid=helper.pid)
        levels = Levels(**json.loads(helper.answer()))
        count = Count(**json.loads(helper.ask(f"end {traffic.said}")))
    return replace(
        after,
        **asdict(levels),
        count=after.count + count,
        quiet_p99_ms=quiet.p99_ms,
        others_cpu=max(quiet.others_cpu, after.others_cpu),
    )
