"""What was said, what a reader must therefore see, and the exact count of what he saw instead.

Never touches a socket, a clock or a process: lines go in, numbers come out. One thread at a time; the load generator
has only one.
"""

from dataclasses import dataclass, fields
from typing import Self

NOT_A_MESSAGE = -1
SHORTEST_TEXT_BYTES = 28


class Script:
    """All lines that the authors of one run will ever say, each a function of its author and its number.

    The text is `~RRRRSSSSQQQQQQQQ...QQQQQQQQ` (run, author, number, padding, number again; hexadecimal). As it holds
    nothing that is not known beforehand, every byte of it can be checked, and no single damaged byte makes another
    valid message of it. The accounts of the authors are numbered from `first` on; here each author counts from 0.
    """

    def __init__(self, authors: int, text_bytes: int, run: int = 0, prefix: str = "u", first: int = 0) -> None:
        if text_bytes < SHORTEST_TEXT_BYTES:
            raise ValueError(f"a message of {text_bytes} bytes: at least {SHORTEST_TEXT_BYTES} are needed")
        self.authors = authors
        self.text_bytes = text_bytes
        self.run = run
        accounts = range(first, first + authors)
        self._texts = [b"~%04x%04x" % (run & 0xFFFF, account) for account in accounts]
        self._padding = (b"abcdefghijklmnopqrstuvwxyz" * (text_bytes // 26 + 1))[: text_bytes - 25]
        self.names = [b"<%s%d>" % (prefix.encode(), account) for account in accounts]
        self.heads = [name + b" " + text for name, text in zip(self.names, self._texts, strict=True)]
        self.author_of = {name: author for author, name in enumerate(self.names)}

    def said(self, author: int, number: int) -> bytes:
        """Give the line that the author sends, with its line ending."""
        digits = b"%08x" % number
        return self._texts[author] + digits + self._padding + digits + b"\n"

    def heard(self, author: int, number: int) -> bytes:
        """Give the line that the others must see, without its line ending."""
        digits = b"%08x" % number
        return self.heads[author] + digits + self._padding + digits


@dataclass(frozen=True)
class Count:
    """What one reader, or all of them together, received and failed to receive."""

    received: int = 0
    lost: int = 0
    doubled: int = 0
    reordered: int = 0
    damaged: int = 0
    echoed: int = 0

    @property
    def is_exact(self) -> bool:
        """Whether every message came once, in order, unharmed, and to nobody who had written it."""
        return not (self.lost or self.doubled or self.reordered or self.damaged or self.echoed)

    def __add__(self, other: Self) -> "Count":
        return Count(*(getattr(self, field.name) + getattr(other, field.name) for field in fields(Count)))


class Tally:
    """Line-wise count of one reader's stream, per author.

    received    different messages that came
    lost        said, and did not come
    doubled     came again
    reordered   came after one that the same author said later
    damaged     a line that is neither a message of the run nor a notice of the server's (those begin with `*`); the
                message that it was is lost as well
    echoed      the reader's own message came back to him
    """

    __slots__ = ("_script", "_sent", "damaged", "doubled", "echoed", "me", "missing", "next", "notices", "reordered")

    def __init__(self, script: Script, sent: list[int], me: int | None = None) -> None:
        self._script = script
        self._sent = (
            sent  # by author: how many messages there are so far; shared with the generator, never changed here
        )
        self.me = me
        self.next = [0] * script.authors
        self.missing: dict[int, set[int]] = {}
        self.doubled = [0] * script.authors
        self.reordered = [0] * script.authors
        self.damaged = self.echoed = self.notices = 0

    def copy(self, me: int | None = None) -> "Tally":
        """Count on from here for the reader who is author `me`, or for one who writes nothing."""
        new = Tally(self._script, self._sent, me)
        new.next = self.next[:]
        new.missing = {author: set(numbers) for author, numbers in self.missing.items()}
        new.doubled = self.doubled[:]
        new.reordered = self.reordered[:]
        new.damaged, new.notices = self.damaged, self.notices
        return new

    def line(self, line: bytes) -> int:
        """Count one line (without line ending); author << 32 | number of the message, or NOT_A_MESSAGE."""
        script = self._script
        author = script.author_of.get(line[: line.find(b" ")], NOT_A_MESSAGE)
        if author != NOT_A_MESSAGE and author != self.me:
            number = self.next[author]
            if line == script.heard(author, number) and number < self._sent[author]:
                self.next[author] = number + 1
                return author << 32 | number
        return self._odd_line(author, line)

    def _odd_line(self, author: int, line: bytes) -> int:
        if author == NOT_A_MESSAGE:
            if line.startswith(b"*"):
                self.notices += 1
            else:
                self.damaged += 1
            return NOT_A_MESSAGE
        try:
            number = int(line[-8:], 16)
        except ValueError:
            number = -1
        if not 0 <= number < self._sent[author] or line != self._script.heard(author, number):
            self.damaged += 1
            return NOT_A_MESSAGE
        if author == self.me:
            self.echoed += 1
            return NOT_A_MESSAGE
        missing = self.missing.setdefault(author, set())
        if number >= self.next[author]:
            missing.update(range(self.next[author], number))
            self.next[author] = number + 1
        elif number in missing:
            missing.remove(number)
            self.reordered[author] += 1
        else:
            self.doubled[author] += 1
        return author << 32 | number

    def received(self) -> int:
        """How many messages came so far, the doubled ones too."""
        others = (author for author in range(self._script.authors) if author != self.me)
        return sum(self.next[a] - len(self.missing.get(a, ())) + self.doubled[a] for a in others)

    def count(self, me: int | None) -> Count:
        """Give the result for a reader who is author `me` (None: who writes nothing), once nothing more will come."""
        others = [author for author in range(self._script.authors) if author != me]
        absent = {author: len(self.missing.get(author, ())) for author in others}
        return Count(
            received=sum(self.next[a] - absent[a] for a in others),
            lost=sum(self._sent[a] - self.next[a] + absent[a] for a in others),
            doubled=sum(self.doubled[a] for a in others),
            reordered=sum(self.reordered[a] for a in others),
            damaged=self.damaged,
            echoed=self.echoed,
        )
