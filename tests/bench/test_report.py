"""The report, the charts and the page: what was measured appears, and nothing else. No sockets, no processes."""

import json
from dataclasses import asdict
from xml.etree import ElementTree

import pytest

from . import page, report
from .chart import Bars, draw_bars, draw_line
from .counting import Count
from .crowds import DEEDS
from .plan import Growth, Result
from .rows import rows
from .scenarios import STORES, Outcome, all_scenarios, only_servers, quick

SCENARIOS = {scenario.name: scenario for scenario in all_scenarios()}
GROWTH = Growth(append_us=[20.0] * 36 + [22.0] * 4, fill_seconds=250.0, bytes_per_entry=110.0, rare_ms=1.5)


def outcome(name: str, rounds: list[dict[str, Result]]) -> Outcome:
    return Outcome(SCENARIOS[name], rounds, 0)


def growth() -> Outcome:
    return outcome("growth", [{"chatsrv": Result(growth=GROWTH)}])


def table(measured: Outcome) -> list[tuple[str, str, str]]:
    return [(row.what, row.chatsrv, row.ratio) for row in rows(measured)]


def test_fan_out_of_each_store_stands_beside_the_log_in_memory_of_the_same_round() -> None:
    speeds = [(1e6, 8e5, 5e5), (5e5, 4.5e5, 3e5), (2e6, 1.4e6, 1e6)]
    rounds = [
        {store: Result(deliveries_per_second=speed) for store, speed in zip(STORES, round_, strict=True)}
        for round_ in speeds
    ]
    what = "fan-out, 1,000 readers, 10 authors"
    assert table(outcome("sqlite", rounds)) == [
        (f"{what}, the log in memory: million deliveries/s", "1.00", ""),
        (f"{what}, SQLite, process: million deliveries/s", "0.80", "0.80"),
        (f"{what}, SQLite, power: million deliveries/s", "0.50", "0.50"),
    ]


def test_latency_of_each_store_tells_how_much_more_it_is() -> None:
    rounds = [{store: Result(p50_ms=ms, p99_ms=10 * ms) for store, ms in zip(STORES, (2.0, 2.5, 5.0), strict=True)}]
    texts = table(outcome("sqlite-latency", rounds))
    assert ("100 messages/s to 1,000 readers, SQLite, process: p50 above that in memory", "0.5 ms", "") in texts
    assert ("100 messages/s to 1,000 readers, SQLite, power: p99", "50.0 ms", "2.50") in texts
    assert len(texts) == 8


def test_comeback_tells_how_long_it_took_and_what_the_others_noticed() -> None:
    result = Result(level_seconds=3.21, told=310.0, p99_ms=30.0, quiet_p99_ms=10.0)
    what = "1,000 come back at once, 100 messages behind"
    assert table(outcome("comeback", [{"chatsrv": result}])) == [
        (f"{what}: all are level after", "3.2 s", ""),
        (f"{what}: lines told to each, with joins and leaves", "310", ""),
        (f"{what}: not told all", "0", ""),
        (f"{what}: p99 of 50 messages/s to 50 others", "30.0 ms", ""),
        ("the same, before they come back: p99", "10.0 ms", "3.00"),
    ]


def test_talk_in_many_rooms_stands_beside_that_in_one_room_of_the_same_round() -> None:
    labels = [variant.label for variant in SCENARIOS["rooms"].variants]
    speeds = [(8e6, 4e6, 1e6), (6e6, 6e6, 3e6), (9e6, 3e6, 1e6)]
    rounds = [
        {
            label: Result(deliveries_per_second=speed, message_us=20.0, delivery_us=0.5)
            for label, speed in zip(labels, round_, strict=True)
        }
        for round_ in speeds
    ]
    texts = table(outcome("rooms", rounds))
    assert texts[:3] == [
        ("one in ten talks, 1 room of 1,000: million deliveries/s", "8.00", ""),
        ("one in ten talks, 1 room of 1,000: the server's CPU for a message", "20 µs", ""),
        ("one in ten talks, 1 room of 1,000: the server's CPU for a delivery", "0.50 µs", ""),
    ]
    assert ("one in ten talks, 100 rooms of 100: million deliveries/s", "4.00", "0.50") in texts
    assert ("one in ten talks, 1,000 rooms of 10: million deliveries/s", "1.00", "0.12") in texts
    assert len(texts) == 9


def test_memory_of_a_further_room_is_what_many_rooms_take_more_divided_by_them() -> None:
    texts = table(outcome("idle-rooms", [{"1 room": Result(session_kib=30.0), "100 rooms": Result(session_kib=129.0)}]))
    assert texts == [
        ("1,000 idle sessions in 1 room each: KiB each", "30.0", ""),
        ("1,000 idle sessions in 100 rooms each: KiB each", "129.0", "4.30"),
        ("the same, for each further room of a session: KiB", "1.00", ""),
        ("1,000 idle sessions in 100 rooms each: CPU", "0.0%", ""),
    ]


