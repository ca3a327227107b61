"""What the pages claim and a test can check: links, files, modules, lock ranks, words, commands, and the example.

Reads README.md and docs; runs the README's example in a process of its own.
"""

import importlib
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import chatsrv
from chatsrv.cli import main
from chatsrv.settings import load
from chatsrv.sharing.locks import Rank
from tests.peer import DEADLINE_SECONDS
from tests.test_layers import modules

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]

FENCED = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
FILES = ("chatsrv.yaml", "chatsrv.db", "chatsrv.commands")  # which look like modules, the last is a group of plug-ins
CODE = re.compile(r"`([^`\n]+)`")


def prose(page: Path) -> str:
    """Return the page without its blocks of code."""
    return FENCED.sub("", page.read_text())


def code_of(page: Path) -> list[str]:
    """Return all code in the text of a page, and all lines of its blocks."""
    blocks = FENCED.findall(page.read_text()) + re.findall(r"^ {4}.*", prose(page), re.MULTILINE)
    return CODE.findall(prose(page)) + [line.strip() for block in blocks for line in block.splitlines()]


def page(name: str) -> str:
    return (ROOT / name).read_text()


def slug(heading: str) -> str:
    """Return the anchor that GitHub and others make of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def rows(text: str, columns: int) -> list[list[str]]:
    """Return the cells of all rows of all tables that have so many columns, headings left out."""
    found = [[cell.strip() for cell in line[1:-1].split(" | ")] for line in text.splitlines() if line.startswith("| ")]
    return [cells for cells in found if len(cells) == columns]


@pytest.mark.parametrize("file", PAGES, ids=NAMES)
def test_every_relative_link_leads_somewhere(file: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(file)):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        linked = (file.parent / name).resolve() if name else file
        assert linked.exists(), f"{target} is not there"
        if anchor:
            anchors = {slug(heading) for heading in re.findall(r"^#+ (.+)$", linked.read_text(), re.MULTILINE)}
            assert anchor in anchors, f"{target}: no such heading"


@pytest.mark.parametrize("file", PAGES, ids=NAMES)
def test_every_file_of_ours_that_is_named_exists(file: Path) -> None:
    for name in CODE.findall(prose(file)):
        if re.fullmatch(r"(?:chatsrv|config|docs|tests)/[\w./-]*", name):
            assert (ROOT / name).exists(), f"{name} is not there"


@pytest.mark.parametrize("file", PAGES, ids=NAMES)
def test_every_make_target_that_is_named_exists(file: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", page("Makefile"), re.MULTILINE))
    for code in code_of(file):
        if found := re.match(r"(?:\$ )?make ([a-z]+)", code):
            assert found[1] in targets, code


@pytest.mark.parametrize("file", PAGES, ids=NAMES)
def test_every_command_that_is_named_exists(file: Path) -> None:
    for line in re.findall(r"chatsrv (?:--config \S+ )?(user \w+|run|check)\b", "\n".join(code_of(file))):
        command = main
        for word in line.split():
            assert word in command.commands, f"chatsrv {line}"
            command = command.commands[word]


@pytest.mark.parametrize("file", PAGES, ids=NAMES)
def test_every_module_that_is_named_exists(file: Path) -> None:
    known = {module for _, module in modules()} | {"chatsrv"}
    for name in CODE.findall(prose(file)):
        if found := re.fullmatch(r"(chatsrv(?:\.\w+)+)(?:\(.*\))?", name):
            assert found[1] in known or _resolves(found[1]) or name in FILES, f"there is no {name}"


def _resolves(name: str) -> bool:
    module, _, attribute = name.rpartition(".")
    return module in {found for _, found in modules()} and hasattr(importlib.import_module(module), attribute)


def test_every_layer_is_described() -> None:
    layers = {".".join(module.split(".")[:2]) for _, module in modules()} - {"chatsrv.__main__"}
    described = set(re.findall(r"^\| .*?`chatsrv\.\w+`.*$", page("docs/architecture.md"), re.MULTILINE))
    named = {name for row in described for name in re.findall(r"`(chatsrv\.\w+)`", row.split(" | ")[0])}
    assert named == layers


def test_every_module_of_the_engine_is_described() -> None:
    named = set(CODE.findall(page("docs/architecture.md")))
    for file, module in modules():
        is_engine = module.split(".")[1] not in {"__main__", "cli", "settings", "testing"}
        if is_engine and file.name != "__init__.py":
            assert module in named, f"docs/architecture.md leaves {module} out"


def test_the_ranks_of_locks_are_those_of_the_code() -> None:
    table = {cells[0]: cells[1] for cells in rows(page("docs/threads-and-locks.md"), 4) if cells[1].isdigit()}
    assert table == {f"`{rank.name}`": str(rank.value) for rank in Rank}


def test_every_name_of_the_glossary_is_in_the_code() -> None:
    words = {
        name
        for cells in rows(page("docs/glossary.md"), 3)
        for name in CODE.findall(cells[1])
        if re.fullmatch(r"[A-Z]\w+", name)
    }
    assert len(words) > 30
    defined = {name for _, module in modules() for name in vars(importlib.import_module(module))}
    assert words <= defined, f"not in the code: {sorted(words - defined)}"


def test_the_example_of_the_readme_is_a_chat() -> None:
    (example,) = re.findall(r"^```python\n(.*?)^```$", page("README.md"), re.DOTALL | re.MULTILINE)
    assert len(example.splitlines()) < 15
    with subprocess.Popen(
        [sys.executable, "-u", "-c", example], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as chat:
        try:
            assert chat.stdout
            _, host, port = chat.stdout.readline().decode().split()
            with (
                socket.create_connection((host, int(port)), DEADLINE_SECONDS) as alice,
                alice.makefile("rb") as lines,
            ):
                alice.sendall(b"alice\nwonderland\n")
                assert b"Welcome, alice!" in lines.readline()
                chat.send_signal(signal.SIGINT)
                assert lines.readline() == b"The server is shutting down. Goodbye!\n"
            chat.communicate(timeout=DEADLINE_SECONDS)
        finally:
            chat.kill()


def test_the_settings_of_the_readme_are_complete(tmp_path: Path) -> None:
    (alone, *choices) = re.findall(r"^```yaml\n(.*?)^```$", page("README.md"), re.DOTALL | re.MULTILINE)
    file = tmp_path / "chatsrv.yaml"
    file.write_text(alone)
    assert load(file).listeners[0].port == 61116
    for auth in "".join(choices).splitlines():
        file.write_text(f"{alone.partition('auth:')[0]}{auth}\n")
        load(file)


def test_the_shipped_accounts_of_the_readme_are_those_in_the_file() -> None:
    accounts = chatsrv.YamlBackend(ROOT / "config" / "users.yaml")
    told = dict(re.findall(r"`(\w+)`\s\((\w+)\)", page("README.md")))
    assert sorted(told) == sorted(account.name for account in accounts.list())
    for name, password in told.items():
        account = accounts.authenticate(name, password, chatsrv.LoginContext("127.0.0.1"))
        assert account.may_come_from("::1")
        assert not account.may_come_from("192.0.2.1")


def test_the_limits_of_the_readme_are_the_defaults() -> None:
    limits = chatsrv.Limits()
    assert f"{limits.stall_seconds:g} seconds while lines wait" in page("README.md")
    assert f"falls {limits.tail_bytes // 2**20} MiB behind" in page("README.md")
