"""`chatsrv history audit`: what was decided about rooms and people, by whom, and why. Changes nothing.

Main thread only.
"""

import json
import sys

import click

from chatsrv.app import history_file
from chatsrv.cli.history.files import history_of
from chatsrv.cli.history.lines import visible
from chatsrv.cli.history.times import check_span, since_option, until_option, utc
from chatsrv.cli.program import Chosen, pass_chosen
from chatsrv.model.changes import Change, What, moderation_of, target_key, typed_key
from chatsrv.model.entries import REGISTER, Entry
from chatsrv.text.names import account_key, prepare_room

SERVER = "server"
"""What stands for the whole server where a room is named; no room is called so."""

_RULINGS = (What.BAN, What.MUTE)


@click.command()
@click.option("--room", metavar="NAME", help="Only about this room; `server` is what is about the whole server.")
@click.option("--account", "name", metavar="NAME", help="Only by or about this account, or about this network.")
@since_option
@until_option
@click.option("--json", "is_json", is_flag=True, help="For programs: one object a line.")
@pass_chosen
def audit(
    chosen: Chosen, room: str | None, name: str | None, since: float | None, until: float | None, is_json: bool
) -> None:
    """Show who decided what about rooms and people, oldest first: bans, mutes, topics and the like.

    Times are such as 2026-08-01T12:30:00Z (RFC 3339), 2026-08-01 (the first moment of that day, UTC) or, so long ago,
    90s, 15m, 2h, 3d, 4w.
    """
    check_span(since, until)
    line = json_line if is_json else text_line
    place = None if room is None else _place(room)
    key = None if name is None else typed_key(name)
    count = 0
    with history_file(history_of(chosen).path) as file:
        entries = file.entries(since=since, until=until, only=lambda log: log == REGISTER)
        for entry in entries:
            change = moderation_of(entry)
            if change is None or place not in (None, change.room):
                continue
            if key in (None, account_key(entry.author), target_key(change.target)):
                sys.stdout.buffer.write(line(entry, change).encode())
                count += 1
    if not count:
        click.echo("Nothing was found.", err=True)


def text_line(entry: Entry, change: Change) -> str:
    """Return a change as one line: when, where, who did what to whom, until when, and why."""
    words = [utc(entry.at), change.room or SERVER, entry.author, change.what.value]
    if change.target:
        words.append(change.target)
    if change.until is not None:
        words.append(f"until {utc(change.until)}")
    elif change.what in _RULINGS:
        words.append("for good")
    return visible(" ".join(words) + (f": {change.text}" if change.text else "")) + "\n"


def json_line(entry: Entry, change: Change) -> str:
    """Return a change as one line of JSON; `None` is what it does not have, and the whole server as its room."""
    fields = {
        "offset": entry.offset,
        "at": utc(entry.at, digits="microseconds"),
        "room": change.room or None,
        "actor": entry.author,
        "what": change.what.value,
        "target": change.target or None,
        "until": None if change.until is None else utc(change.until),
        "text": change.text,
    }
    return visible(json.dumps(fields, ensure_ascii=False)) + "\n"


def _place(room: str) -> str:
    """Return the room that is meant; empty for the whole server."""
    if room == SERVER:
        return ""
    try:
        return prepare_room(room)
    except ValueError:
        return room
