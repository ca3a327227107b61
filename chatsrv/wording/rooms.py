"""What people read about rooms: who is there, which there are, what holds in them.

Pure functions; any thread may call them.
"""

from collections.abc import Sequence

from chatsrv.model.changes import INVITE_ONLY, UNLOGGED
from chatsrv.model.replies import ListEnd, Present, RoomLine, RoomList, RulingLine, RulingList, TopicTold
from chatsrv.wording.parts import WHOLE_SERVER, counted, crowd, day_and_time

NOBODY_ELSE = "Nobody else is here."


def others_here(names: Sequence[str], more: int) -> str:
    """Return who else is in the room that somebody has just entered.

    >>> others_here(["ann", "bob"], 0), others_here([], 0)
    ('Here now: ann, bob.', 'Nobody else is here.')
    """
    return f"Here now: {crowd(names, more)}." if names or more else NOBODY_ELSE


def present(reply: Present) -> str:
    """Return who is in a room."""
    where = "Here" if reply.is_here else f"In {reply.room}"
    return f"{where} {'too' if reply.is_rest else 'now'}: {crowd(reply.names, reply.more)}."


def room_list(reply: RoomList) -> list[str]:
    """Return a line for each room."""
    return [_room(room) for room in reply.rooms]


def _room(room: RoomLine) -> str:
    people = counted(room.people, "person", "people") if room.people else "nobody"
    place = "you speak here" if room.is_here else "you are in it" if room.is_in else ""
    kinds = (INVITE_ONLY if room.is_invite_only else "", "" if room.is_logged else UNLOGGED)
    notes = ", ".join(filter(None, (people, place, *kinds)))
    return f"{room.name} ({notes}){f': {room.topic}' if room.topic else ''}"


def topic(reply: TopicTold) -> list[str]:
    """Return what a room is about, and who said so."""
    if reply.is_unsaid:
        return [f"{reply.by}, whom you ignore, set the topic of {reply.room}."]
    if not reply.topic:
        return [f"{reply.room} has no topic."]
    told = [f"Topic of {reply.room}: {reply.topic}"]
    if reply.by and reply.at:
        told.append(f"({reply.by} set it on {day_and_time(reply.at)})")
    return told


def ruling_list(reply: RulingList) -> list[str]:
    """Return a line for each ban or mute."""
    return [_ruling(ruling) for ruling in reply.rulings]


def _ruling(ruling: RulingLine) -> str:
    done = f"banned from {ruling.room or WHOLE_SERVER}"
    if not ruling.is_ban:
        done = f"muted in {ruling.room}" if ruling.room else f"muted on {WHOLE_SERVER}"
    until = f"until {day_and_time(ruling.until)}" if ruling.until else "for good"
    by = f"by {ruling.by}" + (f" on {day_and_time(ruling.at)}" if ruling.at else "")
    return f"{ruling.target}: {done} {until}, {by}{f': {ruling.reason}' if ruling.reason else ''}"


def list_end(reply: ListEnd) -> str:
    """Return whether a list goes on."""
    return "(end; that is all)" if reply.is_all else "(/more goes on)"
