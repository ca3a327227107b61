"""`chatsrv user import`: all accounts of a users.yaml into the file of accounts that the settings name.

Says what it leaves out and what it loses on the way; changes all or nothing. Main thread only.
"""

from collections.abc import Sequence
from pathlib import Path

import click

from chatsrv.app import Roster
from chatsrv.cli.program import Chosen, Failed, pass_chosen
from chatsrv.cli.store import backend_option, last_admin_option

NAMED = 20
"""Accounts that are named in one line, at most."""


@click.command("import")
@click.argument("source", metavar="FROM_YAML", type=click.Path(path_type=Path))
@click.option("--dry-run", "is_rehearsal", is_flag=True, help="Tell what would be done, and do nothing.")
@click.option(
    "--replace", "is_replacing", is_flag=True, help="Replace accounts that are there already; else they stay."
)
@click.option(
    "--from-anywhere", is_flag=True, help="Accept that networks (`from`) get lost where the file cannot keep them."
)
@click.option("--weak-passwords", is_flag=True, help="Accept passwords that `passwords` in the settings would refuse.")
@last_admin_option
@backend_option
@pass_chosen
def import_(
    chosen: Chosen,
    source: Path,
    is_rehearsal: bool,
    is_replacing: bool,
    from_anywhere: bool,
    weak_passwords: bool,
    is_last_meant: bool,
    choice: str,
) -> None:
    """Add all accounts of the file FROM_YAML, which looks like users.yaml.

    Accounts that are there already stay as they are. Clear passwords are hashed, hashes kept. A file of hashes cannot
    keep roles and networks; that is told for each account.
    """
    with Roster(chosen.settings, chosen.file, create=True) as roster:
        taken = roster.take_in(
            source,
            choice,
            from_anywhere=from_anywhere,
            weak_passwords=weak_passwords,
            is_replacing=is_replacing,
            may_lose_admin=is_last_meant,
            is_rehearsal=is_rehearsal,
        )
    for loss in taken.losses:
        Failed(f"warning: {loss}").show()
    for name in taken.names:
        click.echo(name)
    if taken.skipped:
        skip = "Would skip" if is_rehearsal else "Skipped"
        are, them = ("is", "it") if len(taken.skipped) == 1 else ("are", "them")
        told = f"{_in_words(len(taken.skipped))} that {are} there already: {_names(taken.skipped)}"
        click.echo(f"{skip} {told} (--replace replaces {them}).", err=True)
    done = "Would import" if is_rehearsal else "Imported"
    replaced = f", {taken.replaced} in the place of what was there" if taken.replaced else ""
    click.echo(f"{done} {_in_words(len(taken.names))}{replaced}.", err=True)


def _in_words(count: int) -> str:
    return f"{count:,} {'account' if count == 1 else 'accounts'}"


def _names(names: Sequence[str]) -> str:
    rest = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {rest:,} more" if rest > 0 else "")
