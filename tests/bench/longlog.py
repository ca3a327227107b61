"""A log that grows in a file, without a server: filled through its own `append`, then opened anew and asked.

`fill` and `ask` are processes of their own, in a folder that their parent made and will remove. Both print JSON. Main
thread only, but for the recorder's, which records and indexes as it does in a server.
"""

import json
import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import accumulate, islice
from pathlib import Path

from bench.machine import Meter, end_after, highest_kib_of, resident_kib_of
from bench.plan import Plan
from chatsrv.model.entries import Entry, Kind, Position
from chatsrv.roomlog.base import RoomLog
from chatsrv.roomlog.sqlite.file import HistoryFile
from chatsrv.roomlog.sqlite.store import SqliteStore

FILE = Path("history.db")
ROOM = "lobby"
PARTS = 40
"""Parts of the filling whose cost is told one by one."""
AUTHORS, AT_ONCE = 10, 16
"""So many authors have so many lines under way, as in the fan-out: what one transaction has to record."""
LINES, LINE_CHARACTERS, LINE_WORDS = 100_000, 64, 10
VOCABULARY = 20_000
RARE, RARE_TIMES = "quetzalcoatl", 3
ASKED_TIMES, ASKED_ENTRIES = 20, 20
LOOK_SECONDS = 0.05
"""How often indexing begins. In a server it is 2: then it comes in waves that are longer than a part of the filling."""


def fill(text: str) -> int:
    """Entry of the process that fills the log, with the plan as JSON; the exit code."""
    plan = Plan.from_json(text)
    end_after(plan.limit_seconds)
    lines = lines_of(plan.entries)
    with closing(SqliteStore(FILE, look_seconds=LOOK_SECONDS)) as store:
        log, meter, begin = store.open(ROOM), Meter(0), time.monotonic()
        append_us, first_kib = [], 0
        for part in range(PARTS):
            size = plan.entries * (part + 1) // PARTS - plan.entries * part // PARTS
            append_us.append(_append(log, lines, size) / size * 1e6)
            first_kib = first_kib or resident_kib_of(os.getpid())
        filled, growth_kib = time.monotonic(), _growth_kib_since(first_kib)
        _wait_for_index(plan.entries)
        indexed, usage = time.monotonic(), meter.read()
    values = {
        "append_us": append_us,
        "fill_seconds": filled - begin,
        "index_seconds": indexed - filled,
        "fill_growth_kib": growth_kib,
        "bytes_per_entry": FILE.stat().st_size / plan.entries,
        "others_cpu": usage.others,
    }
    print(json.dumps(values))
    return 0


def ask(text: str) -> int:
    """Entry of the process that opens the log anew and asks it, with the plan as JSON; the exit code."""
    plan = Plan.from_json(text)
    end_after(plan.limit_seconds)
    chance = random.Random(plan.entries)
    offsets = [chance.randrange(ASKED_ENTRIES, plan.entries) for _ in range(ASKED_TIMES)]
    before_kib, begin = resident_kib_of(os.getpid()), time.monotonic()
    with closing(SqliteStore(FILE)) as store:
        log = store.open(ROOM)
        start_seconds, end = time.monotonic() - begin, log.end
        places = [Position(end.epoch, offset) for offset in offsets]
        values = {
            "start_seconds": start_seconds,
            "newest_ms": _slowest_ms(lambda _: log.read_back(end, ASKED_ENTRIES), ASKED_ENTRIES, places),
            "middle_ms": _slowest_ms(lambda place: log.read_back(place, ASKED_ENTRIES), ASKED_ENTRIES, places),
            "rare_ms": _slowest_ms(lambda _: log.search(RARE, end, ASKED_ENTRIES), RARE_TIMES, places),
            "ask_growth_kib": _growth_kib_since(before_kib),
        }
    print(json.dumps(values))
    return 0


def lines_of(entries: int) -> Iterator[str]:
    """Return what is said: words as frequent as in a language, and a rare word a few times, evenly spread."""
    chance = random.Random(0)
    letters = "abcdefghijklmnopqrstuvwxyz"
    words = ["".join(chance.choices(letters, k=chance.randint(2, 9))) for _ in range(VOCABULARY)]
    weights = list(accumulate(1 / rank for rank in range(1, VOCABULARY + 1)))
    lines = [
        " ".join(chance.choices(words, cum_weights=weights, k=LINE_WORDS))[:LINE_CHARACTERS]
        for _ in range(min(LINES, entries))
    ]
    rare_at = {entries * part // (RARE_TIMES + 1) for part in range(1, RARE_TIMES + 1)}
    return (
        f"{RARE} {lines[number % LINES]}" if number in rare_at else lines[number % LINES] for number in range(entries)
    )


def _append(log: RoomLog, lines: Iterator[str], entries: int) -> float:
    """Append so many lines as authors do who wait until theirs are recorded; how many seconds that took."""
    begin, left = time.monotonic(), entries
    while left:
        for author in range(AUTHORS):
            texts = list(islice(lines, min(AT_ONCE, left)))
            if texts:
                log.wait_for_space()
                position = log.append(Kind.SAY, f"u{author}", author + 1, texts)
                left -= len(texts)
        log.wait_until_recorded(position)
    return time.monotonic() - begin


def _wait_for_index(entries: int) -> None:
    with HistoryFile(FILE) as file:
        while file.rooms()[0].indexed_entries < entries:
            time.sleep(LOOK_SECONDS)


def _slowest_ms(look: Callable[[Position], list[Entry]], expected: int, places: list[Position]) -> float:
    slowest = 0.0
    for place in places:
        begin = time.monotonic()
        found = len(look(place))
        slowest = max(slowest, time.monotonic() - begin)
        if found != expected:
            raise SystemExit(f"{found} entries were found up to {place.offset} where there are {expected}")
    return slowest * 1000


def _growth_kib_since(kib: int) -> int:
    return max(0, highest_kib_of(os.getpid()) - kib)
