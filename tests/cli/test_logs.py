"""The log of a running server, read by somebody, later, or by nobody."""

import errno
import fcntl
import io
import logging
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatsrv.cli.logs import QueuedLog
from tests.cli.test_run import listening, login, read_until, settings
from tests.peer import DEADLINE_SECONDS

LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} ([A-Z]+ .*)\n")


class Terminal(io.StringIO):
    """Takes what is written. While it is held, each write waits until the test lets it go on."""

    def __init__(self) -> None:
        super().__init__()
        self.is_held = False
        self.is_full = False
        self.writes = 0
        self._came = threading.Semaphore(0)
        self._goes = threading.Semaphore(0)

    def await_write(self) -> None:
        """Wait until somebody waits to write."""
        assert self._came.acquire(timeout=DEADLINE_SECONDS)

    def let_go_on(self) -> None:
        """Let one write go on."""
        self._goes.release()

    def write(self, text: str) -> int:
        if text:
            self.writes += 1
            if self.is_held:
                self._came.release()
                assert self._goes.acquire(timeout=DEADLINE_SECONDS)
            if self.is_full:
                raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(text)

    @property
    def lines(self) -> list[str]:
        found = [LINE.fullmatch(line) for line in self.getvalue().splitlines(keepends=True)]
        return [line[1] if line else "not a line of the log" for line in found]


class Log:
    """A log of its own, which no other test sees."""

    def __init__(self, terminal: Terminal, most: int) -> None:
        self.handler = QueuedLog(terminal, most)
        self.logger = logging.Logger("test")
        self.logger.addHandler(self.handler)


@pytest.fixture
def terminal() -> Terminal:
    return Terminal()


@pytest.fixture
def log(terminal: Terminal) -> Iterator[Log]:
    found = Log(terminal, 1000)
    yield found
    found.handler.close()


def test_each_record_is_a_line_in_its_order(terminal: Terminal, log: Log) -> None:
    for number in range(5):
        log.logger.warning("number %d", number)
    log.handler.close()
    assert terminal.lines == [f"WARNING number {number}" for number in range(5)]


def held(terminal: Terminal, log: Log) -> None:
    """Have the log wait for its reader."""
    terminal.is_held = True
    log.logger.info("first")
    terminal.await_write()
    terminal.is_held = False


def test_lines_that_wait_go_out_with_one_write(terminal: Terminal, log: Log) -> None:
    held(terminal, log)
    for number in range(5):
        log.logger.info("number %d", number)
    terminal.let_go_on()
    log.handler.close()
    assert terminal.lines == ["INFO first", *(f"INFO number {number}" for number in range(5))]
    assert terminal.writes == 2


@pytest.mark.parametrize("later", [[], ["later"]])
def test_more_than_may_wait_is_left_out_and_counted(terminal: Terminal, log: Log, later: list[str]) -> None:
    held(terminal, log)
    for text in (*["x" * 300] * 5, *later):
        log.logger.info(text)
    terminal.let_go_on()
    log.handler.close()
    left_out = "WARNING 3 further lines of the log were left out, as nobody read it for a while"
    told = ["INFO first", *2 * [f"INFO {'x' * 300}"], left_out, *(f"INFO {text}" for text in later)]
    assert terminal.lines == told


def test_the_log_goes_on_after_its_disk_was_full(terminal: Terminal, log: Log) -> None:
    terminal.is_held = terminal.is_full = True
    log.logger.info("one")
    terminal.await_write()
    log.logger.info("two")
    terminal.let_go_on()
    terminal.await_write()  # so the first write has failed
    terminal.is_held = terminal.is_full = False
    log.logger.info("three")
    terminal.let_go_on()
    log.handler.close()
    left_out = "WARNING 1 further lines of the log were left out, as nobody read it for a while"
    assert terminal.lines == ["INFO two", left_out, "INFO three"]


def test_what_is_written_makes_room_for_more(terminal: Terminal, log: Log) -> None:
    terminal.is_held = True
    for number in range(5):
        log.logger.info("%d", number)
        terminal.await_write()  # so what was written before counts no more
        log.logger.info("x" * 900)
        terminal.let_go_on()
        terminal.await_write()
        terminal.let_go_on()
    log.handler.close()
    assert terminal.lines == [f"INFO {text}" for number in range(5) for text in (number, "x" * 900)]


def test_a_message_that_does_not_fit_its_arguments_harms_nobody(
    terminal: Terminal, log: Log, capsys: pytest.CaptureFixture[str]
) -> None:
    log.logger.info("%d", "no number")
    log.logger.info("and on")
    log.handler.close()
    assert terminal.lines == ["INFO and on"]
    assert "no number" in capsys.readouterr().err


def test_an_end_waits_for_no_reader(monkeypatch: pytest.MonkeyPatch, terminal: Terminal, log: Log) -> None:
    monkeypatch.setattr("chatsrv.cli.logs.CLOSE_SECONDS", 0)
    held(terminal, log)
    log.handler.close()
    assert terminal.lines == []
    terminal.let_go_on()


@pytest.mark.skipif(not hasattr(fcntl, "F_SETPIPE_SZ"), reason="fills a pipe as Linux has it")
def test_a_server_whose_log_nobody_reads_serves_everybody_and_ends(tmp_path: Path) -> None:
    file = settings(tmp_path, "protocol: plain, host: 127.0.0.1, port: 0")
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as unread, os.fdopen(writer, "wb", buffering=0) as full:
        full.write(b"x" * fcntl.fcntl(full, fcntl.F_GETPIPE_SZ))
        command = [sys.executable, "-m", "chatsrv", "--config", str(file), "run"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=full, text=True) as server:
            try:
                address = listening(server)
                with login(address, "alice", "wonderland") as alice, login(address, "bob", "builder") as bob:
                    bob.sendall(b"hello\n")
                    read_until(alice, b"<bob> hello")
                    server.send_signal(signal.SIGTERM)
                    read_until(alice, b"The server is shutting down.")
                assert server.wait(DEADLINE_SECONDS) == 0
            finally:
                server.kill()
        full.close()
        assert set(unread.read()) == {ord("x")}
