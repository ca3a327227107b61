"""`chatsrv history export` and `search`: what was said, as lines. Changes nothing. Main thread only."""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO

import click

from chatsrv.app import history_file
from chatsrv.cli.history.files import check_target, force_option, history_of, new_file
from chatsrv.cli.history.lines import json_line, text_line
from chatsrv.cli.history.rooms import parse_rooms, private_option, room_option
from chatsrv.cli.history.telling import entries_in_words, follow, progress, size_in_words
from chatsrv.cli.history.times import check_span, since_option, until_option
from chatsrv.cli.program import Chosen, pass_chosen
from chatsrv.model.entries import Entry

LINES: dict[str, Callable[[Entry], str]] = {"jsonl": json_line, "text": text_line}
"""What makes a line of an entry, for each format."""

MOST_FOUND = 100_000
"""The most that a search shows: all of it is in memory. For more there is the export."""


@click.command()
@room_option
@private_option
@since_option
@until_option
@click.option(
    "--format", "form", type=click.Choice(list(LINES)), default="jsonl", show_default=True, help="How entries look."
)
@click.option(
    "--output", metavar="FILE", type=click.Path(path_type=Path), help="Where to; standard output if left out."
)
@force_option
@pass_chosen
def export(
    chosen: Chosen,
    room: str | None,
    has_private: bool,
    since: float | None,
    until: float | None,
    form: str,
    output: Path | None,
    is_forced: bool,
) -> None:
    """Write what was said as lines, oldest first; private messages only where that is asked for.

    jsonl is one object a line; text is what a chatter would have read, after time and room.

    Times are such as 2026-08-01T12:30:00Z (RFC 3339), 2026-08-01 (the first moment of that day, UTC) or, so long ago,
    90s, 15m, 2h, 3d, 4w.
    """
    check_span(since, until)
    kept = history_of(chosen)
    looked = parse_rooms(room, has_private=has_private)
    with history_file(kept.path) as file:
        entries = file.entries(looked.room, since, until, only=looked.only)
        if output is None:
            _write(entries, LINES[form], sys.stdout.buffer)
            return
        check_target(output, kept.path, is_forced=is_forced)
        with new_file(output) as out, progress("Exporting") as tell:
            expected = file.count(looked.room, since, until, only=looked.only)
            count = _write(follow(entries, expected, tell), LINES[form], out)
    click.echo(f"Exported {entries_in_words(count)} to {output} ({size_in_words(output.stat().st_size)}).", err=True)


def _write(entries: Iterable[Entry], line: Callable[[Entry], str], out: BinaryIO) -> int:
    """Write a line for each entry; return how many entries there were."""
    count = 0
    for entry in entries:
        out.write(line(entry).encode())
        count += 1
    return count


@click.command()
@click.argument("words", nargs=-1, required=True)
@room_option
@private_option
@click.option("--limit", type=click.IntRange(1, MOST_FOUND), default=20, show_default=True, help="How many, at most.")
@pass_chosen
def search(chosen: Chosen, words: tuple[str, ...], room: str | None, has_private: bool, limit: int) -> None:
    """Show where all the WORDS were said, newest first; in private messages only where that is asked for.

    Upper and lower case and accents count as the same. A word that ends in * stands for all that begin so.
    """
    path = history_of(chosen).path
    looked = parse_rooms(room, has_private=has_private)
    with history_file(path) as file:
        found = file.search(" ".join(words), looked.room, limit, only=looked.only)
    if not found:
        click.echo("Nothing was found.", err=True)
    out = sys.stdout.buffer
    for entry in found:
        out.write(text_line(entry).encode())
