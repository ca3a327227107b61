"""What programs say beside their answers: a line of it reaches the log, and never a password."""

import json
import logging
import os

import pytest

from chatsrv.auth.backend import LoginContext
from chatsrv.model.errors import Denied
from tests.auth.programs import ECHO, ask, refusal


def test_a_flood_on_standard_error_holds_up_nobody_and_is_one_line(run, caplog):
    backend = run(ECHO, keep_running=True, processes=1)
    with pytest.raises(Denied, match="after a flood"):
        ask(backend, "flood")
    assert ask(backend)
    (line,) = [record.getMessage() for record in caplog.records if "standard error" in record.getMessage()] or [""]
    assert len(line) < 1000


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


def test_neither_form_of_a_password_that_preparing_has_changed_is_in_the_log(run, caplog):
    backend = run("line = json.loads(sys.stdin.readline())\nsay(result='denied', reason=line['as_sent'])")
    with pytest.raises(Denied, match="not shown: it holds what was typed as a password"):
        backend.authenticate("alice", "sword fish", LoginContext("192.0.2.1", as_sent="sword\u00a0fish"))
    assert "fish" not in caplog.text


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
