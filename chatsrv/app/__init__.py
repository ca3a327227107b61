"""The only wiring: from settings to a running server.

    building    from settings to objects: store, hub, bots and commands
    door        backends, their chain, and the gate before them
    listening   where a server listens
    kinds       what is spoken there
    running     `build` and `App`: everything together, started, served and closed
    process     what the program does to its own process: signals, limits, memory
    roster      the accounts of all backends, to be listed and changed
    history     the history for the command line: examined, opened, rescued, restored
    sessions    sessions ready to use: a kind of session with a wire format

What the command line uses can be imported from here.
"""

from chatsrv.app.building import bots_of, commands_of
from chatsrv.app.door import gate_of, roles_of
from chatsrv.app.history import (
    examine_history,
    history_file,
    is_history_unused,
    rescue_history,
    restore_history,
    unused_history,
)
from chatsrv.app.kinds import kinds_of
from chatsrv.app.listening import rehearse
from chatsrv.app.roster import Listed, Roster
from chatsrv.app.running import App, build
from chatsrv.app.sessions import PlainSession

__all__ = [
    "App",
    "Listed",
    "PlainSession",
    "Roster",
    "bots_of",
    "build",
    "commands_of",
    "examine_history",
    "gate_of",
    "history_file",
    "is_history_unused",
    "kinds_of",
    "rehearse",
    "rescue_history",
    "restore_history",
    "roles_of",
    "unused_history",
]
