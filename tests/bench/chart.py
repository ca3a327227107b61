"""The charts, as SVG that suits light and dark pages: two bars for each fan-out, and a line for the log that grows.

Pure: numbers in, text out. Any thread.
"""

import math
from dataclasses import dataclass

LEFT, RIGHT, TOP = 206, 740, 64
BAR, GAP, GROUP = 18, 3, 64
LINE_LEFT, LINE_BOTTOM = 64, 304
STEPS = (1, 2, 2.5, 5, 10)
"""Between the lines of a grid, times a power of ten: so that people can count by them."""
STYLE = """
    text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328; }
    .title { font-size: 16px; font-weight: 600; }
    .quiet { fill: #59636e; font-size: 12px; }
    .figure { font-weight: 600; font-size: 12px; }
    .grid { stroke: #d1d9e0; stroke-width: 1; }
    .chatsrv { fill: #0969da; }
    .naive { fill: #afb8c1; }
    .line { fill: none; stroke: #0969da; stroke-width: 2; }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3; }
      .quiet { fill: #9198a1; }
      .grid { stroke: #3d444d; }
      .chatsrv { fill: #4493f8; }
      .naive { fill: #656c76; }
      .line { stroke: #4493f8; }
    }
"""


@dataclass(frozen=True)
class Bars:
    """One scenario: deliveries a second of both servers."""

    label: str
    chatsrv: float
    naive: float


def draw_bars(groups: list[Bars]) -> str:
    """Draw the fan-outs, on a logarithmic scale."""
    figures = [figure for group in groups for figure in (group.chatsrv, group.naive)]
    low = 10 ** math.floor(math.log10(min(figures) * 0.9))
    high = max(figures) * 1.1
    span = math.log10(high / low)

    def across(figure: float) -> float:
        return LEFT + (RIGHT - LEFT) * math.log10(figure / low) / span

    bottom = TOP + 10 + GROUP * len(groups)
    parts = [
        '<text class="title" x="16" y="28">Messages delivered per second</text>',
        '<rect class="chatsrv" x="16" y="41" width="11" height="11" rx="2"/>'
        '<text class="quiet" x="32" y="51">chatsrv</text>',
        '<rect class="naive" x="92" y="41" width="11" height="11" rx="2"/>'
        '<text class="quiet" x="108" y="51">one thread per client, sendall in a loop</text>',
    ]
    tick = low
    while tick <= high:
        x = across(tick)
        parts.append(f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{bottom}"/>')
        parts.append(f'<text class="quiet" x="{x:.1f}" y="{bottom + 18}" text-anchor="middle">{short(tick)}</text>')
        tick *= 10
    for number, group in enumerate(groups):
        y = TOP + 14 + GROUP * number
        parts.append(f'<text x="16" y="{y + BAR + 6}">{group.label}</text>')
        for name, figure, top in (("chatsrv", group.chatsrv, y), ("naive", group.naive, y + BAR + GAP)):
            x = across(figure)
            parts.append(
                f'<rect class="{name}" x="{LEFT}" y="{top}" width="{x - LEFT:.1f}" height="{BAR}" rx="3"/>'
                f'<text class="figure" x="{x + 7:.1f}" y="{top + 13}">{short(figure)}</text>'
            )
    parts.append(f'<text class="quiet" x="{RIGHT}" y="{bottom + 38}" text-anchor="end">logarithmic scale</text>')
    return _svg("Messages delivered per second, chatsrv and a beginner's server", parts, bottom + 50)


def draw_line(points: list[tuple[float, float]]) -> str:
    """Draw what one more entry costs, in microseconds, by the entries that are in the log; both scales begin at 0."""
    widest, highest = (max(values) for values in zip(*points, strict=True))
    highest *= 1.5  # a flat line is not to cling to the top

    def place(entries: float, cost: float) -> tuple[float, float]:
        x = LINE_LEFT + (RIGHT - LINE_LEFT) * entries / widest
        return x, LINE_BOTTOM - (LINE_BOTTOM - TOP) * cost / highest

    parts = [
        '<text class="title" x="16" y="28">Cost of an append as the log grows</text>',
        f'<text class="quiet" x="16" y="{TOP - 12}">microseconds for each entry, the index included</text>',
    ]
    for cost in _ticks(highest):
        _, y = place(0, cost)
        parts.append(f'<line class="grid" x1="{LINE_LEFT}" x2="{RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="quiet" x="{LINE_LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{cost:g}</text>')
    for entries in _ticks(widest):
        x, _ = place(entries, 0)
        label = short(entries)
        parts.append(f'<text class="quiet" x="{x:.1f}" y="{LINE_BOTTOM + 18}" text-anchor="middle">{label}</text>')
    line = " ".join("{:.1f},{:.1f}".format(*place(*point)) for point in points)
    parts.append(f'<polyline class="line" points="{line}"/>')
    parts.append(f'<text class="quiet" x="{RIGHT}" y="{LINE_BOTTOM + 38}" text-anchor="end">entries in the log</text>')
    return _svg("Cost of an append to a log, by the entries that are in it", parts, LINE_BOTTOM + 50)


def _ticks(most: float) -> list[float]:
    """Give some round numbers from 0 up to `most`."""
    rough = most / 5
    power = 10 ** math.floor(math.log10(rough))
    step = next(step * power for step in STEPS if step * power >= rough)
    return [step * number for number in range(int(most / step) + 1)]


def _svg(title: str, parts: list[str], height: int) -> str:
    lines = "\n  ".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 820 {height}" width="820" role="img">\n'
        f"  <title>{title}</title>\n  <style>{STYLE}  </style>\n  {lines}\n</svg>\n"
    )


def short(figure: float) -> str:
    """Write a figure as people say it: 320 k, 12.5 M."""
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if figure >= size:
            return f"{figure / size:.3g} {unit}"
    return f"{figure:.3g}"
