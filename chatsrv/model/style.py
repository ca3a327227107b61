"""Style: how an account wants lines to be shown, where a wire format leaves a choice.

What `/set` takes and lists is made from the table `CHOICES`. Knows no wire formats and no accounts. Values, to be
shared between threads freely.
"""

from collections.abc import Mapping
from typing import NamedTuple

from chatsrv.model.distinct import distinct

CHOICES: Mapping[str, tuple[str, str]] = {"times": ("off", "on"), "rooms": ("others", "always")}
"""What can be chosen, and the values of each: first the one that holds for those who have chosen nothing."""


@distinct
class Style(NamedTuple):
    """One value of each of `CHOICES`.

    With `times` on, a line begins with the time at which it was said. `rooms` tells which lines name their room: those
    of the `others`, in which the reader does not speak, or `always` all.
    """

    times: str = "off"
    rooms: str = "others"

    def having(self, option: str, value: str) -> "Style":
        """Return this style with another value of one option.

        >>> Style().having("times", "on")
        Style(times='on', rooms='others')

        Raises:
            ValueError: there is none of that name, or no such value.
        """
        if value not in CHOICES.get(option, ()):
            raise ValueError(option, value)
        return self._replace(**{option: value})
