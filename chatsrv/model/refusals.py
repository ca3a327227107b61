"""Refusals: all that a chatter can be refused, each a value with its facts.

`Refused` carries one up to where it becomes a reply. The sentence that a person reads is made of it by
`chatsrv.wording.refusals`; a wire format of another kind may take its `code` and its facts. Touches nothing. Values, to
be shared between threads freely.
"""

from datetime import datetime
from enum import StrEnum

from chatsrv.model.accounts import Network, Role
from chatsrv.model.changes import What
from chatsrv.model.commands import Command
from chatsrv.model.rights import Right
from chatsrv.model.statements import Statement
from chatsrv.text.names import RoomFlaw


class Utterance(StrEnum):
    """What somebody says, or decides for others to read, which counts as said."""

    LINE = "line"
    TOPIC = "topic"
    REASON = "reason"
    INVITATION = "invitation"
    ROOM_NAME = "room name"
    MESSAGE = "private message"


class Refusal(Statement):
    """What a chatter is refused, and why: a subclass is one code, and its fields are the facts."""


class PluginRefusal(Refusal):
    """A plug-in says no, in its own words."""

    code = "plugin"
    text: str

    def __str__(self) -> str:
        return self.text


# ---------------------------------------------------------------------------- rights and people


class NoRight(Refusal):
    """The account's role has not that right; the owner of `room`, if one is named, would have it there."""

    right: Right
    role: Role
    room: str = ""


class NoSuchAccount(Refusal):
    """There is no account that is called as was `typed`."""

    typed: str


class AccountsUnreadable(Refusal):
    """It cannot be told at the moment whether there is such an account."""


class RoomForPerson(Refusal):
    """A room was `typed`, as IRC writes one, where a person is asked for."""

    typed: str


class OnYourself(Refusal):
    """Nobody does that to themselves."""

    what: What


class MessageToYourself(Refusal):
    """A private message is for somebody else."""


class OnHigherRole(Refusal):
    """The account `name` has a role above the asker's, which is `own_role`."""

    what: What
    name: str
    role: Role
    own_role: Role


class OnAdmin(Refusal):
    """The account `name` is an admin's, to whom nobody does that."""

    what: What
    name: str


class AlreadyIgnored(Refusal):
    """The account `name` is ignored already."""

    name: str


class NotIgnored(Refusal):
    """Nobody of that name is ignored."""


class IgnoresMost(Refusal):
    """The account ignores as many others as one can."""

    most: int


# ---------------------------------------------------------------------------- bans and mutes


class Banned(Refusal):
    """The account, or where it comes from, is banned from `room`; from the whole server if that is empty.

    `until` is `None` for good; else in the reader's time zone, or in UTC where that is not known. `reason` is empty
    where none was given, or none is to be read.
    """

    room: str
    until: datetime | None = None
    reason: str = ""


class Muted(Refusal):
    """The account is muted, else as `Banned`; so nobody hears its `utterance`."""

    utterance: Utterance
    room: str
    until: datetime | None = None
    reason: str = ""


class BannedGuest(Refusal):
    """The account `name` is banned from a room, so it cannot be invited."""

    name: str
    room: str


class NotRuled(Refusal):
    """Nobody of that name is banned from `room`, or muted there; on the whole server if that is empty."""

    is_ban: bool
    room: str


class OwnRuling(Refusal):
    """Nobody lifts what was decided about themselves."""


class RulingOfOthers(Refusal):
    """Somebody else, `by`, decided that, and only a moderator can lift it."""

    by: str


class NoOneRuled(Refusal):
    """Nobody is banned from a room or muted there."""

    room: str


class NoNetwork(Refusal):
    """An address within a network was `typed` with the network's length; `wider` is that network."""

    typed: str
    wider: Network


class InNetworkYourself(Refusal):
    """The asker is in that network, too."""

    network: Network


class NothingDecided(Refusal):
    """Nothing was decided about what was `typed`, or at all if that is empty. `also`: there is no such thing."""

    typed: str
    also: Refusal | None = None


# ---------------------------------------------------------------------------- speaking


class TooLong(Refusal):
    """A topic or a reason has more characters than it may."""

    utterance: Utterance
    most_characters: int
    characters: int


class LineTooLong(Refusal):
    """A line has more bytes than it may."""

    most_bytes: int


class Slowed(Refusal):
    """A room is slowed down: each says a line in so many seconds, and the `utterance` counts as one.

    Of `lines`, `lines` are not said.
    """

    utterance: Utterance
    room: str
    seconds: float
    lines: int = 1


class TooFast(Refusal):
    """That is more at once than flood control lets through, and the rest was not said."""


class TooManyChanges(Refusal):
    """The account has decided too much lately, all of which is kept."""


class Unrecorded(Refusal):
    """What was asked for by these commands cannot be recorded at the moment, so nobody has seen it, and nobody will.

    They stand in their order, with nothing between them; there are none where the reader knows what is meant.
    """

    lost: tuple[Command, ...] = ()

    def __str__(self) -> str:
        return "unrecorded"  # without anybody's words, so that it may be logged


# ---------------------------------------------------------------------------- rooms


