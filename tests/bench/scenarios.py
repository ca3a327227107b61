"""The scenarios, and the running of them: variants take turns, round after round, each on a fresh server.

A round in which others took much of the machine is run again, a few times at most. Main thread only; every process it
starts has a time limit and is ended by its id.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from bench.crowds import DEEDS
from bench.plan import Growth, Plan, Result
from bench.runs import LOGIN_ACCOUNTS
from bench.target import ENTRY, Setup, Target, TargetError, settle

BUSY_PER_CENT = 40.0
"""A round is set aside if others took more than this of one core in one of its runs."""
EXTRA_ROUNDS = 3
STORES = ("memory", "process", "power")
"""The log in memory, and SQLite with either durability."""


@dataclass(frozen=True)
class Variant:
    """What is compared within a scenario: a server, and the plan it is measured with."""

    label: str
    server: str
    plan: Plan
    limits: dict[str, Any] = field(default_factory=dict)
    store: str = "memory"  # or the durability of an SQLite file


@dataclass(frozen=True)
class Scenario:
    """Variants that take turns. The first is the one that the others are compared with."""

    name: str
    variants: tuple[Variant, ...]
    rounds: int = 3


@dataclass(frozen=True)
class Outcome:
    """All rounds that count: by variant, one result a round."""

    scenario: Scenario
    rounds: list[dict[str, Result]]
    set_aside: int  # rounds that others disturbed, and that do not count

    @property
    def others_cpu(self) -> float:
        """The most that others took of one core, in per cent, in any run that counts."""
        return max(result.others_cpu for results in self.rounds for result in results.values())


class RunError(Exception):
    """A run could not be finished; the text says which, and the last words of those concerned."""


def beside_naive(name: str, plan: Plan, rounds: int = 3) -> Scenario:
    return Scenario(name, (Variant("chatsrv", "chatsrv", plan), Variant("naive", "naive", plan)), rounds)


def with_each_store(name: str, plan: Plan) -> Scenario:
    return Scenario(name, tuple(Variant(store, "chatsrv", plan, store=store) for store in STORES))


def all_scenarios() -> list[Scenario]:
    """Give the full list, in the order of the report."""
    paced = Plan("paced", sessions=1000, authors=10, rate=100.0, seconds=8.0)
    waiting = replace(paced, text_bytes=1000, seconds=14.0)
    storm = Plan(
        "storm", sessions=50, authors=1, rate=50.0, sampled_every=1, storm=1000, password="storm of 1000", seconds=8.0
    )
    comeback = Plan("comeback", sessions=50, authors=1, rate=50.0, sampled_every=1, storm=1000, missed=100, seconds=8.0)
    crowded = Plan("rooms", sessions=10_000, authors=1, rooms=1000, limit_seconds=300.0)
    in_rooms = Plan("idle", sessions=1000, authors=0, rooms=1, seconds=5.0, limit_seconds=600.0)
    joining = replace(comeback, kind="joining", missed=0, rooms=1, members=10_000 - comeback.sessions)
    crowd = replace(
        comeback, kind="crowd", missed=0, rooms=1, rate=25.0, warmup_seconds=0.5, seconds=2.0, limit_seconds=300.0
    )
    growth = Plan("growth", sessions=0, authors=0, entries=10_000_000, limit_seconds=900.0)
    soon = {"stall_seconds": 5.0}  # so that the hang-ups happen within the run
    return [
        beside_naive("fanout-1000-10", Plan("fanout", sessions=1000, authors=10)),
        beside_naive("fanout-1000-100", Plan("fanout", sessions=1000, authors=100)),
        beside_naive("fanout-1000-1", Plan("fanout", sessions=1000, authors=1)),
        beside_naive("fanout-100-10", Plan("fanout", sessions=100, authors=10)),
        beside_naive("latency", paced),
        Scenario(
            "stopped",
            (
                Variant("all read", "chatsrv", waiting, soon),
                Variant("some stopped", "chatsrv", replace(waiting, stopped=10), soon),
            ),
        ),
        beside_naive("idle", Plan("idle", sessions=5000, authors=0, seconds=5.0), rounds=1),
        beside_naive("logins", Plan("logins")),
        Scenario("storm", (Variant("chatsrv", "chatsrv", storm, {"login_seconds": 120.0}),)),
        with_each_store("sqlite", Plan("fanout", sessions=1000, authors=10)),
        with_each_store("sqlite-latency", paced),
        Scenario("comeback", (Variant("chatsrv", "chatsrv", comeback, store="process"),)),
        Scenario(
            "rooms",
            (
                Variant("1 room of 1,000", "chatsrv", replace(crowded, sessions=1000, authors=100, rooms=1)),
                Variant("100 rooms of 100", "chatsrv", replace(crowded, authors=10, rooms=100)),
                Variant("1,000 rooms of 10", "chatsrv", crowded),
            ),
        ),
        Scenario(
            "idle-rooms",
            (
                Variant("1 room", "chatsrv", in_rooms),
                Variant("100 rooms", "chatsrv", replace(in_rooms, rooms=100, rooms_each=100)),
            ),
            rounds=1,
        ),
        Scenario(
            "joining",
            (
                Variant("100 a second", "chatsrv", replace(joining, storm_rate=100.0)),
                Variant("at once", "chatsrv", joining),
            ),
        ),
        *(
            Scenario(
                f"crowd-{deed.replace(' ', '-')}",
                tuple(
                    Variant(f"{size:,}", "chatsrv", replace(crowd, deed=deed, storm=size), {"login_seconds": 300.0})
                    for size in (1000, 6000)
                ),
                rounds=1,
            )
            for deed in DEEDS
        ),
        Scenario("growth", (Variant("chatsrv", "chatsrv", growth, store="process"),), rounds=1),
    ]


def quick(scenario: Scenario) -> Scenario:
    """Make it small: a tenth of the sessions, one short round. It shows that it runs, not how fast."""
    return replace(
        scenario,
        rounds=1,
        variants=tuple(
            replace(
                variant,
                plan=replace(
                    variant.plan,
                    sessions=variant.plan.sessions
                    if variant.plan.storm
                    else max(variant.plan.sessions // 10, 2 * (variant.plan.authors + variant.plan.stopped)),
                    rooms=min(variant.plan.rooms, max(1, variant.plan.rooms // 10)),
                    rooms_each=max(1, variant.plan.rooms_each // 10),
                    members=variant.plan.members // 10,
                    storm=variant.plan.storm // 10,
                    entries=variant.plan.entries // 50,
                    warmup_seconds=0.5,
                    seconds=variant.plan.seconds if variant.plan.kind == "paced" and variant.limits else 1.0,
                ),
            )
            for variant in scenario.variants
        ),
    )


def only_servers(scenario: Scenario, servers: list[str]) -> Scenario | None:
    """Give the scenario with these servers alone; None if nothing is left."""
    variants = tuple(variant for variant in scenario.variants if variant.server in servers)
    return replace(scenario, variants=variants) if variants else None


def measure(scenario: Scenario, say: Callable[[str], None]) -> Outcome:
    """Run the scenario's rounds; `say` is told about each run."""
    calm: list[dict[str, Result]] = []
    busy: list[dict[str, Result]] = []
    extra = EXTRA_ROUNDS if scenario.rounds > 1 else 0
    while len(calm) < scenario.rounds and len(calm) + len(busy) < scenario.rounds + extra:
        results = dict(_round(scenario, say))
        is_busy = any(result.others_cpu > BUSY_PER_CENT for result in results.values())
        (busy if is_busy else calm).append(results)
    return Outcome(scenario, calm or busy, len(busy) if calm else 0)


