"""Outcomes as text: what one scenario gave, as lines of the report's table.

Pure: values in, text out. Figures are medians over the rounds; a ratio is the median of the ratios within each round.
"""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from statistics import mean, median

from bench.plan import Plan, Result
from bench.scenarios import Outcome

Figure = Callable[[Result], float]
HASH_KIB = 19_456  # of a hash as they are made by default
HEADINGS = ("what", "chatsrv", "naive server", "ratio", "others' CPU")
STORE_NAMES = {"memory": "the log in memory", "process": "SQLite, process", "power": "SQLite, power"}


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
    if {variant.store for variant in outcome.scenario.variants} > {"memory"}:
        return _store_rows(outcome, plan, crowd)
    if plan.kind == "rooms":
        return _rooms_rows(outcome)
    if plan.kind == "joining":
        return _joining_rows(outcome, plan)
    if plan.kind == "idle" and plan.rooms:
        return _idle_rooms_rows(outcome, plan)
    if plan.kind == "fanout":
        what = f"fan-out, {crowd}, {people(plan)}, {plan.text_bytes} bytes: million deliveries/s"
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
    if plan.kind == "crowd":
        return _crowd_rows(outcome)
    if plan.kind == "comeback":
        return _comeback_rows(outcome, plan)
    if plan.kind == "growth":
        return _growth_rows(outcome, plan)
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
    hung_up = min(result.stopped_hung_up for result in last)
    growth = max(result.growth_kib for result in last) / 1024
    texts = (
        (f"{who}: p99 of the others", f"{after:.1f} ms", ""),
        ("the same, if nobody stops: p99", f"{before:.1f} ms", f"{times:.2f}"),
        (f"{who}: hung up", f"{hung_up}", ""),
        (f"{who}: the server's memory grows by", f"{growth:.1f} MiB", ""),
    )
    return _alone(outcome, texts)


def _storm_rows(outcome: Outcome, plan: Plan) -> list[Row]:
    results = [results["chatsrv"] for results in outcome.rounds]
    who = f"{plan.storm:,} log in at once (argon2id)"
    cores = os.cpu_count() or 1
    got_in, told = median(result.got_in for result in results), median(result.told_to_wait for result in results)
    growth_kib = max(result.growth_kib for result in results)
    each_kib = (growth_kib - cores * HASH_KIB) / (plan.sessions + median(result.got_in for result in results))
    texts = (
        *_noticed(results, plan, who, "before they come"),
        (f"{who}: get in / are told to wait", f"{got_in:.0f} / {told:.0f}", ""),
        (f"{who}: get neither", f"{max(result.neither for result in results)}", ""),
        (f"{who}: all are answered after", f"{median(result.answered_seconds for result in results):.1f} s", ""),
        (f"{who}: the server's memory grows by", f"{growth_kib / 1024:.0f} MiB", ""),
        (f"the same, without {cores} x 19 MiB, for each session", f"{each_kib:.0f} KiB", ""),
    )
    return _alone(outcome, texts)


def _store_rows(outcome: Outcome, plan: Plan, crowd: str) -> list[Row]:
    if plan.kind == "fanout":
        what = f"fan-out, {crowd}, {people(plan)}"
        figures = [("million deliveries/s", lambda result: result.deliveries_per_second / 1e6, "{:.2f}")]
    else:
        what = f"{plan.rate:.0f} messages/s to {crowd}"
        figures = [
            ("p50", lambda result: result.p50_ms, "{:.1f} ms"),
            ("p99", lambda result: result.p99_ms, "{:.1f} ms"),
        ]
    texts = []
    for variant in outcome.scenario.variants:
        name = STORE_NAMES[variant.store]
        both = [(results[variant.label], results["memory"]) for results in outcome.rounds]
        for unit, figure, form in figures:
            ours = median(figure(result) for result, _memory in both)
            times = median(figure(result) / max(figure(memory), 1e-9) for result, memory in both)
            ratio = "" if variant.store == "memory" else f"{times:.2f}"
            texts.append((f"{what}, {name}: {unit}", form.format(ours), ratio))
        if plan.kind != "fanout" and variant.store != "memory":
            more = median(result.p50_ms - memory.p50_ms for result, memory in both)
            texts.append((f"{what}, {name}: p50 above that in memory", f"{more:.1f} ms", ""))
    return _alone(outcome, texts)


def _comeback_rows(outcome: Outcome, plan: Plan) -> list[Row]:
    results = [results["chatsrv"] for results in outcome.rounds]
    who = f"{plan.storm:,} come back at once, {plan.missed} messages behind"
    level, told = median(result.level_seconds for result in results), median(result.told for result in results)
    texts = (
        (f"{who}: all are level after", f"{level:.1f} s", ""),
        (f"{who}: lines told to each, with joins and leaves", f"{told:.0f}", ""),
        (f"{who}: not told all", f"{max(result.not_level for result in results)}", ""),
        *_noticed(results, plan, who, "before they come back"),
    )
    return _alone(outcome, texts)


