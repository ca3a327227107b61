"""Every setting, declared once, and the way from a YAML file to checked values.

    declared   the settings: default, unit, range, help
    backends   those of each auth backend
    bots       those of the bots
    rooms      those of the rooms
    kinds      the kinds of values that they have
    filling    what a file leaves out: where the history is
    places     YAML text -> plain data, and the line of every key
    problems   what is wrong, in sentences: file, line, key, value, what is accepted
    manual     docs/settings.md, written from the declarations

Never makes an object of another layer: that is `chatsrv.app`'s. Values are frozen; any thread reads them.
"""

from chatsrv.settings.backends import Auth, CommandAuth, HashedAuth, MemoryAuth, PluginAuth, YamlAuth
from chatsrv.settings.declared import (
    ANY_HOST,
    ANY_IPV4,
    ANY_IPV6,
    Listener,
    Logging,
    MemoryHistory,
    Roles,
    Server,
    Settings,
    SqliteHistory,
    do_hosts_overlap,
)
from chatsrv.settings.filling import STATE_DIRECTORY, default_place, place_beside
from chatsrv.settings.kinds import zone_of
from chatsrv.settings.loading import load, wrong_at, wrong_option
from chatsrv.settings.rooms import DeclaredRoom, Rooms

__all__ = [
    "ANY_HOST",
    "ANY_IPV4",
    "ANY_IPV6",
    "STATE_DIRECTORY",
    "Auth",
    "CommandAuth",
    "DeclaredRoom",
    "HashedAuth",
    "Listener",
    "Logging",
    "MemoryAuth",
    "MemoryHistory",
    "PluginAuth",
    "Roles",
    "Rooms",
    "Server",
    "Settings",
    "SqliteHistory",
    "YamlAuth",
    "default_place",
    "do_hosts_overlap",
    "load",
    "place_beside",
    "wrong_at",
    "wrong_option",
    "zone_of",
]
