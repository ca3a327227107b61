"""The kinds of values that settings have: names, passwords, paths, plug-ins, and what makes a section.

Knows no setting, and neither files nor what the values are used for. Frozen values; any thread reads them.
"""

from datetime import UTC, tzinfo
from pathlib import Path
from typing import Annotated, NamedTuple
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, ValidationInfo
from pydantic_core import PydanticCustomError

from chatsrv.model.accepts import Accepts
from chatsrv.model.distinct import distinct
from chatsrv.model.verbs import check_name
from chatsrv.settings.plugins import COMMANDS_GROUP, installed
from chatsrv.text.names import NAME_ACCEPTED, PASSWORD_ACCEPTED, prepare_name, prepare_new_password

MACHINES_ZONE = "local"


def zone_of(time_zone: str) -> tzinfo | None:
    """Return the time zone of that name; `None` is the machine's.

    Raises:
        ValueError: this machine knows none of that name.
    """
    if time_zone == MACHINES_ZONE:
        return None
    if time_zone == "UTC":  # also on a machine that knows no others
        return UTC
    try:
        return ZoneInfo(time_zone)
    except (KeyError, OSError) as error:  # a directory of names is no name, nor is one that is too long
        raise ValueError(f"no time zone: {time_zone}") from error


def wrong(*found: tuple[tuple[str | int, ...], str]) -> PydanticCustomError:
    """Return an error about places beneath the value being checked: for each its steps, and what would be right."""
    return PydanticCustomError("found", "values that do not fit together", {"found": found})


@distinct
class Default(NamedTuple):
    """Says in words what stands for a key that is left out, where a fixed value does not."""

    text: str


class Section(BaseModel):
    """A mapping in the file: frozen, and with no keys beside those declared."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


def _one_word(text: str) -> str:
    if not text or not text.isprintable() or any(map(str.isspace, text)):
        raise ValueError("not one word")
    return text


def _user_name(text: str) -> str:
    prepare_name(text)
    return text


def _time_zone(name: str) -> str:
    zone_of(name)
    return name


def _password(secret: SecretStr) -> SecretStr:
    try:
        prepare_new_password(secret.get_secret_value())
    except ValueError as error:
        raise wrong(((), f"accepted is text, in quotes if it looks a number; {error}")) from None
    return secret


def _beside_the_file(value: object, info: ValidationInfo) -> object:
    if not isinstance(value, str) or not value or "\0" in value:
        raise ValueError("not a path")
    return Path((info.context or {}).get("directory", ""), value)


def _each_added_once(names: tuple[str, ...]) -> tuple[str, ...]:
    found = []
    for number, name in enumerate(names):
        try:
            _check_command(name, names[:number])
        except ValueError as error:
            found.append(((number,), str(error)))
    if found:
        raise wrong(*found)
    return names


def _check_command(name: str, before: tuple[str, ...]) -> None:
    check_name(name)
    there = installed(COMMANDS_GROUP)
    if name in before:
        raise ValueError("the command is in the list already")
    if name not in there:
        raise ValueError(f"there is no plug-in of that name; installed are: {', '.join(there) or 'none'}")


Word = Annotated[str, AfterValidator(_one_word)]
TimeZone = Annotated[
    str, AfterValidator(_time_zone), Accepts("local, UTC or a time zone such as Europe/Berlin, by its IANA name")
]
UserName = Annotated[str, AfterValidator(_user_name), Accepts(f"text, in quotes if it looks a number; {NAME_ACCEPTED}")]
UserNames = Annotated[tuple[UserName, ...], Field(strict=False), Accepts("a list of user names")]
CommandNames = Annotated[
    tuple[str, ...],
    Field(strict=False),
    AfterValidator(_each_added_once),
    Accepts("a list of commands that installed plug-ins bring"),
]
FilePath = Annotated[
    Path, BeforeValidator(_beside_the_file), Accepts("a path; a relative one starts from the settings file's directory")
]
Password = Annotated[
    SecretStr, AfterValidator(_password), Accepts(f"text, in quotes if it looks a number; {PASSWORD_ACCEPTED}")
]
