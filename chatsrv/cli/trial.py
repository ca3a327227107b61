"""`chatsrv user check`: a login tried out as the running server would take it, with what each backend answered.

Never changes anything, and counts for no penalty: those are the running server's. Main thread only.
"""

from contextlib import closing
from ipaddress import ip_address

import click

from chatsrv.app import gate_of
from chatsrv.auth.backend import LoginContext, OneMoreStep
from chatsrv.cli.program import Chosen, Failed, pass_chosen
from chatsrv.cli.store import ask_password, ask_response, password_stdin, prepared
from chatsrv.model.errors import AuthError
from chatsrv.settings import names_of


def _as_address(context: click.Context, option: click.Parameter, value: str) -> str:
    try:
        return str(ip_address(value))
    except ValueError:
        raise click.BadParameter(
            f"{value!r} is no address; accepted is one such as 192.0.2.1 or ::1", context, option
        ) from None


@click.command()
@click.argument("name")
@click.option(
    "--address", callback=_as_address, default="127.0.0.1", show_default=True, help="Where the login is to come from."
)
@password_stdin
@pass_chosen
def check(chosen: Chosen, name: str, address: str, is_from_stdin: bool) -> None:
    """Try to log in as NAME, and tell what each backend answers."""
    prepared(name)
    with closing(gate_of(chosen.settings)) as gate:
        password = ask_password(is_from_stdin=is_from_stdin)
        context = LoginContext(address, listener=names_of(chosen.settings.listeners)[0])
        try:
            found = gate.admit(
                name,
                password,
                context,
                heard=lambda answer: click.echo(
                    f"{answer.label}: {answer.outcome}, {answer.text.removeprefix(f'{answer.label}: ')}".rstrip(", ")
                ),
            )
            while isinstance(found, OneMoreStep):
                found = found.respond(ask_response(found.challenge, is_from_stdin=is_from_stdin))
        except AuthError as error:
            raise Failed(f"{name} may not log in from {address}: {error}") from None
    click.echo(f"{found.name} may log in from {address}, as {found.role}")
