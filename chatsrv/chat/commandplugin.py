"""The contract of a command that a plug-in adds to the chat.

Knows nothing of how plug-ins are found (`chatsrv.settings.plugins`) and of how a command is typed. One instance serves
all sessions: `run` is called on many threads at once.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

from chatsrv.chat.asker import Asker
from chatsrv.model.rights import Right


class CommandPlugin(ABC):
    """A command, called by the name of its entry point."""

    arguments: ClassVar[str] = ""
    """A word for each argument, as `/help` shows them; one in square brackets may be left out."""

    right: ClassVar[Right | None] = None
    """The right that the asker needs; everybody may without."""

    @property
    @abstractmethod
    def help(self) -> str:
        """What it is for, in a few words, for `/help`. A class attribute will do."""

    @abstractmethod
    def run(self, asker: Asker, argument: str) -> None:
        """Obey. `argument` is what stands behind the name: empty only where `arguments` lets it be, or has none.

        Called on the asker's own thread, with no lock held: it may take its time, which nobody else has to wait for.

        Raises:
            Refused: the answer is no; the asker reads the text.
            Misused: the argument makes no sense; the asker reads how the command is used.
        """
