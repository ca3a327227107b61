r"""Contract tests for wire formats: subclass one in a test module of yours, and pytest collects it.

    class TestMine(ProtocolContract):
        protocol = MyProtocol()
        login = b"USER alice\r\nPASS wonderland\r\n"
        talk = (b"SAY hello\r\n", b"WHO\r\n")

        def line(self, text):
            return b"SAY " + text.encode() + b"\r\n"

        @given(hypothesis.strategies.binary())      # if you have a fuzzer: `check` takes whatever it thinks of
        def test_any_bytes(self, data):
            self.check(data)

Imports no test framework; plain asserts. What is random here is seeded, so that each run does the same. No threads.
"""

import gc
import sys
import types
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from random import Random
from typing import ClassVar, get_args

from chatsrv.model.changes import Change, What
from chatsrv.model.commands import Act, Command, Credentials, Say
from chatsrv.model.entries import PRIVATE_MARK, Entry, Kind
from chatsrv.model.errors import ProtocolError
from chatsrv.model.reasons import Reason
from chatsrv.model.replies import (
    Audited,
    Away,
    AwayEnd,
    Comings,
    CommandList,
    Goodbye,
    ListEnd,
    LoginRefused,
    Missing,
    Notice,
    Past,
    PastEnd,
    Present,
    Reply,
    RoomLine,
    RoomList,
    RulingLine,
    RulingList,
    Text,
    TopicTold,
    UnknownCommand,
    Usage,
    Welcome,
)
from chatsrv.model.style import CHOICES, Style
from chatsrv.protocols.base import Protocol, Reader

LINE_BYTES = 512
"""The line limit under which every reader is tested."""

RECEIVE_BYTES = 65536
"""The most that a session hands to `Reader.receive` at once."""

RETAINED_BYTES = 4 * (LINE_BYTES + RECEIVE_BYTES)
"""What a reader may keep of its peer's bytes: a line and one receive, four bytes a character once decoded."""

FLOOD_BYTES = 4 * 1024 * 1024

NOISE = (
    b"",
    b"\0" * 100,
    b"\n" * 100,
    b"\r" * 100,
    b"\r\n\r\n\n\r\0\n",
    b"\xff\xfe\xff\xff\xff\xfa\xff\xf0",
    b"\xc3\n\xa9\n\xe2\x82\n\xf0\x9f\x98\n\xed\xa0\x80\n",
    b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    b"/ // /// / /\n/\n//\n/me\n/me \n/quit\n:\n: \n\\\n",
    b"/password\n/quit\n\xff\r\n\r\n/password\nold\n//\n//\n/password\n\n/password\n" + b"x" * 2 * LINE_BYTES + b"\n",
    b"\x1b]0;\x1b[\x1b\x9b\x1b\n\x07",
    b"x" * LINE_BYTES + b"\n" + b"y" * (LINE_BYTES + 1) + b"\r\n" + b"z" * (10 * LINE_BYTES) + b"\nw\n",
)
"""Bytes that have been trouble for some reader before."""

HOSTILE = (
    "\x1b[2J\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07bell\x07",
    "\x9b2J \x85 \x90\x9c",
    "nul\0 tab\t back\x08 del\x7f cr\r! form\f",
    "\u202eright to left\u202c \u2066isolated\u2069 \u200e\u200f\u061c",
    "one\u2028two\u2029three",
    "\ufeffmark",
)
"""Texts that would harm another person's terminal, or pass for somebody else's line."""

_BIDIRECTIONAL = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_MOMENT = datetime.fromtimestamp(1.5, UTC)
_NAME, _TEXT = "Zoë", "größer: 👩\u200d🚀 \\ <b> %s {} :x"

_CHANGES = tuple(
    Change(what, room, target, until, text).encode()
    for what in What
    for room in ("", "dev")
    for target in ("", _NAME, "192.0.2.0/24")
    for until, text in ((None, ""), (5.5, "10"), (1.0, _TEXT))
)

ENTRIES = (
    *(
        Entry(1, 1.5, "lobby", kind, author, 7, text)
        for kind in Kind
        for author in ("bob", _NAME)
        for text in (_TEXT, "", *(reason.name for reason in Reason), *(_CHANGES if kind is Kind.CHANGE else ()))
    ),
    *(Entry(1, 1.5, f"{PRIVATE_MARK}alice", Kind.CHANGE, _NAME, 7, text) for text in _CHANGES),
)

