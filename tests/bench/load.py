"""The load generator's traffic: authors talk, everybody reads, every byte is checked.

Two ways to talk: in a closed loop (an author has so many messages under way that its witness has not seen), or at an
even rate (when latency is asked for; it counts from the moment when the message was due). Sockets and logins are the
business of `clients`, checking that of `stream`. One thread.
"""

import os
import time
from collections.abc import Callable
from dataclasses import replace

from bench.clients import Client, Crowd
from bench.counting import Count, Script
from bench.machine import Meter, Usage, established_peers_of, resident_kib_of
from bench.plan import Plan, Result
from bench.stream import CommonStream

LAZY_SECONDS = 0.05
LAZY_AT_ONCE = 32  # of those, how many are read before the prompt ones are looked at again
STALL_SECONDS = 5.0
MEMORY_SECONDS = 0.5


class Traffic:
    """One measured conversation of clients that are already logged in."""

    def __init__(self, plan: Plan, crowd: Crowd) -> None:
        self._plan = plan
        self._crowd = crowd
        self._authors = crowd.clients[: plan.authors]
        readers = [client for client in crowd.clients[plan.authors :] if not client.stops_reading]
        for number, author in enumerate(self._authors):
            author.reading.me = number
            readers[-1 - number % len(readers)].watched.append(number)
        self._is_paced = plan.kind != "fanout"
        for reader in readers[:: plan.sampled_every]:
            reader.is_sampled = self._is_paced
        self._sent = [0] * plan.authors
        self._seen = [0] * plan.authors
        self._sent_at: list[list[float]] = [[] for _ in range(plan.authors)]
        self.script = Script(plan.authors, plan.text_bytes, run=os.getpid())
        self._stream = CommonStream(self.script, self._sent, [c.reading for c in self._authors + readers])
        self._latencies: list[float] = []
        self._backlog: list[int] = []
        self._next_lazy_at = 0.0
        self._last_heard_at = time.monotonic()
        self._stalls = 0
        self._is_over = False
        self._peak_kib = 0
        self._before_kib = resident_kib_of(plan.pid) if plan.pid else 0
        self._talk = self._talk_at_rate if self._is_paced else self._talk_in_closed_loop
        crowd.share_out(lambda client: not self._is_paced or client.is_sampled or client.reading.me is not None)

    def warm_up(self) -> None:
        """Talk for a while that is not measured."""
        self._talk(self._plan.warmup_seconds)
        if self._is_paced:
            self._drain()

    @property
    def said(self) -> int:
        """How many messages were said so far."""
        return sum(self._sent)

    def say(self, messages: int) -> None:
        """Say exactly so many messages at the plan's rate; they are not measured."""
        self._talk_at_rate((messages - 0.5) / self._plan.rate)

    def measure(self, is_enough: Callable[[], bool] | None = None, *, helper_pid: int = 0) -> Result:
        """Talk, count, and wait for what is still under way. See `measure_part` about the arguments."""
        part = self.measure_part(is_enough, helper_pid=helper_pid)
        self._is_over = True
        self._drain()
        return self._with_counts(part)

    def measure_part(self, is_enough: Callable[[], bool] | None = None, *, helper_pid: int = 0) -> Result:
        """Talk, and give the speeds; more may follow.

        It takes as long as the plan says; with `is_enough`, which is for an even rate only, until that is true, or the
        plan's time limit would be near. A process with `helper_pid` works for the generator. At an even rate the
        latencies are those of all that was said: what is under way at the end is waited for, since it may be late.
        """
        plan, stream = self._plan, self._stream
        self._latencies.clear()
        meter, received, said = Meter(plan.pid, helper_pid), stream.received(), self.said
        if is_enough:
            self._talk_at_rate(plan.limit_seconds * 0.6, is_enough)
        else:
            self._talk(plan.seconds)
        usage, received, said = meter.read(), stream.received() - received, self.said - said
        if self._is_paced:
            self._drain()
        return self._speeds(usage, received, said)

    def _speeds(self, usage: Usage, received: int, said: int) -> Result:
        latencies = sorted(self._latencies)
        return Result(
            deliveries_per_second=received / usage.seconds,
            messages_per_second=said / usage.seconds,
            p50_ms=quantile(latencies, 0.5) * 1000,
            p99_ms=quantile(latencies, 0.99) * 1000,
            worst_ms=quantile(latencies, 1.0) * 1000,
            server_cpu=usage.server,
            generator_cpu=usage.generator,
            others_cpu=usage.others,
        )

    def _with_counts(self, speeds: Result) -> Result:
        stopped = {c.sock.getsockname() for c in self._crowd.clients if c.stops_reading}
        return replace(
            speeds,
            count=sum(self._stream.counts(), Count()),
            growth_kib=max(0, self._peak_kib - self._before_kib),
            by_line=self._stream.by_line,
            hung_up=len(self._crowd.hung_up),
            stopped_hung_up=len(stopped - established_peers_of(self._plan.port)) if stopped else 0,
            stalls=self._stalls,
        )

    def _talk_in_closed_loop(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        limit = self._plan.messages
        for author in range(self._plan.authors):
            self._fill_window(author)
        look_after_at = 0.0
        while (now := time.monotonic()) < until:
            self._read_prompt(min(0.1, until - now))
            if now >= look_after_at:
                self._look_after(now)
                look_after_at = now + MEMORY_SECONDS
                if limit and min(self._sent) >= limit:
                    return

    def _fill_window(self, author: int) -> None:
        if self._is_over:
            return
        first, last = self._sent[author], self._seen[author] + self._plan.window
        if self._plan.messages:
            last = min(last, self._plan.messages)
        if first < last:
            self._sent[author] = last
            self._sent_at[author] += [time.monotonic()] * (last - first)
            said, numbers = self.script.said, range(first, last)
            self._authors[author].send(b"".join([said(author, number) for number in numbers]))

    def _talk_at_rate(self, seconds: float, is_enough: Callable[[], bool] = lambda: False) -> None:
        interval, authors = 1 / self._plan.rate, self._plan.authors
        due = start = time.monotonic()
        look_after_at, said = start, self.said
        while due < start + seconds:
            now = time.monotonic()
            while due <= now and due < start + seconds:
                author = said % authors
                self._sent_at[author].append(due)
                self._sent[author] += 1
                self._authors[author].send(self.script.said(author, self._sent[author] - 1))
                said += 1
                due += interval
            if now >= look_after_at:
                self._look_after(now)
                look_after_at = now + MEMORY_SECONDS
            self._read_all(due - now)
            if is_enough():
                return

    def _look_after(self, now: float) -> None:
        """Do what is done twice a second: note the server's memory, push authors on whose messages were lost."""
        if self._plan.pid:
            self._peak_kib = max(self._peak_kib, resident_kib_of(self._plan.pid))
        for author in self._authors:
            if author.unsent:
                author.send(b"")
        if now - self._last_heard_at > STALL_SECONDS and not self._is_paced:
            self._last_heard_at = now
            self._stalls += 1
            for number in range(self._plan.authors):
                self._seen[number] = self._sent[number]
                self._fill_window(number)

    def _read_all(self, seconds: float) -> None:
        """One look at the prompt readers, then some of the others if it is their time."""
        now = time.monotonic()
        if not self._backlog and now >= self._next_lazy_at:
            self._backlog = [fd for fd, _event in self._crowd.lazy.poll(0, len(self._crowd.clients))]
            self._next_lazy_at = now + LAZY_SECONDS
        wait = 0.0 if self._backlog else min(seconds, self._next_lazy_at - now)
        self._read_prompt(max(0.0, wait))
        for fd in self._backlog[-LAZY_AT_ONCE:]:
            self._read(self._crowd.by_fd[fd])
        del self._backlog[-LAZY_AT_ONCE:]

    def _read_prompt(self, seconds: float) -> None:
        by_fd, read = self._crowd.by_fd, self._read
        for fd, _event in self._crowd.prompt.poll(seconds, 4096):
            read(by_fd[fd])

    def _read(self, client: Client) -> None:
        size = self._crowd.receive(client)
        if not size:
            return
        reading, stream = client.reading, self._stream
        before = reading.place
        stream.take(reading, self._crowd.view[:size])
        if client.watched:
            self._acknowledge(client)
        elif client.is_sampled and reading.tally is None:
            now = time.monotonic()
            for code in stream.messages_between(before, reading.place):
                self._latencies.append(now - self._sent_at[code >> 32][code & 0xFFFFFFFF])

    def _acknowledge(self, witness: Client) -> None:
        if self._is_paced:
            return
        now = time.monotonic()
        self._last_heard_at = now
        for author in witness.watched:
            before, seen = self._seen[author], self._stream.seen_by(witness.reading, author)
            if seen > before:
                self._seen[author] = seen
                self._latencies += [now - at for at in self._sent_at[author][before:seen]]
                self._fill_window(author)

    def _drain(self) -> None:
        """Read until everything has come, or until nothing has come for so long that it is lost."""
        plan, said = self._plan, self.said
        readers = len(self._stream.readings)
        expected = readers * said - said  # nobody gets his own
        received = -1
        quiet_since = time.monotonic()
        while time.monotonic() - quiet_since < plan.quiet_seconds:
            look_until = time.monotonic() + 0.05
            while (left := look_until - time.monotonic()) > 0:
                self._next_lazy_at = 0.0
                self._read_all(left)
            now_received = self._stream.received()
            if now_received != received:
                received, quiet_since = now_received, time.monotonic()
            elif received >= expected:
                return  # twice the same: nothing was doubled after the end
            if len(self._crowd.hung_up) == readers:
                return
            self._look_after(0.0)


def quantile(ordered: list[float], share: float) -> float:
    """Give the value below which that share of the ordered values lies; 0 if there are none."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
