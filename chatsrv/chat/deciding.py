"""Deciding: how a deed has a change recorded, and how often one account may.

Every change is kept for good and read at each start, so members cannot make thousands of them. Never hears of bytes,
sockets or wire formats. Everything here runs on the asker's thread, with no lock held.
"""

from collections.abc import Mapping

from chatsrv.chat.asker import Asker
from chatsrv.chat.authority import require_voice
from chatsrv.model.changes import Change, What
from chatsrv.model.errors import Refused
from chatsrv.model.refusals import TooManyChanges, Utterance
from chatsrv.model.rights import Right, may

_UTTERANCES: Mapping[What, Utterance] = {
    What.CREATE: Utterance.ROOM_NAME,
    What.TOPIC: Utterance.TOPIC,
    What.INVITE: Utterance.INVITATION,
    What.KICK: Utterance.REASON,
    What.BAN: Utterance.REASON,
    What.MUTE: Utterance.REASON,
}
"""What others read of a decision that is as good as said, and counts as a line; a reason, where there is one."""


def decide(asker: Asker, change: Change) -> None:
    """Have it recorded that the asker decided something; from then on it holds.

    Raises:
        Refused: it is one too many for now, the asker may not say what others would read, or it cannot be recorded.
    """
    check_pace(asker)
    utterance = _UTTERANCES.get(change.what)
    if utterance and (change.text or utterance is not Utterance.REASON):
        is_in_room = change.room and change.what is not What.CREATE
        require_voice(asker, utterance, asker.hub.room(change.room) if is_in_room else None)
    record(asker, change)


def check_pace(asker: Asker) -> None:
    """Count one more decision of the asker's.

    Raises:
        Refused: there were too many lately. Moderators and admins are never refused.
    """
    if may(asker.account, Right.HURRY):
        return
    if not asker.hub.decisions.allow(asker.key):
        raise Refused(TooManyChanges())


def record(asker: Asker, change: Change) -> None:
    """Have a change of the asker's recorded that is counted already.

    Raises:
        Refused: it cannot be recorded.
    """
    asker.hub.register.record(asker.account.name, asker.origin, change)
