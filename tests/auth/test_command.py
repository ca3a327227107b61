"""Behaviour of chatsrv.auth.command, with real programs: good ones from the documentation, and bad ones."""

import json
import logging
import os
import re
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_network
from pathlib import Path

import pytest

from chatsrv.accounts import Account, Role
from chatsrv.auth.backend import LoginContext
from chatsrv.auth.command import CommandBackend
from chatsrv.errors import AccountsError, AuthError, Denied, Unavailable, UnknownUser
from chatsrv.settings import CommandAuth
from chatsrv.testing.auth import AuthBackendContract
from tests.peer import DEADLINE_SECONDS

HERE = LoginContext("192.0.2.1", 40000, "plain", is_encrypted=True)
PAGE = (Path(__file__).parents[2] / "docs" / "auth-programs.md").read_text()
HELLO = """
import json, os, sys, time
def say(**answer):
    print(json.dumps(answer), flush=True)
def forever():
    sys.stdin.read()
    while True:
        time.sleep(1000)
"""


def program_of_the_page(name: str, directory: Path) -> str:
    """Write a program of the documentation to a file; return its path."""
    found = re.search(rf"<!-- program: {re.escape(name)} -->\n```\w+\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    assert found, f"docs/auth-programs.md has no program {name}"
    path = directory / name
    path.write_text(found[1])
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def run(tmp_path):
    """Make backends of pieces of Python, and close them in the end."""
    backends = []

    def make(code: str, **options) -> CommandBackend:
        path = tmp_path / f"program{len(backends)}.py"
        path.write_text(HELLO + code)
        options.setdefault("answer_seconds", DEADLINE_SECONDS)
        backends.append(CommandBackend([sys.executable, "-S", str(path)], **options))
        return backends[-1]

    yield make
    for backend in backends:
        backend.close()
    with pytest.raises(ChildProcessError):  # no zombie: this process has no child left at all
        os.waitpid(-1, os.WNOHANG)


def ask(backend, name="alice", password="wonderland"):
    return backend.authenticate(name, password, HERE)


def refusal(backend, password="wonderland") -> AuthError:
    with pytest.raises(AuthError) as caught:
        ask(backend, password=password)
    return caught.value


class TestProgramThatKeepsRunning(AuthBackendContract):
    keep_running = True

    @pytest.fixture(autouse=True)
    def make_program(self, tmp_path):
        self.program = program_of_the_page("accounts.py", tmp_path)

    def make_backend(self):
        command = [sys.executable, "-S", self.program]
        return CommandBackend(command, keep_running=self.keep_running, answer_seconds=DEADLINE_SECONDS)


class TestProgramForEachLogin(TestProgramThatKeepsRunning):
    keep_running = False


def test_the_doorkeeper_of_the_page_knows_nobody_and_can_close_the_house(tmp_path):
    closed = tmp_path / "closed"
    backend = CommandBackend([program_of_the_page("doorkeeper.sh", tmp_path), str(closed)])
    with pytest.raises(UnknownUser, match=r"says unknown to 'alice': no reason"):
        ask(backend)
    closed.touch()
    with pytest.raises(Denied, match=r"doorkeeper.sh' says denied to 'alice': 'the house is closed'"):
        ask(backend)
    backend.close()


def test_the_question_of_the_page_is_the_one_that_is_asked(run, tmp_path):
    shown = json.loads(re.search(r'^\{"id".*$', PAGE, re.MULTILINE)[0])
    asked = tmp_path / "asked"
    backend = run(f"open({str(asked)!r}, 'w').write(sys.stdin.readline())\nsay(result='unknown')")
    assert isinstance(refusal(backend), UnknownUser)
    expected = {"id": 1, "address": "192.0.2.1", "port": 40000, "encrypted": True}
    assert json.loads(asked.read_text()) == {**shown, **expected}


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
    (tmp_path / "plain.txt").touch()
    for program in ("no-such-program-here", str(tmp_path / "none"), str(tmp_path / "plain.txt"), str(tmp_path)):
        with pytest.raises(AccountsError, match=r"there is no program .*; accepted is a program that this user may"):
            CommandBackend([program])


def test_a_program_that_vanished_makes_logins_unavailable_until_it_is_back(tmp_path):
    program = Path(program_of_the_page("accounts.py", tmp_path))
    backend = CommandBackend([str(program)], processes=1, answer_seconds=DEADLINE_SECONDS)
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


ECHO = """
for number, line in enumerate(sys.stdin):
    question = json.loads(line)
    match question["username"]:
        case "die":
            sys.exit(7)
        case "garbage":
            print("pardon?", flush=True)
        case "twice":
            print(json.dumps({"id": question["id"], "result": "ok"}) * 1 + "\\n{}", flush=True)
        case "old":
            say(id=question["id"] - 1, result="ok")
        case "true":
            say(id=True, result="ok")
        case "none":
            say(result="ok")
        case "stop":
            os.close(1)
            forever()
        case "flood":
            sys.stderr.write("x" * 1000000)
            say(id=question["id"], result="denied", reason="after a flood")
        case _:
            say(id=question["id"], result="ok", name=f"process-{os.getpid()}-{number}")
"""


def test_a_process_that_keeps_running_answers_one_login_after_the_other(run):
    backend = run(ECHO, keep_running=True, processes=1)
    first, second, third = (ask(backend).name for _ in range(3))
    assert [first.split("-")[2], second.split("-")[2], third.split("-")[2]] == ["0", "1", "2"]
    assert first.split("-")[1] == third.split("-")[1]


@pytest.mark.parametrize("evil", ["die", "garbage", "twice", "old", "none", "stop"])
def test_a_process_that_misbehaves_is_replaced(run, evil):
    backend = run(ECHO, keep_running=True, processes=1)
    before = ask(backend).name.split("-")[1]
    with pytest.raises(Unavailable):
        ask(backend, evil)
    with pytest.raises(ProcessLookupError):
        os.kill(int(before), 0)
    after = ask(backend).name.split("-")
    assert after[1] != before
    assert after[2] == "0"


def test_the_id_is_a_number_and_that_of_the_question(run):
    backend = run(ECHO, keep_running=True, processes=1)
    with pytest.raises(Unavailable, match="does not have the id of the question"):
        ask(backend, "true")  # the first id is 1, and True equals 1


def test_a_flood_on_standard_error_holds_up_nobody_and_is_one_line(run, caplog):
    backend = run(ECHO, keep_running=True, processes=1)
    with pytest.raises(Denied, match="after a flood"):
        ask(backend, "flood")
    assert ask(backend)
    (line,) = [record.getMessage() for record in caplog.records if "standard error" in record.getMessage()] or [""]
    assert len(line) < 1000


def test_a_process_that_ended_while_idle_is_replaced_unnoticed(run, tmp_path, caplog):
    ended = tmp_path / "ended"
    code = f"""
question = json.loads(sys.stdin.readline())
read, write = os.pipe()
if not os.path.exists({str(ended)!r}):
    os.mkfifo({str(ended)!r})
    say(id=question["id"], result="ok")
    sys.exit(4)
say(id=question["id"], result="ok")
sys.stdin.read()
"""
    backend = run(code, keep_running=True, processes=1)
    ask(backend)
    os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
    caplog.clear()
    ask(backend)
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.endswith("is replaced: it ended with exit code 4 while it was idle")


@pytest.mark.parametrize("password", ['hunter22 ünd "so" \\ on', "a", "\ud800x"])
@pytest.mark.parametrize(
    "leak",
    [
        "sys.stderr.write(ascii(json.loads(line)['password']) + '\\n')",
        "sys.stderr.write(line)",
        "raise ValueError(line)",
        "print(line, end='')",
        "say(result='denied', reason='not ' + json.loads(line)['password'])",
        "say(result='ok', role=json.loads(line)['password'])",
        "say(**{json.loads(line)['password']: 1})",
        "sys.stderr.write(line); say(result='unknown')",
    ],
)
def test_a_password_that_the_program_quotes_is_in_no_log_and_no_error(run, caplog, password, leak):
    caplog.set_level(logging.DEBUG)
    backend = run(f"line = sys.stdin.readline()\n{leak}")
    told = [str(refusal(backend, password)), *(record.getMessage() for record in caplog.records)]
    forms = [password, json.dumps(password)[1:-1], repr(password)[1:-1], ascii(password)[1:-1]]
    if len(password) > 1:
        assert not any(form in text for form in forms for text in told), told
    if "x" not in password:
        assert any("(not shown: it holds what was typed as a password)" in text for text in told), told


def test_half_a_password_on_standard_error_is_in_no_log_nor_is_its_other_half(run, caplog):
    code = """
for line in sys.stdin:
    question = json.loads(line)
    sys.stderr.write("and so on\\nwon" if question["id"] == 1 else "derland\\nall is well\\n")
    sys.stderr.flush()
    say(id=question["id"], result="ok")
"""
    backend = run(code, keep_running=True, processes=1)
    ask(backend)
    ask(backend, password="another")
    first, second = (record.getMessage() for record in caplog.records)
    assert first.endswith("'and so on'")
    assert second.endswith("'all is well'")
    sentence = str(refusal(run("sys.stderr.write('why\\nbad password: wonder')")))
    assert sentence.endswith("'why'")


def test_what_an_idle_process_says_about_an_older_login_is_in_no_log(run, tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    go, told = tmp_path / "go", tmp_path / "told"
    os.mkfifo(go)
    os.mkfifo(told)
    code = f"""
for line in sys.stdin:
    question = json.loads(line)
    say(id=question["id"], result="denied")
    if question["username"] == "alice":
        open({str(go)!r}).read()
        sys.stderr.write("alice typed " + question["password"] + "\\nand more\\n")
        sys.stderr.flush()
        open({str(told)!r}, "w").close()
"""
    backend = run(code, keep_running=True, processes=1)
    with pytest.raises(Denied):
        ask(backend)
    go.write_bytes(b"")
    told.read_bytes()
    with pytest.raises(Denied):
        ask(backend, "carol", "another")
    assert caplog.records == []


def test_what_a_process_says_late_is_held_against_its_own_older_logins(run, caplog):
    code = """
typed = []
for line in sys.stdin:
    question = json.loads(line)
    typed.append(question["password"])
    if len(typed) == 6:
        sys.stderr.write("the first one typed " + typed[0] + "\\n")
        sys.stderr.flush()
    say(id=question["id"], result="ok")
"""
    backend = run(code, keep_running=True, processes=1)
    for number in range(6):
        ask(backend, password=f"{number} wonderland")
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.endswith("(not shown: it holds what was typed as a password)")


def test_the_password_is_neither_in_the_arguments_nor_in_the_environment(run):
    code = "say(result='denied', reason=str('hush-hush' in str(sys.argv) + str(os.environ)))"
    assert str(refusal(run(code), "hush-hush")).endswith("'False'")


def test_a_program_inherits_its_three_descriptors_alone(run):
    reader, writer = os.pipe()
    os.set_inheritable(writer, True)
    try:
        code = "say(result='denied', reason=str(sorted(map(int, os.listdir('/dev/fd')))[:-1]))"
        assert str(refusal(run(code))).endswith("'[0, 1, 2]'")
    finally:
        os.close(reader)
        os.close(writer)


@pytest.mark.parametrize("keep_running", [False, True])
def test_many_threads_share_few_processes_and_one_bad_login_spoils_no_other(run, keep_running):
    backend = run(ECHO, keep_running=keep_running, processes=3)
    names = [f"user{number}" for number in range(20)] + ["die", "garbage"] * 3

    def login(name):
        try:
            return ask(backend, name).name.startswith("process-")
        except Unavailable:
            return name in ("die", "garbage")

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(login, names))


def test_a_login_that_finds_all_processes_busy_is_told_so(run, tmp_path):
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    code = f"""
line = sys.stdin.readline()
if '"slow"' in line:
    open({str(gate)!r}).read()
say(result="ok")
"""
    backend = run(code, processes=1)
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(ask, backend, "slow")
        with gate.open("w"):  # returns when the program is there
            backend._answer_seconds = 0.01
            with pytest.raises(Unavailable, match=r"all 1 processes of .* are busy with other logins"):
                ask(backend)
        assert slow.result(DEADLINE_SECONDS) == Account("slow")


def test_close_ends_what_runs_and_tells_who_waits(run, tmp_path):
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    backend = run(f"open({str(gate)!r}, 'w').close()\nforever()", processes=1)
    answers = []
    thread = threading.Thread(target=lambda: answers.append(refusal(backend)))
    thread.start()
    gate.read_bytes()
    backend.close()
    thread.join(DEADLINE_SECONDS)
    assert "it was ended by signal 15 without an answer" in str(answers[0])
    assert "about to stop" in str(refusal(backend))


def test_close_kills_a_program_that_will_not_end(run, monkeypatch):
    monkeypatch.setattr("chatsrv.auth.command._END_SECONDS", 0.1)
    code = """
import signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
question = json.loads(sys.stdin.readline())
say(id=question["id"], result="ok", name=f"process-{os.getpid()}")
forever()
"""
    backend = run(code, keep_running=True)
    process = int(ask(backend).name.split("-")[1])
    backend.close()
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_the_page_has_the_defaults_of_the_settings():
    shown = dict(re.findall(r"^\| `(\w+)` \| ([\w.]+) \|", PAGE, re.MULTILINE))
    fields = CommandAuth.model_fields
    assert shown == {name: f"{fields[name].default}".lower().removesuffix(".0") for name in shown}
    assert {"processes", "keep_running", "answer_seconds"} == set(shown)
