"""Authority: who may do what to whom, and what whoever may not is refused.

A right comes with a role, everywhere; or with a room of one's own, within it. Nobody acts on somebody whose role is
above their own, nobody keeps an admin out or silent, and nobody does so to themselves. Never hears of bytes, sockets or
wire formats. Pure functions but for what they ask the chat; everything here runs on the asker's thread.
"""

from chatsrv.chat.asker import Asker
from chatsrv.chat.facts import Facts, Ruling, until_and_why
from chatsrv.chat.room import Room
from chatsrv.model.accounts import Account, Role
from chatsrv.model.changes import TEXT_CHARACTERS, What
from chatsrv.model.errors import Refused
from chatsrv.model.refusals import (
    InviteOnly,
    Muted,
    NoRight,
    NotInRoom,
    OnAdmin,
    OnHigherRole,
    OnYourself,
    OwnRuling,
    RoomForPerson,
    RulingOfOthers,
    TooLong,
    Utterance,
)
from chatsrv.model.rights import OF_OWNERS, Right, includes, may
from chatsrv.text.names import account_key


def owns(asker: Asker, room: Room) -> bool:
    """Tell whether the asker owns a room."""
    return room.facts.owner == asker.key


def may_here(asker: Asker, right: Right, room: Room) -> bool:
    """Tell whether the asker has a right in a room, by role or as its owner."""
    return may(asker.account, right) or (right in OF_OWNERS and owns(asker, room))


def require_here(asker: Asker, right: Right, room: Room) -> None:
    """Make sure that the asker has a right in a room.

    Raises:
        Refused: it has not.
    """
    if not may_here(asker, right, room):
        raise Refused(NoRight(right, asker.account.role, room.name))


def account_named(asker: Asker, typed: str) -> Account:
    """Return the account that somebody calls so; see `Asker.account_named`.

    Raises:
        Refused: there is none, or it cannot be told. One that looks like a room, as IRC writes it, is told apart.
    """
    try:
        return asker.account_named(typed)
    except Refused:
        if not typed.startswith("#"):
            raise
    raise Refused(RoomForPerson(typed))


def somebody(asker: Asker, typed: str) -> Account:
    """Return the account, or the bot that is here, that somebody calls so.

    Raises:
        Refused: there is none, or it cannot be told.
    """
    try:
        return account_named(asker, typed)
    except Refused:
        for device in asker.hub.attendance.devices(account_key(typed)):
            return device.account
        raise


def require_above(asker: Asker, target: Account, what: What) -> None:
    """Make sure that the asker may do that to another account: kick, ban or mute it.

    Raises:
        Refused: it may not.
    """
    if target.key == asker.key:
        raise Refused(OnYourself(what))
    if not includes(asker.account.role, target.role):
        raise Refused(OnHigherRole(what, target.name, target.role, asker.account.role))
    if target.role is Role.ADMIN and what is not What.KICK:
        raise Refused(OnAdmin(what, target.name))


def require_lifting(asker: Asker, ruling: Ruling, key: str, right: Right) -> None:
    """Make sure that the asker may end what somebody decided about the account `key`, or a network.

    An owner of a room ends only what they decided themselves.

    Raises:
        Refused: it may not.
    """
    if key == asker.key:
        raise Refused(OwnRuling())
    if not may(asker.account, right) and account_key(ruling.by) != asker.key:
        raise Refused(RulingOfOthers(ruling.by))


def may_create(asker: Asker) -> bool:
    """Tell whether the asker may create rooms."""
    needed = asker.hub.rules.create_role
    return needed is not None and includes(asker.account.role, needed)


def may_look_in(asker: Asker, room: Facts) -> bool:
    """Tell whether the asker may enter a room, or see that it is there, who is in it, and what was decided there.

    Those may not who are banned from it, nor those who are not invited to a room for guests.
    """
    is_bound = bool(room.bans) and asker.account.role is not Role.ADMIN
    if is_bound and room.ban_of(asker.key, asker.address, asker.view.now.timestamp()):
        return False
    if not room.is_invite_only or room.name in asker.rooms or asker.key in room.invited:
        return True
    return room.owner == asker.key or may(asker.account, Right.ENTER)


def find(asker: Asker, typed: str) -> Room:
    """Return the room that the asker calls so; see `Hub.find`. One that they may not enter is suggested to nobody.

    Raises:
        Refused: there is none.
    """
    return asker.hub.find(typed, lambda room: may_look_in(asker, room))


def require_look_in(asker: Asker, room: Room) -> None:
    """Make sure that the asker `may_look_in`.

    Raises:
        Refused: it may not.
    """
    room.check_ban(asker.account, asker.address, asker.view.now.tzinfo)  # before they are sent for an invitation
    if not may_look_in(asker, room.facts):
        raise Refused(InviteOnly(room.name))


def require_voice(asker: Asker, utterance: Utterance, room: Room | None = None) -> None:
    """Make sure that the asker may be heard, in `room` or by anybody at all, with what is as good as a line.

    The one place for all that reaches others as somebody's words and is not said in a room: a topic, a reason, an
    invitation, the name of a room, a private message. It counts as a line where a room is slowed down.

    Raises:
        Refused: the asker is muted, or has to wait.
    """
    now, register = asker.view.now, asker.hub.register
    if room:
        room.use_voice(asker.key, utterance, now.tzinfo, may_hurry=may(asker.account, Right.HURRY))
    elif mute := register.server.mute_of(asker.key, now.timestamp()):
        raise Refused(Muted(utterance, "", *until_and_why(mute, now.tzinfo, register.ignored_by(asker.key))))


def hears(asker: Asker, key: str) -> bool:
    """Tell whether an account is to be shown words of the asker's: it is not if it ignores them."""
    return asker.key not in asker.hub.register.ignored_by(key)


def room_here(asker: Asker, typed: str = "") -> Room:
    """Return the room that somebody calls so; without a name the one that the asker speaks in.

    Raises:
        Refused: the asker is not in there, or there is none.
    """
    if not typed:
        return asker.room
    room = find(asker, typed)
    if room.name not in asker.rooms:
        room.check_ban(asker.account, asker.address, asker.view.now.tzinfo)
        raise Refused(NotInRoom(room.name))
    return room


def bounded(text: str, utterance: Utterance) -> str:
    """Return a text that many are shown: a topic or a reason.

    Raises:
        Refused: it is too long.
    """
    if len(text) > TEXT_CHARACTERS:
        raise Refused(TooLong(utterance, TEXT_CHARACTERS, len(text)))
    return text
