"""Every setting, declared once, and the way from a YAML file to checked values.

    declared   all settings, and where each section of the file is declared: default, unit, range, help
    auth, bots, commands, history, listeners, logging, roles, server
               the sections of these names
    kinds      the kinds of values that several sections have
    filling    what a file leaves out: where the history is
    places     YAML text -> plain data, and the line of every key
    problems   what is wrong, in sentences: file, line, key, value, what is accepted
    manual     docs/settings.md, written from the declarations

Never makes an object of another layer: that is `chatsrv.app`'s. Values are frozen; any thread reads them.
"""

from chatsrv.settings.auth import Auth, CommandAuth, HashedAuth, MemoryAuth, PluginAuth, YamlAuth
from chatsrv.settings.declared import Settings
from chatsrv.settings.filling import STATE_DIRECTORY, default_place, place_beside
from chatsrv.settings.history import MemoryHistory, SqliteHistory
from chatsrv.settings.listeners import (
    ANY_HOST,
    ANY_IPV4,
    ANY_IPV6,
    Listener,
    PluginListener,
    do_hosts_overlap,
    names_of,
)
from chatsrv.settings.loading import load, wrong_at, wrong_option
from chatsrv.settings.roles import Roles
from chatsrv.settings.server import zone_of

__all__ = [
    "ANY_HOST",
    "ANY_IPV4",
    "ANY_IPV6",
    "STATE_DIRECTORY",
    "Auth",
    "CommandAuth",
    "HashedAuth",
    "Listener",
    "MemoryAuth",
    "MemoryHistory",
    "PluginAuth",
    "PluginListener",
    "Roles",
    "Settings",
    "SqliteHistory",
    "YamlAuth",
    "default_place",
    "do_hosts_overlap",
    "load",
    "names_of",
    "place_beside",
    "wrong_at",
    "wrong_option",
    "zone_of",
]
