"""The sentences for what one session is told: one for each code of `chatsrv.model.reports`.

A new code gets its sentence in the table at the end: a text with its facts in braces, or a function where the facts
decide on the words. Knows nothing of how a line is marked or ends. Pure functions; any thread may call them.
"""

from collections.abc import Callable, Mapping
from typing import Any

from chatsrv.model import reports
from chatsrv.model.refusals import InNoRoom
from chatsrv.model.reports import Report
from chatsrv.model.style import CHOICES
from chatsrv.text.durations import said
from chatsrv.wording.parts import WHOLE_SERVER, counted, in_place, until_and_why
from chatsrv.wording.refusals import explain
from chatsrv.wording.rooms import others_here
from chatsrv.wording.styles import MEANINGS


def report(it: Report) -> str:
    """Return the sentence that a person reads.

    >>> report(reports.Kicked("bob", "dev"))
    'You kicked bob out of dev.'
    """
    sentence = _SENTENCES[type(it)]
    return sentence.format_map(vars(it)) if isinstance(sentence, str) else sentence(it)


# ---------------------------------------------------------------------------- the session and its account


def _paced(it: reports.Paced) -> str:
    rate = it.lines_per_second
    lines = "1 line" if rate == 1 else f"{rate:g} lines"
    return f"You are sending more than {lines} a second: the rest follows at that rate, and nothing is lost."


def _leaving(it: reports.Leaving) -> str:
    if it.has_ended:
        return "Your input has ended. You leave once the lines before that are said."
    return "You leave once the lines before that are said. To leave at once, type /quit again."


# ---------------------------------------------------------------------------- the rooms of the session


def _whereabouts(it: reports.Whereabouts) -> str:
    also = f" You are also in: {', '.join(it.others)}." if it.others else ""
    return f"You speak in {it.room}.{also}"


def _left(it: reports.Left) -> str:
    then = f"You speak in {it.now} now." if it.now else explain(InNoRoom(it.further))
    return f"You left {it.room}. {then}"


def _company(it: reports.Company) -> str:
    return others_here(it.names, it.more)


def _room_count(it: reports.RoomCount) -> str:
    return f"There {'is' if it.rooms == 1 else 'are'} {counted(it.rooms, 'room')}:"


# ---------------------------------------------------------------------------- what was decided


def _topic_set(it: reports.TopicSet) -> str:
    return f"{it.room} has no topic any more." if it.is_cleared else f"The topic of {it.room} is set."


def _slow_mode(it: reports.SlowModeSet) -> str:
    if not it.seconds:
        return f"Slow mode is off in {it.room} now."
    return f"Slow mode is on in {it.room} now: one line in {said(it.seconds)} from each."


def _absent(it: reports.Absent) -> str:
    then = "reads it at the next login" if it.is_told_at_login else "finds it by /private"
    return f"{it.name} is not here now, and {then}."


def _invited(it: reports.Invited) -> str:
    then = f" {_absent(it.absent)}" if it.absent else ""
    if it.is_untold:
        then = f" That could not be passed on to {it.name}, so please tell them."
    return f"{it.name} is invited to {it.room}.{then}"


def _kicked_you(it: reports.KickedYou) -> str:
    return f"{it.by} kicked you out of {it.room}{f': {it.reason}' if it.reason else '.'}"


def _is_ruled(is_ban: bool, room: str) -> str:
    if is_ban:
        return f"banned from {room or WHOLE_SERVER}"
    return f"muted in {room}" if room else f"muted on {WHOLE_SERVER}"


def _ruled(it: reports.Ruled) -> str:
    for_good = "" if it.until else " for good"  # which may have been forgotten
    return f"{it.target} is {_is_ruled(it.is_ban, it.room)}{for_good}{until_and_why(it.until, it.reason)}."


def _ruled_you(it: reports.RuledYou) -> str:
    if it.is_ban:
        what = f"banned from {it.room}" if it.room else "banned here"
    else:
        what = f"muted in {it.room}" if it.room else "muted on this server"
    return f"You are {what}{until_and_why(it.until, it.reason)}."


def _lifted(it: reports.Lifted) -> str:
    return f"{it.target} is not {_is_ruled(it.is_ban, it.room)} any more."


