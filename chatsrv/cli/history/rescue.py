"""`chatsrv history rescue`: what can be read of a damaged history, in a new file. Main thread only."""

from pathlib import Path
from shlex import quote

import click

from chatsrv.app import rescue_history
from chatsrv.cli.history.files import BESIDE, beside, check_target, force_option, history_of
from chatsrv.cli.history.telling import entries_in_words, progress, size_in_words
from chatsrv.cli.program import Chosen, Failed, pass_chosen


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option(
    "--output", metavar="PATH", type=click.Path(path_type=Path), help="The new file; FILE.rescued if left out."
)
@force_option
@pass_chosen
def rescue(chosen: Chosen, file: Path | None, output: Path | None, is_forced: bool) -> None:
    """Save what can be read of a damaged history in a new file. The server must not run.

    FILE is the damaged history; the one that the settings name if left out. It stays as it is.
    """
    damaged = file or history_of(chosen).path
    if not damaged.is_file():
        raise Failed(f"{damaged}: there is no history; name the file that is damaged")
    output = output or beside(damaged, ".rescued")
    check_target(output, damaged, is_forced=is_forced)
    with progress("Rescuing") as tell:
        rescued = rescue_history(damaged, output, tell)
    click.echo(
        f"Rescued {entries_in_words(rescued.entries)}, rooms: {rescued.rooms:,}, bookmarks: {rescued.bookmarks:,}, "
        f"wishes: {rescued.wishes:,} into {output} ({size_in_words(output.stat().st_size)}).\n"
        f"{_missing_in_words(rescued.missing_entries)}",
        err=True,
    )
    if rescued.unnamed:
        click.echo(f"Rooms whose names cannot be read are called {', '.join(rescued.unnamed)} now.", err=True)
    if rescued.newer_version:
        click.echo(
            f"The damaged file says that a newer chatsrv wrote it (version {rescued.newer_version}): "
            f"if one did, rescue it with that one.",
            err=True,
        )
    click.echo("Next, with the server stopped:", err=True)
    for used in (damaged, *(beside(damaged, suffix) for suffix in BESIDE)):
        if used.exists():
            click.echo(f"    mv {quote(str(used))} {quote(f'{used}.damaged')}", err=True)
    click.echo(f"    mv {quote(str(output))} {quote(str(damaged))}", err=True)


def _missing_in_words(places: int) -> str:
    if not places:
        return "Not one place between them is empty."
    are, them = ("1 place between them is", "it") if places == 1 else (f"{places:,} places between them are", "them")
    return f"{are} empty; who reads over {them} is told."
