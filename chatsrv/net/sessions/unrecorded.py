"""What could not be recorded, as its author is told: how many lines, and which.

Decides nothing. Any thread may call it.
"""

from collections.abc import Sequence

from chatsrv.model.errors import CANNOT_RECORD_IT, CANNOT_RECORD_THEM
from chatsrv.model.replies import Notice

QUOTED_CHARACTERS = 40
"""Characters of a line that are quoted: enough to know it again, and the sentence stays one."""


def not_recorded(lines: Sequence[str]) -> Notice:
    """Return what somebody is told who typed these lines, in this order and with nothing between them.

    >>> not_recorded(["one", "two", "three"]).text.partition(", and")[0]
    'Your 3 lines from "one" to "three" were not recorded'
    """
    if len(lines) == 1:
        return Notice(f"Your line {_quoted(lines[0])} was not recorded, and nobody has seen it: {CANNOT_RECORD_IT}")
    return Notice(
        f"Your {len(lines)} lines from {_quoted(lines[0])} to {_quoted(lines[-1])} were not recorded, "
        f"and nobody has seen them: {CANNOT_RECORD_THEM}"
    )


def _quoted(line: str) -> str:
    return f'"{line}"' if len(line) <= QUOTED_CHARACTERS else f'"{line[:QUOTED_CHARACTERS]}..."'
