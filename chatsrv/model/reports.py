"""Reports: all that one session is told in one sentence, each a value with its facts; what is refused is a `Refusal`.

The sentence that a person reads is made of it by `chatsrv.wording.reports`; a wire format of another kind may take its
`code` and its facts. Moments are in the reader's time zone, or in UTC where that is not known. Touches nothing. Values,
to be shared between threads freely.
"""

from datetime import datetime

from chatsrv.model.accounts import Role
from chatsrv.model.statements import Statement


class Report(Statement):
    """What a session is told: a subclass is one code, and its fields are the facts."""


# ---------------------------------------------------------------------------- the session and its account


class RoleChanged(Report):
    """The account has another role from now on."""

    role: Role


class Paced(Report):
    """More lines came than the account may send, so many a second; the rest waits, and none of it is lost."""

    lines_per_second: float


class Leaving(Report):
    """The session ends once the lines before are obeyed, as the input `has_ended`, or asks for it."""

    has_ended: bool


class PasswordChanged(Report):
    """The account has another password; its other sessions end."""


class CommandFailed(Report):
    """A plug-in's command failed, which the server's log tells more about."""


# ---------------------------------------------------------------------------- the rooms of the session


class Entered(Report):
    """The session has entered a room, and speaks there."""

    room: str


class EnteredElsewhere(Report):
    """The session is in a room that its account has entered by another session."""

    room: str


class Turned(Report):
    """The session was in a room already, and speaks there from now on."""

    room: str


class Whereabouts(Report):
    """The session speaks in one room, and is in `others` as well."""

    room: str
    others: tuple[str, ...] = ()


class Left(Report):
    """The session has left a room, and speaks in the room `now`; if that is empty, in none, and is in `further`.

    That is one of its other rooms; empty if there is none.
    """

    room: str
    now: str = ""
    further: str = ""


class LeftElsewhere(Report):
    """The session is in a room no more that its account has left by another session."""

    room: str


class Company(Report):
    """The others who are in the room that was entered: sorted names; `more` counts those not named."""

    names: tuple[str, ...]
    more: int = 0


class Unlogged(Report):
    """Nothing is recorded of what is said in the room that was entered."""


class RoomCount(Report):
    """So many rooms there are, which are listed next."""

    rooms: int


# ---------------------------------------------------------------------------- what was decided


class Created(Report):
    """The reader has made a room."""

    room: str


class TopicSet(Report):
    """The reader has set the topic of a room, or cleared it."""

    room: str
    is_cleared: bool = False


class SlowModeSet(Report):
    """The reader lets each in a room say a line in so many seconds; 0 is as fast as they like."""

    room: str
    seconds: int


class Absent(Report):
    """The account `name`, to which the reader wrote, is not here; it `is_told_at_login`, or else has to look."""

    name: str
    is_told_at_login: bool


class Invited(Report):
    """The reader has invited the account `name`, which may be `absent`, or cannot be told if it `is_untold`."""

    name: str
    room: str
    absent: Absent | None = None
    is_untold: bool = False


class Kicked(Report):
    """The reader has kicked the account `name` out of a room."""

    name: str
    room: str


class KickedYou(Report):
    """Somebody, `by`, has kicked the reader out of a room; without a reason if that is empty."""

    by: str
    room: str
    reason: str = ""


class KickUnrecorded(Report):
    """The account `name` is kicked, and in the room again from its next login on, as more cannot be recorded now."""

    name: str
    room: str


class Ruled(Report):
    """The reader has banned or muted an account or a network, `target`: in a room, on the server if that is empty.

    `until` is `None` for good. `reason` is empty where none was given.
    """

    is_ban: bool
    room: str
    target: str
    until: datetime | None = None
    reason: str = ""


class RuledYou(Report):
    """Somebody has banned or muted the reader; else as `Ruled`."""

    is_ban: bool
    room: str
    until: datetime | None = None
    reason: str = ""


class Lifted(Report):
    """The reader has ended a ban or a mute; else as `Ruled`."""

    is_ban: bool
    room: str
    target: str


class LiftedYou(Report):
    """Somebody has ended a ban or a mute of the reader, who has yet to be invited if the room `is_invite_only`."""

    is_ban: bool
    room: str
    is_invite_only: bool = False


# ---------------------------------------------------------------------------- what the reader chose


class Ignoring(Report):
    """The reader ignores accounts of these keys, sorted."""

    keys: tuple[str, ...]


class Ignored(Report):
    """The reader ignores the account `name` from now on."""

    name: str


class Unignored(Report):
    """The reader ignores the account `name` no more."""

    name: str


class CatchingUpSet(Report):
    """The reader is told at a login what was missed, from now on, or nothing of it."""

    is_wanted: bool


class StyleTold(Report):
    """An option of how lines are shown has this value; see `chatsrv.model.style`."""

    option: str
    value: str


class StyleSet(Report):
    """The reader has given an option of how lines are shown another value."""

    option: str
    value: str


# ---------------------------------------------------------------------------- what was before


class PastBegin(Report):
    """So many `lines` of a room follow, those before others if it `is_further`; private ones if the room is empty."""

    lines: int
    room: str
    is_further: bool = False


class FoundBegin(Report):
    """So many `lines` that were found follow, newest first; those before others if it `is_further`."""

    lines: int
    is_further: bool = False


class CutShort(Report):
    """The page ends before it is full, as only so much is looked through at once; if it `is_empty`, before it began."""

    is_empty: bool = False


class AwayUnknown(Report):
    """It cannot be known what was missed; `place` as in `Away`."""

    place: str = ""


class RecentBegin(Report):
    """So many last `lines` follow, for somebody who has read nothing yet; `place` as in `Away`."""

    lines: int
    place: str = ""


class RecentEnd(Report):
    """Here end the last lines for somebody who had read nothing yet; what follows is live."""
