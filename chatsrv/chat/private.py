"""Commands between two people: deeds (`chatsrv.chat.deeds`) that say something to one alone, or shut somebody out.

A private message is an entry of its reader's own log, and another one of its author's, so that both find it again.
Never hears of bytes, sockets or wire formats. Everything here runs on the asker's thread, with no lock held.
"""

from contextlib import suppress

from chatsrv.chat.asker import Asker
from chatsrv.chat.authority import account_named, hears, require_voice, somebody
from chatsrv.chat.deciding import decide
from chatsrv.model.accounts import Account
from chatsrv.model.changes import Change, What
from chatsrv.model.commands import Ignore, PrivateMessage, Unignore
from chatsrv.model.entries import Kind
from chatsrv.model.errors import NotRecorded, Refused
from chatsrv.model.refusals import AlreadyIgnored, IgnoresMost, MessageToYourself, NotIgnored, OnYourself, Utterance
from chatsrv.model.reports import Absent, Ignored, Ignoring, Unignored
from chatsrv.roomlog.base import RoomLog
from chatsrv.text.names import account_key

MOST_IGNORED = 100
"""Accounts that one may ignore: each session of the account is noted with each of them, in each room that it is in."""


def tell_privately(asker: Asker, command: PrivateMessage) -> None:
    """Say something to one person alone, who need not be here.

    Who is ignored is not told so: it would be the next quarrel.

    Raises:
        Refused: there is nobody of that name, or the asker is muted.
        NotRecorded: it cannot be recorded, so the reader has not seen it; its author's log may have it.
    """
    require_voice(asker, Utterance.MESSAGE)
    reader = account_named(asker, command.name)
    if reader.key == asker.key:
        raise Refused(MessageToYourself())
    copies = [(_heard_log(asker, asker.key), Kind.PRIVATE_SENT, f"{reader.name} {command.text}")]
    if hears(asker, reader.key):
        copies.append((_heard_log(asker, reader.key), Kind.PRIVATE, command.text))
    for log, _, _ in copies:
        log.wait_for_space()
    # The author's first, or an answer could come before it in their log; and both before waiting, so that one
    # transaction has both, as a rule. Where a disk fails between two of them, the reader's, the last one,
    # tells whether it was said.
    written = [(log, log.append(kind, asker.account.name, asker.origin, (text,))) for log, kind, text in copies]
    *before, (log, appended) = written
    for own_log, own_copy in before:
        with suppress(NotRecorded):
            own_log.wait_until_recorded(own_copy)
    log.wait_until_recorded(appended)
    if not asker.hub.attendance.devices(reader.key):
        asker.reply(absent(asker, reader))


def absent(asker: Asker, account: Account) -> Absent:
    """Return what is told of somebody who is not here, to whom something was written."""
    hub, is_told_at_login = asker.hub, True
    with suppress(Refused):  # it cannot be read at the moment
        is_told_at_login = bool(hub.catching_up.entries) and hub.bookmarks.is_caught_up(account.key)
    return Absent(account.name, is_told_at_login)


def tell_of_invitation(asker: Asker, guest: Account, invitation: Change) -> None:
    """Have an account read that it was invited, which is recorded already: now, or at the next login.

    An entry of its own log, so that it is told once, as a private message is.

    Raises:
        Refused: it cannot be recorded, so that nobody has read it.
    """
    if hears(asker, guest.key):
        log = _heard_log(asker, guest.key)
        log.wait_for_space()
        log.wait_until_recorded(log.append(Kind.CHANGE, asker.account.name, asker.origin, (invitation.encode(),)))


def _heard_log(asker: Asker, key: str) -> RoomLog:
    """Return the own log of an account, which all its sessions read."""
    log = asker.hub.private_log(key)
    for device in asker.hub.attendance.devices(key):
        device.hear(log)
    return log


def ignore(asker: Asker, command: Ignore) -> None:
    """See nothing of an account from now on; without a name, tell which these are.

    Raises:
        Refused: there is nobody of that name, or it is ignored already.
    """
    register, key = asker.hub.register, asker.key
    ignored = register.ignored_by(key)
    if not command.name:
        asker.reply(Ignoring(tuple(sorted(ignored))))
        return
    account = somebody(asker, command.name)
    if account.key == key:
        raise Refused(OnYourself(What.IGNORE))
    if account.key in ignored:
        raise Refused(AlreadyIgnored(account.name))
    if len(ignored) >= MOST_IGNORED:
        raise Refused(IgnoresMost(MOST_IGNORED))
    _change(asker, What.IGNORE, account.name)
    asker.reply(Ignored(account.name))


def unignore(asker: Asker, command: Unignore) -> None:
    """See an account again, whether it still exists or not.

    Raises:
        Refused: it is not ignored.
    """
    if account_key(command.name) not in asker.hub.register.ignored_by(asker.key):
        raise Refused(NotIgnored())
    _change(asker, What.UNIGNORE, command.name)
    asker.reply(Unignored(command.name))


def _change(asker: Asker, what: What, name: str) -> None:
    decide(asker, Change(what, target=name))
    for device in asker.hub.attendance.devices(asker.key):
        device.ignore()
