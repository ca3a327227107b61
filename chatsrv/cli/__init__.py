"""The command line: `chatsrv run`, `check` and `user`.

    program    how every command ends: exit codes, and messages on standard error
    commands   run and check
    users      user add, passwd, remove, list

Knows only `chatsrv.app` and the settings; the one place that configures logging. Main thread only.
"""

from chatsrv.cli.commands import main

__all__ = ["main"]
