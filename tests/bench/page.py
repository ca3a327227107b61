# ruff: noqa: E501  (a row of a Markdown table is one line)
"""docs/benchmarks.md: the words around the table. `write` puts the page and the charts in their places.

Nothing here names a machine or a folder. Main thread only.
"""

import os
import platform
from pathlib import Path

from bench import report
from bench.chart import draw_bars, draw_line
from bench.rows import rows
from bench.scenarios import BUSY_PER_CENT, Outcome

DOCS = Path(__file__).resolve().parents[2] / "docs"
NO_FIGURES = """No figures are kept here yet. `.venv/bin/python tests/bench --update-docs` measures, and writes the table
and the charts into this page (about twenty minutes)."""
METHOD = """## How it is measured

`make bench` runs it (`.venv/bin/python tests/bench --help` tells the options), with nothing but Python and chatsrv.

- The server, the load generator and the script that starts both are three processes on one Linux machine. They talk
  over the loopback interface, and share its cores: what the generator takes, the server cannot have.
- chatsrv runs as a `ChatServer` in a Python program, with the memory backend, without flood control and limits per
  address, and with the log in memory where SQLite is not named; everything else is as shipped.
- SQLite's file is in a new folder where the machine has its temporary files (`TMPDIR` names another place). On what kind
  of disk that is, the benchmark does not know: what `durability: power` costs is what that disk costs.
- Beside many figures stands that of a beginner's server, `tests/bench/naive.py`: one thread per client, a dict of users,
  one lock, `sendall` in a loop, TCP_NODELAY. It takes its turn in the same run, so that the **ratio** holds for a
  busier or slower machine too. A figure is the median of the rounds, a ratio the median of the ratios within a round.
- *Others' CPU* is the most that other processes took while one of the row's runs lasted, in per cent of one core. A
  round is set aside, and run again a few times at most, when that is over {busy:.0f}%; if no calm one comes, the busy
  ones count, and the column says so.

| scenario | what happens |
|---|---|
| fan-out | All log in to one room, the lobby. Each author keeps 16 messages under way that its witness, one of the other readers, has not yet seen; what the window lets go at once is sent in one write. Every session reads, the authors too. |
| latency | Ten authors take turns at an even rate. Latency counts from the moment the message was *due*, at every 31st reader, in the order of their logins; the other readers are read every 50 ms. |
| readers that stop | The same with messages of 1,000 bytes, and ten sessions that read nothing after their login. They must be hung up (`stall_seconds` is 5 here) and the others must not notice. The beginner's server has no figure: it stands still for everybody as soon as one socket is full. |
| idle | Memory of the server process (its proportional set size) for each session that is logged in, and its processor time over five seconds in which nobody speaks. |
| logins | 32 connections at a time log in and hang up. The memory backend compares the password and does not hash it. |
| storm | 50 are in, and one of them writes 50 lines a second; latency counts as above, at every reader. Then 1,000 more connect at once and log in against argon2id hashes in an htpasswd file, everything as shipped but `login_seconds: 120`, until each of them has got in or read `Login is not possible at the moment.` The memory counts from before the first login to its highest point. |
| SQLite | The fan-out to 1,000 readers by 10 authors, and the latency, with the log in memory, in an SQLite file with `durability: process`, and in one with `power`. These take turns; the ratio is that to the log in memory in the same round. |
| comeback | With SQLite, `durability: process`. 50 are in, and one of them writes 50 lines a second; latency counts as in the storm. 1,000 more, who have a process of their own, log in a few at a time, and all their connections are reset at once while nobody speaks. Then 100 lines are said, and after them all of the 1,000 connect at once, while the author goes on. A session is level when it has read `While you were away (...):`, as many lines as that says and the closing line, and has every message that any of the others had by then. Those who leave and join meanwhile are one line, which does not count. |
| rooms | Everybody has logged in, joined a room, and left the lobby before anything is measured: 10,000 sessions in 1,000 rooms of 10, 10,000 in 100 rooms of 100, and 1,000 in one room. In every room one in ten talks, and the last member is everybody's witness; each author keeps 16 messages under way, as in the fan-out, and begins in the first half of a second. A delivery is one message to one member; the server's processor time is divided by the messages that were said, and by the deliveries. These take turns; the ratio is that to the one room in the same round. |
| memory of rooms | As idle, with 1,000 sessions that have each joined one room, all the same, or each the same 100 rooms, and left the lobby. What the latter have more is divided by 99 and by the sessions: the memory of a session in a further room, with what the register keeps about it and the entries of its coming in the log, which is in memory. |
| joining | A room has 10,000 members: 50 sessions, one of which writes 50 lines a second, and others who are entered in the server's process and have no connections. 1,000 more, who have a process of their own, are in the lobby, and all join the room while the author goes on, a hundred a second or all at once; latency counts as in the storm. A session is in when it has read `The last 10 lines:`, as many as that says and the closing line, and has every message that any of the others had by then. |
| crowd-... | 50 sessions are in a room, and one of them writes 25 lines a second; latency counts as in the storm. 1,000 more, or 6,000, have a process of their own and do one thing in the same moment: connect, log in, fail to log in, join that room, come back after their connections were reset, leave, have their connections reset, or do so before the login. It is measured until the last of them is done, and for a second at least. |
| growth | Without a server: a `SqliteStore` is filled through its own `append`. Ten authors, played by one thread, append 16 lines each and wait until theirs are recorded, so a transaction has at most 160. A line has about 64 characters; there are 100,000 different ones, of 20,000 words as frequent as in a language. The index is made meanwhile, as in a server, but for being looked after twenty times a second instead of every two seconds: it would come in waves otherwise, each longer than a point of the chart. What an append costs is the time that all this takes, divided by the lines, for each fortieth of them; the chart shows that. When the index is complete, the file is closed, and its size divided by the entries. Another process opens it, while the system still has it in its cache, and reads the newest 20 entries twenty times, 20 entries at twenty places, and searches twenty times for a word that three lines have: the slowest counts. |

## What is counted

Every message to every reader. A message's text is a function of its author and its number, so every byte is known
beforehand. The first reader to get new bytes extends a common stream, which is cut into lines and checked; all other
readers' bytes are compared with it, an author's with the stretches between its own lines. A reader whose bytes differ
is counted line by line from there on, so the numbers below are exact, not estimates:

- *lost*: said and not received, up to two seconds after the last byte;
- *doubled*: received again;
- *reordered*: received after a message that its author had said later;
- *damaged*: neither a message of this run nor a notice of the server's (`* alice joined`); the message that it was
  counts as lost too;
- *echoed*: an author's own message came back to it.

Where there are many rooms, each has a common stream of its own, with the messages of its own authors alone: one that
strays into another room counts as damaged there.

Of those who come back, each is counted line by line, from the first message behind the cut: what is told as missed and
what is live are one sequence, in which nothing may be lost, doubled or reordered. Of those who join, the same holds from
the first message on that they are told as one of the last. Whom the server tells that older entries are left out, since
they are more than it tells at a login, counts as not told all.

`tests/bench/test_counting.py` plays a server that does each of these a known number of times, and the report must say
exactly that. The generator was seen to check 35 million deliveries a second on one core (1,000
readers, 100 authors); the fewer readers there are, the more of its time goes into the authors' own writes.
"""


