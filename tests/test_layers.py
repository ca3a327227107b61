"""Imports point one way: every import in the package is read with `ast` and held against one table."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import chatsrv

ROOT = Path(chatsrv.__file__).parent

# What each layer may import beside itself. A layer alone stands for all its modules, `auth.gate` for one.
# The package's own __init__ may re-export anything.
WORDS = {"text", "model", "sharing"}
ALLOWED: dict[str, set[str]] = {
    "text": {"model.errors"},
    "model": {"text"},
    "sharing": set(),
    "__main__": {"cli"},
    "cli": {"app", "settings", "auth.backend", *WORDS},
    "app": {"bots", "net", "chat", "auth", "roomlog", "protocols", "settings", "wording", *WORDS},
    "bots": {"chat", "net", "wording", *WORDS},
    "net": {"chat", "protocols.base", "auth.backend", "auth.gate", "roomlog.base", *WORDS},
    "chat": {"roomlog.base", "roomlog.memory", *WORDS},  # a hub without a store keeps its logs in memory
    "auth": WORDS,
    "roomlog": WORDS,
    "protocols": {"wording", *WORDS},
    "wording": {"model", "text"},
    "settings": WORDS,
    "testing": {"auth.backend", "roomlog.base", "protocols.base", *WORDS},
}


def imports(source: str, module: str, *, is_package: bool = False) -> Iterator[tuple[int, str]]:
    """Yield line and full name of everything that `module` imports, wherever in its source the import stands."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, name.name) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            parts = module.split(".") if is_package else module.split(".")[:-1]
            above = parts[: len(parts) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{base}.{name.name}") for name in node.names)


def wrong_imports(source: str, module: str, *, is_package: bool = False) -> list[str]:
    """Return the imports of `module` that the table does not allow."""
    layer = module.split(".")[1]
    may_import = {layer, *ALLOWED[layer]}
    return [
        f"{module}:{line} imports {name}"
        for line, name in imports(source, module, is_package=is_package)
        if name.split(".")[0] == "chatsrv" and not any(_is_within(name, f"chatsrv.{allowed}") for allowed in may_import)
    ]


def _is_within(name: str, allowed: str) -> bool:
    return name == allowed or name.startswith(f"{allowed}.")


def modules() -> list[tuple[Path, str]]:
    """Return file and full name of every module of the package but its own __init__."""
    found = []
    for file in sorted(ROOT.rglob("*.py")):
        parts = file.relative_to(ROOT).with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        if parts:
            found.append((file, ".".join(("chatsrv", *parts))))
    return found


@pytest.mark.parametrize(("file", "module"), modules(), ids=[module for _, module in modules()])
def test_imports_point_one_way(file: Path, module: str) -> None:
    assert not wrong_imports(file.read_text(), module, is_package=file.name == "__init__.py")


def test_every_layer_stands_in_the_table() -> None:
    assert {module.split(".")[1] for _, module in modules()} <= set(ALLOWED)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("chatsrv.chat.hub", "import chatsrv.net.listening.server"),
        ("chatsrv.chat.hub", "from chatsrv.net import server"),
        ("chatsrv.chat.hub", "from chatsrv import net"),
        ("chatsrv.chat.hub", "from ..net import server"),
        ("chatsrv.chat.hub", "from .. import net"),
        ("chatsrv.chat.hub", "def later():\n    from chatsrv.protocols.base import Reader"),
        ("chatsrv.chat.hub", "if TYPE_CHECKING:\n    from chatsrv.protocols.plain import PlainReader"),
        ("chatsrv.net.listening.server", "from chatsrv.auth.backends.memory import MemoryBackend"),
        ("chatsrv.net.listening.server", "from chatsrv.auth import MemoryBackend"),
        ("chatsrv.net.listening.server", "from chatsrv import ChatServer"),
        ("chatsrv.net.listening.server", "import chatsrv"),
        ("chatsrv.auth.backends.memory", "from chatsrv.settings import Settings"),
        ("chatsrv.auth.backends.memory", "from chatsrv.roomlog.base import RoomLog"),
        ("chatsrv.model.limits", "from chatsrv.settings import Settings"),
        ("chatsrv.chat.hub", "from chatsrv.wording.elsewhere import ADVICE"),
        ("chatsrv.wording.elsewhere", "from chatsrv.protocols.base import Reader"),
        ("chatsrv.settings", "from chatsrv.app import build"),
        ("chatsrv.cli", "from chatsrv.net.listening.server import ChatServer"),
        ("chatsrv.testing.auth", "from chatsrv.auth.backends.memory import MemoryBackend"),
    ],
)
def test_an_import_up_or_sideways_is_found(module: str, source: str) -> None:
    assert wrong_imports(source, module)


@pytest.mark.parametrize(
    ("module", "source", "is_package"),
    [
        ("chatsrv.chat.hub", "from chatsrv.chat.room import Room", False),
        ("chatsrv.chat.hub", "from .room import Room", False),
        ("chatsrv.chat", "from .room import Room", True),
        ("chatsrv.chat.hub", "from chatsrv.roomlog.base import RoomLog", False),
        ("chatsrv.chat.hub", "import socket\nfrom chatsrvx import net", False),
        ("chatsrv.model.accounts", "from chatsrv.model.errors import ChatError", False),
        ("chatsrv.net.listening.server", "from chatsrv.auth.gate import Gate", False),
    ],
)
def test_an_import_down_or_from_outside_is_fine(module: str, source: str, is_package: bool) -> None:
    assert not wrong_imports(source, module, is_package=is_package)


def test_the_top_of_the_package_holds_folders_only() -> None:
    assert {path.name for path in ROOT.glob("*.py")} == {"__init__.py", "__main__.py"}


def imported_modules(source: str, module: str, known: set[str], *, is_package: bool = False) -> set[str]:
    """Return those of the `known` modules that `module` imports, wherever in its source the import stands."""
    found = set()
    for _, name in imports(source, module, is_package=is_package):
        found |= {name if name in known else name.rpartition(".")[0]} & known
    return found - {module}


def circles(graph: dict[str, set[str]]) -> list[set[str]]:
    """Return the sets of modules of which each leads to every other by imports."""

    def reach(start: str) -> set[str]:
        reached: set[str] = set()
        waiting = [start]
        while waiting:
            new = graph[waiting.pop()] - reached
            reached |= new
            waiting += new
        return reached

    reached = {module: reach(module) for module in graph}
    found = {frozenset(other for other in reached[module] if module in reached[other]) for module in graph}
    return [set(circle) for circle in found if circle]


def test_no_modules_import_one_another_in_a_circle() -> None:
    known = {module for _, module in modules()}
    graph = {
        module: imported_modules(file.read_text(), module, known, is_package=file.name == "__init__.py")
        for file, module in modules()
    }
    assert circles(graph) == []


def test_a_circle_is_found_and_who_only_leads_to_it_is_not_in_it() -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set(), "e": {"a"}}
    assert circles(graph) == [{"b", "c"}]
    assert imported_modules("if TYPE_CHECKING:\n    from b.c import D", "a", {"b", "b.c"}) == {"b.c"}
