"""What a peer asks for, whatever the wire format it asked in.

Made by a protocol's `Reader`, obeyed by a `Session`. Knows neither bytes nor sockets, `Answer` excepted, which carries
bytes through. Values, to be shared between threads freely; named tuples for the reason given at `entries.Entry`.
"""

from typing import NamedTuple

from chatsrv.model.distinct import distinct

PAGE_ENTRIES = 20
"""Entries of before that are shown at once unless others are asked for: a terminal of 24 lines has room for them."""


@distinct
class Credentials(NamedTuple):
    """A name and a password, as typed: neither is prepared, and neither is bounded but by the reader's line limit."""

    username: str
    password: str

    def __repr__(self) -> str:
        return f"Credentials(username={self.username!r}, password=...)"


@distinct
class Response(NamedTuple):
    """What was typed in answer to a `Challenge` of the login, as it was typed."""

    text: str

    def __repr__(self) -> str:
        return "Response(...)"


@distinct
class Enter(NamedTuple):
    """The login is over: let the peer in as the account that it was admitted as."""


@distinct
class ChangePassword(NamedTuple):
    """Change the own password from `old` to `new`; both as typed, as with `Credentials`."""

    old: str
    new: str

    def __repr__(self) -> str:
        return "ChangePassword(old=..., new=...)"


@distinct
class Answer(NamedTuple):
    """The wire format's own answer, which needs nobody's decision: a prompt, a telnet negotiation, a pong."""

    data: bytes


@distinct
class Complaint(NamedTuple):
    """Input that was not taken; the peer reads `text`, and the session goes on."""

    text: str


@distinct
class Line(NamedTuple):
    """A line of a line protocol that is not a chat."""

    text: str


@distinct
class Say(NamedTuple):
    """Say `text` in `room`; an empty room is the one that the session is speaking in."""

    text: str
    room: str = ""


@distinct
class Act(NamedTuple):
    """Do `text` in `room`, as `/me` does."""

    text: str
    room: str = ""


@distinct
class Who(NamedTuple):
    """List who is in `room`."""

    room: str = ""


@distinct
class ListRooms(NamedTuple):
    """List the rooms."""


@distinct
class Join(NamedTuple):
    """Enter `room` from now on at each login, and speak there."""

    room: str


@distinct
class Part(NamedTuple):
    """Leave `room`, until `Join`."""

    room: str = ""


@distinct
class Create(NamedTuple):
    """Let there be a `room`, and enter it. The asker owns it."""

    room: str
    is_invite_only: bool = False
    is_logged: bool = True


@distinct
class Topic(NamedTuple):
    """Set the topic of `room`, or clear it with an empty `text`; without a text tell it."""

    text: str | None = None
    room: str = ""


@distinct
class Invite(NamedTuple):
    """Let the account `name` into `room`, and tell it so."""

    name: str
    room: str = ""


@distinct
class Slow(NamedTuple):
    """Let each in `room` say a line every so many `seconds`; 0 is no limit."""

    seconds: int
    room: str = ""


@distinct
class PrivateMessage(NamedTuple):
    """Say `text` to the account `name` alone."""

    name: str
    text: str


@distinct
class Ignore(NamedTuple):
    """See nothing of the account `name` from now on; without a name, tell who is ignored."""

    name: str = ""


@distinct
class Unignore(NamedTuple):
    """End `Ignore`."""

    name: str


@distinct
class Kick(NamedTuple):
    """Send the account `name` out of `room`, into which it may come back."""

    name: str
    reason: str = ""
    room: str = ""


@distinct
class Ban(NamedTuple):
    """Keep `target` out of `room`, or of the whole server, for so many `seconds`; `None` is for good.

    `target` is an account's name, or a network or an address as people write them.
    """

    target: str
    is_everywhere: bool = False
    seconds: int | None = None
    reason: str = ""
    room: str = ""


@distinct
class Unban(NamedTuple):
    """End `Ban`."""

    target: str
    is_everywhere: bool = False
    room: str = ""


@distinct
class Mute(NamedTuple):
    """Let the account `target` say nothing in `room`, or in the whole server; else as `Ban`."""

    target: str
    is_everywhere: bool = False
    seconds: int | None = None
    reason: str = ""
    room: str = ""


@distinct
class Unmute(NamedTuple):
    """End `Mute`."""

    target: str
    is_everywhere: bool = False
    room: str = ""


@distinct
class Bans(NamedTuple):
    """List the bans and mutes of `room`."""

    room: str = ""


@distinct
class Audit(NamedTuple):
    """Show what was decided, newest first: all of it, or only `about` a room or an account."""

    about: str = ""


@distinct
class History(NamedTuple):
    """Show the last `entries` of `room`, 1 or more."""

    entries: int = PAGE_ENTRIES
    room: str = ""


@distinct
class PrivateHistory(NamedTuple):
    """Show the last `entries` private messages of the account, 1 or more."""

    entries: int = PAGE_ENTRIES


@distinct
class Search(NamedTuple):
    """Show what was said with all of `words` in the rooms that the session is in; see `RoomLog.search`."""

    words: str


@distinct
class More(NamedTuple):
    """Go on where the page ended that was shown last: of what was said before, or of a list."""


@distinct
class CatchUp(NamedTuple):
    """Tell at the login what was missed, or nothing of it, from now on."""

    is_wanted: bool


@distinct
class Set(NamedTuple):
    """Show lines as the account wants them from now on: see `chatsrv.model.style.CHOICES`.

    Without a `value` tell what holds now, of one `option` or, without that, of all.
    """

    option: str = ""
    value: str = ""


@distinct
class Help(NamedTuple):
    """List the commands; with a `name`, in lower case, tell about that one alone."""

    name: str = ""


@distinct
class Invoke(NamedTuple):
    """Obey a command that is none of the chat's own, by its `name` in lower case: a plug-in's, or a mistyped one.

    `argument` is all that stands behind the name. Both are clean, as what is said is.
    """

    name: str
    argument: str = ""


@distinct
class Quit(NamedTuple):
    """End the session."""


Lookup = History | PrivateHistory | Search | More
Rooming = Who | ListRooms | Join | Part | Create | Topic | Invite | Slow
Privacy = PrivateMessage | Ignore | Unignore
Moderation = Kick | Ban | Unban | Mute | Unmute | Bans | Audit
ChatCommand = Say | Act | Rooming | Privacy | Moderation | Lookup | CatchUp | Set | Help | Invoke | Quit
LoginStep = Credentials | Response
Command = LoginStep | Enter | ChangePassword | Answer | Complaint | Line | ChatCommand