def _round(scenario: Scenario, say: Callable[[str], None]) -> Iterator[tuple[str, Result]]:
    for variant in scenario.variants:
        settle()
        result = run_variant(variant)
        say(f"  {scenario.name}, {variant.label}: {brief(result)}")
        yield variant.label, result


def run_variant(variant: Variant) -> Result:
    """One run: a fresh server, a fresh generator, both ended afterwards."""
    if variant.plan.kind == "growth":
        return _run_growth(variant.plan)
    accounts = max(variant.plan.sessions + variant.plan.storm, LOGIN_ACCOUNTS if variant.plan.kind == "logins" else 0)
    plan = variant.plan
    setup = Setup(accounts, variant.limits, plan.password, variant.store, plan.rooms, plan.members)
    try:
        with Target(variant.server, setup) as target:
            plan = replace(plan, port=target.port, pid=target.pid)
            try:
                return Result.from_json(_output_of("generate", plan))
            except RunError as error:
                raise RunError(f"{variant.label}: {error}\nthe server's last words: {target.last_words}") from None
    except TargetError as error:
        raise RunError(f"{variant.label}: {error}") from None


def _run_growth(plan: Plan) -> Result:
    with tempfile.TemporaryDirectory() as folder:
        values = {**json.loads(_output_of("fill", plan, folder)), **json.loads(_output_of("ask", plan, folder))}
    return Result(others_cpu=values.pop("others_cpu"), growth=Growth(**values))