_STYLES = tuple(Style(times, rooms) for times in CHOICES["times"] for rooms in CHOICES["rooms"])

REPLIES: tuple[Reply, ...] = (
    Welcome("alice"),
    Welcome("alice", ("bob", _NAME)),
    Welcome("alice", ("bob",), 1000),
    Welcome("alice", is_in_room=False),
    LoginRefused(),
    LoginRefused(_TEXT),
    Present("lobby", ("alice",)),
    Present("lobby", ("alice", _NAME), 1000),
    Present("dev", (), is_here=False),
    Present("dev", ("bob",), is_here=False, is_rest=True),
    RoomList(()),
    RoomList((RoomLine("lobby", 1000, is_in=True, is_here=True), RoomLine("dev", 0, _TEXT, True, False))),
    TopicTold("dev", ""),
    TopicTold("dev", _TEXT, _NAME, _MOMENT),
    TopicTold("dev", "", _NAME, _MOMENT, is_unsaid=True),
    RulingList(()),
    RulingList((RulingLine(True, "", _NAME, "alice", _MOMENT, _MOMENT, _TEXT),)),
    RulingList((RulingLine(False, "dev", "192.0.2.0/24", "alice", _MOMENT),)),
    Audited(ENTRIES, datetime.fromtimestamp(1e9, UTC)),
    ListEnd(is_all=False),
    ListEnd(is_all=True),
    CommandList(()),
    CommandList((Usage("kick", "NAME [REASON]", _TEXT), Usage("who", "", "list who is here"))),
    Usage("kick", "NAME [REASON]", _TEXT),
    UnknownCommand("wo"),
    UnknownCommand(_NAME, "who"),
    Notice(_TEXT),
    Past((), datetime.fromtimestamp(1.5, UTC)),
    Past(ENTRIES, datetime.fromtimestamp(1e9, UTC)),
    Missing(1),
    Missing(None),
    Away(1),
    Away(1000, 2412),
    Away(1, 20_000, "in dev", Comings(12, is_more=True), is_more=True),
    Away(0, is_more=True),
    Away(0, comings=Comings(1, (_NAME,))),
    AwayEnd(),
    Comings(12),
    Comings(4, ("alice",), (_NAME,), ("bob", "carol")),
    PastEnd(is_all=False),
    PastEnd(is_all=True),
    Text(_TEXT),
    Text(""),
    Goodbye(_TEXT),
)


