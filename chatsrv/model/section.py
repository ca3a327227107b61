"""What a section of the settings is made of: a frozen mapping, what its keys accept in words, what is wrong with them.

Knows no setting. Values; any thread.
"""

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict
from pydantic_core import PydanticCustomError


class Section(BaseModel):
    """A mapping in the file: frozen, and with no keys beside those declared."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


@dataclass(frozen=True, slots=True)
class Accepts:
    """Says what a key accepts, where its type alone does not tell."""

    text: str


def wrong(*found: tuple[tuple[str | int, ...], str]) -> PydanticCustomError:
    """Return an error about places beneath the value being checked: for each its steps, and what would be right."""
    return PydanticCustomError("found", "values that do not fit together", {"found": found})
