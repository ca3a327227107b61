"""The contract test of a wire format's outward half: entries and replies on their way to becoming bytes.

Imports no test framework; plain asserts. No threads.
"""

from datetime import UTC, datetime
from typing import ClassVar, get_args

from chatsrv.model.reasons import Reason
from chatsrv.model.refusals import ServerFull, TooManyFromAddress
from chatsrv.model.replies import LoginRefused, Reply
from chatsrv.model.statements import Statement
from chatsrv.model.style import Style
from chatsrv.protocols.base import Protocol, Renderer, Writer
from chatsrv.testing.protocol_samples import ENTRIES, REPLIES, STYLES


class WritingContract:
    """What every `Writer` and its `Renderer` promise. A subclass names the protocol, and the writers that there are."""

    protocol: ClassVar[Protocol]

    def writers(self) -> list[Writer]:
        """Return a writer for each kind of peer that is written to in another way, beside the protocol's own.

        To be overridden where a reader puts another one in its place.
        """
        return []

    # ------------------------------------------------------------------ entries

    def test_entries_are_rendered_purely(self) -> None:
        """Every kind gives bytes, and the same ones at each call."""
        for renderer in self._renderers():
            first = [renderer.render(entry) for entry in ENTRIES]
            assert all(type(line) is bytes for line in first)
            assert [renderer.render(entry) for entry in reversed(ENTRIES)] == first[::-1]

    def test_rooms_that_one_does_not_speak_in_have_a_renderer_that_stays_the_same(self) -> None:
        """Readers are grouped by it. It shows whatever is shown, and its marks are shown again."""
        for renderer in self._renderers():
            marked = renderer.marked
            assert marked is renderer.marked is marked.marked
            assert marked.omits_own == renderer.omits_own
            assert _shown(marked) == _shown(renderer)

    def test_each_style_has_a_renderer_that_stays_the_same(self) -> None:
        """Readers are grouped by it. It shows whatever is shown, and any other style can be had from it."""
        for usual in self._renderers():
            shown = _shown(usual)
            for style in STYLES:
                renderer = usual.styled(style, UTC)
                assert renderer is usual.styled(style, UTC)
                assert renderer.marked is renderer.marked.marked
                assert [renderer.styled(each, UTC) for each in STYLES] == [usual.styled(each, UTC) for each in STYLES]
                for each in (renderer, renderer.marked):
                    assert each.omits_own == usual.omits_own
                    first = [each.render(entry) for entry in ENTRIES]
                    assert [bool(line) for line in first] == shown
                    assert [each.render(entry) for entry in reversed(ENTRIES)] == first[::-1]
            assert usual.styled(Style(), UTC) is usual

    def test_entries_of_before_are_rendered_purely(self) -> None:
        """In every style, and whatever room the reader speaks in."""
        now = datetime.fromtimestamp(1e9, UTC)
        for usual in self._renderers():
            for renderer in [usual.styled(style, UTC) for style in STYLES]:
                for here in ("", "lobby", "elsewhere"):
                    first = [renderer.past(entry, now, here) for entry in ENTRIES]
                    assert all(type(line) is bytes for line in first)
                    assert [renderer.past(entry, now, here) for entry in reversed(ENTRIES)] == first[::-1]

    # ------------------------------------------------------------------ replies

    def test_replies_are_written_purely(self) -> None:
        """Every kind gives bytes, and the same ones at each call; a format without an answer gives none."""
        kinds = {Statement if isinstance(reply, Statement) else type(reply) for reply in REPLIES}
        assert kinds == set(get_args(Reply))
        for writer in self._writers():
            first = [writer.write(reply) for reply in REPLIES]
            assert all(type(line) is bytes for line in first)
            assert [writer.write(reply) for reply in reversed(REPLIES)] == first[::-1]

    def test_a_writer_has_another_renderer_and_stays_what_it_is(self) -> None:
        """A peer may choose how it is shown entries, whatever else was agreed on with it."""
        for writer in self._writers():
            for renderer in [writer.renderer.styled(style, UTC) for style in STYLES]:
                other = writer.showing_by(renderer)
                assert type(other) is type(writer)
                assert other.renderer is renderer
                again = other.showing_by(writer.renderer)
                assert [again.write(reply) for reply in REPLIES] == [writer.write(reply) for reply in REPLIES]

    def test_a_refused_login_is_told(self) -> None:
        """Silence would be taken for a server that hangs."""
        for writer in self._writers():
            assert writer.write(LoginRefused())

    def test_a_peer_who_asked_to_leave_is_told_that_it_leaves(self) -> None:
        """All reasons have bytes, maybe none, and always the same."""
        for writer in self._writers():
            endings = {reason: writer.ending(reason) for reason in Reason}
            assert all(type(ending) is bytes for ending in endings.values())
            assert endings[Reason.QUIT]
            assert {reason: writer.ending(reason) for reason in reversed(Reason)} == endings

    def test_whoever_is_turned_away_is_told_why(self) -> None:
        """Two reasons read differently: one can only be waited for."""
        full, too_many = (self.protocol.writer.turning_away(why) for why in (ServerFull(), TooManyFromAddress()))
        assert full
        assert too_many
        assert full != too_many

    # ------------------------------------------------------------------ private

    def _writers(self) -> list[Writer]:
        return [self.protocol.writer, *self.writers()]

    def _renderers(self) -> list[Renderer]:
        return [writer.renderer for writer in self._writers()]


def _shown(renderer: Renderer) -> list[bool]:
    return [bool(renderer.render(entry)) for entry in ENTRIES]
