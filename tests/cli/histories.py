"""A house with a history, and ways to run the commands about it. Knows no command. One thread uses a house."""

import contextlib
import json
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

from chatsrv.model.entries import Kind
from chatsrv.roomlog.base import LogStore
from chatsrv.roomlog.sqlite.store import SqliteStore
from tests.house import House

NOON = datetime(2026, 8, 1, 12, tzinfo=UTC)
AT = NOON.timestamp()

SETTINGS = ("{backend: yaml, path: users.yaml}", "history: {store: sqlite, path: chat.db, keep_days: 30}")


def house_with(directory: Path, *said: tuple[str, Kind, str, str]) -> House:
    """Return a house with a history of what was `said`: room, kind, author and text of each entry."""
    house = House(directory)
    house.use(*SETTINGS)
    with contextlib.closing(SqliteStore(directory / "chat.db")) as store:
        say(store, *said)
    date(directory / "chat.db")
    return house


def house_with_two_rooms(directory: Path) -> House:
    """Return a house with a history: two lines in the lobby, one in the kitchen, and bob's coming and going."""
    return house_with(
        directory,
        ("lobby", Kind.JOIN, "bob", ""),
        ("lobby", Kind.SAY, "bob", "We deploy on Friday"),
        ("kitchen", Kind.SAY, "alice", "deploy the cake"),
        ("lobby", Kind.SAY, "alice", "hi bob"),
        ("lobby", Kind.LEAVE, "bob", "LOST"),
    )


def say(store: LogStore, *said: tuple[str, Kind, str, str]) -> None:
    """Have entries recorded, one after the other."""
    for room, kind, author, text in said:
        log = store.open(room)
        log.wait_until_recorded(log.append(kind, author, 1, [text]))


def date(file: Path) -> None:
    """Let the entries of each room be a minute apart, up to noon."""
    with contextlib.closing(sqlite3.connect(file)) as connection, connection:
        (count,) = connection.execute("SELECT count(*) FROM entry").fetchone()
        ids = [id_ for (id_,) in connection.execute("SELECT id FROM entry ORDER BY at, id")]
        for number, id_ in enumerate(ids, 1):
            connection.execute("UPDATE entry SET at = ? WHERE id = ?", (int(AT - 60 * (count - number)) * 10**6, id_))


def done(house: House, *arguments: str, stdin: str = "") -> tuple[str, str]:
    """Run `chatsrv history` in order; return what it said on standard output and on standard error."""
    result = house.run("history", *arguments, stdin=stdin)
    assert result.exit_code == 0, result.output
    return result.stdout, result.stderr


def refused(house: House, *arguments: str, exit_code: int = 1, stdin: str = "") -> str:
    """Run `chatsrv history` without success; return what it said."""
    result = house.run("history", *arguments, stdin=stdin)
    assert result.exit_code == exit_code, result.output
    assert result.stdout == ""
    return result.stderr


def texts(house: House, *arguments: str) -> list[str]:
    return [json.loads(line)["text"] for line in done(house, "export", *arguments)[0].splitlines()]
