"""`chatsrv history`: backup and erase here; stats, export, search, audit, rescue and restore in modules of their own.

All of it on the file that the settings name, and all but rescue and restore while a server may use it. Opens it through
`chatsrv.app` alone. Main thread only.
"""

from pathlib import Path

import click

from chatsrv.app import history_file
from chatsrv.cli.history.audit import audit
from chatsrv.cli.history.files import check_target, force_option, history_of
from chatsrv.cli.history.lines import visible
from chatsrv.cli.history.reading import export, search
from chatsrv.cli.history.rescue import rescue
from chatsrv.cli.history.restore import restore
from chatsrv.cli.history.stats import stats
from chatsrv.cli.history.telling import entries_in_words, progress, size_in_words
from chatsrv.cli.program import Chosen, Failed, Group, clearing_away, pass_chosen
from chatsrv.text.names import prepare_name


@click.group(cls=Group)
@click.pass_context
def history(context: click.Context) -> None:
    """Copy, read, search and erase what was said, also while the server runs; rescue and restore it."""
    context.with_resource(clearing_away())  # half a new file


@history.command()
@click.argument("path", type=click.Path(path_type=Path))
@force_option
@pass_chosen
def backup(chosen: Chosen, path: Path, is_forced: bool) -> None:
    """Copy the history, as it is at one moment, into a file at PATH."""
    kept = history_of(chosen)
    check_target(path, kept.path, is_forced=is_forced)
    with history_file(kept.path) as file, progress("Copying") as tell:
        file.backup(path, tell)
    with history_file(path) as copy:
        count = copy.count()
    click.echo(f"Backed up {entries_in_words(count)} to {path} ({size_in_words(path.stat().st_size)}).", err=True)


@history.command()
@click.option("--account", "name", metavar="NAME", required=True, help="Whose words.")
@click.option("-y", "--yes", "is_confirmed", is_flag=True, help="Do not ask.")
@pass_chosen
def erase(chosen: Chosen, name: str, is_confirmed: bool) -> None:
    """Erase all that an account said and did, and all private messages to it; the places of the entries stay, empty.

    What was decided about it, or by it, stays in the register: no ban is lifted by this. It cannot be undone. The
    account stays: `chatsrv user remove` removes it.
    """
    with history_file(history_of(chosen).path) as file:
        with progress("Counting") as tell:
            expected_entries, spellings = file.erasable(name, tell)
        whose = " and ".join(map(visible, spellings or (name,)))
        if not expected_entries:
            _check_name(name, whose)
        is_tried_again = file.is_erasing(name)
        expected = entries_in_words(expected_entries)
        if not is_confirmed and not click.confirm(f"Erase {expected} of {whose}, for good?", err=True):
            raise Failed("nothing was erased")
        try:
            with progress("Erasing") as tell:  # also of nothing: one that broke off may have left some in the index
                count = file.erase(name, tell)
        except (KeyboardInterrupt, SystemExit):
            Failed("only a part is erased: run the same command again").show()
            raise
    if not count and is_tried_again:
        click.echo(f"What was left of {whose} after an earlier try is erased from the disk, too.", err=True)
        return
    if not count:
        raise Failed(f"there is nothing of {whose} in the history")
    click.echo(
        f"Erased {entries_in_words(count)} of {whose}; their places stay, empty. "
        f"Backups and exports that were made before still hold them.",
        err=True,
    )


def _check_name(name: str, shown: str) -> None:
    """Make sure that somebody can have a name.

    Raises:
        Failed: nobody can. Whoever mistyped it is not to think that there is nothing left.
    """
    try:
        prepare_name(name)
    except ValueError as error:
        raise Failed(f"there is nothing of {shown!r} in the history, and nobody can be called so: {error}") from None


for command in (audit, export, rescue, restore, search, stats):
    history.add_command(command)
