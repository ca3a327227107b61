"""The command line: `chatsrv run`, `check`, `user` and `history`.

    program    how every command ends: exit codes, and messages on standard error
    streams    the standard streams, which may be closed or full
    commands   run and check
    users      user add, passwd, role, disable, enable, remove, list
    importing  user import
    trial      user check
    store      what the commands about accounts share
    history    history backup and erase; historyreading: export and search; historystats: stats; historyaudit: audit;
               historyrescue: rescue
               historyrooms, historytimes, historylines, historyfiles, historytelling: what these share

Knows the settings, `chatsrv.app`, `chatsrv.door` and `chatsrv.roster`, never a file of accounts; the one place that
configures logging. Main thread only.
"""

from chatsrv.cli.commands import main

__all__ = ["main"]
