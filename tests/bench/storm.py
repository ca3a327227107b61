"""A storm: clients that all connect and log in at once, while others talk; and what the server answers each of them.

The storm blows in a process of its own, so that its work does not delay those whose latency is measured. It says that
it is ready, begins when it gets a line, prints the answers as JSON, and ends when its standard input does. Its sessions
stay until then, and are read now and then. One thread on either side.
"""

import json
import select
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Self

from bench.clients import Client, Crowd, LoadError, ToldToWait
from bench.load import Traffic
from bench.machine import highest_kib_of, raise_open_files_limit, resident_kib_of
from bench.plan import Plan, Result

SWEEP_SECONDS = 0.1
START_SECONDS = 20.0


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
    plan = Plan(**json.loads(text))
    raise_open_files_limit()
    signal.setitimer(signal.ITIMER_REAL, plan.limit_seconds)  # nobody handles it: that ends the process
    numbers = range(plan.sessions, plan.sessions + plan.storm)
    crowd = Crowd(plan.port, [Client(number, password=plan.password) for number in numbers])
    print("ready", flush=True)
    if not sys.stdin.readline():
        return 1
    answers = blow(crowd, time.monotonic() + plan.limit_seconds / 2)
    print(json.dumps(asdict(answers)), flush=True)
    while not select.select([sys.stdin], [], [], SWEEP_SECONDS)[0]:
        sweep(crowd)
    crowd.close()
    return 0


class StormProcess:
    """The process that storms, ready to begin, while the `with` block lasts."""

    def __init__(self, plan: Plan) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).parent), "storm", json.dumps(asdict(plan))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in, self._out = self._process.stdin, self._process.stdout
        self._poll = select.poll()
        self._poll.register(self._out, select.POLLIN)
        self.pid = self._process.pid

    def __enter__(self) -> Self:
        if not self._poll.poll(START_SECONDS * 1000) or not self._out.readline():
            self.__exit__()
            raise LoadError("the process of the storm did not start")
        return self

    def begin(self) -> None:
        """Let it begin."""
        self._in.write(b"go\n")
        self._in.flush()

    def is_over(self) -> bool:
        """Whether everybody has been answered, or the process has ended."""
        return bool(self._poll.poll(0))

    def answers(self) -> Answers:
        """Give what they got, once it is over."""
        line = self._out.readline()
        if not line:
            raise LoadError("the process of the storm ended before everybody was answered")
        return Answers(**json.loads(line))

    def __exit__(self, *_exception: object) -> None:
        self._process.kill()
        self._process.wait()
        self._in.close()
        self._out.close()


def measure_storm(plan: Plan, crowd: Crowd, before_kib: int) -> Result:
    """Measure those who are in, first quietly, then while the storm blows.

    `before_kib` is the server's memory before anybody logged in.
    """
    with StormProcess(plan) as process:
        traffic = Traffic(plan, crowd)
        traffic.warm_up()
        quiet = traffic.measure_part()
        process.begin()
        after = traffic.measure(process.is_over, helper_pid=process.pid)
        answers = process.answers()
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
