"""The kinds of listeners: those built in, by the names that the settings have for them, and those of plug-ins.

Starts nothing, and decides nothing about chat. Any thread.
"""

from pathlib import Path

from chatsrv.app.sessions import PlainSession, TelnetSession
from chatsrv.model.errors import PluginError
from chatsrv.net.listening.kind import ListenerKind
from chatsrv.settings import PluginListener, Settings, wrong_at
from chatsrv.settings.plugins import PROTOCOLS_GROUP, make

KINDS = {"plain": ListenerKind(PlainSession), "telnet": ListenerKind(TelnetSession)}
"""What each `protocol` of the settings is that is built in."""


def kinds_of(settings: Settings, file: str | Path = "the settings") -> list[ListenerKind]:
    """Return of what kind each listener is, in their order.

    Raises:
        SettingsError: a plug-in cannot be used.
    """
    made: list[ListenerKind] = []
    for number, listener in enumerate(settings.listeners):
        if not isinstance(listener, PluginListener):
            made.append(KINDS[listener.protocol])
            continue
        try:
            made.append(
                make(PROTOCOLS_GROUP, listener.protocol, listener.options, ListenerKind, directory=Path(file).parent)
            )
        except PluginError as error:
            raise wrong_at(file, ("listeners", number, error.option or "protocol"), str(error)) from error
    return made
