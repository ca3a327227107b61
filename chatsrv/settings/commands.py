"""The section `commands:`: commands beside the chat's own, which installed packages bring.

Makes no command; of a plug-in it knows only whether it is installed. Frozen values; any thread reads them.
"""

from typing import Annotated

from pydantic import AfterValidator, Field

from chatsrv.model.section import Accepts, wrong
from chatsrv.model.verbs import check_name
from chatsrv.settings.plugins import COMMANDS_GROUP, installed


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


CommandNames = Annotated[
    tuple[str, ...],
    Field(strict=False),
    AfterValidator(_each_added_once),
    Accepts("a list of commands that installed plug-ins bring"),
]
