"""The kinds of values that several sections have: words, names, passwords, paths; what stands for a key left out.

Knows no setting, and neither files nor what the values are used for. Frozen values; any thread reads them.
"""

from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationInfo

from chatsrv.model.distinct import distinct
from chatsrv.model.section import Accepts, wrong
from chatsrv.text.names import NAME_ACCEPTED, PASSWORD_ACCEPTED, prepare_name, prepare_new_password


@distinct
class Default(NamedTuple):
    """Says in words what stands for a key that is left out, where a fixed value does not."""

    text: str


@distinct
class OrPlugin(NamedTuple):
    """Says that the names of installed plug-ins of a group are accepted, too."""

    group: str


def _one_word(text: str) -> str:
    if not text or not text.isprintable() or any(map(str.isspace, text)):
        raise ValueError("not one word")
    return text


def _user_name(text: str) -> str:
    prepare_name(text)
    return text


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


Word = Annotated[str, AfterValidator(_one_word)]
UserName = Annotated[str, AfterValidator(_user_name), Accepts(f"text, in quotes if it looks a number; {NAME_ACCEPTED}")]
UserNames = Annotated[tuple[UserName, ...], Field(strict=False), Accepts("a list of user names")]
FilePath = Annotated[
    Path, BeforeValidator(_beside_the_file), Accepts("a path; a relative one starts from the settings file's directory")
]
Password = Annotated[
    SecretStr, AfterValidator(_password), Accepts(f"text, in quotes if it looks a number; {PASSWORD_ACCEPTED}")
]
