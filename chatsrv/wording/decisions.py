"""What was decided about rooms and people, in words.

Knows nothing of how a line is marked or ends, nor of who may decide what. Pure functions; any thread may call them.
"""

from collections.abc import Callable, Mapping

from chatsrv.model.changes import INVITE_ONLY, UNLOGGED, UNSAID, Change, What, is_invitation
from chatsrv.model.entries import Entry
from chatsrv.text.durations import said
from chatsrv.wording.parts import WHOLE_SERVER


def decision(entry: Entry, *, names_room: bool = False) -> str:
    """Return what the author of an entry of `Kind.CHANGE` did, to stand behind the name; empty if nobody is told of it.

    How long something holds is told, not until when: a wire format knows no time zones. `names_room` is for whoever
    does not read it in the room that it is about.
    """
    try:
        change = Change.decode(entry.text)
        tell = _DECISIONS.get(change.what)
        return tell(change, entry.at, names_room) if tell else ""
    except (ValueError, OverflowError):
        return ""  # of a later version; or numbers that nobody typed


def invitation(entry: Entry) -> str:
    """Return what an account reads of an invitation that stands in its own log; empty of anything else there."""
    if not is_invitation(entry.text):
        return ""
    room = Change.decode(entry.text).room
    return f"{entry.author} invites you to {room}: /join {room} enters it."


def _created(change: Change, at: float, names_room: bool) -> str:  # noqa: ARG001 - as all of them
    kind = ", ".join(word for word in (INVITE_ONLY, UNLOGGED) if word in change.text.split())
    return f"created the room {change.room}{f' ({kind})' if kind else ''}"


def _set_topic(change: Change, at: float, names_room: bool) -> str:  # noqa: ARG001
    what = f"the topic{_where(' of', change, names_room)}"
    if change.text == UNSAID:
        return f"changed {what}"
    return f"changed {what} to: {change.text}" if change.text else f"cleared {what}"


def _invited(change: Change, at: float, names_room: bool) -> str:  # noqa: ARG001
    return f"invited {change.target}{_where(' to', change, names_room)}"


def _kicked(change: Change, at: float, names_room: bool) -> str:  # noqa: ARG001
    return f"kicked {change.target}{_where(' out of', change, names_room)}{_reason(change)}"


def _banned(change: Change, at: float, names_room: bool) -> str:
    return f"banned {change.target}{_where(' from', change, names_room)}{_time(change, at)}{_reason(change)}"


def _unbanned(change: Change, at: float, names_room: bool) -> str:  # noqa: ARG001
    return f"lifted the ban of {change.target}{_where(' in', change, names_room)}"


def _muted(change: Change, at: float, names_room: bool) -> str:
    return f"muted {change.target}{_where(' in', change, names_room)}{_time(change, at)}{_reason(change)}"


def _unmuted(change: Change, at: float, names_room: bool) -> str:  # noqa: ARG001
    return f"lifted the mute of {change.target}{_where(' in', change, names_room)}"


def _slowed(change: Change, at: float, names_room: bool) -> str:  # noqa: ARG001
    where = _where(" in", change, names_room)
    seconds = float(change.text)
    return f"turned slow mode {f'on{where}: one line in {said(seconds)} from each' if seconds else f'off{where}'}"


_DECISIONS: Mapping[What, Callable[[Change, float, bool], str]] = {
    What.CREATE: _created,
    What.TOPIC: _set_topic,
    What.INVITE: _invited,
    What.KICK: _kicked,
    What.BAN: _banned,
    What.UNBAN: _unbanned,
    What.MUTE: _muted,
    What.UNMUTE: _unmuted,
    What.SLOW: _slowed,
}


def _where(preposition: str, change: Change, names_room: bool) -> str:
    if not change.room:
        return f"{' on' if preposition == ' in' else preposition} {WHOLE_SERVER}"
    return f"{preposition} {change.room}" if names_room else ""


def _time(change: Change, at: float) -> str:
    return "" if change.until is None else f" for {said(max(0.0, change.until - at))}"


def _reason(change: Change) -> str:
    return f": {change.text}" if change.text else ""
