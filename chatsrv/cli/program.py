"""How every command ends: the exit code, and what stands on standard error.

    0    done
    1    it could not be done; one line says why:  chatsrv: TEXT
    2    the command line is wrong; the usage is shown, or the help if there was nothing to be wrong about
    130  ended by Ctrl-C; 129 or 143 where a command had to clear away first what SIGHUP or SIGTERM ended

Knows nothing of what the commands do. Main thread only.
"""

import errno
import logging
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from types import FrameType
from typing import IO, Any, NoReturn

import click

from chatsrv.cli.streams import prepare_streams, write_no_more
from chatsrv.model.errors import ChatError
from chatsrv.settings import Settings, load

EXIT_FAILED, EXIT_USAGE, EXIT_INTERRUPTED = 1, 2, 130

# The errors of a disk to which standard output is redirected. A command that writes a file of its own tells what is
# wrong with that.
_OUTPUT_FAILS = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})


WARNINGS = "chatsrv.warnings"
"""Where the context of a command keeps its `Warnings`."""

_CONFIG = "config_after"
"""What the option is called that stands after the name of a command."""

_ANY_LENGTH = 1000
"""More letters than the first sentence of any help text has."""


class Failed(click.ClickException):
    """What was asked cannot be done; the text says why."""

    def show(self, file: IO[Any] | None = None) -> None:
        """Print each line of the text under the program's name."""
        for line in self.format_message().split("\n"):
            click.echo(f"chatsrv: {line}", file=file, err=file is None)


class Group(click.Group):
    """A group of commands. Each takes `--config` for itself, too, and no help text is cut off."""

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        """Add a command, which takes `--config` from now on."""
        _take_config(cmd)
        super().add_command(cmd, name)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Show the help, as the answer to a wrong command line, if there is nothing to parse."""
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help(), err=True)
            sys.exit(EXIT_USAGE)
        return super().parse_args(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands, each with its first sentence, however many lines that takes."""
        commands = {name: self.get_command(ctx, name) for name in self.list_commands(ctx)}
        rows = [(name, command.get_short_help_str(_ANY_LENGTH)) for name, command in commands.items() if command]
        with formatter.section("Commands"):
            formatter.write_dl(rows)


class Program(Group):
    """The group of all commands. Their errors end as those of any Unix tool do."""

    def main(self, args: Sequence[str] | None = None, *_: Any, **extra: Any) -> Any:
        """Run the command that `args` (or the process's arguments) name, and exit."""
        prepare_streams()
        try:
            self._run(args, extra)
        finally:
            try:
                sys.stdout.flush()
            except OSError:
                write_no_more(sys.stdout)  # else the interpreter's own flush would change the exit code

    def _run(self, args: Sequence[str] | None, extra: Mapping[str, Any]) -> NoReturn:
        try:
            super().main(args, **{**extra, "prog_name": "chatsrv", "standalone_mode": False})
            sys.stdout.flush()
        except click.UsageError as error:
            if error.ctx is not None:
                click.echo(error.ctx.get_usage(), err=True)
            Failed(error.format_message()).show()
            sys.exit(EXIT_USAGE)
        except click.ClickException as error:
            Failed(error.format_message()).show()
            sys.exit(EXIT_FAILED)
        except click.Abort as error:
            if isinstance(error.__context__, EOFError):
                Failed("the input ended before the answer").show()
                sys.exit(EXIT_FAILED)
            sys.exit(EXIT_INTERRUPTED)
        except ChatError as error:
            Failed(str(error)).show()
            sys.exit(EXIT_FAILED)
        except BrokenPipeError:
            write_no_more(sys.stdout)  # nobody reads on
            sys.exit(EXIT_FAILED)
        except OSError as error:
            if error.errno not in _OUTPUT_FAILS or error.filename is not None:
                raise
            write_no_more(sys.stdout)
            Failed(f"standard output cannot be written ({error.strerror})").show()
            sys.exit(EXIT_FAILED)
        sys.exit(0)


@contextmanager
def clearing_away() -> Iterator[None]:
    """Let SIGHUP and SIGTERM end what is in the `with` as an exception does, unless they are ignored, as by nohup."""
    numbers = [number for number in (signal.SIGHUP, signal.SIGTERM) if signal.getsignal(number) is signal.SIG_DFL]
    for number in numbers:
        signal.signal(number, _end)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)


def _end(number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + number)


@dataclass
class Chosen:
    """The settings file that the command line chose. It is read when a command first asks for it."""

    file: str

    @cached_property
    def settings(self) -> Settings:
        """The settings in the file."""
        return load(self.file)


class Warnings(logging.Handler):
    """Tells what a part of the program logs, from warnings up, as every other message of a command.

    With `sums_up`, one line stands for all about single lines of a file of accounts: `chatsrv check` tells them.
    """

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.sums_up = False
        self._summed_up: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Print the line under the program's name."""
        file = getattr(record, "flaws_of", "") if self.sums_up else ""
        if file:
            if file not in self._summed_up:
                Failed(f"warning: {file} has accounts that cannot be used; `chatsrv check` tells which").show()
            self._summed_up.add(file)
            return
        Failed(f"{record.levelname.lower()}: {record.getMessage()}").show()


pass_chosen = click.make_pass_decorator(Chosen)


def _take_config(command: click.Command) -> None:
    """Let `--config` stand after the name of a command, too."""
    option = ["-c", "--config", _CONFIG]
    command.params.append(
        click.Option(option, metavar="FILE", expose_value=False, callback=_choose, help="The settings.")
    )


def _choose(context: click.Context, _option: click.Parameter, file: str | None) -> None:
    chosen = context.find_object(Chosen)
    if chosen is not None and file is not None:  # there is none while a shell completes a word
        chosen.file = file
