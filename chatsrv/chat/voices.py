"""Voices: who may speak in one room at the moment, by mutes and by slow mode.

Knows nothing of logs and sessions. A `Voices` belongs to its room, which calls it under its lock.
"""

from collections.abc import Callable
from datetime import tzinfo

from chatsrv.chat.facts import Facts, until_and_why
from chatsrv.model.errors import Refused
from chatsrv.model.refusals import Muted, Slowed, Utterance

LEAST_VOICES = 100
"""Members who have spoken in a room that is slowed down before it is looked who of them may speak again."""


class Voices:
    """What holds of a room, `facts`, and of the whole `server`, as it is held against those who speak.

    `ignored_by` tells whom an account ignores, both by keys. `clock` gives seconds since the Unix epoch.
    """

    def __init__(
        self, facts: Facts, server: Facts, ignored_by: Callable[[str], frozenset[str]], clock: Callable[[], float]
    ) -> None:
        self._facts = facts
        self._server = server
        self._ignored_by = ignored_by
        self._clock = clock
        self._may_speak_at: dict[str, float] = {}  # where it is slowed down, by account, whether it is here or not
        self._look_at = LEAST_VOICES  # so many of these are looked at, whether they still hold anybody up

    def use(
        self, key: str, zone: tzinfo | None, *, may_hurry: bool, lines: int = 1, utterance: Utterance = Utterance.LINE
    ) -> None:
        """Let an account say so many lines, or decide what counts as one; until when it may not is told in `zone`.

        Raises:
            Refused: it is muted, or has to wait; none of them is said.
        """
        now, name = self._clock(), self._facts.name
        for facts in (self._facts, self._server):
            if mute := facts.mute_of(key, now):
                raise Refused(Muted(utterance, facts.name, *until_and_why(mute, zone, self._ignored_by(key))))
        if (slow_seconds := self._facts.slow_seconds) and not may_hurry:
            if lines > 1 or now < self._may_speak_at.get(key, 0.0):
                raise Refused(Slowed(utterance, name, slow_seconds, lines))
            self._may_speak_at[key] = now + slow_seconds
            if len(self._may_speak_at) >= self._look_at:
                self._may_speak_at = {each: at for each, at in self._may_speak_at.items() if at > now}
                self._look_at = LEAST_VOICES + 2 * len(self._may_speak_at)
