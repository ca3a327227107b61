"""Which names, of people and of rooms, and passwords there can be, and when two of them are the same.

Knows nothing of accounts, files or who asks. Pure functions; any thread may call them.
"""

import re
import unicodedata
from enum import StrEnum
from functools import cache, lru_cache

from precis_i18n import get_profile
from precis_i18n.profile import Profile

from chatsrv.text.characters import BLANK, IGNORABLE, JOINERS

NAME_BYTES = 64
"""Longest name, in bytes of UTF-8: twice what Unix allows, and two of them still leave most of an IRC line free."""

ROOM_BYTES = 32
"""Longest name of a room, in bytes of UTF-8: it stands before every line of a room that one does not speak in."""

PASSWORD_BYTES = 1024
"""Longest password, in bytes of UTF-8: any pass phrase fits, and preparing it stays cheap."""

NAME_ACCEPTED = (
    f"a name has 1 to {NAME_BYTES} bytes of letters, digits and signs, without spaces or any of < > : , "
    "and begins with neither # nor a combining mark"
)
ROOM_ACCEPTED = (
    f"a room's name has 1 to {ROOM_BYTES} bytes of letters, digits and signs, without spaces or any of < > [ ] : , "
    "and begins with neither @ * - nor a combining mark"
)
PASSWORD_ACCEPTED = f"a password has 1 to {PASSWORD_BYTES} bytes and no control or invisible characters"

# < and > frame a name in front of what it says; a comma separates names where several are listed; a colon separates
# the name from the hash in an htpasswd file. With one of them inside, a name could pass for something else.
_REFUSED_IN_NAMES = frozenset("<>:,")

