"""Accounts that a program of the administrator's knows: it reads one line of JSON, and writes one.

docs/auth-programs.md describes both lines. Never puts a password on a command line, into an environment or into a log.
Any thread may call a `CommandBackend`: each login has a process for itself, and no lock is held while it works.
"""

import itertools
import json
import logging
import os
import shutil
import signal
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from shlex import quote
from typing import Any

from chatsrv.auth.backend import AuthBackend, LoginContext
from chatsrv.auth.backends.process import Process, ProgramFailed
from chatsrv.auth.record import kind_of, read_record, shown
from chatsrv.model.accounts import Account
from chatsrv.model.errors import AccountsError, Denied, Unavailable, UnknownUser

_logger = logging.getLogger(__name__)

_END_SECONDS = 2.0  # between SIGTERM and SIGKILL, at the close
_LATE_LOGINS = 8  # of one process, about which it may still complain; what it says while idle is not kept anyway
_LONGEST_REASON = 300  # characters of a program's words that a log line shows

_REFUSALS = {"unknown": UnknownUser, "denied": Denied, "unavailable": Unavailable}
_RESULTS = ("ok", *_REFUSALS)
_KEYS = ("result", "id", "name", "role", "from", "reason")


class CommandBackend(AuthBackend):
    """Asks the program that `command` starts: its path or name, and its arguments. No shell is involved.

    At most `processes` are at work at once; a login waits for its turn and its answer for `answer_seconds` together.
    Each login starts a process of its own, unless `keep_running`: then a process answers one login after the other.

    Raises:
        AccountsError: there is no such program, or this user may not execute it.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        processes: int,
        keep_running: bool,
        answer_seconds: float,
    ) -> None:
        if not command or shutil.which(command[0]) is None:
            raise AccountsError(_why_not(command[0] if command else ""))
        self._command = tuple(command)
        self._processes_most = processes
        self._keep_running = keep_running
        self._answer_seconds = answer_seconds
        self._numbers = itertools.count(1)
        self._changed = threading.Condition()  # guards the fields below
        self._idle: list[Process] = []
        self._busy: set[Process] = set()
        self._starting = 0
        self._is_closed = False
        # What was typed in the latest logins of each process: it may complain late, and quote it.
        self._secrets: dict[Process, deque[tuple[str, str]]] = {}

    def authenticate(self, username: str, password: str, context: LoginContext) -> Account:
        """See `AuthBackend.authenticate`."""
        until = time.monotonic() + self._answer_seconds
        number = next(self._numbers)
        question: dict[str, object] = {
            "id": number,
            "username": username,
            "password": password,
            "address": context.address,
            "port": context.port,
            "listener": context.listener,
            "encrypted": context.is_encrypted,
        }
        if context.as_sent:
            question["as_sent"] = context.as_sent
        process = self._take((password, context.as_sent), until)
        is_good, said = False, ""
        try:
            line = process.ask(json.dumps(question).encode() + b"\n", until, is_last=not self._keep_running)
            said = line.decode(errors="replace")
            answer = _read(line, number if self._keep_running else None)
            account = _account(answer, username) if answer["result"] == "ok" else None
            because = self._fit(answer["reason"], process) if answer.get("reason") else "no reason"
            is_good = True
        except ProgramFailed as error:
            wrote = f"; it wrote {self._fit(said, process)}" if said else ""
            told = process.told()
            complained = f"; its last words on standard error: {self._fit(told, process)}" if told else ""
            raise Unavailable(f"the program {shown(self._command[0])} failed: {error}{wrote}{complained}") from None
        finally:
            if is_good and (told := process.told()):
                _logger.warning(
                    "the program %s wrote to standard error: %s", self._command[0], self._fit(told, process)
                )
            self._give_back(process, is_fit=is_good and self._keep_running)
        if account is None:
            said = f"the program {shown(self._command[0])} says {answer['result']} to {shown(username)}: {because}"
            raise _REFUSALS[answer["result"]](said)
        return account

    def close(self) -> None:
        """See `AuthBackend.close`. Ends all processes; a login under way is told that it is unavailable."""
        with self._changed:
            self._is_closed = True
            idle, self._idle = self._idle, []
            self._changed.notify_all()
            for process in (*idle, *self._busy):
                process.signal_end(signal.SIGTERM)
        until = time.monotonic() + _END_SECONDS
        for process in idle:
            self._end(process, max(0.0, until - time.monotonic()))
        with self._changed:
            self._changed.wait_for(lambda: not self._busy and not self._starting, max(0.0, until - time.monotonic()))
            for process in self._busy:
                process.signal_end(signal.SIGKILL)
            self._changed.wait_for(lambda: not self._busy and not self._starting, _END_SECONDS)

    def _take(self, typed: tuple[str, str], until: float) -> Process:
        """Return a process for this login alone: an idle one, or a new one as soon as there may be another."""
        while True:
            with self._changed:
                if not self._changed.wait_for(self._may_take_locked, until - time.monotonic()):
                    raise Unavailable(
                        f"all {self._processes_most} processes of {shown(self._command[0])} are busy with other logins"
                    )
                if self._is_closed:
                    raise Unavailable("the server is about to stop")
                process = self._idle.pop() if self._idle else None
                if process is None:
                    self._starting += 1
                    break
                self._busy.add(process)
                self._secrets[process].append(typed)
            if not (why := process.why_unfit()):
                process.told()  # about logins long past
                return process
            _logger.warning("a process of %s is replaced: %s", self._command[0], why)
            self._give_back(process, is_fit=False)
        started = None
        try:
            started = Process(self._command)
        except OSError as error:
            name = shown(self._command[0])
            raise Unavailable(f"the program {name} cannot be started: {error.strerror or error}") from error
        finally:
            with self._changed:
                self._starting -= 1
                if started is not None:
                    self._busy.add(started)
                    self._secrets[started] = deque([typed], maxlen=_LATE_LOGINS)
                    if self._is_closed:
                        started.signal_end(signal.SIGTERM)
                self._changed.notify_all()
        return started

    def _may_take_locked(self) -> bool:
        return self._is_closed or bool(self._idle) or len(self._busy) + self._starting < self._processes_most

    def _give_back(self, process: Process, *, is_fit: bool) -> None:
        with self._changed:
            if is_fit and not self._is_closed:
                self._busy.remove(process)
                self._idle.append(process)
                self._changed.notify()
                return
        self._end(process, 0)  # a place in the pool is free only when the process is gone
        with self._changed:
            self._busy.discard(process)
            self._secrets.pop(process, None)
            self._changed.notify()

    def _end(self, process: Process, within_seconds: float) -> None:
        if not process.end(within_seconds):
            _logger.error("a process of %s does not end, though it was killed", self._command[0])

    def _fit(self, told: str, process: Process) -> str:
        """Return the end of what a program wrote as a log line may show it: not at all if a password may be in it."""
        with self._changed:
            secrets = [secret for typed in self._secrets[process] for secret in typed if secret]
        # Blotting out the password alone would tell a short one by the holes.
        if any(form in told for secret in secrets for form in _forms(secret)):
            return "(not shown: it holds what was typed as a password)"
        return ascii(told[-_LONGEST_REASON:]) if not told.isprintable() else repr(told[-_LONGEST_REASON:])


def _forms(secret: str) -> list[str]:
    """Return how a program may quote a password: as it is, as in JSON, as in Python."""
    written = [secret, ascii(secret)[1:-1], json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]]
    return [form for form in (*written, *(repr(form)[1:-1] for form in written)) if form]


def _why_not(program: str) -> str:
    """Return why a program cannot be started, and what to do."""
    found = Path(program) if os.sep in program else Path(shutil.which(program, mode=os.F_OK) or "")
    if program and found.is_file():
        return f"this user may not execute {shown(str(found))}; make it executable: chmod +x {quote(str(found))}"
    if program and os.sep in program and found.is_dir():
        return f"{shown(program)} is a directory; accepted is a program that this user may execute"
    return f"there is no program {shown(program)}; accepted is a program that this user may execute"


def _read(line: bytes, number: int | None) -> Mapping[str, Any]:
    """Return the answer in `line`; to the question of that number, if there is one."""
    try:
        answer = json.loads(line, object_pairs_hook=_each_once)
    except (ValueError, RecursionError):
        raise ProgramFailed("its answer is no JSON; expected is one line such as " + '{"result": "ok"}') from None
    if not isinstance(answer, dict):
        raise ProgramFailed(f"its answer is {kind_of(answer)}; expected is a mapping such as " + '{"result": "ok"}')
    # Nothing is overlooked: a `form` instead of a `from` would open an account to every network.
    if not answer.keys() <= set(_KEYS):
        raise ProgramFailed(f"its answer has a key that is unknown; accepted are {', '.join(_KEYS)}")
    result = answer.get("result")
    if not isinstance(result, str) or result not in _RESULTS:
        raise ProgramFailed(f"its answer has no usable result; accepted are {', '.join(_RESULTS)}")
    if not isinstance(answer.get("reason", ""), str):
        raise ProgramFailed("its answer has a reason that is no text")
    # Late words about one login must never pass for the answer about another.
    if number is not None and (type(answer.get("id")) is not int or answer["id"] != number):
        raise ProgramFailed("its answer does not have the id of the question")
    return answer


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("a key stands there twice")
    return dict(pairs)


def _account(answer: Mapping[str, Any], username: str) -> Account:
    found: list[str] = []

    def report(key: str | None, what: str, value: str, accepted: str) -> None:  # noqa: ARG001
        found.append(f"its answer has no usable {key or 'name'}; {accepted}")

    value = {"password": "-", **{key: answer[key] for key in ("role", "from") if key in answer}}
    read = read_record(answer.get("name", username), value, report)
    if read is None:
        raise ProgramFailed(found[0])
    return read[1].account
