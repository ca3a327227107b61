"""A crowd that does one thing in one moment, while one person talks to others: connects, logs in, joins, is cut off.

The crowd lives in a process of its own: see `helper`. It gets two lines, and answers each when it is done:

    come              everybody gets as far as the deed needs
    go                everybody does it

One thread on either side.
"""

import json
import select
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace

from bench.clients import IN_FLIGHT, Client, Crowd, LoadError, Steps, ToldToWait
from bench.helper import Helper, prepare, told
from bench.load import Traffic
from bench.plan import Plan, Result

SWEEP_SECONDS = 0.05
LEAST_SECONDS = 1.0
"""How long is measured from the deed's beginning on, even if it is over sooner: the server may have work left."""


@dataclass(frozen=True)
class Done:
    """How a deed went: how many did it, were told to wait, or neither, and how long it took until the last was done."""

    got_in: int
    told_to_wait: int
    neither: int
    answered_seconds: float


@dataclass(frozen=True)
class Deed:
    """What each of a crowd does: how far it gets before, what it sends then, and what it waits for.

    Without anything to send it connects anew; what it waits for is empty if that is the end of the stream.
    """

    before: Callable[[Client], Steps] | None  # `None`: nobody is connected
    sends: Callable[[Client], bytes] | None
    awaits: Callable[[Client], Steps]
    is_cut: bool = False  # the connection is reset: before the deed if there is something to do then, or as the deed


def _at_prompt(_client: Client) -> Steps:
    return [(b"Username: ", b"")]


def _welcome(client: Client) -> Steps:
    return [(b"Welcome, u%d!" % client.number, b"")]


def _goodbye(_client: Client) -> Steps:
    return []


DEEDS = {
    "connect": Deed(None, None, _at_prompt),
    "log in": Deed(_at_prompt, lambda it: b"u%d\np%d\n" % (it.number, it.number), _welcome),
    "fail to log in": Deed(_at_prompt, lambda it: b"u%d\nwrong\n" % it.number, lambda _: [(b"Login failed.", b"")]),
    "join a room": Deed(Client.login, lambda _: b"/join r0\n", lambda _: [(b"You are in r0 now.", b"")]),
    "come back": Deed(Client.login, None, Client.login, is_cut=True),
    "leave": Deed(Client.login, lambda _: b"/quit\n", _goodbye),
    "are cut off": Deed(Client.login, lambda _: b"", _goodbye, is_cut=True),
    "give up at the prompt": Deed(_at_prompt, lambda _: b"", _goodbye, is_cut=True),
}


class Acting:
    """A crowd that gets ready and does its deed."""

    def __init__(self, crowd: Crowd, deed: Deed, deadline: float) -> None:
        self._crowd = crowd
        self._deed = deed
        self._deadline = deadline

    def get_ready(self) -> None:
        """Get everybody as far as the deed needs, a few at a time.

        Raises:
            LoadError: not everybody got there.
        """
        if not self._deed.before:
            return
        waiting = self._crowd.clients[::-1]
        underway: set[Client] = set()
        while waiting or underway:
            while waiting and len(underway) < IN_FLIGHT:
                client = waiting.pop()
                self._open(client, self._deed.before(client))
                underway.add(client)
            underway -= self._step(underway)
            if time.monotonic() > self._deadline:
                raise LoadError(f"after the time limit {len(waiting) + len(underway)} were not ready")
        if self._deed.is_cut and not self._deed.sends:
            self._cut()

    def act(self) -> Done:
        """Have everybody do it; return when everybody is done, or at the deadline."""
        start = done_at = time.monotonic()
        if self._deed.is_cut and self._deed.sends:
            self._cut()
            return Done(len(self._crowd.clients), 0, 0, time.monotonic() - start)
        for client in self._crowd.clients:
            if self._deed.sends:
                client.expect(self._deed.awaits(client))
                client.send(self._deed.sends(client))
            else:
                self._open(client, self._deed.awaits(client))
        underway, self._waited = set(self._crowd.clients), 0
        lost = 0
        while underway and time.monotonic() < self._deadline:
            if done := self._step(underway):
                done_at = time.monotonic()
                lost += sum(not client.is_open and bool(client.steps) for client in done)
                underway -= done
        done_well = len(self._crowd.clients) - len(underway) - lost
        return Done(done_well - self._waited, self._waited, lost + len(underway), done_at - start)

    def sweep(self) -> None:
        """Throw away what the server has told those who are done."""
        for fd, _event in self._crowd.prompt.poll(0, len(self._crowd.clients)):
            self._crowd.receive(self._crowd.by_fd[fd])

    def _open(self, client: Client, steps: Steps) -> None:
        self._crowd.open(client, self._crowd.prompt)
        client.expect(steps)

    def _cut(self) -> None:
        for client in self._crowd.clients:
            client.cut()

    def _step(self, underway: set[Client]) -> set[Client]:
        """Read from whoever has something; return who of those under way is done now, well or not."""
        done = set()
        for fd, _event in self._crowd.prompt.poll(SWEEP_SECONDS, 1024):
            client = self._crowd.by_fd[fd]
            if client not in underway:
                self._crowd.receive(client)
                continue
            try:
                if client.steps:
                    if client.log_in():
                        done.add(client)
                elif not self._crowd.receive(client) and not client.is_open:
                    done.add(client)  # the end that it waits for
            except ToldToWait:
                self._waited += 1
                client.steps = []
                client.close()
                done.add(client)
            except LoadError:
                client.close()
                done.add(client)
        return done


def crowd(text: str) -> int:
    """Entry of the crowd's process, with the plan as JSON; the exit code."""
    plan = prepare(text)
    numbers = range(plan.sessions, plan.sessions + plan.storm)
    acting = Acting(
        Crowd(plan.port, [Client(number) for number in numbers]),
        DEEDS[plan.deed],
        time.monotonic() + plan.limit_seconds * 0.6,
    )
    told()
    acting.get_ready()
    print("ready", flush=True)
    told()
    print(json.dumps(asdict(acting.act())), flush=True)
    while not select.select([sys.stdin], [], [], SWEEP_SECONDS)[0]:
        acting.sweep()
    return 0


def measure_crowd(plan: Plan, crowd: Crowd) -> Result:
    """Measure those who talk, first quietly, then while the crowd does its deed."""
    with Helper("crowd", plan) as helper:
        helper.ask("come")
        traffic = Traffic(plan, crowd)
        traffic.warm_up()
        quiet = traffic.measure_part()
        until = time.monotonic() + LEAST_SECONDS
        helper.tell("go")
        after = traffic.measure(lambda: time.monotonic() >= until and helper.has_answered(), helper_pid=helper.pid)
        done = Done(**json.loads(helper.answer()))
    return replace(
        after,
        **asdict(done),
        quiet_p99_ms=quiet.p99_ms,
        others_cpu=max(quiet.others_cpu, after.others_cpu),
    )
