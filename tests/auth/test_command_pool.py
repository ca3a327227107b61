"""Programs that answer several logins, also at once: who is replaced, who waits, and how all of it ends."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from chatsrv.model.accounts import Account
from chatsrv.model.errors import Unavailable
from tests.auth.programs import ECHO, ask, refusal
from tests.peer import DEADLINE_SECONDS


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
    monkeypatch.setattr("chatsrv.auth.backends.program._END_SECONDS", 0.1)
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
