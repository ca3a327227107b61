"""The plain protocol: a chat for whoever has `nc`, one line for everything. docs/plain-protocol.md is its reference.

Knows no rooms and no members, only what is asked and what is shown; the login and the lines are `lines`'s, and what
begins with a slash is `slash`'s.
Threads: as `chatsrv.protocols.base` says; a `Reader` is its session's alone, the `Renderer` everybody's.
"""

import re
from collections.abc import Iterator
from datetime import date, datetime, tzinfo
from functools import cached_property, lru_cache
from typing import ClassVar

from chatsrv.model.commands import Command, Say
from chatsrv.model.entries import PRIVATE_MARK, REGISTER, Entry, Kind
from chatsrv.model.replies import Audited, Past, Reply, Welcome
from chatsrv.model.style import Style
from chatsrv.protocols.base import Protocol, Renderer, Writer
from chatsrv.protocols.lines import Dialogue, LinesReader, LinesWriter, line
from chatsrv.protocols.slash import asked
from chatsrv.text.characters import BLANK, COMBINING
from chatsrv.text.cleaning import clean, is_blank, is_clean, without_lead
from chatsrv.wording.decisions import decision, invitation
from chatsrv.wording.news import JOINED, LEFT, LEFT_FOR, looks_like_news
from chatsrv.wording.parts import NO_TIME
from chatsrv.wording.sessions import welcome_to_chat

_QUITS = re.compile(rb"(?:(?:^|(?<=[\r\n\0]))/quit[ \t]*[\r\n\0]+){1,2}\Z", re.IGNORECASE)
_QUITS_BYTES = 64
"""Where a line `/quit` is looked for twice: at the end of what was sent."""

BLANK_LINE_BYTES = 12
"""What a line costs beside its bytes that is not empty and of which nobody sees anything: no command pays for it."""

BARE_LINE_BYTES = 32
"""What a line costs beside its bytes of which nothing is left once it is clean, such as escapes alone."""

_SLOW = frozenset(("", "/", "\N{REPLACEMENT CHARACTER}", *BLANK, *COMBINING))
"""What a line begins with that is no plain words, or may be none at all."""


class PlainReader(LinesReader):
    """Takes what is typed for something said, unless it begins with a slash."""

    def commands(self, lines: Iterator[str]) -> list[Command]:
        """Return what `lines` ask for. Nothing in it can harm another person's terminal."""
        found: list[Command] = []
        append = found.append
        # `Say(text, room)` goes through a Python function made by NamedTuple; this is that function's body, and halves
        # the price of a line.
        new, kind, slow = tuple.__new__, Say, _SLOW
        for text in lines:
            if text[:1] not in slow and (text.isprintable() if text.isascii() else is_clean(text)):
                append(new(kind, (text, "")))
            elif text and is_blank(text):
                self._overhead_bytes += BLANK_LINE_BYTES
            elif text:
                text = clean(text)
                # A space before the slash is a slip, and what was for one alone would be said to all.
                typed = text if text[:1] == "/" else without_lead(text)
                if not typed and is_blank(text):
                    self._overhead_bytes += BARE_LINE_BYTES
                    continue  # it was nothing but escapes
                wanted = asked(typed) if typed.startswith("/") else Say(text)
                if isinstance(wanted, Dialogue):
                    found += self.ask(wanted, lines)
                else:
                    append(wanted)
        return found

    def quits(self, data: bytes) -> int:
        """See `Reader.quits`."""
        end = data[-_QUITS_BYTES:].lower()
        found = _QUITS.search(end)
        return found[0].count(b"/quit") if found else 0