def _lifted_you(it: reports.LiftedYou) -> str:
    if not it.is_ban:
        return f"You may speak {f'in {it.room}' if it.room else 'on this server'} again."
    still = " It is by invitation only." if it.is_invite_only else ""
    return f"You are not banned from {it.room or 'this server'} any more.{still}"


# ---------------------------------------------------------------------------- what the reader chose


def _ignoring(it: reports.Ignoring) -> str:
    return f"You ignore {', '.join(it.keys) or 'nobody'}."


def _catching_up(it: reports.CatchingUpSet) -> str:
    what = "what you missed" if it.is_wanted else "nothing of what you missed"
    return f"From now on you are told {what} when you log in."


def _style_told(it: reports.StyleTold) -> str:
    others = ", ".join(f"/set {it.option} {other}" for other in CHOICES[it.option] if other != it.value)
    return f"{it.option} is set to {it.value}: {MEANINGS[it.option, it.value]}. {others} changes that."


def _style_set(it: reports.StyleSet) -> str:
    return f"From now on {MEANINGS[it.option, it.value]}."


# ---------------------------------------------------------------------------- what was before


def _past_begin(it: reports.PastBegin) -> str:
    called = it.room or "your private messages"
    lines = _lines(it.lines)
    return f"The {lines} of {called} before those:" if it.is_further else f"The last {lines} of {called}:"


def _found_begin(it: reports.FoundBegin) -> str:
    lines = _lines(it.lines)
    if it.is_further:
        return f"The {lines} before those, newest first:"
    return f"The last {lines} with all of these words, newest first:"


def _cut_short(it: reports.CutShort) -> str:
    return f"{'Nothing was found so far. ' if it.is_empty else ''}Only so much is looked through at once."


def _away_unknown(it: reports.AwayUnknown) -> str:
    return f"It cannot be known what you missed{in_place(it.place)}."


def _recent_begin(it: reports.RecentBegin) -> str:
    return f"The last {_lines(it.lines)}{in_place(it.place)}:"


def _lines(number: int) -> str:
    return "line" if number == 1 else f"{number} lines"


# ---------------------------------------------------------------------------- all of them

_SENTENCES: Mapping[type[Report], str | Callable[[Any], str]] = {
    # the session and its account
    reports.RoleChanged: "Your role is now {role}.",
    reports.Paced: _paced,
    reports.Leaving: _leaving,
    reports.PasswordChanged: "Your password was changed. Your other sessions have to log in again.",
    reports.CommandFailed: "That command failed, through no fault of yours. The server's log tells why.",
    # the rooms of the session
    reports.Entered: "You are in {room} now.",
    reports.EnteredElsewhere: "You are in {room}, too: you entered it on another device.",
    reports.Turned: "You speak in {room} now.",
    reports.Whereabouts: _whereabouts,
    reports.Left: _left,
    reports.LeftElsewhere: "You are no longer in {room}: you left it on another device.",
    reports.Company: _company,
    reports.Unlogged: "Nothing that is said here is recorded.",
    reports.RoomCount: _room_count,
    # what was decided
    reports.Created: "{room} is your room: there you can /kick, /ban, /mute and set the /topic.",
    reports.TopicSet: _topic_set,
    reports.SlowModeSet: _slow_mode,
    reports.Absent: _absent,
    reports.Invited: _invited,
    reports.Kicked: "You kicked {name} out of {room}.",
    reports.KickedYou: _kicked_you,
    reports.KickUnrecorded: (
        "{name} is in {room} again from their next login on, as the server cannot record more at the moment: "
        "/kick them again later."
    ),
    reports.Ruled: _ruled,
    reports.RuledYou: _ruled_you,
    reports.Lifted: _lifted,
    reports.LiftedYou: _lifted_you,
    # what the reader chose
    reports.Ignoring: _ignoring,
    reports.Ignored: "You see nothing of {name} any more: /unignore {name} ends that.",
    reports.Unignored: "You see {name} again.",
    reports.CatchingUpSet: _catching_up,
    reports.StyleTold: _style_told,
    reports.StyleSet: _style_set,
    # what was before
    reports.PastBegin: _past_begin,
    reports.FoundBegin: _found_begin,
    reports.CutShort: _cut_short,
    reports.AwayUnknown: _away_unknown,
    reports.RecentBegin: _recent_begin,
    reports.RecentEnd: "(from here on it is live)",
}
