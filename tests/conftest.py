"""What every test runs under: locks that check their order, and nothing left behind; a place for packages.

Touches no network. Runs on the thread of pytest.
"""

import gc
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from chatsrv.auth.turns import THREAD_NAME
from chatsrv.sharing.locks import enforce_order
from tests.peer import DEADLINE_SECONDS

enforce_order()

hypothesis.settings.register_profile("no clock", deadline=None)  # a busy machine makes no test fail
hypothesis.settings.load_profile("no clock")

# Whoever started the tests may have these signals ignored, as `nohup` and a shell's `&` do, and programs that tests
# start would, too.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)

os.environ.pop("STATE_DIRECTORY", None)  # a history of tests belongs beside their settings, whatever service runs them


@pytest.fixture(autouse=True)
def nothing_is_left_behind() -> Iterator[None]:
    """Fail the test that leaves a thread or a descriptor behind."""
    threads = set(threading.enumerate())
    descriptors = open_descriptors()
    yield
    for thread in set(threading.enumerate()) - threads:
        if thread.name == THREAD_NAME:
            continue  # these wait for more to hash as long as their hasher lives
        thread.join(DEADLINE_SECONDS)
        assert not thread.is_alive(), f"{thread.name} still runs"
    left = open_descriptors() - descriptors
    if left:  # perhaps by an object that is only waiting to be collected
        gc.collect()
        left = open_descriptors() - descriptors
    assert not left, f"descriptors left open: {left}"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Make a directory of installed packages, and nothing imported from it afterwards."""
    directory = tmp_path / "site-packages"
    directory.mkdir()
    monkeypatch.syspath_prepend(directory)
    before = set(sys.modules)
    yield directory
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(str(directory)):
            del sys.modules[name]


def open_descriptors() -> set[str]:
    """Return the descriptors that this process has open, each with what it is open on."""
    found = set()
    for link in Path("/dev/fd/").iterdir():
        try:
            found.add(f"{link.name}: {link.readlink()}")
        except OSError:
            continue  # the descriptor of this very listing
    return found
