"""The files of the commands about the history: the one that the settings name, and new ones that are made from it.

Knows nothing of entries. Main thread only.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

import click

from chatsrv.cli.program import Chosen, Failed
from chatsrv.settings import STATE_DIRECTORY, MemoryHistory, SqliteHistory, default_place

BESIDE = ("-wal", "-journal", "-shm", "-mark")
"""What the name of a database is followed by in those of the files that belong to it."""

force_option = click.option("--force", "is_forced", is_flag=True, help="Replace the file if there is one.")


def history_of(chosen: Chosen, *, must_be_there: bool = True) -> SqliteHistory:
    """Return what the settings say of the history's file.

    Raises:
        Failed: they say that it is in memory; or there is none where it is by default, and there may be one elsewhere.
    """
    kept = chosen.settings.history
    if isinstance(kept, MemoryHistory):
        raise Failed(
            f"{chosen.file}: history.store is memory, so that there is no file, and only the running server knows the "
            f"history; with store: sqlite it is kept in a file"
        )
    if must_be_there and not kept.path.exists() and (hint := elsewhere(kept, chosen.file)):
        raise Failed(f"{kept.path}: there is no history; {hint}")
    return kept


def elsewhere(kept: SqliteHistory, file: str) -> str:
    """Return where a server may look for the history instead; empty if the settings name the place."""
    with suppress(ValueError):
        if kept.path == default_place(Path(file)):
            return (
                f"{file} does not say where it is (history.path), so a server that gets {STATE_DIRECTORY} from systemd "
                f"has it there: set that here, too, or write history.path"
            )
    return ""


def check_target(path: Path, history: Path, *, is_forced: bool) -> None:
    """Make sure that a file may be put at `path`: nothing is there that is wanted, the history least of all.

    Raises:
        Failed: it may not.
    """
    for used in (history, *(beside(history, suffix) for suffix in BESIDE)):
        if path.resolve() == used.resolve() or (path.exists() and used.exists() and path.samefile(used)):
            raise Failed(f"{path} is the history itself, or belongs to it; name another file")
    if not path.parent.is_dir():
        raise Failed(f"{path}: there is no directory {path.parent}")
    if path.exists() and not path.is_file():
        raise Failed(f"{path} is no regular file; name another one")
    if path.exists() and not is_forced:
        raise Failed(f"{path} is there already; --force replaces it")
    for suffix in BESIDE:
        if beside(path, suffix).exists():  # SQLite would take it for a part of the new file
            raise Failed(f"{beside(path, suffix)} belongs to a database that is in use; name another file")


def beside(path: Path, suffix: str) -> Path:
    """Return the file whose name is that of `path` and a suffix."""
    return path.with_name(path.name + suffix)


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file that nobody else may read, and that is at `path` only once it is complete.

    Raises:
        Failed: it cannot be written.
    """
    part: Path | None = None
    try:
        handle, name = tempfile.mkstemp(".part", f".{path.name}.", path.parent)  # a name that nothing else has
        part = Path(name)
        with os.fdopen(handle, "wb") as file:
            yield file
        part.replace(path)
    except OSError as error:
        raise Failed(f"{path} cannot be written ({error.strerror})") from None
    finally:
        if part is not None:
            part.unlink(missing_ok=True)
