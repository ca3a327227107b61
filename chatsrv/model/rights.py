"""What each role may do: all rights, in one table.

Knows nothing of rooms or sessions. Values, to be shared between threads freely.
"""

from enum import StrEnum

from chatsrv.model.accounts import Account, Role


class Right(StrEnum):
    """Something that not everybody may do."""

    SPEAK = "speak"
    CHANGE_PASSWORD = "change password"
    CREATE_ROOM = "create room"
    HURRY = "hurry"
    """Sends faster than flood control allows."""
    ENTER = "enter"
    """Enters rooms without an invitation."""
    SET_TOPIC = "set topic"
    KICK = "kick"
    BAN = "ban"
    BAN_NETWORK = "ban network"
    MUTE = "mute"
    SLOW = "slow"
    AUDIT = "audit"
    GOVERN = "govern"
    """Acts on the whole server."""


_MEMBER = frozenset({Right.SPEAK, Right.CHANGE_PASSWORD, Right.CREATE_ROOM})
_MODERATOR = frozenset(Right) - {Right.GOVERN}

RIGHTS = {
    Role.MEMBER: _MEMBER,
    Role.MODERATOR: _MODERATOR,
    Role.ADMIN: frozenset(Right),
}

OF_OWNERS = frozenset({Right.ENTER, Right.SET_TOPIC, Right.KICK, Right.BAN, Right.MUTE, Right.SLOW, Right.AUDIT})
"""What the owner of a room may do within it, whatever the role: no command is refused for lack of these alone."""

_RANK = {role: number for number, role in enumerate(reversed(Role))}


def includes(role: Role, other: Role) -> bool:
    """Tell whether `role` may do all that `other` may.

    >>> includes(Role.ADMIN, Role.MODERATOR), includes(Role.MEMBER, Role.MODERATOR)
    (True, False)
    """
    return _RANK[role] >= _RANK[other]


def may(account: Account, right: Right) -> bool:
    """Tell whether `account` has `right`, by its role of this moment."""
    return right in RIGHTS[account.role]
