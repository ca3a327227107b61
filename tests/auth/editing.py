"""How the tests edit a file of accounts, with one hash for every password, so that what was written can be compared.

One thread uses what is here.
"""

from collections.abc import Callable
from pathlib import Path

from chatsrv.auth.backends.filebackend import FileBackend
from chatsrv.auth.hashing import Hasher

CHEAP = Hasher(memory_kib=8, passes=1)
STORED = CHEAP.hash("stored")


class FixedHasher(Hasher):
    """Gives one hash for every password."""

    def hash(self, password: str) -> str:
        return STORED


def edited(
    backend_class: type[FileBackend], directory: Path, text: str, change: Callable[[FileBackend], object]
) -> str:
    """Return `text` after `change(backend)`."""
    path = directory / "users"
    path.write_bytes(text.encode())
    path.chmod(0o600)
    change(backend_class(path, hasher=FixedHasher()))
    return path.read_bytes().decode()


def with_nobody_left(text: str) -> str:
    """Return contents that have lost their last account, as they are written."""
    return text + ("" if not text or text.endswith("\n") else "\n") + "# no accounts\n"