class ProtocolContract:
    """What every `Protocol` promises. A subclass names the protocol, and what a peer sends to log in and to talk."""

    protocol: ClassVar[Protocol]

    login: ClassVar[bytes] = b"alice\nwonderland\n"
    """What a peer sends to log in; not one byte of it more than the credentials need."""

    credentials: ClassVar[Credentials] = Credentials("alice", "wonderland")

    talk: ClassVar[tuple[bytes, ...]] = (b"hello\n", "größer\n".encode(), b"/who\r\n", b"\n", b"/nonsense\n", b"last\n")
    """What a peer may send afterwards, piece by piece; together they yield a command at least."""

    def line(self, text: str) -> bytes:
        """Return what a peer sends to say `text`, which may be hostile."""
        return text.encode() + b"\n"

    # ------------------------------------------------------------------ reading

    def test_the_login_yields_the_credentials(self) -> None:
        """Once, as the last command, and not before they are complete."""
        commands = self._reader().receive(self.login)
        assert commands[-1] == self.credentials
        assert not any(isinstance(command, Credentials) for command in commands[:-1])
        assert not any(isinstance(command, Credentials) for command in self._reader().receive(self.login[:-1]))

    def test_an_opening_is_always_the_same(self) -> None:
        """Whoever asks for it, and how often: it is for a peer that nothing is known of."""
        assert isinstance(self._reader().opening(), bytes)
        assert self._reader().opening() == self._reader().opening()

    def test_nothing_received_is_nothing_asked(self) -> None:
        """Before the login and after it."""
        assert self._reader().receive(b"") == []
        reader, _ = self._logged_in()
        assert reader.receive(b"") == []

    def test_what_comes_behind_the_credentials_waits_for_accept(self) -> None:
        """Also what comes in a later piece; then it is read as if it had come after."""
        _, accepted = self._logged_in()
        expected = accepted + self._talk()
        assert expected, "`talk` yields no command"
        sent = b"".join(self.talk)
        for first in (sent, b"", sent[: len(sent) // 2]):
            reader = self._reader()
            commands = reader.receive(self.login + first)
            assert commands[-1] == self.credentials, "something behind the credentials was read before `accept`"
            assert reader.receive(sent[len(first) :]) == []
            assert reader.accept(self.credentials.username) == expected

    def test_whole_and_in_pieces_give_the_same_commands(self) -> None:
        """Byte by byte, in random pieces, and in one."""
        self.check(b"".join(self.talk))

    def test_only_protocol_errors_escape(self) -> None:
        """Whatever comes, before the login and after it, in whatever pieces."""
        random = Random(61116)
        alphabet = sorted({*b"".join(self.talk), *b"\0\n\r\x08\x1b\x7f\xff /:"})
        for data in (
            *NOISE,
            *(random.randbytes(random.randrange(1000)) for _ in range(20)),
            *(bytes(random.choices(alphabet, k=random.randrange(1000))) for _ in range(20)),
        ):
            self.check(data)

    def test_two_readers_share_nothing(self) -> None:
        """Two peers whose bytes come in turns read as each alone."""
        sent = self.login + b"".join(self.talk)
        one, other = _Peer(self._reader()), _Peer(self._reader())
        for byte in sent:
            one.send(bytes([byte]))
            other.send(bytes([byte]))
        assert one.commands == other.commands == self._play([sent]).commands

    def test_an_endless_line_is_not_kept(self) -> None:
        """Neither before the login, nor while it is decided, nor after it. Counts what `retained_bytes` can see."""
        deciding = self._reader()
        deciding.receive(self.login)
        for reader in (self._reader(), deciding, self._logged_in()[0]):
            before = retained_bytes(reader)
            for _ in range(FLOOD_BYTES // RECEIVE_BYTES):
                try:
                    reader.receive(b"x" * RECEIVE_BYTES)
                except ProtocolError:
                    break
            grown = retained_bytes(reader) - before
            assert grown <= RETAINED_BYTES, f"the reader keeps {grown} bytes of an endless line"

    def test_what_is_said_is_safe_on_any_terminal(self) -> None:
        """The reader cleans, the renderer trusts: what is once an entry is shown by other formats too."""
        for hostile in HOSTILE:
            for command in self._play([self.login, self.line(f"a{hostile}b")]).commands:
                if isinstance(command, Say | Act):
                    assert is_safe(command.text), f"{hostile!a} was taken as {command.text!a}"
                    assert command.text.encode()

    # ------------------------------------------------------------------ rendering

    def test_entries_are_rendered_purely(self) -> None:
        """Every kind gives bytes, and the same ones at each call."""
        render = self.protocol.renderer.render
        first = [render(entry) for entry in ENTRIES]
        assert all(type(line) is bytes for line in first)
        assert [render(entry) for entry in reversed(ENTRIES)] == first[::-1]

    def test_replies_are_rendered_purely(self) -> None:
        """Every kind gives bytes, and the same ones at each call; a format without an answer gives none."""
        assert {type(reply) for reply in REPLIES} == set(get_args(Reply))
        reply = self.protocol.renderer.reply
        first = [reply(each) for each in REPLIES]
        assert all(type(line) is bytes for line in first)
        assert [reply(each) for each in reversed(REPLIES)] == first[::-1]

    def test_rooms_that_one_does_not_speak_in_have_a_renderer_that_stays_the_same(self) -> None:
        """Readers are grouped by it. It shows whatever is shown, and its marks are shown again."""
        renderer = self.protocol.renderer
        marked = renderer.marked
        assert marked is renderer.marked is marked.marked
        assert marked.omits_own == renderer.omits_own
        assert [bool(marked.render(entry)) for entry in ENTRIES] == [bool(renderer.render(entry)) for entry in ENTRIES]
        assert [marked.reply(each) for each in REPLIES] == [renderer.reply(each) for each in REPLIES]

    def test_each_style_has_a_renderer_that_stays_the_same(self) -> None:
        """Readers are grouped by it. It shows whatever is shown, and any other style can be had from it."""
        usual = self.protocol.renderer
        shown = [bool(usual.render(entry)) for entry in ENTRIES]
        for style in _STYLES:
            renderer = usual.styled(style, UTC)
            assert renderer is usual.styled(style, UTC)
            assert renderer.marked is renderer.marked.marked
            assert [renderer.styled(other, UTC) for other in _STYLES] == [usual.styled(other, UTC) for other in _STYLES]
            for each in (renderer, renderer.marked):
                assert each.omits_own == usual.omits_own
                first = [each.render(entry) for entry in ENTRIES]
                assert [bool(line) for line in first] == shown
                assert [each.render(entry) for entry in reversed(ENTRIES)] == first[::-1]
        assert usual.styled(Style(), UTC) is usual

    def test_an_entry_of_before_is_shown_as_in_a_reply(self) -> None:
        """Whoever comes back is told one after the other, whoever looks back in pages."""
        now = datetime.fromtimestamp(1e9, UTC)
        for renderer in [self.protocol.renderer.styled(style, UTC) for style in _STYLES]:
            for entry in ENTRIES:
                for here in ("", entry.room, "elsewhere"):
                    assert renderer.past(entry, now, here) == renderer.reply(Past((entry,), now, here))

    def test_a_refused_login_is_told(self) -> None:
        """Silence would be taken for a server that hangs."""
        assert self.protocol.renderer.reply(LoginRefused())

    # ------------------------------------------------------------------ to be called

    def check(self, data: bytes) -> None:
        """Assert that `data`, sent before and after the login, reads the same in any pieces, or is unreadable in any.

        For fuzzers: raises `AssertionError`, or whatever escaped the reader.
        """
        random = Random(len(data))
        for sent in (data, self.login + data):
            whole = self._play([sent])
            whole.end()
            assert sum(isinstance(command, Credentials) for command in whole.commands) <= 1
            cuts = sorted(random.choices(range(len(sent) + 1), k=5))
            for pieces in (
                [bytes([byte]) for byte in sent],
                [sent[start:end] for start, end in zip([0, *cuts], [*cuts, len(sent)], strict=True)],
            ):
                played = self._play(pieces)
                played.end()
                assert played.is_unreadable == whole.is_unreadable, "whether it can be read depends on the pieces"
                # An error takes along what came in one piece with it; the session ends anyway.
                assert whole.is_unreadable or played.commands == whole.commands, "what is read depends on the pieces"

    # ------------------------------------------------------------------ private

    def _reader(self) -> Reader:
        return self.protocol.reader(LINE_BYTES)

    def _logged_in(self) -> tuple[Reader, list[Command]]:
        reader = self._reader()
        reader.receive(self.login)
        return reader, reader.accept(self.credentials.username)

    def _talk(self) -> list[Command]:
        reader, _ = self._logged_in()
        return reader.receive(b"".join(self.talk))

    def _play(self, pieces: Iterable[bytes]) -> "_Peer":
        peer = _Peer(self._reader())
        for piece in pieces:
            peer.send(piece)
        return peer


class _Peer:
    """A peer whose every login succeeds, and what came of it."""

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.commands: list[Command] = []
        self.is_unreadable = False

    def send(self, data: bytes) -> None:
        self._take(lambda: self.reader.receive(data))

    def end(self) -> None:
        self._take(self.reader.end)

    def _take(self, read: Callable[[], list[Command]]) -> None:
        if self.is_unreadable:
            return
        try:
            commands = read()
            self.commands += commands
            if commands and isinstance(commands[-1], Credentials):
                self.commands += self.reader.accept(commands[-1].username)
        except ProtocolError:
            self.is_unreadable = True


def is_safe(text: str) -> bool:
    """Tell whether `text` is one line that cannot move, restyle or reorder what a terminal shows."""
    return not any(
        unicodedata.category(character) in ("Cc", "Zl", "Zp", "Cs") or character in _BIDIRECTIONAL for character in text
    )


def retained_bytes(reader: Reader) -> int:
    """Return the size of everything that `reader` holds on to, as far as `sys.getsizeof` can tell.

    Code, classes and modules do not count, nor does what an extension type hides.
    """
    seen: dict[int, object] = {}
    waiting: Sequence[object] = [reader]
    while waiting:
        fresh = {id(item): item for item in waiting if id(item) not in seen and not isinstance(item, _SHARED)}
        seen |= fresh
        waiting = gc.get_referents(*fresh.values())
    return sum(map(sys.getsizeof, seen.values()))


_SHARED = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.CodeType, Protocol)
