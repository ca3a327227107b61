"""Commands that keep order: deeds (`chatsrv.chat.deeds`) that send out, keep out and silence.

Each is recorded in the register first, and holds from then on; only then is it carried out on those who are there, so
that nobody slips in between. Never hears of bytes, sockets or wire formats. Everything here runs on the asker's thread,
with no lock held.
"""

from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network, ip_network

from chatsrv.chat.asker import Asker
from chatsrv.chat.attendance import Device
from chatsrv.chat.authority import (
    bounded,
    hears,
    may_look_in,
    require_above,
    require_here,
    require_lifting,
    room_here,
    somebody,
)
from chatsrv.chat.deciding import decide
from chatsrv.chat.facts import Ruling, until_and_why
from chatsrv.chat.room import Room
from chatsrv.model.accounts import Account, Network, Role, unmapped
from chatsrv.model.changes import Change, What, target_key
from chatsrv.model.commands import Ban, Kick, Mute, Unban, Unmute
from chatsrv.model.errors import NotRecorded, Refused
from chatsrv.model.reasons import Reason
from chatsrv.model.refusals import (
    DurationInReason,
    InNetworkYourself,
    NoNetwork,
    NotRuled,
    NotThere,
    RoomForReason,
    Utterance,
)
from chatsrv.model.reports import Kicked, KickedYou, KickUnrecorded, Lifted, LiftedYou, Report, Ruled, RuledYou
from chatsrv.model.requiring import require
from chatsrv.model.rights import Right
from chatsrv.text.durations import parse
from chatsrv.text.names import account_key, prepare_room

# ---------------------------------------------------------------------------- sending out, keeping out


def kick(asker: Asker, command: Kick) -> None:
    """Send somebody out of a room, into which they may come back.

    At the next login they do not enter it unasked, unless it is the lobby.

    Raises:
        Refused: the asker may not, or that one is neither there nor would be at the next login.
    """
    room = room_here(asker, command.room)
    require_here(asker, Right.KICK, room)
    target = somebody(asker, command.name)
    require_above(asker, target, What.KICK)
    if not room.is_in(target.key) and (room is asker.hub.lobby or not asker.hub.belongs(target.key, room)):
        raise Refused(NotThere(target.name, room.name))
    reason = _reason(asker, What.KICK, room, command)
    change = Change(What.KICK, room.name, target.name, text=reason)
    decide(asker, change)
    why = reason if hears(asker, target.key) else ""
    if not _put_out(asker, room, target, change, KickedYou(asker.account.name, room.name, why)):
        raise Refused(NotThere(target.name, room.name, has_just_left=True))
    asker.reply(Kicked(target.name, room.name))


def ban(asker: Asker, command: Ban) -> None:
    """Keep somebody, or a network, out of a room or of the whole server.

    Raises:
        Refused: the asker may not, or there is nobody of that name.
    """
    room = _scope(asker, command, Right.BAN)
    network = network_typed(command.target)
    if network is None:
        target = somebody(asker, command.target)
        require_above(asker, target, What.BAN)
        change = _ruling_on(asker, What.BAN, Right.BAN, room, target.name, command)
        decide(asker, change)
        _keep_out(asker, room, target, change)
    else:
        require(asker.account, Right.BAN_NETWORK)
        _require_elsewhere(asker, network)
        change = _ruling_on(asker, What.BAN, Right.BAN_NETWORK, room, str(network), command)
        decide(asker, change)
        _keep_network_out(asker, room, network, change)
    asker.reply(_ruled(asker, change))


def _keep_out(asker: Asker, room: Room | None, target: Account, change: Change) -> None:
    if room:
        _put_out(asker, room, target, change, _ruled_you(asker, change, target.key))
        return
    for device in asker.hub.attendance.devices(target.key):
        _end(device, _ruled_you(asker, change, target.key))


def _keep_network_out(asker: Asker, room: Room | None, network: Network, change: Change) -> None:
    # Waited for only behind those who go: whoever is banned would go on speaking until it is recorded.
    position = room.append_change(asker.account.name, asker.origin, change) if room else None
    for device in asker.hub.attendance.everybody():
        if device.account.role is Role.ADMIN or not _is_from(device, network):
            continue
        told = _ruled_you(asker, change, device.key)
        if room is None:
            _end(device, told)
        else:
            device.leave(room, Reason.BANNED, told)
    if room:
        room.wait_until_seen(position)


