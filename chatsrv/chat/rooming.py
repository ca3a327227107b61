"""Commands about rooms: deeds (`chatsrv.chat.deeds`) that make, enter, leave and describe them.

Never hears of bytes, sockets or wire formats. Everything here runs on the asker's thread, with no lock held.
"""

from bisect import bisect_right
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from functools import partial
from operator import attrgetter

from chatsrv.chat.asker import Asker
from chatsrv.chat.authority import (
    account_named,
    bounded,
    find,
    may_create,
    may_look_in,
    require_here,
    require_look_in,
    require_voice,
    room_here,
)
from chatsrv.chat.deciding import check_pace, decide, record
from chatsrv.chat.entrances import Entrance
from chatsrv.chat.lookback import View
from chatsrv.chat.looking import show
from chatsrv.chat.private import absent, tell_of_invitation
from chatsrv.chat.room import Room
from chatsrv.model.changes import INVITE_ONLY, UNLOGGED, Change, What
from chatsrv.model.commands import Create, Invite, Join, ListRooms, Part, Quit, Slow, Topic, Who
from chatsrv.model.errors import NotRecorded, Refused
from chatsrv.model.reasons import Reason
from chatsrv.model.refusals import (
    AlreadyInvited,
    AlreadyThere,
    BannedGuest,
    JustInvited,
    LooksLikeRoom,
    NoMoreOwnRooms,
    NoMoreRooms,
    NoNewRoomName,
    NoRight,
    NoSuchRoom,
    NotInRoom,
    RoomExists,
    RoomWithPast,
    SameSlowMode,
    SameTopic,
    Utterance,
)
from chatsrv.model.replies import ListEnd, Present, Reply, RoomLine, RoomList, TopicTold
from chatsrv.model.reports import (
    Company,
    Created,
    Entered,
    EnteredElsewhere,
    Invited,
    Left,
    LeftElsewhere,
    RoomCount,
    SlowModeSet,
    TopicSet,
    Turned,
    Unlogged,
)
from chatsrv.model.rights import Right, may
from chatsrv.text.lookalike import check_new_room, similar_room
from chatsrv.text.names import RoomNameError, account_key, prepare_room

WHO_NAMES = 200
"""Names that a page of `Who` has: a screenful."""

PAGE_ROOMS = 20
"""Rooms that a page of the list has: a terminal of 24 lines has room for them."""

# ---------------------------------------------------------------------------- who and what there is


def who(asker: Asker, command: Who) -> None:
    """Tell who is in a room, page by page."""
    room = find(asker, command.room) if command.room else asker.room
    show(asker, _present(asker, room, ""))


def _present(asker: Asker, room: Room, after: str) -> Iterator[Reply]:
    require_look_in(asker, room)  # again, where it is a further page
    names, more = room.present(WHO_NAMES, after)
    yield Present(room.name, names, more, is_here=asker.view.here == room.name, is_rest=bool(after))
    if more:
        asker.lookback.offer(partial(_present, asker, room, names[-1]))
        yield ListEnd(is_all=False)


def list_rooms(asker: Asker, _: ListRooms) -> None:
    """Tell which rooms there are that the asker may enter, page by page."""
    show(asker, _rooms(asker, ""))


def _rooms(asker: Asker, after: str) -> Iterator[Reply]:
    rooms = [facts for facts in asker.hub.register.rooms() if may_look_in(asker, facts)]
    start = bisect_right(rooms, after, key=attrgetter("name"))
    page = rooms[start : start + PAGE_ROOMS]
    is_all = start + len(page) == len(rooms)
    if not after:
        yield RoomCount(len(rooms))
    yield RoomList(tuple(_line(asker, asker.hub.room(facts.name)) for facts in page))
    if not is_all:
        asker.lookback.offer(partial(_rooms, asker, page[-1].name))
    yield ListEnd(is_all)


def _line(asker: Asker, room: Room) -> RoomLine:
    facts = room.facts
    return RoomLine(
        room.name,
        room.present(0)[1],
        topic_of(room, asker.view).topic,
        facts.is_invite_only,
        facts.is_logged,
        room.name in asker.rooms,
        room.name == asker.view.here,
    )


# ---------------------------------------------------------------------------- going in and out


def join(asker: Asker, command: Join) -> None:
    """Enter a room, and speak there.

    Raises:
        Refused: there is no such room, or the asker may not.
    """
    room = _found(asker, command.room)
    if not asker.membership.turn_to(room, Turned(room.name)):
        require_look_in(asker, room)
        _go_into(asker, room)