# docs/decisions/0039 has the reasons for what follows. These ranges are fixed, so that the prepared form of a password,
# and with it its hash, is the same with every Python: none of them is asked of `unicodedata`.
_SPACES = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
_SELECTORS = re.compile("[\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_PICTOGRAPHS = re.compile("([\U0001f000-\U0001faff\U0001fc00-\U0001fffd]+)")
_NEVER_IN_PASSWORDS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

# England and its like: a black flag, letters of which nothing is seen, and what ends them (UTS 51, ED-14a).
_REGIONAL_FLAGS = re.compile("\U0001f3f4[\U000e0020-\U000e007e]+\U000e007f")
_BEHIND_A_LETTER = JOINERS + "\u180e"

RESERVED_NAMES = (
    "admin",
    "administrator",
    "moderator",
    "operator",
    "owner",
    "root",
    "server",
    "service",
    "staff",
    "superuser",
    "support",
    "sysadmin",
    "sysop",
    "system",
)
"""Names that a chatter could take for somebody who may give orders."""

RESERVED_ROOMS = ("private", "server", "everywhere")
"""No room is called so: a line of it would pass for a private one, and a command about it for one about all rooms."""

# Brackets frame a room's name in front of its lines. Names of logs that are of no room begin with @ or *, options of a
# command line with a hyphen.
_REFUSED_IN_ROOMS = frozenset("[]")
_REFUSED_BEFORE_ROOMS = frozenset("#@*-")


class RoomFlaw(StrEnum):
    """Why no room can be called so."""

    CHARACTERS = "not those that a room's name has"
    RESERVED = "reserved"
    LIKE_PRIVATE = "like the mark of a private message"
    LIKE_TIME = "like a time or an address"
    PILED_MARKS = "marks piled on one letter"
    LIKE_SERVER = "like one of the server's own"


class RoomNameError(ValueError):
    """No room can be called so, or none that people make, for that `flaw`."""

    def __init__(self, flaw: RoomFlaw, text: str = "") -> None:
        super().__init__(text or flaw)
        self.flaw = flaw


def prepare_name(raw: str) -> str:
    """Return the form of the name `raw` under which accounts are found: equal names have equal forms.

    That is UsernameCaseMapped (RFC 8265 §3.3): upper and lower case, wide and narrow letters count as the same.
    The bounds are checked first, so a name of any size costs nothing. Preparing twice changes nothing.

    >>> prepare_name("Alice")
    'alice'

    Raises:
        ValueError: this cannot be a name; the text says what can.
    """
    _bound(raw, NAME_BYTES, NAME_ACCEPTED)
    prepared = raw
    # RFC 8264 §7: the rules are to be applied until nothing changes any more, at most three times after the first.
    for _ in range(4):
        before, prepared = prepared, _enforce("UsernameCaseMapped", prepared, NAME_ACCEPTED)
        if prepared == before:
            break
    else:
        raise ValueError(NAME_ACCEPTED)
    if _REFUSED_IN_NAMES.intersection(prepared) or prepared[0] == "#" or unicodedata.category(prepared[0])[0] == "M":
        raise ValueError(NAME_ACCEPTED)  # '#' begins a comment in an htpasswd file; a mark would merge with the '<'
    _bound(prepared, NAME_BYTES, NAME_ACCEPTED)
    return prepared


def prepare_room(raw: str) -> str:
    """Return the name of the room that somebody calls `raw`, with or without a `#` before it.

    >>> prepare_room("#Dev")
    'dev'

    Raises:
        RoomNameError: no room can be called so; the text says what can.
    """
    bare = raw.removeprefix("#")
    try:
        prepared = prepare_name(bare)
        _bound(prepared, ROOM_BYTES, ROOM_ACCEPTED)
    except ValueError:
        raise RoomNameError(RoomFlaw.CHARACTERS, ROOM_ACCEPTED) from None
    if prepared[0] in _REFUSED_BEFORE_ROOMS or _REFUSED_IN_ROOMS.intersection(prepared):
        raise RoomNameError(RoomFlaw.CHARACTERS, ROOM_ACCEPTED)
    if prepared in RESERVED_ROOMS:
        raise RoomNameError(RoomFlaw.RESERVED, "that name is reserved")
    return prepared


def account_key(name: str) -> str:
    """Return what tells an account, however its name is or was written: its prepared form, where it has one.

    >>> account_key("Alice")
    'alice'
    """
    if len(name) > NAME_BYTES:
        return name  # as `prepare_name` refuses it; a line of any length may be asked for, and is not to be kept
    return _account_key(name)


@lru_cache(4096)
def _account_key(name: str) -> str:
    if name.isascii() and name.isalnum():
        return name.lower()  # what `prepare_name` makes of it, in a hundredth of the time
    try:
        return prepare_name(name)
    except ValueError:
        return name


def prepare_password(raw: str) -> str:
    """Return the form of the password `raw` that is compared and hashed.

    That is OpaqueString (RFC 8265 §4.2) without its list of characters, and without the selectors that choose between
    two looks of one character: what two keyboards encode differently becomes equal, case and width stay.
    `prepare_new_password` judges the characters. Preparing twice changes nothing.

    >>> prepare_password("I \u2764\ufe0f tea") == prepare_password("I\u00a0\u2764 tea")
    True

    Raises:
        ValueError: this cannot be a password; the text says what can, and never contains it.
    """
    _bound(raw, PASSWORD_BYTES, PASSWORD_ACCEPTED)
    if _NEVER_IN_PASSWORDS.search(raw):
        raise ValueError(PASSWORD_ACCEPTED)
    if raw.isascii():
        return raw
    spaced = _SPACES.sub(" ", _SELECTORS.sub("", raw))
    # Pictographs, those to come included, neither compose nor move: each piece between them is normalized by itself.
    prepared = "".join(unicodedata.normalize("NFC", piece) for piece in _PICTOGRAPHS.split(spaced))
    _bound(prepared, PASSWORD_BYTES, PASSWORD_ACCEPTED)
    return prepared


def prepare_new_password(raw: str) -> str:
    """Return the prepared form of a password that is to be set, if people can see and type all of its characters.

    Raises:
        ValueError: it cannot be set. The text names the first character that is not accepted, and why.
    """
    _bound(raw, PASSWORD_BYTES, PASSWORD_ACCEPTED)
    seen = _REGIONAL_FLAGS.sub("\U0001f3f4", _SELECTORS.sub("", raw))
    for before, character in zip(("", *seen), seen, strict=False):
        if why := _why_refused(character, before):
            name = f"U+{ord(character):04X} {unicodedata.name(character, '')}".rstrip()
            raise ValueError(f"{PASSWORD_ACCEPTED}; this one has {name}, {why}")
    return prepare_password(raw)


def _why_refused(character: str, before: str) -> str:
    """Return why a character is not accepted in a new password after the one `before`; empty if it is."""
    category = unicodedata.category(character)
    if category == "Cc":
        return "which is a control character"
    if category in ("Zl", "Zp"):
        return "which ends a line"
    if category == "Cs":
        return "which is half of a character"
    if character in _BEHIND_A_LETTER and before and not before.isascii() and before not in IGNORABLE.union(BLANK):
        return ""
    if character in IGNORABLE:
        return "which is invisible" + " where it stands" * (character in _BEHIND_A_LETTER)
    if category == "Cf":
        return "which only formats what stands around it"
    if category == "Co":
        return "which is for private use: it is something else on each machine"
    if category == "Cn" and not _PICTOGRAPHS.match(character):
        if ord(character) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(character) <= 0xFDEF:
            return "which stands for no character"
        return f"which is not in Unicode {unicodedata.unidata_version}, the version known here"
    return ""


def _bound(text: str, most_bytes: int, accepted: str) -> None:
    # A character is at least a byte: what is far too long is refused without being encoded.
    if not text or len(text) > most_bytes or len(text.encode("utf-8", "surrogatepass")) > most_bytes:
        raise ValueError(accepted)


def _enforce(profile: str, text: str, accepted: str) -> str:
    try:
        return str(_profile(profile).enforce(text))
    except UnicodeError:
        raise ValueError(accepted) from None  # the text of the cause quotes what was typed


@cache
def _profile(name: str) -> Profile:
    return get_profile(name)
