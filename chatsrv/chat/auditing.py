"""Commands that tell what was decided: deeds (`chatsrv.chat.deeds`) that list bans and mutes, and who did what to whom.

Never hears of bytes, sockets or wire formats. Everything here runs on the asker's thread, with no lock held.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial

from chatsrv.changes import network_of, typed_key
from chatsrv.chat.asker import Asker
from chatsrv.chat.authority import may_here, require_here, require_look_in, room_here, somebody
from chatsrv.chat.facts import Facts
from chatsrv.chat.looking import show
from chatsrv.chat.register import About
from chatsrv.chat.room import Room
from chatsrv.commands import Audit, Bans
from chatsrv.entries import Entry
from chatsrv.errors import Refused
from chatsrv.names import prepare_room
from chatsrv.replies import Audited, ListEnd, Notice, Reply, RulingLine, RulingList
from chatsrv.rights import Right, may, require

PAGE_LINES = 20
"""Lines on a page of either: a terminal of 24 lines has room for them."""

MOST_CHANGES = 500
"""Changes that an audit in the chat goes back; the command line shows all there are."""


def list_bans(asker: Asker, command: Bans) -> None:
    """Tell who is banned or muted in a room; those who may act in all rooms, in the whole server as well.

    Raises:
        Refused: the asker may not, or it is nobody.
    """
    room = room_here(asker, command.room)
    require_here(asker, Right.BAN, room)
    facts = [room.facts, asker.hub.register.server] if may(asker.account, Right.BAN) else [room.facts]
    lines = [line for each in facts for line in _lines(asker, each)]
    if not lines:
        raise Refused(f"Nobody is banned or muted in {room.name}.")
    show(asker, _bans(asker, room, lines))


def _bans(asker: Asker, room: Room, lines: Sequence[RulingLine]) -> Iterator[Reply]:
    require_look_in(asker, room)  # again, where it is a further page
    yield RulingList(tuple(lines[:PAGE_LINES]))
    if rest := lines[PAGE_LINES:]:
        asker.lookback.offer(partial(_bans, asker, room, rest))
    yield ListEnd(is_all=not rest)


def _lines(asker: Asker, facts: Facts) -> Iterator[RulingLine]:
    now = asker.view.now
    zone = now.tzinfo
    for is_ban, rulings in zip((True, False), facts.rulings(now.timestamp()), strict=True):
        for target, by, at, until, reason in rulings:
            begin, end = (None if moment is None else datetime.fromtimestamp(moment, zone) for moment in (at, until))
            yield RulingLine(is_ban, facts.name, target, by, begin, end, reason)


def audit(asker: Asker, command: Audit) -> None:
    """Show what was decided, newest first: all of it, or about a room or an account.

    Who may do so as the owner of a room alone is shown that of the room.

    Raises:
        Refused: the asker may not, or there is nothing.
    """
    about = _about(asker, command.about)
    entries = asker.hub.register.audit(about, None, MOST_CHANGES)
    if not entries:
        raise Refused(_nothing(asker, command.about))
    if len(entries) == MOST_CHANGES:
        asker.reply(Notice(f"There is more than is shown here: these are the newest {MOST_CHANGES}."))
    show(asker, _audit(asker, about, entries))


def _about(asker: Asker, typed: str) -> About | None:
    """Return what `Register.audit` is to be asked about; a name behind `#` is a room's alone.

    Raises:
        Refused: the asker may not read that.
    """
    if may(asker.account, Right.AUDIT):
        return About(_name_of_room(typed), None if typed.startswith("#") else typed_key(typed)) if typed else None
    if not typed:
        room = room_here(asker)
        require_here(asker, Right.AUDIT, room)
        return About(room=room.name)
    name = _name_of_room(typed)
    if name is None or not asker.hub.register.room(name) or not may_here(asker, Right.AUDIT, asker.hub.room(name)):
        require(asker.account, Right.AUDIT)  # which it has not
    assert name
    require_look_in(asker, asker.hub.room(name))  # a moderator may have banned the owner
    return About(room=name)  # and not of an account that is called the same


def _nothing(asker: Asker, typed: str) -> str:
    """Return what is told where nothing was decided, and that there is nobody of that name, if so: it may be a slip."""
    if not typed:
        return "Nothing was decided."
    text = f"Nothing was decided about {typed}."
    name = _name_of_room(typed)
    if network_of(typed_key(typed)) or (name and asker.hub.register.room(name)):
        return text
    try:
        if typed.startswith("#"):
            asker.hub.find(typed)
        else:
            somebody(asker, typed)
    except Refused as refusal:
        return f"{text} {refusal}"
    return text


def _name_of_room(typed: str) -> str | None:
    try:
        return prepare_room(typed)
    except ValueError:
        return None


def _audit(asker: Asker, about: About | None, entries: Sequence[Entry]) -> Iterator[Reply]:
    if about and about.room and not may(asker.account, Right.AUDIT):
        require_look_in(asker, asker.hub.room(about.room))  # again, where it is a further page
    yield Audited(tuple(entries[:PAGE_LINES]), asker.view.now)
    if rest := entries[PAGE_LINES:]:
        asker.lookback.offer(partial(_audit, asker, about, rest))
    yield ListEnd(is_all=not rest)
