"""`chatsrv user`: add, passwd, role, disable, enable, remove and list the accounts of whichever backend is meant.

Never opens a file of accounts itself: that is the backend's. Main thread only.
"""

import json
import sys
from ipaddress import ip_network

import click

from chatsrv.app import Listed, Roster, roles_of
from chatsrv.cli.history.lines import visible
from chatsrv.cli.importing import import_
from chatsrv.cli.program import WARNINGS, Chosen, Failed, Group, pass_chosen
from chatsrv.cli.store import (
    backend_option,
    find,
    generate_option,
    last_admin_option,
    new_password,
    opened,
    password_stdin,
    show_password,
    warn_of_past,
    warn_of_twins,
)
from chatsrv.cli.trial import check
from chatsrv.model.accounts import Account, Network, Role
from chatsrv.settings import HashedAuth, YamlAuth
from chatsrv.text.names import prepare_name

ROLES = click.Choice([role.value for role in Role], case_sensitive=False)


def _as_networks(context: click.Context, option: click.Parameter, values: tuple[str, ...]) -> tuple[Network, ...]:
    try:
        return tuple(map(ip_network, values))
    except ValueError as error:
        raise click.BadParameter(
            f"{error}; accepted are networks such as 192.168.0.0/16 or ::1", context, option
        ) from None


@click.group(cls=Group)
@click.pass_context
def user(context: click.Context) -> None:
    """Add, change, remove, list and try out accounts."""
    context.meta[WARNINGS].sums_up = True


@user.command()
@click.argument("name")
@click.option("--role", type=ROLES, default=Role.MEMBER.value, show_default=True, help="What the account may do.")
@click.option(
    "--from",
    "networks",
    callback=_as_networks,
    multiple=True,
    metavar="NETWORK",
    help="Network from which the account may log in; may be given several times. From anywhere if left out.",
)
@password_stdin
@generate_option
@backend_option
@pass_chosen
def add(
    chosen: Chosen,
    name: str,
    role: str,
    networks: tuple[Network, ...],
    is_from_stdin: bool,
    is_generated: bool,
    choice: str,
) -> None:
    """Add the account NAME; its password is asked for."""
    with Roster(chosen.settings, chosen.file, create=True) as roster:
        backend = roster.editable(choice)
        if find(backend, name):
            raise Failed(f"there is an account {name} already; `chatsrv user passwd {name}` changes its password")
        roster.check_new_account(name)
        warn_of_past(chosen, name, is_new=True)
        password = new_password(chosen, name, is_from_stdin=is_from_stdin, is_generated=is_generated)
        backend.add(Account(name, Role(role), networks), password)
        warn_of_twins(roster, backend, name, is_new=True)
    click.echo(f"Added {name}.", err=True)
    if is_generated:
        show_password(name, password)


@user.command()
@click.argument("name")
@password_stdin
@generate_option
@backend_option
@pass_chosen
def passwd(chosen: Chosen, name: str, is_from_stdin: bool, is_generated: bool, choice: str) -> None:
    """Give the account NAME another password."""
    with opened(chosen, choice, name) as (backend, account):
        password = new_password(chosen, account.name, is_from_stdin=is_from_stdin, is_generated=is_generated)
        backend.set_password(account.name, password)
    click.echo(f"Changed the password of {account.name}.", err=True)
    if is_generated:
        show_password(account.name, password)


@user.command()
@click.argument("name")
@click.argument("role", type=ROLES)
@last_admin_option
@backend_option
@pass_chosen
def role(chosen: Chosen, name: str, role: str, is_last_meant: bool, choice: str) -> None:
    """Give the account NAME another ROLE."""
    must_keep_admin = role != Role.ADMIN and not is_last_meant
    with opened(chosen, choice, name, must_keep_admin=must_keep_admin) as (backend, account):
        backend.set_role(account.name, Role(role))
    click.echo(f"{account.name} is {role} now.", err=True)
    key = prepare_name(account.name)
    for other, held in roles_of(chosen.settings.roles).items():
        if prepare_name(other) == key and held != role:
            Failed(f"warning: roles.{held} in {chosen.file} names {other}, which is what holds").show()


@user.command()
@click.argument("name")
@last_admin_option
@backend_option
@pass_chosen
def disable(chosen: Chosen, name: str, is_last_meant: bool, choice: str) -> None:
    """Let nobody log in as NAME, and keep the account."""
    with opened(chosen, choice, name, must_keep_admin=not is_last_meant) as (backend, account):
        backend.set_disabled(account.name, True)
    click.echo(f"Disabled {account.name}.", err=True)


@user.command()
@click.argument("name")
@backend_option
@pass_chosen
def enable(chosen: Chosen, name: str, choice: str) -> None:
    """Let NAME log in again after `disable`."""
    with opened(chosen, choice, name) as (backend, account):
        backend.set_disabled(account.name, False)
    click.echo(f"Enabled {account.name}.", err=True)


@user.command()
@click.argument("name")
@click.option("-y", "--yes", "is_confirmed", is_flag=True, help="Do not ask.")
@last_admin_option
@backend_option
@pass_chosen
def remove(chosen: Chosen, name: str, is_confirmed: bool, is_last_meant: bool, choice: str) -> None:
    """Remove the account NAME."""
    with opened(chosen, choice, name, must_keep_admin=not is_last_meant) as (backend, account):
        if not is_confirmed and not click.confirm(f"Remove {account.name}?", err=True):
            raise Failed("nothing was removed")
        backend.remove(account.name)
    click.echo(f"Removed {account.name}.", err=True)
    warn_of_past(chosen, account.name, is_new=False)


@user.command("list")
@click.option("--json", "is_json", is_flag=True, help="For programs: one object a line.")
@pass_chosen
def list_(chosen: Chosen, is_json: bool) -> None:
    """List all accounts: name, role, the networks they may come from, and `disabled` where one is.

    Where there are several backends, the one that the account is in comes last. In columns on a terminal; in a pipe or
    file without the heading, and with tabs in between.
    """
    with Roster(chosen.settings, chosen.file, create=True) as roster:
        accounts = roster.accounts()
    if accounts is None:
        raise Failed(f"{chosen.file}: no backend under auth can list its accounts")
    if not accounts:
        places = ", ".join(str(auth.path) for auth in chosen.settings.auth if isinstance(auth, YamlAuth | HashedAuth))
        where = f" in {places}" if places else ""
        click.echo(f"There are no accounts{where} yet; `chatsrv user add NAME` adds one.", err=True)
    elif is_json:
        for one in accounts:
            click.echo(_json_line(one))
    else:
        _show(accounts, are_several=len(chosen.settings.auth) > 1)


def _json_line(one: Listed) -> str:
    fields = {
        "name": one.account.name,
        "role": one.account.role.value,
        "from": list(map(str, one.account.networks)),
        "disabled": one.is_disabled,
        "backend": one.label,
    }
    return visible(json.dumps(fields, ensure_ascii=False))


def _show(accounts: list[Listed], *, are_several: bool) -> None:
    rows = [
        (
            one.account.name,
            one.account.role.value,
            ",".join(map(str, one.account.networks)) or "anywhere",
            "disabled" * one.is_disabled,
            one.label * are_several,
        )
        for one in accounts
    ]
    if not sys.stdout.isatty():
        for row in rows:
            click.echo("\t".join(row).rstrip("\t"))
        return
    rows.insert(0, ("NAME", "ROLE", "FROM", "", "BACKEND" * are_several))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True) if width]
        click.echo("  ".join(cells).rstrip())


for command in (import_, check):
    user.add_command(command)
