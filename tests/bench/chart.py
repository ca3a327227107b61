"""The chart of the fan-out: two bars for each scenario, logarithmic, as an SVG that suits light and dark pages.

Pure: numbers in, text out. Any thread.
"""

import math
from dataclasses import dataclass

LEFT, RIGHT, TOP = 206, 740, 64
BAR, GAP, GROUP = 18, 3, 64
STYLE = """
    text { font: 13px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328; }
    .title { font-size: 16px; font-weight: 600; }
    .quiet { fill: #59636e; font-size: 12px; }
    .figure { font-weight: 600; font-size: 12px; }
    .grid { stroke: #d1d9e0; stroke-width: 1; }
    .chatsrv { fill: #0969da; }
    .naive { fill: #afb8c1; }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3; }
      .quiet { fill: #9198a1; }
      .grid { stroke: #3d444d; }
      .chatsrv { fill: #4493f8; }
      .naive { fill: #656c76; }
    }
"""


@dataclass(frozen=True)
class Bars:
    """One scenario: deliveries a second of both servers."""

    label: str
    chatsrv: float
    naive: float


def draw(groups: list[Bars]) -> str:
    """Give the whole SVG."""
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
    lines = "\n  ".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 820 {bottom + 50}" width="820" role="img">\n'
        f"  <title>Messages delivered per second, chatsrv and a beginner's server</title>\n"
        f"  <style>{STYLE}  </style>\n  {lines}\n</svg>\n"
    )


def short(figure: float) -> str:
    """Write a figure as people say it: 320 k, 12.5 M."""
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if figure >= size:
            return f"{figure / size:.3g} {unit}"
    return f"{figure:.3g}"
