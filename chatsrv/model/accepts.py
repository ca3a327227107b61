"""A note beside a setting's type: what it accepts, in words.

Knows no setting. Values; any thread.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Accepts:
    """Says what a key accepts, where its type alone does not tell."""

    text: str
