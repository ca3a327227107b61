"""The section `logging:`: what the server writes to standard error. Configures nothing. Frozen values; any thread."""

from typing import Literal

from pydantic import Field

from chatsrv.model.section import Section


class Logging(Section):
    """What the server writes to standard error."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least level that is written. From `warning` up, connections are not logged."
    )
