"""Attendance: the open sessions of every account, as the rest of the chat sees them.

Never hears of bytes, sockets or wire formats. Every method may be called from any thread.
"""

from collections.abc import Mapping
from typing import Protocol

from chatsrv.chat.room import Room
from chatsrv.model.accounts import Account
from chatsrv.model.reasons import Reason
from chatsrv.model.replies import Reply
from chatsrv.roomlog.base import RoomLog
from chatsrv.sharing.locks import Rank, ranked_lock


class Device(Protocol):
    """An open session of an account, which may have several, as others act on it: its `Membership`; a bot's `Stay`.

    Called under no lock; every method from any thread.
    """

    @property
    def account(self) -> Account:
        """Whose it is, with the role of this moment."""

    @property
    def key(self) -> str:
        """The key of the account."""

    @property
    def origin(self) -> int:
        """What tells the session from all others, in entries."""

    @property
    def address(self) -> str:
        """The IP address that it comes from."""

    @property
    def rooms(self) -> Mapping[str, Room]:
        """The rooms that it is in, by their names; never changed in place."""

    def enter(self, room: Room, told: Reply) -> bool:
        """Go into a room, unless it is there, and read on there from now on; return whether it was not there.

        It speaks there once it turns to it, and not before: its peer may be typing for another room.

        Its peer is told so by `told`, in the same step, so that whatever is told of rooms stands in the order in which
        it happened.

        Raises:
            Refused: the account is banned there, or it cannot be recorded.
        """

    def leave(self, room: Room, reason: Reason | None, told: Reply | None = None) -> bool:
        """Leave a room, and return whether it was there; without a reason there is no entry of it, but one already.

        Its peer is told so by `told`, if that is not what this very session asked for, in the same step. Where it spoke
        there, it speaks then in the room in which it spoke before, if it asked itself, and else in none: who is put out
        may be typing, and what was meant for that room is to be said in no other. One that is on its way into the room
        is waited for.
        """

    def hear(self, log: RoomLog) -> None:
        """Read the account's private log, from its very beginning, unless it does so already."""

    def ignore(self) -> None:
        """See nothing from now on of what those say whom its account ignores by the register."""

    def restyle(self) -> None:
        """Show lines from now on in the style that its account has by the register."""

    def tell(self, reply: Reply) -> None:
        """Tell its peer something. Never waits."""

    def hang_up(self, reason: Reason) -> None:
        """End it."""


class Attendance:
    """The sessions that are connected to the chat, by the keys of their accounts."""

    def __init__(self) -> None:
        self._lock = ranked_lock(Rank.HUB)
        self._devices: dict[str, tuple[Device, ...]] = {}  # guarded by the lock; tuples are replaced, never changed

    def add(self, device: Device) -> None:
        """Know of a session, from its login on."""
        with self._lock:
            self._devices[device.key] = (*self._devices.get(device.key, ()), device)

    def remove(self, device: Device) -> None:
        """Know of a session no more."""
        with self._lock:
            others = tuple(other for other in self._devices.get(device.key, ()) if other is not device)
            if others:
                self._devices[device.key] = others
            else:
                self._devices.pop(device.key, None)

    def devices(self, key: str) -> tuple[Device, ...]:
        """Return the open sessions of an account."""
        return self._devices.get(key, ())

    def everybody(self) -> list[Device]:
        """Return all open sessions."""
        with self._lock:
            return [device for devices in self._devices.values() for device in devices]
