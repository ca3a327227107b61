"""The Makefile: what it offers, and the one sentence for each machine on which it cannot work."""

import os
import re
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MAKE = shutil.which("make")
DEADLINE_SECONDS = 30

pytestmark = pytest.mark.skipif(MAKE is None, reason="there is no make here")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a directory where make finds the Makefile, plain tools, and no Python but what a test puts there."""
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path / name)
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in ("sh", "sed", "expand", "touch", "rm", "find", "test", "echo", "mv", "cat", "chmod"):
        if path := shutil.which(tool):
            (tools / tool).symlink_to(path)
    return tmp_path


def make(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run make in `checkout`."""
    environment = {"PATH": str(checkout / "tools"), "LC_ALL": "C"}
    return subprocess.run(
        [str(MAKE), *arguments],
        cwd=checkout,
        env=environment,
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )


def program(path: Path, text: str) -> None:
    """Write a shell script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def told(done: subprocess.CompletedProcess[str]) -> list[str]:
    """Return what make said on standard error, without its own last word."""
    return [line for line in done.stderr.splitlines() if not line.startswith("make: ***")]


def test_help_is_the_default_and_lists_all_targets(checkout: Path) -> None:
    done = make(checkout)
    assert done.returncode == 0
    text = (ROOT / "Makefile").read_text()
    phony = re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)
    assert phony
    targets = re.findall(r"^  (\w+) +\S", done.stdout, re.MULTILINE)
    assert sorted(targets) == sorted(phony[1].split())
    assert set(targets) >= {"help", "run", "test", "lint", "bench", "stress", "user", "docs", "clean"}


def test_no_python_is_told_in_one_sentence(checkout: Path) -> None:
    done = make(checkout, "run")
    assert done.returncode != 0
    (sentence,) = told(done)
    assert "needs Python 3.11 or newer, and there is no python3" in sentence
    assert "make run PYTHON=" in sentence


def test_a_python_too_old_is_told_in_one_sentence(checkout: Path) -> None:
    program(checkout / "tools" / "python3", '[ "$1" = --version ] && echo Python 3.9.18 && exit\nexit 1')
    done = make(checkout, "run")
    assert done.returncode != 0
    (sentence,) = told(done)
    assert "needs Python 3.11 or newer, and python3 is Python 3.9.18" in sentence
    assert "PYTHON=python3.12" in sentence


def test_another_python_is_taken_when_named(checkout: Path) -> None:
    program(checkout / "tools" / "python9", '[ "$1" = --version ] && echo Python 2.7.18 && exit\nexit 1')
    assert "python9 is Python 2.7.18" in make(checkout, "run", "PYTHON=python9").stderr


def test_a_missing_venv_module_is_told_in_one_sentence(checkout: Path) -> None:
    program(checkout / "tools" / "python3", 'case "$2" in *ensurepip*) exit 1;; esac\nexit 0')
    done = make(checkout, "run")
    assert done.returncode != 0
    (sentence,) = told(done)
    assert "lacks the module venv" in sentence
    assert "apt install python3-venv" in sentence


def test_a_failed_installation_is_told_and_tried_again(checkout: Path) -> None:
    program(checkout / ".venv" / "bin" / "python", 'case "$*" in *install*) echo no network >&2; exit 1;; esac')
    for _ in range(2):
        done = make(checkout, "run")
        assert done.returncode != 0
        assert told(done)[0] == "no network"
        assert "the first start needs a network" in told(done)[1]


def test_the_first_start_closes_the_accounts_to_others(checkout: Path) -> None:
    program(checkout / ".venv" / "bin" / "python", "exit 0")
    users = checkout / "config" / "users.yaml"
    users.parent.mkdir()
    users.write_text("alice: wonderland\n")
    users.chmod(0o644)
    make(checkout, "run")
    assert stat.S_IMODE(users.stat().st_mode) == 0o600


def test_the_second_start_installs_nothing(checkout: Path) -> None:
    program(checkout / ".venv" / "bin" / "python", f'echo "$@" >> {checkout}/calls')
    assert make(checkout, "run").returncode == 0
    assert make(checkout, "run", "CONFIG=my.yaml").returncode == 0
    calls = (checkout / "calls").read_text().splitlines()
    assert [call for call in calls if "install" in call] == [calls[1]]
    assert calls[-2:] == ["-m chatsrv --config config/chatsrv.yaml run", "-m chatsrv --config my.yaml run"]


def test_running_installs_no_tools_for_testing_and_testing_does(checkout: Path) -> None:
    program(checkout / ".venv" / "bin" / "python", f'echo "$@" >> {checkout}/calls')
    make(checkout, "run")
    assert "[dev]" not in (checkout / "calls").read_text()
    make(checkout, "test")
    assert ".[dev]" in (checkout / "calls").read_text()


def test_a_new_dependency_is_installed(checkout: Path) -> None:
    program(checkout / ".venv" / "bin" / "python", f'echo "$@" >> {checkout}/calls')
    make(checkout, "run")
    later = (checkout / ".venv" / "installed").stat().st_mtime + 1
    os.utime(checkout / "pyproject.toml", (later, later))
    make(checkout, "run")
    assert (checkout / "calls").read_text().count("pip install") == 2


def test_a_user_without_a_name_is_asked_for_one(checkout: Path) -> None:
    program(checkout / ".venv" / "bin" / "python", "exit 0")
    done = make(checkout, "user")
    assert done.returncode != 0
    assert told(done) == ["Say who: make user NAME=alice"]


def test_the_python_of_these_tests_would_do(checkout: Path) -> None:
    (checkout / "tools" / "python3").symlink_to(sys.executable)
    done = make(checkout, "--dry-run", "run")
    assert done.returncode == 0
