"""What each role may do: all rights, in one table.

Knows nothing of rooms or sessions. Values, to be shared between threads freely.
"""

from enum import StrEnum

from chatsrv.accounts import Account, Role
from chatsrv.errors import Refused


class Right(StrEnum):
    """Something that not everybody may do. The value completes the sentence "You have no right to ..."."""

    SPEAK = "speak here"
    CHANGE_PASSWORD = "change your password"
    HURRY = "send faster than flood control allows"


_MEMBER = frozenset({Right.SPEAK, Right.CHANGE_PASSWORD})
_MODERATOR = _MEMBER | {Right.HURRY}

RIGHTS = {
    Role.MEMBER: _MEMBER,
    Role.MODERATOR: _MODERATOR,
    Role.ADMIN: frozenset(Right),
}


def may(account: Account, right: Right) -> bool:
    """Tell whether `account` has `right`, by its role of this moment."""
    return right in RIGHTS[account.role]


def require(account: Account, right: Right) -> None:
    """Make sure that `account` has `right`.

    Raises:
        Refused: it has not; the text says which one is missing.
    """
    if not may(account, right):
        raise Refused(f"You have no right to {right}: your role is {account.role}.")
