"""Every error that crosses one of chatsrv's module borders.

Touches nothing; any thread may raise and catch these.

    ChatError
    +-- ProtocolError        bytes that no reader can make sense of; the session ends
    +-- AuthError            a login was refused; the text is for the log, never for the person at the door
    |   +-- UnknownUser      this backend has no such account; a chain asks the next one
    |   +-- Denied           the account exists and the answer is no; a chain stops
    |   |   +-- Penalised    after too many wrong logins, this one was not even looked at
    |   +-- Unavailable      the backend cannot tell at the moment; a chain stops
    |       +-- TooOften     the account has logged in too often just now
    +-- AccountsError        a store of accounts cannot be read or changed as asked
    +-- PluginError          a plug-in that the settings name cannot be used
    +-- SettingsError        the settings are wrong; carries every problem that was found
    +-- CannotStart          the server cannot start with these settings on this machine; the text says what to do
    +-- StoreError           the file of the room logs cannot be used; the text says what to do
    +-- Hole                 entries after the given position are gone from the room log
    +-- Refused              a request of a chatter was refused; it knows why
        +-- Misused          a command's arguments make no sense; the chatter is told how it is used
        +-- NotRecorded      the log cannot record it at the moment; it knows which lines that holds for
"""

from collections.abc import Sequence
from dataclasses import dataclass

from chatsrv.model.commands import Command
from chatsrv.model.refusals import PluginRefusal, Refusal, Unrecorded


class ChatError(Exception):
    """The root: catching it catches everything chatsrv raises on purpose."""


class ProtocolError(ChatError):
    """Bytes that break the wire format beyond repair. The only error a `Reader` may raise."""


class AuthError(ChatError):
    """A login was refused. The text explains why to the administrator; chatters all read one sentence."""


class UnknownUser(AuthError):
    """The backend knows no account of this name."""


class Denied(AuthError):
    """The backend knows the account and refuses it: a wrong password, a wrong network, a disabled account."""


class Penalised(Denied):
    """Too many wrong logins came before this one, so nobody was asked about it; the next may come in so many `seconds`.

    `who` is the name that was typed, in quotes. Such lines are to be summed up in the log: somebody who guesses in
    earnest must not fill it.
    """

    def __init__(self, text: str, *, seconds: float, who: str) -> None:
        super().__init__(text)
        self.seconds = seconds
        self.who = who


class Unavailable(AuthError):
    """The backend cannot answer at the moment. No other backend may answer in its place."""


class TooOften(Unavailable):
    """The account has logged in so often that it has to wait `seconds`. It was logged already, if it was to be."""

    def __init__(self, text: str, *, seconds: float) -> None:
        super().__init__(text)
        self.seconds = seconds


class AccountsError(ChatError):
    """A store of accounts cannot be read or changed. The text names the file, the line and what is accepted."""


class PluginError(ChatError):
    """A plug-in that the settings name cannot be used. `option` is the one that is wrong, where it is one."""

    def __init__(self, text: str, option: str = "") -> None:
        super().__init__(text)
        self.option = option


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a settings file. `line` counts from 1; 0 means the file as a whole."""

    file: str
    line: int
    key: str
    value: str
    accepted: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        value = f" is {self.value}" if self.value else ""
        return f"{place}: {self.key}{value}; {self.accepted}"


class SettingsError(ChatError):
    """The settings cannot be used. `problems` lists everything that is wrong, in the order of the file."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


class CannotStart(ChatError):
    """The server cannot start with these settings on this machine. The text says what to do."""


class StoreError(ChatError):
    """The room logs cannot be opened. The text names the file, what is wrong with it, and what to do."""


class Hole(ChatError):
    """The entries right after a position are gone. Reading goes on without a gap after `kept_after`.

    `missing` counts the entries in between; `None` when the position belongs to another epoch.
    """

    def __init__(self, kept_after: int, missing: int | None) -> None:
        super().__init__(f"entries are no longer kept; the log can be read after offset {kept_after}")
        self.kept_after = kept_after
        self.missing = missing


class Refused(ChatError):
    """What a chatter asked for was refused; `why` is a code with its facts, of which a wire format makes a sentence.

    A plug-in gives the sentence itself, without internals: `Refused("The dice are out.")`.
    """

    def __init__(self, why: Refusal | str) -> None:
        self.why = PluginRefusal(why) if isinstance(why, str) else why
        super().__init__(self.why)


class NotRecorded(Refused):
    """It cannot be recorded at the moment, so nobody has seen it, and nobody will.

    `texts` are those of what was said at once for which this holds, in their order: the last of it; what came before
    them was recorded. `first` is the offset of the first entry that was taken back; `None`: nothing was appended.
    `lost` are the commands of which this is so, for whoever typed them.
    """

    def __init__(self, texts: Sequence[str] = (), *, first: int | None = None, lost: Sequence[Command] = ()) -> None:
        self.texts = tuple(texts)
        self.first = first
        self.lost = tuple(lost)
        super().__init__(Unrecorded(self.lost))


class Misused(Refused):
    """An argument of a command is missing or makes no sense; the chatter reads how the command is used."""
