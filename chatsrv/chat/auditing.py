"""Commands that tell what was decided: deeds (`chatsrv.chat.deeds`) that list bans and mutes, and who did what to whom.

Never hears of bytes, sockets or wire formats. Everything here runs on the asker's thread, with no lock held.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from itertools import islice
from typing import TypeAlias

from chatsrv.chat.asker import Asker
from chatsrv.chat.authority import may_here, require_here, require_look_in, room_here, somebody
from chatsrv.chat.facts import Facts, Ruling
from chatsrv.chat.lookback import View
from chatsrv.chat.looking import look_up, show
from chatsrv.chat.register import About
from chatsrv.chat.room import Room
from chatsrv.model.changes import network_of, typed_key
from chatsrv.model.commands import Audit, Bans
from chatsrv.model.errors import Refused
from chatsrv.model.refusals import NoOneRuled, NothingDecided
from chatsrv.model.replies import Audited, ListEnd, Reply, RulingLine, RulingList
from chatsrv.model.requiring import require
from chatsrv.model.rights import Right, may
from chatsrv.text.names import account_key, prepare_room

PAGE_LINES = 20
"""Lines on a page of either: a terminal of 24 lines has room for them."""

_Rulings: TypeAlias = tuple[Facts, bool]
"""What holds of a room, or the server, and whether its bans are meant, or its mutes."""


def list_bans(asker: Asker, command: Bans) -> None:
    """Tell who is banned or muted in a room; those who may act in all rooms, in the whole server as well.

    Raises:
        Refused: the asker may not, or it is nobody.
    """
    room = room_here(asker, command.room)
    require_here(asker, Right.BAN, room)
    facts = [room.facts, asker.hub.register.server] if may(asker.account, Right.BAN) else [room.facts]
    lists = [(each, is_ban) for each in facts for is_ban in (True, False)]
    if next(_rulings(asker, lists, None), None) is None:
        raise Refused(NoOneRuled(room.name))
    show(asker, _bans(asker, room, lists, None))


def _bans(asker: Asker, room: Room, lists: Sequence[_Rulings], after: Ruling | None) -> Iterator[Reply]:
    """Yield a page of these lists, from behind a ruling of the first one on."""
    require_look_in(asker, room)  # again, where it is a further page
    require_here(asker, Right.BAN, room)
    found = list(islice(_rulings(asker, lists, after), PAGE_LINES + 1))
    page, is_all = found[:PAGE_LINES], len(found) <= PAGE_LINES
    view = asker.view
    yield RulingList(tuple(_line(view, facts, ruling, is_ban=is_ban) for (facts, is_ban), ruling in page))
    if not is_all:
        last, ruling = page[-1]
        asker.lookback.offer(partial(_bans, asker, room, lists[lists.index(last) :], ruling))
    yield ListEnd(is_all)


def _rulings(asker: Asker, lists: Sequence[_Rulings], after: Ruling | None) -> Iterator[tuple[_Rulings, Ruling]]:
    now = asker.view.now.timestamp()
    for facts, is_ban in lists:
        for ruling in facts.rulings(is_ban=is_ban, now=now, after=after):
            yield (facts, is_ban), ruling
        after = None


def _line(view: View, facts: Facts, ruling: Ruling, *, is_ban: bool) -> RulingLine:
    target, by, at, until, reason = ruling
    begin, end = (None if moment is None else datetime.fromtimestamp(moment, view.now.tzinfo) for moment in (at, until))
    return RulingLine(is_ban, facts.name, target, by, begin, end, "" if account_key(by) in view.ignored else reason)


def audit(asker: Asker, command: Audit) -> None:
    """Show what was decided, newest first: all of it, or about a room or an account.

    Who may do so as the owner of a room alone is shown that of the room.

    Raises:
        Refused: the asker may not, or there is nothing.
    """
    look_up(asker, _audit(asker, _about(asker, command.about), command.about))


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
    about = About(room=_name_of_room(typed))  # and not of an account that is called the same
    _require(asker, about)
    return about


def _require(asker: Asker, about: About | None) -> None:
    """Make sure that the asker may read what was decided about that.

    Raises:
        Refused: they may not.
    """
    if may(asker.account, Right.AUDIT):
        return
    name = about.room if about and about.account is None else None
    if name is None or not asker.hub.register.room(name) or not may_here(asker, Right.AUDIT, asker.hub.room(name)):
        require(asker.account, Right.AUDIT)  # which it has not
    assert name
    require_look_in(asker, asker.hub.room(name))  # a moderator may have banned the owner


def _nothing(asker: Asker, typed: str) -> NothingDecided:
    """Return what is told where nothing was decided, and that there is nobody of that name, if so: it may be a slip."""
    name = _name_of_room(typed)
    if not typed or network_of(typed_key(typed)) or (name and asker.hub.register.room(name)):
        return NothingDecided(typed)
    try:
        if typed.startswith("#"):
            asker.hub.find(typed)
        else:
            somebody(asker, typed)
    except Refused as refused:
        return NothingDecided(typed, refused.why)
    return NothingDecided(typed)


def _name_of_room(typed: str) -> str | None:
    try:
        return prepare_room(typed)
    except ValueError:
        return None


def _audit(asker: Asker, about: About | None, typed: str, before: int | None = None) -> Iterator[Reply]:
    """Yield a page of what was decided about something before an offset."""
    _require(asker, about)  # again, where it is a further page
    found = asker.hub.register.audit(about, before, PAGE_LINES + 1)
    if not found:
        raise Refused(_nothing(asker, typed))
    page, is_all = found[:PAGE_LINES], len(found) <= PAGE_LINES
    yield Audited(tuple(page), asker.view.now)
    if not is_all:
        asker.lookback.offer(partial(_audit, asker, about, typed, page[-1].offset))
    yield ListEnd(is_all)
