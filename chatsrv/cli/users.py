"""`chatsrv user`: add, passwd, remove and list the accounts of whichever backend the settings name.

Never opens a file of accounts itself: that is the backend's. Passwords are read without echo, and never from the
command line, where others on the machine could see them. Main thread only.
"""

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from ipaddress import ip_network

import click

from chatsrv.accounts import Account, Network, Role
from chatsrv.app import accounts_of, editable_backend_of
from chatsrv.auth.backend import EditableBackend
from chatsrv.cli.program import Chosen, Failed, pass_chosen
from chatsrv.names import prepare_name, prepare_password

password_stdin = click.option(
    "--password-stdin", "is_from_stdin", is_flag=True, help="Take the password from the first line of standard input."
)


def _as_networks(context: click.Context, option: click.Parameter, values: tuple[str, ...]) -> tuple[Network, ...]:
    try:
        return tuple(map(ip_network, values))
    except ValueError as error:
        raise click.BadParameter(
            f"{error}; accepted are networks such as 192.168.0.0/16 or ::1", context, option
        ) from None


@click.group()
def user() -> None:
    """Add, change, remove and list accounts."""


@user.command()
@click.argument("name")
@click.option("--role", type=click.Choice([role.value for role in Role]), default=Role.MEMBER.value, show_default=True)
@click.option(
    "--from",
    "networks",
    callback=_as_networks,
    multiple=True,
    metavar="NETWORK",
    help="Network from which the account may log in; may be given several times. From anywhere if left out.",
)
@password_stdin
@pass_chosen
def add(chosen: Chosen, name: str, role: str, networks: tuple[Network, ...], is_from_stdin: bool) -> None:
    """Add the account NAME; its password is asked for."""
    with _backend(chosen, create=True) as backend:
        if _find(backend, name):
            raise Failed(f"there is an account {name} already; `chatsrv user passwd {name}` changes its password")
        backend.add(Account(name, Role(role), networks), _password(is_from_stdin))
    click.echo(f"Added {name}.", err=True)


@user.command()
@click.argument("name")
@password_stdin
@pass_chosen
def passwd(chosen: Chosen, name: str, is_from_stdin: bool) -> None:
    """Give the account NAME another password."""
    with _backend(chosen) as backend:
        account = _existing(backend, name)
        backend.set_password(account.name, _password(is_from_stdin))
    click.echo(f"Changed the password of {account.name}.", err=True)


@user.command()
@click.argument("name")
@click.option("-y", "--yes", "is_confirmed", is_flag=True, help="Do not ask.")
@pass_chosen
def remove(chosen: Chosen, name: str, is_confirmed: bool) -> None:
    """Remove the account NAME."""
    with _backend(chosen) as backend:
        account = _existing(backend, name)
        if not is_confirmed and not click.confirm(f"Remove {account.name}?", err=True):
            raise Failed("nothing was removed")
        backend.remove(account.name)
    click.echo(f"Removed {account.name}.", err=True)


@user.command("list")
@pass_chosen
def list_(chosen: Chosen) -> None:
    """List all accounts: name, role, and the networks they may come from.

    In columns on a terminal; in a pipe or file without the heading, and with tabs in between.
    """
    accounts = accounts_of(chosen.settings)
    if accounts is None:
        raise Failed(f"the {chosen.settings.auth.backend} backend cannot list its accounts")
    rows = [
        (account.name, account.role.value, ",".join(map(str, account.networks)) or "anywhere") for account in accounts
    ]
    if not sys.stdout.isatty():
        for row in rows:
            click.echo("\t".join(row))
        return
    rows.insert(0, ("NAME", "ROLE", "FROM"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


@contextmanager
def _backend(chosen: Chosen, *, create: bool = False) -> Iterator[EditableBackend]:
    with closing(editable_backend_of(chosen.settings, chosen.file, create=create)) as backend:
        yield backend


def _find(backend: EditableBackend, name: str) -> Account | None:
    try:
        wanted = prepare_name(name)
    except ValueError as error:
        raise Failed(f"{name!r} cannot be a name; {error}") from None
    return next((account for account in backend.list() if prepare_name(account.name) == wanted), None)


def _existing(backend: EditableBackend, name: str) -> Account:
    account = _find(backend, name)
    if account is None:
        raise Failed(f"there is no account {name}; `chatsrv user list` shows all")
    return account


def _password(is_from_stdin: bool) -> str:
    if is_from_stdin:
        password = _first_line()
    elif sys.stdin.isatty():
        password = str(click.prompt("Password", hide_input=True, confirmation_prompt="Again", err=True))
    else:
        raise Failed("there is no terminal to ask for the password; use --password-stdin")
    try:
        prepare_password(password)
    except ValueError as error:
        raise Failed(str(error)) from None
    return password


def _first_line() -> str:
    line = sys.stdin.buffer.readline()
    line = line.removesuffix(b"\n").removesuffix(b"\r")
    if not line:
        raise Failed("there is no password on the first line of standard input")
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise Failed("the password on standard input is not text in UTF-8") from None
