"""Delivery's clock as tests have it.

The test's thread puts it forward, delivery reads it.
"""

import time


class Clock:
    """Delivery's clock, which a test may put forward."""

    def __init__(self) -> None:
        self.ahead_seconds = 0.0

    def monotonic(self) -> float:
        """Return the time by this clock."""
        return time.monotonic() + self.ahead_seconds
