"""Requiring a right: the one way to refuse somebody whose role has not what it takes.

Knows nothing of rooms, whose owners have rights of their own: see `chatsrv.chat.authority`. Any thread may call it.
"""

from chatsrv.model.accounts import Account
from chatsrv.model.errors import Refused
from chatsrv.model.refusals import NoRight
from chatsrv.model.rights import Right, may


def require(account: Account, right: Right) -> None:
    """Make sure that `account` has `right`.

    Raises:
        Refused: it has not.
    """
    if not may(account, right):
        raise Refused(NoRight(right, account.role))