class PlainRenderer(Renderer):
    """Writes one line for each entry.

    Entries are trusted: a `Reader` made their texts, and the server their names, so both are clean already.
    """

    def render(self, entry: Entry) -> bytes:
        """Return the line that everybody else in the room sees."""
        kind = entry.kind
        if kind is Kind.SAY:
            return f"<{entry.author}> {entry.text}\n".encode()
        if kind is Kind.ACTION:
            if looks_like_news(entry.text):
                return f"<{entry.author}> /me {entry.text}\n".encode()
            return f"* {entry.author} {entry.text}\n".encode()
        if kind is Kind.JOIN:
            return f"* {entry.author} {JOINED}\n".encode()
        if kind is Kind.LEAVE:
            return f"* {entry.author} {LEFT_FOR.get(entry.text, LEFT)}\n".encode()
        if kind is Kind.PRIVATE:
            return f"[private] <{entry.author}> {entry.text}\n".encode()
        if kind is Kind.PRIVATE_SENT:
            name, _, words = entry.text.partition(" ")
            return f"[private to {name}] <{entry.author}> {words}\n".encode()
        if kind is Kind.CHANGE:
            return self._decided(entry)
        return b""

    @staticmethod
    def _decided(entry: Entry) -> bytes:
        if entry.room.startswith(PRIVATE_MARK):
            return line(invitation(entry))
        decided = decision(entry)
        return f"*** {entry.author} {decided}\n".encode() if decided else b""

    @cached_property
    def marked(self) -> Renderer:
        """See `Renderer.marked`: every line begins with the name of its room."""
        return MarkedRenderer(self)

    def styled(self, style: Style, zone: tzinfo | None) -> Renderer:
        """See `Renderer.styled`. There is one for each style that somebody had, and for each time zone of a server."""
        if style == Style():
            return self
        key = style, zone if style.times == "on" else None
        styles: dict[tuple[Style, tzinfo | None], Renderer] = vars(self).setdefault("styles", {})  # one step
        return styles.get(key) or styles.setdefault(key, StyledRenderer(self, *key))

    def past(self, entry: Entry, now: datetime, here: str) -> bytes:
        """Return an entry of before, behind its time; marked if it is of another room than `here`."""
        shown = self.render(entry) if entry.room == here or not here else self.marked.render(entry)
        return _time(int(entry.at // 60), now.date(), now.tzinfo) + shown if shown else b""


class MarkedRenderer(Renderer):
    """Writes entries as `plain` does, behind the name of their room; of a private log without, as it has none."""

    def __init__(self, plain: Renderer) -> None:
        self._plain = plain

    def render(self, entry: Entry) -> bytes:
        """Return the line that everybody sees who speaks in another room."""
        shown = self._plain.render(entry)
        if not shown or entry.room.startswith(PRIVATE_MARK):
            return shown
        return f"[{entry.room}] ".encode() + shown

    def styled(self, style: Style, zone: tzinfo | None) -> Renderer:
        """See `Renderer.styled`."""
        return self._plain.styled(style, zone).marked


class StyledRenderer(Renderer):
    """Writes what `plain` does, for readers who want lines to be shown in another style than most.

    A live line has no day before its time: it is of the day on which it is read, but for moments around midnight.
    """

    def __init__(self, plain: "PlainRenderer", style: Style, zone: tzinfo | None, *, is_marked: bool = False) -> None:
        self._plain = plain
        self._zone = zone
        self._has_times = style.times == "on"
        self._names_all = style.rooms == "always"
        self._is_marked = is_marked
        self._lines = plain.marked if is_marked or self._names_all else plain
        is_own_mark = self._lines is not plain
        self._marked = self if is_own_mark else StyledRenderer(plain, style, zone, is_marked=True)

    @property
    def marked(self) -> Renderer:
        """See `Renderer.marked`; this one where every line has a mark anyway."""
        return self._marked

    def styled(self, style: Style, zone: tzinfo | None) -> Renderer:
        """See `Renderer.styled`."""
        found = self._plain.styled(style, zone)
        return found.marked if self._is_marked else found

    def render(self, entry: Entry) -> bytes:
        """Return the line that everybody sees who wants this style."""
        shown = self._lines.render(entry)
        return _time(int(entry.at // 60), None, self._zone) + shown if shown and self._has_times else shown

    def past(self, entry: Entry, now: datetime, here: str) -> bytes:
        """Return an entry of before, behind its time; see `PlainRenderer.past`."""
        return self._plain.past(entry, now, REGISTER if self._names_all else here)  # which is no room of anybody's


class PlainWriter(LinesWriter):
    """Writes each reply as lines."""

    def write(self, reply: Reply) -> bytes:
        """Return `reply` as the lines that its peer reads."""
        match reply:
            case Welcome():
                return line(welcome_to_chat(reply))
            case Audited(entries, now):
                today, zone = now.date(), now.tzinfo
                return b"".join(
                    [
                        _time(int(entry.at // 60), today, zone) + line(f"{entry.author} {decided}")
                        for entry in entries
                        if (decided := decision(entry, names_room=True))
                    ]
                )
            case Past(entries, now, here):
                return b"".join([self.renderer.past(entry, now, here) for entry in entries])
            case _:
                return super().write(reply)


@lru_cache(1024)  # a crowd that comes back is told the same minutes, each of them
def _time(minute: int, today: date | None, zone: tzinfo | None) -> bytes:
    """Return what a line begins with: its time, and its day unless that is `today`; without a `today` never.

    `minute` counts from the Unix epoch; no time zone of today is off by parts of one.
    """
    try:
        then = datetime.fromtimestamp(60 * minute, zone)
    except (ValueError, OverflowError, OSError):  # no calendar has it: of a damaged file
        return f"[{NO_TIME}] ".encode()
    pattern = "%H:%M" if today is None or then.date() == today else "%Y-%m-%d %H:%M"
    return f"[{then:{pattern}}] ".encode()


class PlainProtocol(Protocol):
    """The wire format of `nc` and of anything that can send a line."""

    name: ClassVar[str] = "plain"
    writer: ClassVar[Writer] = PlainWriter(PlainRenderer())

    def reader(self, line_bytes: int) -> PlainReader:
        """Return a new reader."""
        return PlainReader(line_bytes)
