"""The history as the settings place it: examined, opened, rescued and restored for the command line.

Knows no file format. The server's own store is `chatsrv.app.building`'s. Any thread.
"""

import logging
from contextlib import suppress
from pathlib import Path

from chatsrv.roomlog.sqlite.backup import Progress
from chatsrv.roomlog.sqlite.file import HistoryFile
from chatsrv.roomlog.sqlite.mark import is_in_use
from chatsrv.roomlog.sqlite.outlook import examine
from chatsrv.roomlog.sqlite.rescue import Rescued, rescue
from chatsrv.roomlog.sqlite.restoring import Restored, restore
from chatsrv.settings import MemoryHistory, SqliteHistory, default_place, place_beside

logger = logging.getLogger(__name__)


def examine_history(history: MemoryHistory | SqliteHistory) -> None:
    """See whether the room logs could be kept where the settings say, changing nothing.

    Raises:
        StoreError: they could not.
    """
    if isinstance(history, SqliteHistory):
        examine(history.path)


def is_history_unused(history: MemoryHistory | SqliteHistory) -> bool:
    """Tell whether no server uses the file of the room logs at the moment; of a history in memory nobody knows."""
    return isinstance(history, SqliteHistory) and not is_in_use(history.path)


def history_file(path: Path) -> HistoryFile:
    """Open the file of the room logs at `path`, to look into it or erase from it while a server may use it.

    Raises:
        StoreError: it is not there, or no such file.
    """
    return HistoryFile(path)


def rescue_history(damaged: Path, path: Path, progress: Progress) -> Rescued:
    """Save what can be read of a damaged file of room logs in a new one at `path`."""
    return rescue(damaged, path, progress)


def restore_history(backup: Path, path: Path, progress: Progress) -> Restored:
    """Put a backup in place of the room logs at `path`; see `chatsrv.roomlog.sqlite.restoring`."""
    return restore(backup, path, progress=progress)


def log_place(history: MemoryHistory | SqliteHistory, file: str | Path) -> None:
    """Log where the history is, and if there is another one where somebody may expect it."""
    if isinstance(history, MemoryHistory):
        logger.info("The history is kept in memory, until the server stops")
        return
    logger.info("The history is kept in %s", history.path)
    if unused := unused_history(history, file):
        logger.warning(
            "%s is a history, too, and not the one that is used: move it away, or name it as history.path", unused
        )


def unused_history(history: SqliteHistory, file: str | Path) -> Path | None:
    """Return the history beside the settings in `file`, if there is one and `STATE_DIRECTORY` leads away from it."""
    with suppress(ValueError):
        place = place_beside(Path(file))
        if history.path == default_place(Path(file)) != place and place.is_file():
            return place
    return None
