"""`chatsrv run` and `chatsrv check`, and the options that all commands share.

Does nothing itself that `chatsrv.app` does. Main thread only.
"""

import logging
import sys
from typing import Any

import click

from chatsrv.app import (
    Listed,
    Roster,
    bots_of,
    build,
    commands_of,
    examine_history,
    is_history_unused,
    kinds_of,
    rehearse,
    unused_history,
)
from chatsrv.cli.history.commands import history
from chatsrv.cli.logs import QueuedLog
from chatsrv.cli.program import WARNINGS, Chosen, Failed, Program, Warnings, pass_chosen
from chatsrv.cli.streams import write_no_more
from chatsrv.cli.users import user
from chatsrv.model.errors import ChatError
from chatsrv.settings import Auth, MemoryAuth, MemoryHistory, Settings
from chatsrv.text.names import prepare_name

DEFAULT_FILE = "config/chatsrv.yaml"

logger = logging.getLogger(__name__)


@click.group(cls=Program, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "-c",
    "--config",
    "file",
    metavar="FILE",
    envvar="CHATSRV_CONFIG",
    default=DEFAULT_FILE,
    show_default=True,
    show_envvar=True,
    help="The settings.",
)
@click.version_option(package_name="chatsrv", prog_name="chatsrv", message="%(prog)s %(version)s")
@click.pass_context
def main(context: click.Context, file: str) -> None:
    """Run a chat server with real logins, and look after its accounts."""
    context.obj = Chosen(file)
    warnings = context.meta[WARNINGS] = Warnings()
    logging.getLogger().addHandler(warnings)
    context.call_on_close(lambda: logging.getLogger().removeHandler(warnings))


@main.command()
@pass_chosen
def run(chosen: Chosen) -> None:
    """Run the server until Ctrl-C, SIGTERM or SIGHUP."""
    settings = chosen.settings
    log, root = QueuedLog(sys.stderr), logging.getLogger()
    level = root.level
    logging.basicConfig(handlers=[log], level=settings.logging.level.upper(), force=True)
    try:
        build(settings, chosen.file).serve(announce)
    finally:
        root.removeHandler(log)
        root.setLevel(level)  # as it was, for whoever runs this within a program
        log.close()


def announce(line: str) -> None:
    """Tell where the server listens. It goes on if nobody can read that."""
    try:
        print(line, flush=True)
    except OSError as error:
        write_no_more(sys.stdout)
        logger.warning("Standard output cannot be written (%s)", error.strerror)


@main.command()
@pass_chosen
def check(chosen: Chosen) -> None:
    """Tell whether the server could start: settings, accounts, ports, history."""
    settings, file = chosen.settings, chosen.file
    found, taken = rehearse(settings, file)
    listed: list[tuple[Auth, list[Listed] | None]] = []
    hints: list[str] = []
    bots: list[tuple[Any, str]] = []

    def find_accounts() -> None:
        with Roster(settings, file) as roster:
            listed.extend(roster.by_backend())
            hints.extend(roster.hints())

    for look in (
        find_accounts,
        lambda: examine_history(settings.history),
        lambda: kinds_of(settings, file),
        lambda: commands_of(settings, file),
        lambda: bots.extend(bots_of(settings, file)),
    ):
        try:
            look()
        except ChatError as error:
            found.append(str(error))
    if found:
        raise Failed("\n".join(found))
    click.echo(f"{file} is in order")
    for number, listener in enumerate(settings.listeners):
        host = f"[{listener.host}]" if ":" in listener.host else listener.host
        note = " (where a chat server runs now)" if number in taken else ""
        name = f"{listener.name}, {listener.protocol}" if listener.name else listener.protocol
        click.echo(f"listener: {name} on {host}:{listener.port}{note}")
    for bot, room in bots:
        click.echo(f"bot: {bot.name}{f' in {room}' if room else ''}")
    for auth, accounts in listed:
        place = chosen.file if isinstance(auth, MemoryAuth) else getattr(auth, "path", "")
        count = "unknown, as they cannot be listed" if accounts is None else str(len(accounts))
        click.echo(f"accounts: {count}{f' in {place}' if place else ''} ({auth.backend})")
    _tell_history(settings, chosen.file)
    if taken and is_history_unused(settings.history):
        Failed(
            f"warning: the chat server that runs now does not use the history of {file}; if it is another one, stop "
            "it, or give the listeners other ports"
        ).show()
    for hint in hints:
        Failed(f"warning: {hint}").show()
    if all(accounts is not None for _, accounts in listed):
        _warn_of_strangers(
            settings, {prepare_name(one.account.name) for _, accounts in listed for one in accounts or ()}
        )


def _tell_history(settings: Settings, file: str) -> None:
    history = settings.history
    if isinstance(history, MemoryHistory):
        click.echo("history: in memory, until the server stops")
        return
    click.echo(f"history: {history.path}{'' if history.path.exists() else ', which the server makes'} (sqlite)")
    if unused := unused_history(history, file):
        Failed(f"warning: {unused} is a history, too, and not the one that is used").show()


def _warn_of_strangers(settings: Settings, names: set[str]) -> None:
    for role in ("admin", "moderator"):
        for name in getattr(settings.roles, role):
            if prepare_name(name) not in names:
                Failed(f"warning: roles.{role} names {name}, but there is no such account").show()


for group in (user, history):
    main.add_command(group)
