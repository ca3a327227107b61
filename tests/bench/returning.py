"""What one client reads who comes back: the heading, what he missed, the closing line, and then what is live.

Never touches a socket or a clock: bytes go in, numbers come out. One thread.
"""

import re

from bench.counting import Script, Tally

HEADING = re.compile(rb"While you were away \((\d+)\):")
CLOSING = b"(that is all you missed)"
DATED = re.compile(rb"\[(?:\d{4}-\d\d-\d\d )?\d\d:\d\d\] (.*)")


class Returning:
    """Reads for one client, from behind `Welcome, NAME!` on. His author's message number `first` is the first missed.

    `sent` is the number of messages there are so far, as in a `Tally`.
    """

    def __init__(self, script: Script, sent: list[int], first: int) -> None:
        self.tally = Tally(script, sent)
        self.tally.next[0] = first
        self.told = 0
        """Lines that he was shown as missed: messages, joins and leaves."""
        self.is_live = False
        """Whether he has read the closing line."""
        self._promised = -1
        self._is_welcomed = False
        self._rest = b""

    @property
    def next(self) -> int:
        """The number of the message that he waits for."""
        return self.tally.next[0]

    @property
    def is_told_all(self) -> bool:
        """Whether there were a heading, as many lines as that says, and the closing line."""
        return self.is_live and self.told == self._promised

    def take(self, data: bytes) -> None:
        """Count what he has just received."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._take_line(line)

    def _take_line(self, line: bytes) -> None:
        if self.is_live:
            self.tally.line(line)
        elif self._promised >= 0:
            self._take_missed(line)
        elif heading := HEADING.fullmatch(line):
            self._promised = int(heading[1])
        elif self._is_welcomed:
            self.tally.line(line)
        self._is_welcomed = True

    def _take_missed(self, line: bytes) -> None:
        if line == CLOSING:
            self.is_live = True
        elif dated := DATED.fullmatch(line):
            self.told += 1
            self.tally.line(dated[1])
        else:
            self.tally.damaged += 1
