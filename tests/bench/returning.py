"""What one client reads who comes back: the heading, what he missed, the closing line, and then what is live.

Who joins a room reads the same, but for the words: the heading of the last lines there, these, and what is live.

Never touches a socket or a clock: bytes go in, numbers come out. One thread.
"""

import re
from contextlib import suppress

from bench.counting import Script, Tally

LEFT_OUT = re.compile(rb"\((?:at least )?\d+ older lines? (?:is|are) left out here; /history shows them\)")
COMINGS = re.compile(rb"\* .*(?:came and went|came back|meanwhile)")
DATED = re.compile(rb"\[(?:\d{4}-\d\d-\d\d )?\d\d:\d\d\] (.*)")


class Returning:
    """Reads for one client, from behind `Welcome, NAME!` on. His author's message number `first` is the first missed.

    `sent` is the number of messages there are so far, as in a `Tally`.
    """

    heading = re.compile(rb"While you were away \((\d+)\):")
    closing = b"(that is all you missed)"
    lines_before = 1
    """Lines of the server's own that come first of all."""

    def __init__(self, script: Script, sent: list[int], first: int) -> None:
        self.tally = Tally(script, sent)
        self.tally.next[0] = first
        self.told = 0
        """Lines that he was shown as missed."""
        self.left_out = 0
        """Messages that the server said it left out, since there were too many: neither told nor lost."""
        self.is_live = False
        """Whether he has read the closing line."""
        self._script = script
        self._promised = -1
        self._begins_later = False
        self._lines = 0
        self._rest = b""

    @property
    def next(self) -> int:
        """The number of the message that he waits for."""
        return self.tally.next[0]

    @property
    def is_told_all(self) -> bool:
        """Whether there were a heading, as many lines as that says, no message left out, and the closing line."""
        return self.is_live and self.told == self._promised and not self.left_out

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
        elif heading := self.heading.fullmatch(line):
            self._promised = int(heading[1] or 1)
        elif self._lines >= self.lines_before:
            self.tally.line(line)
        self._lines += 1

    def _take_missed(self, line: bytes) -> None:
        if line == self.closing:
            self.is_live = True
        elif LEFT_OUT.fullmatch(line):
            self._begins_later = True
        elif COMINGS.fullmatch(line):
            pass  # one line for all who came and went, which is not counted
        elif dated := DATED.fullmatch(line):
            self.told += 1
            if self._begins_later and dated[1].startswith(self._script.heads[0]):
                self._begin_with(dated[1])
            self.tally.line(dated[1])
        else:
            self.tally.damaged += 1

    def _begin_with(self, message: bytes) -> None:
        self._begins_later = False
        with suppress(ValueError):  # else it is damaged, and counted as that
            number = int(message[-8:], 16)
            if number > self.next and message == self._script.heard(0, number):
                self.left_out = number - self.next
                self.tally.next[0] = number


class Arriving(Returning):
    """Reads for one client, from his `/join` on. What was said before the last lines that he is told is left out."""

    heading = re.compile(rb"The last (?:(\d+) lines|line):")
    closing = b"(from here on it is live)"
    lines_before = 2

    def __init__(self, script: Script, sent: list[int], first: int = 0) -> None:
        super().__init__(script, sent, first)
        self._begins_later = True

    @property
    def is_told_all(self) -> bool:
        """Whether there were a heading, as many lines as that says, and the closing line."""
        return self.is_live and self.told == self._promised
