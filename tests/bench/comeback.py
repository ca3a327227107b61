"""A comeback: clients that are all cut off at once, miss what is said, and all come back at once while others talk.

They live in a process of their own: see `helper`. It gets four lines, and answers each when it is done:

    come              all log in, one after the other
    cut               all connections are reset
    back RUN FIRST    all connect at once; the messages are those of that run, and the first missed one has that number
    end SAID          so many messages were said in all

One thread on either side.
"""

import json
import select
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from statistics import median

from bench.clients import Client, Crowd, LoadError
from bench.counting import Count, Script
from bench.helper import Helper, prepare, told
from bench.load import Traffic
from bench.plan import Plan, Result
from bench.returning import Returning

SWEEP_SECONDS = 0.05
ANY_NUMBER = 1 << 32
"""More messages than are ever said."""


@dataclass(frozen=True)
class Levels:
    """How those who came back fared until the last of them was level."""

    level_seconds: float
    not_level: int  # those who were hung up, not told all, or not level at the deadline
    told: float


class Comeback:
    """Clients of one author's that come back. One is level when he was told all, and has what anybody had by then.

    What one reads is counted by a `reader`, from the message with the number `first` on.
    """

    def __init__(self, crowd: Crowd, script: Script, first: int, reader: type[Returning] = Returning) -> None:
        self._crowd = crowd
        self._first = first
        self._sent = [ANY_NUMBER]
        self._readers = {client: reader(script, self._sent, first) for client in crowd.clients}
        self._newest = first
        self._goals: dict[Client, int] = {}
        self._away = set(crowd.clients)

    def come_back(self, deadline: float) -> Levels:
        """Let everybody connect at once; return when all are level, or at the deadline."""
        return self.begin(lambda client: self._crowd.open(client, self._crowd.prompt), deadline)

    def begin(self, first_step: Callable[[Client], None], deadline: float, rate: float = 0.0) -> Levels:
        """Let everybody take his first step; return when all are level, or at the deadline.

        So many do at a `rate` a second, or all at once.
        """
        start = level_at = now = time.monotonic()
        waiting = self._crowd.clients[::-1]
        while self._away and now < deadline:
            while waiting and (not rate or now - start >= (len(self._crowd.clients) - len(waiting)) / rate):
                first_step(waiting.pop())
            away = len(self._away)
            self.read(min(SWEEP_SECONDS, 1 / rate) if rate and waiting else SWEEP_SECONDS)
            now = time.monotonic()
            if len(self._away) < away:
                level_at = time.monotonic()
        readers = self._readers.values()
        is_level = [client.is_open and client not in self._away for client in self._crowd.clients]
        level = sum(is_there and reader.is_told_all for is_there, reader in zip(is_level, readers, strict=True))
        return Levels(level_at - start, len(is_level) - level, median(reader.told for reader in readers))

    def finish(self, said: int, quiet_seconds: float) -> Count:
        """Read until everybody has all that was said, or nothing came for so long; count what came since the cut."""
        quiet_since = time.monotonic()
        while any(reader.next < said for reader in self._readers.values()):
            if self.read(SWEEP_SECONDS):
                quiet_since = time.monotonic()
            elif time.monotonic() - quiet_since > quiet_seconds:
                break
        while self.read(SWEEP_SECONDS):
            pass  # what is doubled behind the end
        self._sent[0] = said
        count = sum((reader.tally.count(None) for reader in self._readers.values()), Count())
        not_told = sum(self._first + reader.left_out for reader in self._readers.values())
        return replace(count, received=count.received - not_told)

    def read(self, seconds: float) -> int:
        """Read from those who have something, waiting so long at most; return how many those are."""
        events = self._crowd.prompt.poll(seconds, 256)
        for fd, _event in events:
            client = self._crowd.by_fd[fd]
            self._readers[client].take(self._heard_by(client))
            self._newest = max(self._newest, self._readers[client].next)
            if client in self._away:
                self._look_whether_level(client)
        return len(events)

    def _heard_by(self, client: Client) -> bytes:
        if client.is_logged_in:
            return bytes(self._crowd.view[: self._crowd.receive(client)])
        try:
            return client.heard if client.log_in() else b""
        except LoadError:
            client.close()
            return b""

    def _look_whether_level(self, client: Client) -> None:
        reader = self._readers[client]
        if reader.is_live:
            self._goals.setdefault(client, self._newest)
        if not client.is_open or reader.next >= self._goals.get(client, ANY_NUMBER):
            self._away.remove(client)


def comeback(text: str) -> int:
    """Entry of the process of those who come back, with the plan as JSON; the exit code."""
    plan = prepare(text)
    deadline = time.monotonic() + plan.limit_seconds / 2
    crowd = Crowd(plan.port, [Client(number) for number in range(plan.sessions, plan.sessions + plan.storm)])
    told()
    crowd.log_in(deadline, plan.settle_seconds)
    print("in", flush=True)
    told()
    for client in crowd.clients:
        client.cut()
    print("cut", flush=True)
    _back, run, first = told()
    clients = Comeback(crowd, Script(plan.authors, plan.text_bytes, run=int(run)), int(first))
    print(json.dumps(asdict(clients.come_back(deadline))), flush=True)
    while not select.select([sys.stdin], [], [], 0)[0]:
        clients.read(SWEEP_SECONDS)
    _end, said = told()
    print(json.dumps(asdict(clients.finish(int(said), plan.quiet_seconds))), flush=True)
    crowd.close()
    return 0


def measure_comeback(plan: Plan, crowd: Crowd) -> Result:
    """Measure those who stay, first quietly, then while the others come back; count what all of them were told."""
    with Helper("comeback", plan) as helper:
        traffic = Traffic(plan, crowd)
        traffic.warm_up()
        quiet = traffic.measure_part()
        helper.ask("come")
        helper.ask("cut")
        first = traffic.said
        traffic.say(plan.missed)
        helper.tell(f"back {traffic.script.run} {first}")
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
