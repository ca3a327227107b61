"""Deciding: how a deed has a change recorded, and how often one account may.

Every change is kept for good and read at each start, so members cannot make thousands of them. Never hears of bytes,
sockets or wire formats. Everything here runs on the asker's thread, with no lock held.
"""

from collections.abc import Mapping

from chatsrv.chat.asker import Asker
from chatsrv.chat.authority import require_voice
from chatsrv.model.changes import Change, What
from chatsrv.model.errors import Refused
from chatsrv.model.rights import Right, may

_REASON = "a reason"

_SAID: Mapping[What, str] = {
    What.CREATE: "the name of a room",
    What.TOPIC: "a topic",
    What.INVITE: "an invitation",
    What.KICK: _REASON,
    What.BAN: _REASON,
    What.MUTE: _REASON,
}
"""What others read of a decision that is as good as said, and counts as a line; a reason, where there is one."""


def decide(asker: Asker, change: Change) -> None:
    """Have it recorded that the asker decided something; from then on it holds.

    Raises:
        Refused: it is one too many for now, the asker may not say what others would read, or it cannot be recorded.
    """
    check_pace(asker)
    what = _SAID.get(change.what, "")
    if what and (change.text or what != _REASON):
        is_in_room = change.room and change.what is not What.CREATE
        try:
            require_voice(asker, what, asker.hub.room(change.room) if is_in_room else None)
        except Refused as refusal:
            raise Refused(f"{refusal} Without a reason it can be done." if what == _REASON else str(refusal)) from None
    record(asker, change)


def check_pace(asker: Asker) -> None:
    """Count one more decision of the asker's.

    Raises:
        Refused: there were too many lately. Moderators and admins are never refused.
    """
    if may(asker.account, Right.HURRY):
        return
    if not asker.hub.decisions.allow(asker.key):
        raise Refused("That is too much at once, since it is all kept for good. Try again in a minute.")


def record(asker: Asker, change: Change) -> None:
    """Have a change of the asker's recorded that is counted already.

    Raises:
        Refused: it cannot be recorded.
    """
    asker.hub.register.record(asker.account.name, asker.origin, change)
