"""What the contract test of wire formats sends and has shown: bytes that were trouble, entries and replies.

Values; nothing here is random.
"""

from datetime import UTC, datetime

from chatsrv.model.changes import Change, What
from chatsrv.model.entries import PRIVATE_MARK, Entry, Kind
from chatsrv.model.reasons import Reason
from chatsrv.model.refusals import Banned, NoSuchRoom, NotInRoom, PluginRefusal, TooManyLogins
from chatsrv.model.replies import (
    Audited,
    Away,
    AwayEnd,
    Comings,
    CommandList,
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
from chatsrv.model.reports import Left
from chatsrv.model.style import CHOICES, Style

LINE_BYTES = 512
"""The line limit under which every reader is tested."""

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

STYLES = tuple(Style(times, rooms) for times in CHOICES["times"] for rooms in CHOICES["rooms"])

REPLIES: tuple[Reply, ...] = (
    Welcome("alice"),
    Welcome("alice", ("bob", _NAME)),
    Welcome("alice", ("bob",), 1000),
    Welcome("alice", is_in_room=False),
    LoginRefused(),
    LoginRefused(TooManyLogins(61)),
    Left("dev", "lobby"),
    NotInRoom("dev"),
    NoSuchRoom(_NAME, "dev"),
    Banned("", _MOMENT, _TEXT),
    PluginRefusal(_TEXT),
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
    Away(1, 20_000, "dev", Comings(12, is_more=True), is_more=True),
    Away(0, is_more=True),
    Away(0, comings=Comings(1, (_NAME,))),
    AwayEnd(),
    Comings(12),
    Comings(4, ("alice",), (_NAME,), ("bob", "carol")),
    Comings(1, returned=(_NAME,)),
    PastEnd(is_all=False),
    PastEnd(is_all=True),
    Text(_TEXT),
    Text(""),
)
