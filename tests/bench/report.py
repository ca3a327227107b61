"""Outcomes as a table of text for the terminal and of Markdown for docs/benchmarks.md, as charts, and as a verdict.

Pure: values in, text out.
"""

from statistics import median

from bench.chart import Bars
from bench.counting import Count
from bench.plan import Result
from bench.rows import HEADINGS, Row, people
from bench.scenarios import Outcome


def bars(outcomes: list[Outcome]) -> list[Bars]:
    """Give what the chart shows: the fan-outs that were measured with both servers."""
    found = []
    for outcome in outcomes:
        plan = outcome.scenario.variants[0].plan
        if plan.kind == "fanout" and len(outcome.scenario.variants) == 2:
            ours, theirs = (
                median(results[label].deliveries_per_second for results in outcome.rounds)
                for label in ("chatsrv", "naive")
            )
            found.append(Bars(f"{plan.sessions:,} readers, {people(plan)}", ours, theirs))
    return found


def append_costs(outcomes: list[Outcome]) -> list[tuple[float, float]]:
    """Give what the other chart shows: entries in the log, and microseconds for one more; empty if not measured."""
    points = []
    for outcome in outcomes:
        plan = outcome.scenario.variants[0].plan
        if plan.kind == "growth":
            costs = outcome.rounds[-1]["chatsrv"].growth.append_us
            points += [(plan.entries * part / len(costs), cost) for part, cost in enumerate(costs, start=1)]
    return points


def total(outcomes: list[Outcome]) -> Count:
    """Add up the counts of all runs of chatsrv."""
    return sum((result.count for result in _results(outcomes)), Count())


def is_as_promised(outcomes: list[Outcome]) -> bool:
    """Whether chatsrv delivered everything exactly, answered everybody who logged in, and told all that was missed."""
    results = _results(outcomes)
    return total(outcomes).is_exact and not any(result.neither or result.not_level for result in results)


def verdict(outcomes: list[Outcome]) -> str:
    """Tell the count over all runs of chatsrv, in a sentence."""
    count = total(outcomes)
    if not count.received + count.lost:
        return ""
    hung_up = sum(result.hung_up for result in _results(outcomes))
    return (
        f"Of {count.received + count.lost:,} messages to be delivered by chatsrv, {count.lost:,} were lost, "
        f"{count.doubled:,} doubled, {count.reordered:,} reordered, {count.damaged:,} damaged and {count.echoed:,} "
        f"echoed to their authors; {hung_up:,} readers who read were hung up."
    )


def _results(outcomes: list[Outcome]) -> list[Result]:
    return [
        results[variant.label]
        for outcome in outcomes
        for variant in outcome.scenario.variants
        if variant.server == "chatsrv"
        for results in outcome.rounds
    ]


def set_aside(outcomes: list[Outcome]) -> str:
    """Tell how calm the machine was, in a sentence."""
    rounds = sum(outcome.set_aside for outcome in outcomes)
    return f"{rounds} rounds were set aside because others used the machine." if rounds else ""


def as_text(lines: list[Row]) -> str:
    """Lay the table out for a terminal."""
    table = [HEADINGS, *(row.cells() for row in lines)]
    widths = [max(len(cells[column]) for cells in table) for column in range(len(HEADINGS))]
    ruled = [table[0], tuple("-" * width for width in widths), *table[1:]]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        for cells in ruled
    )


def as_markdown(lines: list[Row]) -> str:
    """Lay the table out for the documentation."""
    head = ["| " + " | ".join(HEADINGS) + " |", "|---|" + "---:|" * (len(HEADINGS) - 1)]
    return "\n".join(head + ["| " + " | ".join(row.cells()) + " |" for row in lines])
