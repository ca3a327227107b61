"""The plain protocol's lines in the styles that people choose."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from chatsrv.model.changes import Change, What
from chatsrv.model.entries import Entry, Kind
from chatsrv.model.replies import Past
from chatsrv.model.style import Style
from chatsrv.protocols.base import Writer
from chatsrv.protocols.lines import LinesProtocol
from chatsrv.protocols.plain import PlainProtocol
from chatsrv.protocols.telnet import TelnetProtocol
from chatsrv.testing.protocol_samples import ENTRIES

PLAIN, TELNET = PlainProtocol.writer.renderer, TelnetProtocol.writer.renderer
BERLIN = ZoneInfo("Europe/Berlin")
AT = 1_792_891_800.0  # the clocks of Berlin went back an hour half an hour before: it is 2:30 for the second time
TIMES, ROOMS, BOTH = Style(times="on"), Style(rooms="always"), Style("on", "always")


def in_style(style: Style) -> Writer:
    return PlainProtocol.writer.showing_by(PLAIN.styled(style, BERLIN))


def said(text: str = "hi", room: str = "lobby", kind: Kind = Kind.SAY) -> Entry:
    return Entry(1, AT, room, kind, "bob", 1, text)


@pytest.mark.parametrize(
    ("style", "here", "elsewhere"),
    [
        (Style(), "<bob> hi\n", "[dev] <bob> hi\n"),
        (TIMES, "[02:30] <bob> hi\n", "[02:30] [dev] <bob> hi\n"),
        (ROOMS, "[dev] <bob> hi\n", "[dev] <bob> hi\n"),
        (BOTH, "[02:30] [dev] <bob> hi\n", "[02:30] [dev] <bob> hi\n"),
    ],
)
def test_lines_of_the_own_room_and_of_others_are_shown_in_each_style(style: Style, here: str, elsewhere: str) -> None:
    for renderer, newline in ((PLAIN, "\n"), (TELNET, "\r\n")):
        styled = renderer.styled(style, BERLIN)
        assert styled.render(said(room="dev")).decode() == here.replace("\n", newline)
        assert styled.marked.render(said(room="dev")).decode() == elsewhere.replace("\n", newline)


def test_every_kind_of_line_has_its_time_and_its_room_but_for_private_ones() -> None:
    render = PLAIN.styled(BOTH, UTC).render
    kick = Change(What.KICK, "lobby", "carol", text="loud").encode()
    assert render(said("waves", kind=Kind.ACTION)) == b"[01:30] [lobby] * bob waves\n"
    assert render(said("", kind=Kind.JOIN)) == b"[01:30] [lobby] * bob joined\n"
    assert render(said("LOST", kind=Kind.LEAVE)) == b"[01:30] [lobby] * bob left (connection lost)\n"
    assert render(said(kick, kind=Kind.CHANGE)) == b"[01:30] [lobby] *** bob kicked carol: loud\n"
    assert render(said("hi", "@alice", Kind.PRIVATE)) == b"[01:30] [private] <bob> hi\n"
    assert render(said("alice hi", "@bob", Kind.PRIVATE_SENT)) == b"[01:30] [private to alice] <bob> hi\n"
    assert render(said("", kind=Kind.ERASED)) == b""


def test_what_was_before_has_its_time_once_and_its_room_as_live_lines_have() -> None:
    now = datetime.fromtimestamp(AT, BERLIN)
    past = Past((said(), said(room="dev")), now, "lobby")
    assert (
        in_style(TIMES).write(past) == PlainProtocol.writer.write(past) == b"[02:30] <bob> hi\n[02:30] [dev] <bob> hi\n"
    )
    for style in (ROOMS, BOTH):
        styled = PLAIN.styled(style, BERLIN)
        assert in_style(style).write(past) == b"[02:30] [lobby] <bob> hi\n[02:30] [dev] <bob> hi\n"
        assert styled.past(said(), now, "lobby") == styled.past(said(), now, "") == b"[02:30] [lobby] <bob> hi\n"


@pytest.mark.parametrize("usual", [PlainProtocol.writer, TelnetProtocol.writer], ids=["plain", "telnet"])
def test_an_entry_of_before_is_shown_as_in_a_page(usual: Writer) -> None:
    now = datetime.fromtimestamp(1e9, UTC)
    for style in (Style(), TIMES, ROOMS, BOTH):
        writer = usual.showing_by(usual.renderer.styled(style, UTC))
        for entry in ENTRIES:
            for here in ("", entry.room, "elsewhere"):
                assert writer.renderer.past(entry, now, here) == writer.write(Past((entry,), now, here))


@pytest.mark.parametrize("renderer", [PLAIN, TELNET, LinesProtocol.writer.renderer], ids=["plain", "telnet", "lines"])
def test_readers_of_one_style_share_a_renderer(renderer) -> None:
    assert renderer.styled(Style(), BERLIN) is renderer
    for style in (TIMES, ROOMS, BOTH):
        styled = renderer.styled(style, BERLIN)
        assert styled is renderer.styled(style, BERLIN) is styled.styled(style, BERLIN) is styled.styled(style, BERLIN)
        assert styled.styled(Style(), BERLIN) is renderer
        assert styled.marked is styled.marked.marked is renderer.marked.styled(style, BERLIN)
        assert styled.omits_own == renderer.omits_own


def test_times_are_those_of_the_time_zone_which_is_no_matter_without_times() -> None:
    assert PLAIN.styled(TIMES, UTC) is not PLAIN.styled(TIMES, BERLIN)
    assert PLAIN.styled(ROOMS, UTC) is PLAIN.styled(ROOMS, BERLIN)
    assert PLAIN.styled(TIMES, UTC).render(said()) == b"[01:30] <bob> hi\n"


@pytest.mark.parametrize("at", [2.3e12, -1e15, 1e20])
def test_a_time_that_no_calendar_has_ends_nobodys_session(at: float) -> None:
    assert PLAIN.styled(TIMES, UTC).render(said()._replace(at=at)) == b"[no time] <bob> hi\n"


# ------------------------------------------------------------------ invitations


def test_an_invitation_is_told_to_its_guest_in_a_sentence() -> None:
    invitation = said(Change(What.INVITE, "dev", "alice").encode(), "@alice", Kind.CHANGE)
    told = "bob invites you to dev: /join dev enters it."
    assert PLAIN.render(invitation).decode() == PLAIN.marked.render(invitation).decode() == f"{told}\n"
    assert TELNET.render(invitation).decode() == f"{told}\r\n"
    assert PLAIN.past(invitation, datetime.fromtimestamp(AT, UTC), "lobby").decode() == f"[01:30] {told}\n"
    assert PLAIN.render(invitation._replace(room="dev")) == b"*** bob invited alice\n"


@pytest.mark.parametrize("text", ["", "{}", Change(What.KICK, "dev", "alice").encode()])
def test_nothing_else_that_was_decided_is_told_in_private(text: str) -> None:
    assert PLAIN.render(said(text, "@alice", Kind.CHANGE)) == b""