def _rooms_rows(outcome: Outcome) -> list[Row]:
    figures: tuple[tuple[str, Figure, str], ...] = (
        ("million deliveries/s", lambda result: result.deliveries_per_second / 1e6, "{:.2f}"),
        ("the server's CPU for a message", lambda result: result.message_us, "{:.0f} µs"),
        ("the server's CPU for a delivery", lambda result: result.delivery_us, "{:.2f} µs"),
    )
    one_room = outcome.scenario.variants[0]
    texts = []
    for variant in outcome.scenario.variants:
        both = [(results[variant.label], results[one_room.label]) for results in outcome.rounds]
        for unit, figure, form in figures:
            ours = median(figure(result) for result, _one_room in both)
            times = median(figure(result) / max(figure(beside), 1e-9) for result, beside in both)
            ratio = "" if variant is one_room else f"{times:.2f}"
            texts.append((f"one in ten talks, {variant.label}: {unit}", form.format(ours), ratio))
    return _alone(outcome, texts)


def _idle_rooms_rows(outcome: Outcome, plan: Plan) -> list[Row]:
    one_room, many_rooms = outcome.scenario.variants
    one, many = (
        median(results[variant.label].session_kib for results in outcome.rounds) for variant in (one_room, many_rooms)
    )
    each = (many - one) / (plan.rooms_each - 1)
    cpu = median(results[many_rooms.label].server_cpu for results in outcome.rounds)
    who = f"{plan.sessions:,} idle sessions"
    texts = (
        (f"{who} in {one_room.label} each: KiB each", f"{one:.1f}", ""),
        (f"{who} in {many_rooms.label} each: KiB each", f"{many:.1f}", f"{many / one:.2f}"),
        ("the same, for each further room of a session: KiB", f"{each:.2f}", ""),
        (f"{who} in {many_rooms.label} each: CPU", f"{cpu:.1f}%", ""),
    )
    return _alone(outcome, texts)


def _joining_rows(outcome: Outcome, plan: Plan) -> list[Row]:
    texts = []
    for variant in outcome.scenario.variants:
        results = [results[variant.label] for results in outcome.rounds]
        who = f"{plan.storm:,} join a room of {plan.members + plan.sessions:,}, {variant.label}"
        texts += [
            (f"{who}: all are in after", f"{median(result.level_seconds for result in results):.2f} s", ""),
            (f"{who}: not told the last lines", f"{max(result.not_level for result in results)}", ""),
            *_noticed(results, plan, who, "before they join"),
        ]
    return _alone(outcome, texts)


def _crowd_rows(outcome: Outcome) -> list[Row]:
    texts = []
    for variant in outcome.scenario.variants:
        plan = variant.plan
        results = [results[variant.label] for results in outcome.rounds]
        who = f"{plan.storm:,} {plan.deed} at once"
        texts += [
            *_noticed(results, plan, who, "before"),
            (f"{who}: the longest that a message took", f"{max(result.worst_ms for result in results):.0f} ms", ""),
            (f"{who}: all are done after", f"{median(result.answered_seconds for result in results):.2f} s", ""),
        ]
    return _alone(outcome, texts)


def _noticed(results: list[Result], plan: Plan, who: str, before: str) -> list[tuple[str, str, str]]:
    """Give the texts about what those noticed who were in already."""
    p99, quiet_p99 = median(result.p99_ms for result in results), median(result.quiet_p99_ms for result in results)
    times = median(result.p99_ms / max(result.quiet_p99_ms, 1e-9) for result in results)
    return [
        (f"{who}: p99 of {plan.rate:.0f} messages/s to {plan.sessions} others", f"{p99:.1f} ms", ""),
        (f"the same, {before}: p99", f"{quiet_p99:.1f} ms", f"{times:.2f}"),
    ]


def _growth_rows(outcome: Outcome, plan: Plan) -> list[Row]:
    growth = outcome.rounds[-1]["chatsrv"].growth
    tenth = len(growth.append_us) // 10
    first, last = mean(growth.append_us[:tenth]), mean(growth.append_us[-tenth:])
    who = f"log of {plan.entries:,} entries"
    texts = (
        (f"{who}: an append, in the first tenth", f"{first:.1f} µs", ""),
        ("the same, in the last tenth", f"{last:.1f} µs", f"{last / first:.2f}"),
        (f"{who}: filled in", f"{growth.fill_seconds:.0f} s", ""),
        (f"{who}: the index is complete after another", f"{growth.index_seconds:.1f} s", ""),
        (f"{who}: the writer's memory grows by", f"{growth.fill_growth_kib / 1024:.1f} MiB", ""),
        (f"{who}: bytes of the file for each entry", f"{growth.bytes_per_entry:.0f}", ""),
        (f"{who}: start", f"{growth.start_seconds:.3f} s", ""),
        (f"{who}: the newest 20 entries", f"{growth.newest_ms:.1f} ms", ""),
        (f"{who}: 20 entries somewhere", f"{growth.middle_ms:.1f} ms", ""),
        (f"{who}: search of a rare word", f"{growth.rare_ms:.1f} ms", ""),
        (f"{who}: start, looking and searching take memory of", f"{growth.ask_growth_kib / 1024:.1f} MiB", ""),
    )
    return _alone(outcome, texts)


def _alone(outcome: Outcome, texts: Iterable[tuple[str, str, str]]) -> list[Row]:
    """Give rows for which there is nothing of the naive server's: what, figure and ratio."""
    return [Row(what, figure, "-", ratio, f"{outcome.others_cpu:.0f}%") for what, figure, ratio in texts]


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


def people(plan: Plan) -> str:
    return "1 author" if plan.authors == 1 else f"{plan.authors} authors"
