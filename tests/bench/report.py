"""Outcomes as a table of text for the terminal and of Markdown for docs/benchmarks.md.

Pure: values in, text out. Figures are medians over the rounds; a ratio is the median of the ratios within each round.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from bench.chart import Bars
from bench.counting import Count
from bench.plan import Plan, Result
from bench.scenarios import Outcome

Figure = Callable[[Result], float]
HASH_KIB = 19_456  # of a hash as they are made by default
HEADINGS = ("what", "chatsrv", "naive server", "ratio", "others' CPU")


@dataclass(frozen=True)
class Row:
    """One line of the table, as text."""

    what: str
    chatsrv: str
    beside: str
    ratio: str
    others: str

    def cells(self) -> tuple[str, ...]:
        return (self.what, self.chatsrv, self.beside, self.ratio, self.others)


def rows(outcome: Outcome) -> list[Row]:
    """Give the table's lines for one scenario."""
    variant = outcome.scenario.variants[-1]
    plan = variant.plan
    crowd = f"{plan.sessions:,} readers"
    if plan.kind == "fanout":
        what = f"fan-out, {crowd}, {_people(plan)}, {plan.text_bytes} bytes: million deliveries/s"
        return [_row(outcome, what, lambda result: result.deliveries_per_second / 1e6, "{:.2f}")]
    if plan.kind == "idle":
        what = f"{plan.sessions:,} idle sessions"
        return [
            _row(outcome, f"{what}: KiB each", lambda result: result.session_kib, "{:.1f}"),
            _row(outcome, f"{what}: CPU", lambda result: result.server_cpu, "{:.1f}%"),
        ]
    if plan.kind == "logins":
        return [_row(outcome, "logins/s", lambda result: result.logins_per_second, "{:,.0f}")]
    if plan.kind == "storm":
        return _storm_rows(outcome, plan)
    pace = f"{plan.rate:.0f} messages/s to {crowd}"
    if plan.stopped:
        return _stopped_rows(outcome, plan)
    return [
        _row(outcome, f"{pace}: p50", lambda result: result.p50_ms, "{:.1f} ms"),
        _row(outcome, f"{pace}: p99", lambda result: result.p99_ms, "{:.1f} ms"),
        _row(outcome, f"{pace}: CPU", lambda result: result.server_cpu, "{:.0f}%"),
    ]


def _stopped_rows(outcome: Outcome, plan: Plan) -> list[Row]:
    last = [results["some stopped"] for results in outcome.rounds]
    who = f"{plan.stopped} of {plan.sessions:,} readers stop reading"
    both = len(outcome.scenario.variants) > 1
    before = median(results["all read"].p99_ms for results in outcome.rounds) if both else 0.0
    after = median(result.p99_ms for result in last)
    times = median(r["some stopped"].p99_ms / max(r["all read"].p99_ms, 1e-9) for r in outcome.rounds) if both else 0.0
    others = f"{outcome.others_cpu:.0f}%"
    hung_up = min(result.stopped_hung_up for result in last)
    growth = max(result.growth_kib for result in last) / 1024
    return [
        Row(f"{who}: p99 of the others", f"{after:.1f} ms", "-", "", others),
        Row("the same, if nobody stops: p99", f"{before:.1f} ms", "-", f"{times:.2f}", others),
        Row(f"{who}: hung up", f"{hung_up}", "-", "", others),
        Row(f"{who}: the server's memory grows by", f"{growth:.1f} MiB", "-", "", others),
    ]


def _storm_rows(outcome: Outcome, plan: Plan) -> list[Row]:
    results = [results["chatsrv"] for results in outcome.rounds]
    who = f"{plan.storm:,} log in at once (argon2id)"
    cores = os.cpu_count() or 1
    got_in, told = median(result.got_in for result in results), median(result.told_to_wait for result in results)
    growth_kib = max(result.growth_kib for result in results)
    each_kib = (growth_kib - cores * HASH_KIB) / (plan.sessions + median(result.got_in for result in results))
    p99, quiet_p99 = median(result.p99_ms for result in results), median(result.quiet_p99_ms for result in results)
    times = median(result.p99_ms / max(result.quiet_p99_ms, 1e-9) for result in results)
    texts = (
        (f"{who}: p99 of {plan.rate:.0f} messages/s to {plan.sessions} others", f"{p99:.1f} ms", ""),
        ("the same, before they come: p99", f"{quiet_p99:.1f} ms", f"{times:.2f}"),
        (f"{who}: get in / are told to wait", f"{got_in:.0f} / {told:.0f}", ""),
        (f"{who}: get neither", f"{max(result.neither for result in results)}", ""),
        (f"{who}: all are answered after", f"{median(result.answered_seconds for result in results):.1f} s", ""),
        (f"{who}: the server's memory grows by", f"{growth_kib / 1024:.0f} MiB", ""),
        (f"the same, without {cores} x 19 MiB, for each session", f"{each_kib:.0f} KiB", ""),
    )
    others = f"{outcome.others_cpu:.0f}%"
    return [Row(what, chatsrv, "-", ratio, others) for what, chatsrv, ratio in texts]


def _row(outcome: Outcome, what: str, figure: Figure, form: str) -> Row:
    by_label = {
        variant.label: [figure(results[variant.label]) for results in outcome.rounds]
        for variant in outcome.scenario.variants
    }
    texts = {label: form.format(median(figures)) for label, figures in by_label.items()}
    ratio = ""
    if len(by_label) == 2:
        ours, theirs = by_label["chatsrv"], by_label["naive"]
        if min(theirs) > 0:
            ratio = f"{median(a / b for a, b in zip(ours, theirs, strict=True)):.3g}"
    return Row(what, texts.get("chatsrv", "-"), texts.get("naive", "-"), ratio, f"{outcome.others_cpu:.0f}%")


def _people(plan: Plan) -> str:
    return "1 author" if plan.authors == 1 else f"{plan.authors} authors"


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
            found.append(Bars(f"{plan.sessions:,} readers, {_people(plan)}", ours, theirs))
    return found


def total(outcomes: list[Outcome]) -> Count:
    """Add up the counts of all runs of chatsrv."""
    return sum((result.count for result in _results(outcomes)), Count())


def is_as_promised(outcomes: list[Outcome]) -> bool:
    """Whether chatsrv delivered everything exactly, and left nobody who logged in without an answer."""
    return total(outcomes).is_exact and not any(result.neither for result in _results(outcomes))


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
