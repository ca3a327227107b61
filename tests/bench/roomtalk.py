"""Talk in many rooms at once: in each, the first ones talk, and the last is everybody's witness.

Each room has a script and a common stream of its own, so every byte is checked as in one room. Sockets and logins are
the business of `clients`, checking that of `stream`. One thread.
"""

import os
import time

from bench.clients import Client, Crowd
from bench.counting import Count, Script
from bench.machine import Meter
from bench.plan import Plan, Result
from bench.stream import CommonStream

POLL_SECONDS = 0.1
LOOK_AFTER_SECONDS = 0.5
STALL_SECONDS = 5.0


class RoomTalk:
    """The conversation of `clients` in one room. An author has so many messages under way as the plan's window says."""

    def __init__(self, plan: Plan, run: int, clients: list[Client]) -> None:
        self._authors, self._witness = clients[: plan.authors], clients[-1]
        self._readers = len(clients) - 1  # of each message
        self._window = plan.window
        self._limit = plan.messages
        self._script = Script(len(self._authors), plan.text_bytes, run=run, first=clients[0].number)
        for number, author in enumerate(self._authors):
            author.reading.me = number
        self.sent = [0] * len(self._authors)
        self._seen = [0] * len(self._authors)
        self.stream = CommonStream(self._script, self.sent, [client.reading for client in clients])

    def fill_windows(self) -> None:
        """Let everybody say what his window lets him."""
        for author in range(len(self._authors)):
            self._fill_window(author)

    def _fill_window(self, author: int) -> None:
        first, last = self.sent[author], self._seen[author] + self._window
        if self._limit:
            last = min(last, self._limit)
        if first < last:
            self.sent[author] = last
            said = self._script.said
            self._authors[author].send(b"".join([said(author, number) for number in range(first, last)]))

    def take(self, client: Client, data: memoryview, *, is_over: bool) -> None:
        """Check what a client has just received; what the witness saw lets its authors go on, unless it is over."""
        before = client.reading.place
        self.stream.take(client.reading, data)
        if client is self._witness:
            witness = client.reading
            if witness.tally is not None:
                authors = set(range(len(self._authors)))
            else:
                authors = {code >> 32 for code in self.stream.messages_between(before, witness.place)}
            for author in authors:
                self._seen[author] = max(self._seen[author], self.stream.seen_by(witness, author))
                if not is_over:
                    self._fill_window(author)

    def open_windows(self) -> None:
        """Go on as if everything had been seen: some of it seems to be lost."""
        self._seen[:] = self.sent
        self.fill_windows()

    @property
    def is_done(self) -> bool:
        """Whether every author has said as much as he is to say."""
        return bool(self._limit) and min(self.sent) >= self._limit

    @property
    def expected(self) -> int:
        """How many deliveries there are to be: each message to everybody but its author."""
        return sum(self.sent) * self._readers


class ManyRooms:
    """The conversations of a crowd that is in its rooms already: as many sessions in each, next to each other."""

    def __init__(self, plan: Plan, crowd: Crowd) -> None:
        size, run = plan.sessions // plan.rooms, os.getpid()
        members = [crowd.clients[first : first + size] for first in range(0, plan.sessions, size)]
        self._plan = plan
        self._crowd = crowd
        self._talks = [RoomTalk(plan, run, clients) for clients in members]
        self._talk_of = {
            client.fd: talk for talk, clients in zip(self._talks, members, strict=True) for client in clients
        }
        self._last_heard_at = time.monotonic()
        self._stalls = 0
        self._is_over = False
        crowd.share_out(lambda _client: True)

    def measure(self) -> Result:
        """Talk for a while that is not measured, then for one that is; count, and wait for what is still under way."""
        plan = self._plan
        self._begin(plan.warmup_seconds / 2)
        self._talk(plan.warmup_seconds / 2)
        meter, received, said = Meter(plan.pid), self._received(), self._said()
        self._talk(plan.seconds)
        usage, received, said = meter.read(), self._received() - received, self._said() - said
        self._is_over = True
        self._drain()
        return Result(
            count=sum((count for talk in self._talks for count in talk.stream.counts()), Count()),
            deliveries_per_second=received / usage.seconds,
            messages_per_second=said / usage.seconds,
            message_us=usage.server * 1e4 * usage.seconds / max(1, said),
            delivery_us=usage.server * 1e4 * usage.seconds / max(1, received),
            server_cpu=usage.server,
            generator_cpu=usage.generator,
            others_cpu=usage.others,
            by_line=sum(talk.stream.by_line for talk in self._talks),
            hung_up=len(self._crowd.hung_up),
            stalls=self._stalls,
        )

    def _begin(self, seconds: float) -> None:
        """Let one room after the other begin, as many in each moment; nobody comes upon a thousand of them at once."""
        each = seconds / len(self._talks)
        for talk in self._talks:
            talk.fill_windows()
            until = time.monotonic() + each
            while (left := until - time.monotonic()) > 0:
                self._read(left)

    def _said(self) -> int:
        return sum(sum(talk.sent) for talk in self._talks)

    def _received(self) -> int:
        return sum(talk.stream.received() for talk in self._talks)

    def _talk(self, seconds: float) -> None:
        until, look_after_at = time.monotonic() + seconds, 0.0
        while (now := time.monotonic()) < until:
            self._read(min(POLL_SECONDS, until - now))
            if now >= look_after_at:
                self._look_after(now)
                look_after_at = now + LOOK_AFTER_SECONDS
                if all(talk.is_done for talk in self._talks):
                    return

    def _read(self, seconds: float) -> None:
        crowd, talk_of = self._crowd, self._talk_of
        for fd, _event in crowd.prompt.poll(seconds, 4096):
            client = crowd.by_fd[fd]
            if size := crowd.receive(client):
                talk_of[fd].take(client, crowd.view[:size], is_over=self._is_over)
                self._last_heard_at = time.monotonic()

    def _look_after(self, now: float) -> None:
        """Do what is done twice a second: send what a server did not take, push authors on whose messages were lost."""
        for client in self._crowd.clients:
            if client.unsent:
                client.send(b"")
        if now - self._last_heard_at > STALL_SECONDS and not self._is_over:
            self._last_heard_at = now
            self._stalls += 1
            for talk in self._talks:
                talk.open_windows()

    def _drain(self) -> None:
        """Read until everything has come, or until nothing has come for so long that it is lost."""
        expected = sum(talk.expected for talk in self._talks)
        received, quiet_since = -1, time.monotonic()
        while time.monotonic() - quiet_since < self._plan.quiet_seconds:
            look_until = time.monotonic() + POLL_SECONDS
            while (left := look_until - time.monotonic()) > 0:
                self._read(left)
            self._look_after(0.0)
            now_received = self._received()
            if now_received != received:
                received, quiet_since = now_received, time.monotonic()
            elif received >= expected or len(self._crowd.hung_up) == len(self._crowd.clients):
                return  # twice the same: nothing was doubled after the end
