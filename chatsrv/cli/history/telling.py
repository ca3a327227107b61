"""What the commands about the history tell of their work: how far it is, how much there was, how large it is.

Main thread only.
"""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import click

from chatsrv.model.entries import Entry

TOLD_ENTRIES = 1000
"""Entries that are looked at before it is shown how far it is."""

_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB")


@contextmanager
def progress(label: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar on standard error if that is a terminal; the value of the `with` is told what is done, and all."""
    if not sys.stderr.isatty():
        yield lambda _done, _all: None
        return
    with click.progressbar(length=1, label=label, file=sys.stderr) as bar:

        def tell(done: int, all_: int) -> None:
            bar.length = max(all_, 1)
            bar.update(done - bar.pos)

        yield tell


def follow(entries: Iterable[Entry], expected: int, tell: Callable[[int, int], None]) -> Iterator[Entry]:
    """Yield `entries` and tell how many have been; `expected` is how many there should be."""
    done = 0
    for done, entry in enumerate(entries, 1):
        yield entry
        if done % TOLD_ENTRIES == 0:
            tell(done, max(done, expected))
    tell(done, done)


def entries_in_words(count: int) -> str:
    """Return a number of entries.

    >>> entries_in_words(1), entries_in_words(12345)
    ('1 entry', '12,345 entries')
    """
    return f"{count:,} {'entry' if count == 1 else 'entries'}"


def size_in_words(size_bytes: float) -> str:
    """Return a size in the largest unit of which there is one.

    >>> size_in_words(999), size_in_words(1572864)
    ('999 bytes', '1.5 MiB')
    """
    power = max(0, min(len(_UNITS) - 1, (int(size_bytes).bit_length() - 1) // 10))
    return f"{size_bytes / 1024**power:{',.1f' if power else ',.0f'}} {_UNITS[power]}"
