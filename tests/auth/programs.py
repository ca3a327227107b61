"""Programs for the tests of chatsrv.auth.backends.program, from the documentation or a few lines, and how to ask them.

One thread uses what is here.
"""

import re
from pathlib import Path

import pytest

from chatsrv.auth.backend import LoginContext
from chatsrv.auth.backends.program import CommandBackend
from chatsrv.model.accounts import Account
from chatsrv.model.errors import AuthError

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
"""What every piece of Python begins with: `say` an answer, go on `forever`."""

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
"""Answers each login after the other, and misbehaves for some names."""


def program_of_the_page(name: str, directory: Path) -> str:
    """Write a program of the documentation to a file; return its path."""
    found = re.search(rf"<!-- program: {re.escape(name)} -->\n```\w+\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    assert found, f"docs/auth-programs.md has no program {name}"
    path = directory / name
    path.write_text(found[1])
    path.chmod(0o755)
    return str(path)


def ask(backend: CommandBackend, name: str = "alice", password: str = "wonderland") -> Account:
    """Log in."""
    return backend.authenticate(name, password, HERE)


def refusal(backend: CommandBackend, password: str = "wonderland") -> AuthError:
    """Log in, and return why that was refused."""
    with pytest.raises(AuthError) as caught:
        ask(backend, password=password)
    return caught.value
