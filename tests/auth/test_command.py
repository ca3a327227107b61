"""Behaviour of chatsrv.auth.backends.program, with real programs: good ones from the documentation, and bad ones."""

import json
import os
import re
import sys
from ipaddress import ip_network
from pathlib import Path

import pytest

from chatsrv.auth.backend import LoginContext
from chatsrv.auth.backends.program import CommandBackend
from chatsrv.model.accounts import Account, Role
from chatsrv.model.errors import AccountsError, Denied, Unavailable, UnknownUser
from chatsrv.settings import CommandAuth
from chatsrv.testing.auth import AuthBackendContract
from tests.auth.programs import PAGE, ask, program_of_the_page, refusal
from tests.peer import DEADLINE_SECONDS

OPTIONS = {"processes": 4, "keep_running": False, "answer_seconds": DEADLINE_SECONDS}


class TestProgramThatKeepsRunning(AuthBackendContract):
    keep_running = True

    @pytest.fixture(autouse=True)
    def make_program(self, tmp_path):
        self.program = program_of_the_page("accounts.py", tmp_path)

    def make_backend(self):
        command = [sys.executable, "-S", self.program]
        return CommandBackend(command, processes=4, keep_running=self.keep_running, answer_seconds=DEADLINE_SECONDS)


class TestProgramForEachLogin(TestProgramThatKeepsRunning):
    keep_running = False


def test_the_doorkeeper_of_the_page_knows_nobody_and_can_close_the_house(tmp_path):
    closed = tmp_path / "closed"
    backend = CommandBackend([program_of_the_page("doorkeeper.sh", tmp_path), str(closed)], **OPTIONS)
    with pytest.raises(UnknownUser, match=r"says unknown to 'alice': no reason"):
        ask(backend)
    closed.touch()
    with pytest.raises(Denied, match="says denied to 'alice': 'the house is closed'"):
        ask(backend)
    backend.close()


def test_the_question_of_the_page_is_the_one_that_is_asked(run, tmp_path):
    shown = json.loads(re.search(r'^\{"id".*$', PAGE, re.MULTILINE)[0])
    asked = tmp_path / "asked"
    backend = run(f"open({str(asked)!r}, 'w').write(sys.stdin.readline())\nsay(result='unknown')")
    assert isinstance(refusal(backend), UnknownUser)
    expected = {"id": 1, "address": "192.0.2.1", "port": 40000, "encrypted": True}
    assert json.loads(asked.read_text()) == {**shown, **expected}


def test_a_password_that_preparing_has_changed_is_asked_about_in_both_forms(run, tmp_path):
    seen = tmp_path / "seen"
    backend = run(f"line = sys.stdin.readline()\nopen({str(seen)!r}, 'w').write(line)\nsay(result='ok')")
    context = LoginContext("192.0.2.1", as_sent="sword\u00a0fish")
    backend.authenticate("alice", "sword fish", context)
    question = json.loads(seen.read_text())
    assert (question["password"], question["as_sent"]) == ("sword fish", "sword\u00a0fish")


def test_the_account_is_the_one_that_the_program_describes(run):
    backend = run("say(result='ok', name='Alice', role='moderator', **{'from': ['10.0.0.0/8', '::1']})")
    assert ask(backend) == Account("Alice", Role.MODERATOR, (ip_network("10.0.0.0/8"), ip_network("::1")))


def test_without_a_name_it_is_the_user_name(run):
    assert ask(run("say(result='ok')")) == Account("alice")


def test_a_program_that_cannot_tell_makes_the_login_unavailable(run):
    error = refusal(run("say(result='unavailable', reason='the directory is down')"))
    assert isinstance(error, Unavailable)
    assert str(error).endswith("says unavailable to 'alice': 'the directory is down'")


def test_a_missing_program_is_told_at_the_start(tmp_path):
    for program in ("no-such-program-here", str(tmp_path / "none"), ""):
        with pytest.raises(AccountsError, match=r"there is no program .*; accepted is a program that this user may"):
            CommandBackend([program], **OPTIONS)
    with pytest.raises(AccountsError, match=r" is a directory; accepted is a program that this user may execute"):
        CommandBackend([str(tmp_path)], **OPTIONS)


def test_a_program_that_may_not_be_executed_is_told_with_its_remedy(tmp_path, monkeypatch):
    program = tmp_path / "check login"
    program.touch(mode=0o644)
    monkeypatch.setenv("PATH", str(tmp_path))
    for named in (str(program), program.name):
        with pytest.raises(AccountsError) as told:
            CommandBackend([named], **OPTIONS)
        assert str(told.value).startswith("this user may not execute '")
        assert str(told.value).endswith(f"'; make it executable: chmod +x '{program}'")


