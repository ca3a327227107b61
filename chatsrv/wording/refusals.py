"""The sentences for what a chatter is refused: one for each code of `chatsrv.model.refusals`.

A new code gets its sentence in the table at the end: a text with its facts in braces, or a function where the facts
decide on the words. Knows nothing of how a line is marked or ends. Pure functions; any thread may call them.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

from chatsrv.model import refusals
from chatsrv.model.changes import What
from chatsrv.model.commands import Command
from chatsrv.model.refusals import Refusal, Utterance
from chatsrv.model.rights import Right
from chatsrv.model.style import CHOICES
from chatsrv.text.durations import ACCEPTED as DURATIONS
from chatsrv.text.durations import said
from chatsrv.text.names import ROOM_ACCEPTED, RoomFlaw
from chatsrv.wording.commands import typed_as
from chatsrv.wording.parts import WHOLE_SERVER, until_and_why
from chatsrv.wording.styles import MEANINGS

QUOTED_CHARACTERS = 40
"""Characters of a line that are quoted: enough to know it again, and the sentence stays one."""

RIGHTS: Mapping[Right, str] = {
    Right.SPEAK: "speak here",
    Right.CHANGE_PASSWORD: "change your password",
    Right.CREATE_ROOM: "create rooms",
    Right.HURRY: "send faster than flood control allows",
    Right.ENTER: "enter rooms without an invitation",
    Right.SET_TOPIC: "set this room's topic",
    Right.KICK: "kick people",
    Right.BAN: "ban people",
    Right.BAN_NETWORK: "ban networks",
    Right.MUTE: "mute people",
    Right.SLOW: "slow a room down",
    Right.AUDIT: "read what was decided",
    Right.GOVERN: "act on the whole server",
}
"""What each right lets somebody do, to stand after "the right to"."""

_UTTERANCES: Mapping[Utterance, str] = {
    Utterance.LINE: "a line",
    Utterance.TOPIC: "a topic",
    Utterance.REASON: "a reason",
    Utterance.INVITATION: "an invitation",
    Utterance.ROOM_NAME: "the name of a room",
    Utterance.MESSAGE: "a message",
}

_FLAWS: Mapping[RoomFlaw, str] = {
    RoomFlaw.CHARACTERS: ROOM_ACCEPTED,
    RoomFlaw.RESERVED: "that name is reserved",
    RoomFlaw.LIKE_PRIVATE: "{room} begins like the mark of a private message; accepted is another name",
    RoomFlaw.LIKE_TIME: "{room} could be taken for a time or an address; accepted is a name with a letter",
    RoomFlaw.PILED_MARKS: "{room} has marks piled on one letter; accepted is a name without",
    RoomFlaw.LIKE_SERVER: "{room} could be taken for the server's own; accepted is another name",
}

_OTHER_NAME = "another name will do"
_WITHOUT_REASON = " Without a reason it can be done."


def explain(refusal: Refusal) -> str:
    """Return the sentence that a chatter reads who is refused that.

    >>> explain(refusals.NotInRoom("dev"))
    'You are not in dev.'
    """
    sentence = _SENTENCES[type(refusal)]
    return sentence.format_map(vars(refusal)) if isinstance(sentence, str) else sentence(refusal)


# ---------------------------------------------------------------------------- rights and people


def _no_right(it: refusals.NoRight) -> str:
    owner = f", and {it.room} is not your room" if it.room else ""
    return f"You have no right to {RIGHTS[it.right]}: your role is {it.role}{owner}."


def _no_account(it: refusals.NoSuchAccount) -> str:
    return f"There is no account {it.typed[:64]}."


# ---------------------------------------------------------------------------- bans and mutes


def _banned(it: refusals.Banned) -> str:
    where = f"from {it.room}" if it.room else "here"
    return f"You are banned {where}{until_and_why(it.until, it.reason)}."


def _muted(it: refusals.Muted) -> str:
    where = f"in {it.room}" if it.room else "on this server"
    text = f"You are muted {where}{until_and_why(it.until, it.reason)}."
    if it.utterance is Utterance.LINE:
        return f"{text} That was not said."
    return text + _WITHOUT_REASON if it.utterance is Utterance.REASON else text


def _not_ruled(it: refusals.NotRuled) -> str:
    where = f"in {it.room}" if it.room else f"on {WHOLE_SERVER}"
    what = f"banned from {it.room or WHOLE_SERVER}" if it.is_ban else f"muted {where}"
    return f"Nobody of that name is {what}: /bans lists who is."


def _no_network(it: refusals.NoNetwork) -> str:
    return f"{it.typed} is no network: did you mean {it.wider}, or {it.typed.partition('/')[0]} alone?"


def _nothing_decided(it: refusals.NothingDecided) -> str:
    text = f"Nothing was decided about {it.typed}." if it.typed else "Nothing was decided."
    return f"{text} {explain(it.also)}" if it.also else text


# ---------------------------------------------------------------------------- speaking


def _too_long(it: refusals.TooLong) -> str:
    what = _UTTERANCES[it.utterance].capitalize()
    return f"{what} may have up to {it.most_characters} characters; that had {it.characters}."


def _slowed(it: refusals.Slowed) -> str:
    text = f"Slow mode is on in {it.room}: one line in {said(it.seconds)} from each"
    if it.utterance is Utterance.LINE:
        return f"{text}. {f'Those {it.lines} lines were' if it.lines > 1 else 'That was'} not said."
    text = f"{text}, and {_UTTERANCES[it.utterance]} counts as one."
    return text + _WITHOUT_REASON if it.utterance is Utterance.REASON else text


def _unrecorded(it: refusals.Unrecorded) -> str:
    lost = it.lost
    which = "That" if not lost else f"Your line {_quoted(lost[0])}"
    if len(lost) > 1:
        which = f"Your {len(lost)} lines from {_quoted(lost[0])} to {_quoted(lost[-1])}"
    were, them = ("were", "them") if len(lost) > 1 else ("was", "it")
    return (
        f"{which} {were} not recorded, and nobody has seen {them}: "
        f"the server cannot record {them} at the moment. Try again later."
    )


def _quoted(command: Command) -> str:
    line = typed_as(command)
    return f'"{line}"' if len(line) <= QUOTED_CHARACTERS else f'"{line[:QUOTED_CHARACTERS]}..."'


# ---------------------------------------------------------------------------- rooms


def _no_room_name(it: refusals.NoRoomName) -> str:
    return f"There is no such room: {_FLAWS[it.flaw].format(room='it')}."


def _no_new_room_name(it: refusals.NoNewRoomName) -> str:
    return f"No room can have that name: {_FLAWS[it.flaw].format(room=it.room)}."


def _no_room(it: refusals.NoSuchRoom) -> str:
    then = f"Did you mean {it.meant}?" if it.meant else "/rooms lists them all."
    make = f" /create {it.room} makes it." if it.may_create else ""
    return f"There is no room {it.room}. {then}{make}"


def _in_no_room(it: refusals.InNoRoom) -> str:
    if it.further:
        return f"You speak in no room now: /join {it.further} turns to one."
    return "You are in no room: /rooms lists them, /join ROOM enters one."


def _not_in_room(it: refusals.NotInRoom) -> str:
    return f"You are not in {it.room}{' any more' if it.is_no_more else ''}."


def _not_there(it: refusals.NotThere) -> str:
    return f"{it.name} has just left {it.room}." if it.has_just_left else f"{it.name} is not in {it.room}."


def _same_topic(it: refusals.SameTopic) -> str:
    return f"{it.room} has no topic." if it.is_empty else f"That is the topic of {it.room} already."


def _same_slow_mode(it: refusals.SameSlowMode) -> str:
    if not it.seconds:
        return f"Slow mode is off in {it.room}."
    return f"Slow mode is on in {it.room} already: one line in {said(it.seconds)} from each."


def _room_exists(it: refusals.RoomExists) -> str:
    then = f"/join {it.room} enters it" if it.may_enter else _OTHER_NAME
    return f"There is a room {it.room} already: {then}."


def _looks_like_room(it: refusals.LooksLikeRoom) -> str:
    return f"{it.room} looks too much like {it.other or 'that of another room'}: {_OTHER_NAME}."


def _nothing_said(it: refusals.NothingSaid) -> str:
    if it.room:
        return f"Nothing has been said in {it.room} yet."
    return "There are no private messages to you or of yours yet."


# ---------------------------------------------------------------------------- one's own account


def _no_option(it: refusals.NoSuchOption) -> str:  # noqa: ARG001 - as all of them
    options = " and ".join(f"{option} ({' or '.join(values)})" for option, values in CHOICES.items())
    return f"You can set {options}."


def _no_choice(it: refusals.NoSuchChoice) -> str:
    return f"{it.option} can be {' or '.join(CHOICES[it.option])}."


def _same_choice(it: refusals.SameChoice) -> str:
    return f"{it.option} is set to {it.value} already: {MEANINGS[it.option, it.value]}."


def _room_for_reason(it: refusals.RoomForReason) -> str:
    preposition = {What.KICK: "out of", What.BAN: "from"}.get(it.what, "in")
    return (
        f"{it.room} is a room, and would be the reason here: to {it.what} somebody {preposition} {it.room}, "
        f"/join {it.room} first. If it is the reason, add a word."
    )


def _duration_in_reason(it: refusals.DurationInReason) -> str:
    command = "/ban" if it.what is What.BAN else "/mute"
    return (
        f"{it.duration} would be part of the reason here, and this would hold for good. The duration comes right after "
        f"the name: {command} NAME {it.duration}. If it is part of the reason, add a word."
    )


def _too_many_logins(it: refusals.TooManyLogins) -> str:
    return f"This account has logged in too often. Please try again in {said(math.ceil(it.seconds))}."


def _password_unchanged(it: refusals.PasswordUnchanged) -> str:
    return f"{f'{explain(it.why)} ' if it.why else ''}Nothing was changed."


def _too_many_passwords(it: refusals.TooManyPasswords) -> str:
    wait = said(math.ceil(it.seconds))
    return f"You may change your password {it.most} times an hour. Please wait {wait}."


# ---------------------------------------------------------------------------- all of them

_SENTENCES: Mapping[type[Refusal], str | Callable[[Any], str]] = {
    refusals.PluginRefusal: "{text}",
    # rights and people
    refusals.NoRight: _no_right,
    refusals.NoSuchAccount: _no_account,
    refusals.AccountsUnreadable: "The accounts cannot be read at the moment. Please try again later.",
    refusals.RoomForPerson: (
        "{typed} looks like a room, and this takes a person's name. /join {typed} turns to that room."
    ),
    refusals.OnYourself: "You cannot {what} yourself.",
    refusals.MessageToYourself: "That would be a message to yourself.",
    refusals.OnHigherRole: "You cannot {what} {name}, whose role is {role}: yours is {own_role}.",
    refusals.OnAdmin: "Nobody can {what} {name}, whose role is admin.",
    refusals.AlreadyIgnored: "You ignore {name} already.",
    refusals.NotIgnored: "You do not ignore anybody of that name: /ignore lists them.",
    refusals.IgnoresMost: "You ignore {most} people already, as many as one can: /unignore NAME makes room.",
    # bans and mutes
    refusals.Banned: _banned,
    refusals.Muted: _muted,
    refusals.BannedGuest: "{name} is banned from {room}.",
    refusals.NotRuled: _not_ruled,
    refusals.OwnRuling: "You cannot lift that yourself: somebody else has to.",
    refusals.RulingOfOthers: "{by} decided that, and only a moderator can lift it.",
    refusals.NoOneRuled: "Nobody is banned or muted in {room}.",
    refusals.NoNetwork: _no_network,
    refusals.InNetworkYourself: "You are in {network} yourself.",
    refusals.NothingDecided: _nothing_decided,
    # speaking
    refusals.TooLong: _too_long,
    refusals.LineTooLong: "That line was too long and was not taken: a line may have up to {most_bytes} bytes.",
    refusals.Slowed: _slowed,
    refusals.TooFast: "That is too much at once, and the rest was not said. Try again in a moment.",
    refusals.TooManyChanges: "That is too much at once, since it is all kept for good. Try again in a minute.",
    refusals.Unrecorded: _unrecorded,
    # rooms
    refusals.NoSuchRoom: _no_room,
    refusals.NoRoomName: _no_room_name,
    refusals.InNoRoom: _in_no_room,
    refusals.NotInRoom: _not_in_room,
    refusals.BeingPutOut: "You are just being put out of {room}.",
    refusals.PutOut: "You were put out of {room} meanwhile.",
    refusals.Ending: "This session is ending.",
    refusals.InviteOnly: "{room} is by invitation only: somebody who is in it can /invite you.",
    refusals.NotThere: _not_there,
    refusals.AlreadyThere: "{name} is in {room} already.",
    refusals.AlreadyInvited: "{name} is invited to {room} already. /msg {name} TEXT leaves them a message.",
    refusals.JustInvited: "You invited {name} just now: once a minute will do.",
    refusals.SameTopic: _same_topic,
    refusals.SameSlowMode: _same_slow_mode,
    refusals.SlowOutOfRange: "Slow mode takes 1 to {most_seconds} seconds, or off.",
    # making rooms
    refusals.NoNewRoomName: _no_new_room_name,
    refusals.RoomExists: _room_exists,
    refusals.RoomWithPast: (
        f"There was a room {{room}} once, which only an administrator can open again: {_OTHER_NAME}."
    ),
    refusals.LooksLikeRoom: _looks_like_room,
    refusals.NoMoreRooms: "The server has as many rooms as it may have, so no more can be made.",
    refusals.NoMoreOwnRooms: "You own {most} rooms already, as many as one may.",
    # looking back
    refusals.NothingMore: "There is nothing more to show.",
    refusals.NothingFound: "Nothing was found.",
    refusals.NothingSaid: _nothing_said,
    refusals.TooManyLines: "At most {most} lines are shown at once.",
    refusals.TooManyWords: "A search takes up to {most} words; those were {words}.",
    refusals.HistoryUnreadable: "The history cannot be read at the moment. Please try again later.",
    # one's own account
    refusals.NoSuchOption: _no_option,
    refusals.NoSuchChoice: _no_choice,
    refusals.SameChoice: _same_choice,
    refusals.LoginFailed: "Login failed.",
    refusals.TooManyLogins: _too_many_logins,
    refusals.LoginsFail: "Login is not possible at the moment.",
    refusals.PasswordUnchanged: _password_unchanged,
    refusals.PasswordsDiffer: "The new passwords differ.",
    refusals.WrongPassword: "That is not your password.",
    refusals.TooManyTries: "There were too many wrong tries. Please wait some minutes.",
    refusals.PasswordUncheckable: "Your password cannot be checked at the moment. Please try again later.",
    refusals.PasswordsFixed: "Passwords cannot be changed in this chat: ask an administrator.",
    refusals.PasswordUnfit: "That cannot be your new password: {accepted}.",
    refusals.PasswordChangesFail: "Passwords cannot be changed at the moment. Please try again later.",
    refusals.TooManyPasswords: _too_many_passwords,
    # arguments, connections
    refusals.RoomForReason: _room_for_reason,
    refusals.DurationInReason: _duration_in_reason,
    refusals.NoDuration: f"A number after the name has to be {DURATIONS}. Begin a reason with a word.",
    refusals.ServerFull: "The server is full. Please try again later.",
    refusals.TooManyFromAddress: (
        "There are too many connections from your address. Please close one, or try again later."
    ),
}