def _output_of(entry: str, plan: Plan, folder: str | None = None) -> str:
    """Run a process of the benchmark's own to its end, in a folder; what it printed."""
    arguments = [sys.executable, ENTRY, entry, plan.as_json()]
    try:
        process = subprocess.run(arguments, capture_output=True, text=True, timeout=plan.limit_seconds + 10, cwd=folder)
    except subprocess.TimeoutExpired as error:
        raise RunError(str(error)) from None
    if process.returncode:
        raise RunError(process.stderr.strip()[-1000:] or f"exit code {process.returncode}")
    return process.stdout


def brief(result: Result) -> str:
    """One run in one line."""
    parts = [
        (result.deliveries_per_second, f"{result.deliveries_per_second / 1e6:.2f} million deliveries/s"),
        (result.p99_ms, f"p50 {result.p50_ms:.1f} ms, p99 {result.p99_ms:.1f} ms"),
        (result.quiet_p99_ms, f"before that p99 {result.quiet_p99_ms:.1f} ms"),
        (
            result.level_seconds,
            f"all level after {result.level_seconds:.1f} s, {result.told:.0f} lines told to each, "
            f"{result.not_level} not told all",
        ),
        (
            result.answered_seconds,
            f"{result.got_in} got in, {result.told_to_wait} told to wait, {result.neither} neither, "
            f"within {result.answered_seconds:.1f} s; memory +{result.growth_kib / 1024:.0f} MiB",
        ),
        (
            result.growth.fill_seconds,
            f"filled in {result.growth.fill_seconds:.0f} s, indexed {result.growth.index_seconds:.1f} s later, "
            f"start {result.growth.start_seconds:.3f} s, rare word {result.growth.rare_ms:.1f} ms",
        ),
        (
            result.message_us,
            f"{result.messages_per_second:,.0f} messages/s, of the server's CPU {result.message_us:.0f} us each, and "
            f"{result.delivery_us:.2f} us for a delivery",
        ),
        (result.logins_per_second, f"{result.logins_per_second:.0f} logins/s"),
        (result.session_kib, f"{result.session_kib:.1f} KiB a session"),
        (not result.count.is_exact, f"NOT EXACT: {result.count}"),
        (result.by_line, f"{result.by_line} readers counted line by line"),
        (result.hung_up, f"{result.hung_up} readers hung up"),
        (result.stopped_hung_up, f"{result.stopped_hung_up} stopped readers hung up"),
        (result.stalls, f"{result.stalls} stalls"),
        (True, f"CPU: server {result.server_cpu:.0f}%"),
        (result.generator_cpu, f"generator {result.generator_cpu:.0f}%"),
        (True, f"others {result.others_cpu:.0f}%"),
    ]
    return ", ".join(text for is_there, text in parts if is_there)