def _put_out(asker: Asker, room: Room, target: Account, change: Change, told: Report) -> bool:
    """Have an account leave a room with the very entry that tells why; its sessions are `told` so instead.

    It comes back by joining again, and no sooner. Returns whether it was there, or would have been at the next login;
    if neither, because it left in the meantime, nobody is told that it was kicked.
    """
    hub, attendance, key = asker.hub, asker.hub.attendance, target.key
    is_member = room is not hub.lobby and hub.belongs(key, room)
    if is_member:
        # Before the sessions leave, so that none comes back by what is left of its joining. In the lobby, where
        # everybody begins, they are again at the next login.
        try:
            hub.register.record(target.name, asker.origin, Change(What.PART, room.name))
        except NotRecorded:  # what was decided is, and is carried out
            if change.what is What.KICK:
                asker.reply(KickUnrecorded(target.name, room.name))
    with room.barring(key):  # somebody who is kicked may come in again, but only behind the entry
        # Before there is the entry: whether they still read it would be chance.
        for device in attendance.devices(key):
            device.leave(room, None, told)
        position = room.expel(asker.account.name, asker.origin, key, change)
    if position:
        room.wait_until_seen(position)
    elif is_member or change.what is not What.KICK:
        room.announce(asker.account.name, asker.origin, change)
    return is_member or position is not None


def _end(device: Device, told: Report) -> None:
    device.tell(told)
    device.hang_up(Reason.BANNED)
    for room in device.rooms.values():  # it may take a while until the session ends, for its peer to read that
        device.leave(room, Reason.BANNED)


# ---------------------------------------------------------------------------- silencing


def mute(asker: Asker, command: Mute) -> None:
    """Let somebody say nothing in a room, or in the whole server.

    Raises:
        Refused: the asker may not, or there is nobody of that name.
    """
    room = _scope(asker, command, Right.MUTE)
    target = somebody(asker, command.target)
    require_above(asker, target, What.MUTE)
    change = _ruling_on(asker, What.MUTE, Right.MUTE, room, target.name, command)
    decide(asker, change)
    _announce(asker, room, change, target.key, _ruled_you(asker, change, target.key))
    asker.reply(_ruled(asker, change))


# ---------------------------------------------------------------------------- letting in, letting speak


def unban(asker: Asker, command: Unban) -> None:
    """End a ban, whether there still is an account of that name or not.

    Raises:
        Refused: the asker may not, or there is no such ban.
    """
    room = _scope(asker, command, Right.BAN)
    network = network_typed(command.target)
    key = account_key(command.target) if network is None else str(network)
    bans = (room.facts if room else asker.hub.register.server).bans
    ruling = _in_force(asker, bans, key, NotRuled(is_ban=True, room=room.name if room else ""))
    require_lifting(asker, ruling, key, Right.BAN if network is None else Right.BAN_NETWORK)
    change = Change(What.UNBAN, room.name if room else "", ruling.target)
    decide(asker, change)
    if room:
        room.announce(asker.account.name, asker.origin, change)
        told = LiftedYou(is_ban=True, room=room.name, is_invite_only=room.facts.is_invite_only)
        for device in asker.hub.attendance.devices(key):
            device.tell(told)
    asker.reply(Lifted(is_ban=True, room=change.room, target=ruling.target))


def unmute(asker: Asker, command: Unmute) -> None:
    """End a mute; else as `unban`.

    Raises:
        Refused: the asker may not, or there is no such mute.
    """
    room = _scope(asker, command, Right.MUTE)
    key = account_key(command.target)
    mutes = (room.facts if room else asker.hub.register.server).mutes
    ruling = _in_force(asker, mutes, key, NotRuled(is_ban=False, room=room.name if room else ""))
    require_lifting(asker, ruling, key, Right.MUTE)
    change = Change(What.UNMUTE, room.name if room else "", ruling.target)
    decide(asker, change)
    _announce(asker, room, change, key, LiftedYou(is_ban=False, room=""))
    asker.reply(Lifted(is_ban=False, room=change.room, target=ruling.target))


# ---------------------------------------------------------------------------- what they share


def _scope(asker: Asker, command: Ban | Unban | Mute | Unmute, right: Right) -> Room | None:
    """Return the room that a command is about; `None` for the whole server.

    Raises:
        Refused: the asker has not the right there.
    """
    if command.is_everywhere:
        require(asker.account, right)
        require(asker.account, Right.GOVERN)
        return None
    room = room_here(asker, command.room)
    require_here(asker, right, room)
    return room


