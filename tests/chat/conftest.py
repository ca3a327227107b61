"""What the tests of deeds share."""

import pytest

from tests.chat.people import Chat


@pytest.fixture
def chat() -> Chat:
    return Chat()
