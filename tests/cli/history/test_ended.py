"""Commands about the history that are ended while they are at work: by a signal, or by Ctrl-C."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from chatsrv.model.entries import Kind
from chatsrv.roomlog.sqlite import erasing
from tests.cli.histories import done, house_with, refused, texts
from tests.house import DEADLINE_SECONDS, House

END_AT_WORK = """
import contextlib, os, sys
from chatsrv.cli import main

@contextlib.contextmanager
def progress(label):
    yield lambda *_: os.kill(os.getpid(), int(sys.argv.pop(1)))

for name in ("commands", "reading", "rescue"):
    sys.modules[f"chatsrv.cli.history.{name}"].progress = progress
main([*sys.argv[2:]])
"""
"""Runs the command that its arguments are, behind the number of the signal that it gets when it tells how far it is."""


@pytest.fixture
def house(tmp_path: Path) -> House:
    return house_with(tmp_path, *[("lobby", Kind.SAY, "bob", f"word {number}") for number in range(10)])


@pytest.mark.parametrize("making", [["backup"], ["export", "--output"], ["rescue", "--output"]])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_command_that_is_ended_leaves_no_part_of_a_file(
    house: House, tmp_path: Path, making: list[str], number: signal.Signals
) -> None:
    before = {file.name for file in tmp_path.iterdir()}
    words = house.command("history", *making, str(tmp_path / "copy"))[3:]
    ended = subprocess.run(
        [sys.executable, "-c", END_AT_WORK, str(int(number)), *words], capture_output=True, timeout=DEADLINE_SECONDS
    )
    assert ended.returncode == 128 + number, ended
    assert b"Traceback" not in ended.stderr
    assert {file.name for file in tmp_path.iterdir()} == before


def test_a_command_that_is_to_outlive_its_terminal_does(house: House, tmp_path: Path) -> None:
    words = house.command("history", "export", "--output", str(tmp_path / "copy"))[3:]
    ignoring = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"  # as `nohup` does
    command = [sys.executable, "-c", ignoring + END_AT_WORK, str(int(signal.SIGHUP)), *words]
    subprocess.run(command, check=True, capture_output=True, timeout=DEADLINE_SECONDS)
    assert len((tmp_path / "copy").read_text().splitlines()) == 10


def test_erasing_that_is_ended_says_that_only_part_of_it_is_done(house: House, monkeypatch) -> None:
    erase_some = erasing.Erasing._erase_some

    def erase_one(its: erasing.Erasing, number: int, author: str, ids: list[int]) -> int:
        if len(texts(house)) - texts(house).count("") < 8:
            raise KeyboardInterrupt
        return erase_some(its, number, author, ids)

    with monkeypatch.context() as patch:
        patch.setattr(erasing, "ERASED_ENTRIES", 1)
        patch.setattr(erasing.Erasing, "_erase_some", erase_one)
        told = refused(house, "erase", "--account", "bob", "--yes", exit_code=130)
    assert told.strip() == "chatsrv: only a part is erased: run the same command again"
    assert texts(house).count("") == 3
    assert done(house, "erase", "--account", "bob", "--yes")[1].startswith("Erased 7 entries of bob;")