def _found(asker: Asker, typed: str) -> Room:
    try:
        return find(asker, typed)
    except Refused as refused:
        if isinstance(refused.why, NoSuchRoom) and may_create(asker):
            with suppress(ValueError):
                check_new_room(refused.why.room)
                raise Refused(replace(refused.why, may_create=True)) from None
        raise


def _go_into(asker: Asker, room: Room) -> None:
    """Enter a room with all sessions of the account, now and at each login.

    What holds is recorded first, and each session looks at it on its way in: who is put out meanwhile is not let in by
    what is left of their own joining.
    """
    is_new = not asker.hub.belongs(asker.key, room)
    if is_new:
        check_pace(asker)
        record(asker, Change(What.JOIN, room.name))
    try:
        entrance = asker.membership.go_into(room, Entered(room.name))
    except Refused:
        if is_new and asker.hub.belongs(asker.key, room):  # who is banned is not to be let in later on for having tried
            record(asker, Change(What.PART, room.name))
        raise
    too = EnteredElsewhere(room.name)
    for device in asker.hub.attendance.devices(asker.key):
        with suppress(Refused):  # one whose address is banned, or that is ending
            if device is not asker.membership:
                device.enter(room, too)
    _describe(asker, room, entrance)
    asker.catch_up([entrance])


def _describe(asker: Asker, room: Room, entrance: Entrance) -> None:
    """Tell the asker about a room that it has just gone into."""
    if (topic := topic_of(room, asker.view)).topic:
        asker.reply(topic)
    if not room.facts.is_logged:
        asker.reply(Unlogged())
    asker.reply(Company(entrance.others, entrance.more))
    if entrance.trouble:
        asker.reply(entrance.trouble.why)


def part(asker: Asker, command: Part) -> None:
    """Leave a room with all sessions of the account, until it is joined again.

    The asker then speaks in the room in which it spoke before, if there is one, and is told so.

    Raises:
        Refused: the asker is not in there, and would not be at the next login.
    """
    room = find(asker, command.room) if command.room else asker.room
    if room.name not in asker.rooms and not asker.hub.belongs(asker.key, room):  # who is banned has this way out only
        raise Refused(NotInRoom(room.name))
    decide(asker, Change(What.PART, room.name))
    too = LeftElsewhere(room.name)
    for device in asker.hub.attendance.devices(asker.key):
        device.leave(room, Reason.QUIT, None if device is asker.membership else too)
    current = asker.view.here
    asker.reply(Left(room.name, current, next(iter(asker.rooms), "")))


def leave(asker: Asker, _: Quit) -> None:
    """End the asker's session, which leaves all rooms until the next login."""
    asker.hang_up(Reason.QUIT)


# ---------------------------------------------------------------------------- making them


def create(asker: Asker, command: Create) -> None:
    """Let there be a room of the asker's own, and enter it.

    Raises:
        Refused: it cannot be called so, there are enough, or the asker may not.
    """
    name = _new_name(asker, command.room)
    kinds = (INVITE_ONLY if command.is_invite_only else "", "" if command.is_logged else UNLOGGED)
    change = Change(What.CREATE, name, text=" ".join(filter(None, kinds)))
    decide(asker, change)
    room = asker.hub.room(name)
    room.announce(asker.account.name, asker.origin, change)
    asker.reply(Created(name))
    try:
        _go_into(asker, room)
    except NotRecorded:
        raise NotRecorded(lost=[Join(name)]) from None  # which is what was not; the room is there


def _new_name(asker: Asker, typed: str) -> str:
    """Return the name of a room that the asker may create.

    Raises:
        Refused: it may not.
    """
    hub = asker.hub
    if not may_create(asker):
        raise Refused(NoRight(Right.CREATE_ROOM, asker.account.role))
    name = ""
    try:
        name = prepare_room(typed)
        check_new_room(name)
    except RoomNameError as error:
        raise Refused(NoNewRoomName(name, error.flaw)) from None
    if hub.register.room(name):
        raise Refused(RoomExists(name, may_enter=may_look_in(asker, hub.room(name).facts)))
    rooms = hub.register.rooms()
    if sum(bool(facts.owner) for facts in rooms) >= hub.rules.most:
        raise Refused(NoMoreRooms())
    most = 0 if may(asker.account, Right.HURRY) else hub.rules.most_of_one
    if (
        most and sum(facts.owner == asker.key for facts in rooms) >= most
    ):  # rooms stay, so one account would take all of them
        raise Refused(NoMoreOwnRooms(most))
    if hub.has_past(name):  # of the settings once; whoever made it anew would read all that was said there
        raise Refused(RoomWithPast(name))
    if similar := similar_room(name, [facts.name for facts in rooms], with_accents=True):
        raise Refused(LooksLikeRoom(name, similar if may_look_in(asker, hub.room(similar).facts) else ""))
    return name


