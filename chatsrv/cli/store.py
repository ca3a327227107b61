"""What the commands about accounts share: the backend that is meant, an account in it, and a password for it.

Passwords are read without echo, and never from the command line, where others on the machine could see them. One that
is generated is printed once, alone on standard output. Main thread only.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import click

from chatsrv.app import Roster, history_file
from chatsrv.auth.backend import EditableBackend
from chatsrv.cli.program import Chosen, Failed
from chatsrv.cli.streams import write_no_more
from chatsrv.model.accounts import Account
from chatsrv.model.errors import AccountsError, StoreError
from chatsrv.model.login import Challenge
from chatsrv.model.strength import check_new_password, generate_password
from chatsrv.settings import MemoryHistory
from chatsrv.text.cleaning import clean
from chatsrv.text.names import prepare_name, prepare_new_password

password_stdin = click.option(
    "--password-stdin", "is_from_stdin", is_flag=True, help="Take the password from the first line of standard input."
)
generate_option = click.option(
    "--generate", "is_generated", is_flag=True, help="Make a random password, and print it, once."
)
backend_option = click.option(
    "--backend",
    "choice",
    default="",
    metavar="BACKEND",
    help="Which of several backends: its name in the log, its kind, or its number in the settings.",
)


last_admin_option = click.option(
    "--last-admin", "is_last_meant", is_flag=True, help="Do it even if there is no admin any more then."
)


@contextmanager
def opened(
    chosen: Chosen, choice: str, name: str, *, must_keep_admin: bool = False
) -> Iterator[tuple[EditableBackend, Account]]:
    """Open the backend that is meant, to change its account of that name in any spelling; warn if another one opens.

    Fails for the last admin's if `must_keep_admin`: nobody could lift what is decided in the chat any more.
    """
    with Roster(chosen.settings, chosen.file, create=True) as roster:  # a missing file has no accounts
        backend = roster.editable(choice)
        account = find(backend, name)
        if account is None:
            raise Failed(f"there is no account {name}{_where_else(roster, name)}")
        if must_keep_admin:
            _check_not_last_admin(roster, account)
        yield backend, account
        warn_of_twins(roster, backend, account.name)


def _check_not_last_admin(roster: Roster, account: Account) -> None:
    is_last = False
    with suppress(AccountsError):  # a broken file of another backend is not what was asked about
        is_last = roster.is_last_admin(prepared(account.name))
    if is_last:
        raise Failed(
            f"{account.name} is the last admin; make another account one first (`chatsrv user role NAME admin`), "
            "or say --last-admin"
        )


def warn_of_twins(roster: Roster, backend: EditableBackend, name: str, *, is_new: bool = False) -> None:
    """Tell, after a change to the account `name` of a backend, if it is another backend's that logins are held against.

    And of a new one, if it takes the place of another backend's.
    """
    with suppress(AccountsError):  # a broken file of another backend is not what was asked about
        label, labels = roster.label_of(backend), roster.labels_with(prepared(name))
        if labels and labels[0] != label:
            Failed(f"warning: {labels[0]!r} has an account {name}, too; that is the one which opens").show()
        elif is_new and len(labels) > 1:
            Failed(f"warning: {labels[1]!r} has an account {name}, too; it opens no more").show()


def warn_of_past(chosen: Chosen, name: str, *, is_new: bool) -> None:
    """Tell, if the history has something of an account of that name, whose that is: names are all that tells accounts.

    `is_new`: of an account that is to be added, and not of one that was removed.
    """
    kept = chosen.settings.history
    if isinstance(kept, MemoryHistory) or not kept.path.is_file():
        return
    with suppress(StoreError), history_file(kept.path) as file:  # what is wrong there is not what was asked about
        if file.knows(name):
            whose = f"there was a {name} before, and this one" if is_new else f"whoever is called {name} next"
            Failed(
                f"warning: {whose} has all that the history keeps under that name: rooms, invitations, bans, private "
                f"messages; `chatsrv history erase --account {name}` takes out what was said, not what was decided; "
                f"another name has nothing of it"
            ).show()


def _where_else(roster: Roster, name: str) -> str:
    with suppress(AccountsError):  # a broken file of another backend is not what was asked about
        if found := roster.find(prepared(name)):
            return f" in that backend, but in {found.label!r}; --backend chooses one"
    return "; `chatsrv user list` shows all"


def prepared(name: str) -> str:
    """Return the form of `name` under which accounts are found."""
    try:
        return prepare_name(name)
    except ValueError as error:
        raise Failed(f"{name!r} cannot be a name; {error}") from None


def find(backend: EditableBackend, name: str) -> Account | None:
    """Return the account of that name in any spelling, if there is one."""
    wanted = prepared(name)
    return next((account for account in backend.list() if prepare_name(account.name) == wanted), None)


def new_password(chosen: Chosen, name: str, *, is_from_stdin: bool, is_generated: bool) -> str:
    """Make a new password for the account `name`, or ask for one, twice, and hold it against the settings."""
    if is_generated and is_from_stdin:
        raise click.UsageError("--generate and --password-stdin cannot be given together: it is one or the other")
    policy = chosen.settings.passwords
    password = (
        generate_password(policy.least_characters)
        if is_generated
        else ask_password(is_from_stdin=is_from_stdin, is_new=True)
    )
    try:
        check_new_password(prepare_new_password(password), policy, (name, chosen.settings.server.name))
    except ValueError as error:
        raise Failed(str(error)) from None
    return password


def show_password(name: str, password: str) -> None:
    """Print the password that was generated for the account `name`. It is nowhere else."""
    try:
        click.echo(password)
    except OSError as error:
        write_no_more(sys.stdout)
        raise Failed(
            f"{name} has a new password, but it cannot be printed ({error.strerror}); "
            f"`chatsrv user passwd --generate {name}` makes another one"
        ) from None
    click.echo("The password is printed only this once; what is kept is a hash of it.", err=True)


def ask_password(*, is_from_stdin: bool, is_new: bool = False) -> str:
    """Ask for a password; a new one twice."""
    if is_from_stdin:
        return _next_line()
    if not sys.stdin.isatty():
        raise Failed("there is no terminal to ask for the password; use --password-stdin")
    again = "Again" if is_new else False
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=again, err=True))


def ask_response(challenge: Challenge, *, is_from_stdin: bool) -> str:
    """Ask what a backend wants to know beside the password."""
    if is_from_stdin:
        return _next_line("answer", "next")
    if not sys.stdin.isatty():
        raise Failed(f"there is no terminal to ask {challenge.prompt!r}; use --password-stdin")
    prompt = clean(challenge.prompt).rstrip()
    return str(click.prompt(prompt, hide_input=challenge.is_hidden, prompt_suffix=" ", err=True))


def _next_line(what: str = "password", where: str = "first") -> str:
    line = sys.stdin.buffer.readline()
    line = line.removesuffix(b"\n").removesuffix(b"\r")
    if not line:
        raise Failed(f"there is no {what} on the {where} line of standard input")
    try:
        return line.decode()
    except UnicodeDecodeError:
        raise Failed(f"the {what} on standard input is not text in UTF-8") from None
