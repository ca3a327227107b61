"""What comes of one step of a login, as the wire format learns it.

The gate decides; a wire format puts it into bytes, and asks on where there is something to ask. Knows neither. Values,
to be shared between threads freely.
"""

from typing import NamedTuple

from chatsrv.model.distinct import distinct
from chatsrv.model.replies import LoginRefused


@distinct
class Admitted(NamedTuple):
    """The peer is the account `name`, and may enter."""

    name: str


@distinct
class Challenge(NamedTuple):
    """What the peer typed was right so far, and there is one more question, such as for a code: `prompt`.

    If `is_hidden`, what is typed is nobody's business, as a password is.
    """

    prompt: str
    is_hidden: bool = True


LoginOutcome = Admitted | Challenge | LoginRefused