def _ruling_on(asker: Asker, what: What, right: Right, room: Room | None, target: str, command: Ban | Mute) -> Change:
    """Return what is to be decided about an account or a network.

    Raises:
        Refused: it would take the place of what the asker may not lift, or has a reason that is too long.
    """
    facts = room.facts if room else asker.hub.register.server
    key, now = target_key(target), asker.view.now.timestamp()
    if ruling := facts.ban_of(key, None, now) if what is What.BAN else facts.mute_of(key, now):
        require_lifting(asker, ruling, key, right)
    until = None if command.seconds is None else round(now) + command.seconds
    reason = _reason(asker, what, room, command)
    return Change(what, room.name if room else "", target, until, reason)


def _reason(asker: Asker, what: What, room: Room | None, command: Kick | Ban | Mute) -> str:
    """Return the reason that was given for something that is about a room, or about the whole server.

    Raises:
        Refused: it is too long, or another room, in which the asker meant to act, or ends in the duration that they
            meant.
    """
    word, _, rest = command.reason.partition(" ")
    if not command.room and (word.startswith("#") or not rest or _is_duration(rest)):
        with suppress(ValueError):
            facts = asker.hub.register.room(prepare_room(word))
            if facts and may_look_in(asker, facts) and (room is None or room.name != facts.name):
                raise Refused(RoomForReason(what, facts.name))
    *_, last = command.reason.split(" ")
    if not isinstance(command, Kick) and command.seconds is None and _is_duration(last):
        raise Refused(DurationInReason(what, last))
    return bounded(command.reason, Utterance.REASON)


def _is_duration(text: str) -> bool:
    try:
        parse(text)
    except ValueError:
        return False
    return True


def _announce(asker: Asker, room: Room | None, change: Change, key: str, told: Report) -> None:
    """Have everybody in a room see a change; of one of the whole server only the account `key` is `told`."""
    if room:
        room.announce(asker.account.name, asker.origin, change)
        return
    for device in asker.hub.attendance.devices(key):
        device.tell(told)


def _in_force(asker: Asker, rulings: Mapping[str, Ruling], key: str, otherwise: NotRuled) -> Ruling:
    ruling = rulings.get(key)
    if ruling is None or not ruling.holds(asker.view.now.timestamp()):
        raise Refused(otherwise)
    return ruling


def _ruled(asker: Asker, change: Change) -> Ruled:
    """Return what the asker is told who decided that."""
    return Ruled(change.what is What.BAN, change.room, change.target, *_until_and_why(asker, change))


def _ruled_you(asker: Asker, change: Change, reader: str) -> RuledYou:
    """Return what the account `reader` is told, about which the asker decided that."""
    ignored = asker.hub.register.ignored_by(reader)
    return RuledYou(change.what is What.BAN, change.room, *_until_and_why(asker, change, ignored))


def _until_and_why(asker: Asker, change: Change, ignored: frozenset[str] = frozenset()) -> tuple[datetime | None, str]:
    ruling = Ruling(change.target, asker.account.name, 0.0, change.until, change.text)
    return until_and_why(ruling, asker.view.now.tzinfo, ignored)


# ---------------------------------------------------------------------------- networks


def network_typed(typed: str) -> Network | None:
    """Return the network, or the one address, that somebody typed; `None` if it looks like an account's name.

    Raises:
        Refused: it names an address within a network, and may be a slip.
    """
    try:
        network = ip_network(typed)
    except ValueError:
        try:
            wider = ip_network(typed, strict=False)
        except ValueError:
            return None
        raise Refused(NoNetwork(typed, wider)) from None
    if isinstance(network, IPv6Network) and (inner := network.network_address.ipv4_mapped) and network.prefixlen >= 96:
        return IPv4Network((inner, network.prefixlen - 96))  # as addresses are looked at, too
    return network


def _is_from(device: Device, network: Network) -> bool:
    return bool(device.address) and unmapped(device.address) in network


def _require_elsewhere(asker: Asker, network: Network) -> None:
    """Make sure that the askers do not lock themselves out. Admins cannot: no network's ban holds for them."""
    devices = asker.hub.attendance.devices(asker.key)
    if asker.account.role is not Role.ADMIN and any(_is_from(device, network) for device in devices):
        raise Refused(InNetworkYourself(network))
