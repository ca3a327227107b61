"""The command line: `python tests/bench [--quick] [--only NAME] [--update-docs]`.

`serve`, `generate`, `storm`, `comeback`, `joining`, `crowd`, `fill` and `ask` are for the processes it starts itself.
Main thread only; ends by itself in any case.
"""

import argparse
import signal
import sys
from dataclasses import replace
from types import FrameType

from bench import page, report
from bench.comeback import comeback
from bench.crowds import crowd
from bench.joining import join
from bench.rows import rows
from bench.runs import generate
from bench.scenarios import Outcome, RunError, Scenario, all_scenarios, measure, only_servers, quick
from bench.storm import storm
from bench.target import NAMES, serve

LIMIT_MINUTES = 30.0


class TooLong(Exception):
    """The benchmark as a whole has reached its time limit."""


def main() -> int:
    """Entry of all processes of the benchmark; the exit code."""
    match sys.argv[1:]:
        case ["serve", name, setup]:
            serve(name, setup)
            return 0
        case ["storm", plan]:
            return storm(plan)
        case ["comeback", plan]:
            return comeback(plan)
        case ["joining", plan]:
            return join(plan)
        case ["crowd", plan]:
            return crowd(plan)
        case ["fill" | "ask" as step, plan]:
            from bench import longlog  # the other processes do without chatsrv's modules

            return longlog.fill(plan) if step == "fill" else longlog.ask(plan)
        case ["generate", plan]:
            return generate(plan)
    return _benchmark(_arguments())


def _arguments() -> argparse.Namespace:
    names = [scenario.name for scenario in all_scenarios()]
    parser = argparse.ArgumentParser("tests/bench", description="Measure chatsrv beside a beginner's server.")
    parser.add_argument("--quick", action="store_true", help="small and short: shows that it runs, not how fast")
    parser.add_argument("--only", action="append", choices=names, metavar="NAME", help="; ".join(names))
    parser.add_argument("--server", action="append", choices=NAMES, help="this server alone")
    parser.add_argument("--rounds", type=int, help="so many rounds of each scenario (the median is reported)")
    parser.add_argument("--seconds", type=float, help="length of each measurement")
    parser.add_argument("--update-docs", action="store_true", help="write docs/benchmarks.md and its charts")
    parser.add_argument("--limit-minutes", type=float, default=LIMIT_MINUTES, help="end after this in any case")
    arguments = parser.parse_args()
    if arguments.update_docs and (arguments.quick or arguments.only or arguments.server):
        parser.error("--update-docs needs the whole benchmark: not --quick, --only or --server")
    return arguments


def _benchmark(arguments: argparse.Namespace) -> int:
    if sys.platform != "linux":
        print("The benchmark reads processor times and memory from /proc and waits with epoll: it needs Linux.")
        return 2
    signal.signal(signal.SIGALRM, _too_long)
    signal.setitimer(signal.ITIMER_REAL, 60 * arguments.limit_minutes)
    outcomes: list[Outcome] = []
    failed = 0
    try:
        for scenario in all_scenarios():
            chosen = only_servers(scenario, arguments.server or list(NAMES))
            if chosen is None or (arguments.only and scenario.name not in arguments.only):
                continue
            try:
                outcomes.append(measure(_sized(quick(chosen) if arguments.quick else chosen, arguments), _say))
            except RunError as error:
                failed += 1
                _say(f"  {scenario.name}: not measured: {error}")
    except TooLong as error:
        failed += 1
        _say(f"Not finished: {error}")
    except KeyboardInterrupt:
        _say("Interrupted.")
        return 130
    _print(outcomes)
    if failed:
        return 1
    if arguments.update_docs:
        page.write(outcomes)
    return 0 if report.is_as_promised(outcomes) else 1


def _sized(scenario: Scenario, arguments: argparse.Namespace) -> Scenario:
    plan = {"seconds": arguments.seconds} if arguments.seconds else {}
    variants = tuple(replace(variant, plan=replace(variant.plan, **plan)) for variant in scenario.variants)
    return replace(scenario, rounds=arguments.rounds or scenario.rounds, variants=variants)


def _print(outcomes: list[Outcome]) -> None:
    if outcomes:
        print("\n" + report.as_text([row for outcome in outcomes for row in rows(outcome)]))
        print("\n" + f"{report.verdict(outcomes)} {report.set_aside(outcomes)}".strip())


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _too_long(_number: int, _frame: FrameType | None) -> None:
    raise TooLong("the time limit is reached")
