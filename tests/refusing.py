"""Refusals in tests: compared as values, with their types, and not by the words that a chatter reads."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from chatsrv.model.errors import Refused
from chatsrv.model.refusals import Refusal


@contextmanager
def refused(why: Refusal) -> Iterator[None]:
    """Make sure that what is done within is refused, with this code and these facts."""
    with pytest.raises(Refused) as caught:
        yield
    assert caught.value.why == why
