"""The command line: `chatsrv run`, `check`, `user` and `history`.

    program    how every command ends: exit codes, and messages on standard error
    streams    the standard streams, which may be closed or full
    commands   run and check
    users      user add, passwd, role, disable, enable, remove, list
    importing  user import
    trial      user check
    store      what the commands about accounts share
    logs       the log, written by a thread of its own
    history    all of `chatsrv history`

Knows the settings and `chatsrv.app`, never a file of accounts; the one place that configures logging. Main thread only.
"""

from chatsrv.cli.commands import main

__all__ = ["main"]
