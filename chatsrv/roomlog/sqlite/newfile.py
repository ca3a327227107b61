"""New files of the history: nobody else can read one, or put a link in its place, and a name is on the disk in the end.

Knows nothing of what is in them. Any thread may call.
"""

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def temporary_beside(path: Path) -> Iterator[tuple[int, Path]]:
    """Open a new file beside `path`; yield its descriptor and its name. What has not been renamed is removed.

    Raises:
        OSError: it cannot be made.
    """
    descriptor, name = tempfile.mkstemp(".part", f".{path.name}.", path.parent)  # never through a link: O_EXCL
    try:
        yield descriptor, Path(name)
    finally:
        os.close(descriptor)
        Path(name).unlink(missing_ok=True)


@contextlib.contextmanager
def directory_beside(path: Path) -> Iterator[Path]:
    """Make a directory beside `path` that only its owner may enter; it is removed with all that is in it then.

    For a file that a library opens by its name: nobody else can put a link there.

    Raises:
        OSError: it cannot be made.
    """
    name = tempfile.mkdtemp(".part", f".{path.name}.", path.parent)
    try:
        yield Path(name)
    finally:
        shutil.rmtree(name, ignore_errors=True)


def sync_directory(path: Path) -> None:
    """Force the name of the file at `path` to the disk.

    Raises:
        OSError: the disk does not take it.
    """
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