def text(outcomes: list[Outcome]) -> str:
    """Give the whole page; without outcomes, how to produce them."""
    method = METHOD.format(busy=BUSY_PER_CENT)
    if not outcomes:
        return f"# Benchmarks\n\n{NO_FIGURES}\n\n{method}"
    lines = [row for outcome in outcomes for row in rows(outcome)]
    pictures = "".join(f"![{title}]({name})\n\n" for name, (title, _svg) in charts(outcomes).items())
    cores = os.cpu_count() or 1
    machine = (
        f"Measured on {cores} cores, shared with the load generator, with Python {platform.python_version()} on "
        f"{platform.system()}. {report.verdict(outcomes)} {report.set_aside(outcomes)}"
    ).strip()
    return f"# Benchmarks\n\n{pictures}{machine}\n\n{report.as_markdown(lines)}\n\n{method}"


def charts(outcomes: list[Outcome]) -> dict[str, tuple[str, str]]:
    """Give the charts of what was measured: by the name of the file, the title and the SVG."""
    found = {}
    if bars := report.bars(outcomes):
        found["benchmarks-fanout.svg"] = ("Messages delivered per second", draw_bars(bars))
    if costs := report.append_costs(outcomes):
        found["benchmarks-growth.svg"] = ("Cost of an append as the log grows", draw_line(costs))
    return found


def write(outcomes: list[Outcome]) -> None:
    """Write the page and its charts."""
    (DOCS / "benchmarks.md").write_text(text(outcomes))
    for name, (_title, svg) in charts(outcomes).items():
        (DOCS / name).write_text(svg)
