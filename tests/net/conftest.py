"""What the tests of sockets and threads share.

Runs on the thread of pytest.
"""

from collections.abc import Iterator

import pytest

from tests.journal import Journal, kept_journal


@pytest.fixture
def journal() -> Iterator[Journal]:
    """Keep the server's log for the test to read."""
    with kept_journal() as journal:
        yield journal