def test_a_program_that_vanished_makes_logins_unavailable_until_it_is_back(tmp_path):
    program = Path(program_of_the_page("accounts.py", tmp_path))
    backend = CommandBackend([str(program)], processes=1, keep_running=False, answer_seconds=DEADLINE_SECONDS)
    program.rename(tmp_path / "away")
    assert "cannot be started: No such file" in str(refusal(backend))
    (tmp_path / "away").rename(program)
    assert ask(backend)
    backend.close()


ONE_SHOT = [
    ("print('hello')", "failed: its answer is no JSON; expected is one line such as {"),
    ("print('[' * 60000)", "is no JSON"),
    ("print('1' * 60000)", "is no JSON"),
    ("print('[1]')", "its answer is a list; expected is a mapping"),
    ("print('null')", "its answer is empty; expected is a mapping"),
    ("print('{\"result\": \"denied\", \"result\": \"ok\"}')", "is no JSON"),
    ("sys.stdout.buffer.write(b'\\xff\\0\\n')", "is no JSON"),
    ("print()", "is no JSON"),
    ("say(result='yes')", "its answer has no usable result; accepted are ok, unknown, denied, unavailable; it wrote"),
    ("say(result=True)", "no usable result"),
    ("say(ok=True)", "has a key that is unknown; accepted are result, id"),
    ("say(result='ok', form=['::1'])", "has a key that is unknown"),
    ("say(result='ok', name='a b')", "no usable name; a name has 1 to"),
    ("say(result='ok', name=7)", "no usable name"),
    ("say(result='ok', role='king')", "no usable role; accepted are admin, moderator, member"),
    ("say(result='ok', **{'from': 'here'})", "no usable from; accepted is a list of networks"),
    ("say(result='ok', **{'from': []})", "no usable from"),
    ("say(result='denied', reason=7)", "reason that is no text"),
    ("", "failed: it ended with exit code 0 without an answer"),
    ("sys.exit(3)", "it ended with exit code 3 without an answer"),
    ("os.kill(os.getpid(), 9)", "it was ended by signal 9 without an answer"),
    ("os.close(1); forever()", "it closed its output without an answer"),
    ("say(result='ok')\nsay(result='ok')", "it answered twice"),
    ("say(result='ok')\nsys.exit(1)", "it answered, but ended with exit code 1"),
    ("while True: sys.stdout.write('x' * 65536)", "its answer is longer than 65536 bytes"),
    ("raise OSError('no route')", "exit code 1 without an answer; its last words on standard error: 'Traceback"),
]  # fmt: skip


@pytest.mark.parametrize(("code", "told"), ONE_SHOT, ids=[code[:40] for code, _ in ONE_SHOT])
def test_a_program_that_misbehaves_refuses_one_login_in_one_line(run, code, told):
    error = refusal(run(f"sys.stdin.readline()\n{code}"))
    assert isinstance(error, Unavailable)
    assert told in str(error)
    assert len(str(error).splitlines()) == 1
    assert len(str(error)) < 1000


def test_the_cause_on_standard_error_is_told(run):
    assert "OSError: no route" in str(refusal(run("raise OSError('no route')")))


@pytest.mark.parametrize("keep_running", [False, True])
def test_a_program_that_never_answers_is_killed_with_all_it_started(run, tmp_path, keep_running):
    started = tmp_path / "started"
    code = f"""
child = os.fork()
if child:
    open({str(started)!r}, "w").write(f"{{os.getpid()}} {{child}}")
forever()
"""
    backend = run(code, answer_seconds=0.5, keep_running=keep_running)
    assert "it gave no answer in time" in str(refusal(backend))
    if started.exists():  # else the machine was too slow to get there
        leader, _ = map(int, started.read_text().split())
        with pytest.raises(ProcessLookupError):
            os.kill(leader, 0)


def test_a_program_that_answers_and_does_not_end_is_killed(run):
    code = "say(result='ok')\nforever()"
    assert re.search(
        "it answered, but did not end in time|no answer in time", str(refusal(run(code, answer_seconds=1)))
    )


def test_a_program_need_not_read_the_question(run):
    assert ask(run("sys.stdin.close()\nsay(result='ok')"))


def test_the_page_has_the_defaults_of_the_settings():
    shown = dict(re.findall(r"^\| `(\w+)` \| ([\w.]+) \|", PAGE, re.MULTILINE))
    fields = CommandAuth.model_fields
    assert shown == {name: f"{fields[name].default}".lower().removesuffix(".0") for name in shown}
    assert {"processes", "keep_running", "answer_seconds"} == set(shown)