class NoSuchRoom(Refusal):
    """There is no room of that name. `meant` is one that may have been; empty if none is like it."""

    room: str
    meant: str = ""
    may_create: bool = False
    """Whether the asker may make it."""


class NoRoomName(Refusal):
    """There can be no room of that name, for that `flaw`."""

    flaw: RoomFlaw


class InNoRoom(Refusal):
    """The session speaks in no room. `further` is one that it is in all the same; empty if it is in none."""

    further: str = ""


class NotInRoom(Refusal):
    """The session is not in that room, or `is_no_more`."""

    room: str
    is_no_more: bool = False


class BeingPutOut(Refusal):
    """The account is just being put out of that room."""

    room: str


class PutOut(Refusal):
    """The account was put out of that room while it entered."""

    room: str


class Ending(Refusal):
    """The session is ending."""


class InviteOnly(Refusal):
    """The room is for those who are invited."""

    room: str


class NotThere(Refusal):
    """The account `name` is not in that room, or `has_just_left`."""

    name: str
    room: str
    has_just_left: bool = False


class AlreadyThere(Refusal):
    """The account `name` is in that room already."""

    name: str
    room: str


class AlreadyInvited(Refusal):
    """The account `name` is invited to that room already, and reads so at its next login."""

    name: str
    room: str


class JustInvited(Refusal):
    """The asker invited the account `name` just now."""

    name: str


class SameTopic(Refusal):
    """That is the topic of the room already; it `is_empty` if it has none."""

    room: str
    is_empty: bool


class SameSlowMode(Refusal):
    """Each in the room says a line in so many seconds already; 0 is as fast as they like."""

    room: str
    seconds: int


class SlowOutOfRange(Refusal):
    """No room is slowed down to less than a line in so many seconds."""

    most_seconds: int


# ---------------------------------------------------------------------------- making rooms


class NoNewRoomName(Refusal):
    """No room can be made with that name, for that `flaw`; `room` is how it would be called, empty if it cannot be."""

    room: str
    flaw: RoomFlaw


class RoomExists(Refusal):
    """There is such a room already, which the asker may enter or not."""

    room: str
    may_enter: bool = False


class RoomWithPast(Refusal):
    """There was such a room once, and what was said there is kept."""

    room: str


class LooksLikeRoom(Refusal):
    """The name looks too much like that of the room `other`; empty if the asker is not to know of it."""

    room: str
    other: str


class NoMoreRooms(Refusal):
    """There are as many rooms as there may be."""


class NoMoreOwnRooms(Refusal):
    """The asker owns as many rooms as one may."""

    most: int


# ---------------------------------------------------------------------------- looking back


class NothingMore(Refusal):
    """There is no further page."""


class NothingFound(Refusal):
    """Nothing has all of the words."""


class NothingSaid(Refusal):
    """Nothing has been said in a room yet; in private if that is empty."""

    room: str


class TooManyLines(Refusal):
    """So many lines at most are shown at once."""

    most: int


class TooManyWords(Refusal):
    """A search takes fewer words."""

    most: int
    words: int


class HistoryUnreadable(Refusal):
    """What was said before cannot be read at the moment."""


# ---------------------------------------------------------------------------- one's own account


class NoSuchOption(Refusal):
    """There is no such option of how lines are shown."""


class NoSuchChoice(Refusal):
    """An option of how lines are shown has no such value."""

    option: str


class SameChoice(Refusal):
    """An option of how lines are shown is set so already."""

    option: str
    value: str


class LoginFailed(Refusal):
    """The login failed; why is nobody's business at the door."""


class TooManyLogins(Refusal):
    """The account has logged in too often just now, and has to wait so many seconds."""

    seconds: float


class LoginsFail(Refusal):
    """Logins are not possible at the moment."""


class PasswordUnchanged(Refusal):
    """The password was not changed, for that reason; `None` if the reader broke off."""

    why: Refusal | None = None


class PasswordsDiffer(Refusal):
    """The new password was typed in two ways."""


class WrongPassword(Refusal):
    """That is not the account's password."""


class TooManyTries(Refusal):
    """There were too many wrong passwords."""


class PasswordUncheckable(Refusal):
    """The account's password cannot be checked at the moment."""


class PasswordsFixed(Refusal):
    """Passwords cannot be changed from here."""


class PasswordUnfit(Refusal):
    """The new password cannot be one: `accepted` is what can be, in words, without the password."""

    accepted: str


class PasswordChangesFail(Refusal):
    """Passwords cannot be changed at the moment."""


class TooManyPasswords(Refusal):
    """The account has changed its password as often as it may in an hour, and has to wait so many seconds."""

    most: int
    seconds: float


# ---------------------------------------------------------------------------- arguments, connections


class RoomForReason(Refusal):
    """Another `room` than the one that it is about was given as the reason of a kick, ban or mute: likely a slip."""

    what: What
    room: str


class DurationInReason(Refusal):
    """A reason for a ban or mute without an end ends in a `duration`: it would hold for good, likely by a slip."""

    what: What
    duration: str


class NoDuration(Refusal):
    """What begins with a number, and has to be a duration, is none."""


class ServerFull(Refusal):
    """There are as many connections as there may be."""


class TooManyFromAddress(Refusal):
    """There are as many connections from that address as there may be."""
