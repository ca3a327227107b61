"""Behaviour of chatsrv.auth.knownplaces: what is remembered, for how long, and what the file does and does not tell."""

import logging
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from chatsrv.auth import knownplaces
from chatsrv.auth.backends.atomic import change_file
from chatsrv.auth.knownplaces import MOST_OF_ONE, KnownPlaces
from tests.peer import DEADLINE_SECONDS

HERE, THERE = "192.0.2.1", "2001:db8::/64"
DAY = 86_400.0


class Calendar:
    """Days that pass when they are told to."""

    def __init__(self) -> None:
        self.now = 20_000 * DAY

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chat.db-known-places"


def kept(path: Path, *logins: tuple[str, str], **options: object) -> None:
    """Have a server remember logins, and stop."""
    places = KnownPlaces(path, **{"keep_days": 0, **options})  # type: ignore[arg-type]
    for account, site in logins:
        places.add(account, site)
    places.close()


def test_where_an_account_has_logged_in_it_is_known_and_nobody_else_is() -> None:
    places = KnownPlaces(keep_days=0)
    places.add("alice", HERE)
    assert places.has("alice", HERE)
    assert not places.has("alice", THERE)
    assert not places.has("bob", HERE)
    places.close()


def test_it_is_remembered_over_a_restart(path: Path) -> None:
    kept(path, ("alice", HERE), ("alice", THERE), ("bob", THERE))
    kept(path, ("carol", HERE))
    places = KnownPlaces(path, keep_days=0)
    assert [places.has(name, site) for name in ("alice", "bob", "carol") for site in (HERE, THERE)] == [
        *(True, True),
        *(False, True),
        *(True, False),
    ]


def test_the_file_is_the_servers_alone_and_has_neither_names_nor_addresses(path: Path) -> None:
    kept(path, ("alice", HERE), ("alice", THERE))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    data = path.read_bytes()
    assert not any(text in data for text in (b"alice", HERE.encode(), b"2001:db8", bytes([192, 0, 2, 1])))


def test_two_servers_keep_the_same_login_under_other_hashes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        kept(tmp_path / name, ("alice", HERE))
    one, two = ((tmp_path / name).read_bytes() for name in ("one", "two"))
    assert len(one) == len(two)
    assert one[60:80] != two[60:80]


def test_it_is_forgotten_when_the_days_are_over_and_leaves_the_file(path: Path) -> None:
    calendar = Calendar()
    kept(path, ("alice", HERE), ("bob", HERE), keep_days=90, clock=calendar)
    size = path.stat().st_size
    calendar.now += 60 * DAY
    kept(path, ("bob", HERE), keep_days=90, clock=calendar)
    assert path.stat().st_size == size
    calendar.now += 31 * DAY
    places = KnownPlaces(path, keep_days=90, clock=calendar)
    assert not places.has("alice", HERE)
    assert places.has("bob", HERE)
    places.add("bob", HERE)
    places.close()
    assert path.stat().st_size == size - 20


def test_while_the_server_runs_it_is_forgotten_as_well() -> None:
    calendar = Calendar()
    places = KnownPlaces(keep_days=90, clock=calendar)
    places.add("alice", HERE)
    calendar.now += 91 * DAY
    assert not places.has("alice", HERE)


def test_without_days_nothing_is_forgotten() -> None:
    calendar = Calendar()
    places = KnownPlaces(keep_days=0, clock=calendar)
    places.add("alice", HERE)
    calendar.now += 10_000 * DAY
    assert places.has("alice", HERE)


def test_somebody_who_logs_in_from_everywhere_has_nobody_else_forgotten(path: Path) -> None:
    places = KnownPlaces(path, keep_days=0)
    places.add("alice", HERE)
    for number in range(3 * MOST_OF_ONE):
        places.add("mallory", f"10.0.0.{number}")
        assert places.has("mallory", f"10.0.0.{number}")
    assert places.has("alice", HERE)
    assert places.count == 1 + MOST_OF_ONE
    places.close()


