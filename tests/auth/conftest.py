"""What the tests of auth backends share.

Runs on the thread of pytest.
"""

import os
import sys

import pytest

from chatsrv.auth.backends.program import CommandBackend
from tests.auth.programs import HELLO
from tests.peer import DEADLINE_SECONDS


@pytest.fixture
def run(tmp_path):
    """Make backends of pieces of Python, and close them in the end."""
    backends = []

    def make(code: str, **options) -> CommandBackend:
        path = tmp_path / f"program{len(backends)}.py"
        path.write_text(HELLO + code)
        options = {"processes": 4, "keep_running": False, "answer_seconds": DEADLINE_SECONDS, **options}
        backends.append(CommandBackend([sys.executable, "-S", str(path)], **options))
        return backends[-1]

    yield make
    for backend in backends:
        backend.close()
    with pytest.raises(ChildProcessError):  # no zombie: this process has no child left at all
        os.waitpid(-1, os.WNOHANG)
