"""The section `roles:`: who may do more than talk. Frozen values; any thread."""

from typing import Annotated

from pydantic import AfterValidator, Field

from chatsrv.model.section import Section, wrong
from chatsrv.settings.kinds import UserNames
from chatsrv.text.names import prepare_name


class Roles(Section):
    """The accounts that may do more than talk. A role given here holds, whatever the file of accounts says."""

    admin: UserNames = Field(default=(), description="Accounts that may do everything.")
    moderator: UserNames = Field(
        default=(),
        description="Accounts that keep order in all rooms: they kick, ban and mute. Flood control spares them.",
    )


def _one_role_each(roles: Roles) -> Roles:
    admins = {prepare_name(name) for name in roles.admin}
    twice = [number for number, name in enumerate(roles.moderator) if prepare_name(name) in admins]
    if twice:
        text = "the name is under roles.admin too; accepted is one role a name, and admin includes moderator"
        raise wrong(*((("moderator", number), text) for number in twice))
    return roles


OneRoleEach = Annotated[Roles, AfterValidator(_one_role_each)]