def test_of_too_many_accounts_those_go_that_were_not_here_for_longest(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(knownplaces, "MOST_PLACES", 100)
    places = KnownPlaces(path, keep_days=0)
    for number in range(100):
        places.add(f"user{number}", HERE)
    places.add("user0", HERE)
    for number in range(100, 150):
        places.add(f"user{number}", HERE)
    places.close()
    again = KnownPlaces(path, keep_days=0)
    assert again.count == places.count == 100
    assert again.has("user0", HERE)
    assert not again.has("user1", HERE)
    assert again.has("user149", HERE)


def test_the_file_is_written_while_the_server_runs_and_a_login_of_the_same_day_is_no_news(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = threading.Event()

    def change(path: Path, contents: Callable[[bytes], bytes]) -> None:
        change_file(path, contents)
        written.set()

    monkeypatch.setattr(knownplaces, "change_file", change)
    calendar = Calendar()
    places = KnownPlaces(path, keep_days=0, write_seconds=0, clock=calendar)
    places.add("alice", HERE)
    assert written.wait(DEADLINE_SECONDS)
    assert KnownPlaces(path, keep_days=0).has("alice", HERE)
    places.close()
    before = path.stat().st_ino
    kept(path, ("alice", HERE), ("alice", HERE), clock=calendar)
    assert path.stat().st_ino == before


def test_a_server_that_nobody_logs_in_to_writes_nothing_and_has_no_thread(path: Path) -> None:
    before = threading.active_count()
    places = KnownPlaces(path, keep_days=0)
    assert not places.has("alice", HERE)
    assert threading.active_count() == before
    places.close()
    assert not path.exists()


@pytest.mark.parametrize("harm", ["cut", "flip", "grow", "head"])
def test_a_damaged_file_is_told_and_begun_anew(path: Path, harm: str, caplog: pytest.LogCaptureFixture) -> None:
    kept(path, ("alice", HERE))
    data = bytearray(path.read_bytes())
    if harm == "flip":
        data[-20] ^= 1
    path.write_bytes({"cut": data[:-1], "flip": data, "grow": data + b"x" * 500_000, "head": data[:30]}[harm])
    with caplog.at_level(logging.WARNING):
        kept(path, ("bob", HERE))
    assert [record.getMessage() for record in caplog.records] == [
        f"{path}: is damaged; from where accounts have logged in is learned anew"
    ]
    places = KnownPlaces(path, keep_days=0)
    assert places.has("bob", HERE)
    assert not places.has("alice", HERE)


def test_an_empty_file_is_as_good_as_none(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path.touch()
    kept(path, ("alice", HERE))
    assert KnownPlaces(path, keep_days=0).has("alice", HERE)
    assert not caplog.records


@pytest.mark.parametrize("kind", ["another file", "a directory", "a link", "a pipe"])
def test_what_is_no_such_file_is_told_and_left_alone(
    path: Path, tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    other = tmp_path / "precious"
    other.write_bytes(b"precious")
    match kind:
        case "another file":
            path.write_bytes(b"precious")
        case "a directory":
            path.mkdir()
        case "a link":
            path.symlink_to(other)
        case "a pipe":
            os.mkfifo(path)
    with caplog.at_level(logging.WARNING):
        kept(path, ("alice", HERE))
    [record] = caplog.records
    assert record.getMessage().startswith(f"{path}: ")
    assert "from where accounts have logged in is not remembered over a restart" in record.getMessage()
    assert other.read_bytes() == b"precious"
    assert kind != "another file" or path.read_bytes() == b"precious"


def test_a_disk_that_cannot_be_written_is_told_once_and_what_is_known_stays_known(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "not there" / "places"
    tried = threading.Semaphore(0)

    class Told(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            tried.release()

    handler = Told()
    logging.getLogger(knownplaces.__name__).addHandler(handler)
    try:
        places = KnownPlaces(path, keep_days=0, write_seconds=0)
        places.add("alice", HERE)
        assert tried.acquire(timeout=DEADLINE_SECONDS)
    finally:
        logging.getLogger(knownplaces.__name__).removeHandler(handler)
    path.parent.mkdir()
    assert places.has("alice", HERE)
    places.close()
    assert KnownPlaces(path, keep_days=0).has("alice", HERE)
    [record] = caplog.records
    assert record.getMessage().startswith(f"{path}: cannot be changed (No such file or directory)")
