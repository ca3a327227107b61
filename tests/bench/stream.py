"""The one stream that all readers must see alike: parsed once, compared with everybody else's bytes by memcmp.

Whoever is first to read new bytes extends the common stream; there they are cut into lines and counted. Every other
reader's bytes are compared with it at his own place. An author's bytes are compared with the stretches between his own
lines. Only a reader whose bytes differ is counted line by line, from the last line on that was still the same, so
the numbers stay exact. What all readers have passed is forgotten.

Never touches a socket. One thread at a time.
"""

from bisect import bisect_right
from collections import deque

from bench.counting import NOT_A_MESSAGE, Count, Script, Tally

CHECKPOINT_BYTES = 262_144
"""How far a reader's differing bytes are at most counted again; also how often old stream is forgotten."""


class Reading:
    """One reader's place in the common stream; `tally` is set once he differs and is counted by himself."""

    __slots__ = ("carry", "me", "place", "skipped", "tally")

    def __init__(self, me: int | None = None) -> None:
        self.me = me
        self.place = 0
        self.skipped = 0  # his own messages that lie before his place
        self.carry = b""  # bytes not yet compared: half a line, or what an author got before everybody else
        self.tally: Tally | None = None


class CommonStream:
    """The stream, and the readings in it."""

    def __init__(self, script: Script, sent: list[int], readings: list[Reading]) -> None:
        self._script = script
        self._sent = sent
        self.readings = readings
        self._bytes = bytearray()
        self._base = 0  # place of the first byte kept
        self._cut = 0  # place after the last whole line
        self._tally = Tally(script, sent)
        self._checkpoints: deque[tuple[int, Tally]] = deque([(0, self._tally.copy())])
        self.ends: list[int] = []  # place after each message kept
        self.codes: list[int] = []  # author << 32 | number of each
        self._forgotten = 0  # messages before those
        authors = range(script.authors)
        self._own: list[deque[tuple[int, int]]] = [deque() for _ in authors]  # an author's lines: first and last place
        self.unseen: list[deque[tuple[int, int]]] = [
            deque() for _ in authors
        ]  # place after it, number: for the witness

    @property
    def by_line(self) -> int:
        """How many readers differ and are counted line by line."""
        return sum(reading.tally is not None for reading in self.readings)

    @property
    def notices(self) -> int:
        """How many lines of the server's own came."""
        return self._tally.notices

    def take(self, reading: Reading, data: memoryview) -> None:
        """Check what a reader has just received."""
        if reading.tally is not None:
            self._take_by_line(reading, bytes(data))
        elif reading.me is not None:
            self._take_author(reading, reading.carry + data)
        elif self._bytes.startswith(data, reading.place - self._base):
            reading.place += len(data)
        else:
            kept = self._base + len(self._bytes) - reading.place
            if kept >= len(data) or not self._bytes.startswith(data[:kept], reading.place - self._base):
                self._part(reading, bytes(data))
            else:
                self._bytes += data[kept:]
                reading.place += len(data)
                self._cut_lines()

    def _take_author(self, reading: Reading, data: bytes) -> None:
        view, start, own = memoryview(data), 0, self._own[reading.me or 0]
        while True:
            while own and own[0][0] == reading.place:
                reading.place = own.popleft()[1]
                reading.skipped += 1
            same = min((own[0][0] if own else self._cut) - reading.place, len(data) - start)
            if not same:
                break  # the rest, if any, nobody else has yet: keep it until they do
            if not self._bytes.startswith(view[start : start + same], reading.place - self._base):
                self._part(reading, data[start:])
                return
            reading.place += same
            start += same
        reading.carry = data[start:]

    def _take_by_line(self, reading: Reading, data: bytes) -> None:
        assert reading.tally is not None
        *lines, reading.carry = (reading.carry + data).split(b"\n")
        for line in lines:
            reading.tally.line(line)

    def _part(self, reading: Reading, data: bytes) -> None:
        """Count this reader by himself from here on."""
        reading.tally, reading.carry = self._replay(reading)
        self._take_by_line(reading, data)

    def _replay(self, reading: Reading) -> tuple[Tally, bytes]:
        """Tally what the reader has seen up to his place, and give the half line after it."""
        since, tally = next(point for point in reversed(self._checkpoints) if point[0] <= reading.place)
        tally = tally.copy(reading.me)
        own = b"" if reading.me is None else self._script.names[reading.me] + b" "
        *lines, rest = bytes(self._bytes[since - self._base : reading.place - self._base]).split(b"\n")
        for line in lines:
            if not own or not line.startswith(own):
                tally.line(line)
        return tally, rest

    def _cut_lines(self) -> None:
        first = self._cut - self._base
        last = self._bytes.rfind(b"\n", first)
        if last < 0:
            return
        place, take_line = self._cut, self._tally.line
        for line in bytes(self._bytes[first:last]).split(b"\n"):
            message = take_line(line)
            end = place + len(line) + 1
            if message != NOT_A_MESSAGE:
                author = message >> 32
                self.ends.append(end)
                self.codes.append(message)
                self._own[author].append((place, end))
                self.unseen[author].append((end, message & 0xFFFFFFFF))
            place = end
        self._cut = place
        if place - self._checkpoints[-1][0] >= CHECKPOINT_BYTES:
            self._checkpoints.append((place, self._tally.copy()))
            self._forget()

    def _forget(self) -> None:
        self._let_authors_catch_up()
        slowest = min((reading.place for reading in self.readings if reading.tally is None), default=self._cut)
        while len(self._checkpoints) > 1 and self._checkpoints[1][0] <= slowest:
            self._checkpoints.popleft()
        since = self._checkpoints[0][0]
        del self._bytes[: since - self._base]
        self._base = since
        passed = bisect_right(self.ends, since)
        del self.ends[:passed], self.codes[:passed]
        self._forgotten += passed

    def _let_authors_catch_up(self) -> None:
        for reading in self.readings:
            if reading.me is not None and reading.tally is None:
                self._take_author(reading, reading.carry)

    def seen_by(self, reading: Reading, author: int) -> int:
        """How many of the author's messages this reader, its witness, has seen."""
        if reading.tally is not None:
            return reading.tally.next[author]
        unseen, seen = self.unseen[author], 0
        while unseen and unseen[0][0] <= reading.place:
            seen = max(seen, unseen.popleft()[1] + 1)
        return seen

    def messages_between(self, after: int, upto: int) -> list[int]:
        """Codes of the messages that end after the one place and not after the other."""
        first = bisect_right(self.ends, after)
        return self.codes[first : bisect_right(self.ends, upto, first)]

    def received(self) -> int:
        """How many messages all readers together have received so far."""
        self._let_authors_catch_up()
        total = 0
        for reading in self.readings:
            if reading.tally is not None:
                total += reading.tally.received()
            else:
                total += self._forgotten + bisect_right(self.ends, reading.place) - reading.skipped
        return total

    def counts(self) -> list[Count]:
        """Give the result for each reading, once nothing more will come."""
        self._let_authors_catch_up()
        return [self._count(reading) for reading in self.readings]

    def _count(self, reading: Reading) -> Count:
        if reading.tally is None and reading.carry:
            self._part(reading, reading.carry)  # an author got what nobody else did
        if reading.tally is not None:
            return reading.tally.count(reading.me)
        tally = self._tally if reading.place == self._base + len(self._bytes) else self._replay(reading)[0]
        return tally.count(reading.me)
