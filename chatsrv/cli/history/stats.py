"""`chatsrv history stats`: how much is there, since when, and how large it is. Changes nothing. Main thread only."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import click

from chatsrv.app import history_file
from chatsrv.cli.history.files import history_of
from chatsrv.cli.history.lines import visible
from chatsrv.cli.history.rooms import is_private
from chatsrv.cli.history.telling import entries_in_words, size_in_words
from chatsrv.cli.history.times import utc
from chatsrv.cli.program import Chosen, pass_chosen
from chatsrv.model.entries import REGISTER
from chatsrv.settings import SqliteHistory


@click.command()
@click.option("--json", "is_json", is_flag=True, help="For programs.")
@pass_chosen
def stats(chosen: Chosen, is_json: bool) -> None:
    """Tell how much there is, since when, and how large the file is."""
    kept = history_of(chosen)
    with history_file(kept.path) as file:
        found = _describe(asdict(file.stats()), kept)
    click.echo(visible(json.dumps(found, ensure_ascii=False)) if is_json else _in_words(found))


def _describe(found: dict[str, Any], kept: SqliteHistory) -> dict[str, Any]:
    """Return what was found in the file together with what the settings say of it, as JSON has it."""
    return {
        "path": str(kept.path.resolve()),
        "size_bytes": found["size_bytes"],
        "bytes_per_entry": round(found["size_bytes"] / found["entries"], 1) if found["entries"] else None,
        "entries": found["entries"],
        "indexed_entries": sum(room["indexed_entries"] for room in found["rooms"]),
        **_times(found),
        "bookmarks": found["bookmarks"],
        "is_in_use": found["is_in_use"],
        "durability": kept.durability,
        "keep_days": kept.keep_days,
        "keep_entries": kept.keep_entries,
        "private": _in_all([room for room in found["rooms"] if is_private(room["name"])]),
        "register": _in_all([room for room in found["rooms"] if room["name"] == REGISTER]),
        "rooms": [
            {**room, **_times(room)}
            for room in found["rooms"]
            if room["name"] != REGISTER and not is_private(room["name"])
        ],
    }


def _in_all(rooms: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what there is in several logs together; their names are nobody's business."""
    firsts = [room["first_at"] for room in rooms if room["first_at"] is not None]
    lasts = [room["last_at"] for room in rooms if room["last_at"] is not None]
    return {
        "logs": len(rooms),
        "entries": sum(room["entries"] for room in rooms),
        **_times({"first_at": min(firsts, default=None), "last_at": max(lasts, default=None)}),
    }


def _times(found: dict[str, Any]) -> dict[str, str | None]:
    return {key: None if found[key] is None else utc(found[key]) for key in ("first_at", "last_at")}


def _in_words(found: dict[str, Any]) -> str:
    entries = found["entries"]
    each = f", {found['bytes_per_entry']:,.0f} bytes an entry" if entries else ""
    indexed = f"{found['indexed_entries'] / entries:.0%} of the entries" if entries else "nothing"
    rows = [
        (
            "file",
            f"{visible(found['path'])} ({'used by a running server' if found['is_in_use'] else 'no server uses it'})",
        ),
        ("size", f"{size_in_words(found['size_bytes'])}{each}"),
        ("entries", f"{entries:,}{_span(found)}"),
        ("indexed", indexed),
        ("kept", _describe_keeping(found["keep_days"], found["keep_entries"])),
        ("survives", "a loss of power" if found["durability"] == "power" else "the end of the server"),
        *(
            (f"room {visible(room['name'])}", f"{entries_in_words(room['entries'])}{_span(room)}")
            for room in found["rooms"]
        ),
        *_beside_rooms(found["private"], found["register"]),
    ]
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name.ljust(width)}  {value}" for name, value in rows)


def _beside_rooms(private: dict[str, Any], register: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the rows about logs that are of no room, where there are any."""
    if private["logs"]:
        accounts = "1 account" if private["logs"] == 1 else f"{private['logs']:,} accounts"
        yield "private messages", f"{entries_in_words(private['entries'])} of {accounts}{_span(private)}"
    if register["logs"]:
        yield "register", f"{entries_in_words(register['entries'])}{_span(register)}"


def _span(found: dict[str, Any]) -> str:
    return f", from {found['first_at']} to {found['last_at']}" if found["first_at"] else ""


def _describe_keeping(days: float, entries: int) -> str:
    age = "1 day" if days == 1 else f"{days:g} days"
    newest = "the newest entry" if entries == 1 else f"the newest {entries:,} entries"
    return " and at most ".join([age] * bool(days) + [f"{newest} of each room"] * bool(entries)) or "everything"
