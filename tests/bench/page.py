# ruff: noqa: E501  (a row of a Markdown table is one line)
"""docs/benchmarks.md: the words around the table. `write` puts the page and the chart in their places.

Nothing here names a machine or a folder. Main thread only.
"""

import os
import platform
from pathlib import Path

from bench import report
from bench.chart import draw
from bench.scenarios import BUSY_PER_CENT, Outcome

DOCS = Path(__file__).resolve().parents[2] / "docs"
NO_FIGURES = """No figures are kept here yet. `.venv/bin/python tests/bench --update-docs` measures, and writes the table
and the chart into this page (about ten minutes)."""
METHOD = """## How it is measured

`make bench` runs it (`.venv/bin/python tests/bench --help` tells the options), with nothing but Python and chatsrv.

- The server, the load generator and the script that starts both are three processes on one Linux machine. They talk
  over the loopback interface, and share its cores: what the generator takes, the server cannot have.
- chatsrv runs as a `ChatServer` in a Python program, with the memory backend, without flood control and limits per
  address; everything else is as shipped.
- Beside each figure stands that of a beginner's server, `tests/bench/naive.py`: one thread per client, a dict of users,
  one lock, `sendall` in a loop, TCP_NODELAY. It takes its turn in the same run, so that the **ratio** holds for a
  busier or slower machine too. A figure is the median of the rounds, a ratio the median of the ratios within a round.
- *Others' CPU* is the most that other processes took while one of the row's runs lasted, in per cent of one core. A
  round is set aside, and run again a few times at most, when that is over {busy:.0f}%; if no calm one comes, the busy
  ones count, and the column says so.

| scenario | what happens |
|---|---|
| fan-out | All log in to one room. Each author keeps 16 messages under way that his witness, one of the other readers, has not yet seen; what the window lets go at once he sends in one write. Every session reads, the authors too. |
| latency | Ten authors take turns at an even rate. Latency counts from the moment the message was *due*, at every 31st reader, in the order of their logins; the other readers are read every 50 ms. |
| readers that stop | The same with messages of 1,000 bytes, and ten sessions that read nothing after their login. They must be hung up (`stall_seconds` is 5 here) and the others must not notice. The beginner's server has no figure: it stands still for everybody as soon as one socket is full. |
| idle | Memory of the server process (its proportional set size) for each session that is logged in, and its processor time over five seconds in which nobody speaks. |
| logins | 32 connections at a time log in and hang up. The memory backend compares the password and does not hash it. |
| storm | 50 are in, and one of them writes 50 lines a second; latency counts as above, at every reader. Then 1,000 more connect at once and log in against argon2id hashes in an htpasswd file, everything as shipped but `login_seconds: 120`, until each of them has got in or read `Login is not possible at the moment.` The memory counts from before the first login to its highest point. |

## What is counted

Every message to every reader. A message's text is a function of its author and its number, so every byte is known
beforehand. The first reader to get new bytes extends a common stream, which is cut into lines and checked; all other
readers' bytes are compared with it, an author's with the stretches between his own lines. A reader whose bytes differ
is counted line by line from there on, so the numbers below are exact, not estimates:

- *lost*: said and not received, up to two seconds after the last byte;
- *doubled*: received again;
- *reordered*: received after a message that its author had said later;
- *damaged*: neither a message of this run nor a notice of the server's (`* alice joined`); the message that it was
  counts as lost too;
- *echoed*: an author's own message came back to him.

`tests/bench/test_counting.py` plays a server that does each of these a known number of times, and the report must say
exactly that. The generator was seen to check 35 million deliveries a second on one core (1,000
readers, 100 authors); the fewer readers there are, the more of its time goes into the authors' own writes.
"""


def text(outcomes: list[Outcome]) -> str:
    """Give the whole page; without outcomes, how to produce them."""
    method = METHOD.format(busy=BUSY_PER_CENT)
    if not outcomes:
        return f"# Benchmarks\n\n{NO_FIGURES}\n\n{method}"
    lines = [row for outcome in outcomes for row in report.rows(outcome)]
    chart = "![Messages delivered per second](benchmarks-fanout.svg)\n\n" if report.bars(outcomes) else ""
    cores = os.cpu_count() or 1
    machine = (
        f"Measured on {cores} cores, shared with the load generator, with Python {platform.python_version()} on "
        f"{platform.system()}. {report.verdict(outcomes)} {report.set_aside(outcomes)}"
    ).strip()
    return f"# Benchmarks\n\n{chart}{machine}\n\n{report.as_markdown(lines)}\n\n{method}"


def write(outcomes: list[Outcome]) -> None:
    """Write the page, and the chart if there is something to draw."""
    (DOCS / "benchmarks.md").write_text(text(outcomes))
    if bars := report.bars(outcomes):
        (DOCS / "benchmarks-fanout.svg").write_text(draw(bars))
