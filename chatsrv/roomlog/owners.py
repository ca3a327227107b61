"""Whose an entry is, when everything of an account is erased.

Everything in the account's own log is the account's, whoever wrote there. Nothing in the register is anybody's: what
was decided stays so, and no ban is lifted by erasing who decided it. Pure functions; any thread may call them.
"""

from chatsrv.model.changes import Change, target_key
from chatsrv.model.entries import PRIVATE_MARK, REGISTER, Entry, Kind
from chatsrv.text.names import account_key


def is_all_of(account: str, room: str) -> bool:
    """Tell whether everything in the log of `room` is the account's.

    >>> is_all_of("alice", "@alice"), is_all_of("alice", "lobby")
    (True, False)
    """
    return room == PRIVATE_MARK + account


def may_be_of(account: str, author: str, room: str) -> bool:
    """Tell whether what `author` wrote in the log of `room` is the account's. What nobody wrote is nobody's."""
    return room != REGISTER and account != "" and (is_all_of(account, room) or account_key(author) == account)


def is_of(account: str, entry: Entry) -> bool:
    """Tell whether an entry is the account's, and not erased yet."""
    return entry.kind is not Kind.ERASED and may_be_of(account, entry.author, entry.room)


def is_decision_of(account: str, entry: Entry) -> bool:
    """Tell whether an entry of the register was decided by an account, or about it."""
    try:
        target = Change.decode(entry.text).target
    except ValueError:
        target = ""
    return account in (account_key(entry.author), target_key(target))
