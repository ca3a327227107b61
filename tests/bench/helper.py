"""A process of the benchmark's that works beside the generator, so that its work does not delay what is measured.

It says `ready`, does one thing for each line that it gets, and answers each with one line. One thread on either side.
"""

import select
import subprocess
import sys
from pathlib import Path
from typing import Self

from bench.clients import LoadError
from bench.machine import end_after, raise_open_files_limit
from bench.plan import Plan

START_SECONDS = 20.0


def prepare(text: str) -> Plan:
    """Begin in the helper's process: give the plan, and end the process when its time is over."""
    plan = Plan.from_json(text)
    raise_open_files_limit()
    end_after(plan.limit_seconds)
    print("ready", flush=True)
    return plan


def told() -> list[str]:
    """Wait in the helper's process for the next line, and give its words; end the process when nobody is there."""
    line = sys.stdin.readline()
    if not line:
        sys.exit(1)
    return line.split()


class Helper:
    """The process that `python tests/bench ENTRY PLAN` is, ready to begin, while the `with` block lasts."""

    def __init__(self, entry: str, plan: Plan) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).parent), entry, plan.as_json()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in, self._out = self._process.stdin, self._process.stdout
        self._poll = select.poll()
        self._poll.register(self._out, select.POLLIN)
        self._entry = entry
        self.pid = self._process.pid

    def __enter__(self) -> Self:
        if not self._poll.poll(START_SECONDS * 1000) or not self._out.readline():
            self.__exit__()
            raise LoadError(f"the process of the {self._entry} did not start")
        return self

    def tell(self, line: str) -> None:
        """Let it do the next thing."""
        self._in.write(line.encode() + b"\n")
        self._in.flush()

    def has_answered(self) -> bool:
        """Whether it has done what it was told last, or has ended."""
        return bool(self._poll.poll(0))

    def answer(self) -> str:
        """Wait until it has done what it was told last, and give what it says about that.

        Raises:
            LoadError: it ended.
        """
        line = self._out.readline()
        if not line:
            raise LoadError(f"the process of the {self._entry} ended before it had answered")
        return line.decode().strip()

    def ask(self, line: str) -> str:
        """Let it do something, and wait for what it says about that."""
        self.tell(line)
        return self.answer()

    def __exit__(self, *_exception: object) -> None:
        self._process.kill()
        self._process.wait()
        self._in.close()
        self._out.close()
