"""Examples in docstrings are true."""

import doctest
import importlib
from pathlib import Path

import pytest

import chatsrv

ROOT = Path(chatsrv.__file__).parent
WITH_EXAMPLES = [file for file in sorted(ROOT.rglob("*.py")) if ">>> " in file.read_text()]


@pytest.mark.parametrize("file", WITH_EXAMPLES, ids=lambda file: str(file.relative_to(ROOT)))
def test_examples_are_true(file: Path) -> None:
    name = ".".join(("chatsrv", *file.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")
    failed, attempted = doctest.testmod(importlib.import_module(name))
    assert (failed, attempted > 0) == (0, True)
