"""The plain protocol: what is typed, and what the others see."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from chatsrv.model.changes import MODERATION, Change, What
from chatsrv.model.commands import (
    Act,
    Ban,
    CatchUp,
    Command,
    Complaint,
    Enter,
    Help,
    History,
    Invoke,
    More,
    PrivateMessage,
    Quit,
    Say,
    Search,
    Topic,
    Who,
)
from chatsrv.model.entries import Entry, Kind
from chatsrv.model.login import Admitted
from chatsrv.model.reasons import Reason
from chatsrv.model.replies import (
    Audited,
    Away,
    AwayEnd,
    Comings,
    CommandList,
    ListEnd,
    LoginRefused,
    Missing,
    Past,
    PastEnd,
    Present,
    Reply,
    RoomLine,
    RoomList,
    RulingLine,
    RulingList,
    TopicTold,
    UnknownCommand,
    Usage,
    Welcome,
)
from chatsrv.protocols.plain import PlainProtocol, PlainReader
from chatsrv.protocols.telnet import TelnetProtocol
from chatsrv.wording.news import LEFT_FOR

TEN_X = (
    "A number after the name has to be a duration such as 30s, 10m, 2h, 3d, 1w or 1d12h, up to 10 years. "
    "Begin a reason with a word."
)


def logged_in(line_bytes: int = 4096) -> PlainReader:
    reader = PlainProtocol().reader(line_bytes)
    reader.receive(b"alice\nwonderland\n")
    assert reader.decided(Admitted("alice")) == [Enter()]
    return reader


@pytest.mark.parametrize(
    ("typed", "commands"),
    [
        ("hello", [Say("hello")]),
        ("  indented", [Say("  indented")]),
        ("привет", [Say("привет")]),
        ("", []),
        ("   ", []),
        ("\t\u2028\x00\u3000", []),
        ("/help", [Help()]),
        ("/WHO", [Who()]),
        ("/who #dev", [Who("#dev")]),
        ("/ban bob 10x", [Complaint(TEN_X)]),
        ("/ban bob -5m", [Complaint(TEN_X)]),
        ("/ban bob - rude", [Ban("bob", False, None, "- rude")]),
        ("/ban", [Complaint("Usage: /ban NAME|NETWORK [everywhere] [DURATION] [REASON]")]),
        ("/msg bob  \x1b[1mhi", [PrivateMessage("bob", "hi")]),
        ("/me waves", [Act("waves")]),
        ("/me   waves  twice ", [Act("waves  twice")]),
        ("/Me\twaves", [Act("waves")]),
        ("/quit", [Quit()]),
        ("//quit", [Say("/quit")]),
        ("///", [Say("//")]),
        (" /msg bob secret", [PrivateMessage("bob", "secret")]),
        ("\u3000\u200b/quit", [Quit()]),
        (" //quit", [Say("/quit")]),
        (" /\\ ", [Invoke("\\", "")]),
        ("\u200c", []),
        ("\u200d \u200d", []),
        ("\u2800\u3164 \u115f\u1160\uffa0", []),
        ("\u3164hello", [Say("hello")]),
        ("\u00ad\u034f\u180e\u2061\ufe0f\u17b4\U000e0041\U000e007f", []),
        ("\u00ad/msg bob secret", [PrivateMessage("bob", "secret")]),
        ("\u2800\U000e0041\u0301 \u17b4\ufe0f/msg bob secret", [PrivateMessage("bob", "secret")]),
        ("/m\u2061sg bob\u200d secret", [PrivateMessage("bob", "secret")]),
        ("/me \u2061", [Complaint("Usage: /me TEXT")]),
        ("/me jo\u1160ined", [Act("joined")]),
        ("/topic \ufe0fTea", [Topic("Tea")]),
        ("\u0301", [Say("\u0301")]),
        ("/me \u2800", [Complaint("Usage: /me TEXT")]),
        ("/me \u3164waves", [Act("waves")]),
        ("/msg bob \u200d", [Complaint("Usage: /msg NAME TEXT")]),
        ("/topic \u2800", [Topic(None)]),
        ("/me has a ❤\ufe0f", [Act("has a ❤\ufe0f")]),
        ("\x1b[1m/quit", [Quit()]),
        ("/me", [Complaint("Usage: /me TEXT")]),
        ("/me  ", [Complaint("Usage: /me TEXT")]),
        ("/history", [History(20)]),
        ("/history  7", [History(7)]),
        ("/history 1000000", [History(1_000_000)]),
        ("/history 0", [Complaint("Usage: /history [N]")]),
        ("/history -5", [Complaint("Usage: /history [N]")]),
        ("/history all", [Complaint("Usage: /history [N]")]),
        ("/history 5 lines", [Complaint("Usage: /history [N]")]),
        ("/search milk  Bread*", [Search("milk  Bread*")]),
        ("/search", [Complaint("Usage: /search WORDS")]),
        ("/more", [More()]),
        ("/more of it", [More()]),
        ("/catchup OFF", [CatchUp(is_wanted=False)]),
        ("/catchup maybe", [Complaint("Usage: /catchup on|off")]),
        ("/Roll  2d6  twice ", [Invoke("roll", "2d6  twice")]),
        ("/hlep", [Invoke("hlep", "")]),
        ("/", [Invoke("", "")]),
    ],
)
def test_what_is_typed(typed: str, commands: list[Command]) -> None:
    assert logged_in().receive(typed.encode() + b"\n") == commands
    assert logged_in().receive(typed.encode() + b"\r\n") == commands


def test_a_number_too_long_to_be_one_is_a_mistake_like_any_other() -> None:
    typed = b"/history " + b"9" * 60_000 + b"\n"
    assert logged_in(65_536).receive(typed) == [Complaint("Usage: /history [N]")]


def test_many_lines_keep_their_order() -> None:
    typed = b"one\n\n/me waves\r\ntwo\n/who\nthree"
    assert logged_in().receive(typed) == [Say("one"), Act("waves"), Say("two"), Who()]


def test_what_is_said_is_a_real_say() -> None:
    (said,) = logged_in().receive(b"hello\n")
    assert isinstance(said, Say)
    assert (said.text, said.room) == ("hello", "")


def entry(kind: Kind, text: str = "") -> Entry:
    return Entry(1, 0.0, "lobby", kind, "bob", 2, text)


@pytest.mark.parametrize(
    ("shown", "line"),
    [
        (entry(Kind.SAY, "hi alice"), "<bob> hi alice"),
        (entry(Kind.SAY, "größer"), "<bob> größer"),
        (entry(Kind.ACTION, "waves"), "* bob waves"),
        (entry(Kind.JOIN), "* bob joined"),
        (entry(Kind.LEAVE, Reason.QUIT.name), "* bob left"),
        (entry(Kind.LEAVE, Reason.LOST.name), "* bob left (connection lost)"),
        (entry(Kind.LEAVE, "NEVER_HEARD_OF"), "* bob left"),
        (entry(Kind.PRIVATE, "hi alice"), "[private] <bob> hi alice"),
        (entry(Kind.PRIVATE_SENT, "alice  hi  there"), "[private to alice] <bob>  hi  there"),
    ],
)
def test_entries(shown: Entry, line: str) -> None:
    assert PlainProtocol.writer.renderer.render(shown) == line.encode() + b"\n"


def change(what: What, room: str = "dev", target: str = "", until: float | None = None, text: str = "") -> Entry:
    return entry(Kind.CHANGE, Change(what, room, target, until, text).encode())


@pytest.mark.parametrize(
    ("shown", "here", "elsewhere"),
    [
        (change(What.CREATE), "created the room dev", "created the room dev"),
        (
            change(What.CREATE, text="unlogged invite-only"),
            "created the room dev (invite-only, unlogged)",
            "created the room dev (invite-only, unlogged)",
        ),
        (change(What.TOPIC, text="a: b"), "changed the topic to: a: b", "changed the topic of dev to: a: b"),
        (change(What.TOPIC), "cleared the topic", "cleared the topic of dev"),
        (change(What.INVITE, target="carol"), "invited carol", "invited carol to dev"),
        (change(What.KICK, target="carol"), "kicked carol", "kicked carol out of dev"),
        (
            change(What.KICK, target="carol", text="too loud"),
            "kicked carol: too loud",
            "kicked carol out of dev: too loud",
        ),
        (change(What.BAN, target="10.0.0.0/8"), "banned 10.0.0.0/8", "banned 10.0.0.0/8 from dev"),
        (
            change(What.BAN, target="carol", until=7200.0, text="spam"),
            "banned carol for 2 hours: spam",
            "banned carol from dev for 2 hours: spam",
        ),
        (
            change(What.BAN, "", "carol"),
            "banned carol from the whole server",
            "banned carol from the whole server",
        ),
        (change(What.UNBAN, target="carol"), "lifted the ban of carol", "lifted the ban of carol in dev"),
        (change(What.MUTE, target="carol", until=60.0), "muted carol for 1 minute", "muted carol in dev for 1 minute"),
        (change(What.UNMUTE, target="carol"), "lifted the mute of carol", "lifted the mute of carol in dev"),
        (
            change(What.SLOW, text="30"),
            "turned slow mode on: one line in 30 seconds from each",
            "turned slow mode on in dev: one line in 30 seconds from each",
        ),
        (change(What.SLOW, text="0"), "turned slow mode off", "turned slow mode off in dev"),
    ],
)
def test_what_was_decided_is_told_with_three_stars_and_in_an_audit_with_its_room(
    shown: Entry, here: str, elsewhere: str
) -> None:
    renderer = PlainProtocol.writer.renderer
    assert renderer.render(shown).decode() == f"*** bob {here}\n"
    assert (
        PlainProtocol.writer.write(Audited((shown,), datetime.fromtimestamp(60, UTC))).decode()
        == f"[00:00] bob {elsewhere}\n"
    )


@pytest.mark.parametrize("what", sorted(set(What) - MODERATION))
def test_what_is_somebodys_own_business_is_shown_to_nobody(what: What) -> None:
    shown = change(what, target="alice")
    assert PlainProtocol.writer.renderer.render(shown) == b""
    assert PlainProtocol.writer.write(Audited((shown,), datetime.fromtimestamp(60, UTC))) == b""


@pytest.mark.parametrize("text", ["", "[]", '{"what":"crown","target":"bob"}', '{"what":"slow","text":"1e999"}'])
def test_a_change_of_a_later_version_is_not_shown(text: str) -> None:
    assert PlainProtocol.writer.renderer.render(entry(Kind.CHANGE, text)) == b""


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_told_in_its_words(reason: Reason) -> None:
    rendered = PlainProtocol.writer.renderer.render(entry(Kind.LEAVE, reason.name)).decode()
    assert rendered == f"* bob {LEFT_FOR.get(reason.name, 'left')}\n"


@pytest.mark.parametrize(
    "action",
    [
        *("joined", "Left", "left (connection lost)", " left", "-joined.", "left the oven on", "left(connection lost)"),
        *("and ann left", "& ann joined", ", carol and ann came and went", "and ann left (connection lost)"),
        *("\uff4aoined", "l\u0435ft", "\u217ceft", "\U0001d423oined", "1eft", "CAME  AND WENT", "and ann le\u00adft"),
        *("jo\u1160ined", "jo\u00adi\ufe0fned", "le\u0301ft", "\u2061joined", "\u2800joined"),  # of an earlier version
    ],
)
def test_action_that_reads_like_news_is_shown_as_typed(action: str) -> None:
    assert PlainProtocol.writer.renderer.render(entry(Kind.ACTION, action)) == f"<bob> /me {action}\n".encode()


@pytest.mark.parametrize("action", ["lefty waves", "has left", "is joined by nobody", "and ann wave", "andante left"])
def test_other_actions_are_shown_as_actions(action: str) -> None:
    assert PlainProtocol.writer.renderer.render(entry(Kind.ACTION, action)) == f"* bob {action}\n".encode()


MOMENT = datetime(2026, 11, 25, 14, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("reply", "lines"),
    [
        (Welcome("alice", ("bob", "carol")), "Welcome, alice! Here now: bob, carol. Type /help for commands.\n"),
        (Welcome("alice", ("bob",), 7), "Welcome, alice! Here now: bob and 7 more. Type /help for commands.\n"),
        (Welcome("alice", is_in_room=False), "Welcome, alice! Type /help for commands.\n"),
        (Welcome("alice"), "Welcome, alice! Nobody else is here. Type /help for commands.\n"),
        (Present("lobby", ("alice", "bob")), "Here now: alice, bob.\n"),
        (Present("lobby", ("alice",), 9), "Here now: alice and 9 more.\n"),
        (Present("lobby", ("zoe",), is_rest=True), "Here too: zoe.\n"),
        (Present("dev", (), is_here=False), "In dev now: nobody.\n"),
        (Present("dev", ("zoe",), 1, is_here=False, is_rest=True), "In dev too: zoe and 1 more.\n"),
        (
            RoomList((RoomLine("dev", 0), RoomLine("hall", 1, "tea", is_in=True), RoomLine("lobby", 7, is_here=True))),
            "dev (nobody)\nhall (1 person, you are in it): tea\nlobby (7 people, you speak here)\n",
        ),
        (RoomList((RoomLine("x", 2, "", True, False),)), "x (2 people, invite-only, unlogged)\n"),
        (TopicTold("dev", ""), "dev has no topic.\n"),
        (TopicTold("dev", "tea"), "Topic of dev: tea\n"),
        (TopicTold("dev", "tea", "bob", MOMENT), "Topic of dev: tea\n(bob set it on 2026-11-25 14:30)\n"),
        (
            RulingList((RulingLine(True, "dev", "bob", "alice", MOMENT, None, "spam"),)),
            "bob: banned from dev for good, by alice on 2026-11-25 14:30: spam\n",
        ),
        (
            RulingList((RulingLine(False, "", "bob", "alice", MOMENT, MOMENT),)),
            "bob: muted on the whole server until 2026-11-25 14:30, by alice on 2026-11-25 14:30\n",
        ),
        (ListEnd(is_all=True), "(end; that is all)\n"),
        (ListEnd(is_all=False), "(/more goes on)\n"),
        (LoginRefused(), "Login failed.\n"),
        (Away(12), "While you were away (12):\n"),
        (Away(2, 0, "dev", Comings(12)), "While you were away, in dev (2):\n* 12 people came and went\n"),
        (Away(0, comings=Comings(1, left=("bob",))), "While you were away: bob left.\n"),
        (
            Away(1, 20_000, is_more=True),
            "While you were away (1):\n(at least 20000 older lines are left out here; /history shows them)\n",
        ),
        (Comings(12), "* 12 people came and went\n"),
        (Comings(12, is_more=True), "* at least 12 people came and went\n"),
        (Comings(1, is_more=True), "* at least 1 person came and went\n"),
        (Comings(1, both=("bob",)), "* bob came and went\n"),
        (Comings(1, returned=("bob",)), "* bob left and came back\n"),
        (Comings(2, left=("ann",), returned=("bob",)), "* ann left, bob left and came back\n"),
        (Comings(1, ("bob",)), "* bob joined meanwhile\n"),
        (Comings(2, ("alice",), ("bob",)), "* alice joined, bob left meanwhile\n"),
        (
            Comings(4, ("alice",), ("bob",), ("carol", "dave")),
            "* alice joined, bob left, carol and dave came and went\n",
        ),
        (
            Away(1000, 1),
            "While you were away (1000):\n(1 older line is left out here; /history shows them)\n",
        ),
        (
            Away(1000, 2412),
            "While you were away (1000):\n(2412 older lines are left out here; /history shows them)\n",
        ),
        (AwayEnd(), "(that is all you missed)\n"),
        (PastEnd(is_all=True), "(end; that is all)\n"),
        (PastEnd(is_all=False), "(end; /more shows what came before)\n"),
        (
            CommandList((Usage("me", "TEXT", "wave"), Usage("roll", "[SIDES]", "roll a\ndie"))),
            "/me TEXT       wave\n/roll [SIDES]  roll a die\n//TEXT         say a text that begins with a slash\n",
        ),
        (Usage("roll", "[SIDES]", "roll a die"), "Usage: /roll [SIDES]\n"),
        (
            CommandList((Usage("me", "TEXT", "wave"), Usage("ban", "NAME [everywhere] [DURATION] [REASON]", "ban"))),
            "/me TEXT  wave\n/ban NAME [everywhere] [DURATION] [REASON]  ban\n"
            "//TEXT    say a text that begins with a slash\n",
        ),
        (UnknownCommand("hlep", "help"), "There is no command /hlep. Did you mean /help?\n"),
        (UnknownCommand("frobnicate"), "There is no command /frobnicate. Type /help for commands.\n"),
        (UnknownCommand("frob" * 9), "There is no such command. Type /help for commands.\n"),
        (UnknownCommand(""), "There is no command /. Type /help for commands.\n"),
    ],
)
def test_replies(reply: Reply, lines: str) -> None:
    assert PlainProtocol.writer.write(reply) == lines.encode()


# The clocks of Berlin go back an hour in the night to 25 October 2026: it is 2:30 twice.
SECOND_HALF_PAST_TWO = 1_792_891_800


@pytest.mark.parametrize(
    ("seconds_ago", "told"),
    [
        (0, "[02:30] "),
        (3600, "[02:30] "),
        (7200, "[01:30] "),
        (3600 * 3.5, "[00:00] "),
        (3600 * 3.5 + 1, "[2026-10-24 23:59] "),
        (-86400, "[2026-10-26 02:30] "),
    ],
)
def test_what_is_past_is_told_with_its_time_and_the_day_unless_it_is_today(seconds_ago: float, told: str) -> None:
    now = datetime.fromtimestamp(SECOND_HALF_PAST_TWO, ZoneInfo("Europe/Berlin"))
    past = Past((entry(Kind.SAY, "hi")._replace(at=SECOND_HALF_PAST_TWO - seconds_ago),), now)
    assert PlainProtocol.writer.write(past) == f"{told}<bob> hi\n".encode()


@pytest.mark.parametrize("at", [2.3e12, -1e15, 1e20])
def test_a_time_that_no_calendar_has_ends_nobodys_session(at: float) -> None:
    past = Past((entry(Kind.SAY, "hi")._replace(at=at),), datetime.fromtimestamp(60, UTC))
    assert PlainProtocol.writer.write(past) == b"[no time] <bob> hi\n"


def test_of_what_is_past_each_line_is_what_it_was_and_nothing_erased_is_shown() -> None:
    entries = (entry(Kind.JOIN), entry(Kind.ERASED), entry(Kind.ACTION, "left"), entry(Kind.LEAVE, Reason.LOST.name))
    told = PlainProtocol.writer.write(Past(entries, datetime.fromtimestamp(60, UTC))).decode()
    assert told.splitlines() == [
        "[00:00] * bob joined",
        "[00:00] <bob> /me left",
        "[00:00] * bob left (connection lost)",
    ]


@pytest.mark.parametrize(
    ("entries", "words"), [(None, "some entries are"), (1, "1 entry is"), (340, "340 entries are")]
)
def test_what_is_no_longer_kept_is_said(entries: int | None, words: str) -> None:
    assert PlainProtocol.writer.write(Missing(entries)) == f"(a hole here: {words} no longer kept)\n".encode()


@pytest.mark.parametrize("action", ["\u3164left (connection lost)", "\u2800joined", "left\u1160(connection lost)"])
def test_news_cannot_be_forged_with_what_looks_like_a_space(action: str) -> None:
    assert PlainProtocol.writer.renderer.render(entry(Kind.ACTION, action)).startswith(b"<bob> /me ")


@pytest.mark.parametrize("hidden", ["\u200b", "\u00ad", "\u034f", "\u200d", "\ufe0f"])
def test_news_cannot_be_forged_with_characters_that_nobody_sees(hidden: str) -> None:
    entry = Entry(1, 0.0, "lobby", Kind.ACTION, "bob", 1, f"le{hidden}ft (connection lost)")
    assert PlainProtocol.writer.renderer.render(entry).startswith(b"<bob> /me ")


# ---------------------------------------------------------------------------- rooms that one does not speak in


def test_lines_of_another_room_begin_with_its_name_but_private_ones() -> None:
    marked = PlainProtocol.writer.renderer.marked
    said = entry(Kind.SAY, "hi")._replace(room="dev")
    assert marked.render(said) == b"[dev] <bob> hi\n"
    assert marked.render(said._replace(kind=Kind.JOIN, text="")) == b"[dev] * bob joined\n"
    assert marked.render(said._replace(kind=Kind.ERASED)) == b""
    assert marked.render(said._replace(kind=Kind.PRIVATE, room="@alice")) == b"[private] <bob> hi\n"


def test_what_is_past_is_marked_where_it_was_said_in_another_room_than_the_reader_speaks_in() -> None:
    entries = tuple(entry(Kind.SAY, "hi")._replace(room=room) for room in ("lobby", "dev"))
    now = datetime.fromtimestamp(60, UTC)
    told = PlainProtocol.writer.write(Past(entries, now, "lobby")).decode()
    assert told == "[00:00] <bob> hi\n[00:00] [dev] <bob> hi\n"
    assert PlainProtocol.writer.write(Past(entries, now)).decode() == "[00:00] <bob> hi\n" * 2


def test_telnets_marked_lines_end_as_its_others_do() -> None:
    said = entry(Kind.SAY, "hi")._replace(room="dev")
    assert TelnetProtocol.writer.renderer.marked.render(said) == b"[dev] <bob> hi\r\n"
