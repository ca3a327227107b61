"""The contract test of a wire format's outward half: entries and replies on their way to becoming bytes.

Imports no test framework; plain asserts. No threads.
"""

from datetime import UTC, datetime
from typing import ClassVar, get_args

from chatsrv.model.replies import LoginRefused, Past, Reply
from chatsrv.model.statements import Statement
from chatsrv.model.style import Style
from chatsrv.protocols.base import Protocol
from chatsrv.testing.protocol_samples import ENTRIES, REPLIES, STYLES


class WritingContract:
    """What every `Renderer` promises. A subclass names the protocol."""

    protocol: ClassVar[Protocol]

    def test_entries_are_rendered_purely(self) -> None:
        """Every kind gives bytes, and the same ones at each call."""
        render = self.protocol.renderer.render
        first = [render(entry) for entry in ENTRIES]
        assert all(type(line) is bytes for line in first)
        assert [render(entry) for entry in reversed(ENTRIES)] == first[::-1]

    def test_replies_are_rendered_purely(self) -> None:
        """Every kind gives bytes, and the same ones at each call; a format without an answer gives none."""
        kinds = {Statement if isinstance(reply, Statement) else type(reply) for reply in REPLIES}
        assert kinds == set(get_args(Reply))
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
        for style in STYLES:
            renderer = usual.styled(style, UTC)
            assert renderer is usual.styled(style, UTC)
            assert renderer.marked is renderer.marked.marked
            assert [renderer.styled(other, UTC) for other in STYLES] == [usual.styled(other, UTC) for other in STYLES]
            for each in (renderer, renderer.marked):
                assert each.omits_own == usual.omits_own
                first = [each.render(entry) for entry in ENTRIES]
                assert [bool(line) for line in first] == shown
                assert [each.render(entry) for entry in reversed(ENTRIES)] == first[::-1]
        assert usual.styled(Style(), UTC) is usual

    def test_an_entry_of_before_is_shown_as_in_a_reply(self) -> None:
        """Whoever comes back is told one after the other, whoever looks back in pages."""
        now = datetime.fromtimestamp(1e9, UTC)
        for renderer in [self.protocol.renderer.styled(style, UTC) for style in STYLES]:
            for entry in ENTRIES:
                for here in ("", entry.room, "elsewhere"):
                    assert renderer.past(entry, now, here) == renderer.reply(Past((entry,), now, here))

    def test_a_refused_login_is_told(self) -> None:
        """Silence would be taken for a server that hangs."""
        assert self.protocol.renderer.reply(LoginRefused())