def test_joining_tells_how_long_it_took_and_what_the_others_noticed() -> None:
    slowly = Result(level_seconds=10.0, p99_ms=5.0, quiet_p99_ms=4.0)
    at_once = Result(level_seconds=1.234, p99_ms=30.0, quiet_p99_ms=10.0)
    who = "1,000 join a room of 10,000"
    texts = table(outcome("joining", [{"100 a second": slowly, "at once": at_once}]))
    assert texts[:1] == [(f"{who}, 100 a second: all are in after", "10.00 s", "")]
    assert texts[4:] == [
        (f"{who}, at once: all are in after", "1.23 s", ""),
        (f"{who}, at once: not told the last lines", "0", ""),
        (f"{who}, at once: p99 of 50 messages/s to 50 others", "30.0 ms", ""),
        ("the same, before they join: p99", "10.0 ms", "3.00"),
    ]


def test_growth_compares_the_last_tenth_of_the_appends_with_the_first() -> None:
    texts = table(growth())
    assert texts[:2] == [
        ("log of 10,000,000 entries: an append, in the first tenth", "20.0 µs", ""),
        ("the same, in the last tenth", "22.0 µs", "1.10"),
    ]
    assert ("log of 10,000,000 entries: search of a rare word", "1.5 ms", "") in texts


@pytest.mark.parametrize("wrong", [Result(not_level=1), Result(neither=1), Result(count=Count(lost=1))])
def test_benchmark_fails_when_anybody_was_told_too_little(wrong: Result) -> None:
    assert report.is_as_promised([outcome("comeback", [{"chatsrv": Result()}])])
    assert not report.is_as_promised([outcome("comeback", [{"chatsrv": wrong}])])


def test_line_has_all_its_points_and_both_scales_begin_at_zero() -> None:
    points = report.append_costs([growth()])
    assert (points[0], points[-1]) == ((250_000.0, 20.0), (10_000_000.0, 22.0))
    svg = ElementTree.fromstring(draw_line(points))
    [line] = svg.iter("{http://www.w3.org/2000/svg}polyline")
    assert len(line.attrib["points"].split()) == len(points) == 40
    labels = [text.text for text in svg.iter("{http://www.w3.org/2000/svg}text")]
    assert labels.count("0") == 2
    assert "10 M" in labels


def test_bars_are_an_svg_with_two_bars_for_each_fan_out() -> None:
    svg = ElementTree.fromstring(draw_bars([Bars("100 readers", 2e6, 1e5), Bars("1,000 readers", 1e6, 5e4)]))
    assert len(list(svg.iter("{http://www.w3.org/2000/svg}rect"))) == 2 + 4


def test_page_shows_the_charts_of_what_was_measured_alone() -> None:
    assert list(page.charts([growth()])) == ["benchmarks-growth.svg"]
    assert "(benchmarks-growth.svg)" in page.text([growth()])
    assert "benchmarks-fanout.svg" not in page.text([growth()])
    assert "svg" not in page.text([])


def test_page_in_the_docs_tells_the_method_of_today() -> None:
    method = page.text([]).partition("## How it is measured")[2]
    assert (page.DOCS / "benchmarks.md").read_text().endswith(method)


def test_every_scenario_of_ours_is_small_when_quick_and_needs_no_naive_server() -> None:
    small = {name: quick(scenario) for name, scenario in SCENARIOS.items()}
    assert small["growth"].variants[0].plan.entries == 200_000
    assert small["comeback"].variants[0].plan.storm == 100
    assert small["comeback"].variants[0].plan.missed == 100
    assert {variant.plan.sessions for variant in small["sqlite"].variants} == {100}
    assert [(v.plan.sessions, v.plan.rooms) for v in small["rooms"].variants] == [(200, 1), (1000, 10), (1000, 100)]
    assert [variant.plan.rooms_each for variant in small["idle-rooms"].variants] == [1, 10]
    assert small["joining"].variants[0].plan.members == 995
    ours = [name for name, scenario in SCENARIOS.items() if only_servers(scenario, ["naive"]) is None]
    assert ours == [
        "stopped",
        "storm",
        "sqlite",
        "sqlite-latency",
        "comeback",
        "rooms",
        "idle-rooms",
        "joining",
        *(f"crowd-{deed.replace(' ', '-')}" for deed in DEEDS),
        "growth",
    ]


def test_result_crosses_a_pipe_unharmed() -> None:
    result = Result(growth=GROWTH, count=Count(received=3))
    assert Result.from_json(json.dumps(asdict(result))) == result
