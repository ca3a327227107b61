"""What the server states to one session in a sentence, as a value: a code with its facts.

Those that say no are in `chatsrv.model.refusals`, all others in `chatsrv.model.reports`. The sentence that a person
reads is made by `chatsrv.wording`; a wire format of another kind may take the `code` and the facts. Touches nothing.
Values, to be shared between threads freely.
"""

import re
from dataclasses import dataclass
from typing import Any, ClassVar, dataclass_transform

_CAPITAL = re.compile("(?<!^)(?=[A-Z])")


@dataclass_transform(frozen_default=True)
class Statement:
    """What one session is told: a subclass is one code, and its fields are the facts. Each is a frozen dataclass."""

    code: ClassVar[str] = ""
    """What tells it from all others, wherever a person is not the reader: the name of the class, as `not-in-room`."""

    def __init_subclass__(cls) -> None:
        if "code" not in cls.__dict__:
            cls.code = _CAPITAL.sub("-", cls.__name__).lower()
        dataclass(frozen=True)(cls)

    def _asdict(self) -> dict[str, Any]:
        """Return the facts by their names, as other replies do."""
        return dict(vars(self))

    def __str__(self) -> str:
        facts = ", ".join(f"{name}={value!s}" for name, value in vars(self).items())
        return self.code.replace("-", " ") + (f" ({facts})" if facts else "")
