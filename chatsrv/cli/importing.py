"""`chatsrv user import`: all accounts of a users.yaml into the file of accounts that the settings name.

Says what it loses on the way; changes all or nothing. Main thread only.
"""

from pathlib import Path

import click

from chatsrv.cli.program import Chosen, Failed, pass_chosen
from chatsrv.cli.store import backend_option
from chatsrv.roster import Roster


@click.command("import")
@click.argument("source", metavar="FROM_YAML", type=click.Path(path_type=Path))
@click.option("--dry-run", "is_rehearsal", is_flag=True, help="Tell what would be done, and do nothing.")
@click.option(
    "--from-anywhere", is_flag=True, help="Accept that networks (`from`) get lost where the file cannot keep them."
)
@click.option("--weak-passwords", is_flag=True, help="Accept passwords that `passwords` in the settings would refuse.")
@backend_option
@pass_chosen
def import_(
    chosen: Chosen, source: Path, is_rehearsal: bool, from_anywhere: bool, weak_passwords: bool, choice: str
) -> None:
    """Add all accounts of the file FROM_YAML, which looks like users.yaml.

    Clear passwords are hashed, hashes kept. A file of hashes cannot keep roles and networks; that is told for each
    account.
    """
    with Roster(chosen.settings, chosen.file, create=True) as roster:
        moved, losses = roster.take_in(
            source, choice, from_anywhere=from_anywhere, weak_passwords=weak_passwords, is_rehearsal=is_rehearsal
        )
    for loss in losses:
        Failed(f"warning: {loss}").show()
    for name in moved:
        click.echo(name)
    click.echo(f"{'Would import' if is_rehearsal else 'Imported'} {len(moved)} accounts.", err=True)
