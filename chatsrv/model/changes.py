"""Changes: what somebody decided about rooms and people, as values, and as the text of an entry of `Kind.CHANGE`.

Knows nothing of what holds now, nor who may decide what. Values and pure functions; any thread may use them.
"""

import json
from enum import StrEnum
from ipaddress import ip_network
from math import inf
from typing import Any, NamedTuple, NoReturn

from chatsrv.model.accounts import Network, unmapped
from chatsrv.model.distinct import distinct
from chatsrv.model.entries import Entry, Kind
from chatsrv.text.names import account_key


class What(StrEnum):
    """What a change does."""

    CREATE = "create"
    TOPIC = "topic"
    JOIN = "join"
    PART = "part"
    INVITE = "invite"
    KICK = "kick"
    BAN = "ban"
    UNBAN = "unban"
    MUTE = "mute"
    UNMUTE = "unmute"
    SLOW = "slow"
    IGNORE = "ignore"
    UNIGNORE = "unignore"
    SET = "set"


MODERATION = frozenset(What) - {What.JOIN, What.PART, What.IGNORE, What.UNIGNORE, What.SET}
"""What others may be told of: where somebody is, whom they ignore and how they read is their own business."""

TEXT_CHARACTERS = 300
"""The longest topic or reason: some lines of a terminal, which everybody in a room is shown."""

UNSAID = "\0"
"""The text of a topic whose words are kept from a reader. Nobody can type it, and no change is recorded with it."""

INVITE_ONLY = "invite-only"
"""The word in the text of a `CREATE` that lets nobody in who is not invited."""

UNLOGGED = "unlogged"
"""The word in the text of a `CREATE` that keeps what is said there out of the file."""


@distinct
class Change(NamedTuple):
    """Something that was decided. The entry that has it tells by whom, when, and in which session.

    `room` is empty for the whole server. `target` is an account's name as its owner writes it, or a network in CIDR
    notation. `until` is in seconds since the Unix epoch, `None` for good. `text` is a topic or a reason; of a `CREATE`
    the words that make the room another one than usual, parted by spaces; of a `SLOW` the seconds between two lines, in
    digits; of a `SET` an option and its value, parted by a space.
    """

    what: What
    room: str = ""
    target: str = ""
    until: float | None = None
    text: str = ""

    def encode(self) -> str:
        """Return the change as the text of an entry: compact JSON, what is empty left out.

        >>> Change(What.KICK, "dev", "bob", text="too loud").encode()
        '{"what":"kick","room":"dev","target":"bob","text":"too loud"}'
        """
        fields = {name: value for name, value in zip(self._fields, self, strict=True) if value or value == 0}
        return _ENCODE(fields)

    @classmethod
    def decode(cls, text: str) -> "Change":
        """Return the change that an entry's `text` has.

        Raises:
            ValueError: it has none, or one of a later version.
        """
        try:
            fields, end = _FIELDS(text)
        except RecursionError:
            raise ValueError("nested too deeply") from None
        if type(fields) is not dict or end != len(text):
            raise ValueError(f"no object: {text!r}")
        # Without loops: a server that starts decodes all that there ever were.
        take = fields.pop
        what, room, target, words = take("what", ""), take("room", ""), take("target", ""), take("text", "")
        until = take("until", None)
        if fields or not (type(what) is type(room) is type(target) is type(words) is str) or what not in _WHATS:
            raise ValueError(f"no change: {text!r}")
        if until is not None and (type(until) not in (int, float) or abs(until) == inf):
            raise ValueError(f"no time: {until!r}")
        return tuple.__new__(cls, (_WHATS[what], room, target, until, words))


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


_WHATS = {what.value: what for what in What}
# Made once, as `json.dumps` and `json.loads` with options make them anew for each call.
_ENCODE = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_FIELDS: Any = json.JSONDecoder(parse_constant=_no_number).raw_decode


def moderation_of(entry: Entry) -> Change | None:
    """Return the change that an entry of the register has, if it is `MODERATION`; `None` of what is damaged as well."""
    try:
        change = Change.decode(entry.text) if entry.kind is Kind.CHANGE else None
    except ValueError:  # of a later version, or of a rescued file
        return None
    return change if change and change.what in MODERATION else None


def is_invitation(text: str) -> bool:
    """Tell whether the text of an entry of `Kind.CHANGE` is that of an invitation. One of damaged text is none."""
    try:
        return Change.decode(text).what is What.INVITE
    except ValueError:
        return False


def without_words(entry: Entry) -> Entry:
    """Return an entry of `Kind.CHANGE` without the words that its author chose, for those who ignore them.

    What was done is left: that somebody was kicked, or that there is another topic.
    """
    try:
        change = Change.decode(entry.text)
    except ValueError:  # of a later version, or of a rescued file: nobody is shown it
        return entry
    if not change.text or change.what not in _WORDED:
        return entry
    return entry._replace(text=change._replace(text=UNSAID if change.what is What.TOPIC else "").encode())


_WORDED = frozenset({What.TOPIC, What.KICK, What.BAN, What.MUTE})


def network_of(target: str) -> Network | None:
    """Return the network that `target` is, in CIDR notation; `None` if it is none but an account's name.

    >>> network_of("192.0.2.0/24"), network_of("bob")
    (IPv4Network('192.0.2.0/24'), None)
    """
    if "/" not in target:
        return None
    try:
        return ip_network(target, strict=False)
    except ValueError:
        return None


def target_key(target: str) -> str:
    """Return what tells a target, however it is written: the key of an account, or the network as Python writes it.

    >>> target_key("192.0.2.77/24"), target_key("Bob")
    ('192.0.2.0/24', 'bob')
    """
    network = network_of(target)
    return account_key(target) if network is None else str(network)


def typed_key(typed: str) -> str:
    """Return the key of the target that somebody types: an address alone is the network that `/ban` makes of it.

    >>> typed_key("192.0.2.77"), typed_key("::FFFF:192.0.2.77"), typed_key("Bob")
    ('192.0.2.77/32', '192.0.2.77/32', 'bob')
    """
    try:
        return str(ip_network(unmapped(typed)))
    except ValueError:
        return target_key(typed)
