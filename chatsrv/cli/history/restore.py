"""`chatsrv history restore`: a backup in the place of the history. Main thread only."""

from pathlib import Path

import click

from chatsrv.app import restore_history
from chatsrv.cli.history.files import elsewhere, history_of
from chatsrv.cli.history.telling import entries_in_words, progress
from chatsrv.cli.program import Chosen, Failed, pass_chosen


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@pass_chosen
def restore(chosen: Chosen, file: Path) -> None:
    """Put the backup FILE in the place of the history. The server must not run.

    FILE stays as it is. What is there now is kept beside it, under a name with the date.
    """
    history = history_of(chosen, must_be_there=False)
    path = history.path
    with progress("Restoring") as tell:
        restored = restore_history(file, path, tell)
    click.echo(f"Restored {entries_in_words(restored.entries)} from {file} to {path}.", err=True)
    if restored.kept:
        click.echo(f"What was there is kept: {', '.join(map(str, restored.kept))}", err=True)
    elif hint := elsewhere(history, chosen.file):
        Failed(f"warning: nothing was there before; {hint}").show()
    click.echo("The server can be started now.", err=True)