# ---------------------------------------------------------------------------- within them


def topic(asker: Asker, command: Topic) -> None:
    """Tell the topic of a room, or set it.

    Raises:
        Refused: the asker may not.
    """
    text, called = _aimed(asker, command)
    room = room_here(asker, called)
    if text is None:
        asker.reply(topic_of(room, asker.view))
        return
    if not room.facts.owner:  # of the settings; in rooms that people made, everybody who is in them may
        require_here(asker, Right.SET_TOPIC, room)
    if bounded(text, Utterance.TOPIC) == room.facts.topic.text:
        raise Refused(SameTopic(room.name, is_empty=not text))
    _decide(asker, room, Change(What.TOPIC, room.name, text=text))
    asker.reply(TopicSet(room.name, is_cleared=not text))


def _aimed(asker: Asker, command: Topic) -> Topic:
    """Return what is meant by `/topic #dev TEXT`, as IRC has it; else that would become the topic of this room."""
    called, _, rest = (command.text or "").partition(" ")
    if called.startswith("#") and not command.room:
        with suppress(ValueError):
            if asker.hub.register.room(prepare_room(called)):
                rest = rest.strip()
                return Topic("" if rest == "-" else rest or None, called)
    return command


def topic_of(room: Room, view: View) -> TopicTold:
    """Return the topic of a room, for somebody who looks at it so; without its words, if they ignore who set it."""
    text, by, at = room.facts.topic
    is_unsaid = bool(text) and account_key(by) in view.ignored
    moment = None if at is None else datetime.fromtimestamp(at, view.now.tzinfo)
    return TopicTold(room.name, "" if is_unsaid else text, by, moment, is_unsaid)


def invite(asker: Asker, command: Invite) -> None:
    """Let somebody into a room, and tell them so, now or at their next login.

    Raises:
        Refused: the asker is not in there or muted, or the other one is banned, there already, or was invited just now.
    """
    room, hub = room_here(asker, command.room), asker.hub
    guest = account_named(asker, command.name)
    is_here = bool(hub.attendance.devices(guest.key))
    if room.is_in(guest.key):
        raise Refused(AlreadyThere(guest.name, room.name))
    if room.facts.ban_of(guest.key, None, asker.view.now.timestamp()):
        raise Refused(BannedGuest(guest.name, room.name))
    if not is_here and hub.belongs(guest.key, room):
        raise Refused(AlreadyThere(guest.name, room.name))
    is_invited = guest.key in room.facts.invited  # else only the pace of all that they decide holds them up
    if is_invited and not is_here:  # who comes back is to read it once
        raise Refused(AlreadyInvited(guest.name, room.name))
    if not asker.hub.invitations.allow(f"{asker.key} {guest.key} {room.name}") and is_invited:
        raise Refused(JustInvited(guest.name))
    change = Change(What.INVITE, room.name, guest.name)
    if is_invited:
        require_voice(asker, Utterance.INVITATION, room)
    else:
        _decide(asker, room, change)
    invited = Invited(guest.name, room.name, None if is_here else absent(asker, guest))
    try:
        tell_of_invitation(asker, guest, change)
    except Refused:  # it holds all the same
        invited = Invited(guest.name, room.name, is_untold=True)
    asker.reply(invited)


def slow(asker: Asker, command: Slow) -> None:
    """Let each in a room say a line every so many seconds, or speak freely again.

    Raises:
        Refused: the asker may not.
    """
    room = room_here(asker, command.room)
    require_here(asker, Right.SLOW, room)
    if command.seconds == room.facts.slow_seconds:
        raise Refused(SameSlowMode(room.name, command.seconds))
    _decide(asker, room, Change(What.SLOW, room.name, text=str(command.seconds)))
    asker.reply(SlowModeSet(room.name, command.seconds))


def _decide(asker: Asker, room: Room, change: Change) -> None:
    """Let a change hold, and have everybody in the room see it.

    Raises:
        Refused: it cannot be recorded.
    """
    decide(asker, change)
    room.announce(asker.account.name, asker.origin, change)
