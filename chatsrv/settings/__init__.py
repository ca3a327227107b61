"""Every setting, declared once, and the way from a YAML file to checked values.

    declared   the settings: default, unit, range, help
    places     YAML text -> plain data, and the line of every key
    problems   what is wrong, in sentences: file, line, key, value, what is accepted
    manual     docs/settings.md, written from the declarations

Never makes an object of another layer: that is `chatsrv.app`'s. Values are frozen; any thread reads them.
"""

from chatsrv.settings.declared import (
    Auth,
    HashedAuth,
    History,
    Listener,
    Logging,
    MemoryAuth,
    Roles,
    Server,
    Settings,
    YamlAuth,
)
from chatsrv.settings.loading import load

__all__ = [
    "Auth",
    "HashedAuth",
    "History",
    "Listener",
    "Logging",
    "MemoryAuth",
    "Roles",
    "Server",
    "Settings",
    "YamlAuth",
    "load",
]
