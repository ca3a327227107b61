"""What the generator is asked to do, and what it answers: values that cross a pipe as JSON.

No behaviour beyond that. Frozen; any thread.
"""

import json
from dataclasses import asdict, dataclass, field
from typing import Self

from bench.counting import Count


@dataclass(frozen=True)
class Plan:
    """One run of the generator against a server that listens on 127.0.0.1."""

    kind: str  # one of runs.KINDS, or `growth`, which needs no server
    port: int = 0
    pid: int = 0  # of the server, whose processor time and memory are read; 0: nobody's
    sessions: int = 100  # authors, stopped and all other readers together
    authors: int = 10  # rooms: of each room
    rooms: int = 0  # beside the lobby, which everybody leaves for his own; 0: everybody stays in the lobby
    rooms_each: int = 1  # of those, in how many each session is
    members: int = 0  # of the first of those rooms, beside the sessions; they have no connections
    stopped: int = 0  # sessions that log in and never read again
    window: int = 16  # closed loop: messages of one author that its witness has not seen yet
    text_bytes: int = 64
    rate: float = 0.0  # all but closed loop: messages a second, of all authors together
    sampled_every: int = 31  # all but closed loop: how many readers apart are those whose latency is taken
    storm: int = 0  # clients that log in, or join, at once while the sessions talk
    storm_rate: float = 0.0  # joining: so many of those clients a second; 0: all at once
    deed: str = ""  # crowd: what those clients do at once, one of `crowds.DEEDS`
    missed: int = 0  # comeback: messages that are said while those clients are away
    password: str = ""  # of all accounts; empty: each has its own
    messages: int = 0  # closed loop: end after so many of each author, instead of after `seconds`
    settle_seconds: float = 0.4  # after the logins: begin once the server has had nothing to tell for so long
    warmup_seconds: float = 1.0
    seconds: float = 4.0
    quiet_seconds: float = 2.0  # after the last message: what has not come when so long nothing came is lost
    limit_seconds: float = 120.0  # the generator ends itself after this
    entries: int = 0  # growth: entries that the log is filled with

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read a plan that another process was given."""
        return cls(**json.loads(text))

    def as_json(self) -> str:
        """Write the plan down for another process."""
        return json.dumps(asdict(self))

    def rooms_of(self, number: int) -> list[str]:
        """Give the names of the rooms that a session joins, the last of which is the one that it speaks in.

        Sessions next to each other speak in the same room, and as many in each.
        """
        if not self.rooms:
            return []
        own = number * self.rooms // self.sessions % self.rooms
        return [f"r{(own + further) % self.rooms}" for further in reversed(range(self.rooms_each))]


@dataclass(frozen=True)
class Growth:
    """What became of a log file that was filled. Memory is that of the process that filled it, or asked it."""

    append_us: list[float] = field(default_factory=list)  # of an entry, on average, in each part of the filling
    fill_seconds: float = 0.0
    index_seconds: float = 0.0  # from the last append until the index was complete
    fill_growth_kib: int = 0  # from after the first part to the highest point
    bytes_per_entry: float = 0.0
    start_seconds: float = 0.0
    newest_ms: float = 0.0  # the slowest of some looks at the newest 20 entries
    middle_ms: float = 0.0  # the same at 20 entries somewhere
    rare_ms: float = 0.0  # the slowest of some searches for a rare word
    ask_growth_kib: int = 0  # from before the start to the highest point


@dataclass(frozen=True)
class Result:
    """What a run gave. Seconds, kibibytes and per cent of one core; 0 where the kind of run does not measure it."""

    count: Count = field(default_factory=Count)
    deliveries_per_second: float = 0.0
    messages_per_second: float = 0.0
    message_us: float = 0.0  # of the server's processor time, for each message
    delivery_us: float = 0.0  # the same for each delivery
    p50_ms: float = 0.0
    p99_ms: float = 0.0
    worst_ms: float = 0.0  # the longest that anything took to arrive
    logins_per_second: float = 0.0
    server_cpu: float = 0.0
    generator_cpu: float = 0.0
    others_cpu: float = 0.0
    session_kib: float = 0.0
    growth_kib: int = 0  # of the server's memory from after the logins (storm: before) to its highest point
    quiet_p99_ms: float = 0.0  # before the storm, the comeback, or the joining
    got_in: int = 0
    told_to_wait: int = 0
    neither: int = 0
    answered_seconds: float = 0.0  # from the beginning of the storm until everybody had his answer
    level_seconds: float = 0.0  # from the beginning of the comeback, or of the joining, until all were level
    not_level: int = 0  # clients that were not told all that they missed
    told: float = 0.0  # lines that were told to each as missed, or as the last: the median
    growth: Growth = field(default_factory=Growth)
    by_line: int = 0  # readers whose bytes differed from the others', counted line by line
    hung_up: int = 0  # readers that the server hung up although they read
    stopped_hung_up: int = 0
    stalls: int = 0  # times that an author's window was opened again because nothing had come for long

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read the result that a generator printed."""
        values = json.loads(text)
        return cls(**{**values, "count": Count(**values["count"]), "growth": Growth(**values["growth"])})
