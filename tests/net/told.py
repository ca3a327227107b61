"""What somebody is told at his login, as he reads it.

Knows nothing of servers. One thread uses a peer.
"""

import re
from typing import NamedTuple

from tests.peer import Peer

MISSED = re.compile(r"While you were away \((\d+)\):")
TIMED = re.compile(r"\[(?:\d{4}-\d\d-\d\d )?\d\d:\d\d\] (.*)")


class Block(NamedTuple):
    """What somebody is told at his login: notes of the server, and lines."""

    heading: str
    notes: list[str]
    lines: list[str]


def told(peer: Peer) -> Block:
    """Return what is told behind the welcome. What is there is known to be ended by a line of its own."""
    heading = peer.line()
    notes, lines = [], []
    while (line := peer.line()) not in ("(that is all you missed)", "(from here on it is live)"):
        timed = TIMED.fullmatch(line)
        (lines if timed else notes).append(timed[1] if timed else line)
    if counted := MISSED.fullmatch(heading):
        assert int(counted[1]) == len(lines)
    return Block(heading, notes, lines)
